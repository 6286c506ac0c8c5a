"""What a session's next turn sends: instructions, what was said before, the workspace as it is, what is asked.

The turn itself sends it; before that it is counted while a person types, and the provider reads ahead what is known.
Order and what is told again: agents.engine.context_parts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import DatabaseError

from agents import wire
from agents.context import counting, instructions, past, pictures, pins, surroundings
from agents.context.mentions import Found, looked_up
from agents.context.past import Past
from agents.context.surroundings import Question
from agents.endpoints import choice as endpoints
from agents.endpoints.measure import Measured, Purpose
from agents.engine import context
from agents.engine.context_fit import reply_of, size
from agents.engine.context_parts import SPARED, AgentsFile, Part, guidance, joined, untold
from agents.engine.loop import Settings, request_of
from agents.engine.messages import Message, Request, Tool
from agents.engine.tools import offered
from agents.environments.live import abilities
from agents.models import Endpoint, Turn
from agents.proposals import rules
from agents.providers.protocol import ProviderError
from agents.sessions.think import thinkers
from agents.sessions.transcript import LiveSession, Memory
from ide.db import in_db
from ide.errors import Refused, TooLarge
from ide.live.host import WorkspaceHost
from ide.runner import client as runner

log = logging.getLogger(__name__)

SMALLEST_FOR_BLOCKS = 8192  # tokens of a window: smaller models neither see enough nor write them exactly
WARM_EVERY = 300.0  # seconds between two times a provider reads a session ahead


@dataclass(frozen=True)
class Ask:
    """A message to be answered, with what it mentions. `follows`: the turn before, if this process knows it; `but`: the
    turn that begins; `hurry`: what was looked up for the turn before will do."""

    text: str
    found: Found
    follows: str | None = None
    but: str = ""
    hurry: bool = False


@dataclass(frozen=True)
class Able:
    """What a session's model can do now: run commands in the sandbox, ask the endpoints that think."""

    sandbox: bool = False
    thinkers: Sequence[Endpoint] = ()

    def tools(self) -> list[Tool]:
        return offered(abilities(sandbox=self.sandbox, thinks=bool(self.thinkers)))

    def tokens(self, endpoint: Endpoint) -> int:
        """Of the tools' descriptions."""
        return int(counting.tool_bytes(self.tools()) / endpoint.bytes_per_token) if endpoint.drives_tools else 0


@dataclass(frozen=True)
class Filled:
    """A window. `told` is what the model knows of the workspace then; `counted` (kind, label, tokens, part) in order;
    `fits`: whether it leaves room for an answer; `left_out`: whether something that was said before is not in it."""

    messages: list[Message]
    told: dict[str, str]
    counted: list[tuple[str, str, int, Part | None]]
    fits: bool = True
    left_out: bool = False
    able: Able = Able()
    fixed: int = 0  # messages after the first that hold what always stays: instruction files and pins

    @property
    def tokens(self) -> int:
        return sum(tokens for _, _, tokens, _ in self.counted)


def settings(live: LiveSession, endpoint: Endpoint) -> Settings:
    made = context.session_settings(endpoint.model, tools=endpoint.drives_tools, window=endpoint.window)
    return replace(made, conversation=live.row.pk, blocks=writes_blocks(endpoint))


def writes_blocks(endpoint: Endpoint) -> bool:
    """Whether this model edits with SEARCH/REPLACE blocks in its text: it drives no tools, and is big enough."""
    return not endpoint.drives_tools and not endpoint.builtin and endpoint.window >= SMALLEST_FOR_BLOCKS


async def filled(host: WorkspaceHost, live: LiveSession, endpoint: Endpoint, ask: Ask) -> Filled:
    """The window for the next turn. It goes on from what the model has, if it has that and there is room; else it is
    made anew from what is saved. Raises TooLarge when pinned texts alone do not fit."""
    known = live.memory
    if known is not None and (known.turn, known.endpoint) != (ask.follows, endpoint.pk):
        known = None
    able, first, (files, ended), said = await asyncio.gather(
        able_of(live, endpoint),
        _first(host, live, endpoint),
        _near(host, live, endpoint, ask),
        _said(live, ask, known),
    )
    tools = able.tokens(endpoint)
    later = [] if lean(endpoint) else await _later(host, endpoint, ask, (first, files), ended)
    if known is not None and known is live.memory:
        made = _Filling(endpoint, tools, ask, first, later).going_on(known)
        if made.fits:
            return replace(made, able=able)
    if said is None:
        said = await in_db(past.past, live.row.pk, ask.but)
    made = _Filling(endpoint, tools, ask, first, later).anew(said)
    if not made.fits and any(part.kind == "pins" for part in first):
        _check_pins(endpoint, made)
    return replace(made, able=able)


def lean(endpoint: Endpoint) -> bool:
    """Whether a model gets only what people gave it: the small one is confused by more."""
    return endpoint.builtin


def _check_pins(endpoint: Endpoint, made: Filled) -> None:
    taken = sum(tokens for kind, _, tokens, _ in made.counted if kind == "pins")
    room = endpoint.window - reply_of(endpoint.window)
    told = f"What is pinned takes about {taken:,} of the {room:,} tokens this model can read, and the message the rest."
    raise TooLarge(told, "Unpin something, or choose a model with a larger window.")


async def able_of(live: LiveSession, endpoint: Endpoint) -> Able:
    """A model that drives no tools can do nothing."""
    if not endpoint.drives_tools:
        return Able()
    sandbox, able = await asyncio.gather(runner.status(), thinkers(live.row.workspace_id, endpoint))
    return Able(sandbox.works, able)


async def _first(host: WorkspaceHost, live: LiveSession, endpoint: Endpoint) -> list[Part]:
    """What stands before the history: the instruction files of the root and of what is pinned, and the pins."""
    pinned = await pins.parts(host, live.row.pins)
    if lean(endpoint):
        return pinned
    files = await instructions.files_for(host, [part.path for part in pinned if part.path])
    return [*map(guidance, files), *pinned]


async def _said(live: LiveSession, ask: Ask, known: Memory | None) -> Past | None:
    """What is saved of the turns before, where the model does not go on from what it has."""
    return await in_db(past.past, live.row.pk, ask.but) if known is None else None


async def _near(
    host: WorkspaceHost, live: LiveSession, endpoint: Endpoint, ask: Ask
) -> tuple[list[AgentsFile], datetime | None]:
    """The instruction files of what is mentioned, and when the turn before has ended."""
    if lean(endpoint):
        return [], None
    mentioned = [file.path for file in ask.found.files]
    files = instructions.files_for(host, mentioned) if mentioned else _none()  # the root's are there anyway
    return await asyncio.gather(files, in_db(_last_end, live.row.pk, ask.but))


async def _none() -> list[AgentsFile]:
    return []


async def _later(
    host: WorkspaceHost,
    endpoint: Endpoint,
    ask: Ask,
    told: tuple[Sequence[Part], Sequence[AgentsFile]],
    ended: datetime | None,
) -> list[Part]:
    """What comes with the message: more instruction files, and the workspace as it is now."""
    first, files = told
    mentioned = [file.path for file in ask.found.files]
    there = {part.key for part in first}
    near = [guidance(file) for file in files]
    shown = frozenset(mentioned) if not endpoint.drives_tools else frozenset[str]()
    paths = (*mentioned, *(part.path for part in first if part.kind == "pins" and part.path))
    asked = Question(ask.text, paths, endpoint.window, endpoint.bytes_per_token, ended, shown, ask.hurry)
    around = await surroundings.around(host).parts(host, asked)
    return [*(part for part in near if part.key not in there), *around]


def _last_end(session_id: str, but: str) -> datetime | None:
    rows = Turn.objects.filter(session_id=session_id).exclude(pk=but).exclude(ended_at=None)
    return rows.order_by("-ended_at").values_list("ended_at", flat=True).first()


@dataclass
class _Filling:
    """Puts one window together."""

    endpoint: Endpoint
    tools: int
    ask: Ask
    first: list[Part]
    later: list[Part]
    out: list[tuple[str, str, int, Part | None]] = field(default_factory=list)

    def going_on(self, known: Memory) -> Filled:
        """After what the model has: only what it has not been told, and the message."""
        parts = untold([*self.first, *self.later], known.told)
        messages = self._seen([*known.messages, self._asked(parts)])
        told = known.told | {part.key: part.text for part in parts}
        rest = sum(self._size(message) for message in known.messages[1:])
        here = [part for part in [*self.first, *self.later] if part.key in known.told]
        self._begin(known.messages[0])
        self._count(here)
        before = sum(tokens for kind, _, tokens, part in self.out if part is not None)
        self._add("history", "Earlier turns", max(0, rest - before))
        self._count(parts)
        return self._done(messages, told)

    def anew(self, before: Past) -> Filled:
        """From what is saved: what need not be there goes first, then the oldest of what was said; pins never."""
        system = context.session_system(tools=self.endpoint.drives_tools, blocks=writes_blocks(self.endpoint))
        spare = list(SPARED)
        while spare and not self._room([*self.first, *self.later]) > 0:
            gone = spare.pop(0)
            self.later = [part for part in self.later if part.kind != gone]
        room = self._room([*self.first, *self.later])
        said = self._fitting(before, room)
        head = [Message("user", joined(self.first))] if self.first else []
        asked = self._asked(self.later)
        messages = self._seen([system, *self._neighbours([*head, *said, asked])])
        self._begin(system)
        self._count(self.first)
        summary = context.count(before.summary, self.endpoint.bytes_per_token)
        if before.summary:
            self._add("compaction", "Summary of earlier turns", summary)
        self._add("history", "Earlier turns", max(0, sum(map(self._size, said)) - summary))
        self._count(self.later)
        left_out = sum(map(self._size, said)) < sum(map(self._size, before.told()))
        made = self._done(messages, {part.key: part.text for part in [*self.first, *self.later]})
        return replace(made, left_out=left_out)

    def _fitting(self, before: Past, room: int) -> list[Message]:
        """The summary, and the newest turns that fit."""
        per = self.endpoint.bytes_per_token
        head = [Message("user", before.summary)] if before.summary else []
        left = max(1, room - sum(map(self._size, head)))
        kept = context.fitted(before.messages, window=left, reply=0, per_token=per) if before.messages else []
        if sum(map(self._size, kept)) > left:  # even the newest alone is too much
            kept = []
        return past.joined([*head, *kept])

    def _neighbours(self, messages: list[Message]) -> list[Message]:
        """As they are where the provider goes on from what it has read; else neighbours of one role as one."""
        return messages if self.endpoint.dialect == Endpoint.Dialect.RESPONSES else past.joined(messages)

    def _asked(self, parts: Sequence[Part]) -> Message:
        window, found = self.endpoint.window, self.ask.found
        said = "\n\n".join([*found.told(window // 3), self.ask.text])
        made = context.session_input(said, found.files, tools=self.endpoint.drives_tools, window=window)
        text = f"{joined(parts)}\n\n{made.text}" if parts else made.text
        return replace(made, text=text, images=tuple(found.pictures))

    def _seen(self, messages: list[Message]) -> list[Message]:
        return pictures.thinned(messages, seeing=pictures.sees(self.endpoint))

    def _room(self, parts: Sequence[Part]) -> int:
        """Tokens left for what was said before, with these parts in the window."""
        system = context.session_system(tools=self.endpoint.drives_tools, blocks=writes_blocks(self.endpoint))
        taken = self._size(system) + self._size(self._asked(parts)) + self.tools
        return self.endpoint.window - reply_of(self.endpoint.window) - taken

    def _size(self, message: Message) -> int:
        return size(message, self.endpoint.bytes_per_token)

    # --- counting -------------------------------------------------------------------------------------------------

    def _begin(self, system: Message) -> None:
        self._add("instructions", "Tandem's instructions", self._size(system))
        if self.tools:
            self._add("tools", "Tools", self.tools)

    def _count(self, parts: Sequence[Part]) -> None:
        for part in parts:
            tokens = context.count(part.text, self.endpoint.bytes_per_token)
            self.out.append((part.kind, part.label, tokens, part))

    def _add(self, kind: str, label: str, tokens: int) -> None:
        if tokens:
            self.out.append((kind, label, tokens, None))

    def _done(self, messages: list[Message], told: dict[str, str]) -> Filled:
        bare = self._size(replace(self._asked([]), text=self.ask.text, images=()))
        self._add("mentions", "Mentioned", max(0, self._size(self._asked([])) - bare))
        self._add("message", "Message", bare)
        room = self.endpoint.window - reply_of(self.endpoint.window)
        fits = sum(map(self._size, messages)) + self.tools <= room
        return Filled(messages, told, self.out, fits, fixed=int(bool(self.first)))


# --- before it is sent ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """What a person is about to send."""

    text: str
    mentions: Sequence[Mapping[str, object]]
    pictures: Sequence[str] = ()


async def _drafted(host: WorkspaceHost, live: LiveSession, draft: Draft) -> Ask:
    found = await looked_up(host, draft.mentions)
    found.pictures += await in_db(pictures.images, host.workspace_id, draft.pictures)
    return Ask(draft.text, found, live.running.row.pk if live.running is not None else None)


async def _request(live: LiveSession, endpoint: Endpoint, messages: Sequence[Message]) -> Request:
    tools = (await able_of(live, endpoint)).tools() if endpoint.drives_tools else []
    return request_of(messages, tools, settings(live, endpoint), first=True)


async def estimate(host: WorkspaceHost, live: LiveSession, endpoint: Endpoint, draft: Draft) -> wire.Json:
    """Tokens and cost of the turn's first call, as far as we can count without asking anybody. `reply` is the room its
    answer needs; `cost` is what reading costs when nothing is cached."""
    made = await filled(host, live, endpoint, await _drafted(host, live, draft))
    return await _weighed(live, endpoint, made)


async def _weighed(live: LiveSession, endpoint: Endpoint, made: Filled) -> wire.Json:
    request = await _request(live, endpoint, made.messages)
    tokens = counting.tokens(endpoint, request)
    price = endpoints.prices(endpoint)
    return {
        "tokens": tokens,
        "window": endpoint.window,
        "reply": request.max_tokens,
        "cost": float(price.spent(tokens, 0).cost),
        "priced": price.known,
    }


async def show(host: WorkspaceHost, live: LiveSession, endpoint: Endpoint, draft: Draft) -> wire.Json:
    """What the turn's first call would hold, part by part, with what an estimate says."""
    made = await filled(host, live, endpoint, await _drafted(host, live, draft))
    weighed = await _weighed(live, endpoint, made)
    percent = (await in_db(rules.of, host.workspace_id)).compact_at
    about = {"total": made.tokens, "compact_at": percent, "lean": lean(endpoint)}
    return {**weighed, **about, "parts": _merged(made)}


def _merged(made: Filled) -> list[wire.Json]:
    """What was told again is in the window twice, and is one part to people."""
    parts: dict[tuple[str, str], wire.Json] = {}
    tokens: dict[tuple[str, str], int] = {}
    for kind, label, taken, part in made.counted:
        key = (kind, part.path or label if part is not None else label)
        tokens[key] = tokens.get(key, 0) + taken
        parts[key] = _part(kind, label, tokens[key], part)
    return list(parts.values())


def _part(kind: str, label: str, tokens: int, part: Part | None) -> wire.Json:
    shown = {"kind": kind, "label": label, "tokens": tokens, "path": "", "detail": "", "text": ""}
    if part is None:
        return dict(shown)
    text = part.text if kind == "agents_file" else ""
    return {**shown, "path": part.path, "detail": part.detail, "text": text}


async def read_ahead(host: WorkspaceHost, live: LiveSession, user_id: int) -> None:
    """Let the provider read instructions, tools and history now, so that the first turn sends only what is asked; and
    look at the workspace, so that the first turn need not.

    At most once in five minutes a session, and only where the provider keeps a socket; never while a turn runs or when
    it has just answered, since it has everything then.
    """
    now = time.monotonic()
    if live.turn is not None or live.memory is not None or now - live.warmed_at < WARM_EVERY:
        return
    live.warmed_at = now
    try:
        wanted = endpoints.Wanted("turn", host.team_id, user_id)
        endpoint = await in_db(endpoints.choose, None, wanted)
        made = await filled(host, live, endpoint, Ask("", Found()))
        if endpoint.dialect != Endpoint.Dialect.RESPONSES:
            return
        purpose = Purpose(user_id, host.workspace_id, "warm", f"session:{live.row.pk}")
        await Measured([endpoint], purpose).warm(await _request(live, endpoint, made.messages[:-1]))
    except (ProviderError, Refused, DatabaseError) as error:  # the turn itself says what is wrong
        log.info("session %s was not read ahead: %s", live.row.pk, error)
