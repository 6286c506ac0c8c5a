"""The log read back: rows and snapshots of one epoch, as they are in the database. Synchronous ORM; writes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from ide.documents.models import DocumentUpdate, Quarantined, Snapshot
from ide.documents.protocol import Malformed
from ide.documents.yjs.items import Sequence
from ide.documents.yjs.replica import Poisoned, Replica, fenced


@dataclass(frozen=True, slots=True)
class Row:
    seq: int
    data: bytes
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Base:
    """Everything up to `seq` in one update; none where the log begins."""

    seq: int
    data: bytes | None


def base(document: str, epoch: int, upto: int | None = None) -> Base | None:
    """The oldest ground all rows behind which are still there (the newest one with `upto`); None if there is none."""
    rows = DocumentUpdate.objects.filter(document_id=document, epoch=epoch)
    first = rows.order_by("seq").values_list("seq", flat=True).first()
    if upto is None and first == 1:
        return Base(0, None)
    oldest = upto is None and first is not None
    snapshots = Snapshot.objects.filter(document_id=document, epoch=epoch).order_by("seq" if oldest else "-seq")
    if upto is not None:
        snapshots = snapshots.filter(seq__lte=upto)
    for one in snapshots.iterator():
        data = bytes(one.data)
        reached = first is None or first <= one.seq + 1
        if reached and hashlib.sha256(data).hexdigest() == one.sha:
            return Base(one.seq, data)
    return Base(0, None) if first in (None, 1) else None


def rows(document: str, epoch: int, after: int, upto: int | None = None) -> list[Row]:
    """The rows behind `after` in order, without those in quarantine."""
    found = DocumentUpdate.objects.filter(document_id=document, epoch=epoch, seq__gt=after).order_by("seq")
    if upto is not None:
        found = found.filter(seq__lte=upto)
    bad = set(
        Quarantined.objects.filter(document_id=document, epoch=epoch, seq__isnull=False).values_list("seq", flat=True)
    )
    told = found.values_list("seq", "data", "origin", "created_at")
    return [Row(seq, bytes(data), origin, at) for seq, data, origin, at in told.iterator(2000) if seq not in bad]


def text_of(updates: list[bytes]) -> str:
    """The text these updates make. Where pycrdt cannot apply them, as Yjs would."""
    try:
        return fenced(lambda: Replica(updates).text())
    except Poisoned:
        sequence = Sequence()
        for update in updates:
            try:
                sequence.apply(update)
            except Malformed:
                continue
        return sequence.text()


def text_at(document: str, epoch: int, seq: int) -> str | None:
    """The text after the row `seq`; None where the log does not give it any more."""
    ground = base(document, epoch, seq)
    if ground is None:
        return None
    behind = rows(document, epoch, ground.seq, seq)
    if ground.seq != seq and (not behind or behind[-1].seq != seq or behind[0].seq != ground.seq + 1):
        return None
    first = [ground.data] if ground.data is not None else []
    return text_of([*first, *(row.data for row in behind)])
