"""RoomTarget: a room as a Target of engine.edits. What is written in one frame reaches everybody as one edit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakSet

from agents.turns import LiveTurn
from ide.documents.room import Anchor, Edit, ModelClient, Room
from ide.documents.text import minimal_edits


class FrameAnchor:
    """A place that moves with the frame while one is open, else with the document."""

    def __init__(self, target: RoomTarget, index: int, assoc: int) -> None:
        self._target = target
        self._assoc = assoc
        self._at: int | None = index
        self._held: Anchor | None = None

    def index(self) -> int | None:
        return self._at if self._held is None else self._held.index()

    def wire(self) -> str:
        return (self._held or self._target.room.anchor(self._at or 0, self._assoc)).wire()

    def lift(self) -> None:
        """A frame begins."""
        if self._held is not None:
            self._at, self._held = self._held.index(), None

    def fix(self) -> None:
        """The frame is over, and what it wrote is in the document."""
        if self._at is not None:
            self._held = self._target.room.anchor(self._at, self._assoc)

    def moved(self, start: int, end: int, size: int) -> None:
        """Follow a replacement of [start:end] by `size` characters."""
        if self._at is None:
            return
        if self._at > end or (self._at == end and self._assoc >= 0):
            self._at += size - (end - start)
        elif self._at > start:
            self._at = start


@dataclass
class _Frame:
    """`old` became `new`; both begin with `head` and end with `tail` characters that nobody touched."""

    old: str
    new: str
    head: int
    tail: int

    def replace(self, start: int, end: int, text: str) -> None:
        self.head, self.tail = min(self.head, start), min(self.tail, len(self.new) - end)
        self.new = self.new[:start] + text + self.new[end:]

    def edits(self) -> list[Edit]:
        old = self.old[self.head : len(self.old) - self.tail]
        new = self.new[self.head : len(self.new) - self.tail]
        at = self.head
        return [Edit(at + edit.start, at + edit.end, edit.text) for edit in minimal_edits(old, new)]


class RoomTarget:
    """Every edit is the turn's, and is refused once the turn is closed. Holds the room open as long as it is kept:
    `close` lets go."""

    def __init__(self, turn: LiveTurn, room: Room) -> None:
        self.room = room
        self._turn = turn
        self._client = ModelClient()
        self._hold = room.hold()
        self._frame: _Frame | None = None
        self._anchors: WeakSet[FrameAnchor] = WeakSet()

    def close(self) -> None:
        self._hold.release()

    def busy(self) -> bool:
        self.room.flush()
        return self.room.broken

    async def ready(self) -> None:
        """A replica that was thrown away is whole again. Raises Unavailable if the document was closed."""
        await self.room.whole()

    def text(self) -> str:
        return self._frame.new if self._frame is not None else self.room.text()

    def anchor(self, index: int, assoc: int) -> FrameAnchor:
        made = FrameAnchor(self, index, assoc)
        if self._frame is None:
            made.fix()
        self._anchors.add(made)
        return made

    def edit(self, edits: Sequence[tuple[int, int, str]]) -> None:
        if self._frame is None:
            self._write([Edit(*edit) for edit in edits])
            return
        for start, end, text in sorted(edits, reverse=True):
            self._frame.replace(start, end, text)
            for anchor in self._anchors:
                anchor.moved(start, end, len(text))

    @contextmanager
    def frame(self) -> Iterator[None]:
        if self._frame is not None:  # a part of a frame
            yield
            return
        text = self.room.text()
        for anchor in self._anchors:
            anchor.lift()
        frame = self._frame = _Frame(text, text, len(text), len(text))
        try:
            yield
        finally:
            self._frame = None
            try:
                if frame.new != frame.old:
                    self._write(frame.edits())
            finally:
                for anchor in self._anchors:
                    anchor.fix()

    def _write(self, edits: list[Edit]) -> None:
        self._turn.writes(self.room)
        self.room.edit(edits, self._turn.origin, client=self._client)
