"""Server-sent events as good and as bad as real servers send them."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from agents.simulator.plan import Plan


class Ended(Exception):
    """A fault has ended the answer."""


class _Typed(msgspec.Struct):
    type: str = ""


_type = msgspec.json.Decoder(_Typed).decode


class Stream:
    """One answer. `named`: each event carries its type as the event's name."""

    def __init__(self, request: web.Request, plan: Plan, *, named: bool, done: bytes = b"") -> None:
        self._request = request
        self._plan, self._named, self._done = plan, named, done
        self._end = b"\r\n" if plan.fault == "crlf" else b"\n"
        self._told = 0
        headers = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache",
            "x-ratelimit-remaining-tokens": "90000",
        }
        self.response = web.StreamResponse(headers=headers)

    async def open(self) -> None:
        await self.response.prepare(self._request)

    async def tokens(self, payloads: list[bytes], count: int) -> None:
        """Payloads that hold `count` tokens; the fault comes when its place is reached. Raises Ended."""
        plan = self._plan
        self._told += count
        await self.send(payloads)
        if plan.fault in ("hang", "close", "garbage", "error_200", "no_end") and self._told >= plan.at:
            await self._fail(plan.fault)

    async def send(self, payloads: list[bytes]) -> None:
        data = b"".join(self._event(payload) for payload in payloads)
        if self._plan.fault != "cut_utf8":
            await self.response.write(data)
            return
        for at in range(0, len(data), 7):
            await self.response.write(data[at : at + 7])
            await asyncio.sleep(0)

    async def end(self) -> None:
        if self._done:
            await self.send([self._done])
        await self.response.write_eof()

    def _event(self, payload: bytes) -> bytes:
        lines = [b"event: " + _type(payload).type.encode()] if self._named and payload.startswith(b"{") else []
        lines.append(b"data: " + payload)
        if self._plan.fault == "comments":
            lines = [b": still here", b"id: 7", *lines, b"retry: 1000"]
        return self._end.join([*lines, b"", b""])

    async def _fail(self, fault: str) -> None:
        if fault == "hang":
            await asyncio.Event().wait()
        elif fault == "garbage":
            await self.response.write(b'data: {"this is\x00 no json' + self._end * 2)
        elif fault == "error_200":
            error = {"type": "error", "error": {"type": "server_error", "code": "server_error", "message": "A fault."}}
            await self.send([msgspec.json.encode(error)])
        if fault == "close" and self._request.transport is not None:
            self._request.transport.close()
        elif fault != "close":
            await self.response.write_eof()
        raise Ended
