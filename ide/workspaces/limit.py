"""BodyLimit: an ASGI application that refuses requests larger than an upload may be, before anything holds them.

By Content-Length at once, else where the limit is passed. A server that takes the whole request in before it calls the
application (Daphne, into a temporary file) still saves Django's copy and all the work.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ide.errors import TooLarge

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Event, Receive, Send], Awaitable[None]]
FORM = 1 << 20  # what a form may hold around its file


class BodyLimit:
    """Around `app`; `limit` is that of one uploaded file, in bytes."""

    def __init__(self, app: App, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sizes = [value for name, value in scope["headers"] if name == b"content-length"]
        if any(value.isdigit() and int(value) > self._limit + FORM for value in sizes):
            await self._refuse(send)
            return
        body = _Counted(receive, send, self._limit + FORM)
        await self._app(scope, body.receive, body.send)
        if body.cut and not body.answered:
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        error = TooLarge(f"Uploads are limited to {self._limit >> 20} MiB.", "Leave something out.")
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(error.as_json()).encode()})


class _Counted:
    """The body so far. Where it passes the limit, the application is told that the client has gone."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._left = receive, send, limit
        self.cut = self.answered = False

    async def receive(self) -> Event:
        if self.cut:
            return {"type": "http.disconnect"}
        event = await self._receive()
        self._left -= len(event.get("body", b""))
        self.cut = self._left < 0
        return {"type": "http.disconnect"} if self.cut else event

    async def send(self, event: Event) -> None:
        self.answered = True
        await self._send(event)
