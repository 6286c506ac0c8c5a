"""Anthropic messages, streamed or whole: text, thinking with a signature, tool calls, cache counters, pings."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any

import msgspec
from aiohttp import web

from agents.simulator import sse
from agents.simulator.plan import TEXT_ONLY, Ask, Brain, Plan, Unknown, has_image, paced, pictures_in, pieces

encode = msgspec.json.encode


def ask_of(messages: list[Any]) -> Ask:
    said, rounds = "", 0
    for message in messages:
        content = message.get("content") or ""
        parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if message.get("role") != "user":
            continue
        if any(part.get("type") == "tool_result" for part in parts):
            rounds += 1
        else:
            said, rounds = "".join(part.get("text", "") for part in parts), 0
    return Ask(said, rounds, len(encode(messages)), pictures_in(one.get("content") for one in messages))


def refused(status: int, kind: str, message: str) -> web.Response:
    headers = {"retry-after": "1"} if status == 429 else {}
    return web.json_response(
        {"type": "error", "error": {"type": kind, "message": message}}, status=status, headers=headers
    )


class Anthropic:
    def __init__(self, brain: Brain) -> None:
        self._brain = brain

    async def messages(self, request: web.Request) -> web.StreamResponse:
        if not request.headers.get("anthropic-version"):
            return refused(400, "invalid_request_error", "anthropic-version: header is required")
        try:
            body = msgspec.json.decode(await request.read())
            if not isinstance(body.get("max_tokens"), int):
                return refused(400, "invalid_request_error", "max_tokens: field required")
            plan = self._brain.plan(ask_of(body["messages"]))
        except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, Unknown) as error:
            return refused(400, "invalid_request_error", f"The request cannot be used: {error}")
        if body.get("model") in TEXT_ONLY and any(has_image(one.get("content")) for one in body["messages"]):
            return refused(400, "invalid_request_error", "This model takes no images.")
        if plan.fault in ("status_429", "status_500"):
            return refused(
                int(plan.fault[-3:]), "rate_limit_error" if "429" in plan.fault else "api_error", "asked for"
            )
        if not body.get("stream"):
            return web.json_response(_whole(body, plan))
        return await self._streamed(request, body, plan)

    async def _streamed(self, request: web.Request, body: dict[str, Any], plan: Plan) -> web.StreamResponse:
        stream = sse.Stream(request, plan, named=True)
        await stream.open()
        message = {
            **_about(body),
            "content": [],
            "stop_reason": None,
            "usage": {**_asked(body, plan), "output_tokens": 1},
        }
        units, loose = _blocks(plan)
        stop = {"stop_reason": "tool_use" if plan.calls else "end_turn", "stop_sequence": None}
        usage = {} if plan.fault == "no_usage" else {"usage": {"output_tokens": plan.tokens}}
        with contextlib.suppress(ConnectionError, sse.Ended):
            await stream.send([encode({"type": "message_start", "message": message}), b'{"type":"ping"}'])
            numbers = [b"%d" % at for at in range(len(units))]
            async for batch in paced(numbers, plan):
                await stream.tokens([one for number in batch for one in units[int(number)]], len(batch))
            await stream.send(
                [*loose, encode({"type": "message_delta", "delta": stop, **usage}), b'{"type":"message_stop"}']
            )
            await stream.end()
        return stream.response


def _blocks(plan: Plan) -> tuple[list[list[bytes]], list[bytes]]:
    """Units as in responses_frames: control events glued to the token behind them; the rest."""
    units: list[list[bytes]] = []
    loose: list[bytes] = []
    at = 0
    blocks: list[tuple[dict[str, Any], str, tuple[str, ...], list[bytes]]] = []
    if plan.reason:
        seal = encode(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "signature_delta", "signature": secrets.token_urlsafe(40)},
            }
        )
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, "thinking", plan.reason, [seal]))
    if plan.text or not plan.calls:
        blocks.append(({"type": "text", "text": ""}, "text", plan.text, []))
    for call in plan.calls:
        block = {"type": "tool_use", "id": f"toolu_{secrets.token_hex(8)}", "name": call.name, "input": {}}
        blocks.append((block, "partial_json", pieces(call.as_json()), []))
    kinds = {"thinking": "thinking_delta", "text": "text_delta", "partial_json": "input_json_delta"}
    for at, (block, name, tokens, last) in enumerate(blocks):
        loose.append(encode({"type": "content_block_start", "index": at, "content_block": block}))
        head = b'{"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":' % (
            at,
            kinds[name].encode(),
            name.encode(),
        )
        for token in tokens:
            units.append([*loose, head + encode(token) + b"}}"])
            loose = []
        loose += [*last, encode({"type": "content_block_stop", "index": at})]
    return units, loose


def _whole(body: dict[str, Any], plan: Plan) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": "".join(plan.text)}] if plan.text else []
    for call in plan.calls:
        given = msgspec.json.decode(call.as_json())
        content.append({"type": "tool_use", "id": f"toolu_{secrets.token_hex(8)}", "name": call.name, "input": given})
    usage = {**_asked(body, plan), "output_tokens": plan.tokens}
    return {**_about(body), "content": content, "stop_reason": "tool_use" if plan.calls else "end_turn", "usage": usage}


def _about(body: dict[str, Any]) -> dict[str, Any]:
    about = {"id": f"msg_{secrets.token_hex(8)}", "type": "message", "role": "assistant"}
    return {**about, "model": body.get("model", "simulated"), "stop_sequence": None}


def _asked(body: dict[str, Any], plan: Plan) -> dict[str, int]:
    asked = len(encode(body["messages"])) // 4
    return {"input_tokens": asked, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
