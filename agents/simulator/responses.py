"""Responses over WebSocket and HTTP: lanes with their queues, the connection's cache, warm-up, steering, limits.

Rules as published (reference "protocols" §1): 16 responses in flight and 32 named lanes a connection, 60 minutes, the
newest response of each lane cached, a failed continuation evicts what it named, a steer is committed by its successor.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from agents.simulator import sse
from agents.simulator.plan import Brain, Plan, paced
from agents.simulator.responses_asked import (
    Refusal,
    answer_to,
    asked_for,
    asked_of,
    items_of,
    missing,
    object_of,
    planned,
)
from agents.simulator.responses_frames import Answer

IN_FLIGHT, NAMED_LANES = 16, 32
ENDINGS = frozenset({"close", "hang", "garbage", "error_200", "no_end"})


@dataclass
class _Lane:
    name: str
    queue: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    latest: Answer | None = None
    running: Answer | None = None
    steers: list[tuple[str, str]] = field(default_factory=list)  # (id, text) accepted
    task: asyncio.Task[None] | None = None


class Connection:
    """One accepted WebSocket."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.WriteTransport, server: Responses) -> None:
        self._ws, self._transport, self._server = ws, transport, server
        self._lanes: dict[str, _Lane] = {}
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        limit = loop.call_later(self._server.hour, self._out_of_time)
        try:
            async for message in self._ws:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._take(message.data)
        finally:
            limit.cancel()
            tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _out_of_time(self) -> None:
        self._refuse(Refusal(400, "websocket_connection_limit_reached", "The connection is 60 minutes old."), None)
        self._closing = asyncio.get_running_loop().create_task(self._ws.close(code=1000))

    def _send(self, payloads: list[bytes]) -> None:
        if not self._transport.is_closing():  # who asked has gone; nobody tells the task that answers at once
            self._transport.write(b"".join(text_frame(payload) for payload in payloads))

    def _refuse(self, refusal: Refusal, lane: str | None) -> None:
        named = {"stream_id": lane} if lane else {}
        frame = {"type": "error", "status": refusal.status, **named, "error": refusal.error()}
        self._send([msgspec.json.encode(frame)])

    def _take(self, data: bytes | str) -> None:
        lane: str | None = None
        try:
            body = object_of(data)
            self._server.heard.append(body)
            lane = body.get("stream_id")
            if body.get("type") == "response.steer":
                self._steer(body)
            elif body.get("type") == "response.create":
                self._queue(body, lane)
            else:
                raise Refusal(400, "invalid_message_type", f"no client event {body.get('type')!r}")
        except Refusal as refusal:
            self._refuse(refusal, lane)

    def _queue(self, body: dict[str, Any], name: str | None) -> None:
        if name is not None and (not name or len(name) > 256):
            raise Refusal(400, "invalid_stream_id", "a stream_id has 1 to 256 characters", "stream_id")
        lane = self._lanes.get(name or "")
        if lane is None:
            if name and sum(bool(known) for known in self._lanes) >= NAMED_LANES:
                raise Refusal(400, "websocket_stream_limit_reached", f"{NAMED_LANES} lanes are in use")
            lane = self._lanes[name or ""] = _Lane(name or "")
            lane.task = asyncio.get_running_loop().create_task(self._run(lane))
        lane.queue.put_nowait(body)

    async def _run(self, lane: _Lane) -> None:
        """The lane's requests, first come, first served."""
        while True:
            body = await lane.queue.get()
            async with self._slots:
                try:
                    await self._respond(lane, body)
                except Refusal as refusal:
                    self._refuse(refusal, lane.name)
                    if lane.latest is not None and lane.latest.id == body.get("previous_response_id"):
                        lane.latest = None  # a failed continuation on the same lane evicts what it named

    async def _respond(self, lane: _Lane, body: dict[str, Any]) -> None:
        known = self._previous(body)
        asked = asked_of(known, [*self._pending(lane), *items_of(body)])
        plan = planned(self._server.brain, asked.items)
        if plan.fault == "not_found" and known is not None:
            raise missing(known.id)
        if plan.fault in ("status_429", "status_500"):
            raise asked_for(plan.fault)
        answer = answer_to(body, lane.name or None, asked, plan)
        self._server.continued += known is not None
        warm = body.get("generate") is False
        while True:
            lane.running = answer
            self._send(answer.head())
            if not warm:
                answer.compose()
            ended = await self._stream(lane, answer)
            lane.latest, lane.running = answer, None
            if body.get("store"):
                self._server.stored[answer.id] = answer
            if not ended:
                return
            following = self._successor(lane, answer)
            if following is None:
                return
            answer = following

    async def _stream(self, lane: _Lane, answer: Answer) -> bool:
        """Send what is due; False if a fault has ended it."""
        plan = answer.plan
        stop = plan.at if plan.fault in ENDINGS else len(answer.units)
        async for units in paced_units(answer.units[:stop], plan):
            self._server.leaving(plan, answer.sent + len(units))
            self._send([payload for unit in units for payload in unit])
            answer.sent += len(units)
            if lane.steers and answer.sent < len(answer.units) and not plan.calls:
                self._send([answer.end("response.incomplete", incomplete_details={"reason": "steered"})])
                return True
        if plan.fault in ENDINGS:
            await self._fail(plan.fault, lane)
            return False
        self._send([*answer.ends, answer.end()])
        return True

    async def _fail(self, fault: str, lane: _Lane) -> None:
        if fault == "close":
            self._transport.abort()
        elif fault == "garbage":
            self._send([b'{"type":"response.output_text.delta","delta":'])
        elif fault == "error_200":
            self._refuse(Refusal(500, "server_error", "The model has a fault."), lane.name)
        else:
            await asyncio.Event().wait()

    # --- steering -----------------------------------------------------------------------------------------------------

    def _steer(self, body: dict[str, Any]) -> None:
        target, text = body.get("previous_response_id"), body.get("input")
        if self._server.refuse_steers is None:
            return
        steer = {"id": f"steer_{secrets.token_hex(8)}", "previous_response_id": target}
        lane = next((one for one in self._lanes.values() if one.running and one.running.id == target), None)
        late = next((one for one in self._lanes.values() if one.latest and one.latest.id == target), None)
        refused = self._server.refuse_steers
        if lane is None or not isinstance(text, str) or not text or refused:
            code = "response_already_completed" if late else "response_not_found"
            code = "steering_not_supported" if refused else code
            code = code if isinstance(text, str) and text else "invalid_input"
            frame = {"type": "response.steer.failed", "steer": {**steer, "input": text}, "error": {"code": code}}
            self._send([msgspec.json.encode(frame)])
            return
        lane.steers.append((str(steer["id"]), text))
        self._send([msgspec.json.encode({"type": "response.steer.accepted", "sequence_number": 0, "steer": steer})])

    def _successor(self, lane: _Lane, answer: Answer) -> Answer | None:
        """What follows a response that was steered, or None. Tool outputs are asked for first."""
        if not lane.steers:
            return None
        calls = [item for item in answer.output() if item["type"].endswith("_call")]
        if calls:
            required = [{"type": f"{call['type']}_output", "call_id": call["call_id"]} for call in calls]
            for steer_id, _ in lane.steers:
                frame = {"type": "response.steer.pending", "steer": {"id": steer_id}, "required_input": required}
                self._send([msgspec.json.encode({**frame, "reason": "waiting_for_required_input"})])
            return None
        asked = asked_of(answer, self._pending(lane))
        return answer_to(
            {"model": answer.model, "previous_response_id": answer.id},
            answer.lane,
            asked,
            planned(self._server.brain, asked.items),
        )

    def _pending(self, lane: _Lane) -> list[Any]:
        said = [{"type": "message", "role": "user", "content": text} for _, text in lane.steers]
        lane.steers.clear()
        return said

    def _previous(self, body: dict[str, Any]) -> Answer | None:
        wanted = body.get("previous_response_id")
        if wanted is None:
            return None
        found = next((one.latest for one in self._lanes.values() if one.latest and one.latest.id == wanted), None)
        found = found or self._server.stored.get(str(wanted))
        if found is None:
            raise missing(str(wanted))
        return found


async def paced_units(units: list[list[bytes]], plan: Plan) -> AsyncIterator[list[list[bytes]]]:
    numbers = [b"%d" % at for at in range(len(units))]
    async for batch in paced(numbers, plan):
        yield [units[int(number)] for number in batch]


def text_frame(payload: bytes) -> bytes:
    """A WebSocket text frame of a server (RFC 6455 §5.2): many are joined into one write, which aiohttp cannot."""
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes((size,)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


# --- HTTP -----------------------------------------------------------------------------------------------------------


class Responses:
    """The handlers of `/responses`. `hour` is a socket's life in seconds; what is stored may be continued over HTTP."""

    def __init__(self, brain: Brain, hour: float) -> None:
        self.brain, self.hour = brain, hour
        self.stored: dict[str, Answer] = {}
        self.heard: deque[dict[str, Any]] = deque(maxlen=64)  # client events of sockets, as they came
        self.connected = 0  # sockets opened so far
        self.refuse_upgrade = False
        self.refuse_steers: bool | None = False  # None: they are never answered
        self.leaving: Callable[[Plan, int], None] = lambda plan, count: None  # that many tokens of it leave now
        self.continued = 0  # responses on sockets that went on from a cached one

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_upgrade:
            return web.json_response({"error": {"message": "no WebSocket here"}}, status=426)
        ws = web.WebSocketResponse(max_msg_size=64 << 20, compress=False)
        await ws.prepare(request)
        self.connected += 1
        transport = request.transport
        if isinstance(transport, asyncio.WriteTransport):
            await Connection(ws, transport, self).serve()
        return ws

    async def create(self, request: web.Request) -> web.StreamResponse:
        try:
            body = object_of(await request.read())
            known = self.stored.get(str(body.get("previous_response_id")))
            if body.get("previous_response_id") and known is None:
                raise missing(str(body["previous_response_id"]))
            asked = asked_of(known, items_of(body))
            plan = planned(self.brain, asked.items)
            if plan.fault in ("status_429", "status_500"):
                raise asked_for(plan.fault)
            answer = answer_to(body, None, asked, plan)
        except Refusal as refusal:
            headers = {"retry-after": "1"} if refusal.status == 429 else {}
            return web.json_response({"error": refusal.error()}, status=refusal.status, headers=headers)
        head = answer.head()
        answer.compose()
        if body.get("store", True):
            self.stored[answer.id] = answer
        if not body.get("stream"):
            return await self._whole(answer)
        return await self._streamed(request, answer, head)

    async def compact(self, request: web.Request) -> web.Response:
        """A shorter input window: what people said, and the rest sealed. A new chain begins from it."""
        try:
            body = object_of(await request.read())
            known = self.stored.get(str(body.get("previous_response_id")))
            asked = asked_of(known, items_of(body))
            if not body.get("model"):
                raise Refusal(400, "missing_required_parameter", "model is required", "model")
        except Refusal as refusal:
            return web.json_response({"error": refusal.error()}, status=refusal.status)
        kept = [item for item in asked.items if item.get("role") == "user"]
        sealed = {"type": "compaction", "id": f"cmp_{secrets.token_hex(8)}"}
        sealed["encrypted_content"] = secrets.token_urlsafe(60)
        counted = {"input_tokens": asked.size // 4, "output_tokens": 20, "total_tokens": asked.size // 4 + 20}
        about = {"id": f"resp_{secrets.token_hex(12)}", "object": "response.compaction", "created_at": 1}
        return web.json_response({**about, "output": [*kept, sealed], "usage": counted})

    async def _whole(self, answer: Answer) -> web.StreamResponse:
        async for units in paced_units(answer.units, answer.plan):
            answer.sent += len(units)
        return web.json_response(answer.shown("completed", answer.output(), usage=answer.usage()))

    async def _streamed(self, request: web.Request, answer: Answer, head: list[bytes]) -> web.StreamResponse:
        stream = sse.Stream(request, answer.plan, named=True)
        await stream.open()
        with contextlib.suppress(ConnectionError, sse.Ended):
            await stream.send(head)
            async for units in paced_units(answer.units, answer.plan):
                answer.sent += len(units)
                await stream.tokens([payload for unit in units for payload in unit], len(units))
            await stream.send([*answer.ends, answer.end()])
            await stream.end()
        return stream.response
