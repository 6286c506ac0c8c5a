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
from pathlib import Path

import msgspec

from ide.runner import relay
from ide.runner.confined import Confined
from ide.runner.egress import Proxy
from ide.runner.ready import Ready
from ide.runner.sandbox import ADVICE, Box
from ide.runner.wire import (
    FRAME_LIMIT,
    LENGTH_BYTES,
    Ask,
    Count,
    Counted,
    Egress,
    Failed,
    Reply,
    Request,
    Run,
    Status,
    frame,
    request_of,
)

PROBE_AGAIN = 5.0  # seconds until a sandbox that did not work is tried again


class Server:
    """`folder` is where sockets of proxies are made where sandboxes have the server's user id."""

    def __init__(self, box: Box, folder: Path) -> None:
        self._box = box
        self._folder = folder
        self._status: Status | None = None
        self._probed_at = 0.0
        self._probing = asyncio.Lock()
        self._open: set[asyncio.Task[None]] = set()
        self._jobs: dict[str, set[Confined]] = {}
        self._ready = Ready(box)

    async def listen(self, path: Path) -> asyncio.Server:
        """Bind `path` (0600, in a folder of mode 0700 that is ours). Raises OSError."""
        return await asyncio.start_unix_server(self._serve, sock=_bound(path))

    async def close(self) -> None:
        """Kill everything that runs and wait for its end."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._ready.close()

    async def status(self) -> Status:
        async with self._probing:
            stale = self._status is None or not self._status.works
            if stale and (self._status is None or time.monotonic() - self._probed_at > PROBE_AGAIN):
                with tempfile.TemporaryDirectory(prefix="tandem-probe-", dir=self._folder) as folder:
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
        if isinstance(request, Count):
            await _send(writer, Counted(await self._counted(request)))
            return
        status = await self.status()
        if isinstance(request, Ask):
            await _send(writer, status)
        elif not isinstance(request, Run):
            await _send(writer, Failed("Nothing runs on this connection yet."))
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
            await self._end_of(run.job)
            async with contextlib.AsyncExitStack() as stay:
                socket = await self._door(run, writer, stay)
                confined = self._ready.take(run) or self._box.spawn(run, socket)
                stay.push_async_callback(self._ended, run.job, confined)
                self._jobs.setdefault(run.job, set()).add(confined)
                await _relayed(run, confined, reader, writer)
            self._ready.made_for(run)
        except ConnectionError:
            raise  # the client's: it is gone
        except (OSError, ValueError) as error:
            await _send(writer, Failed(f"The sandbox cannot be started: {error}", ADVICE, sandbox=True))

    async def _door(self, run: Run, writer: StreamWriter, stay: contextlib.AsyncExitStack) -> bytes:
        """The socket of a proxy for this run; empty where it may reach nothing."""
        if not run.egress:
            return b""

        def tell(decision: Egress) -> None:
            writer.write(frame(decision))

        owners = self._box.owners
        folder = owners.new_folder() if owners else Path(tempfile.mkdtemp(prefix="egress-", dir=self._folder))
        stay.callback(_removed, folder)
        proxy = Proxy(run.egress, run.internal, tell)
        stay.push_async_callback(proxy.close)
        await proxy.listen(folder / "s")
        return os.fsencode(folder / "s")

    # --- jobs ---------------------------------------------------------------------------------------------------------

    async def _counted(self, count: Count) -> int:
        """How many processes the job's sandboxes have, or had until they were killed."""
        found = sum(len(confined.processes()) for confined in self._jobs.get(count.job, ()))
        if count.kill:
            await self._end_of(count.job)
        return found

    async def _end_of(self, job: str) -> None:
        """No sandbox of the job is there any more. Unnamed ones belong to none."""
        if job:
            await asyncio.gather(*(confined.end() for confined in list(self._jobs.get(job, ()))))

    async def _ended(self, job: str, confined: Confined) -> None:
        await confined.end()
        those = self._jobs.get(job, set())
        those.discard(confined)
        if not those:
            self._jobs.pop(job, None)


async def _relayed(run: Run, confined: Confined, reader: StreamReader, writer: StreamWriter) -> None:
    async def send(reply: Reply) -> None:
        await _send(writer, reply)

    if run.pty:
        await relay.terminal(run, confined, lambda: _read(reader), send)
    else:  # a client says nothing more: any byte or EOF means stop
        await relay.pipes(run, confined, reader.read(1), send)


def _removed(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / "s").unlink(missing_ok=True)
        folder.rmdir()


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


def _problem(run: Run) -> str:
    if not run.argv or any(b"\0" in word for word in run.argv):
        return "The command is empty or has a NUL byte."
    if b"\0" in run.root + run.cwd or not os.path.isabs(run.root) or not os.path.isdir(run.root):
        return "The folder to work in is not there."
    if os.path.isabs(run.cwd) or b".." in run.cwd.split(b"/"):
        return "The place to start in is not inside the folder."
    if any(b"\0" in path or not os.path.isabs(path) or not os.path.exists(path) for path in run.extra_ro):
        return "A folder to read is not there."
    if run.seconds <= 0 and not run.pty:
        return "A command without a time limit is not run."
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
