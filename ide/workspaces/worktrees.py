"""Worktrees of jobs: a clone that borrows objects, its commits brought back checked, its end.

A worktree is hostile from its first command on: its `.git` may say anything. So git never works in the workspace's
repository and a worktree at once. What is made comes out of the one sandbox as a bundle, as bytes, and goes into the
other as a pack whose every object is checked: its form, what it points at, and that this is there.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ide.errors import Invalid, TooLarge
from ide.workspaces.beneath import Beneath
from ide.workspaces.hardened import Git, GitFailed, outcome_of, output_of
from ide.workspaces.names import check_oid, check_ref

BUNDLE_BYTES = 48 << 20
_SECONDS = 300.0
_COUNTED, _TRAILER = 12, 20  # bytes of a pack that change where git adds what a thin one lacks
_SIGNATURES = (b"# v2 git bundle\n", b"# v3 git bundle\n")


async def clone_shared(root: Path, target: Path, oid: str) -> None:
    """Make the new folder `target` a worktree of its own (own `.git`, objects borrowed from `root`), detached at `oid`.

    Which repository it borrows from, and its first commit, are kept beside it, in `<target>.base`, where nothing in
    the sandbox can write.
    """
    check_oid(oid)
    await asyncio.to_thread(target.mkdir, parents=True, mode=0o755)
    base = root / ".git"
    await asyncio.to_thread(_base_file(target).write_text, f"{oid}\n{root}")
    clone = ("clone", "--quiet", "--shared", "--no-checkout", "--origin", "base", "--", str(base), "{place}")
    allowed = ("protocol.file.allow=always",)
    await output_of(Git(target, clone, config=allowed, extra_ro=(base,), bare_start=True))
    checkout = ("checkout", "--quiet", "--detach", oid, "--")
    await output_of(Git(target, checkout, extra_ro=(base,), seconds=_SECONDS))


def shared_base(worktree: Path) -> Path | None:
    """The `.git` whose objects a worktree borrows; as `extra_ro` of a Policy it makes git work in there. Blocks."""
    told = _told(worktree)
    return told and told[1] / ".git"


def _told(worktree: Path) -> tuple[str, Path] | None:
    try:
        oid, _, root = _base_file(worktree).read_text().partition("\n")
    except OSError:
        return None
    return oid, Path(root)


def _base_file(worktree: Path) -> Path:
    return worktree.with_name(worktree.name + ".base")


async def fetch_objects(root: Path, source: Path, oid: str, ref: str) -> None:
    """Bring a worktree's current commit into `root`, checked object by object, and keep it under `ref`.

    Raises Invalid where its HEAD is another commit, TooLarge, GitFailed.
    """
    check_oid(oid)
    check_ref(ref)
    told = await asyncio.to_thread(_told, source)
    if told is None:
        raise Invalid("This folder is not a worktree.")
    bundle = await _bundle(source, *told)
    if bundle:
        await import_bundle(root, bundle, oid)
    await output_of(Git(root, ("update-ref", "--no-deref", ref, oid)))


async def _bundle(source: Path, begun: str, borrowed: Path) -> bytes:
    """All that the worktree's HEAD has and its first commit has not; empty if that is nothing."""
    words = ("bundle", "create", "--quiet", "-", "HEAD", f"^{begun}")
    base = borrowed / ".git"
    # Twice the limit: of all output the first half is what comes whole.
    git = Git(source, words, extra_ro=(base,), seconds=_SECONDS, output_bytes=2 * BUNDLE_BYTES)
    ended = await outcome_of(git)
    if ended.code != 0 and b"empty bundle" in ended.stderr:
        return b""
    if ended.code != 0:
        raise GitFailed("bundle", ended.stderr.decode(errors="replace"), ended.code)
    if len(ended.stdout) > BUNDLE_BYTES or ended.truncated:
        raise TooLarge(
            f"What was made is larger than {BUNDLE_BYTES >> 20} MiB.", "Leave large files out of the repository."
        )
    return ended.stdout


async def import_bundle(root: Path, bundle: bytes, oid: str) -> None:
    """Put a bundle's objects into `root`, each one checked; no ref names them. Nothing is kept where one is wrong.

    `git fetch` of a bundle checks nothing (measured with git 2.39, whatever `fetch.fsckObjects` says). Raises Invalid
    if it is no bundle with `oid` at its tip, GitFailed.
    """
    words = ("index-pack", "--stdin", "--fix-thin", "--strict")
    pack = pack_of(bundle, oid)
    try:
        await output_of(Git(root, words, stdin=pack, seconds=_SECONDS))
    except GitFailed:
        await asyncio.to_thread(_without_rest, root, pack)
        raise


def _without_rest(root: Path, pack: bytes) -> None:
    """Remove what git leaves of a pack it refused; somebody else's that is just being written has other bytes."""
    with suppress(OSError), Beneath(root).folder([".git", "objects", "pack"]) as folder:
        for name in os.listdir(folder):
            if name.startswith("tmp_pack_") and _is_of(folder, name, pack):
                os.unlink(name, dir_fd=folder)


def _is_of(folder: int, name: str, pack: bytes) -> bool:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(fd, "rb") as file:
        said = file.read(len(pack))
    ends = min(len(said), len(pack) - _TRAILER)
    return ends > _COUNTED and said[_COUNTED:ends] == pack[_COUNTED:ends]


def pack_of(bundle: bytes, oid: str) -> bytes:
    """The pack in a bundle whose tip is `oid`. Raises Invalid."""
    head, gap, pack = bundle.partition(b"\n\n")
    lines = head.split(b"\n")
    tips = {line[: line.find(b" ")] for line in lines[1:] if line[:1] not in (b"-", b"@")}
    if not gap or lines[0] + b"\n" not in _SIGNATURES or not pack.startswith(b"PACK"):
        raise Invalid("This is not a bundle of git.")
    if tips != {oid.encode()}:
        raise Invalid("This bundle holds another commit than the one it was made for.")
    return pack


# --- the end ----------------------------------------------------------------------------------------------------------


def hold(worktree: Path, by: str) -> None:
    """Somebody works in it: it is not removed before it is let go. Blocks."""
    _held_file(worktree).write_text(by)


def let_go(worktree: Path) -> None:
    _held_file(worktree).unlink(missing_ok=True)


def held_by(worktree: Path) -> str:
    """Who works in it; empty if nobody does. Blocks."""
    try:
        return _held_file(worktree).read_text() or "somebody"
    except FileNotFoundError:
        return ""


def _held_file(worktree: Path) -> Path:
    return worktree.with_name(worktree.name + ".held")


def remove(worktree: Path) -> bool:
    """Delete a worktree and what is kept beside it; one that a person holds stays. Blocks. Returns whether it is gone.

    Nothing outside the folder is touched: links are removed, never followed.
    """
    if held_by(worktree):
        return False
    if worktree.is_symlink():
        worktree.unlink()
    elif worktree.exists():
        shutil.rmtree(worktree, onerror=_opened)
    if worktree.exists():
        return False
    _base_file(worktree).unlink(missing_ok=True)
    return True


def _opened(again: Callable[[str], object], path: str, _: object) -> None:
    """A folder a command closed to its owner is opened, then tried once more. What still cannot go stays."""
    parent = os.path.dirname(path)
    try:
        for folder in (parent, path):
            if stat.S_ISDIR(os.lstat(folder).st_mode):
                os.chmod(folder, 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            again(path)
    except OSError:
        return
