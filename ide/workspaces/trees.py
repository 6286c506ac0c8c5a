"""Commits made of single files, beside the work tree: nothing is checked out, HEAD and the index stay as they are."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from ide.errors import Invalid
from ide.workspaces import git
from ide.workspaces.hardened import Git, outcome_of, output_of
from ide.workspaces.names import check_ref

PLAIN = "100644"
_SAFE = {"100644", "100755", "120000"}


async def modes(root: Path, oid: str, paths: Sequence[str]) -> dict[str, str]:
    """How these paths are kept in a commit: '100755' for one that can be started. Those that are there."""
    if not paths:
        return {}
    words = ("ls-tree", "-z", "-r", "--full-tree", oid, "--", *paths)
    answer = await output_of(Git(root, words, env={"GIT_LITERAL_PATHSPECS": "1"}))
    rows = (entry.split(b"\t", 1) for entry in answer.split(b"\0") if entry)
    return {os.fsdecode(name): told.split()[0].decode() for told, name in rows}


async def with_files(root: Path, parent: str, files: Mapping[str, bytes | None], like: Mapping[str, str]) -> str:
    """The tree of a commit with these files as they are here; None takes one away. `like`: modes of new ones."""
    index = f"tandem-index-{secrets.token_hex(8)}"
    env = {"GIT_INDEX_FILE": f".git/{index}"}
    known = await modes(root, parent, list(files))
    rows = [await _row(root, path, data, known.get(path) or like.get(path, PLAIN)) for path, data in files.items()]
    try:
        await output_of(Git(root, ("read-tree", parent), env=env))
        await output_of(Git(root, ("update-index", "-z", "--index-info"), env=env, stdin=b"".join(rows)))
        return (await output_of(Git(root, ("write-tree",), env=env))).decode().strip()
    finally:
        for name in (index, f"{index}.lock"):
            (root / ".git" / name).unlink(missing_ok=True)


async def _row(root: Path, path: str, data: bytes | None, mode: str) -> bytes:
    if data is None:
        return b"0 " + b"0" * 40 + b"\t" + os.fsencode(path) + b"\0"
    if mode not in _SAFE:
        raise Invalid(f"{path} is no file in that commit.")
    oid = await output_of(Git(root, ("hash-object", "-w", "--stdin"), stdin=data))
    return f"{mode} {oid.decode().strip()}\t".encode() + os.fsencode(path) + b"\0"


async def committed(root: Path, tree: str, parent: str, message: str, author: git.Author) -> str:
    """A commit object; no ref names it yet."""
    env = git.identity_of(author)
    made = await output_of(Git(root, ("commit-tree", tree, "-p", parent), env=env, stdin=message.encode()))
    return made.decode().strip()


async def at(root: Path, ref: str) -> str:
    """Where a ref is, '' if it is not there."""
    ended = await outcome_of(Git(root, ("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")))
    return ended.stdout.decode().strip() if ended.code == 0 else ""


def branch_ref(branch: str) -> str:
    """Its full name. Raises Invalid for one that is not usable here."""
    ref = f"refs/heads/{branch}"
    check_ref(ref)
    return ref


async def is_ancestor(root: Path, old: str, new: str) -> bool:
    return bool(new) and (await outcome_of(Git(root, ("merge-base", "--is-ancestor", old, new)))).code == 0


async def put(root: Path, ref: str, oid: str) -> None:
    """Let a ref of ours name a commit, wherever it was."""
    check_ref(ref)
    await output_of(Git(root, ("update-ref", "--no-deref", ref, oid)))
