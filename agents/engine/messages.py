"""One shape for all providers: what goes in (Message, Tool, Request) and what comes out (Event)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


def sound(text: str) -> str:
    """The text with a ? for each lone surrogate: names of files may hold bytes that are no UTF-8."""
    return text if text.isascii() else text.encode(errors="replace").decode()


@dataclass(frozen=True)
class ToolCall:
    """A complete call as the model made it; `arguments` is the raw JSON text, or the text itself when `freeform`."""

    id: str
    name: str
    arguments: str
    freeform: bool = False


@dataclass(frozen=True)
class Image:
    """A picture a person shows: its bytes and their media type, such as image/png."""

    media_type: str
    data: bytes

    @property
    def base64(self) -> str:
        return b64encode(self.data).decode()

    @property
    def url(self) -> str:
        """As a data URL."""
        return f"data:{self.media_type};base64,{self.base64}"


@dataclass(frozen=True)
class Message:
    """One entry of the history, which only grows. `images` are shown with a user's text.

    role `tool` answers the call `call_id`; `calls` are set on assistant messages only. `prefill` on the last assistant
    message asks the provider to continue that text (only where the endpoint can).
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    name: str = ""
    kept: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", sound(self.text))


@dataclass(frozen=True)
class Tool:
    """A tool offered to the model: name, what it is for, JSON schema of its arguments.

    `grammar` (Lark) describes the same input as plain text, for providers with freeform tools.
    """

    name: str
    description: str
    schema: Mapping[str, object]
    grammar: str = ""


@dataclass(frozen=True)
class Request:
    """One provider call.

    `continue_last`: the last message is an assistant's and its text is to be continued. `conversation` names what the
    call belongs to, so that a provider may keep a lane and a cache for it. `prediction` is text the answer will mostly
    repeat, where the provider can use it.
    """

    model: str
    messages: Sequence[Message]
    tools: Sequence[Tool] = ()
    max_tokens: int = 4096
    temperature: float | None = None
    stop: Sequence[str] = ()
    continue_last: bool = False
    conversation: str = ""
    prediction: str = ""


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
    freeform: bool = False


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
    """Tokens as the provider counted them; `estimated` when it did not and we did. Cached ones are among the input."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False
    reasoning_tokens: int = 0  # among the output


@dataclass(frozen=True)
class Timing:
    """Seconds as the provider measured them: waiting, reading the input, writing the output."""

    queue: float = 0.0
    prompt: float = 0.0
    decode: float = 0.0


@dataclass(frozen=True)
class Kept:
    """An item for `Message.kept`."""

    item: str


@dataclass(frozen=True)
class SteerCommitted:
    """The provider goes on with what people said: everything before belongs to the answer so far, what follows is the
    answer to `texts`."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class SteerFailed:
    """The provider did not take it; the text is to be said again at the next boundary."""

    text: str
    why: str


@dataclass(frozen=True)
class Done:
    """The stream's regular end. reason: stop, length, tools or filter."""

    reason: str = "stop"


Event = (
    TextDelta
    | ReasoningDelta
    | ToolStart
    | ToolDelta
    | ToolEnd
    | Usage
    | Timing
    | Kept
    | SteerCommitted
    | SteerFailed
    | Done
)


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
