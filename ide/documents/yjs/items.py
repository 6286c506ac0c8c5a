"""Sequence: the root text as runs that know who wrote them, built from the updates of the log. Pure.

Integrates updates as Yjs does (YATA, in the form of Yjs' `Item.integrate`), with runs instead of
characters: a run is split only where somebody wrote or deleted inside it. Deleted runs stay, with their text where the
log still has it, so that a later insertion can be compared with what was cut. Not for the event loop: 100,000 updates
take seconds.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from ide.documents.yjs.decoding import Id, Struct, decode

Piece = tuple[int, int, int]  # client, clock, length in UTF-16 units


@dataclass(slots=True, eq=False)
class Run:
    """Clocks of one client that stand together. `data` is UTF-16-LE, None if it is no text or its text is gone."""

    client: int
    clock: int
    length: int
    data: bytearray | None
    deleted: bool
    placed: bool  # has a place in the root text
    origin: Id | None = None
    right_origin: Id | None = None
    left: Run | None = field(default=None, repr=False)
    right: Run | None = field(default=None, repr=False)

    @property
    def visible(self) -> bool:
        return not self.deleted and self.data is not None

    @property
    def piece(self) -> Piece:
        return self.client, self.clock, self.length


@dataclass(frozen=True, slots=True)
class Change:
    """What one update did: the pieces it brought (some may be deleted at once) and those it deleted."""

    inserted: list[Piece]
    deleted: list[Piece]


class Sequence:
    """Updates may come in any order and more than once; what does not fit yet waits. Raises Malformed from `apply`."""

    def __init__(self, updates: Iterable[bytes] = ()) -> None:
        self._head = Run(-1, 0, 0, None, True, True)
        self._runs: dict[int, list[Run]] = {}
        self._clocks: dict[int, list[int]] = {}  # of `_runs`
        self._waiting: dict[int, deque[Struct]] = {}
        self._undeleted: list[Piece] = []  # deletions of what is not here yet
        for update in updates:
            self.apply(update)

    # --- reading --------------------------------------------------------------------------------------------------

    def text(self) -> str:
        return b"".join(run.data for run in self if run.data is not None).decode("utf-16-le", "replace")

    def __iter__(self) -> Iterator[Run]:
        """Visible runs in the order of the text."""
        run = self._head.right
        while run is not None:
            if not run.deleted and run.data is not None:
                yield run
            run = run.right

    def all_runs(self) -> Iterator[Run]:
        """Runs in the order of the text, deleted ones in the place they had."""
        run = self._head.right
        while run is not None:
            yield run
            run = run.right

    def state(self, client: int) -> int:
        """How many clocks of a client are integrated."""
        runs = self._runs.get(client)
        return runs[-1].clock + runs[-1].length if runs else 0

    def parts(self, piece: Piece) -> Iterator[tuple[Run, int, int]]:
        """(run, from, to) of the runs a piece lies in, in UTF-16 units of each run."""
        client, clock, length = piece
        end = min(clock + length, self.state(client))
        while clock < end:
            run = self._at(client, clock)
            upto = min(end - run.clock, run.length)
            yield run, clock - run.clock, upto
            clock = run.clock + upto

    def data(self, piece: Piece) -> bytes:
        """The text of a piece, deleted or not, in UTF-16-LE; without what is no text."""
        return b"".join(bytes(run.data[2 * a : 2 * b]) for run, a, b in self.parts(piece) if run.data is not None)

    def together(self, pieces: Iterable[Piece]) -> list[list[Piece]]:
        """Deleted pieces in the order they stood in, those that stood side by side in one list."""
        runs = {id(run): run for piece in pieces for run, _, _ in self.parts(piece)}
        out = []
        for run in runs.values():
            if not any(id(one) in runs for one in _tombstones(run, "left")):
                rest = (one for one in _tombstones(run, "right") if id(one) in runs)
                out.append([one.piece for one in (run, *rest)])
        return out

    def deleted_around(self, piece: Piece) -> set[Id]:
        """The deleted runs (by their first id) that a piece stands between."""
        return {(client, clock) for client, clock, _ in self.tombstones(piece)}

    def tombstones(self, piece: Piece) -> list[Piece]:
        """The deleted runs that a piece stands between."""
        first, last = self._at(*piece[:2]), self._at(piece[0], piece[1] + piece[2] - 1)
        return [one.piece for one in (*_tombstones(first, "left"), *_tombstones(last, "right"))]

    # --- integration ----------------------------------------------------------------------------------------------

    def apply(self, update: bytes) -> Change:
        said = decode(update)
        change = Change([], [])
        queues = {client: deque(structs) for client, structs in said.structs.items() if structs}
        for client, waiting in self._waiting.items():
            both = [*waiting, *queues.get(client, ())]
            queues[client] = deque(sorted(both, key=lambda one: one.clock))
        self._integrate(queues, change)
        self._waiting = {client: queue for client, queue in queues.items() if queue}
        wanted, self._undeleted = [*self._undeleted, *said.deletions], []
        for piece in wanted:
            self._delete(piece, change)
        return change

    def _integrate(self, queues: dict[int, deque[Struct]], change: Change) -> None:
        """Take what fits; a client that waits for another is looked at again when that one has moved on."""
        todo = list(queues)
        blocked: dict[int, list[int]] = {}
        while todo:
            client = todo.pop()
            queue, moved = queues[client], False
            while queue:
                lacks = self._lacks(queue[0])
                if lacks is not None:
                    blocked.setdefault(lacks, []).append(client)
                    break
                self._take(queue.popleft(), change)
                moved = True
            if moved:
                todo += blocked.pop(client, [])

    def _lacks(self, struct: Struct) -> int | None:
        """The client whose earlier clocks must come first; None if it fits."""
        if struct.clock > self.state(struct.client):
            return struct.client
        for beside in (struct.origin, struct.right):
            if beside is not None and beside[1] >= self.state(beside[0]):
                return beside[0]
        return None

    def _take(self, struct: Struct, change: Change) -> None:
        known = self.state(struct.client) - struct.clock
        if known >= struct.length:
            return
        clock, origin = struct.clock + known, struct.origin
        data: bytes | bytearray | None = struct.data
        if known > 0:
            origin = (struct.client, clock - 1)
            data = _cut(data, known) if data is not None else None
        if not self._appended(struct, clock, data, origin):
            kept = bytearray(data) if data is not None else None
            run = Run(struct.client, clock, struct.length - known, kept, struct.deleted, not struct.foreign)
            run.origin, run.right_origin = origin, struct.right
            self._place(run)
            self._runs.setdefault(run.client, []).append(run)
            self._clocks.setdefault(run.client, []).append(run.clock)
            if not run.placed:
                return
        if not struct.deleted and data is not None:
            change.inserted.append((struct.client, clock, struct.length - known))

    def _appended(self, struct: Struct, clock: int, data: bytes | bytearray | None, origin: Id | None) -> bool:
        """Lengthen the client's last run where typing goes on; the common case."""
        runs = self._runs.get(struct.client)
        if not runs or data is None or origin != (struct.client, clock - 1):
            return False
        last = runs[-1]
        if last.deleted or last.data is None or not last.placed or last.right_origin != struct.right:
            return False
        right = last.right
        if struct.right is None:
            fits = right is None
        else:
            fits = right is not None and (right.client, right.clock) == struct.right
        if fits:
            last.data += data
            last.length += len(data) // 2
        return fits

    def _place(self, run: Run) -> None:
        """Put a run into the list, behind what others wrote at the same place as Yjs orders it."""
        left = self._ending(*run.origin) if run.origin is not None else None
        right = self._starting(*run.right_origin) if run.right_origin is not None else None
        if (left is not None and not left.placed) or (right is not None and not right.placed):
            run.placed = False
        if not run.placed:
            run.deleted = True
            return
        left = left or self._head
        if left.right is not right:
            left = self._behind_others(run, left, right)
        run.left, run.right = left, left.right
        left.right = run
        if run.right is not None:
            run.right.left = run

    def _behind_others(self, run: Run, left: Run, right: Run | None) -> Run:
        other, before, conflicting = left.right, set(), set()
        while other is not None and other is not right:
            before.add(id(other))
            conflicting.add(id(other))
            if other.origin == run.origin:
                if other.client < run.client:
                    left = other
                    conflicting.clear()
                elif other.right_origin == run.right_origin:
                    break
            elif other.origin is not None and id(origin := self._at(*other.origin)) in before:
                if id(origin) not in conflicting:
                    left = other
                    conflicting.clear()
            else:
                break
            other = other.right
        return left

    def _delete(self, piece: Piece, change: Change) -> None:
        client, clock, length = piece
        end = min(clock + length, self.state(client))
        if clock + length > end:
            at = max(clock, end)
            self._undeleted.append((client, at, clock + length - at))
        while clock < end:
            run = self._starting(client, clock)
            if run.clock + run.length > end:
                self._split(run, end - run.clock)
            clock = run.clock + run.length
            if not run.deleted and run.placed:
                run.deleted = True
                change.deleted.append(run.piece)

    # --- runs by id -----------------------------------------------------------------------------------------------

    def _at(self, client: int, clock: int) -> Run:
        return self._runs[client][bisect_right(self._clocks[client], clock) - 1]

    def _starting(self, client: int, clock: int) -> Run:
        run = self._at(client, clock)
        return run if run.clock == clock else self._split(run, clock - run.clock)

    def _ending(self, client: int, clock: int) -> Run:
        run = self._at(client, clock)
        if run.clock + run.length > clock + 1:
            self._split(run, clock + 1 - run.clock)
        return run

    def _split(self, run: Run, offset: int) -> Run:
        """Cut a run in two; the second one is returned."""
        data = run.data
        tail = _cut(data, offset) if data is not None else None
        rest = Run(run.client, run.clock + offset, run.length - offset, tail, run.deleted, run.placed)
        rest.origin, rest.right_origin = (run.client, rest.clock - 1), run.right_origin
        run.length = offset
        if data is not None:
            if _is_high(data, offset - 1):
                data[2 * offset - 2 : 2 * offset] = _HALF
            del data[2 * offset :]
        if run.placed:
            rest.left, rest.right = run, run.right
            run.right = rest
            if rest.right is not None:
                rest.right.left = rest
        at = bisect_right(self._clocks[run.client], run.clock)
        self._runs[run.client].insert(at, rest)
        self._clocks[run.client].insert(at, rest.clock)
        return rest


def _tombstones(run: Run, side: Literal["left", "right"]) -> Iterator[Run]:
    """The deleted runs up to the next visible one, nearest first; at most so many."""
    for _ in range(_FAR):
        beside: Run | None = getattr(run, side)
        if beside is None or beside.visible or beside.client < 0:
            return
        yield beside
        run = beside


_FAR = 200
_HALF = "\ufffd".encode("utf-16-le")


def _is_high(data: bytes | bytearray, unit: int) -> bool:
    """Whether the unit is the first half of a surrogate pair, which a cut behind it would tear."""
    return data[2 * unit + 1] & 0xFC == 0xD8


def _cut(data: bytes | bytearray, offset: int) -> bytearray:
    """From the unit `offset` on; half a pair at its start becomes U+FFFD, as in Yjs."""
    tail = bytearray(data[2 * offset :])
    if _is_high(data, offset - 1):
        tail[:2] = _HALF
    return tail


def units(data: bytes) -> str:
    """UTF-16-LE as a string of one character a unit, so that indices are Yjs clocks; halves of pairs stand alone."""
    text = data.decode("utf-16-le", "surrogatepass")
    return text if 2 * len(text) == len(data) else "".join(map(chr, array("H", data)))
