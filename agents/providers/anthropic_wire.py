"""The Anthropic messages wire: a Request becomes a body, stream events become events. No network.

Tools are asked to stream their input as it is made (`eager_input_streaming`), so fragments may be JSON that is cut.
The instructions, the tools and the newest messages are marked for the prompt cache. Source: reference "protocols" §4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.engine.messages import (
    Done,
    Event,
    Kept,
    Message,
    ReasoningDelta,
    Request,
    TextDelta,
    Tool,
    ToolCall,
    ToolDelta,
    ToolEnd,
    ToolStart,
    Usage,
)
from agents.providers.chunks import estimate, failure
from agents.providers.protocol import BadResponse

REASONS = {
    "tool_use": "tools",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "filter",
}
CACHE = {"cache_control": {"type": "ephemeral"}}


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    text: str | None = None
    data: str | None = None
    input: msgspec.Raw = msgspec.Raw()


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Start(msgspec.Struct):
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Start | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Event, strict=False).decode


# --- what is asked --------------------------------------------------------------------------------------------------


def body(request: Request, *, eager: bool, extra: dict[str, object]) -> dict[str, Any]:
    """The JSON body. `eager`: the server takes `eager_input_streaming`."""
    told = "\n\n".join(message.text for message in request.messages if message.role == "system" and message.text)
    messages = _messages([message for message in request.messages if message.role != "system"])
    if messages:
        messages[-1]["content"][-1] |= CACHE
    fields: dict[str, Any] = {"model": request.model, "max_tokens": request.max_tokens, "stream": True}
    fields["messages"] = messages
    if told:
        fields["system"] = [{"type": "text", "text": told, **CACHE}]
    if request.tools:
        tools = [_tool(tool, eager=eager) for tool in request.tools]
        tools[-1] |= CACHE
        fields["tools"] = tools
    if request.temperature is not None:
        fields["temperature"] = request.temperature
    if request.stop:
        fields["stop_sequences"] = list(request.stop)
    return fields | extra


def _tool(tool: Tool, *, eager: bool) -> dict[str, Any]:
    about = {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
    return {**about, "eager_input_streaming": True} if eager else about


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Alternating messages: neighbours of one role are one message, and every call has its result behind it."""
    made: list[dict[str, Any]] = []
    answered = {message.call_id for message in messages if message.role == "tool"}
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message, answered)
        if not blocks:
            continue
        if made and made[-1]["role"] == role:
            made[-1]["content"] += blocks
        else:
            made.append({"role": role, "content": blocks})
    return made


def _blocks(message: Message, answered: set[str]) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.call_id, "content": message.text}]
    blocks: list[dict[str, Any]] = [msgspec.json.decode(item) for item in message.kept]
    for image in message.images:
        source = {"type": "base64", "media_type": image.media_type, "data": image.base64}
        blocks.append({"type": "image", "source": source})
    if message.text:
        blocks.append({"type": "text", "text": message.text})
    calls = [call for call in message.calls if call.id in answered]  # an unanswered call would be refused
    return blocks + [{"type": "tool_use", "id": c.id, "name": c.name, "input": _given(c)} for c in calls]


def _given(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object, also when the model was cut off in the middle of them."""
    try:
        given = msgspec.json.decode(call.arguments or "{}")
    except msgspec.MsgspecError:
        return {"raw": call.arguments}
    return given if isinstance(given, dict) else {"raw": call.arguments}


# --- what is answered -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    kind: str
    call_id: str = ""
    name: str = ""
    text: list[str] = field(default_factory=list)
    signature: str = ""
    data: str = ""


class Answer:
    """Turns the payloads of one answer into events. `done` once `message_stop` has come."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._open: dict[int, _Open] = {}
        self._usage = _Usage()
        self._counted = False
        self._reason = ""
        self._bytes = 0
        self.done = False

    def feed(self, payload: bytes, events: list[Event]) -> None:
        """Append the events of one payload. Raises ProviderError for garbage or a reported error."""
        try:
            event = _decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadResponse("it sent something that is no event of the Messages API") from error
        match event.type:
            case "content_block_delta":
                self._delta(event, events)
            case "content_block_start":
                self._start(event, events)
            case "content_block_stop":
                self._stop(event, events)
            case "message_start":
                self._count(event.message.usage if event.message else None)
            case "message_delta":
                self._count(event.usage, ending=True)
                self._reason = (event.delta.stop_reason if event.delta else "") or self._reason
            case "message_stop":
                self.done = True
                events += [self._spent(), Done(REASONS.get(self._reason, "stop"))]
            case "error":
                raise failure(200, b'{"error":' + bytes(event.error or b"{}") + b"}")

    def _start(self, event: _Event, events: list[Event]) -> None:
        block = event.content_block or _Block()
        opened = self._open[event.index] = _Open(block.type, block.id or "", block.name or "", data=block.data or "")
        if block.type == "tool_use":
            events.append(ToolStart(opened.call_id, opened.name))
        elif block.type == "text" and block.text:
            self._text(opened, block.text, events)

    def _delta(self, event: _Event, events: list[Event]) -> None:
        delta = event.delta or _Delta()
        block = self._open.setdefault(event.index, _Open("text"))
        if delta.text:
            self._text(block, delta.text, events)
        elif delta.partial_json:
            self._bytes += len(delta.partial_json)
            block.text.append(delta.partial_json)
            events.append(ToolDelta(block.call_id, delta.partial_json))
        elif delta.thinking:
            self._bytes += len(delta.thinking)
            block.text.append(delta.thinking)
            events.append(ReasoningDelta(delta.thinking))
        elif delta.signature:
            block.signature += delta.signature

    def _text(self, block: _Open, text: str, events: list[Event]) -> None:
        self._bytes += len(text)
        block.text.append(text)
        events.append(TextDelta(text))

    def _stop(self, event: _Event, events: list[Event]) -> None:
        block = self._open.pop(event.index, None)
        if block is None:
            return
        text = "".join(block.text)
        if block.kind == "tool_use":
            events.append(ToolEnd(ToolCall(block.call_id, block.name, text or "{}")))
        elif block.kind == "thinking" and block.signature:
            item = {"type": "thinking", "thinking": text, "signature": block.signature}
            events.append(Kept(msgspec.json.encode(item).decode()))
        elif block.kind == "redacted_thinking" and block.data:
            events.append(Kept(msgspec.json.encode({"type": "redacted_thinking", "data": block.data}).decode()))

    def _count(self, usage: _Usage | None, *, ending: bool = False) -> None:
        """Figures are totals so far; a later one stands."""
        for name in usage.__struct_fields__ if usage else ():
            value = getattr(usage, name)
            if value is not None:
                setattr(self._usage, name, value)
        self._counted = self._counted or (ending and usage is not None)

    def _spent(self) -> Usage:
        if not self._counted:
            return estimate(self._request.messages, self._bytes)
        usage = self._usage
        read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        return Usage((usage.input_tokens or 0) + read + written, usage.output_tokens or 0, read)
