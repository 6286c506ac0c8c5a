"""One running turn: what it holds, how it is fenced, and how it ends.

A turn is open until it ends by itself, fails or is interrupted; `end` closes it synchronously, before anything is
awaited, and whatever writes for it asks `check` first. So after an interrupt nothing lands any more.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from agents import rules, wire
from agents.measure import Measured, Speed
from agents.models import Endpoint, Item, Session, Turn
from agents.proposals import Proposals, Tracked
from agents.providers.protocol import ProviderError
from agents.transcript import Items, LiveSession, save_items, settle_numbers
from ide import metrics
from ide.accounts.models import User
from ide.db import in_db
from ide.documents.room import Anchor, Room
from ide.live.host import WorkspaceHost

SPEED_EVERY = 0.25  # seconds between two speed events
REGION_EVERY = 0.1


@dataclass(frozen=True)
class Region:
    """A stretch of a document that moves with the text around it."""

    room: Room
    start: Anchor
    end: Anchor


class Ended(Exception):
    """The turn is closed; what was about to be written is dropped."""


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
    steers: deque[Item] = field(default_factory=deque)
    handed: list[Item] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    edits: dict[str, Item] = field(default_factory=dict)
    regions: dict[str, wire.Json] = field(default_factory=dict)
    region_written: Region | None = None  # an inline turn's: what a redirect starts from
    _speed_at: float = 0.0
    _region_at: float = 0.0

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

    # --- what people say to it ------------------------------------------------------------------------------------

    async def hear(self, item: Item) -> None:
        """Hand what was said to the model in mid-sentence where it can take it, else at the next boundary."""
        self.handed.append(item)
        sent = self.provider is not None and await self.provider.steer(str(item.data["text"]))
        if not sent and item in self.handed:
            self.handed.remove(item)
            self.steers.append(item)

    def heard(self, texts: Sequence[str]) -> None:
        """The model answers these now: they stand between what it said before and what it says to them."""
        for text in texts:
            item = next((one for one in self.handed if one.data["text"] == text), None)
            if item is not None:
                self.handed.remove(item)
                item.data["taken"] = True
                self.items.move_last(item)
                self.items.show(item)

    # --- its end --------------------------------------------------------------------------------------------------

    def end(self, state: str, error: str = "") -> None:
        """Close the turn, once, and tell everyone; what it wrote stays as open proposals. Saving follows."""
        if not self.open:
            return
        self.open = False
        for document, region in list(self.regions.items()):
            self._publish_region(document, str(region["path"]), None, None)
        self.regions.clear()
        self._close_edits()
        self._fill(state, error)
        for item in (*self.handed, *self.steers):
            item.data["missed"] = True
            self.items.show(item)
        if state == Turn.State.FAILED:
            self.items.show(self.items.begin(Item.Kind.NOTE, {"text": error, "tone": "bad"}))
        elif state == Turn.State.INTERRUPTED:
            self.items.show(self.items.begin(Item.Kind.NOTE, {"text": "Interrupted.", "tone": "info"}))
        self.items.close()
        self.live.turn = None
        self.live.emit("turn.ended", turn=wire.turn(self.row))
        self.live.changed()
        metrics.turns.labels(state).inc()

    def _close_edits(self) -> None:
        for tracked in self.proposals.stop_writing(self.origin):
            item = self.edits.get(tracked.room.id)
            if item is not None:
                item.data["added"], item.data["removed"] = tracked.counts()
        for item in self.edits.values():
            item.data["writing"] = False
            self.items.show(item)

    def _fill(self, state: str, error: str) -> None:
        row = self.row
        row.state, row.error, row.ended_at = state, error, timezone.now()
        if self.provider is not None:
            speed = self.provider.speed
            row.ttft_ms, row.seconds = speed.ttft_ms, speed.total_seconds
            row.input_tokens, row.output_tokens = speed.input_tokens, speed.tokens
            row.cost = speed.cost

    async def save(self) -> None:
        """Make the ended turn durable. Only then do its items leave memory."""
        await in_db(_save, self.row, self.items.all, self.live.row.pk, self.live.seq)
        if self.live.items is self.items:
            self.live.items = None
            self.live.generation += 1


def _save(row: Turn, items: list[Item], session_id: str, seq: int) -> None:
    row.save()
    save_items(items)
    settle_numbers(session_id, seq)


def create(session: Session, owner: User, endpoint: Endpoint | None, kind: str) -> Turn:
    """A running turn's row; the session's title is taken care of elsewhere."""
    waits = kind != Turn.Kind.APPLY and rules.of(session.workspace_id).wait
    return Turn.objects.create(session=session, owner=owner, endpoint=endpoint, kind=kind, waits=waits)


def mark_restarted(workspace_id: str) -> None:
    """Turns that were running when the host died did not end well."""
    lost = Turn.objects.filter(session__workspace_id=workspace_id, state=Turn.State.RUNNING)
    lost.update(
        state=Turn.State.FAILED,
        error="Tandem was restarted while this turn ran. What it had written is there, as a proposal.",
        ended_at=timezone.now(),
    )
