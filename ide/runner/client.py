"""The server's end of the runner's socket: run a command confined, or ask whether the sandbox works.

`run` awaits, `run_sync` blocks; both raise Unavailable (code sandbox_unavailable) where nothing can be confined.
Cancelling `run` closes the connection, which kills the whole process tree.
"""

from __future__ import annotations

import asyncio
import os
import socket as sockets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from ide.errors import Invalid, Unavailable
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
    reply_of,
)

STATUS_SECONDS = 15.0
SYNC_GRACE = 15.0  # seconds beyond a command's own limit until a blocking caller gives the runner up
DOWN = "The runner, which starts confined processes, does not answer."
DOWN_ADVICE = "Start everything with `manage.py up`; if it runs, look at its log, logs/runner.log in the data folder."


@dataclass(frozen=True)
class Policy:
    """What a confined process may reach. `root` appears at /workspace, each of `extra_ro` at its own path."""

    root: Path
    read_only: bool = False
    extra_ro: tuple[Path, ...] = ()
    network: bool = False
    seconds: float = 60.0
    output_bytes: int = 1 << 20  # of stdout and of stderr each; of more, the first and the last half are kept
    memory_bytes: int = 2 << 30  # of data, a process
    processes: int = 256
    cwd: str = "."


@dataclass(frozen=True)
class Outcome:
    """`code` is None when the time was up, negative (or 128 + n) after signal n. Left out output is marked in place."""

    code: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool
    timed_out: bool
    seconds: float


@dataclass(frozen=True)
class SandboxStatus:
    works: bool
    sentence: str
    advice: str


@dataclass
class _Collected:
    on_output: Callable[[bytes], None] | None
    out: bytearray = field(default_factory=bytearray)
    error: bytearray = field(default_factory=bytearray)

    def take(self, reply: Reply) -> Outcome | None:
        """The outcome at the last frame. Raises what the runner refused."""
        if isinstance(reply, Output):
            (self.error if reply.error else self.out).extend(reply.data)
            if self.on_output:
                self.on_output(reply.data)
            return None
        if isinstance(reply, Ended):
            return self._outcome(reply)
        if isinstance(reply, Failed) and not reply.sandbox:
            raise Invalid(reply.sentence)
        raise _unavailable(reply.sentence, reply.advice)

    def _outcome(self, end: Ended) -> Outcome:
        for kept, tail, left_out in (
            (self.out, end.out_tail, end.out_left_out),
            (self.error, end.error_tail, end.error_left_out),
        ):
            kept.extend((b"\n[%d bytes left out]\n" % left_out if left_out else b"") + tail)
        truncated = bool(end.out_left_out or end.error_left_out)
        return Outcome(end.code, bytes(self.out), bytes(self.error), truncated, end.timed_out, end.seconds)


async def run(
    argv: Sequence[str],
    policy: Policy,
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    on_output: Callable[[bytes], None] | None = None,
    socket: Path | None = None,
) -> Outcome:
    """Run `argv` confined and return how it ended; `on_output` gets stdout and stderr as they come."""
    collected = _Collected(on_output)
    try:
        reader, writer = await asyncio.open_unix_connection(socket or settings.RUNNER_SOCKET)
    except OSError as error:
        raise _unavailable() from error
    try:
        writer.write(frame(_request(argv, policy, stdin, env or {})))
        while True:
            outcome = collected.take(await _read(reader))
            if outcome is not None:
                return outcome
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        raise _unavailable() from error
    finally:
        writer.close()


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
    collected = _Collected(on_output)
    with _connected(socket, policy.seconds + SYNC_GRACE) as connection, connection.makefile("rb") as file:
        try:
            connection.sendall(frame(_request(argv, policy, stdin, env or {})))
            while True:
                outcome = collected.take(_read_sync(file))
                if outcome is not None:
                    return outcome
        except OSError as error:
            raise _unavailable() from error


async def status(socket: Path | None = None) -> SandboxStatus:
    """Whether commands can be confined now; never raises."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket or settings.RUNNER_SOCKET)
    except OSError:
        return SandboxStatus(False, DOWN, DOWN_ADVICE)
    try:
        writer.write(frame(Ask()))
        return _status(await asyncio.wait_for(_read(reader), STATUS_SECONDS))
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return SandboxStatus(False, DOWN, DOWN_ADVICE)
    finally:
        writer.close()


def status_sync(socket: Path | None = None) -> SandboxStatus:
    """`status` for callers without a loop."""
    try:
        with _connected(socket, STATUS_SECONDS) as connection, connection.makefile("rb") as file:
            connection.sendall(frame(Ask()))
            return _status(_read_sync(file))
    except (OSError, Unavailable):
        return SandboxStatus(False, DOWN, DOWN_ADVICE)


def _connected(path: Path | None, seconds: float) -> sockets.socket:
    connection = sockets.socket(sockets.AF_UNIX)
    connection.settimeout(seconds)
    try:
        connection.connect(str(path or settings.RUNNER_SOCKET))
    except OSError as error:
        connection.close()
        raise _unavailable() from error
    return connection


def _request(argv: Sequence[str], policy: Policy, stdin: bytes, env: Mapping[str, str]) -> Request:
    return Run(
        argv=[os.fsencode(word) for word in argv],
        root=os.fsencode(policy.root),
        read_only=policy.read_only,
        extra_ro=[os.fsencode(path) for path in policy.extra_ro],
        network=policy.network,
        cwd=os.fsencode(policy.cwd),
        seconds=policy.seconds,
        output_bytes=policy.output_bytes,
        memory_bytes=policy.memory_bytes,
        processes=policy.processes,
        env=dict(env),
        stdin=stdin,
    )


async def _read(reader: asyncio.StreamReader) -> Reply:
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
        return SandboxStatus(reply.works, reply.sentence, reply.advice)
    return SandboxStatus(False, DOWN, DOWN_ADVICE)


def _unavailable(sentence: str = DOWN, advice: str = DOWN_ADVICE) -> Unavailable:
    return Unavailable(sentence, advice, code="sandbox_unavailable")
