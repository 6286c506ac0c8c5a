"""Committing chosen files of a workspace as a person. Knows git, not who wrote which line: others compose that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ide.accounts.models import User
from ide.errors import Conflict, Invalid, Refused, TooLarge
from ide.workspaces import git
from ide.workspaces.encoding import Unreadable, decode
from ide.workspaces.files import Files

MESSAGE_LIMIT = 16_000
PENDING = 200  # files looked through before a commit
NOTES = "refs/notes/authorship"


@dataclass(frozen=True, slots=True)
class Changed:
    """One file of a commit. Texts have LF only; None where the file is not there or is no text."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Credit:
    """Who wrote what is committed: lines for the end of the message, and the note ('' for none)."""

    trailers: Sequence[str]
    note: str


@dataclass(frozen=True, slots=True)
class Committed:
    oid: str
    message: str
    notes_ref: str  # '' if no note was made


Compose = Callable[[Sequence[Changed]], Awaitable[Credit]]


def identity(who: User) -> git.Author:
    """The person as git knows them; without an e-mail address, one that is nobody's."""
    email = who.email or (who.username if "@" in who.username else f"{who.username}@users.tandem.invalid")
    return git.Author(who.shown_name, email)


async def changes(root: Path) -> tuple[str, list[tuple[str, str]]]:
    """(branch, what could be committed: path and status M, A, D or ?)."""
    branch, found = await asyncio.gather(git.branch(root), git.status(root))
    return branch, found


async def commit(
    root: Path, who: git.Author, message: str, paths: Collection[str] | None, compose: Compose
) -> Committed:
    """Commit exactly these paths, or all that changed, as they are on disk; the branch moves, no hook runs.

    Raises Refused if there is nothing to commit, a path has not changed, git is in the middle of something, or the
    branch moved meanwhile; then nothing was committed.
    """
    text = _usable(message)
    busy = await asyncio.to_thread(git.under_way, root)
    if busy:
        raise Conflict(f"A {busy} is under way in this repository.", "Finish or abort it in a terminal, then commit.")
    chosen = _chosen(await git.status(root), paths)
    parent = await git.head(root)
    tree = await git.tree_with(root, parent, chosen)
    if parent and tree == await git.tree_of(root, parent):
        raise Conflict("Nothing has changed since the last commit.", "Change something first.")
    credit = await compose([await _changed(root, parent, tree, path) for path in chosen])
    whole = with_trailers(text, credit.trailers)
    oid = await git.commit_tree(root, tree, parent, whole, who)
    await _tidy(root, chosen)
    return Committed(oid, whole, await _noted(root, oid, credit.note))


async def pending(root: Path, paths: Collection[str] | None) -> list[Changed]:
    """These changed paths (all, if none are named) as they are in the current commit and on disk. Raises Refused."""
    chosen = _chosen(await git.status(root), paths)
    if len(chosen) > PENDING:
        raise TooLarge(f"More than {PENDING} files are not looked through.", "Choose fewer.")
    parent = await git.head(root)
    return [await _pending(root, parent, path) for path in chosen]


async def _pending(root: Path, parent: str, path: str) -> Changed:
    before = await git.show(root, parent, path) if parent else None
    try:
        after, _ = await asyncio.to_thread(Files(root).read_bytes, path, git.SHOW_BYTES)
    except Refused:  # deleted, or nothing that may be read
        return Changed(shown(path), _text(before), None)
    return Changed(shown(path), _text(before), _text(after))


def _usable(message: str) -> str:
    text = message.replace("\r\n", "\n").replace("\0", "").strip()
    if not text:
        raise Invalid("A commit needs a message.", "Say in a line what changed.")
    if len(text) > MESSAGE_LIMIT:
        raise Invalid(f"The message is longer than {MESSAGE_LIMIT} characters.", "Shorten it.")
    return text


def _chosen(found: Sequence[tuple[str, str]], paths: Collection[str] | None) -> list[str]:
    known = {shown(path): path for path, _ in found}
    if not known:
        raise Conflict("Nothing has changed since the last commit.", "Change something first.")
    if paths is None:
        return list(known.values())
    unchanged = sorted(set(paths) - known.keys())
    if unchanged:
        raise Conflict(f"{', '.join(unchanged[:5])}: nothing to commit there.", "Look at the changes again.")
    if not paths:
        raise Invalid("No file was chosen.", "Choose at least one.")
    return [known[path] for path in dict.fromkeys(paths)]


def shown(path: str) -> str:
    """A path as JSON can carry it: bytes that are no text become U+FFFD."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


async def _changed(root: Path, parent: str, tree: str, path: str) -> Changed:
    before = await git.show(root, parent, path) if parent else None
    return Changed(shown(path), _text(before), _text(await git.show(root, tree, path)))


def _text(data: bytes | None) -> str | None:
    try:
        return decode(data).text if data is not None else None
    except Unreadable:
        return None


def with_trailers(message: str, trailers: Sequence[str]) -> str:
    """The message with trailers at its end, those that are there already left out."""
    lines = message.split("\n")
    new = [line for line in trailers if line not in lines]
    if not new:
        return message + "\n"
    last = message.rsplit("\n\n", 1)
    has_some = len(last) == 2 and all(_is_trailer(line) for line in last[1].split("\n"))
    return message + ("\n" if has_some else "\n\n") + "\n".join(new) + "\n"


def _is_trailer(line: str) -> bool:
    name, colon, _ = line.partition(": ")
    return bool(colon) and name.replace("-", "").isalnum()


async def _tidy(root: Path, paths: Sequence[str]) -> None:
    """The commit is made: another program that holds the index only keeps it from looking tidy for a while."""
    for _ in range(5):
        if await git.unstage(root, paths):
            return
        await asyncio.sleep(0.2)


async def _noted(root: Path, oid: str, note: str) -> str:
    """The ref of the note; '' where git could not make it: the commit stands without."""
    if not note:
        return ""
    try:
        await git.add_note(root, NOTES, oid, note)
    except git.GitFailed:
        return ""
    return NOTES
