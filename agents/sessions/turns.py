"""One running turn: what it holds, how it is fenced, and how it ends.

A turn is open until it ends by itself, fails or is interrupted; `end` closes it synchronously, before anything is
awaited, and whatever writes for it asks `check` first. So after an interrupt nothing lands any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from agents import wire
from agents.endpoints.measure import Measured, Speed
from agents.engine.loop import Silence
from agents.models import Endpoint, Item, Session, Turn
from agents.proposals import rules
from agents.proposals.live import Proposals, Tracked
from agents.providers.protocol import ProviderError
from agents.sessions import queue
from agents.sessions.pauses import Pause, Pauses, Say
from agents.sessions.transcript import Items, LiveSession, save_items, settle_numbers
from ide import metrics
from ide.accounts.models import User
from ide.db import in_db
from ide.documents.room import Anchor, Room
from ide.live.host import WorkspaceHost

log = logging.getLogger(__name__)

SPEED_EVERY = 0.25  # seconds between two speed events
REGION_EVERY = 0.1
KEEP_EVERY = 1.0


@dataclass(frozen=True)
class Region:
    """A stretch of a document that moves with the text around it."""

    room: Room
    start: Anchor
    end: Anchor


class Ended(Exception):
    """The turn is closed; what was about to be written is dropped."""


@dataclass(frozen=True)
class Stop:
    """Why a turn is stopped: by whom, and whether they go on another way. Nobody: `why`, and the limit it has met."""

    by: wire.Json | None = None
    redirects: bool = False
    why: str = "Interrupted."
    limit: wire.Json | None = None

    def note(self) -> dict[str, object]:
        if self.limit is not None:
            return {"text": self.why, "tone": "warn", "limit": self.limit}
        if self.by is None:
            return {"text": self.why, "tone": "info"}
        said, field = ("Redirected", "redirected_by") if self.redirects else ("Interrupted", "by")
        return {"text": f"{said} by {self.by['name']}.", "tone": "info", field: self.by}


async def _silent(pause: Pause, text: str) -> None:
    """Nobody is told."""


@dataclass
class LiveTurn:
    """`steers` waits for the next boundary; `handed` was given to the model and is not part of its answer yet;
    `regions` is where it writes now, by document."""

    host: WorkspaceHost
    live: LiveSession
    row: Turn
    items: Items
    owner: User
    endpoint: Endpoint | None
    proposals: Proposals
    follows: str | None = None  # the turn before it in the session, if it was in this process
    provider: Measured | None = None
    open: bool = True
    began: float = field(default_factory=time.monotonic)
    in_tools: float = 0.0  # seconds
    steers: deque[Item] = field(default_factory=deque)
    handed: list[Item] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    keeping: asyncio.Task[None] | None = None
    saving: asyncio.Task[None] | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    say_on: Say = _silent
    edits: dict[str, Item] = field(default_factory=dict)
    regions: dict[str, wire.Json] = field(default_factory=dict)
    silence: Silence = field(default_factory=Silence)
    region_written: Region | None = None  # an inline turn's: what a redirect starts from
    _speed_at: float = 0.0
    _region_at: float = 0.0

    def __post_init__(self) -> None:
        self.pauses = Pauses(self)

    @property
    def origin(self) -> str:
        return f"turn:{self.row.pk}"

    def check(self) -> None:
        """Raises Ended once the turn is closed."""
        if not self.open:
            raise Ended(self.row.pk)

    # --- what it tells while it runs ------------------------------------------------------------------------------

    def told(self, speed: Speed) -> None:
        """New figures from the provider: four events a second at most."""
        now = time.monotonic()
        if self.open and now - self._speed_at >= SPEED_EVERY:
            self._speed_at = now
            figures = {"ttft_ms": speed.ttft_ms, "tokens": speed.tokens, "tokens_per_s": speed.tokens_per_s}
            self.live.emit("turn.speed", turn=self.row.pk, **figures)

    def in_line(self, place: int, why: str) -> None:
        """Its call waits for the model's limits at that place, from 1; 0: it waits no more."""
        if self.open:
            self.live.waiting = {"turn": self.row.pk, "place": place, "why": why} if place else None
            self.live.emit("turn.waiting", turn=self.row.pk, place=place, why=why)

    def moved(self, before: Endpoint, after: Endpoint, error: ProviderError) -> None:
        """Another model answers, because the first one could not."""
        if self.open:
            self.endpoint = self.row.endpoint = after
            text = f"{before.name} did not answer ({error.what.rstrip('.')}); {after.name} does."
            self.items.show(self.items.begin(Item.Kind.NOTE, {"text": text, "tone": "warn"}))

    def writes(self, room: Room) -> Tracked:
        """Call right before each edit in `room`: opens its proposal and its item in the transcript at the first."""
        self.check()
        tracked = self.proposals.begin(room, self.origin, wire.person(self.owner), waiting=self.row.waits)
        if room.id not in self.edits:
            data = {"path": room.path, "document": room.id, "added": 0, "removed": 0}
            data |= {"proposal": tracked.row.pk, "writing": True}
            self.edits[room.id] = self.items.begin(Item.Kind.EDIT, data)
        return tracked

    def region(self, room: Room, start: Anchor, end: Anchor) -> None:
        """Where it writes now, for those who follow; ten events a second at most."""
        now = time.monotonic()
        self.proposals.pen(self.origin, room.id, end)
        if not self.open or (room.id in self.regions and now - self._region_at < REGION_EVERY):
            return
        self._region_at = now
        self._publish_region(room.id, room.path, start.wire(), end.wire())

    def left(self, room: Room) -> None:
        """It has left this document."""
        self.proposals.pen(self.origin, room.id, None)
        if self.regions.pop(room.id, None) is not None:
            self._publish_region(room.id, room.path, None, None)
            self.regions.pop(room.id)

    def _publish_region(self, document: str, path: str, start: str | None, end: str | None) -> None:
        region: wire.Json = {"turn": self.row.pk, "document": document, "path": path, "from": start, "to": end}
        region["owner"] = wire.person(self.owner)
        self.regions[document] = region
        self.host.publish({"type": "region", "region": region})

    def rest(self) -> None:
        """Something new can be seen: what comes next is taken with the next beat, together with all that came until
        then."""
        if self.provider is not None:
            self.provider.rest()

    # --- what people say to it ------------------------------------------------------------------------------------

    async def hear(self, item: Item) -> bool:
        """Hand what was said to the model in mid-sentence where it can take it (True), else at the next boundary."""
        self.handed.append(item)
        try:
            sent = self.provider is not None and await self.provider.steer(str(item.data["text"]))
        except ProviderError as error:  # the answer itself fails too, or goes on without it
            log.info("turn %s: a steer was not sent: %s", self.row.pk, error)
            sent = False
        if not sent and item in self.handed:
            self.handed.remove(item)
            self.steers.append(item)
            self._break_silence()
        return sent

    def _break_silence(self) -> None:
        """A model that was asked and has said nothing yet is asked anew, with what was said to it since."""
        asked = self.provider is not None and self.provider.speed.silent
        if asked and self.open and self.silence.lasts and self.task is not None:
            self.silence.broken = True
            self.task.cancel()

    def heard(self, texts: Sequence[str]) -> None:
        """The model answers these now: they stand between what it said before and what it says to them."""
        for text in texts:
            item = next((one for one in self.handed if one.data["text"] == text), None)
            if item is not None:
                self.handed.remove(item)
                item.data |= {"taken": True, "taken_at": wire.time(timezone.now())}
                self.items.move_last(item)
                self.items.show(item)

    # --- its end --------------------------------------------------------------------------------------------------

    def end(self, state: str, error: str = "", stop: Stop | None = None) -> None:
        """Close the turn, once, and tell everyone; what it wrote stays as open proposals. Saving follows."""
        if not self.open:
            return
        self.open = False
        self.ended.set()
        stop = stop or Stop()
        for document, region in list(self.regions.items()):
            self._publish_region(document, str(region["path"]), None, None)
        self.regions.clear()
        self.pauses.end()
        self._close_calls()
        self._fill(state, error)
        for item in (*self.handed, *self.steers):
            item.data |= {"missed": True, **({"failed": error} if error else {})}
            self.items.show(item)
        if state == Turn.State.FAILED:
            self.items.show(self.items.begin(Item.Kind.NOTE, {"text": error, "tone": "bad"}))
        elif state == Turn.State.INTERRUPTED:
            self.items.show(self.items.begin(Item.Kind.NOTE, stop.note()))
        self.items.close()
        self.live.turn = self.live.waiting = None
        self.live.emit("turn.ended", turn=wire.turn(self.row))
        if state != Turn.State.COMPLETED and not stop.redirects:
            self.live.stand_still(queue.RESTARTED if error == RESTARTED else queue.STOPPED[Turn.State(state)])
        self.live.changed()
        metrics.turns.labels(state).inc()

    def _close_calls(self) -> None:
        for tracked in self.proposals.stop_writing(self.origin):
            item = self.edits.get(tracked.room.id)
            if item is not None:
                item.data["added"], item.data["removed"] = tracked.counts()
        for item in self.edits.values():
            item.data["writing"] = False
            self.items.show(item)
        for item in self.items.all:
            if item.kind == Item.Kind.TOOL and item.data.get("ok") is None:  # it was stopped in the middle
                item.data["ok"] = False
                self.items.show(item)

    def _fill(self, state: str, error: str) -> None:
        row = self.row
        row.state, row.error, row.ended_at = state, error, timezone.now()
        row.times = self._times()
        if self.provider is not None:
            speed = self.provider.speed
            row.ttft_ms, row.seconds = speed.ttft_ms, speed.total_seconds
            row.output_tokens = speed.tokens
            row.input_tokens, row.cost = self.provider.sums

    def _times(self) -> dict[str, float]:
        """Milliseconds: waiting for the model, tools at work, and the rest, which is ours."""
        provider = self.provider.waited if self.provider is not None else 0.0
        ours = max(0.0, time.monotonic() - self.began - provider - self.in_tools)
        seconds = {"provider": provider, "server": ours, "tools": self.in_tools}
        return {place: round(spent * 1000, 1) for place, spent in seconds.items()}

    async def keep(self) -> None:
        """Save what is said and done while it runs, at once and then every second: a process that dies leaves it so."""
        while self.open:
            await in_db(save_items, self.items.unsaved())
            with suppress(TimeoutError):
                async with asyncio.timeout(KEEP_EVERY):
                    await self.ended.wait()

    async def save(self) -> None:
        """Make the ended turn durable. Only then do its items leave memory."""
        await in_db(_save, self.row, self.items.all, self.live.row.pk, self.live.seq)
        if self.live.items is self.items:
            self.live.items = None
            self.live.generation += 1


@transaction.atomic  # one flush to the disk; who redirects waits for it
def _save(row: Turn, items: list[Item], session_id: str, seq: int) -> None:
    row.save()
    save_items(items)
    settle_numbers(session_id, seq)


def create(session: Session, owner: User, endpoint: Endpoint | None, kind: str) -> Turn:
    """A running turn's row; the session's title is taken care of elsewhere."""
    waits = kind != Turn.Kind.APPLY and rules.of(session.workspace_id).wait
    return Turn.objects.create(session=session, owner=owner, endpoint=endpoint, kind=kind, waits=waits)


RESTARTED = "Tandem was restarted while this turn ran. What it had written is there, as a proposal."


def mark_restarted(workspace_id: str) -> None:
    """Turns that were running when the host died did not end well."""
    lost = Turn.objects.filter(session__workspace_id=workspace_id, state=Turn.State.RUNNING)
    for item in Item.objects.filter(turn__in=lost).exclude(kind__in=(Item.Kind.MODEL, Item.Kind.NOTE)):
        _leave_off(item)
    lost.update(
        state=Turn.State.FAILED,
        error=RESTARTED,
        ended_at=timezone.now(),
    )


def _leave_off(item: Item) -> None:
    """What an item says was under way is not any more."""
    if item.kind == Item.Kind.EDIT:
        item.data["writing"] = False
    elif item.kind == Item.Kind.TOOL and item.data.get("ok") is None:
        item.data["ok"] = False
    elif item.data.get("steer") and not item.data.get("taken"):
        item.data |= {"missed": True, "failed": RESTARTED}
    item.save(update_fields=["data"])
