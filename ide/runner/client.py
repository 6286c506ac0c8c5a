"""The server's end of the runner's socket: run a command confined, in a terminal, or ask whether the sandbox works.

`run` awaits, `run_sync` blocks; both raise Unavailable (code sandbox_unavailable) where nothing can be confined.
Cancelling `run` closes the connection, which kills the whole process tree; so does leaving a `terminal`.
"""

from __future__ import annotations

import asyncio
import socket as sockets
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from ide.errors import Unavailable
from ide.runner.asking import (
    DOWN,
    DOWN_ADVICE,
    Collected,
    Outcome,
    Policy,
    SandboxStatus,
    refusal,
    request,
    unavailable,
)
from ide.runner.profile import PROXY
from ide.runner.wire import (
    FRAME_LIMIT,
    INPUT_LIMIT,
    LENGTH_BYTES,
    Ask,
    Count,
    Counted,
    Egress,
    Ended,
    Input,
    Output,
    Reply,
    Request,
    Resize,
    Status,
    Took,
    frame,
    reply_of,
)

__all__ = ["DOWN", "PROXY", "Egress", "Outcome", "Policy", "SandboxStatus", "Terminal"]

STATUS_SECONDS = 15.0
SYNC_GRACE = 15.0  # seconds beyond a command's own limit until a blocking caller gives the runner up


async def run(
    argv: Sequence[str],
    policy: Policy,
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    on_output: Callable[[bytes], None] | None = None,
    on_egress: Callable[[Egress], None] | None = None,
    socket: Path | None = None,
) -> Outcome:
    """Run `argv` confined and return how it ended; `on_output` gets stdout and stderr as they come, `on_egress` what
    the proxy decided."""
    collected = Collected(on_output, on_egress)
    async with _connection(socket, request(argv, policy, stdin, env or {})) as (reader, _):
        while True:
            outcome = collected.take(await _read(reader))
            if outcome is not None:
                return outcome


def run_sync(
    argv: Sequence[str],
    policy: Policy,
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    on_output: Callable[[bytes], None] | None = None,
    socket: Path | None = None,
) -> Outcome:
    """`run` for callers without a loop."""
    collected = Collected(on_output)
    with _connected(socket, policy.seconds + SYNC_GRACE) as connection, connection.makefile("rb") as file:
        try:
            connection.sendall(frame(request(argv, policy, stdin, env or {})))
            while True:
                outcome = collected.take(_read_sync(file))
                if outcome is not None:
                    return outcome
        except OSError as error:
            raise unavailable() from error


class Terminal:
    """A confined terminal. Somebody must read it: what it prints is held back, and in time the program with it.

    `code` is there after `read` returned b"": as in Outcome.
    """

    def __init__(self, reader: StreamReader, writer: StreamWriter, on_egress: Callable[[Egress], None] | None) -> None:
        self._reader, self._writer, self._on_egress = reader, writer, on_egress
        self._owed = 0
        self._room = asyncio.Event()
        self._room.set()
        self.ended = False
        self.code: int | None = None

    async def read(self) -> bytes:
        """The next bytes it printed; b"" when it has ended. Raises Unavailable, Invalid."""
        while not self.ended:
            reply = await _read(self._reader)
            if isinstance(reply, Output):
                return reply.data
            if isinstance(reply, Took):
                self._owed -= reply.count
                self._make_room()
            elif isinstance(reply, Ended):
                self.ended, self.code = True, reply.code
                self._room.set()
            elif isinstance(reply, Egress):
                if self._on_egress:
                    self._on_egress(reply)
            else:
                raise refusal(reply)
        return b""

    async def write(self, data: bytes) -> None:
        """Type; waits while the program has too much unread."""
        for start in range(0, len(data), INPUT_LIMIT // 4):
            await self._room.wait()
            if self.ended:
                return
            piece = data[start : start + INPUT_LIMIT // 4]
            self._owed += len(piece)
            self._make_room()
            self._writer.write(frame(Input(piece)))
            await self._writer.drain()

    async def resize(self, rows: int, columns: int) -> None:
        self._writer.write(frame(Resize(rows, columns)))
        await self._writer.drain()

    def _make_room(self) -> None:
        if self._owed < INPUT_LIMIT:
            self._room.set()
        else:
            self._room.clear()


@asynccontextmanager
async def terminal(
    argv: Sequence[str],
    policy: Policy,
    *,
    size: tuple[int, int] = (24, 80),
    env: Mapping[str, str] | None = None,
    on_egress: Callable[[Egress], None] | None = None,
    socket: Path | None = None,
) -> AsyncIterator[Terminal]:
    """Run `argv` confined in a terminal of `size` (rows, columns); it ends with the block, if not before."""
    asked = request(argv, replace(policy, pty=True), b"", env or {})
    asked.rows, asked.columns = size
    async with _connection(socket, asked) as (reader, writer):
        yield Terminal(reader, writer, on_egress)


async def kill(job: str, socket: Path | None = None) -> int:
    """End every sandbox of a job; how many processes it had. When this returns, none is left."""
    return await _count(Count(job, kill=True), socket)


async def alive(job: str, socket: Path | None = None) -> int:
    """How many confined processes a job has now."""
    return await _count(Count(job), socket)


async def _count(count: Count, socket: Path | None) -> int:
    async with _connection(socket, count) as (reader, _):
        reply = await _read(reader)
        if isinstance(reply, Counted):
            return reply.processes
        raise refusal(reply)


async def status(socket: Path | None = None) -> SandboxStatus:
    """Whether commands can be confined now; never raises."""
    try:
        async with asyncio.timeout(STATUS_SECONDS), _connection(socket, Ask()) as (reader, _):
            return _status(await _read(reader))
    except (Unavailable, TimeoutError):
        return SandboxStatus(False, DOWN, DOWN_ADVICE)


def status_sync(socket: Path | None = None) -> SandboxStatus:
    """`status` for callers without a loop."""
    try:
        with _connected(socket, STATUS_SECONDS) as connection, connection.makefile("rb") as file:
            connection.sendall(frame(Ask()))
            return _status(_read_sync(file))
    except (OSError, Unavailable):
        return SandboxStatus(False, DOWN, DOWN_ADVICE)


@asynccontextmanager
async def _connection(path: Path | None, asked: Request) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A connection on which a request was made. A runner that is not there, or goes, is Unavailable."""
    try:
        reader, writer = await asyncio.open_unix_connection(path or settings.RUNNER_SOCKET)
    except OSError as error:
        raise unavailable() from error
    try:
        writer.write(frame(asked))
        yield reader, writer
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        raise unavailable() from error
    finally:
        writer.close()


def _connected(path: Path | None, seconds: float) -> sockets.socket:
    connection = sockets.socket(sockets.AF_UNIX)
    connection.settimeout(seconds)
    try:
        connection.connect(str(path or settings.RUNNER_SOCKET))
    except OSError as error:
        connection.close()
        raise unavailable() from error
    return connection


async def _read(reader: StreamReader) -> Reply:
    length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
    if length > FRAME_LIMIT:
        raise ConnectionError("not a runner")
    return reply_of(await reader.readexactly(length))


def _read_sync(file: BinaryIO) -> Reply:
    head = file.read(LENGTH_BYTES)
    length = int.from_bytes(head, "big")
    if len(head) < LENGTH_BYTES or length > FRAME_LIMIT:
        raise ConnectionError("the runner hung up")
    body = file.read(length)
    if len(body) < length:
        raise ConnectionError("the runner hung up")
    return reply_of(body)


def _status(reply: Reply) -> SandboxStatus:
    if isinstance(reply, Status):
        return SandboxStatus(reply.works, reply.sentence, reply.advice, reply.walls)
    return SandboxStatus(False, DOWN, DOWN_ADVICE)
