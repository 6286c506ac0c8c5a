"""Writers: clients that write tokens, go offline with their server, come back and send again, and note every answer.

They do what our browser does: token, awareness, sync step 1; on the server's step 1 everything it lacks in one step 2;
then an update per edit. An answer belongs to the oldest message that has none.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from typing import Any

import aiohttp
from pycrdt import Doc, Text

from ide.documents import protocol
from ide.documents.protocol import Presence
from ide.documents.text import to_bytes
from tests.chaos.checker import Row, token

BETWEEN = ("😀", "👩‍👩‍👧‍👦 ", "e\u0301", "\r\n", "\n", " ", "🇫🇷\r\n", "x")
Json = dict[str, Any]


class Writer:
    """`name` is a person of the ground. Positions are code points outside and UTF-8 bytes towards pycrdt."""

    def __init__(self, name: str, world: Json, port: int, seed: int) -> None:
        self.name = name
        self.rows: list[Row] = []
        self.codes: list[int] = []  # of the closes that came
        self.online = False
        self.denied: list[str] = []
        self._world, self._port = world, port
        self._random = random.Random(f"{name} {seed}")
        self._number = 0
        self._fresh()
        self.hesitates = False  # whether to keep the patch that an epoch offers, until `accept`
        self._offered: list[Row] = []
        self._clock = 0
        self._in_flight: deque[list[Row]] = deque()
        self._in_order = True  # answers can be told apart on this connection
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        self._leaving = asyncio.Event()
        self._again = asyncio.Event()
        self._task = asyncio.create_task(self._live(), name=f"writer {name}")

    def _fresh(self) -> None:
        self._doc: Doc[Text] = Doc()
        self._root = self._doc.get("text", type=Text)

    @property
    def text(self) -> str:
        return str(self._root)

    @property
    def settled(self) -> bool:
        return self.online and not self._in_flight and (self.hesitates or not self._offered)

    def accept(self) -> None:
        """Type again what the replica that was set aside had and the document has not."""
        self.hesitates = False
        rows, self._offered = self._offered, []
        for row in rows:
            if row.token not in self.text:
                self._insert(row)

    async def leave(self) -> None:
        self._leaving.set()
        await self._task

    # --- editing -------------------------------------------------------------------------------------------------

    def write(self) -> None:
        self._number += 1
        one = token(self.name, self._number)
        row = Row(self.name, "write", one, time.monotonic())
        self.rows.append(row)
        if not self._offered:
            self._insert(row)
        else:
            self._offered.append(row)  # in its turn

    def _insert(self, row: Row) -> None:
        text = self.text
        at = self._after_newest(text)
        with_company = row.token + self._random.choice(BETWEEN)
        self._edit([row], lambda: self._root.insert(to_bytes(text, at), with_company))

    def _after_newest(self, text: str) -> int:
        for row in reversed(self.rows):
            at = text.find(row.token) if row.op == "write" else -1
            if at >= 0:
                return at + len(row.token)
        return len(text)

    def delete(self) -> None:
        """One of the own tokens that are saved, if there are some, never the newest."""
        gone = {row.token for row in self.rows if row.op == "delete"}
        mine = [row.token for row in self.rows if row.op == "write" and row.outcome == "ok" and row.token not in gone]
        if len(mine) < 3:
            return
        one = self._random.choice(mine[:-1])
        text = self.text
        at = text.find(one)
        if at < 0:
            return
        row = Row(self.name, "delete", one, time.monotonic())
        self.rows.append(row)
        start, end = to_bytes(text, at), to_bytes(text, at + len(one))
        self._edit([row], lambda: self._root.__delitem__(slice(start, end)))

    def paste(self, size: int) -> None:
        """A token with so many characters behind it, which go away again: much for the log, little for the text."""
        self.write()
        text, filler = self.text, "." * size
        at = to_bytes(text, self._after_newest(text))
        self._edit([], lambda: self._root.insert(at, filler))
        self._edit([], lambda: self._root.__delitem__(slice(at, at + size)))

    def _edit(self, rows: list[Row], change: Any) -> None:
        updates: list[bytes] = []
        watching = self._doc.observe(lambda event: updates.append(event.update))
        with self._doc.transaction():
            change()
        self._doc.unobserve(watching)
        if self.online:
            self.send_raw(protocol.update(self._world["document"], updates[-1]), rows)

    def send_raw(self, frame: bytes, rows: list[Row] | None = None) -> None:
        """A frame that the server answers with a SyncStatus, if `rows` is given."""
        if rows is not None:
            self._in_flight.append(rows)
        self._out.put_nowait(frame)

    # --- the socket ------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        delay = 0.05
        while not self._leaving.is_set():
            began = time.monotonic()
            try:
                await self._connection()
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            self.online = False
            self._in_flight.clear()
            delay = 0.05 if time.monotonic() - began > 1 else min(0.5, delay * 1.5)
            try:
                await asyncio.wait_for(self._leaving.wait(), delay * self._random.uniform(0.5, 1.5))
            except TimeoutError:
                pass

    async def _connection(self) -> None:
        address = f"http://127.0.0.1:{self._port}"
        cookie = f"tandem_session={self._world['people'][self.name]['session']}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=2)
        async with aiohttp.ClientSession(timeout=timeout, headers={"Cookie": cookie}) as http:
            socket = await asyncio.wait_for(
                http.ws_connect(
                    f"{address}/ws/workspaces/{self._world['workspace']}", origin=address, max_msg_size=32 << 20
                ),
                5,
            )
            self._again.clear()
            work = (self._read(socket), self._write(socket), self._again.wait())
            tasks: list[asyncio.Task[Any]] = [asyncio.create_task(one) for one in work]
            leaving = asyncio.create_task(self._leaving.wait())
            try:
                await asyncio.wait([*tasks, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (*tasks, leaving):
                    task.cancel()
                await asyncio.gather(*tasks, leaving, return_exceptions=True)
                if socket.close_code is not None:
                    self.codes.append(socket.close_code)
                await asyncio.wait_for(socket.close(), 2)

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._out = asyncio.Queue()
        name = self._world["document"]
        await socket.send_bytes(protocol.token(name, "cookie"))
        self._clock += 1
        state = json.dumps({"user": {"name": "a forged name"}})
        mine = protocol.encode_awareness([Presence(self._doc.client_id, self._clock, state)])
        await socket.send_bytes(protocol.awareness(name, mine))
        await socket.send_bytes(protocol.step_1(name, self._doc.get_state()))
        while True:
            await socket.send_bytes(await self._out.get())

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._in_order = True
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                self._take(protocol.decode(message.data))

    def _take(self, message: protocol.Message) -> None:
        if isinstance(message, protocol.Ping):
            self.send_raw(protocol.PONG_FRAME)
        elif isinstance(message, protocol.SyncUpdate):
            self._doc.apply_update(message.update)
        elif isinstance(message, protocol.SyncStep1):
            self._in_order = not self.online
            open_rows = [row for row in self.rows if row.outcome == "unknown" and row not in self._offered]
            self.online = True
            self.send_raw(protocol.step_2(message.name, self._doc.get_update(message.state)), open_rows)
            if self._offered and not self.hesitates:
                self.accept()
        elif isinstance(message, protocol.SyncStatus) and self._in_flight:
            rows = self._in_flight.popleft()
            if self._in_order:
                self._answered(rows, message.applied)
            elif not self._in_flight:
                self._answered([row for row in self.rows if row.outcome == "unknown"], message.applied)
        elif isinstance(message, protocol.Access) and not message.scope:
            self.denied.append(message.reason)
            if message.reason == "epoch":
                self._set_aside()

    def _set_aside(self) -> None:
        """As our browser does: the replica of another epoch goes, what only it had is offered as a patch."""
        kept = {row.token for row in self._offered}
        text = self.text
        gone = {row.token for row in self.rows if row.op == "delete"}
        for row in self.rows:
            if row.op == "delete" and row.outcome == "unknown":
                row.outcome = "fail"  # a patch of what to add
        mine = [row for row in self.rows if row.op == "write" and row.token not in gone]
        self._offered = [row for row in mine if row.token in kept or row.token in text]
        self.online = False
        self._fresh()
        self._again.set()

    def _answered(self, rows: list[Row], applied: bool) -> None:
        now = time.monotonic()
        for row in rows:
            if row.outcome == "unknown":
                row.outcome, row.answered = "ok" if applied else "fail", now


class NodeWriter:
    """The stock provider in Node, in `node.mjs`. Its counter tells only when nothing is outstanding; what was
    outstanding when the connection broke stays unknown until the end."""

    def __init__(self, name: str, world: Json, port: int, node: str, script: tuple[str, str]) -> None:
        self.name = name
        self.rows: list[Row] = []
        self.text = ""
        self.settled = False
        self._open: list[tuple[int, Row]] = []
        self._number = 0
        session = world["people"][name]["session"]
        where = (f"ws://127.0.0.1:{port}/ws/workspaces/{world['workspace']}", world["document"], session)
        self._task = asyncio.create_task(self._run(node, *script, *where), name=f"node {name}")
        self._process: asyncio.subprocess.Process | None = None

    async def _run(self, *argv: str) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=16 << 20
        )
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._take(json.loads(line))
        await self._process.wait()

    def _take(self, state: Json) -> None:
        self.settled = state["settled"] and state["written"] == self._number
        self.text = state.get("text", self.text)
        if not state["connected"]:
            self._open = []
        if state["settled"]:
            now = time.monotonic()
            for number, row in self._open:
                if number <= state["written"]:
                    row.outcome, row.answered = "ok", now
            self._open = [(number, row) for number, row in self._open if number > state["written"]]

    def _order(self, **order: Any) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")

    def write(self) -> None:
        if self._process is None:
            return
        self._number += 1
        row = Row(self.name, "write", token(self.name, self._number), time.monotonic())
        self.rows.append(row)
        self._open.append((self._number, row))
        self.settled = False
        before = token(self.name, self._number - 1)
        self._order(do="write", after=before, token=row.token, company=BETWEEN[self._number % len(BETWEEN)])

    def delete(self) -> None:
        """It only writes."""

    def ask_text(self) -> None:
        self._order(do="text")

    async def leave(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._task, 5)
        except TimeoutError:
            if self._process is not None:
                self._process.kill()
