"""RoomTarget: a room as a Target of engine.edits. What is written in one frame reaches everybody as one edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakSet

from agents.sessions.pauses import Span, Typed, Watch
from agents.sessions.turns import LiveTurn
from ide.documents.room import Anchor, Edit, ModelClient, Room
from ide.documents.text import minimal_edits

MOST_COMPARED = 20  # lines of one part of a frame that are compared word by word


class FrameAnchor:
    """A place that moves with what its target writes, and with the document once somebody else is about to write."""

    __slots__ = ("__weakref__", "_assoc", "_at", "_held", "_target")

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
        """Only its target writes until `fix`."""
        if self._held is not None:
            self._at, self._held = self._held.index(), None

    def fix(self) -> None:
        """Somebody else is about to write."""
        if self._held is None and self._at is not None:
            self._held = self._target.room.stick(self._at, self._assoc)

    def lose(self) -> None:
        """Nobody can tell any more where it is."""
        self._at = self._held = None

    def moved(self, start: int, end: int, size: int) -> None:
        """Follow a replacement of [start:end] by `size` characters."""
        if self._at is None:
            return
        if self._at > end or (self._at == end and self._assoc >= 0):
            self._at += size - (end - start)
        elif self._at > start:
            self._at = start


@dataclass
class _Part:
    """[start, end) of the text before the frame is `new` now."""

    start: int
    end: int
    new: str


@dataclass
class _Frame:
    """`old` became `new`, by parts that do not touch, in order."""

    old: str
    new: str
    parts: list[_Part] = field(default_factory=list)

    def replace(self, start: int, end: int, text: str) -> None:
        """Parts that the change meets become one with it. The offsets are those of `new`."""
        before: list[_Part] = []
        made, moved = _Part(start, end, text), 0
        rest = list(self.parts)
        while rest and rest[0].start + moved + len(rest[0].new) < start:
            before.append(rest.pop(0))
            moved += len(before[-1].new) - (before[-1].end - before[-1].start)
        made.start = start - moved
        while rest and rest[0].start + moved <= end:
            part = rest.pop(0)
            at = part.start + moved
            made.start = min(made.start, part.start)
            made.new = part.new[: max(0, start - at)] + made.new + part.new[max(0, end - at) :]
            moved += len(part.new) - (part.end - part.start)
            made.end = max(end, at + len(part.new))
        made.end -= moved
        self.parts = [*before, made, *rest]
        self.new = self.new[:start] + text + self.new[end:]

    def edits(self) -> list[Edit]:
        """Few characters are touched: of lines that were written anew only the words that are different."""
        out: list[Edit] = []
        for part in self.parts:
            old = self.old[part.start : part.end]
            if old and part.new and old.count("\n") == part.new.count("\n") <= MOST_COMPARED:
                out += [Edit(part.start + e.start, part.start + e.end, e.text) for e in minimal_edits(old, part.new)]
            elif old != part.new:
                out.append(Edit(part.start, part.end, part.new))
        return out


class RoomTarget:
    """Every edit is the turn's, and is refused once the turn is closed. Holds the room open as long as it is kept:
    `close` lets go.

    Its anchors are plain numbers while it alone writes, which is nearly always: Yjs' positions cost more than the
    writing itself. They are made when somebody else's change is about to be taken in.
    """

    def __init__(self, turn: LiveTurn, room: Room) -> None:
        self.room = room
        self._turn = turn
        self._client = ModelClient()
        self._hold = room.hold()
        self._frame: _Frame | None = None
        self._anchors: WeakSet[FrameAnchor] = WeakSet()
        self._fixed = False  # some anchors are the document's
        self._writing = False
        self._watch: Watch | None = None
        room.brace(self._others)
        room.prepare(self._client, turn.origin)

    def watch(self, span: Callable[[], Span | None], typed: Callable[[Typed], None]) -> None:
        """Call `typed` when a person types inside what is being written."""
        self._watch = Watch(self.room, span, typed)

    def close(self) -> None:
        self._others()
        self.room.unbrace(self._others)
        if self._watch is not None:
            self._watch.stop()
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
        if self._frame is None:
            self.room.flush()
        made = FrameAnchor(self, index, assoc)
        if self._fixed:
            made.fix()
        self._anchors.add(made)
        return made

    def edit(self, edits: Sequence[tuple[int, int, str]]) -> None:
        if self._frame is None:
            with self.frame():
                self.edit(edits)
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
        if self._fixed:
            self._fixed = False
            for anchor in self._anchors:
                anchor.lift()
        frame = self._frame = _Frame(text, text)
        try:
            yield
        finally:
            self._frame = None
            if frame.new != frame.old:
                self._write(frame.edits())

    def _write(self, edits: list[Edit]) -> None:
        self._turn.writes(self.room)
        self._writing = True
        try:
            self.room.edit(edits, self._turn.origin, client=self._client)
        finally:
            self._writing = False
            if self.room.broken:  # what was written is not in the document, and where the anchors stand is not either
                for anchor in self._anchors:
                    anchor.lose()

    def _others(self) -> None:
        """Somebody else's change comes next."""
        if not self._writing and not self._fixed:
            self._fixed = True
            for anchor in self._anchors:
                anchor.fix()
