"""One file replaced by new bytes: temporary file, fsync, rename, fsync of the folder, all by the folder's descriptor.

Where the file system can let two names change places (Linux ≥ 3.15 on its usual file systems), what was replaced is
looked at afterwards: if somebody wrote there after we had compared, it goes back and nothing of it is lost.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat

from ide import faults
from ide.errors import Conflict
from ide.workspaces.beneath import exchange

_TEMPORARY = ".tandem-write-"


class Changed(Conflict):
    """The file was changed between the look at it and the write; it is as whoever changed it left it."""


class Folders:
    """Folders that are to be synced, each once, at the end of several writes; by descriptors of its own."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], int] = {}

    def __enter__(self) -> Folders:
        return self

    def __exit__(self, *error: object) -> None:
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def add(self, folder: int) -> None:
        info = os.fstat(folder)
        if (info.st_dev, info.st_ino) not in self._open:
            self._open[info.st_dev, info.st_ino] = os.dup(folder)

    def sync(self) -> None:
        for fd in self._open.values():
            os.fsync(fd)


def is_temporary(name: str) -> bool:
    """Whether a name is one of our own unfinished writes."""
    return name.startswith(_TEMPORARY)


def replace(folder: int, name: str, data: bytes, mode: int | None, expect: str) -> os.stat_result | None:
    """`expect` is the SHA-256 of the bytes to replace; '' replaces whatever is there. The new file as we left it, or
    None if somebody wrote to it meanwhile. The folder is for the caller to sync. Raises OSError, Changed."""
    temporary = _TEMPORARY + secrets.token_hex(8)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o666, dir_fd=folder)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(data)
        if mode is not None:
            os.fchmod(fd, mode)
        os.fsync(fd)
        written = os.fstat(fd)
        faults.hit("disk.written")
        if not (expect and exchange(folder, temporary, name)):
            if expect and _sha(folder, name) != expect:  # the names cannot change places here: look just before
                raise Changed("The file changed on disk just now.", "Look at it, then try again.")
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            temporary = ""
        elif _sha(folder, temporary) != expect:
            _put_back(folder, temporary, name, hashlib.sha256(data).hexdigest())
            raise Changed("The file changed on disk just now.", "Look at it, then try again.")
        faults.hit("disk.renamed")
        left = os.fstat(fd)  # by our own descriptor: never of what others have put there since
    finally:
        os.close(fd)
        if temporary:
            _remove(folder, temporary)
    return left if (left.st_size, left.st_mtime_ns) == (len(data), written.st_mtime_ns) else None


def _put_back(folder: int, temporary: str, name: str, ours: str) -> None:
    exchange(folder, temporary, name)
    if _sha(folder, temporary) != ours:  # it was changed once more while ours stood there: that is the newest
        exchange(folder, temporary, name)


def _sha(folder: int, name: str) -> str:
    """Of a regular file; '' for anything else, which nobody expects."""
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
    finally:
        os.close(fd)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
