"""A tab on the main socket of a running Tandem: documents as the browser has them, requests, events.

Made by `tests.client.Person.tab`. Positions in documents are code points; whatever waits has a deadline.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from pycrdt import Doc, Text

from ide.documents import protocol
from ide.documents.text import to_bytes
from ide.documents.yjs.anchors import Ruler
from ide.documents.yjs.replica import Replica

Json = dict[str, Any]
DEADLINE = 15.0


class Refusal(Exception):
    """The server said no. `problem` is its {code, message, do, …}; `status` is 0 on the socket."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem}")
        self.status, self.problem = status, problem

    @property
    def words(self) -> str:
        return f"{self.problem.get('message', '')} {self.problem.get('do', '')}"


class Document:
    """An open document of a tab. `unsaved` counts updates that are not acknowledged yet."""

    def __init__(self, tab: Tab, ref: Json) -> None:
        self.tab = tab
        self.id: str = ref["id"]
        self.path: str = ref["path"]
        self.doc: Doc[Text] = Doc()
        self._root = self.doc.get("text", type=Text)
        self.loaded = False
        self.scope = ""
        self.unsaved = 0
        self.refused = False  # an update was not taken
        self.awareness: list[bytes] = []  # as it came: who is in the document with which cursor

    @property
    def text(self) -> str:
        return str(self._root)

    async def edit(self, start: int, end: int, new: str) -> None:
        """Replace the code points [start, end)."""
        text, before = self.text, self.doc.get_state()
        first, last = to_bytes(text, start), to_bytes(text, end)
        with self.doc.transaction():
            if last > first:
                del self._root[first:last]
            if new:
                self._root.insert(first, new)
        self.unsaved += 1
        await self.tab.send(protocol.update(self.id, self.doc.get_update(before)))

    async def append(self, new: str) -> None:
        await self.edit(len(self.text), len(self.text), new)

    async def saved(self) -> None:
        """Every edit of this tab is committed."""
        await self.tab.until(lambda: self.unsaved <= 0, f"{self.path} acknowledged")

    async def shows(self, part: str, seconds: float = DEADLINE) -> None:
        await self.tab.until(lambda: part in self.text, f"{part!r} in {self.path}", seconds)

    async def on_disk(self, since: int) -> None:
        """Everything is saved and in the file; `since` is `len(tab.events)` before the edit."""
        await self.saved()
        await self.tab.event("document.disk", lambda e: e["document"] == self.id and e["on_disk"], since)

    def anchor(self, index: int, assoc: int = -1) -> str:
        """A position that moves with the text, as it crosses the wire."""
        return Ruler(Replica([self.doc.get_update()])).place(index, assoc).encode()


class Tab:
    """One main socket. `events` are all that came, in order; `closed` the close code once it is."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, workspace: str, get: Callable[..., Awaitable[Any]]
    ) -> None:
        self.workspace = workspace
        self._http, self._url, self._get = http, url, get
        self.events: list[Json] = []
        self.documents: dict[str, Document] = {}
        self.closed: int | None = None
        self._denied: dict[str, str] = {}
        self._answers: dict[int, Json] = {}
        self._number = 0
        self._waiting: set[asyncio.Event] = set()

    async def connect(self) -> None:
        """Open the socket, or open it again: open documents catch up."""
        self.closed = None
        address = f"{self._url}/ws/workspaces/{self.workspace}"
        # The site's origin, as a browser sends it; documents may come whole in one frame.
        self._socket = await self._http.ws_connect(address, origin=self._url, max_msg_size=32 << 20)
        self._reader = asyncio.create_task(self._read(), name=f"tab {self.workspace}")
        await self.send(protocol.token("workspace", ""))
        for document in self.documents.values():
            await self._introduce(document)

    async def close(self) -> None:
        await self._socket.close()
        await self._reader

    async def send(self, frame: bytes) -> None:
        await self._socket.send_bytes(frame)

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                await self._take(protocol.decode(message.data))
                self._changed()
        self.closed = self._socket.close_code or 1006
        self._changed()

    def _changed(self) -> None:
        for event in self._waiting:
            event.set()

    async def _take(self, message: protocol.Message) -> None:
        if isinstance(message, protocol.Ping):
            await self.send(protocol.PONG_FRAME)
        elif isinstance(message, protocol.Stateless):
            payload = json.loads(message.payload)
            if "id" in payload:
                self._answers[payload["id"]] = payload
            else:
                self.events.append(payload["params"])
        elif isinstance(message, protocol.Named) and message.document in self.documents:
            await self._take_document(self.documents[message.document], message)

    async def _take_document(self, document: Document, message: protocol.Named) -> None:
        if isinstance(message, protocol.SyncUpdate):
            document.doc.apply_update(message.update)
            document.loaded = document.loaded or message.step2
        elif isinstance(message, protocol.SyncStep1):
            document.unsaved = 1  # what the server lacks goes in one piece
            await self.send(protocol.step_2(document.id, document.doc.get_update(message.state)))
        elif isinstance(message, protocol.Awareness):
            document.awareness.append(message.data)
        elif isinstance(message, protocol.SyncStatus):
            document.unsaved -= 1
            document.refused = document.refused or not message.applied
        elif isinstance(message, protocol.Access):
            document.scope = message.scope
            if not message.scope:
                self._denied[document.id] = message.reason

    async def until(self, condition: Callable[[], Any], what: str = "it", seconds: float = DEADLINE) -> Any:
        """Wait for frames until the condition holds; its value."""
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(seconds):
                while not (value := condition()):
                    assert self.closed is None, f"closed with {self.closed} while waiting for {what}"
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise AssertionError(f"after {seconds:g} s still waiting for {what}") from None
        finally:
            self._waiting.discard(changed)
        return value

    async def event(
        self, kind: str, fits: Callable[[Json], Any] = lambda _: True, since: int = 0, seconds: float = DEADLINE
    ) -> Json:
        """The first event of that type that fits, of those from number `since` on."""

        def found() -> Json | None:
            return next((e for e in self.events[since:] if e["type"] == kind and fits(e)), None)

        event: Json = await self.until(found, f"event {kind}", seconds)
        return event

    async def call(self, method: str, **params: object) -> Any:
        """The result of an op. Raises Refusal."""
        self._number += 1
        number = self._number
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self.send(protocol.stateless("workspace", json.dumps(request)))
        answer = await self.until(lambda: self._answers.pop(number, None), method)
        if "error" in answer:
            raise Refusal(0, answer["error"]["data"])
        return answer["result"]

    async def open(self, path: str) -> Document:
        """The document of a file, loaded. Raises Refusal."""
        ref = await self._get(f"/workspaces/{self.workspace}/documents", path=path)
        if ref["id"] in self.documents:
            return self.documents[ref["id"]]
        document = self.documents[ref["id"]] = Document(self, ref)
        await self._introduce(document)
        await self.until(lambda: document.loaded or document.id in self._denied, f"{path!r} loaded")
        if document.id in self._denied:
            del self.documents[document.id]
            raise Refusal(0, {"code": "denied", "message": self._denied.pop(document.id), "do": ""})
        await document.saved()
        return document

    async def _introduce(self, document: Document) -> None:
        await self.send(protocol.token(document.id, ""))
        await self.send(protocol.step_1(document.id, document.doc.get_state()))
