"""Authorship: who wrote each character of a document, as the log and its client ids tell.

A character belongs to the owner of its client id (`ClientId`), unless an `Attribution` range says otherwise: it was
moved, or somebody else brought it (`relayed`). Ranges are found here by following the log (`moves`) and kept, so they
outlive the rows they were found in; finding them twice changes nothing. Computed when asked, from where the last answer
ended, in the caller's thread: a database thread or another process, never the event loop. What a run of ours reads
differently from pycrdt's text is unknown, not wrong.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from ide.documents.history.authors import relayed
from ide.documents.history.moves import Moves, Stretch, telling
from ide.documents.log import past
from ide.documents.log.past import Row
from ide.documents.models import Attribution, ClientId, Document
from ide.documents.protocol import Malformed
from ide.documents.yjs.items import Piece, Sequence, units

log = logging.getLogger(__name__)

T = TypeVar("T")
_KEPT, _KEPT_SECONDS = 16, 600.0  # documents whose ledger stays in memory, and for how long after its last use

Line = dict[str, int]  # origin → its non-blank UTF-16 units in the line; a blank line has its newline's origin with 0


@dataclass(frozen=True, slots=True)
class Step:
    """What one row of the log did, in code points."""

    seq: int
    origin: str
    at: datetime
    added: int
    removed: int


@dataclass(frozen=True, slots=True, order=True)
class Range:
    clock: int
    length: int
    origin: str
    seq: int = 0


@dataclass
class Ranges:
    """The exceptions: pieces that belong to somebody else than the owner of their client id. They never overlap."""

    by_client: dict[int, list[Range]] = field(default_factory=dict)

    def add(self, client: int, one: Range) -> bool:
        """Whether it was added: the first author found for a character stays."""
        known = self.by_client.setdefault(client, [])
        at = bisect_right(known, one)
        before = at > 0 and known[at - 1].clock + known[at - 1].length > one.clock
        behind = at < len(known) and known[at].clock < one.clock + one.length
        if not before and not behind:
            insort(known, one)
        return not before and not behind

    def cut(self, piece: Piece, owner: str) -> Iterator[tuple[Piece, str]]:
        """The piece by author."""
        client, clock, length = piece
        known, end = self.by_client.get(client, []), clock + length
        at = max(0, bisect_right(known, clock, key=lambda one: one.clock) - 1)
        while clock < end:
            while at < len(known) and known[at].clock + known[at].length <= clock:
                at += 1
            inside = at < len(known) and known[at].clock <= clock
            stop = known[at].clock + known[at].length if inside else known[at].clock if at < len(known) else end
            stop = min(stop, end)
            yield (client, clock, stop - clock), known[at].origin if inside else owner
            clock = stop


class Ledger:
    """One epoch of one document, followed row by row. Not safe for two threads at once: use `following`."""

    def __init__(self, document: str, epoch: int) -> None:
        self.document, self.epoch, self.seq = document, epoch, 0
        self.owners: dict[int, str] = {}
        self._relayed: set[int] = set()  # ids that were nobody's when their first characters came
        self.ranges = Ranges()
        self.steps: list[Step] = []  # rows that were followed; `history` drops what it has told
        self.unsaved: list[tuple[int, Range]] = []
        self.sequence = Sequence()
        self._moves = Moves()
        self._updates: list[bytes] = []
        self._trusted: tuple[int, bool] = (0, True)
        self._begin()

    def _begin(self) -> None:
        ground = past.base(self.document, self.epoch)
        if ground is not None:
            self.seq = ground.seq
            if ground.data is not None:
                self._take(ground.data)
        for row in Attribution.objects.filter(document_id=self.document, epoch=self.epoch):
            self.ranges.add(row.client, Range(row.clock, row.length, row.origin, row.seq))

    def follow(self) -> None:
        """Read what was committed since."""
        found = ClientId.objects.filter(document_id=self.document, epoch=self.epoch)
        self.owners.update(found.values_list("client", "origin"))
        self._relayed = set(found.exclude(relayed_by="").values_list("client", flat=True))
        for row in past.rows(self.document, self.epoch, self.seq):
            self._row(row)

    def _row(self, row: Row) -> None:
        self.seq = row.seq
        came, went = self._take(row.data)
        for client, _, _ in came:
            self.owners.setdefault(client, row.origin)  # from a time when client ids had no rows
        self._doubt(came, row)
        brought = sum(self._points(piece) for piece in came)
        added = sum(self._points(piece, visible=True) for piece in came) if went else brought
        if self.epoch > 1 and row.origin == "seed":
            brought = added = 0  # a new epoch says again what was there
        gone = sum(self._points(piece) for piece in went)
        self.steps.append(Step(row.seq, row.origin, row.at, added, max(0, gone - (brought - added))))
        inserted = [one for piece in came if piece[2] > 1 and (one := self._stretch([piece], row, new=True))]
        deleted = [one for pieces in self._stood_together(went) if (one := self._stretch(pieces, row))]
        if inserted or deleted:
            for new, old in self._moves.follow(inserted, deleted):
                self._attribute(new, old, row.seq)

    def _doubt(self, came: list[Piece], row: Row) -> None:
        """What a person brought under another's client id may be a forgery: it is told as theirs to answer for. Honest
        it is where a server ended between passing characters on and saving them."""
        for client, clock, length in came:
            owner = self.owners[client]
            if owner != row.origin and row.origin.startswith("person:") and client not in self._relayed:
                one = Range(clock, length, relayed(row.origin, owner), row.seq)
                if self.ranges.add(client, one):
                    self.unsaved.append((client, one))

    def _take(self, update: bytes) -> tuple[list[Piece], list[Piece]]:
        try:
            change = self.sequence.apply(update)
        except Malformed:
            log.warning("document %s: a row of its log does not decode", self.document)
            return [], []
        self._updates.append(update)
        return change.inserted, change.deleted

    def _stood_together(self, pieces: list[Piece]) -> list[list[Piece]]:
        return self.sequence.together(pieces) if sum(length for _, _, length in pieces) > 1 else []

    def _points(self, piece: Piece, *, visible: bool = False) -> int:
        """Code points; of what is still there only, if `visible`."""
        if piece[2] == 1:
            return int(not visible or not next(self.sequence.parts(piece))[0].deleted)
        parts = [(run, a, b) for run, a, b in self.sequence.parts(piece) if not (visible and run.deleted)]
        told = sum(len(run.data[2 * a : 2 * b].decode("utf-16-le", "replace")) for run, a, b in parts if run.data)
        return told + sum(b - a for run, a, b in parts if run.data is None and run.deleted)

    def _stretch(self, pieces: list[Piece], row: Row, *, new: bool = False) -> Stretch | None:
        """None if it is too little to be recognised by."""
        known = [piece for piece in pieces if all(run.data is not None for run, _, _ in self.sequence.parts(piece))]
        text = units(b"".join(self.sequence.data(piece) for piece in known))
        if not telling(text):
            return None
        around = self.sequence.deleted_around(known[0]) if new else ()
        return Stretch(text, known, row.origin, row.at.timestamp(), frozenset(around))

    def _attribute(self, new: Piece, old: Piece, seq: int) -> None:
        """The new piece belongs to the authors of the old one."""
        clock = new[1]
        for piece, origin in self.authors(old):
            one = Range(clock, piece[2], origin, seq)
            clock += piece[2]
            if origin != self.owners.get(new[0], "") and self.ranges.add(new[0], one):
                self.unsaved.append((new[0], one))

    def authors(self, piece: Piece) -> Iterator[tuple[Piece, str]]:
        """The piece by author; '' where nobody knows."""
        return self.ranges.cut(piece, self.owners.get(piece[0], ""))

    # --- the text by author ---------------------------------------------------------------------------------------

    def trusted(self) -> bool:
        """Whether our text is the replica's."""
        if self._trusted[0] != self.seq:
            same = past.text_of(self._updates) == self.sequence.text()
            self._trusted = (self.seq, same)
            if not same:
                log.error("document %s: its authorship is unknown from %d on", self.document, self.seq)
        return self._trusted[1]

    def text(self) -> str:
        return self.sequence.text() if self.trusted() else past.text_of(self._updates)

    def runs(self) -> list[tuple[int, str]]:
        """(length in UTF-16 units, origin) of the text now, neighbours of one origin as one."""
        if not self.trusted():
            return [(len(self.text().encode("utf-16-le")) // 2, "")]
        return joined((piece[2], origin) for run in self.sequence for piece, origin in self.authors(run.piece))

    def lines(self) -> list[Line]:
        """By whom each line of the text is; the newline belongs to its line."""
        text = units(self.text().encode("utf-16-le", "surrogatepass"))
        out: list[Line] = [{}]
        at = 0
        for length, origin in self.runs():
            for n, part in enumerate(text[at : at + length].split("\n")):
                if n:
                    out[-1] = out[-1] or {origin: 0}
                    out.append({})
                solid = len("".join(part.split()))
                if solid:
                    out[-1][origin] = out[-1].get(origin, 0) + solid
            at += length
        return out if out[-1] or not text.endswith("\n") else out[:-1]


def joined(runs: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    out: list[tuple[int, str]] = []
    for length, origin in runs:
        if out and out[-1][1] == origin:
            out[-1] = (out[-1][0] + length, origin)
        else:
            out.append((length, origin))
    return out


# --- the ledgers of this process ------------------------------------------------------------------------------------


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    ledger: Ledger | None = None
    used_at: float = 0.0


_slots: OrderedDict[str, _Slot] = OrderedDict()
_guard = threading.Lock()


def _slot(document_id: str) -> _Slot:
    """Whoever is still busy with one that is let go only builds it once more."""
    with _guard:
        slot = _slots.setdefault(document_id, _Slot())
        slot.used_at = time.monotonic()
        _slots.move_to_end(document_id)
        while len(_slots) > _KEPT or slot.used_at - next(iter(_slots.values())).used_at > _KEPT_SECONDS:
            _slots.popitem(last=False)
        return slot


@dataclass(frozen=True, slots=True)
class Known:
    """A document's authorship at one moment. `clients` are the owners of ids, `ranges` the exceptions."""

    epoch: int
    seq: int
    text: str
    runs: list[tuple[int, str]]
    lines: list[Line]
    clients: dict[int, str]
    ranges: list[tuple[int, int, int, str]]


def steps(document_id: str, after: int) -> tuple[int, list[Step]]:
    """(epoch, what the rows behind `after` did), and their authorship kept. Raises Document.DoesNotExist."""

    def take(ledger: Ledger) -> tuple[int, list[Step]]:
        ledger.steps = [one for one in ledger.steps if one.seq > after]
        return ledger.epoch, list(ledger.steps)

    return _followed(document_id, take)


def known(document_id: str) -> Known:
    """Everything about the text as committed now. Raises Document.DoesNotExist."""

    def take(ledger: Ledger) -> Known:
        sure = ledger.trusted()
        ranges = ledger.ranges.by_client.items() if sure else ()
        told = [(client, one.clock, one.length, one.origin) for client, found in ranges for one in found]
        clients = dict(ledger.owners) if sure else dict.fromkeys(ledger.owners, "")
        return Known(ledger.epoch, ledger.seq, ledger.text(), ledger.runs(), ledger.lines(), clients, told)

    return _followed(document_id, take)


def found_since(document_id: str, seq: int) -> tuple[int, list[tuple[int, int, int, str]]]:
    """(newest row, ranges that rows behind `seq` brought). Raises Document.DoesNotExist."""

    def take(ledger: Ledger) -> tuple[int, list[tuple[int, int, int, str]]]:
        ranges = ledger.ranges.by_client.items()
        told = [
            (client, one.clock, one.length, one.origin) for client, found in ranges for one in found if one.seq > seq
        ]
        return ledger.seq, told

    return _followed(document_id, take)


def runs(document_id: str) -> list[tuple[int, str]]:
    """(length in UTF-16 units, origin) in the order of the text. Raises Document.DoesNotExist."""
    return known(document_id).runs


def lines(document_id: str) -> list[Line]:
    """By whom each line is. Raises Document.DoesNotExist."""
    return known(document_id).lines


def _followed(document_id: str, take: Callable[[Ledger], T]) -> T:
    """What `take` makes of the ledger with every committed row. Inside its lock the database is only read: who holds
    the database's own lock may wait for this one."""
    epoch = Document.objects.values_list("epoch", flat=True).get(pk=document_id)
    slot = _slot(document_id)
    with slot.lock:
        if slot.ledger is None or slot.ledger.epoch != epoch:
            slot.ledger = Ledger(document_id, epoch)
        ledger = slot.ledger
        ledger.follow()
        result = take(ledger)
        unsaved, ledger.unsaved = ledger.unsaved, []
    try:
        _keep(document_id, epoch, unsaved)
    except BaseException:
        with slot.lock:
            ledger.unsaved += unsaved
        raise
    return result


def _keep(document_id: str, epoch: int, found: list[tuple[int, Range]]) -> None:
    rows = [
        Attribution(
            document_id=document_id,
            epoch=epoch,
            client=client,
            clock=one.clock,
            length=one.length,
            origin=one.origin,
            seq=one.seq,
        )
        for client, one in found
    ]
    if rows:
        Attribution.objects.bulk_create(rows, ignore_conflicts=True)
