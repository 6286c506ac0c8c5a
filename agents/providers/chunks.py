"""The chat-completions wire: a Request becomes a body, chunks become events. No network.

Only the fields used are decoded (msgspec, ≈ 1 µs a chunk). The servers that call themselves compatible differ in the
ways listed in `Chunks`; each of them was seen in the wild.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from agents.engine.messages import (
    Done,
    Event,
    Message,
    ReasoningDelta,
    Request,
    TextDelta,
    Timing,
    Tool,
    ToolCall,
    ToolDelta,
    ToolEnd,
    ToolStart,
    Usage,
)
from agents.providers.protocol import AuthFailed, BadResponse, ContextTooLong, Overloaded, ProviderError, RateLimited
from agents.providers.thinking import Thoughts

REASONS = {"tool_calls": "tools", "function_call": "tools", "length": "length", "content_filter": "filter"}
REFUSED_KEY = ("invalid_api_key", "authentication_error", "permission_error")
TROUBLE = ("overloaded", "server_error", "api_error")
TOO_LONG = (
    "context_length",
    "context_size",
    "context length",
    "context size",
    "context window",
    "too many tokens",
    "maximum context",
)


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: object = None  # text; some servers send the object itself


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None  # a server that ignored `stream`
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    queue_time: float | None = None  # Groq has its times here; seconds
    prompt_time: float | None = None
    completion_time: float | None = None


class _Groq(msgspec.Struct):
    usage: _Usage | None = None


class _TimeInfo(msgspec.Struct):
    """Cerebras; seconds."""

    queue_time: float | None = None
    prompt_time: float | None = None
    completion_time: float | None = None


class _Timings(msgspec.Struct):
    """llama.cpp; milliseconds."""

    prompt_ms: float | None = None
    predicted_ms: float | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    x_groq: _Groq | None = None
    time_info: _TimeInfo | None = None
    timings: _Timings | None = None
    error: object = None


_decode = msgspec.json.Decoder(_Chunk, strict=False).decode


def body(
    request: Request, renamed: Mapping[str, str | None], extra: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The JSON body. `renamed` maps a parameter to the name this server wants, or to None when it takes none; `extra`
    are fields of this endpoint."""
    fields: dict[str, object] = {
        "model": request.model,
        "messages": [wire_message(m) for m in request.messages if m.text or m.calls or m.role != "assistant"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": request.max_tokens,
    }
    if request.temperature is not None:
        fields["temperature"] = request.temperature
    if request.stop:
        fields["stop"] = list(request.stop)
    if request.tools:
        fields["tools"] = [wire_tool(tool) for tool in request.tools]
    if request.prediction:
        fields["prediction"] = {"type": "content", "content": request.prediction}
    if request.continue_last:
        # llama.cpp continues a last assistant message by itself; vLLM wants to be told. Both take the two fields.
        fields |= {"add_generation_prompt": False, "continue_final_message": True}
    fields |= extra or {}
    return {renamed.get(name, name) or name: value for name, value in fields.items() if renamed.get(name, name)}


def wire_message(message: Message) -> dict[str, object]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    fields: dict[str, object] = {"role": message.role, "content": _content(message)}
    if message.calls:
        fields["content"] = message.text or None
        fields["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments or "{}"}}
            for c in message.calls
        ]
    return fields


def _content(message: Message) -> str | list[dict[str, object]]:
    """Text as it is: some servers take nothing else. Parts only where there is an image."""
    if not message.images:
        return message.text
    parts: list[dict[str, object]] = [{"type": "image_url", "image_url": {"url": one.url}} for one in message.images]
    return [*parts, {"type": "text", "text": message.text}] if message.text else parts


def wire_tool(tool: Tool) -> dict[str, object]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}
    return {"type": "function", "function": function}


def estimate(messages: Sequence[Message], output_bytes: int) -> Usage:
    """Our own count, four bytes a token, for servers that count nothing."""
    sent = sum(len(m.text.encode()) + sum(len(c.arguments) for c in m.calls) for m in messages)
    return Usage(input_tokens=sent // 4, output_tokens=output_bytes // 4, estimated=True)


def failure(status: int, raw: bytes, retry_after: float | None = None) -> ProviderError:
    """The error an answer with this status, or an error object under status 200, stands for."""
    told, code = _told(raw)
    text = f"{told} {code}".lower()
    if status in (401, 403) or any(mark in text for mark in REFUSED_KEY):
        return AuthFailed(told)
    if any(mark in text for mark in TOO_LONG) or status == 413:
        return ContextTooLong(told)
    if status == 429 or "rate_limit" in text or code == "429":
        return RateLimited(told, retry_after=retry_after)
    if status >= 500 or status in (408, 409) or any(mark in text for mark in TROUBLE) or code.startswith("5"):
        return Overloaded(told or f"HTTP status {status}", retry_after=retry_after)
    return BadResponse(told or f"HTTP status {status}")


def _told(raw: bytes) -> tuple[str, str]:
    """(message, code) of an error answer: {error: {message, code}}, {error: text}, {message} or plain text."""
    try:
        answer = msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        text = raw.decode("utf-8", "replace").strip()
        return ("" if text.startswith("<") else text), ""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    if not isinstance(error, dict):
        return str(error), ""
    code = error.get("code") or error.get("type") or error.get("status") or ""
    return str(error.get("message") or error.get("detail") or ""), str(code)


@dataclass
class _Growing:
    id: str
    name: str = ""
    arguments: str = ""


class Chunks:
    """Turns the payloads of one answer into events.

    Copes with: no choices or null choices; usage on the last chunk, on every chunk or under `x_groq`; reasoning in
    `reasoning`, in `reasoning_content` or raw in the text; calls without index or id, with a repeated name, with one
    index for several ids, whole in one chunk or as an object; finish reason `stop` after calls; no `[DONE]`; errors
    under status 200; an answer that was not streamed at all.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._calls: list[_Growing] = []
        self._at: dict[int, _Growing] = {}
        self._usage: Usage | None = None
        self._timing: Timing | None = None
        self._finish = ""
        self._bytes = 0
        self._thoughts = Thoughts()
        self.done = False

    def feed(self, payload: bytes, events: list[Event]) -> None:
        """Append the events of one payload to `events`. Raises ProviderError for garbage or a reported error."""
        if payload.strip() == b"[DONE]":
            self.done = True
            return
        try:
            chunk = _decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadResponse("it sent something that is not a chat completion") from error
        if chunk.error:
            raise failure(200, payload)
        usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)
        if usage:
            self._count(usage)
        if chunk.time_info is not None or chunk.timings is not None:
            self._time(chunk)
        for choice in (chunk.choices or [])[:1]:
            self._finish = choice.finish_reason or self._finish
            delta = choice.delta or choice.message
            if delta:
                self._delta(delta, events)

    def end(self) -> list[Event]:
        """The closing events, or nothing when the answer was cut short before it said that it ends."""
        if not (self.done or self._finish):
            return []
        calls = [ToolCall(c.id, c.name, c.arguments) for c in self._calls if c.name]
        reason = "tools" if calls and self._finish != "length" else REASONS.get(self._finish, "stop")
        usage = self._usage or estimate(self._request.messages, self._bytes)
        timing = [self._timing] if self._timing else []
        rest = _said(self._thoughts.end())
        return [*rest, *(ToolEnd(call) for call in calls), *timing, usage, Done(reason)]

    def _count(self, usage: _Usage) -> None:
        read, made = usage.prompt_tokens_details, usage.completion_tokens_details
        cached = (read.cached_tokens or 0) if read else 0
        thought = (made.reasoning_tokens or 0) if made else 0
        self._usage = Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0, cached, reasoning_tokens=thought)
        if usage.completion_time is not None:
            self._timing = Timing(usage.queue_time or 0.0, usage.prompt_time or 0.0, usage.completion_time)

    def _time(self, chunk: _Chunk) -> None:
        info, own = chunk.time_info, chunk.timings
        if info is not None:
            self._timing = Timing(info.queue_time or 0.0, info.prompt_time or 0.0, info.completion_time or 0.0)
        elif own is not None:
            self._timing = Timing(0.0, (own.prompt_ms or 0.0) / 1000, (own.predicted_ms or 0.0) / 1000)

    def _delta(self, delta: _Delta, events: list[Event]) -> None:
        thought = delta.reasoning or delta.reasoning_content
        if thought:
            self._bytes += len(thought)
            events.append(ReasoningDelta(thought))
        if delta.content:
            self._bytes += len(delta.content)
            events += _said(self._thoughts.feed(delta.content))
        for call in delta.tool_calls or ():
            self._call(call, events)

    def _call(self, piece: _Call, events: list[Event]) -> None:
        growing = self._growing(piece)
        function = piece.function or _Function()
        text = _arguments(function.arguments)
        self._bytes += len(text)
        growing.arguments += text
        if not growing.name and function.name:
            growing.name = function.name
            events.append(ToolStart(growing.id, growing.name))
            text = growing.arguments  # fragments that came before the name are told now
        if growing.name and text:
            events.append(ToolDelta(growing.id, text))

    def _growing(self, piece: _Call) -> _Growing:
        """The call this piece belongs to; a new one when its index or id has not been seen."""
        known = self._at.get(piece.index) if piece.index is not None else (self._calls[-1] if self._calls else None)
        named = piece.function and piece.function.name
        fresh = known is None or (piece.id and piece.id != known.id and bool(named))
        if known and not piece.id and piece.index is None and named and known.arguments:
            fresh = True
        if known and not fresh:
            return known
        taken = {call.id for call in self._calls}
        growing = _Growing(piece.id if piece.id and piece.id not in taken else f"call_{secrets.token_hex(6)}")
        self._calls.append(growing)
        if piece.index is not None:
            self._at[piece.index] = growing
        return growing


def _said(pieces: Sequence[tuple[bool, str]]) -> list[Event]:
    return [ReasoningDelta(text) if thought else TextDelta(text) for thought, text in pieces]


def _arguments(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()
