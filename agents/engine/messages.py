"""One shape for all providers: what goes in (Message, Tool, Request) and what comes out (Event)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True)
class ToolCall:
    """A complete call as the model made it; `arguments` is the raw JSON text (or free text)."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """One entry of the history, which only grows.

    role `tool` answers the call `call_id`; `calls` are set on assistant messages only. `prefill` on the last assistant
    message asks the provider to continue that text (only where the endpoint can).
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    name: str = ""


@dataclass(frozen=True)
class Tool:
    """A tool offered to the model: name, what it is for, JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, object]


@dataclass(frozen=True)
class Request:
    """One provider call. `continue_last`: the last message is an assistant's and its text is to be continued."""

    model: str
    messages: Sequence[Message]
    tools: Sequence[Tool] = ()
    max_tokens: int = 4096
    temperature: float | None = None
    stop: Sequence[str] = ()
    continue_last: bool = False


# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TextDelta:
    text: str


@dataclass(frozen=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True)
class ToolStart:
    id: str
    name: str


@dataclass(frozen=True)
class ToolDelta:
    """A fragment of the raw arguments of call `id`; fragments in order make up ToolCall.arguments."""

    id: str
    text: str


@dataclass(frozen=True)
class ToolEnd:
    call: ToolCall


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them; `estimated` when it did not and we did."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True)
class Done:
    """The stream's regular end. reason: stop, length, tools or filter."""

    reason: str = "stop"


Event = TextDelta | ReasoningDelta | ToolStart | ToolDelta | ToolEnd | Usage | Done


class Provider(Protocol):
    """One endpoint. `stream` yields lists of events: all that had arrived when the loop looked.

    Closing the iterator (or cancelling the task in it) closes the connection; nothing is delivered afterwards.
    Raises a ProviderError (providers/protocol.py) before or during the stream; events already delivered stand.
    """

    def stream(self, request: Request) -> AsyncIterator[list[Event]]: ...

    async def close(self) -> None: ...


# --- what a turn tells its owner ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ToolResult:
    """What the model reads back. A failure is a result with ok=False, not an exception."""

    text: str
    ok: bool = True
    data: Mapping[str, object] = field(default_factory=dict)
