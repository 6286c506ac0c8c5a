"""Between a client's connection and its sandbox: pipes with limits, or a terminal with sizes and pace."""

from __future__ import annotations

import asyncio
import contextlib
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from typing import Any

from ide.runner.confined import Confined
from ide.runner.sandbox import set_size
from ide.runner.wire import INPUT_LIMIT, Ended, Input, Output, Reply, Request, Resize, Run, Took

CHUNK = 64 << 10
EOF_SECONDS = 30.0  # how long a client may take to read what is left after the end
Send = Callable[[Reply], Awaitable[None]]


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


async def pipes(run: Run, confined: Confined, gone: Awaitable[object], send: Send) -> None:
    """Relay until it ends, its time is up, or the client is `gone`."""
    began = time.monotonic()
    out, error = Kept(run.output_bytes), Kept(run.output_bytes)
    reads = [await confined.reading("stdout"), await confined.reading("stderr")]
    pumps = asyncio.gather(
        _feed(await confined.writing(), run.stdin),
        _pump(reads[0], out, send, error=False),
        _pump(reads[1], error, send, error=True),
    )
    timed_out = await _until_over(run, confined, gone, pumps)
    if timed_out is None:
        return
    await send(
        Ended(
            code=None if timed_out else confined.code,
            timed_out=timed_out,
            seconds=time.monotonic() - began,
            out_tail=bytes(out.tail),
            out_left_out=out.left_out,
            error_tail=bytes(error.tail),
            error_left_out=error.left_out,
        ),
    )


async def terminal(run: Run, confined: Confined, requests: Callable[[], Awaitable[Request]], send: Send) -> None:
    """Relay a terminal both ways. A client that does not read stops it, and so what writes to it."""
    began = time.monotonic()
    output = await confined.reading("terminal")
    keys = asyncio.ensure_future(_typed(confined, requests, send))
    pumps = asyncio.ensure_future(_shown(output, send))
    timed_out = await _until_over(run, confined, keys, pumps)
    if timed_out is not None:
        await send(Ended(None if timed_out else confined.code, timed_out, time.monotonic() - began))


async def _until_over(run: Run, confined: Confined, gone: Awaitable[object], pumps: asyncio.Future[Any]) -> bool | None:
    """Whether its time was up; None when the client went first. The whole tree is dead then, the pumps are done."""
    left, ended = asyncio.ensure_future(gone), asyncio.ensure_future(confined.wait())
    tasks: list[asyncio.Future[Any]] = [pumps, ended, left]
    try:
        await asyncio.wait({ended, left}, timeout=run.seconds or None, return_when=asyncio.FIRST_COMPLETED)
        if left.done() and not ended.done():
            return None
        timed_out = not ended.done()
        confined.kill()
        await ended
        await asyncio.wait({pumps, left}, timeout=EOF_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return timed_out
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _feed(pipe: StreamWriter, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        pipe.write(data)
        await pipe.drain()
    pipe.close()


async def _pump(pipe: StreamReader, kept: Kept, send: Send, *, error: bool) -> None:
    while data := await pipe.read(CHUNK):
        head = kept.take(data)
        if head:
            # A client that does not read stops us here, and so the process: that is the backpressure.
            await send(Output(head, error))


async def _shown(output: StreamReader, send: Send) -> None:
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
        while data := await output.read(CHUNK):
            await send(Output(data))


async def _typed(confined: Confined, requests: Callable[[], Awaitable[Request]], send: Send) -> None:
    """Until the client is gone, or does what it may not."""
    keys = _Keys(await confined.writing(), send)
    writing = asyncio.create_task(keys.write())
    try:
        while True:
            request = await requests()
            if isinstance(request, Resize):
                set_size(confined.terminal, request.rows, request.columns)
            elif not isinstance(request, Input) or not keys.take(request.data):
                return
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


class _Keys:
    """What was typed and not yet read by the terminal's program."""

    def __init__(self, pipe: StreamWriter, send: Send) -> None:
        self._pipe, self._send = pipe, send
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._owed = 0

    def take(self, data: bytes) -> bool:
        """False when more is owed than a client may owe."""
        self._owed += len(data)
        self._waiting.put_nowait(data)
        return self._owed <= 2 * INPUT_LIMIT

    async def write(self) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone
            while True:
                data = await self._waiting.get()
                self._pipe.write(data)
                await self._pipe.drain()
                self._owed -= len(data)
                await self._send(Took(len(data)))
