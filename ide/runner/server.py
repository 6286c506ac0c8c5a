"""The runner's end of its unix socket: one request a connection; closing the connection kills what it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import tempfile
import time
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import Process
from pathlib import Path

import msgspec

from ide.runner.sandbox import ADVICE, Box
from ide.runner.wire import (
    FRAME_LIMIT,
    LENGTH_BYTES,
    Ask,
    Ended,
    Failed,
    Output,
    Reply,
    Request,
    Run,
    Status,
    frame,
    request_of,
)

CHUNK = 64 << 10
PROBE_AGAIN = 5.0  # seconds until a sandbox that did not work is tried again
EOF_SECONDS = 1.0  # how long pipes may stay open after the process ended


class Kept:
    """Output within a limit: the first half streamed as it comes, of the rest only the newest half."""

    def __init__(self, limit: int) -> None:
        self._head_left = max(0, limit - limit // 2)
        self._tail_limit = limit // 2
        self.tail = bytearray()
        self.left_out = 0

    def take(self, data: bytes) -> bytes:
        """Returns what is to be streamed now."""
        head, rest = data[: self._head_left], data[self._head_left :]
        self._head_left -= len(head)
        self.tail += rest
        over = len(self.tail) - self._tail_limit
        if over > 0:
            del self.tail[:over]
            self.left_out += over
        return head


class Server:
    def __init__(self, box: Box) -> None:
        self._box = box
        self._status: Status | None = None
        self._probed_at = 0.0
        self._probing = asyncio.Lock()
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self, path: Path) -> asyncio.Server:
        """Bind `path` (0600, in a folder of mode 0700 that is ours). Raises OSError."""
        return await asyncio.start_unix_server(self._serve, sock=_bound(path))

    async def close(self) -> None:
        """Kill everything that runs and wait for its end."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def status(self) -> Status:
        async with self._probing:
            stale = self._status is None or not self._status.works
            if stale and (self._status is None or time.monotonic() - self._probed_at > PROBE_AGAIN):
                with tempfile.TemporaryDirectory(prefix="tandem-probe-") as folder:
                    self._status = await self._box.probe(Path(folder))
                self._probed_at = time.monotonic()
            assert self._status is not None  # noqa: S101 (set above)
            return self._status

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (start_unix_server runs this in a task)
        self._open.add(task)
        try:
            if _is_ours(writer):
                await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is gone; what it started is dead
        except asyncio.CancelledError:
            pass  # the runner stops; asyncio logs a cancelled connection as an error otherwise
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            request = await _read(reader)
        except (msgspec.DecodeError, ValueError) as error:
            await _send(writer, Failed(f"The request cannot be read: {error}"))
            return
        status = await self.status()
        if isinstance(request, Ask):
            await _send(writer, status)
        elif not status.works:
            await _send(writer, Failed(status.sentence, status.advice, sandbox=True))
        else:
            await self._run(request, reader, writer)

    async def _run(self, run: Run, reader: StreamReader, writer: StreamWriter) -> None:
        problem = _problem(run)
        if problem:
            await _send(writer, Failed(problem))
            return
        try:
            process = await self._box.spawn(run)
        except (OSError, ValueError) as error:
            await _send(writer, Failed(f"The sandbox cannot be started: {error}", ADVICE, sandbox=True))
            return
        try:
            await _relay(run, process, reader, writer)
        finally:
            await _end(process)


def _bound(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = path.parent.stat()
    if folder.st_uid != os.getuid() or folder.st_mode & 0o077:
        raise PermissionError(f"{path.parent} must belong to this user and be closed to others (chmod 700)")
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    path.chmod(0o600)
    return listening


async def _relay(run: Run, process: Process, reader: StreamReader, writer: StreamWriter) -> None:
    began = time.monotonic()
    out, error = Kept(run.output_bytes), Kept(run.output_bytes)
    assert process.stdin is not None  # noqa: S101 (all three are pipes)
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    pumps = asyncio.gather(
        _feed(process.stdin, run.stdin),
        _pump(process.stdout, out, writer, error=False),
        _pump(process.stderr, error, writer, error=True),
    )
    ended = asyncio.ensure_future(process.wait())
    gone = asyncio.ensure_future(reader.read(1))  # a client says nothing more: any byte or EOF means stop
    tasks: list[asyncio.Future[object]] = [pumps, ended, gone]  # type: ignore[list-item]
    try:
        await asyncio.wait({ended, gone}, timeout=run.seconds, return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and not ended.done():
            return
        timed_out = not ended.done()
        await _end(process)
        await asyncio.wait({pumps}, timeout=EOF_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await _send(
        writer,
        Ended(
            code=None if timed_out else process.returncode,
            timed_out=timed_out,
            seconds=time.monotonic() - began,
            out_tail=bytes(out.tail),
            out_left_out=out.left_out,
            error_tail=bytes(error.tail),
            error_left_out=error.left_out,
        ),
    )


async def _feed(pipe: StreamWriter, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        pipe.write(data)
        await pipe.drain()
    pipe.close()


async def _pump(pipe: StreamReader, kept: Kept, writer: StreamWriter, *, error: bool) -> None:
    while data := await pipe.read(CHUNK):
        head = kept.take(data)
        if head:
            # A client that does not read stops us here, and so the process: that is the backpressure.
            await _send(writer, Output(head, error))


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()


def _problem(run: Run) -> str:
    if not run.argv or any(b"\0" in word for word in run.argv):
        return "The command is empty or has a NUL byte."
    if b"\0" in run.root + run.cwd or not os.path.isabs(run.root) or not os.path.isdir(run.root):
        return "The folder to work in is not there."
    if os.path.isabs(run.cwd) or b".." in run.cwd.split(b"/"):
        return "The place to start in is not inside the folder."
    if any(b"\0" in path or not os.path.isabs(path) or not os.path.exists(path) for path in run.extra_ro):
        return "A folder to read is not there."
    if any("=" in name or "\0" in name + value or not name for name, value in run.env.items()):
        return "A variable of the environment has no usable name."
    return ""


def _is_ours(writer: StreamWriter) -> bool:
    """The socket's folder is closed to others already; this holds where someone loosened it."""
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", peer)[1] == os.getuid())


async def _read(reader: StreamReader) -> Request:
    length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
    if length > FRAME_LIMIT:
        raise ValueError(f"{length} bytes are more than {FRAME_LIMIT}")
    return request_of(await reader.readexactly(length))


async def _send(writer: StreamWriter, reply: Reply) -> None:
    writer.write(frame(reply))
    await writer.drain()
