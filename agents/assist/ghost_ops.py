"""ghost.* of the main socket: suggestions at the cursor, one at a time for each tab; a newer request ends the older.

What a person takes is their own edit, with their name in the history: they read it and chose it. The model's part is
counted in the ledger (kind `ghost`), and nowhere else.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median
from typing import cast
from weakref import WeakKeyDictionary

import msgspec
from django.db.models import Q

from agents import wire
from agents.assist import ghost
from agents.endpoints import abilities, pool
from agents.endpoints import choice as endpoints
from agents.endpoints.measure import Measured, Purpose
from agents.engine.messages import Message, TextDelta
from agents.environments.live import writable
from agents.live import of
from agents.models import Endpoint, RoleEndpoint
from agents.ops import read
from agents.proposals import rules
from agents.providers.fill import Filling
from agents.providers.protocol import ProviderError
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.errors import Conflict, Refused, Unavailable
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params, Participant

REMEMBERED = 20  # answers whose time is kept, of each endpoint
FRESH = 600.0  # seconds; then nothing is known any more, and a slow endpoint gets another chance
PLANNED = 5.0  # seconds for which it is known who answers
STALE: wire.Json = {"text": "", "stale": True, "ms": None}


class Suggest(msgspec.Struct):
    """`at`: an anchor. `request` rises with each one of a tab."""

    document: str
    at: str
    request: int


class Drop(msgspec.Struct):
    request: int


@dataclass
class _Asked:
    request: int
    task: asyncio.Task[wire.Json]


@dataclass
class Suggestions:
    """An extension of the host. `_times`: when the newest answers came and the milliseconds they took, by endpoint."""

    host: WorkspaceHost
    _asked: WeakKeyDictionary[Participant, _Asked] = field(default_factory=WeakKeyDictionary)
    _times: dict[int, deque[tuple[float, float]]] = field(default_factory=dict)
    _planned: dict[int, tuple[float, list[Endpoint]]] = field(default_factory=dict)

    async def suggest(self, participant: Participant, given: Suggest) -> wire.Json:
        """The text, or `stale` when a newer request of this tab took its place. `ms`: how long answers take."""
        before = self._asked.get(participant)
        if before is not None:
            if before.request > given.request:
                return STALE
            before.task.cancel()
        task = of(self.host).beside(self._answer(participant.user_id, given), "suggestion")
        self._asked[participant] = _Asked(given.request, task)
        await asyncio.wait({task})
        return STALE if task.cancelled() else task.result()

    def drop(self, participant: Participant, request: int) -> None:
        """Nobody waits for it any more."""
        asked = self._asked.get(participant)
        if asked is not None and asked.request == request:
            asked.task.cancel()

    async def about(self, user_id: int) -> wire.Json:
        """Who suggests and how fast, or why nobody does."""
        self._planned.pop(user_id, None)
        try:
            first = (await self._fillers(user_id))[0]
        except Refused as error:
            return {"endpoint": None, "ms": None, "why": f"{error.what} {error.do}".strip()}
        return {"endpoint": first.name, "ms": self._pace(first), "why": ""}

    async def _answer(self, user_id: int, given: Suggest) -> wire.Json:
        room = writable(self.host, await self.host.open_room(given.document))
        able = await self._fillers(user_id)
        anchor = room.anchor_from(given.at)
        at = anchor.index() if anchor is not None else None
        if at is None:
            raise Conflict("The text at the cursor is not there any more.")
        place = ghost.Place(room.path, room.text(), at)
        if ghost.sensitive(room.path):
            raise Unavailable("Files that usually hold secrets are shown to no model unasked.")
        others = [(one.path, one.text()) for one in self.host.rooms_open() if one is not room and not one.broken]
        purpose = Purpose(user_id, self.host.workspace_id, "ghost", f"document:{room.id}")
        measured = Measured(able, purpose, opened=pool.filler)
        asked = time.monotonic()
        try:
            text = await _filled(measured, place, others)
        except ProviderError as error:
            raise Unavailable(error.what, error.do) from error
        times = self._times.setdefault(measured.endpoint.pk, deque(maxlen=REMEMBERED))
        now = time.monotonic()
        times.append((now, (now - asked) * 1000))
        return {"text": text, "stale": False, "ms": self._pace(measured.endpoint)}

    def _pace(self, endpoint: Endpoint) -> float | None:
        """Milliseconds half of the newest answers took at most; None while there are too few to tell."""
        since = time.monotonic() - FRESH
        times = [ms for at, ms in self._times.get(endpoint.pk, ()) if at > since]
        return round(median(times), 1) if len(times) >= REMEMBERED // 4 else None

    async def _fillers(self, user_id: int) -> list[Endpoint]:
        until, able = self._planned.get(user_id, (0.0, []))
        if time.monotonic() > until:
            able = await in_db(fillers, self.host.workspace_id, self.host.team_id, user_id)
            self._planned[user_id] = (time.monotonic() + PLANNED, able)
        return able


async def _filled(measured: Measured, place: ghost.Place, others: list[tuple[str, str]]) -> str:
    inside = abilities.of(measured.endpoint).fim == "suffix"
    gap = ghost.gap(place, others, inside=inside)
    seen = gap.before + gap.after + "".join(text for _, text in gap.others)
    request = Filling(measured.endpoint.model, (Message("user", seen),), max_tokens=gap.max_tokens, gap=gap)
    answer, began, ended = ghost.Answer(place), time.monotonic(), True
    async with aclosing(cast(ghost.Stream, measured.stream(request))) as stream:
        async for events in stream:
            text = "".join(event.text for event in events if isinstance(event, TextDelta))
            if text and not answer.feed(text, time.monotonic() - began):
                ended = False
                break
    return answer.fitting(ended=ended)


def fillers(workspace_id: str, team_id: str, user_id: int) -> list[Endpoint]:
    """Who may suggest: what has the role, or, where nothing has it, a server on this machine (it costs nothing); only
    such that were found to fill in the middle. Synchronous ORM. Raises Unavailable with the reason."""
    if not rules.of(workspace_id).ghost:
        raise Unavailable("Suggestions at the cursor are switched off in this workspace.")
    wanted = endpoints.Wanted(RoleEndpoint.Role.GHOST, team_id, user_id)
    roles = RoleEndpoint.objects.filter(Q(team=None) | Q(team=team_id), role=wanted.role, endpoint__enabled=True)
    if roles.exists():
        rows = endpoints.candidates(None, wanted)
    else:
        rows = [row for row in endpoints.usable(wanted) if row.own_network and not row.resting]
    able = [row for row in rows if abilities.of(row).fim]
    if able:
        return able
    if roles.exists():
        raise Unavailable(
            f"{rows[0].name} was not found to fill in the middle of a text.",
            "Find out under Models what it can do, or give another model the role of suggestions at the cursor.",
        )
    raise Unavailable(
        "No model is chosen for suggestions at the cursor.",
        "Give one that fills in the middle of a text this role under Models.",
    )


def _suggestions(host: WorkspaceHost) -> Suggestions:
    found = host.extensions.setdefault(Suggestions, Suggestions(host))
    assert isinstance(found, Suggestions)  # noqa: S101 (a key gives its own kind)
    return found


async def ghost_suggest(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    return await _suggestions(host).suggest(participant, read(Suggest, params))


async def ghost_drop(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    _suggestions(host).drop(participant, read(Drop, params).request)
    return {}


async def ghost_about(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    return await _suggestions(host).about(participant.user_id)


def register() -> None:
    ops.register("ghost.suggest", Action.TURN, ghost_suggest)
    ops.register("ghost.drop", Action.TURN, ghost_drop)
    ops.register("ghost.about", Action.TURN, ghost_about)
