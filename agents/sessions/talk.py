"""A session turn: the loop of the engine on the live workspace, its events as items of the transcript."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from agents.context import compaction, window
from agents.context.window import Ask, Filled
from agents.engine.context_fit import fitted, size, thinned
from agents.engine.events import Finished, Prose, Steered, StepFinished, ToolFinished, ToolStarted, TurnEvent
from agents.engine.loop import BeforeStep, Settings, run_turn
from agents.engine.messages import Message, ToolCall
from agents.environments.overlay_target import environment_of
from agents.models import Endpoint, Item
from agents.sessions.transcript import Memory
from agents.sessions.turns import LiveTurn
from agents.sessions.ways import engaged, mentioned

MOST_TOKENS = 5_000_000  # a turn may read and write
SHOWN = 4000  # characters of a tool's arguments in the transcript
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (?P<path>.+)$", re.MULTILINE)
CUT = {
    "length": "The answer reached its longest length and stops here.",
    "filter": "The provider's filter stopped the answer.",
    "steps": "The turn reached its limit of steps.",
    "budget": "The turn reached its limit of tokens.",
    "window": "The turn has filled its model's window. Ask it to go on: what was read is made shorter then.",
}
SILENT = "The model answered with nothing. Ask again, or choose another model."


async def talk(turn: LiveTurn) -> None:
    """Answer what was said, with tools where the model drives them; steers are read at each boundary."""
    provider, endpoint = engaged(turn)
    made = await _window(turn, endpoint)
    turn.live.memory, messages = None, made.messages
    settings = window.settings(turn.live, endpoint)
    settings = replace(settings, budget=MOST_TOKENS, before_step=fitting(endpoint, settings, made.fixed))
    settings = replace(settings, steered=lambda: bool(turn.steers), silence=turn.silence)
    told = _Told(turn)
    environment = environment_of(turn, sandbox=made.able.sandbox, thinkers=made.able.thinkers)
    async with aclosing(run_turn(provider, environment, messages, Steers(turn), settings)) as events:
        async for event in events:
            turn.check()
            await told.take(event)
    turn.live.memory = Memory(turn.row.pk, endpoint.pk, messages, made.told)


async def _window(turn: LiveTurn, endpoint: Endpoint) -> Filled:
    said = turn.items.all[0].data
    found = await mentioned(turn, said)
    ask = Ask(str(said["text"]), found, turn.follows, turn.row.pk, hurry="redirects" in said)
    return await compaction.window_for(turn, endpoint, ask)


def fitting(endpoint: Endpoint, settings: Settings, fixed: int) -> BeforeStep:
    """What a step is sent when the turn's own reading has filled the window: what tools answered first goes first."""
    room, per_token = endpoint.window - settings.max_tokens, endpoint.bytes_per_token

    async def fit(history: Sequence[Message]) -> Sequence[Message] | None:
        sent = thinned(history, room=room, per_token=per_token)
        if total(sent) > room:
            reply = settings.max_tokens
            sent = fitted(sent, window=endpoint.window, reply=reply, per_token=per_token, fixed=fixed)
        return sent if total(sent) <= room else None

    def total(messages: Sequence[Message]) -> int:
        return sum(size(message, per_token) for message in messages)

    return fit


@dataclass
class Steers:
    """The loop's inbox: what people added. The loop says when the model has it."""

    turn: LiveTurn

    def take(self) -> list[str]:
        waiting = list(self.turn.steers)
        self.turn.steers.clear()
        self.turn.handed += waiting
        return [str(item.data["text"]) for item in waiting]


@dataclass
class _Told:
    """Turn events as items."""

    turn: LiveTurn
    _silent: bool = True
    _prose: Item | None = None
    _tools: dict[str, Item] = field(default_factory=dict)

    async def take(self, event: TurnEvent) -> None:
        items = self.turn.items
        match event:
            case Prose(text):
                self._silent = False
                if self._prose is None:
                    self._prose = items.begin(Item.Kind.MODEL, {"text": ""})
                items.grow(self._prose, text)
                self.turn.rest()
            case ToolStarted(call_id, name):
                self._silent = False
                await self._end_prose()
                data: dict[str, object] = {"name": name, "input": "", "output": "", "ok": None, "seconds": 0}
                self._tools[call_id] = items.begin(Item.Kind.TOOL, data)
            case ToolFinished(call, result, seconds):
                item = self._tools.pop(call.id, None) or items.begin(Item.Kind.TOOL, {"name": call.name})
                item.data |= {
                    "input": shown(call),
                    "output": result.text,
                    "ok": result.ok,
                    "seconds": round(seconds, 3),
                }
                if result.data:
                    item.data["result"] = dict(result.data)
                path = path_of(call)
                if path:
                    item.data["path"] = path
                await items.complete(item)
            case StepFinished():
                self.turn.in_tools += event.tools
                await self._end_prose()
            case Steered(texts):
                await self._end_prose()
                self.turn.check()
                self.turn.heard(texts)
            case Finished(reason) if reason in CUT:
                await items.add(Item.Kind.NOTE, {"text": CUT[reason], "tone": "warn"})
            case Finished() if self._silent:
                await items.add(Item.Kind.NOTE, {"text": SILENT, "tone": "warn"})

    async def _end_prose(self) -> None:
        prose, self._prose = self._prose, None
        if prose is not None:
            await self.turn.items.complete(prose)


def _arguments(call: ToolCall) -> dict[str, object]:
    try:
        given = json.loads(call.arguments)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def path_of(call: ToolCall) -> str:
    """The file a call is about: its `path`, or the first one of its patch."""
    given = _arguments(call)
    first = _PATCHED.search(str(given.get("patch", "")))
    return str(given.get("path", "")) or (first["path"].strip() if first else "")


def shown(call: ToolCall) -> str:
    """A call's arguments as people read them: the command, the query, the patch."""
    given = _arguments(call)
    for name in ("command", "question", "query", "patch", "path", "glob"):
        if given.get(name):
            return str(given[name])[:SHOWN]
    return call.arguments[:SHOWN]
