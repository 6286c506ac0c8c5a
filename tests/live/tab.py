"""Tab: a browser's tab in Python: an in-process socket, a Yjs document, JSON-RPC."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from pycrdt import Doc, Text

from ide.accounts.models import User
from ide.documents import protocol
from ide.live.socket import MainSocket


class Tab:
    def __init__(
        self, workspace_id: str, user: User | AnonymousUser | None, session: SessionBase | None = None, bearer: str = ""
    ) -> None:
        self.frames: list[protocol.Message] = []
        self.events: list[dict[str, Any]] = []
        self.order: list[str] = []
        self.closed: tuple[int, str] | None = None
        self.docs: dict[str, Doc[Text]] = {}
        self.pongs = True
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: dict[int, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        route = {"kwargs": {"workspace_id": workspace_id}}
        scope: dict[str, Any] = {"type": "websocket", "user": user, "url_route": route}
        scope |= {"session": session} if session is not None else {}
        scope |= {"headers": [(b"authorization", f"Bearer {bearer}".encode())]} if bearer else {}
        self._in.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.ensure_future(MainSocket()(scope, self._in.get, self._send))
        self._number = 0

    async def _send(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.close":
            self.closed = (event["code"], event["reason"])
        elif event["type"] == "websocket.send":
            self._take(event["bytes"])
        self._changed.set()

    def _take(self, data: bytes) -> None:
        message = protocol.decode(data)
        self.frames.append(message)
        if isinstance(message, protocol.Ping):
            if self.pongs:
                self.raw(protocol.PONG_FRAME)
        elif isinstance(message, protocol.Stateless):
            payload = json.loads(message.payload)
            if "id" in payload:
                self._answers[payload["id"]] = payload
            else:
                self.events.append(payload["params"])
                self.order.append(payload["params"]["type"])
        elif isinstance(message, protocol.SyncUpdate):
            self.docs[message.document].apply_update(message.update)
            self.order.append("update")
        elif isinstance(message, protocol.SyncStep1) and message.document in self.docs:
            self.raw(protocol.step_2(message.name, self.docs[message.document].get_update(message.state)))

    def raw(self, data: bytes) -> None:
        self._in.put_nowait({"type": "websocket.receive", "bytes": data})

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait for frames until the condition holds; its value."""
        async with asyncio.timeout(10):
            while not (value := condition()):
                self._changed.clear()
                await self._changed.wait()
        return value

    def of(self, kind: type) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def open(self, document: str, token: str = "") -> None:
        self.docs[document] = Doc()
        self.docs[document].get("text", type=Text)
        self.raw(protocol.token(document, token))
        self.raw(protocol.step_1(document, self.docs[document].get_state()))

    async def opened(self, document: str, token: str = "") -> None:
        """Open a document and wait for its first sync and access."""
        self.open(document, token)
        await self.until(lambda: [f for f in self.of(protocol.SyncUpdate) if f.step2 and f.document == document])

    def text(self, document: str) -> str:
        return str(self.docs[document].get("text", type=Text))

    def type(self, document: str, at: int, text: str) -> None:
        doc = self.docs[document]
        before = doc.get_state()
        doc.get("text", type=Text).insert(at, text)
        self.raw(protocol.update(document, doc.get_update(before)))

    async def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        self._number += 1
        number = self._number
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
        self.raw(protocol.stateless("workspace", json.dumps(request)))
        await self.until(lambda: number in self._answers)
        return self._answers[number]

    async def leave(self) -> None:
        self._in.put_nowait({"type": "websocket.disconnect"})
        await asyncio.wait_for(self._task, 5)
