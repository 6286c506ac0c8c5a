"""All that Tandem does with git, as plain awaitable functions over a work tree's path. No ORM.

The only module that runs git (through `hardened`: in the sandbox where there is one). Names that come from people or
repositories are checked before they become arguments; object ids and refs have a form of their own.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ide import fetch
from ide.errors import Conflict, Invalid, NotFound, Refused, TooLarge
from ide.workspaces.hardened import Git, GitFailed, outcome_of, output_of
from ide.workspaces.names import check_oid, check_ref
from ide.workspaces.worktrees import clone_shared, fetch_objects, shared_base

__all__ = ["GitFailed", "clone_shared", "fetch_objects", "shared_base"]

CLONE_SECONDS = 900.0
SHOW_BYTES = 32 << 20
_SELF = ("Tandem", "tandem@localhost")
_AUTHOR = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL")
_UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
# What git says when a server is not there, or is gone in the middle.
_NO_ANSWER = (
    *("failed to connect", "couldn't connect", "could not resolve", "timed out", "refused", "empty reply"),
    *("recv failure", "connection reset", "early eof", "hung up unexpectedly", "transfer closed"),
)


@dataclass(frozen=True)
class Author:
    name: str
    email: str


async def clone(
    url: str,
    target: Path,
    *,
    internal_hosts: tuple[str, ...] = (),
    on_output: Callable[[bytes], None] | None = None,
) -> None:
    """Clone a public repository into the empty folder `target`. Raises Refused with what, why and what to do.

    The host is resolved once and pinned; redirects are not followed, submodules not fetched. Plain http only for hosts
    an administrator listed.
    """
    _, port = fetch.split(url, ("https", "http"))
    checked = await fetch.check_url(url, ("https", "http"), internal_hosts=internal_hosts)
    if url.startswith("http:") and not checked.internal:
        raise fetch.Refusal("Plain http can be read and changed on its way.", "Use the https:// address.")
    address = f"[{checked.address}]" if ":" in checked.address else checked.address
    host = f"[{checked.host}]" if ":" in checked.host else checked.host
    config: tuple[str, ...] = (f"http.curloptResolve={checked.host}:{port}:{address}", "protocol.https.allow=always")
    if checked.internal:
        config += ("protocol.http.allow=always",)
    ended = await outcome_of(
        Git(
            target,
            ("clone", "--progress", "--no-recurse-submodules", "--", url, "{place}"),
            config=config,
            egress=(f"{host}:{port}",),
            internal=checked.internal,
            seconds=CLONE_SECONDS,
            on_output=on_output,
            bare_start=True,
        )
    )
    if ended.timed_out or ended.code != 0:
        raise _clone_refusal(url, ended.stderr.decode(errors="replace"), ended.timed_out)


async def clone_local(source: Path, target: Path, *, on_output: Callable[[bytes], None] | None = None) -> None:
    """Clone a repository of this machine into the empty folder `target`, sharing nothing with it. Raises Refused."""
    if not source.is_absolute() or not await asyncio.to_thread(_is_repository, source):
        raise Invalid(f"{source} is not a git repository on the server.", "Give the absolute path of one.")
    ended = await outcome_of(
        Git(
            target,
            ("clone", "--progress", "--no-local", "--no-recurse-submodules", "--", str(source), "{place}"),
            config=("protocol.file.allow=always",),
            extra_ro=(source,),
            seconds=CLONE_SECONDS,
            on_output=on_output,
            bare_start=True,
        )
    )
    if ended.timed_out or ended.code != 0:
        raise _clone_refusal(str(source), ended.stderr.decode(errors="replace"), ended.timed_out)


def _is_repository(source: Path) -> bool:
    return (source / ".git").exists() or ((source / "HEAD").is_file() and (source / "objects").is_dir())


def _clone_refusal(url: str, words: str, timed_out: bool) -> Refused:
    said = words.lower()
    if timed_out:
        return TooLarge(f"Cloning took more than {CLONE_SECONDS / 60:g} minutes.", "Try again, or upload an archive.")
    if "dubious ownership" in said:
        return Invalid(f"{url} belongs to another user of the server.", "Make it belong to the user Tandem runs as.")
    if any(mark in said for mark in ("could not read username", "authentication failed", "error: 401", "error: 403")):
        return NotFound(
            f"{url} asks for a sign-in: it is private, or it does not exist.",
            "Check the address. Private repositories cannot be cloned yet: upload an archive instead.",
        )
    if any(mark in said for mark in ("not found", "error: 404", "to be a git repository", "is this a git repository")):
        return NotFound(f"There is no repository at {url}.", "Check the address.")
    if "error: 30" in said or "unable to update url base from redirection" in said:
        return Invalid(f"{url} sends on to another address, which is not followed.", "Give the address it leads to.")
    unsafe = re.search(r"error: object \w+: (.+)", words)
    if unsafe or "fsck error" in said:
        why = f" ({unsafe[1].strip()[:200]})" if unsafe else ""
        return Invalid(
            f"The repository at {url} holds something git refuses as unsafe or damaged{why}.",
            "Upload an archive of its files instead.",
        )
    fault = re.search(r"error: (5\d\d)", said)
    if fault:
        return Refused(f"The server of {url} has a fault (status {fault[1]}).", "Try again later.")
    if any(mark in said for mark in _NO_ANSWER):
        return Refused(f"The server of {url} does not answer.", "Check the address and try again.")
    return GitFailed("clone", words, None)


async def init(target: Path) -> None:
    """Make an empty folder a repository with the branch `main` and no commit."""
    await output_of(Git(target, ("init", "--quiet", "{place}"), bare_start=True))


async def head(root: Path) -> str:
    """The object id of the current commit, '' where there is none yet."""
    ended = await outcome_of(_git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
    return ended.stdout.decode().strip() if ended.code == 0 else ""


async def branch(root: Path) -> str:
    """The current branch, '' when detached."""
    ended = await outcome_of(_git(root, "symbolic-ref", "--quiet", "--short", "HEAD"))
    return ended.stdout.decode(errors="replace").strip() if ended.code == 0 else ""


async def status(root: Path) -> list[tuple[str, str]]:
    """(path, status) of what differs from the current commit; status is M, A, D or ?."""
    arguments = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
    answer = await output_of(_git(root, *arguments))
    return [(os.fsdecode(entry[3:]), _letter(entry[:2].decode())) for entry in answer.split(b"\0") if entry]


def _letter(pair: str) -> str:
    return next((letter for letter in "?DA" if letter in pair), "M")


async def snapshot(root: Path, ref: str, message: str) -> str:
    """Commit the whole working tree (tracked and untracked, not ignored) under `ref`; returns the object id.

    HEAD, the branch and the index stay as they are.
    """
    check_ref(ref)
    parent = await head(root)
    index = f"tandem-index-{secrets.token_hex(8)}"
    env = {"GIT_INDEX_FILE": f".git/{index}", **identity_of(Author(*_SELF))}
    try:
        if parent:
            await output_of(_git(root, "read-tree", parent, env=env))
        await output_of(_git(root, "add", "--all", "--", ".", env=env))
        tree = (await output_of(_git(root, "write-tree", env=env))).decode().strip()
        parents = ("-p", parent) if parent else ()
        made = await output_of(_git(root, "commit-tree", tree, *parents, env=env, stdin=message.encode()))
        oid = made.decode().strip()
        await output_of(_git(root, "update-ref", "--no-deref", ref, oid))
    finally:
        await asyncio.to_thread(_remove_index, root, index)
    return oid


async def tree_with(root: Path, parent: str, paths: Sequence[str]) -> str:
    """The tree of `parent` ('' for none) with these paths as the work tree has them now, or has them not."""
    index = f"tandem-index-{secrets.token_hex(8)}"
    env = {"GIT_INDEX_FILE": f".git/{index}"}
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    try:
        if parent:
            await output_of(_git(root, "read-tree", parent, env=env))
        taken = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
        await output_of(_git(root, *taken, env=env, stdin=names))
        return (await output_of(_git(root, "write-tree", env=env))).decode().strip()
    finally:
        await asyncio.to_thread(_remove_index, root, index)


async def tree_of(root: Path, oid: str) -> str:
    """The tree of a commit."""
    check_oid(oid)
    return (await output_of(_git(root, "rev-parse", "--verify", f"{oid}^{{tree}}"))).decode().strip()


async def commit_tree(root: Path, tree: str, parent: str, message: str, author: Author) -> str:
    """Make a commit of a tree, author and committer the same, and move HEAD (its branch) to it; no hook runs.

    Raises Conflict if HEAD is not at `parent` ('' for none) any more; nothing has moved then.
    """
    identity = identity_of(author)
    env = {**identity, **{name.replace("AUTHOR", "COMMITTER"): identity[name] for name in _AUTHOR}}
    parents = ("-p", parent) if parent else ()
    made = await output_of(_git(root, "commit-tree", tree, *parents, env=env, stdin=message.encode()))
    oid = made.decode().strip()
    said = message.split("\n", 1)[0][:200]
    words = ("update-ref", "-m", f"commit: {said}", "HEAD", oid, parent or "0" * len(oid))
    if (await outcome_of(_git(root, *words, env=env))).code != 0:
        raise Conflict(
            "The branch changed meanwhile; nothing was committed.", "Look at the changes again, then repeat it."
        )
    return oid


async def unstage(root: Path, paths: Sequence[str]) -> bool:
    """Let the index have these paths as HEAD has them; what else is staged stays. False while somebody holds it."""
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    words = ("reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul")
    return (await outcome_of(_git(root, *words, env={"GIT_LITERAL_PATHSPECS": "1"}, stdin=names))).code == 0


async def add_note(root: Path, ref: str, oid: str, text: str) -> None:
    """Put a note on a commit, in place of one that is there."""
    check_ref(ref)
    check_oid(oid)
    env = {**identity_of(Author(*_SELF)), "GIT_NOTES_REF": ref}
    await output_of(_git(root, "notes", "add", "--force", "--file=-", oid, env=env, stdin=text.encode()))


def under_way(root: Path) -> str:
    """What git is in the middle of ('merge', 'rebase', …), '' if nothing. Blocks."""
    return next((name for mark, name in _UNDER_WAY.items() if os.path.lexists(root / ".git" / mark)), "")


def _remove_index(root: Path, index: str) -> None:
    """Nothing else has this random name, so a `.git` that became a link cannot make us remove something foreign."""
    for name in (index, f"{index}.lock"):
        (root / ".git" / name).unlink(missing_ok=True)


async def commit_all(worktree: Path, message: str, author: Author | None = None) -> str:
    """Commit everything that changed (not what is ignored); the new object id, or that of HEAD if nothing changed."""
    await output_of(_git(worktree, "add", "--all", "--", "."))
    if await head(worktree):
        unchanged = await outcome_of(_git(worktree, "diff", "--cached", "--quiet", "--no-ext-diff", "HEAD", "--"))
        if unchanged.code == 0:
            return await head(worktree)
    arguments = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--allow-empty", "--cleanup=verbatim", "--file=-")
    env = identity_of(author or Author(*_SELF))
    await output_of(_git(worktree, *arguments, env=env, stdin=message.encode()))
    return await head(worktree)


async def set_head(worktree: Path, oid: str) -> None:
    """Let a detached worktree's HEAD be at another commit; its files stay as they are."""
    check_oid(oid)
    await output_of(_git(worktree, "update-ref", "--no-deref", "HEAD", oid))


async def diff_files(root: Path, a: str, b: str) -> list[tuple[str, str]]:
    """(status, path) of what differs between two commits; status is M, A or D."""
    check_oid(a)
    check_oid(b)
    arguments = ("diff-tree", "-r", "-z", "--no-renames", "--name-status", "--no-ext-diff", "--no-textconv", a, b, "--")
    words = (await output_of(_git(root, *arguments))).split(b"\0")
    pairs = zip(words[::2], words[1::2], strict=False)
    return [(letter.decode() if letter in (b"A", b"D") else "M", os.fsdecode(path)) for letter, path in pairs]


@dataclass(frozen=True)
class Differs:
    """A file that two commits do not have alike; None where a commit does not have it."""

    letter: str  # M, A or D
    path: str
    before: bytes | None
    after: bytes | None


async def differing(root: Path, a: str, b: str, *, at_once: int = SHOW_BYTES) -> list[Differs]:
    """What `diff_files` names, with its contents. Two runs of git for up to `at_once` bytes. Raises TooLarge."""
    check_oid(a)
    check_oid(b)
    arguments = ("diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", "--no-ext-diff", a, b, "--")
    words = (await output_of(_git(root, *arguments))).split(b"\0")
    rows = [
        (*info.decode().split()[2:5], os.fsdecode(path)) for info, path in zip(words[::2], words[1::2], strict=False)
    ]
    read = await _blobs(root, {oid for old, new, _, _ in rows for oid in (old, new) if oid.strip("0")}, at_once)

    async def content(oid: str, commit: str, path: str) -> bytes | None:
        if not oid.strip("0"):
            return None
        return read[oid] if oid in read else await show(root, commit, path)

    return [
        Differs(kind if kind in "AD" else "M", path, await content(old, a, path), await content(new, b, path))
        for old, new, kind, path in rows
    ]


async def _blobs(root: Path, oids: Collection[str], most: int) -> dict[str, bytes]:
    """By object id, in one run; none where they are too much for one, and without those that are no files."""
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    ended = await outcome_of(replace(_git(root, "cat-file", "--batch", stdin=asked), output_bytes=most))
    if ended.truncated or ended.code != 0:
        return {}
    found: dict[str, bytes] = {}
    rest = memoryview(ended.stdout)
    while rest:
        end = bytes(rest[:200]).index(b"\n")
        oid, kind, *size = bytes(rest[:end]).decode().split()
        rest = rest[end + 1 :]
        if not size:  # it says "missing" and no more
            continue
        if kind == "blob":
            found[oid] = bytes(rest[: int(size[0])])
        rest = rest[int(size[0]) + 1 :]
    return found


async def diff_work(root: Path) -> str:
    """How the files git knows differ from the current commit, as one unified diff; '' before the first commit."""
    words = ("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all", "HEAD")
    ended = await outcome_of(_git(root, *words, "--"))
    return ended.stdout.decode(errors="replace") if ended.code == 0 else ""


async def messages(root: Path, most: int) -> list[str]:
    """Messages of the newest commits, the newest first; none before the first commit."""
    ended = await outcome_of(_git(root, "log", "-z", f"--max-count={int(most)}", "--format=%B", "HEAD", "--"))
    found = ended.stdout.decode(errors="replace").split("\0") if ended.code == 0 else []
    return [message.strip() for message in found if message.strip()]


async def show(root: Path, oid: str, path: str) -> bytes | None:
    """A file as it is in a commit, or None where it is not. Raises TooLarge."""
    check_oid(oid)
    ended = await outcome_of(_git(root, "cat-file", "blob", f"{oid}:{path}"))
    if ended.truncated:
        raise TooLarge(f"{path} is larger than {SHOW_BYTES >> 20} MiB.")
    return ended.stdout if ended.code == 0 else None


async def update_ref(root: Path, ref: str, new: str, old: str) -> None:
    """Move `ref` from `old` to `new` ('' or zeros: it must not exist). Raises Conflict if it is elsewhere by now."""
    check_ref(ref)
    check_oid(new)
    was = old or "0" * len(new)
    check_oid(was)
    ended = await outcome_of(_git(root, "update-ref", "--no-deref", ref, new, was))
    if ended.code != 0:
        raise Conflict("The repository changed meanwhile.", "Look at it again and repeat what you did.")


def _git(
    root: Path, *arguments: str, env: dict[str, str] | None = None, stdin: bytes = b"", seconds: float = 60.0
) -> Git:
    base = shared_base(root)
    extra = (base,) if base else ()
    return Git(root, arguments, env=env or {}, stdin=stdin, seconds=seconds, extra_ro=extra, output_bytes=SHOW_BYTES)


def identity_of(author: Author) -> dict[str, str]:
    name, email = (re.sub(r"[<>\x00-\x1f\x7f]", "", text).strip() or "unknown" for text in (author.name, author.email))
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": _SELF[0],
        "GIT_COMMITTER_EMAIL": _SELF[1],
    }
