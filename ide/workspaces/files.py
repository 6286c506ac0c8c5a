"""The files of one workspace: tree, read, write, make, move, delete. Never outside it, never into `.git`.

All access goes by directory descriptors (see `beneath`); only regular files are opened, without waiting (a FIFO), up
to a size; a file with several hard links is not written, since its other names may lie outside. A write is a temporary
file, fsync, rename, fsync of the folder: after a crash the file is the old one or the new one (see `replace`).
Everything here blocks: live code calls it in a thread.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import re
import shutil
import stat
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ide.errors import Conflict, Invalid, NotFound, Refused, TooLarge
from ide.workspaces.beneath import Beneath, is_git_name, parts_of, rename_new
from ide.workspaces.encoding import Decoded, Format, Unreadable, decode, encode
from ide.workspaces.replace import Folders, is_temporary, replace

__all__ = ["Decoded", "Entry", "FileText", "Files", "Format", "Stat", "Unreadable", "decode", "encode"]

DOCUMENT_BYTES = 5 << 20
Mark = tuple[int, ...]  # of a file: device, inode, size, mode, links and the times of its bytes and of its inode
ENTRIES = 20_000
# Only a hint for the tree, which does not read files; what is binary shows when it is opened.
_BINARY = re.compile(
    r"\.(7z|a|avi|bin|bmp|bz2|class|dll|dylib|eot|exe|flac|gif|gz|ico|jar|jpe?g|lib|mo|mov|mp[34]|np[yz]|o|od[ts]|ogg|otf"
    r"|parquet|pdf|png|py[cdo]|rar|so|sqlite3?|tar|tgz|tiff?|ttf|wasm|wav|web[mp]|woff2?|xlsx?|xz|zip|zst)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Entry:
    path: str
    kind: str  # file, folder or link
    size: int
    problem: str  # why it cannot be opened as a document; ''


@dataclass(frozen=True)
class Stat:
    size: int
    mode: int
    sha: str  # SHA-256 of what was read; '' from stat()
    access: str  # edit or read
    reason: str  # why it is read-only; ''
    ident: tuple[int, int]  # device and inode: the same file under another name, if its bytes are the same too
    mark: Mark = ()  # unchanged as long as nobody has written, renamed or chmodded it; () = not known


@dataclass(frozen=True)
class FileText(Decoded):
    """A file as text, with what its document needs: `sha` of the bytes read, `access` and why it is read-only."""

    sha: str = ""
    size: int = 0
    mode: int = 0o644
    access: str = "edit"
    reason: str = ""
    ident: tuple[int, int] = (0, 0)
    mark: Mark = ()

    @property
    def decoded(self) -> Decoded:
        return self


class Files:
    def __init__(self, root: Path, *, openat2: bool | None = None) -> None:
        self.root = root
        self._beneath = Beneath(root, openat2=openat2)

    def tree(self) -> tuple[list[Entry], bool]:
        """All entries but `.git`, sorted by path, and whether some were left out. Links are listed, not followed;
        where there are too many, those nearest to the top are kept."""
        found: list[Entry] = []
        folders: deque[list[str]] = deque([[]])
        while folders:
            parts = folders.popleft()
            entries = self._scan(parts)
            if len(found) + len(entries) > ENTRIES:
                return sorted(found + entries[: ENTRIES - len(found)], key=_place), True
            found += entries
            folders.extend(entry.path.split("/") for entry in entries if entry.kind == "folder" and not entry.problem)
        return sorted(found, key=_place), False

    def _scan(self, parts: list[str]) -> list[Entry]:
        try:
            with self._beneath.folder(parts) as fd, os.scandir(fd) as entries:
                listed = [(item.name, item.stat(follow_symlinks=False)) for item in entries if _is_shown(item.name)]
        except OSError:  # it went away, or may not be read: an empty folder is what can be shown
            return []
        prefix = "".join(f"{part}/" for part in parts)
        return [_entry(prefix, name, info) for name, info in sorted(listed, key=lambda pair: pair[0])]

    def read_bytes(self, path: str, limit: int = DOCUMENT_BYTES) -> tuple[bytes, Stat]:
        """Raises NotFound, Unreadable, Invalid."""
        parts = _readable_parts(path)
        with _told(path):
            fd = self._beneath.open(parts, os.O_RDONLY | os.O_NONBLOCK)
        try:
            info = os.fstat(fd)
            _only_regular(info)
            if info.st_size > limit:
                raise _too_large(limit)
            with open(fd, "rb", closefd=False) as file:
                data = file.read(limit + 1)
        finally:
            os.close(fd)
        if len(data) > limit:
            raise _too_large(limit)
        return data, _stat(info, hashlib.sha256(data).hexdigest())

    def read(self, path: str) -> FileText:
        """The file as text of a document. Raises NotFound, Unreadable, Invalid."""
        data, found = self.read_bytes(path)
        return FileText(**vars(decode(data)), **vars(found))

    def stat(self, path: str) -> Stat:
        """Raises NotFound, Unreadable (not a regular file), Invalid."""
        with _told(path):
            fd = self._beneath.open(_readable_parts(path), os.O_PATH)
        try:
            info = os.fstat(fd)
        finally:
            os.close(fd)
        _only_regular(info)
        return _stat(info, "")

    def is_folder(self, path: str) -> bool:
        try:
            with self._beneath.folder(_readable_parts(path)):
                return True
        except (OSError, Refused):
            return False

    def write(self, path: str, data: bytes, expect: str = "", folders: Folders | None = None) -> Stat:
        """Replace or make the file, with its folders; mode bits are kept. With `expect`, the SHA-256 of what is to be
        replaced, nothing else is ever replaced. `folders`: sync them to make it last. The file as we left it.

        Raises Refused, Changed."""
        if len(data) > DOCUMENT_BYTES:
            raise TooLarge(f"A file of more than {DOCUMENT_BYTES >> 20} MiB is not written.", "Split it.")
        return self._put(path, data, None, expect, folders)

    def put(self, path: str, data: bytes, mode: int | None = None) -> Stat:
        """`write` whatever is there, without the size limit of documents (uploads have their own)."""
        return self._put(path, data, mode, "", None)

    def _put(self, path: str, data: bytes, mode: int | None, expect: str, folders: Folders | None) -> Stat:
        parts = _writable_parts(path)
        with _told(path), self._beneath.folder(parts[:-1], make=not expect) as folder:
            kept = _mode_to_keep(folder, parts[-1])
            if expect and kept is None:
                raise NotFound(f"“{parts[-1]}” is not there.", "It was deleted or moved just now.")
            left = replace(folder, parts[-1], data, mode if mode is not None else kept, expect)
            os.fsync(folder) if folders is None else folders.add(folder)
            info = left or os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        found = _stat(info, hashlib.sha256(data).hexdigest())
        return found if left else dataclasses.replace(found, mark=())

    def same_file(self, ident: tuple[int, int], sha: str, paths: Iterable[str]) -> str | None:
        """Which of these paths is that very file: same inode, same bytes. A file that is gone may have been renamed."""
        for path in paths:
            try:
                if self.stat(path).ident == ident and self.read_bytes(path)[1].sha == sha:
                    return path
            except Refused:
                continue
        return None

    def sweep(self) -> int:
        """Remove what unfinished writes of a killed process have left; how many. Only for the workspace's host."""
        removed = 0
        folders: list[list[str]] = [[]]
        while folders:
            parts = folders.pop()
            try:
                with self._beneath.folder(parts) as fd, os.scandir(fd) as entries:
                    for entry in list(entries):
                        if entry.is_dir(follow_symlinks=False) and not is_git_name(entry.name):
                            folders.append([*parts, entry.name])
                        elif is_temporary(entry.name) and entry.is_file(follow_symlinks=False):
                            os.unlink(entry.name, dir_fd=fd)
                            removed += 1
            except OSError:  # it went away, or may not be read or written
                continue
        return removed

    def make_file(self, path: str, data: bytes = b"") -> None:
        """A new file, with its folders. Raises Conflict where something has that name."""
        parts = _writable_parts(path)
        with _told(path), self._beneath.folder(parts[:-1], make=True) as folder:
            fd = os.open(
                parts[-1], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder
            )
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
            os.fsync(folder)

    def make_folder(self, path: str) -> None:
        """A new folder, with those above it. Raises Conflict where something has that name."""
        parts = _writable_parts(path)
        with _told(path), self._beneath.folder(parts[:-1], make=True) as folder:
            os.mkdir(parts[-1], 0o777, dir_fd=folder)

    def move(self, path: str, to: str) -> None:
        """Rename a file, folder or link; never over something. Raises NotFound, Conflict, Invalid."""
        parts, target = _writable_parts(path), _writable_parts(to)
        if target[: len(parts)] == parts:
            raise Invalid("A folder cannot be moved into itself.", "Choose another place.")
        with _told(path), self._beneath.folder(parts[:-1]) as source:
            os.stat(parts[-1], dir_fd=source, follow_symlinks=False)
            with _told(to), self._beneath.folder(target[:-1], make=True) as folder:
                rename_new(source, parts[-1], folder, target[-1])

    def delete(self, path: str) -> None:
        """Remove a file, a link, or a folder with all in it. Raises NotFound, Invalid."""
        parts = _writable_parts(path)
        with _told(path), self._beneath.folder(parts[:-1]) as folder:
            info = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                shutil.rmtree(parts[-1], dir_fd=folder)
            else:
                os.unlink(parts[-1], dir_fd=folder)


class _told:
    """Errors of the operating system as words for people."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise _refusal(error, self._path) from error


def _refusal(error: OSError, path: str) -> Refused:
    name = path.rsplit("/", 1)[-1]
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(f"“{name}” is not there.", "It may have been moved or deleted; look at the tree.")
    if error.errno in (errno.ELOOP, errno.EXDEV, errno.EMLINK):
        return Unreadable("link", "This is a link, and links are not followed.", "Open the file it points to.")
    if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
        return Conflict(f"There is something named “{name}” already.", "Choose another name.")
    if error.errno == errno.EISDIR:
        return Unreadable("not_file", "This is a folder, not a file.")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TooLarge("The disk is full, so nothing was written.", "Make room, or ask an administrator.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Invalid(
            "The server's user may not do this here.", "Ask an administrator to look at the folder's rights."
        )
    if error.errno == errno.ENXIO:
        return Unreadable("not_file", "This is not a regular file.")
    return Invalid(f"The file system refused it: {error.strerror}.")


def _readable_parts(path: str) -> list[str]:
    parts = parts_of(path)
    if any(is_git_name(part) for part in parts):
        raise Unreadable("git", "The folder .git belongs to git and is not opened here.")
    return parts


def _writable_parts(path: str) -> list[str]:
    parts = _readable_parts(path)
    if any(is_temporary(part) for part in parts):
        raise Invalid("This name is kept for unfinished writes.", "Choose another name.")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise Invalid("This name is not valid Unicode.", "Choose another name.") from error
    return parts


def _is_shown(name: str) -> bool:
    return not is_git_name(name) and not is_temporary(name)


def _entry(prefix: str, name: str, info: os.stat_result) -> Entry:
    path = prefix + name
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "replace")
        return Entry(shown, "folder" if stat.S_ISDIR(info.st_mode) else "file", info.st_size, "its name is not UTF-8")
    if stat.S_ISDIR(info.st_mode):
        return Entry(path, "folder", 0, "")
    if stat.S_ISLNK(info.st_mode):
        return Entry(path, "link", info.st_size, "a link; links are not followed")
    if not stat.S_ISREG(info.st_mode):
        return Entry(path, "file", 0, "not a regular file")
    if info.st_size > DOCUMENT_BYTES:
        return Entry(path, "file", info.st_size, f"larger than {DOCUMENT_BYTES >> 20} MiB")
    if _BINARY.search(name):
        return Entry(path, "file", info.st_size, "binary")
    return Entry(path, "file", info.st_size, "")


def _place(entry: Entry) -> list[str]:
    return entry.path.split("/")


def _only_regular(info: os.stat_result) -> None:
    if stat.S_ISREG(info.st_mode):
        return
    if stat.S_ISLNK(info.st_mode):
        raise Unreadable("link", "This is a link, and links are not followed.", "Open the file it points to.")
    raise Unreadable("not_file", "This is a folder." if stat.S_ISDIR(info.st_mode) else "This is not a regular file.")


def _stat(info: os.stat_result, sha: str) -> Stat:
    reason = ""
    if not info.st_mode & stat.S_IWUSR:
        reason = "The file is marked read-only on disk."
    elif info.st_nlink != 1:
        reason = "The file has several hard links, so it is not written."
    access, ident = "read" if reason else "edit", (info.st_dev, info.st_ino)
    return Stat(info.st_size, stat.S_IMODE(info.st_mode), sha, access, reason, ident, _mark(info))


def _mark(info: os.stat_result) -> Mark:
    times = (info.st_mtime_ns, info.st_ctime_ns)
    return (info.st_dev, info.st_ino, info.st_size, info.st_mode, info.st_nlink, *times)


def _too_large(limit: int) -> Unreadable:
    return Unreadable("too_large", f"The file is larger than {limit >> 20} MiB.", "Download it instead.")


def _mode_to_keep(folder: int, name: str) -> int | None:
    try:
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    _only_regular(info)
    found = _stat(info, "")
    if found.access == "read":
        raise Invalid(
            f"“{name}” is not written. {found.reason}", "Change its mode on disk, or save under another name."
        )
    return found.mode
