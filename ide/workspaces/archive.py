"""Unpack an uploaded archive into an empty folder, or refuse it: nothing may lie outside, surprise or swell.

Entries are judged by name before anything is written and by their real bytes while written. `.git` folders are left
out (a repository of Tandem's own is made instead); anything that only resembles `.git` is refused.
"""

from __future__ import annotations

import os
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from ide.errors import Invalid, TooLarge
from ide.workspaces.beneath import is_git_name, parts_of

CHUNK = 1 << 20


class BadArchive(Invalid):
    """The archive is not unpacked; nothing of it was kept."""

    code = "bad_archive"


class ArchiveTooLarge(TooLarge):
    """Like BadArchive: what it unpacks to is over a limit."""

    code = "archive_too_large"
    status = 422


@dataclass(frozen=True)
class Limits:
    unpacked: int = 200 << 20
    entries: int = 20_000
    ratio: int = 100  # unpacked to packed
    free: int = 1 << 20  # bytes to which no ratio applies: small text packs well
    depth: int = 20


@dataclass(frozen=True)
class _Member:
    name: str
    folder: bool
    executable: bool
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, target: Path, limits: Limits | None = None) -> None:
    """Unpack .zip, .tar.gz, .tgz or .tar into the empty folder `target`. Raises BadArchive, ArchiveTooLarge.

    One folder around everything is taken off. On refusal `target` may hold a part: the caller removes it.
    """
    limits = limits or Limits()
    most = max(limits.free, archive.stat().st_size * limits.ratio)
    writer = _Writer(target, limits, min(limits.unpacked, most))
    try:
        for member in _members(archive):
            writer.take(member)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadArchive("The archive is damaged, or of a kind that is not read.", "Pack it again.") from error
    except (OSError, UnicodeError) as error:
        raise BadArchive(f"The archive cannot be unpacked: {error}.", "Pack it again as .zip or .tar.gz.") from error
    if not any(target.iterdir()):
        raise BadArchive("The archive is empty.", "Choose one with files in it.")


def top_of(target: Path) -> Path:
    """The folder to use: `target`, or the only folder in it."""
    inside = list(target.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target


class _Writer:
    def __init__(self, target: Path, limits: Limits, most: int) -> None:
        self._target = target
        self._limits = limits
        self._left = most
        self._count = 0
        self._names: dict[str, str] = {}  # folded name → name as it is
        self._files: set[str] = set()

    def take(self, member: _Member) -> None:
        self._count += 1
        if self._count > self._limits.entries:
            raise ArchiveTooLarge(f"The archive has more than {self._limits.entries} entries.", "Leave some out.")
        parts = self._parts(member)
        if not parts or ".git" in parts:
            return
        if any(is_git_name(part) for part in parts):
            raise BadArchive(f"“{member.name[:200]}” resembles .git, which is not accepted.", "Leave it out.")
        self._claim(parts, member)
        path = self._target.joinpath(*parts)
        (path if member.folder else path.parent).mkdir(parents=True, exist_ok=True)
        source = None if member.folder else member.open()
        if source is not None:
            self._write(path, source, member.executable)

    def _parts(self, member: _Member) -> list[str]:
        name = member.name.rstrip("/")
        while name.startswith("./"):
            name = name[2:]
        if name in ("", "."):
            return []
        if "\\" in name or name.startswith("/") or ".." in name.split("/"):
            raise BadArchive(f"“{member.name[:200]}” does not stay inside the archive.", "Pack it with relative names.")
        try:
            parts = parts_of(name)
            name.encode()
        except (Invalid, UnicodeEncodeError) as error:
            raise BadArchive(f"“{member.name[:200]!r}” is not a usable name.", "Rename it.") from error
        if len(parts) > self._limits.depth:
            raise BadArchive(f"Folders are more than {self._limits.depth} deep.", "Pack a folder further down.")
        return parts

    def _claim(self, parts: list[str], member: _Member) -> None:
        """Each name once, also where upper and lower case are the same."""
        for depth in range(1, len(parts) + 1):
            name = "/".join(parts[:depth])
            folded = unicodedata.normalize("NFKC", name).casefold()
            last = depth == len(parts)
            if self._names.setdefault(folded, name) != name:
                raise BadArchive(f"“{name[:200]}” differs from another name only by case.", "Rename one of them.")
            if name in self._files:
                raise BadArchive(f"“{name[:200]}” is in the archive twice.", "Pack it again.")
            if last and not member.folder:
                if (self._target / name).exists():
                    raise BadArchive(f"“{name[:200]}” is in the archive twice.", "Pack it again.")
                self._files.add(name)

    def _write(self, path: Path, source: IO[bytes], executable: bool) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with source, os.fdopen(os.open(path, flags, 0o755 if executable else 0o644), "wb") as file:
            while data := source.read(CHUNK):
                self._left -= len(data)
                if self._left < 0:
                    raise ArchiveTooLarge(
                        f"The archive unpacks to more than {self._limits.unpacked >> 20} MiB "
                        f"or {self._limits.ratio} times its size.",
                        "Leave out what can be downloaded or built again.",
                    )
                file.write(data)


def _members(archive: Path) -> Iterator[_Member]:
    with archive.open("rb") as file:
        start = file.read(4)
    return _zip_members(archive) if start.startswith(b"PK") else _tar_members(archive)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            mode = info.external_attr >> 16
            if info.flag_bits & 1:
                raise BadArchive("The archive is encrypted.", "Pack it without a password.")
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _special(info.filename)
            if "\0" in info.orig_filename:
                raise BadArchive("A name in the archive has a NUL character.", "Pack it again.")
            yield _Member(info.filename, info.is_dir(), bool(mode & 0o100), partial(packed.open, info))


def _tar_members(archive: Path) -> Iterator[_Member]:
    try:
        packed = tarfile.open(archive, "r|*")  # noqa: SIM115 (closed below; opening tells what the file is)
    except tarfile.TarError as error:
        raise BadArchive("This is neither a .zip nor a .tar.gz archive.", "Pack it as one of these.") from error
    with packed:
        for info in packed:
            if not (info.isreg() or info.isdir()) or info.issparse():
                raise _special(info.name)
            yield _Member(info.name, info.isdir(), bool(info.mode & 0o100), partial(packed.extractfile, info))


def _special(name: str) -> BadArchive:
    return BadArchive(f"“{name[:200]}” is a link or a special file, which is not unpacked.", "Pack plain files only.")
