"""A session turn: the loop of the engine on the live workspace, its events as items of the transcript."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from agents.engine import context
from agents.engine.loop import (
    Finished,
    Prose,
    Steered,
    StepFinished,
    ToolFinished,
    ToolStarted,
    TurnEvent,
    run_turn,
)
from agents.engine.messages import Message, ToolCall
from agents.environments.live import LiveEnvironment
from agents.models import Item
from agents.transcript import Memory
from agents.turns import LiveTurn
from agents.ways import engaged, mentioned
from ide.db import in_db
from ide.runner import client as runner

SHOWN = 4000  # characters of a tool's arguments in the transcript
REMEMBERED = 400  # characters of an earlier turn's tool result the model is told again
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (?P<path>.+)$", re.MULTILINE)
CUT = {
    "length": "The answer reached its longest length and stops here.",
    "filter": "The provider's filter stopped the answer.",
    "steps": "The turn reached its limit of steps.",
}
SILENT = "The model answered with nothing. Ask again, or choose another model."


async def talk(turn: LiveTurn) -> None:
    """Answer what was said, with tools where the model drives them; steers are read at each boundary."""
    provider, endpoint = engaged(turn)
    tools = endpoint.drives_tools
    sandbox = tools and (await runner.status()).works
    said = turn.items.all[0].data
    files = await mentioned(turn, said.get("mentions") or [])
    system = context.session_system(tools=tools)
    remembered, turn.live.memory = turn.live.memory, None
    if remembered and (remembered.turn, remembered.endpoint) == (turn.follows, endpoint.pk):
        past = remembered.messages
    else:
        past = [system, *await in_db(history, turn.live.row.pk, turn.row.pk)]
    asked = context.session_input(str(said["text"]), files, tools=tools, window=endpoint.window)
    messages = context.fitted([*past, asked], window=endpoint.window)
    settings = context.session_settings(endpoint.model, tools=tools, window=endpoint.window)
    settings = replace(settings, conversation=turn.live.row.pk)
    told = _Told(turn)
    environment = LiveEnvironment(turn, sandbox)
    async with aclosing(run_turn(provider, environment, messages, Steers(turn), settings)) as events:
        async for event in events:
            turn.check()
            await told.take(event)
    turn.live.memory = Memory(turn.row.pk, endpoint.pk, messages)


@dataclass
class Steers:
    """The loop's inbox: what people added, marked as taken when the model gets it."""

    turn: LiveTurn

    def take(self) -> list[str]:
        texts = []
        while self.turn.steers:
            item = self.turn.steers.popleft()
            item.data["taken"] = True
            self.turn.items.show(item)
            texts.append(str(item.data["text"]))
        return texts


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
                path = path_of(call)
                if path:
                    item.data["path"] = path
                await items.complete(item)
            case StepFinished() | Steered():
                await self._end_prose()
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
    for name in ("command", "query", "patch", "path", "glob"):
        if given.get(name):
            return str(given[name])[:SHOWN]
    return call.arguments[:SHOWN]


def history(session_id: str, but: str) -> list[Message]:
    """What was said and done in the session's earlier turns. Synchronous ORM.

    Tools are told in words, not as calls: another model than the one that made them may go on.
    """
    rows = Item.objects.filter(turn__session_id=session_id).exclude(turn_id=but)
    return _joined([_message(row) for row in rows.order_by("turn__started_at", "position")])


def _message(row: Item) -> Message:
    data = row.data
    if row.kind == Item.Kind.PERSON:
        return Message("user", str(data.get("text", "")))
    if row.kind == Item.Kind.MODEL:
        return Message("assistant", str(data.get("text", "")))
    if row.kind == Item.Kind.TOOL:
        outcome = str(data.get("output", ""))[:REMEMBERED]
        return Message("assistant", f"[{data.get('name')} {str(data.get('input', ''))[:REMEMBERED]}: {outcome}]")
    if row.kind == Item.Kind.EDIT:
        return Message("assistant", f"[edited {data.get('path')}: +{data.get('added')} −{data.get('removed')} lines]")
    return Message("user", f"[{data.get('text', '')}]")


def _joined(messages: Sequence[Message]) -> list[Message]:
    """Neighbours of one role as one message: some models accept nothing else."""
    out: list[Message] = []
    for message in messages:
        if not message.text:
            continue
        if out and out[-1].role == message.role:
            out[-1] = Message(message.role, f"{out[-1].text}\n\n{message.text}")
        else:
            out.append(message)
    return out
