"""A chat-completions server on the loopback address that behaves as its model's name says. For tests only.

Give a `Manners` name as the endpoint's model. `reply` is what a good answer says; a broken one says half of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

OK, SLOW, CUT, HANG, SILENT = "ok", "slow", "cut", "hang", "silent"
KEY, LIMIT, ONCE, FAULT, ERROR, GARBAGE = "401", "429", "429-once", "500", "error-200", "garbage"
PAGE, NOTHING = "page", "nothing"
PIECE = 12  # characters a chunk
PACE = 0.03  # seconds between two chunks of the slow one

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def chunk(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


def said(text: str) -> bytes:
    return chunk(choices=[{"index": 0, "delta": {"content": text}}])


class ProviderServer:
    """Use with `async with`; `url` is an endpoint's base URL. `asked` are the bodies it got, `left` is set when a
    caller hung up before the answer's end."""

    def __init__(self) -> None:
        self.url = ""
        self.reply = "Fine."
        self.asked: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self._behave: dict[str, Answer] = {
            OK: self._ok,
            SLOW: self._slow,
            CUT: self._cut,
            HANG: self._hang,
            SILENT: self._silent,
            KEY: self._refuse(401, "Incorrect API key provided.", "invalid_api_key"),
            LIMIT: self._refuse(429, "Requests per minute: 0 left.", "rate_limit_exceeded", retry_after="3600"),
            ONCE: self._once,
            FAULT: self._refuse(500, "The engine is on fire.", "internal_error"),
            ERROR: self._error,
            GARBAGE: self._garbage,
            PAGE: self._page,
            NOTHING: self._nothing,
        }
        self._refused: set[str] = set()

    @property
    def models(self) -> list[str]:
        return list(self._behave)

    async def __aenter__(self) -> ProviderServer:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        try:
            return await self._behave[body["model"]](request)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        return response

    async def _say(self, response: web.StreamResponse, text: str, pace: float = 0.0) -> None:
        for at in range(0, len(text), PIECE):
            await response.write(said(text[at : at + PIECE]))
            await asyncio.sleep(pace)

    async def _end(self, response: web.StreamResponse) -> web.StreamResponse:
        usage = {"prompt_tokens": 10, "completion_tokens": len(self.reply) // 4}
        await response.write(chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=usage))
        await response.write(b"data: [DONE]\n\n")
        return response

    # --- manners -------------------------------------------------------------------------------------------------

    async def _ok(self, request: web.Request) -> web.StreamResponse:
        response = await self._stream(request)
        await self._say(response, self.reply)
        return await self._end(response)

    async def _slow(self, request: web.Request) -> web.StreamResponse:
        response = await self._stream(request)
        await self._say(response, self.reply, PACE)
        return await self._end(response)

    async def _half(self, request: web.Request) -> web.StreamResponse:
        response = await self._stream(request)
        await self._say(response, self.reply[: len(self.reply) // 2], PACE)
        return response

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        """Half an answer, then the connection is gone."""
        response = await self._half(request)
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        """Half an answer, then nothing for ever."""
        response = await self._half(request)
        await asyncio.Event().wait()
        return response

    async def _silent(self, request: web.Request) -> web.StreamResponse:
        """Not even a first byte."""
        await asyncio.Event().wait()
        return web.Response()

    async def _error(self, request: web.Request) -> web.StreamResponse:
        """An error reported in a stream that began with status 200, behind half an answer."""
        response = await self._half(request)
        await response.write(chunk(error={"message": "The model is overloaded.", "code": "overloaded"}))
        return response

    async def _garbage(self, request: web.Request) -> web.StreamResponse:
        response = await self._stream(request)
        await response.write(b"data: \xff\xfe\x00{]garbage\n\n" + bytes(range(256)) + b"\n\n")
        return response

    async def _page(self, _: web.Request) -> web.StreamResponse:
        """A web page, as a proxy that wants a sign-in gives it."""
        return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        """A proper answer without a word in it."""
        return await self._end(await self._stream(request))

    async def _once(self, request: web.Request) -> web.StreamResponse:
        """Too many requests the first time each text is asked, with a short wait; then an answer."""
        mark = (await request.text())[-200:]
        if mark in self._refused:
            return await self._ok(request)
        self._refused.add(mark)
        return await self._refuse(429, "Slow down.", "rate_limit_exceeded", retry_after="0")(request)

    @staticmethod
    def _refuse(status: int, message: str, code: str, **headers: str) -> Answer:
        async def answer(_: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.json_response({"error": {"message": message, "code": code}}, status=status, headers=named)

        return answer
