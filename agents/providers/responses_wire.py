"""What a Responses server answers (OpenAI, Open Responses): frames become events. No network.

The same frames come over a WebSocket (one JSON text each) and as server-sent events. Only the fields used are decoded
(msgspec); what an item says at its end is authoritative over its deltas. Source: reference "protocols" §1, §2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from agents.engine.messages import (
    Done,
    Event,
    Kept,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolDelta,
    ToolEnd,
    ToolStart,
    Usage,
)
from agents.providers.chunks import estimate, failure
from agents.providers.protocol import BadResponse

REASONS = {"max_output_tokens": "length", "content_filter": "filter"}
STEERED = "steered"
DELTAS: dict[str, type[TextDelta] | type[ReasoningDelta]] = {
    "response.output_text.delta": TextDelta,
    "response.refusal.delta": TextDelta,
    "response.reasoning_text.delta": ReasoningDelta,
    "response.reasoning_summary_text.delta": ReasoningDelta,
}
ARGUMENTS = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})
ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
CALLS = frozenset({"function_call", "custom_tool_call"})


class Frame(msgspec.Struct):
    """What is read of any server event."""

    type: str = ""
    stream_id: str | None = None
    delta: str | None = None
    item_id: str | None = None
    item: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    steer: msgspec.Raw = msgspec.Raw()
    status: int | None = None
    code: str | None = None
    message: str | None = None


class _Part(msgspec.Struct):
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    content: list[_Part] | None = None
    encrypted_content: str | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class Response(msgspec.Struct):
    """What is read of a response object."""

    id: str = ""
    status: str | None = None
    error: msgspec.Raw = msgspec.Raw()
    incomplete_details: _Incomplete | None = None
    usage: _Usage | None = None


_frame = msgspec.json.Decoder(Frame, strict=False).decode
_item = msgspec.json.Decoder(_Item, strict=False).decode
_response = msgspec.json.Decoder(Response, strict=False).decode


def decode_frame(payload: bytes | str) -> Frame:
    """Raises BadResponse for what is no event."""
    try:
        return _frame(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadResponse("it sent something that is no event of the Responses API") from error


def decode_response(raw: msgspec.Raw) -> Response:
    try:
        return _response(raw) if raw else Response()
    except msgspec.MsgspecError as error:
        raise BadResponse("it sent a response object that cannot be read") from error


# --- what is answered -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """An output item under way."""

    call_id: str = ""
    name: str = ""
    streamed: list[str] = field(default_factory=list)


class Answer:
    """Turns the frames of one response into events, and remembers the answer as the Message the loop will keep.

    Neighbouring deltas become one event: `flush` where the frames that have come end.
    `done` once the response has ended; `steered` if it ended because a successor follows on its own.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self._asked = messages
        self._open: dict[str, _Open] = {}
        self._text: list[str] = []
        self._calls: list[ToolCall] = []
        self._kept: list[str] = []
        self._bytes = 0
        self._spoken = False  # the message under way has sent text
        self._growing: type[TextDelta] | type[ReasoningDelta] | _Open | None = None  # what `_pieces` belong to
        self._pieces: list[str] = []
        self.id = ""
        self.done = False
        self.steered = False

    def message(self) -> Message:
        return Message("assistant", "".join(self._text), tuple(self._calls), kept=tuple(self._kept))

    def feed(self, frame: Frame, events: list[Event]) -> None:
        """Append the events of one frame. Raises a ProviderError that the provider reports."""
        kind = frame.type
        if kind in ARGUMENTS:
            self._arguments(frame, events)
            return
        delta = DELTAS.get(kind)
        if delta is not None:
            self._delta(delta, frame, events)
            return
        self.flush(events)
        if kind == "response.output_item.added":
            self._added(frame, events)
        elif kind == "response.output_item.done":
            self._ended(frame, events)
        elif kind in ("response.created", "response.in_progress"):
            self.id = self.id or decode_response(frame.response).id
        elif kind in ENDS:
            self._end(frame, events)

    def _delta(self, kind: type[TextDelta] | type[ReasoningDelta], frame: Frame, events: list[Event]) -> None:
        text = frame.delta
        if not text:
            return
        self._grow(kind, text, events)
        if kind is TextDelta:
            self._text.append(text)
            self._spoken = True

    def _arguments(self, frame: Frame, events: list[Event]) -> None:
        call = self._open.get(frame.item_id or "")
        if call is None or not call.name or not frame.delta:
            return  # an item nobody announced: its end says it whole
        call.streamed.append(frame.delta)
        self._grow(call, frame.delta, events)

    def _grow(self, of: type[TextDelta] | type[ReasoningDelta] | _Open, text: str, events: list[Event]) -> None:
        self._bytes += len(text)
        if of is not self._growing:
            self.flush(events)
            self._growing = of
        self._pieces.append(text)

    def flush(self, events: list[Event]) -> None:
        """The deltas fed since the last call, as one event."""
        of, text = self._growing, "".join(self._pieces)
        self._growing = None
        self._pieces.clear()
        if isinstance(of, _Open):
            events.append(ToolDelta(of.call_id, text))
        elif of is not None:
            events.append(of(text))

    def _added(self, frame: Frame, events: list[Event]) -> None:
        item = _read_item(frame)
        if item.type in CALLS and item.id and item.name:
            self._open[item.id] = _Open(item.call_id or item.id, item.name)
            events.append(ToolStart(item.call_id or item.id, item.name, item.type == "custom_tool_call"))

    def _ended(self, frame: Frame, events: list[Event]) -> None:
        item = _read_item(frame)
        known = self._open.pop(item.id or "", None)
        if item.type in CALLS:
            self._call_ended(item, known, events)
        elif item.type == "message":
            whole = "".join(part.text or part.refusal or "" for part in item.content or ())
            if whole and not self._spoken:  # a server that sends no deltas
                self._text.append(whole)
                self._bytes += len(whole)
                events.append(TextDelta(whole))
            self._spoken = False
        elif item.type == "reasoning" and item.encrypted_content and frame.item:
            self._kept.append(bytes(frame.item).decode())
            events.append(Kept(self._kept[-1]))

    def _call_ended(self, item: _Item, known: _Open | None, events: list[Event]) -> None:
        free = item.type == "custom_tool_call"
        text = (item.input if free else item.arguments) or ""
        call_id, name = item.call_id or item.id or "", item.name or (known.name if known else "")
        if known is None or not known.name:
            events.append(ToolStart(call_id, name, free))
            if text:
                events.append(ToolDelta(call_id, text))
        else:
            text = text or "".join(known.streamed)
        call = ToolCall(call_id, name, text, free)
        self._calls.append(call)
        events.append(ToolEnd(call))

    def _end(self, frame: Frame, events: list[Event]) -> None:
        if frame.type == "error":
            raise problem(frame)
        response = decode_response(frame.response)
        self.id = response.id or self.id
        if frame.type == "response.failed" or response.status == "failed":
            raise failure(200, b'{"error":' + bytes(response.error or b"{}") + b"}")
        self.done = True
        why = (response.incomplete_details.reason if response.incomplete_details else "") or ""
        self.steered = why == STEERED
        events.append(self._usage(response.usage))
        if not self.steered:
            events.append(Done("tools" if self._calls and not why else REASONS.get(why, "stop")))

    def _usage(self, usage: _Usage | None) -> Usage:
        if usage is None:
            return estimate(self._asked, self._bytes)
        cached = usage.input_tokens_details.cached_tokens if usage.input_tokens_details else 0
        thought = usage.output_tokens_details.reasoning_tokens if usage.output_tokens_details else 0
        return Usage(usage.input_tokens or 0, usage.output_tokens or 0, cached or 0, reasoning_tokens=thought or 0)


class Reported(Exception):
    """An error frame that has a meaning of its own; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


NOT_FOUND = "previous_response_not_found"
STREAM_LIMIT = "websocket_stream_limit_reached"
CONNECTION_LIMIT = "websocket_connection_limit_reached"
MEANT = frozenset({NOT_FOUND, STREAM_LIMIT, CONNECTION_LIMIT})


def problem(frame: Frame) -> Exception:
    """The error a frame of type `error` stands for: Reported, or a ProviderError."""
    raw = bytes(frame.error or b"") or msgspec.json.encode({"code": frame.code, "message": frame.message})
    body = _error(raw)
    if body.code in MEANT:
        return Reported(body.code)
    wait = body.headers.get("retry-after", "") if body.headers else ""
    return failure(frame.status or 200, b'{"error":' + raw + b"}", float(wait) if wait.isdigit() else None)


class _Error(msgspec.Struct):
    code: str | None = None
    headers: dict[str, str] | None = None


def _error(raw: bytes) -> _Error:
    try:
        return msgspec.json.decode(raw, type=_Error, strict=False)
    except msgspec.MsgspecError:
        return _Error()


def _read_item(frame: Frame) -> _Item:
    try:
        return _item(frame.item) if frame.item else _Item()
    except msgspec.MsgspecError as error:
        raise BadResponse("it sent an item that cannot be read") from error
