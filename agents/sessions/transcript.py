"""A session while somebody follows it: events in one order with a number each, and the items of its running turn.

Everything here runs on the host's loop. Deltas are gathered for one frame and leave in one event; items are saved
when they are complete. The number of the newest event is kept in the session's row: reserved in a block before a
turn, set exactly after it, so that a restarted host never uses a number twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils import timezone

from agents import wire
from agents.context import past
from agents.engine.messages import Message
from agents.models import Item, QueueEntry, Session, Turn
from agents.sessions import library
from ide.accounts.models import User
from ide.db import in_db

if TYPE_CHECKING:
    from agents.sessions.turns import LiveTurn

TAIL = 4000  # events kept for those who come back
FRAME = 0.016  # seconds
BLOCK = 1_000_000  # event numbers reserved for one turn
LONGEST_OUTPUT = 32_000  # characters of a tool's output that are kept


@dataclass(frozen=True)
class Memory:
    """A finished turn's history as its model has it: when the same model goes on at once, it goes on from exactly that,
    so that the provider need not be sent it again. Lost with the process; saved items are the truth. `told`: what it
    was told of the workspace, by the keys of agents.engine.context_parts."""

    turn: str
    endpoint: int
    messages: list[Message]
    told: dict[str, str] = field(default_factory=dict)


@dataclass
class LiveSession:
    """`turn` is the running turn's row, or None; `running` the newest turn; `saving` its being made durable."""

    row: Session
    publish: Callable[[wire.Json], None]
    turn: Turn | None = None
    running: LiveTurn | None = None
    saving: asyncio.Task[None] | None = None
    items: Items | None = None
    memory: Memory | None = None
    warmed_at: float = float("-inf")  # monotonic: when a provider read it ahead last
    generation: int = 0  # rises when a turn starts or ends
    queue: list[QueueEntry] = field(default_factory=list)
    queuing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one change of the queue after the other
    paused: dict[str, wire.Json] = field(default_factory=dict)  # where somebody types into what is being written
    waiting: wire.Json | None = None  # the running turn's place in its model's line
    tail: deque[wire.Json] = field(default_factory=lambda: deque(maxlen=TAIL))

    @property
    def seq(self) -> int:
        return self.row.seq

    async def settled(self) -> None:
        """Return when a newest turn that has ended is saved and holds nothing any more. Not for its own task."""
        if self.running is not None and self.running.task is not None and not self.running.open:
            await asyncio.wait({self.running.task})
        if self.saving is not None:
            await asyncio.wait({self.saving})

    def emit(self, kind: str, **fields: object) -> None:
        self.row.seq += 1
        event: wire.Json = {"session": self.row.pk, "seq": self.row.seq, "type": kind, **fields}
        self.tail.append(event)
        self.publish(event)

    def summary(self) -> wire.Json:
        return wire.session(self.row, self.turn)

    def changed(self) -> None:
        self.emit("session.changed", summary=self.summary())

    def queued(self, queue: list[QueueEntry]) -> None:
        """The queue is another one now."""
        self.queue = queue
        self.emit("queue.changed", queue=self._queue())

    def stand_still(self, why: str) -> None:
        """Nothing is sent by itself until somebody sends. The caller saves the row of the queue's head."""
        if self.queue and not self.queue[0].held:
            self.queue[0].held = why
            self.queued(self.queue)

    def _queue(self) -> list[wire.Json]:
        return [wire.queue_entry(entry) for entry in self.queue]

    def events_after(self, seq: int) -> list[wire.Json] | None:
        """The events since `seq`, or None when the tail does not reach back so far."""
        if seq == self.seq:
            return []
        if seq > self.seq or not self.tail or seq + 1 < int(str(self.tail[0]["seq"])):
            return None
        return [event for event in self.tail if int(str(event["seq"])) > seq]

    async def snapshot(self) -> wire.Json:
        """Rows and memory as one consistent picture, with the number of the newest event it contains: the newest items,
        and whether there are `more` before them."""
        while True:
            began = self.generation
            compactions = await in_db(past.compactions, self.row.pk)
            page = await self._page(None)
            if began == self.generation:
                break
        return {
            "session": self.summary(),
            **page,
            "queue": self._queue(),
            "paused": list(self.paused.values()),
            "waiting": self.waiting,
            "pins": self.row.pins,
            "compactions": [wire.compaction(row) for row in compactions],
            "seq": self.seq,
        }

    async def older(self, before: str, most: int, to: str = "") -> wire.Json:
        """What comes before the item of that name, as in a snapshot, back to the turn `to`. Raises NotFound."""
        return await self._page(before, most + (await in_db(library.behind, self.row.pk, before, to) if to else 0))

    async def _page(self, before: str | None, most: int = library.PAGE) -> wire.Json:
        while True:
            began = self.generation
            held = self._held(before)
            but = self.items.turn_id if self.items is not None and held is not None else ""
            page = await in_db(library.page, self.row.pk, before if held is None else None, but, most)
            if began == self.generation:
                break
        items = [*page.items, *(self._held(before) or ())]
        if self.items is not None:
            self.items.flush()
        known = self.running.row if self.running is not None else None  # also when it has ended and is not saved yet
        turns = [wire.turn(known if known is not None and row.pk == known.pk else row) for row in page.turns]
        shown = [wire.item(item) for item in items[-most:]]
        return {"turns": turns, "items": shown, "more": page.more or len(items) > most}

    def _held(self, before: str | None) -> list[Item] | None:
        """The newest turn's items while they are in memory, some of them not saved yet: those before the one of that
        name, or None if it is none of them."""
        held = self.items.all if self.items is not None else []
        if before is None:
            return held
        return next((held[:at] for at, item in enumerate(held) if item.pk == before), None)


class Items:
    """The items of one turn: begun, grown by deltas, completed and saved, in order."""

    def __init__(self, session: LiveSession, turn: Turn) -> None:
        self.all: list[Item] = []
        self._session = session
        self._turn = turn
        self._grown: dict[str, list[str]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._open: set[str] = set()
        self._unsaved: dict[str, Item] = {}
        self._next = 0

    @property
    def turn_id(self) -> str:
        return self._turn.pk

    def begin(self, kind: str, data: dict[str, object], author: User | None = None) -> Item:
        self.flush()
        item = Item(turn=self._turn, kind=kind, author=author, data=data)
        item.created_at = timezone.now()
        self._put_last(item)
        self._open.add(item.pk)
        self._session.emit("item.started", item=wire.item(item))
        return item

    def move_last(self, item: Item) -> None:
        """Put an item behind everything that is there; the caller shows it."""
        if self.all[-1] is not item:
            self.all.remove(item)
            self._put_last(item)

    def _put_last(self, item: Item) -> None:
        item.position = self._next
        self._unsaved[item.pk] = item
        self._next += 1
        self.all.append(item)

    def grow(self, item: Item, text: str) -> None:
        """Append to the item's text (a tool's output). The first piece leaves at once, later ones once a frame."""
        key = "output" if item.kind == Item.Kind.TOOL else "text"
        item.data[key] = str(item.data.get(key, "")) + text
        self._unsaved[item.pk] = item
        self._grown.setdefault(item.pk, []).append(text)
        if self._timer is None:
            self.flush()
            self._timer = asyncio.get_running_loop().call_later(FRAME, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._grown:
            self.flush()
            self._timer = asyncio.get_running_loop().call_later(FRAME, self._tick)

    def flush(self) -> None:
        """Send what has gathered, now: before anything that must come after it."""
        grown, self._grown = self._grown, {}
        for item_id, pieces in grown.items():
            self._session.emit("item.delta", item=item_id, text="".join(pieces))

    async def complete(self, item: Item) -> None:
        """Send the item as it stays, and save it."""
        self.show(item)
        self._unsaved.pop(item.pk, None)
        await in_db(save_items, [item])

    def show(self, item: Item) -> None:
        """Send the item as it is now; nothing is saved yet."""
        self.flush()
        self._open.discard(item.pk)
        self._unsaved[item.pk] = item
        if item.kind == Item.Kind.TOOL and len(str(item.data.get("output", ""))) > LONGEST_OUTPUT:
            item.data["output"] = str(item.data["output"])[:LONGEST_OUTPUT] + "\n… (shortened)"
        self._session.emit("item.completed", item=wire.item(item))

    async def add(self, kind: str, data: dict[str, object], author: User | None = None) -> Item:
        """An item that is complete at once."""
        item = self.begin(kind, data, author)
        await self.complete(item)
        return item

    def unsaved(self) -> list[Item]:
        """What has changed since the last call and is not saved: the caller saves it."""
        changed, self._unsaved = list(self._unsaved.values()), {}
        return changed

    def close(self) -> list[Item]:
        """No more frames; what was still open is sent as it is. Returns the items, to be saved."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for item in self.all:
            if item.pk in self._open:
                self.show(item)
        return self.all


def save_items(items: Sequence[Item]) -> None:
    """Write items as they are now; writing one again, from wherever, replaces it."""
    fields = ["data", "position", "author"]
    Item.objects.bulk_create(items, update_conflicts=True, unique_fields=["id"], update_fields=fields)


def reserve_numbers(row: Session) -> None:
    Session.objects.filter(pk=row.pk).update(seq=row.seq + BLOCK, active_at=timezone.now())


def settle_numbers(session_id: str, seq: int) -> None:
    Session.objects.filter(pk=session_id).update(seq=seq, active_at=timezone.now())
