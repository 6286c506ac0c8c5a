"""Type-to-redirect: a person who types where a turn is writing stops it there, and is heard.

What is written plus what was typed stays. When the person has rested, or says so, the turn is told how the place
stands now, and goes on from there; they may also leave it. One Pause for a turn and a document at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from agents import wire
from ide.documents.room import Anchor, Room
from ide.documents.text import minimal_edits

if TYPE_CHECKING:
    from agents.sessions.turns import LiveTurn

REST = 1.2  # seconds without typing there, after which the turn is told
PATIENCE = 60.0  # seconds after which it is told though somebody still types
MOST_LINES = 60  # of the place that are told
SHORT = 80  # characters of what was put there that people read in a line
PERSON = "person:"

Span = tuple[int | None, int | None]
State = Literal["typing", "sent", "left", "ended"]


@dataclass(frozen=True)
class Typed:
    """A person's change inside what a turn is writing: where in the text now, and the place's text before it."""

    room: Room
    origin: str
    start: int
    end: int
    before: str


class Watch:
    """Looks at a room for people's changes strictly inside a span. `span` answers its ends now, or None when nothing is
    being written; `typed` is called on the loop, synchronously, right after the change."""

    def __init__(self, room: Room, span: Callable[[], Span | None], typed: Callable[[Typed], None]) -> None:
        self._room = room
        self._span = span
        self._typed = typed
        self._seen = room.text()
        room.observe(self._changed)

    def stop(self) -> None:
        self._room.unobserve(self._changed)

    def _changed(self, origin: str) -> None:
        before, self._seen = self._seen, self._room.text()
        span = self._span() if origin.startswith(PERSON) else None
        if span is None or None in span or before == self._seen:
            return
        start, end = int(span[0] or 0), int(span[1] or 0)
        changes = minimal_edits(before, self._seen)
        first, last = changes[0].start, changes[-1].end
        grown = len(self._seen) - len(before)
        if start < first and last + grown < end:
            self._typed(Typed(self._room, origin, start, end, before[start : end - grown]))


@dataclass(eq=False)
class Pause:
    """`over` is set when it has an outcome. Keeps its document open until then."""

    turn: LiveTurn
    typed: Typed
    by: wire.Json
    over: asyncio.Event = field(default_factory=asyncio.Event)
    state: State = "typing"

    def __post_init__(self) -> None:
        room, loop = self.typed.room, asyncio.get_running_loop()
        self.start: Anchor = room.anchor(self.typed.start, 0)
        self.end: Anchor = room.anchor(self.typed.end, -1)
        self._hold = room.hold()
        self._latest = loop.time() + PATIENCE
        self._timer = loop.call_later(REST, self._rested)
        self._sending: asyncio.Task[None] | None = None
        room.observe(self._changed)
        self._seen = room.text()

    @property
    def room(self) -> Room:
        return self.typed.room

    def _changed(self, origin: str) -> None:
        before, self._seen = self._seen, self.room.text()
        if origin.startswith(PERSON) and before != self._seen and self.state == "typing" and self._here(before):
            loop = asyncio.get_running_loop()
            self._timer.cancel()
            self._timer = loop.call_at(min(loop.time() + REST, self._latest), self._rested)

    def _here(self, before: str) -> bool:
        start, end = self.start.index(), self.end.index()
        change = minimal_edits(before, self._seen)[0]
        return start is not None and end is not None and start <= change.start <= end

    def _rested(self) -> None:
        if self.state == "typing":
            self._sending = self.turn.host.owned(self.go(), f"typed into {self.turn.row.pk}")

    async def go(self) -> None:
        """Tell the turn, now."""
        if self.state != "typing":
            return
        text = told(self)
        self.finish("sent" if text else "left")
        if text:
            await self.turn.say_on(self, text)

    def finish(self, state: State) -> None:
        """It has an outcome; everybody hears of it."""
        if self.state != "typing":
            return
        self.state = state
        self._timer.cancel()
        self.room.unobserve(self._changed)
        self._hold.release()
        self.tell()
        self.over.set()

    def tell(self) -> None:
        live, key = self.turn.live, f"{self.turn.row.pk}/{self.room.id}"
        data: wire.Json = {"turn": self.turn.row.pk, "document": self.room.id, "path": self.room.path, "by": self.by}
        data |= {"from": self.start.wire(), "to": self.end.wire(), "state": self.state}
        live.paused.pop(key, None)
        if self.state == "typing":
            live.paused[key] = data
        live.emit("region.paused", **data)


@dataclass
class Pauses:
    """Those of one turn, by document. `leave` in `begin` stops the writer at that place."""

    turn: LiveTurn
    open: dict[str, Pause] = field(default_factory=dict)

    def begin(self, typed: Typed, leave: Callable[[], None]) -> None:
        if not self.turn.open:
            return
        leave()
        known = self.open.get(typed.room.id)
        if known is not None and known.state == "typing":
            known.finish("left")  # the turn had gone on to another place, where somebody types now
        pause = self.open[typed.room.id] = Pause(self.turn, typed, _person(self.turn, typed.origin))
        pause.tell()

    async def settled(self) -> None:
        """Return when nobody types into what this turn writes any more."""
        for pause in list(self.open.values()):
            await pause.over.wait()

    def end(self) -> None:
        for pause in self.open.values():
            pause.finish("ended")


Say = Callable[[Pause, str], Awaitable[None]]


def _person(turn: LiveTurn, origin: str) -> wire.Json:
    number = origin.removeprefix(PERSON)
    here = (one for one in turn.host.people() if str(one.get("id")) == number)
    return dict(next(here, {"id": int(number) if number.isdigit() else 0, "name": "Somebody", "colour": 0}))


def told(pause: Pause) -> str:
    """What the model is told of the place: its lines now, numbered, and what was changed. Empty when it is gone."""
    start, end = pause.start.index(), pause.end.index()
    if start is None or end is None:
        return ""
    text = pause.room.text()
    first = text.count("\n", 0, start) + 1
    lines = text[text.rfind("\n", 0, start) + 1 : end].rstrip("\n").split("\n")
    shown = lines[-MOST_LINES:]
    number = first + len(lines) - len(shown)
    numbered = "\n".join(f"{number + at}| {line}" for at, line in enumerate(shown))
    changes = [
        f"- {_quoted(pause.typed.before[e.start : e.end])} became {_quoted(e.text)}"
        for e in minimal_edits(pause.typed.before, text[start:end])
    ]
    return (
        f"I typed in {pause.room.path} where you were writing, so you were stopped at that place; the rest of that "
        f"change was not written. It stands like this now, as I want it:\n{numbered}\n"
        f"What I changed:\n{chr(10).join(changes) or '- nothing that is still there'}\n"
        "Keep this as it is, and go on from there with what is still missing."
    )


def where(pause: Pause) -> wire.Json:
    """The lines that were typed into, and the beginning of what was put there; for people who read the session."""
    start, end = pause.start.index(), pause.end.index()
    if start is None or end is None:
        return {}
    text, before = pause.room.text(), pause.typed.before
    edits = minimal_edits(before, text[start:end])
    if not edits:
        return {}
    first, last = start + edits[0].start, end - (len(before) - edits[-1].end)
    put = text[first:last].strip().partition("\n")[0][:SHORT]
    return {"from": text.count("\n", 0, first) + 1, "to": text.count("\n", 0, last) + 1, "text": put}


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 400 else f"{text[:400]}…") if text else "nothing"
