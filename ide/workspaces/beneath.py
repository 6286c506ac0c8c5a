"""Open paths that cannot leave a folder: openat2 where the kernel has it, else a walk of directory descriptors.

Paths are relative, '/' between parts; no link is followed anywhere, so a path has one meaning and a swapped link or
folder cannot lead outside between a check and its use.
"""

from __future__ import annotations

import ctypes
import errno
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ide.errors import Invalid

NAME_BYTES, PATH_BYTES = 255, 4096
_OPENAT2 = 437  # the same number on every architecture
_BENEATH = 0x02 | 0x04 | 0x08  # RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def parts_of(path: str) -> list[str]:
    """The parts of a usable path; raises Invalid. All bytes but NUL and '/' may be in a name; '.' and '..' are none."""
    parts = path.split("/")
    if not path or _bytes(path) > PATH_BYTES:
        raise Invalid("This is not a path in the workspace.", "Give a name.")
    for part in parts:
        if part in ("", ".", "..") or "\0" in part:
            raise Invalid("This path does not stay inside the workspace.", "Give a path relative to its top folder.")
        if _bytes(part) > NAME_BYTES:
            raise Invalid("A name in this path is too long.", f"Use at most {NAME_BYTES} bytes for a name.")
    return parts


def _bytes(name: str) -> int:
    try:
        return len(os.fsencode(name))
    except UnicodeEncodeError as error:  # half of a surrogate pair, as JSON can carry it
        raise Invalid("This name is not valid Unicode.", "Choose another name.") from error


def is_git_name(name: str) -> bool:
    """Whether some file system takes this for `.git`: by case, compatibility forms, invisible characters, streams."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) not in ("Cf", "Mn", "Cc"))
    plain = plain.split(":")[0].rstrip(". ").casefold()
    return plain in (".git", "git~1")


def has_openat2() -> bool:
    fd = os.open("/", _FOLDER)
    try:
        os.close(_openat2(fd, b".", _FOLDER, 0))
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _openat2(folder: int, path: bytes, flags: int, mode: int) -> int:
    how = _How(flags, mode, _BENEATH)
    for _ in range(16):  # EAGAIN: a rename elsewhere on the machine raced with the walk
        fd = int(_libc.syscall(_OPENAT2, folder, path, ctypes.byref(how), ctypes.sizeof(how)))
        if fd >= 0:
            return fd
        if ctypes.get_errno() != errno.EAGAIN:
            break
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code), os.fsdecode(path))


class Beneath:
    """Opens paths under `root`. `openat2` False forces the walk, which is for kernels before 5.6."""

    def __init__(self, root: Path, *, openat2: bool | None = None) -> None:
        self._root = root
        self._openat2 = has_openat2() if openat2 is None else openat2

    @contextmanager
    def folder(self, parts: list[str], *, make: bool = False) -> Iterator[int]:
        """A descriptor of the folder, closed afterwards. Raises OSError; with `make`, missing folders are made."""
        fd = self._make(parts) if make else self.open(parts, _FOLDER)
        try:
            yield fd
        finally:
            os.close(fd)

    def open(self, parts: list[str], flags: int, mode: int = 0) -> int:
        """A descriptor the caller closes. Raises OSError: ELOOP for a link, ENOTDIR, ENOENT …"""
        flags |= os.O_CLOEXEC | os.O_NOFOLLOW
        top = os.open(self._root, _FOLDER)
        try:
            if self._openat2:
                return _openat2(top, os.fsencode("/".join(parts) or "."), flags, mode)
            return _walk(top, parts, flags, mode)
        finally:
            os.close(top)

    def _make(self, parts: list[str]) -> int:
        fd = os.open(self._root, _FOLDER)
        for part in parts:
            try:
                try:
                    os.mkdir(part, 0o777, dir_fd=fd)
                except FileExistsError:
                    pass
                below = _step(fd, part, _FOLDER)
            finally:
                os.close(fd)
            fd = below
        return fd


def _walk(top: int, parts: list[str], flags: int, mode: int) -> int:
    fd = os.dup(top)
    for part in parts[:-1]:
        try:
            below = _step(fd, part, _FOLDER)
        finally:
            os.close(fd)
        fd = below
    try:
        return _step(fd, parts[-1] if parts else ".", flags, mode)
    finally:
        os.close(fd)


def _step(fd: int, part: str, flags: int, mode: int = 0) -> int:
    try:
        return os.open(part, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=fd)
    except NotADirectoryError as error:
        # A link opened as a folder answers ENOTDIR here and ELOOP from openat2: say the same.
        if os.path.islink(f"/proc/self/fd/{fd}/{part}"):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), part) from error
        raise


def rename_new(source: int, name: str, target: int, new: str) -> None:
    """Rename between two folders by descriptor, never over something. Raises OSError (EEXIST)."""
    if _libc.renameat2(source, os.fsencode(name), target, os.fsencode(new), _RENAME_NOREPLACE) == 0:
        return
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code), new)


def exchange(folder: int, name: str, other: str) -> bool:
    """Let two names of a folder change places at once; False where the file system cannot. Raises OSError (ENOENT)."""
    one, two = os.fsencode(name), os.fsencode(other)
    if _libc.renameat2(folder, one, folder, two, _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), other)
