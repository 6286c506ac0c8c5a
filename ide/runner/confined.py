"""One running sandbox: its pipes or its terminal, its processes, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from pathlib import Path

READ_LIMIT = 128 << 10
GONE_SECONDS = 5.0


class Confined:
    """A started bubblewrap. `end` kills the whole tree and waits until it is gone; it must be called once."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int, uid: int | None) -> None:
        self._process = process
        self.terminal = terminal  # our end, -1 without
        self.uid = uid
        self.at_end: Callable[[], None] = lambda: None
        self._pidfd = os.pidfd_open(process.pid)
        self._over = asyncio.Event()
        self._ended = False
        self._transports: list[asyncio.BaseTransport] = []
        asyncio.get_running_loop().add_reader(self._pidfd, self._reap)

    @property
    def code(self) -> int | None:
        return self._process.returncode

    @property
    def pid(self) -> int:
        return self._process.pid

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        self._process.poll()
        self._over.set()

    async def wait(self) -> None:
        """Until the command has ended; `code` is then there."""
        await self._over.wait()

    def kill(self) -> None:
        """End the whole tree: bubblewrap's first process goes, and with it, by the kernel, the namespace."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def end(self) -> None:
        """Kill what is left, wait until no process of it is there, and give back what it held."""
        if self._ended:
            await self._over.wait()
            return
        self._ended = True
        inner = _handles(self._process.pid) if self._process.returncode is None else []
        try:
            self.kill()
            await self._over.wait()
            for fd in inner:
                await _readable(fd)
        finally:
            self._close(inner)

    def _close(self, inner: list[int]) -> None:
        if not self._over.is_set():  # this wait was cancelled; the kill was sent
            asyncio.get_running_loop().remove_reader(self._pidfd)
            self._process.wait()
            self._over.set()
        for transport in self._transports:  # each closes its pipe when the loop no longer reads that descriptor
            if not transport.is_closing():
                transport.abort() if isinstance(transport, asyncio.WriteTransport) else transport.close()
        relayed = [transport.get_extra_info("pipe") for transport in self._transports]
        for fd in [self._pidfd, *inner, *([self.terminal] if self.terminal >= 0 else [])]:
            os.close(fd)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None and pipe not in relayed:
                pipe.close()
        self.at_end()

    def processes(self) -> list[int]:
        """What runs inside, without bubblewrap's own two."""
        if self._process.returncode is not None:
            return []
        everyone = _children(self._process.pid)
        return [pid for one in everyone for pid in _below(one)]

    # --- pipes --------------------------------------------------------------------------------------------------------

    async def reading(self, which: str) -> StreamReader:
        """stdout, stderr, or the terminal's output, as a stream that stops the command when it is not read."""
        pipe = self._process.stdout if which == "stdout" else self._process.stderr
        file = os.fdopen(os.dup(self.terminal), "rb", buffering=0) if which == "terminal" else pipe
        loop = asyncio.get_running_loop()
        reader = StreamReader(READ_LIMIT, loop)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader, loop=loop), file)
        self._transports.append(transport)
        return reader

    async def writing(self) -> StreamWriter:
        """stdin, or the terminal's input."""
        own = self.terminal >= 0
        file = os.fdopen(os.dup(self.terminal), "wb", buffering=0) if own else self._process.stdin
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, file)
        self._transports.append(transport)
        return StreamWriter(transport, protocol, None, loop)

    async def communicate(self, seconds: float) -> tuple[bytes, bytes]:
        """Everything it prints, with no input. Raises TimeoutError."""
        assert self._process.stdin is not None  # noqa: S101 (not a terminal)
        self._process.stdin.close()
        out, error = await self.reading("stdout"), await self.reading("stderr")
        async with asyncio.timeout(seconds):
            said = await asyncio.gather(out.read(), error.read())
            await self.wait()
        return said[0], said[1]


async def _readable(fd: int) -> None:
    """Until a process is gone; that of a killed namespace is as soon as the kernel has time."""
    if select.select([fd], [], [], 0)[0]:
        return
    gone, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(fd, gone.set)
    try:
        async with asyncio.timeout(GONE_SECONDS):
            await gone.wait()
    finally:
        loop.remove_reader(fd)


def _handles(pid: int) -> list[int]:
    """Descriptors of a process's children: the first process of the namespace, which ends last."""
    found = []
    for child in _children(pid):
        with contextlib.suppress(OSError):
            found.append(os.pidfd_open(child))
    return found


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _below(pid: int) -> list[int]:
    """All descendants. Those whose parent ended belong to the namespace's first process, so none is missed."""
    found: list[int] = []
    for thread in _threads(pid):
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                found += [int(child), *_below(int(child))]
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def end_orphans(mark: str) -> int:
    """Kill sandboxes that a runner before this one left behind, found by their command line; how many there were."""
    ended = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if (entry / "cmdline").read_bytes().split(b"\0", 1)[0] == mark.encode():
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
    return ended
