"""What a turn tells while it runs, in order: the words of engine.loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agents.engine.messages import Message, ToolCall, ToolResult, Usage


@dataclass(frozen=True)
class StepStarted:
    number: int


@dataclass(frozen=True)
class Prose:
    text: str


@dataclass(frozen=True)
class Reasoning:
    text: str


@dataclass(frozen=True)
class ToolStarted:
    """The model began to call; its arguments may still stream."""

    call_id: str
    name: str


@dataclass(frozen=True)
class ToolFinished:
    call: ToolCall
    result: ToolResult
    seconds: float


@dataclass(frozen=True)
class Answered:
    """The model's answer is complete and none of its calls has been carried out, but edits that stream: keep it now to
    be able to go on from it."""

    message: Message


@dataclass(frozen=True)
class StepFinished:
    """A step is over and its messages are in the history: save them now.

    `message` is the assistant's; `ttft_ms` from the request to the first event; `seconds` the time the model streamed
    after that; `usage` as counted by the provider; `tools` the seconds its calls took, those at the same time once.
    """

    usage: Usage
    ttft_ms: float | None
    seconds: float
    message: Message
    tools: float = 0.0


@dataclass(frozen=True)
class Steered:
    """What people said meanwhile is in the history now."""

    texts: list[str]


@dataclass(frozen=True)
class Finished:
    """reason: stop, length, filter, or what ended it before its model had: steps (their limit was reached), budget (of
    tokens), window (what was said and read does not fit any more)."""

    reason: Reason


Reason = Literal["stop", "length", "filter", "steps", "budget", "window"]
TurnEvent = StepStarted | Prose | Reasoning | ToolStarted | Answered | ToolFinished | StepFinished | Steered | Finished
