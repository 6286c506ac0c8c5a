"""Sandboxes made before they are needed: where commands follow each other in a folder, the next one has a sandbox that
already stands, and waits inside it for its words. Each is used once, as any other.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections import OrderedDict
from dataclasses import dataclass, field

from ide.runner.confined import Confined
from ide.runner.sandbox import Box
from ide.runner.wire import Run

MOST = 8  # that stand and wait
SECONDS = 30.0  # they wait so long
KNOWN = 64  # kinds of commands remembered
LONGEST = 32 << 10  # bytes of words, which have to fit into a pipe
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Key = tuple[bytes, bool, tuple[bytes, ...], int, int]


def key_of(run: Run) -> Key | None:
    """What two runs share that can use the same sandbox; None for one that cannot use such."""
    if run.pty or run.egress or not all(_NAME.fullmatch(name) for name in run.env):
        return None
    return run.root, run.read_only, tuple(run.extra_ro), run.memory_bytes, run.processes


def words(run: Run) -> bytes:
    """A run as a script for the shell that waits in a sandbox."""
    lines = [b"exec 9<&-"]
    if os.path.normpath(run.cwd) != b".":
        lines += [b"cd -- %s || exit 127" % _quoted(run.cwd), b"unset OLDPWD"]
    lines += [b"export %s=%s" % (name.encode(), _quoted(os.fsencode(value))) for name, value in run.env.items()]
    lines.append(b"exec " + b" ".join(_quoted(word) for word in run.argv))
    return b"\n".join(lines) + b"\n"


def _quoted(word: bytes) -> bytes:
    return shlex.quote(word.decode("latin-1")).encode("latin-1")


@dataclass
class _Waiting:
    confined: Confined
    door: int  # where its words are written
    folders: list[tuple[int, int]]
    timer: asyncio.TimerHandle | None = None


@dataclass
class Ready:
    box: Box
    _waiting: OrderedDict[Key, _Waiting] = field(default_factory=OrderedDict)
    _seen: OrderedDict[Key, None] = field(default_factory=OrderedDict)
    _ending: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, run: Run) -> Confined | None:
        """A sandbox that begins this run now, if one waits."""
        key = key_of(run)
        waiting = self._waiting.pop(key, None) if key else None
        if key is None or waiting is None:
            return None
        script = words(run)
        usable = waiting.confined.code is None and len(script) <= LONGEST and waiting.folders == _folders(key)
        if usable:
            os.write(waiting.door, script)
        self._close(waiting, end=not usable)
        return waiting.confined if usable else None

    def made_for(self, run: Run) -> None:
        """A run has ended: let one wait for the next of its kind, if this was not the first."""
        key = key_of(run)
        if key is None or key in self._waiting:
            return
        known = key in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > KNOWN:
            self._seen.popitem(last=False)
        if known:
            self._make(run, key)

    def _make(self, run: Run, key: Key) -> None:
        read, write = os.pipe()
        try:
            folders = _folders(key)
            waits = Run(
                [b"/bin/sh", b"-c", b". /dev/fd/9"],
                run.root,
                run.read_only,
                run.extra_ro,
                memory_bytes=run.memory_bytes,
                processes=run.processes,
            )
            confined = self.box.spawn(waits, words=read)
        except OSError:  # the folder is gone, or nothing can be started: whoever asks next is told
            os.close(write)
            return
        finally:
            os.close(read)
        waiting = self._waiting[key] = _Waiting(confined, write, folders)
        waiting.timer = asyncio.get_running_loop().call_later(SECONDS, self._forget, key, waiting)
        if len(self._waiting) > MOST:
            self._close(self._waiting.popitem(last=False)[1], end=True)

    def _forget(self, key: Key, waiting: _Waiting) -> None:
        if self._waiting.get(key) is waiting:
            del self._waiting[key]
            self._close(waiting, end=True)

    def _close(self, waiting: _Waiting, *, end: bool) -> None:
        if waiting.timer is not None:
            waiting.timer.cancel()
        os.close(waiting.door)
        if end:
            task = asyncio.get_running_loop().create_task(waiting.confined.end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        for key in list(self._waiting):
            self._close(self._waiting.pop(key), end=True)
        await asyncio.gather(*self._ending, return_exceptions=True)


def _folders(key: Key) -> list[tuple[int, int]]:
    """Which folders the paths name now. Raises OSError."""
    found = [os.stat(path) for path in (key[0], *key[2])]
    return [(one.st_dev, one.st_ino) for one in found]
