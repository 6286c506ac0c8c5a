"""Epochs: a document's text under a new client id, free of the history that makes opening it slow.

Everybody's authorship goes along as ranges, comments keep their places, old texts stay in the timeline. One
transaction: there is the old epoch or the new one, never both. A replica of the old epoch must not be merged into the
new one, or every character would be there twice; it is known by its client ids, which stay in `ClientId`.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from pycrdt import Doc, Text

from ide import faults
from ide.documents.history import authorship
from ide.documents.history import timeline as history
from ide.documents.log import rows
from ide.documents.log.compact import ITEMS, items_of
from ide.documents.log.rows import Fenced, Position
from ide.documents.models import Attribution, ClientId, CommentThread, Document, DocumentUpdate, Snapshot
from ide.documents.protocol import Malformed
from ide.documents.yjs.anchors import Place, Ruler
from ide.documents.yjs.replica import EMPTY_UPDATE, ROOT, Replica, fenced, merge_all

AFTER_RESTORE = 1000  # epochs that were begun after the backup are not known any more
FIRST_ID = 1 << 10  # ids below are the server's own


@dataclass(frozen=True, slots=True)
class _Old:
    end: Position
    merged: bytes
    replica: Replica


@dataclass(frozen=True, slots=True)
class _New:
    epoch: int
    client: int
    seed: bytes
    replica: Replica
    ranges: list[tuple[int, int, str]]  # clock, length, origin
    threads: list[CommentThread]


def rebuild(document_id: str, fence: int | None = None) -> bool:
    """Begin a new epoch of a document that nobody has open, if it has more than 20,000 items and is on disk.

    `fence`: the workspace's host epoch under which alone it may happen. Raises Fenced, LookupError, Poisoned.
    """
    row = Document.objects.get(pk=document_id)
    if row.disk_seq < row.seq and not row.detached:
        return False
    old = _old(document_id)
    if old is None or items_of(old.merged) <= ITEMS:
        return False
    _begin(row, old, fence, 1)
    return True


def renew(document_id: str) -> bool:
    """Begin a new epoch whatever the document's size, after its database was set back to an older state: replicas out
    there know more than the log. False if it has no history. Raises Fenced, Poisoned."""
    old = _old(document_id)
    if old is None:
        return False
    _begin(Document.objects.get(pk=document_id), old, None, AFTER_RESTORE)
    return True


def _old(document_id: str) -> _Old | None:
    end = rows.position(document_id)
    if end.seq == 0:
        return None
    found, _ = rows.history(document_id, end, end.seq)
    merged = merge_all([data for _, data in found])
    return _Old(end, merged, Replica([merged]))


def _begin(row: Document, old: _Old, fence: int | None, step: int) -> None:
    history.settle(row.pk, old.end.seq)  # the timeline does without the old epoch's rows from here on
    new = _new(row.pk, old, old.end.epoch + step)
    with transaction.atomic():
        if not rows.still(row.pk, old.end.epoch, fence):
            raise Fenced(f"document {row.pk} is another host's")
        moved = Document.objects.filter(pk=row.pk, epoch=old.end.epoch, seq=old.end.seq).update(
            epoch=new.epoch, seq=1, disk_seq=1 if row.disk_seq >= old.end.seq else 0
        )
        if not moved:
            raise Fenced(f"document {row.pk} is being written")
        faults.hit("epoch.bumping")
        _write(row.pk, new)


def _new(document_id: str, old: _Old, epoch: int) -> _New:
    text = old.replica.text()
    client = _fresh(document_id)
    seed = fenced(lambda: _seeded(client, text))
    replica = Replica([seed])
    if replica.text() != text:
        raise ValueError(f"document {document_id} would read differently in a new epoch")
    before, after = Ruler(old.replica), Ruler(replica)
    threads = list(CommentThread.objects.filter(document_id=document_id))
    for thread in threads:
        thread.start, thread.end = _carried(thread.start, before, after), _carried(thread.end, before, after)
    return _New(epoch, client, seed, replica, _ranges(document_id, old, text), threads)


def _fresh(document_id: str) -> int:
    taken = set(ClientId.objects.filter(document_id=document_id).values_list("client", flat=True))
    while (client := secrets.randbits(32)) < FIRST_ID or client in taken:
        pass
    return client


def _seeded(client: int, text: str) -> bytes:
    if not text:
        return EMPTY_UPDATE
    doc: Doc[Text] = Doc(client_id=client)
    doc.get(ROOT, type=Text).insert(0, text)
    return doc.get_update()


def _ranges(document_id: str, old: _Old, text: str) -> list[tuple[int, int, str]]:
    """Who wrote what of the text; unknown where the authorship does not speak of this very text."""
    known = authorship.known(document_id)
    length = len(text.encode("utf-16-le")) // 2
    sure = known.seq == old.end.seq and known.text == text and sum(run[0] for run in known.runs) == length
    clock, out = 0, []
    for size, origin in known.runs if sure else [(length, "")]:
        if size:
            out.append((clock, size, origin))
        clock += size
    return out


def _carried(wire: str, before: Ruler, after: Ruler) -> str:
    """The anchor of the same place in the new epoch; itself where it means none."""
    try:
        place = Place.decode(wire)
    except Malformed:
        return wire
    index = before.index(place)
    return wire if index is None else after.place(index, place.assoc).encode()


def _write(document_id: str, new: _New) -> None:
    now, sha = timezone.now(), hashlib.sha256(new.seed).hexdigest()
    here = {"document_id": document_id, "epoch": new.epoch}
    DocumentUpdate.objects.create(**here, seq=1, data=new.seed, origin="seed", created_at=now)
    Snapshot.objects.create(**here, seq=1, data=new.seed, sha=sha)
    ClientId.objects.create(**here, client=new.client, origin="seed")
    Attribution.objects.bulk_create(
        Attribution(**here, client=new.client, clock=clock, length=length, origin=origin, seq=1)
        for clock, length, origin in new.ranges
        if origin != "seed"
    )
    CommentThread.objects.bulk_update(new.threads, ["start", "end"], batch_size=100)
