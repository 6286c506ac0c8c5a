"""Undo: how a document would read if one origin (a turn, a job, an earlier undo) had never written, and all others had.

Exact, from the log: what that origin inserted goes, what it deleted comes back in its place, every other edit stays,
also those made inside what it wrote. Synchronous; for a database thread, since it follows the log again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from ide.documents.history.authors import kind_of
from ide.documents.log import past
from ide.documents.models import Document, DocumentUpdate, Snapshot
from ide.documents.protocol import Malformed
from ide.documents.yjs.items import Piece, Sequence
from ide.documents.yjs.replica import Poisoned, Replica
from ide.errors import Conflict


@dataclass(frozen=True, slots=True)
class Since:
    """A text as it was, and after each origin's writing since."""

    text: str
    runs: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Without:
    """`now`: the text after the newest row `seq`; `text`: the same without the origin."""

    now: str
    text: str
    seq: int


class _Pieces:
    """Which clocks a set of pieces holds."""

    def __init__(self) -> None:
        self._by_client: dict[int, list[tuple[int, int]]] = {}

    def add(self, pieces: Iterable[Piece]) -> None:
        for client, clock, length in pieces:
            self._by_client.setdefault(client, []).append((clock, clock + length))

    def seal(self) -> None:
        """Sort and join, once all are added."""
        for client, spans in self._by_client.items():
            joined: list[tuple[int, int]] = []
            for start, end in sorted(spans):
                if joined and start <= joined[-1][1]:
                    joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
                else:
                    joined.append((start, end))
            self._by_client[client] = joined

    def but(self, others: _Pieces) -> _Pieces:
        """These without those; both are sealed."""
        left = _Pieces()
        for client, spans in self._by_client.items():
            for start, end in spans:
                left.add((client, a, b - a) for a, b, held in others.cuts(client, start, end) if not held)
        left.seal()
        return left

    def cuts(self, client: int, start: int, end: int) -> list[tuple[int, int, bool]]:
        """The span in parts: (from, to, whether they are held)."""
        out, at = [], start
        spans = self._by_client.get(client, [])
        for a, b in spans[max(0, bisect_right(spans, (start, 1 << 60)) - 1) :]:
            if a >= end:
                break
            if b <= at:
                continue
            if a > at:
                out.append((at, a, False))
            out.append((max(a, at), min(b, end), True))
            at = min(b, end)
        if at < end:
            out.append((at, end, False))
        return out


def may_have_written(document_id: str, origin: str) -> bool:
    """False where the log says that the origin has written nothing in the present epoch."""
    epoch = Document.objects.values_list("epoch", flat=True).get(pk=document_id)
    rows = DocumentUpdate.objects.filter(document=document_id, epoch=epoch)
    return rows.filter(origin=origin).exists() or not rows.filter(seq=1).exists()


def since(document_id: str, epoch: int, seq: int) -> Since | None:
    """What was written behind the row `seq`; None where the log does not reach back so far."""
    ground = past.base(document_id, epoch, seq) if seq else None
    if ground is None:
        return None
    behind = past.rows(document_id, epoch, ground.seq)
    try:
        first = [ground.data] if ground.data is not None else []
        replica = Replica([*first, *(row.data for row in behind if row.seq <= seq)])
        text = replica.text()
        runs = []
        for origin, run in groupby((row for row in behind if row.seq > seq), key=lambda row: row.origin):
            replica.apply([row.data for row in run])
            runs.append((origin, replica.text()))
    except Poisoned:
        return None
    return Since(text, runs)


def at(document_id: str, when: datetime) -> str | None:
    """The text at a time, or when it was first read from its file, if that was later; None where it is not kept."""
    document = Document.objects.get(pk=document_id)
    rows = DocumentUpdate.objects.filter(document=document, epoch=document.epoch)
    newest = rows.filter(created_at__lte=when).order_by("-seq").values_list("seq", flat=True).first()
    if newest is None:
        newest = rows.filter(origin="seed").order_by("-seq").values_list("seq", flat=True).first()
    if newest is None:
        first = Snapshot.objects.filter(document=document, epoch=document.epoch, created_at__lte=when)
        newest = first.order_by("-seq").values_list("seq", flat=True).first()
    if newest is None:
        return "" if rows.filter(seq=1).exists() else None
    return past.text_at(document_id, document.epoch, newest)


def without(document_id: str, origin: str, rejected: str = "") -> Without:
    """Raises Conflict where the log does not reach back to the origin's first edit any more.

    What people brought back by rejecting something of the origin (of `rejected`, for an undo whose edits are those of
    a turn) is there already, and does not come back a second time.
    """
    document = Document.objects.get(pk=document_id)
    mine = DocumentUpdate.objects.filter(document=document, epoch=document.epoch, origin=origin)
    first = mine.order_by("seq").values_list("seq", flat=True).first()
    ground = past.base(document_id, document.epoch, first - 1) if first is not None else None
    if ground is None:
        raise Conflict(
            "What was written then cannot be told apart any more.",
            "Open the history of the file and restore an older version.",
        )
    sequence = Sequence([ground.data] if ground.data is not None else [])
    written, deleted, there = _Pieces(), _Pieces(), _Pieces()
    seq = ground.seq
    for row in past.rows(document_id, document.epoch, ground.seq):
        seq = row.seq
        try:
            change = sequence.apply(row.data)
        except Malformed:
            continue  # as at loading: such a row is nobody's
        if row.origin == origin:
            written.add(change.inserted)
            deleted.add(change.deleted)
        elif kind_of(row.origin)[0] == "rejected" and row.origin.endswith(f":{rejected or origin}"):
            for piece in change.inserted:
                there.add(sequence.tombstones(piece))
    for pieces in (written, deleted, there):
        pieces.seal()
    return Without(sequence.text(), _text(sequence, written, deleted.but(there)), seq)


def _text(sequence: Sequence, written: _Pieces, deleted: _Pieces) -> str:
    out: list[bytes] = []
    for run in sequence.all_runs():
        if run.data is None:
            continue
        for start, end, mine in written.cuts(run.client, run.clock, run.clock + run.length):
            if mine:
                continue
            for a, b, back in deleted.cuts(run.client, start, end):
                if back or not run.deleted:
                    out.append(bytes(run.data[2 * (a - run.clock) : 2 * (b - run.clock)]))
    return b"".join(out).decode("utf-16-le", "replace")
