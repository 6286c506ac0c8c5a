"""A model that plays a script: for tests and demonstrations of the tool loop. Never a default, always labelled.

A script is a JSON file (or the same as a dict):

    {"rate": 200,                       optional: tokens a second (4 characters a token); 0 or absent = at once
     "steps": [
       {"when": "add a greeting",       optional: played when the last user message contains this (case ignored)
        "reason": "…",                  optional: reasoning
        "text": "I read it first.",     optional: prose
        "calls": [                      optional: tool calls, their arguments streamed in fragments of 4 characters
          {"name": "read_file", "arguments": {"path": "a.py"}},
          {"name": "apply_patch", "arguments": {"patch": ["*** Begin Patch", "…", "*** End Patch"]}}],
        "delay": 0.2,                   optional: seconds before the first token
        "pause_after": 12,              optional: stop after this many characters of text until closed (never ends)
        "error": "overloaded",          optional: auth, rate, overloaded, context, unreachable, broken, bad
        "after": 20,                    optional: characters of text shown before the error
        "usage": [120, 40],             optional: input and output tokens; else estimated
        "finish": "stop"}]}             optional: stop, length, filter, tools

Each call to `stream` plays one step: the first unplayed step whose `when` fits the last user message, else the first
unplayed step without `when`. Steps with `"repeat": true` are never used up. A string list in `arguments` is joined
by line ends (patches are readable that way). A script that has run out answers with one sentence saying so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec

from agents.engine.messages import (
    Done,
    Event,
    ReasoningDelta,
    Request,
    TextDelta,
    ToolCall,
    ToolDelta,
    ToolEnd,
    ToolStart,
    Usage,
)
from agents.providers.chunks import estimate
from agents.providers.protocol import (
    AuthFailed,
    BadResponse,
    ContextTooLong,
    Overloaded,
    ProviderError,
    RateLimited,
    StreamBroken,
    Unreachable,
)

LABEL = "Scripted (for tests and demos)"
TOKEN = 4  # characters
AT_ONCE = 4_000.0  # tokens a second where the script has no rate
ERRORS: dict[str, type[ProviderError]] = {
    "auth": AuthFailed,
    "rate": RateLimited,
    "overloaded": Overloaded,
    "context": ContextTooLong,
    "unreachable": Unreachable,
    "broken": StreamBroken,
    "bad": BadResponse,
}


class Call(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, object] | str = {}


class Step(msgspec.Struct, forbid_unknown_fields=True):
    when: str = ""
    reason: str = ""
    text: str = ""
    calls: list[Call] = []
    delay: float = 0.0
    pause_after: int | None = None
    error: str = ""
    after: int = 0
    usage: tuple[int, int] | None = None
    finish: str = ""
    repeat: bool = False


class Script(msgspec.Struct, forbid_unknown_fields=True):
    steps: list[Step]
    rate: float = 0.0
    about: str = ""


class ScriptedProvider:
    """An engine.messages.Provider without a model. `script` is a path, or the script itself.

    Raises BadResponse when the script cannot be read or has an unknown field.
    """

    def __init__(self, script: Path | str | Mapping[str, object]) -> None:
        self._script = load(script)
        self._left = list(self._script.steps)
        self._played = 0
        self.requests: list[Request] = []

    async def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        self.requests.append(request)
        step = self._next(request)
        self._played += 1
        calls = [_call(call, f"call_{self._played}_{number}") for number, call in enumerate(step.calls, 1)]
        await asyncio.sleep(step.delay)
        if step.error and not step.after:
            raise ERRORS[step.error]("The script says so.")
        sent, ready = 0, list[Event]()
        clock, each = asyncio.get_running_loop().time, 1 / (self._script.rate or AT_ONCE)
        due = clock()
        for event in _events(step, calls):
            due += each
            if due > clock():
                if ready:
                    yield ready
                    ready = []
                await asyncio.sleep(max(0.0, due - clock()))
            ready.append(event)
            sent += len(event.text) if isinstance(event, TextDelta) else 0
            stops = step.pause_after is not None and sent >= step.pause_after
            if stops or (step.error and sent >= step.after):
                yield ready
                await self._stop(step)
        yield [*ready, *_ending(step, calls, request)]

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    async def _stop(step: Step) -> None:
        """In the middle of the answer, as the script says."""
        if step.error:
            raise ERRORS[step.error]("The script says so.")
        await asyncio.Event().wait()

    def _next(self, request: Request) -> Step:
        said = next((m.text for m in reversed(request.messages) if m.role == "user"), "").casefold()
        fits = (step for step in self._left if step.when and step.when.casefold() in said)
        plain = (step for step in self._left if not step.when)
        step = next(fits, None) or next(plain, None)
        if step is None:
            return Step(text="The script has no step left for this.")
        if not step.repeat:
            self._left.remove(step)
        return step


def load(script: Path | str | Mapping[str, object]) -> Script:
    """The script, checked. Raises BadResponse with the reason."""
    try:
        if isinstance(script, Mapping):
            loaded = msgspec.convert(dict(script), Script)
        else:
            loaded = msgspec.json.decode(Path(script).read_bytes(), type=Script)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadResponse(f"The script cannot be used: {error}") from error
    unknown = {step.error for step in loaded.steps if step.error} - ERRORS.keys()
    if unknown:
        raise BadResponse(f"The script names an unknown error: {', '.join(sorted(unknown))}")
    return loaded


def _events(step: Step, calls: Sequence[ToolCall]) -> Iterator[Event]:
    yield from (ReasoningDelta(piece) for piece in _pieces(step.reason))
    yield from (TextDelta(piece) for piece in _pieces(step.text))
    for call in calls:
        yield ToolStart(call.id, call.name)
        yield from (ToolDelta(call.id, piece) for piece in _pieces(call.arguments))


def _ending(step: Step, calls: Sequence[ToolCall], request: Request) -> list[Event]:
    size = len(step.text) + len(step.reason) + sum(len(call.arguments) for call in calls)
    usage = Usage(*step.usage) if step.usage else estimate(request.messages, size)
    return [*(ToolEnd(call) for call in calls), usage, Done(step.finish or ("tools" if calls else "stop"))]


def _call(call: Call, call_id: str) -> ToolCall:
    if isinstance(call.arguments, str):
        return ToolCall(call_id, call.name, call.arguments)
    given = {name: _joined(value) for name, value in call.arguments.items()}
    return ToolCall(call_id, call.name, json.dumps(given, ensure_ascii=False))


def _joined(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "\n".join(cast(list[str], value)) + "\n"
    return value


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + TOKEN] for at in range(0, len(text), TOKEN))
