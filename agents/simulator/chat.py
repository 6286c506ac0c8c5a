"""Chat completions and the older completions (fill in the middle), streamed or whole."""

from __future__ import annotations

import contextlib
import secrets
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec
from aiohttp import web

from agents.simulator import sse
from agents.simulator.plan import TEXT_ONLY, Ask, Brain, Plan, Unknown, has_image, paced, pictures_in, pieces

encode = msgspec.json.encode


def ask_of(messages: list[Any]) -> Ask:
    said, rounds, outputs = "", 0, False
    for message in messages:
        role, content = message.get("role"), message.get("content") or ""
        if role == "user":
            parts = content if isinstance(content, list) else [{"text": content}]
            said, rounds = "".join(part.get("text", "") for part in parts), 0
        elif role == "tool":
            rounds += not outputs
        outputs = role == "tool"
    return Ask(said, rounds, len(encode(messages)), pictures_in(one.get("content") for one in messages))


class Chat:
    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self.heard: deque[dict[str, Any]] = deque(maxlen=64)  # requests of chat completions, as they came

    async def chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = msgspec.json.decode(await request.read())
            self.heard.append(body)
            plan = self._brain.plan(ask_of(body["messages"]))
        except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, Unknown) as error:
            return refused(400, f"The request cannot be used: {error}")
        if body.get("model") in TEXT_ONLY and any(has_image(one.get("content")) for one in body["messages"]):
            return refused(400, "This model takes no images.")
        if plan.fault in ("status_429", "status_500"):
            return refused(int(plan.fault[-3:]), "asked for")
        usage = _usage(body["messages"], plan)
        if not body.get("stream"):
            return web.json_response(_whole(body, plan, usage))
        asked = bool((body.get("stream_options") or {}).get("include_usage")) and plan.fault != "no_usage"
        return await self._streamed(request, body, plan, usage if asked else None)

    async def _streamed(
        self, request: web.Request, body: dict[str, Any], plan: Plan, usage: dict[str, Any] | None
    ) -> web.StreamResponse:
        stream = sse.Stream(request, plan, named=False, done=b"" if plan.fault == "no_end" else b"[DONE]")
        await stream.open()
        about = {"id": f"chatcmpl-{secrets.token_hex(8)}", "object": "chat.completion.chunk", "created": 1}
        about["model"] = body.get("model", "simulated")
        head = encode(about)[:-1] + b',"choices":[{"index":0,"delta":'
        first = head + b'{"role":"assistant","content":""},"finish_reason":null}]}'
        units = [head + delta + b',"finish_reason":null}]}' for delta in _deltas(plan)]
        reason = b'"tool_calls"' if plan.calls else b'"stop"'
        with contextlib.suppress(ConnectionError, sse.Ended):
            await stream.send([first])
            async for batch in paced(units, plan):
                await stream.tokens(batch, len(batch))
            await stream.send([head + b'{},"finish_reason":' + reason + b"}]}"])
            if usage is not None:
                await stream.send([encode({**about, "choices": [], "usage": usage})])
            await stream.end()
        return stream.response

    async def completions(self, request: web.Request) -> web.StreamResponse:
        """`/v1/completions` with a suffix, and llama.cpp's `/infill`."""
        body = msgspec.json.decode(await request.read())
        said = str(body.get("prompt") or body.get("input_prefix") or "")
        plan = self._brain.fill(said)
        text = "".join(plan.text).strip()
        native = request.path.endswith("/infill")
        if not body.get("stream"):
            counted = {"prompt_tokens": (len(said) + len(str(body.get("suffix") or ""))) // 4}
            choices = {"choices": [{"index": 0, "text": text}], "usage": counted}
            return web.json_response({"content": text, "stop": True} if native else choices)
        stream = sse.Stream(request, plan, named=False, done=b"" if native else b"[DONE]")
        await stream.open()
        units = [
            encode({"content": t, "stop": False} if native else {"choices": [{"index": 0, "text": t}]})
            for t in plan.text
        ]
        with contextlib.suppress(ConnectionError, sse.Ended):
            async for batch in paced(units, plan):
                await stream.tokens(batch, len(batch))
            await stream.end()
        return stream.response


def refused(status: int, message: str) -> web.Response:
    headers = {"retry-after": "1"} if status == 429 else {}
    kind = "rate_limit_exceeded" if status == 429 else "invalid_request_error" if status < 500 else "server_error"
    return web.json_response(
        {"error": {"message": message, "type": kind, "code": kind}}, status=status, headers=headers
    )


def _deltas(plan: Plan) -> Iterator[bytes]:
    for token in plan.reason:
        yield b'{"reasoning_content":' + encode(token) + b"}"
    for token in plan.text:
        yield b'{"content":' + encode(token) + b"}"
    for at, call in enumerate(plan.calls):
        fragments = pieces(call.as_json())
        about = {"index": at, "id": f"call_{secrets.token_hex(6)}", "type": "function"}
        yield encode(
            {"tool_calls": [{**about, "function": {"name": call.name, "arguments": fragments[0] if fragments else ""}}]}
        )
        for fragment in fragments[1:]:
            yield encode({"tool_calls": [{"index": at, "function": {"arguments": fragment}}]})


def _whole(body: dict[str, Any], plan: Plan, usage: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(plan.text) or None}
    if plan.calls:
        functions = [{"name": call.name, "arguments": call.as_json()} for call in plan.calls]
        message["tool_calls"] = [
            {"id": f"call_{secrets.token_hex(6)}", "type": "function", "function": f} for f in functions
        ]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if plan.calls else "stop"}
    about = {"id": f"chatcmpl-{secrets.token_hex(8)}", "object": "chat.completion", "created": 1}
    return {**about, "model": body.get("model", "simulated"), "choices": [choice], "usage": usage}


def _usage(messages: list[Any], plan: Plan) -> dict[str, Any]:
    asked = len(encode(messages)) // 4
    details = {"reasoning_tokens": len(plan.reason)}
    counted = {"prompt_tokens": asked, "completion_tokens": plan.tokens, "total_tokens": asked + plan.tokens}
    return {**counted, "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": details}
