"""Which paths of a workspace changed on disk, by inotify. Not what is open, nor whose write it was.

Watches are set by directory descriptors and follow no link, so a link to `/` in a workspace does not make us watch the
machine (the usual libraries walk through links). Of `.git` only what moves the current commit is told, as `.git/HEAD`.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from ide.errors import Unavailable
from ide.workspaces.beneath import Beneath
from ide.workspaces.replace import is_temporary

QUIET_SECONDS = 0.05  # changes are told this long after the last one …
LONGEST_SECONDS = 0.2  # … or after the first
FOLDERS = 20_000
_EVENT = struct.Struct("iIII")
_MODIFY, _ATTRIB, _CLOSE_WRITE, _CREATE = 0x2, 0x4, 0x8, 0x100
_MOVED_FROM, _MOVED_TO, _DELETE, _IGNORED, _OVERFLOW, _ISDIR = 0x40, 0x80, 0x200, 0x8000, 0x4000, 0x40000000
_MASK = _MODIFY | _ATTRIB | _CLOSE_WRITE | _CREATE | _MOVED_FROM | _MOVED_TO | _DELETE
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_GIT_NAMES = frozenset({"HEAD", "index", "packed-refs"})
HEAD = ".git/HEAD"

log = logging.getLogger(__name__)
_libc = ctypes.CDLL(None, use_errno=True)


async def changes(root: Path, stop: asyncio.Event) -> AsyncIterator[set[str]]:
    """Sets of relative paths that changed, at most 200 ms after they did, until `stop`.

    Yields an empty set once when it watches: what changed before is for the caller to look at. When the kernel's queue
    ran over, every file there is is told.
    """
    watcher = Watcher(root)
    loop = asyncio.get_running_loop()
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await watcher.in_thread(lambda: watcher.add_tree([]))
        watcher.arm()
        yield set()
        while not stop.is_set():
            something = asyncio.ensure_future(watcher.readable.wait())
            await asyncio.wait({something, stopped}, return_when=asyncio.FIRST_COMPLETED)
            something.cancel()
            if stop.is_set():
                return
            found = await _gathered(watcher, loop.time() + LONGEST_SECONDS)
            if found:
                yield found
    finally:
        stopped.cancel()
        loop.remove_reader(watcher.fd)
        watcher.close()


async def _gathered(watcher: Watcher, until: float) -> set[str]:
    """All that changes until it is quiet."""
    loop = asyncio.get_running_loop()
    found: set[str] = set()
    while True:
        found |= await watcher.in_thread(watcher.read)
        watcher.arm()
        left = min(QUIET_SECONDS, until - loop.time())
        if left <= 0:
            return found
        try:
            async with asyncio.timeout(left):
                await watcher.readable.wait()
        except TimeoutError:
            return found


class Watcher:
    """inotify's descriptor, and which folder each of its numbers is."""

    def __init__(self, root: Path) -> None:
        self._beneath = Beneath(root)
        self._places: dict[int, list[str]] = {}
        self._looking: asyncio.Future[set[str]] | None = None
        self.readable = asyncio.Event()
        self.fd = int(_libc.inotify_init1(_NONBLOCK_CLOEXEC))
        if self.fd < 0:
            raise Unavailable("Changes on disk cannot be watched.", "Raise fs.inotify.max_user_instances.")

    def arm(self) -> None:
        """Set `readable` at the next change, once: a reader left in place would spin the loop until it is read."""
        self.readable.clear()
        asyncio.get_running_loop().add_reader(self.fd, self._fire)

    def _fire(self) -> None:
        asyncio.get_running_loop().remove_reader(self.fd)
        self.readable.set()

    async def in_thread(self, look: Callable[[], set[str]]) -> set[str]:
        """Look at the descriptor in a thread. Who is cancelled does not stop the thread: it is closed after that."""
        self._looking = asyncio.ensure_future(asyncio.to_thread(look))
        return await asyncio.shield(self._looking)

    def close(self) -> None:
        if self._looking is None or self._looking.done():
            os.close(self.fd)
        else:  # its number may be a socket's by then, and what a thread read there would be missing
            self._looking.add_done_callback(lambda _: os.close(self.fd))

    def add_tree(self, parts: list[str]) -> set[str]:
        """Watch a folder and those below; returns the files found in them."""
        found: set[str] = set()
        waiting = [parts]
        while waiting:
            place = waiting.pop()
            for name, is_folder in self._add(place):
                below = [*place, name]
                if is_folder and _is_watched(below):
                    waiting.append(below)
                elif not is_folder:
                    found |= _told(below)
        return found

    def _add(self, parts: list[str]) -> list[tuple[str, bool]]:
        if len(self._places) >= FOLDERS:
            log.warning("more than %d folders: the rest is not watched", FOLDERS)
            return []
        try:
            with self._beneath.folder(parts) as folder:
                number = _libc.inotify_add_watch(self.fd, f"/proc/self/fd/{folder}".encode(), _MASK)
                if number < 0:
                    log.warning("a folder is not watched: %s", os.strerror(ctypes.get_errno()))
                    return []
                self._places[number] = parts
                with os.scandir(folder) as entries:
                    return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError:  # it went away again
            return []

    def read(self) -> set[str]:
        """What changed since, without waiting."""
        found: set[str] = set()
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return found
        offset = 0
        while offset < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size
            name = os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
            offset += length
            found |= self._meaning(number, mask, name)
        return found

    def _meaning(self, number: int, mask: int, name: str) -> set[str]:
        if mask & _OVERFLOW:
            return self.add_tree([])
        if mask & _IGNORED:
            self._places.pop(number, None)
            return set()
        place = self._places.get(number)
        if place is None or not name:
            return set()
        parts = [*place, name]
        if mask & _ISDIR and mask & (_CREATE | _MOVED_TO) and _is_watched(parts):
            return _told(parts) | self.add_tree(parts)
        return _told(parts)


def _is_watched(parts: list[str]) -> bool:
    return parts[0] != ".git" or len(parts) == 1 or parts[1] == "refs"


def _told(parts: list[str]) -> set[str]:
    if is_temporary(parts[-1]):
        return set()
    if parts[0] != ".git":
        return {"/".join(parts)}
    moves = len(parts) > 1 and (parts[1] in _GIT_NAMES or parts[1] == "refs") and not parts[-1].endswith(".lock")
    return {HEAD} if moves else set()
