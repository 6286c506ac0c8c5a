"""History: a document's timeline, its text at any version, and what is kept when the log lets go of its rows.

An entry of the timeline (`Version`) is what one origin did without a pause; people who type at the same time have
entries that overlap. Entries are made when somebody asks (`trace`) and before rows are deleted (`settle`), from where
they ended the last time. Synchronous ORM, for a database thread or another process.
"""

from __future__ import annotations

import logging
import time
import zlib
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from ide.documents.history import authorship
from ide.documents.history.authors import Author, Json, describe
from ide.documents.history.authorship import Step
from ide.documents.log import past
from ide.documents.models import ClientId, Document, DocumentUpdate, Version
from ide.documents.yjs.replica import Poisoned, Replica
from ide.errors import NotFound

log = logging.getLogger(__name__)

PAUSE_SECONDS = 60.0  # ends an entry
TOGETHER_SECONDS = 5.0  # the same, while somebody else is writing too
LONGEST_SECONDS = 900.0
MOST = 200  # entries of one answer
LOOK_SECONDS = 600.0  # from a question about authors until nobody may be looking any more
_asked: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Then:
    """The text of a version, when it was made and by whom."""

    text: str
    at: datetime | None
    author: Author

    def as_json(self) -> Json:
        return {"text": self.text, "at": self.at.isoformat() if self.at else None, "author": self.author.as_json()}


# --- making entries -------------------------------------------------------------------------------------------------


def trace(document_id: str) -> None:
    """Bring the timeline and the authorship up to what is committed. Raises Document.DoesNotExist."""
    epoch, found = authorship.steps(document_id, 0)
    if not found or found[-1].seq <= _told(document_id, epoch):
        return
    with transaction.atomic():
        Document.objects.select_for_update().get(pk=document_id)  # one at a time
        told = _told(document_id, epoch)
        entries = _Open(document_id, epoch)
        for step in found:
            if step.seq > told:
                entries.take(step)
        entries.save()


def settle(document_id: str, upto_seq: int) -> None:
    """Call this before rows up to `upto_seq` are deleted: afterwards the timeline, the authorship and the text of every
    version among them do without these rows. Raises Document.DoesNotExist."""
    trace(document_id)
    epoch = Document.objects.values_list("epoch", flat=True).get(pk=document_id)
    found = Version.objects.filter(document_id=document_id, epoch=epoch, text=None, last_seq__lte=upto_seq)
    wanted = list(found.order_by("last_seq"))
    texts = _texts(document_id, epoch, [row.last_seq for row in wanted])
    kept = [row for row in wanted if row.last_seq in texts]
    for row in kept:
        row.text = zlib.compress(texts[row.last_seq].encode())
    Version.objects.bulk_update(kept, ["text"], batch_size=50)
    if len(kept) < len(wanted):
        log.warning("document %s: %d versions have no text any more", document_id, len(wanted) - len(kept))


def keep(document_id: str, seq: int, origin: str, note: str, text: str) -> None:
    """Keep a text that is or was nowhere in the log, as an entry with a note: one side of a conflict with the disk.

    The same note at the same place is kept once.
    """
    now = timezone.now()
    Version.objects.update_or_create(
        document_id=document_id,
        epoch=Document.objects.values_list("epoch", flat=True).get(pk=document_id),
        first_seq=seq,
        note=note,
        defaults={
            "last_seq": seq,
            "origin": origin,
            "began_at": now,
            "ended_at": now,
            "text": zlib.compress(text.encode()),
        },
    )


def keep_conflict(document_id: str, seq: int, ours: str, theirs: str) -> None:
    """Keep both sides of a conflict between the document (after row `seq`) and its file."""
    keep(document_id, seq, "", "Conflict with the disk: the text here, which was kept", ours)
    keep(document_id, seq, "disk", "Conflict with the disk: the text in the file", theirs)


def _told(document_id: str, epoch: int) -> int:
    """The newest row that is in the timeline."""
    rows = Version.objects.filter(document_id=document_id, epoch=epoch, note="")
    return rows.aggregate(newest=Max("last_seq"))["newest"] or 0


class _Open:
    """The entries that may still grow: the newest of each origin."""

    def __init__(self, document_id: str, epoch: int) -> None:
        self._document, self._epoch = document_id, epoch
        rows = Version.objects.filter(document_id=document_id, epoch=epoch, note="").order_by("-last_seq")
        self._by_origin: dict[str, Version] = {}
        for row in rows.defer("text")[:50]:
            self._by_origin.setdefault(row.origin, row)
        self._newest = max((row.last_seq for row in self._by_origin.values()), default=0)
        self._changed: dict[int, Version] = {}

    def take(self, step: Step) -> None:
        entry = self._by_origin.get(step.origin)
        if entry is None or not self._goes_on(entry, step):
            entry = Version(document_id=self._document, epoch=self._epoch, first_seq=step.seq, origin=step.origin)
            entry.began_at = step.at
            self._by_origin[step.origin] = entry
        entry.last_seq, entry.ended_at = step.seq, step.at
        entry.added += step.added
        entry.removed += step.removed
        entry.text = None
        self._newest = step.seq
        self._changed[id(entry)] = entry

    def _goes_on(self, entry: Version, step: Step) -> bool:
        alone = entry.last_seq == self._newest or step.origin.startswith(("turn:", "job:"))
        pause = (step.at - entry.ended_at).total_seconds()
        whole = (step.at - entry.began_at).total_seconds()
        return pause <= (PAUSE_SECONDS if alone else TOGETHER_SECONDS) and whole <= LONGEST_SECONDS

    def save(self) -> None:
        new = [entry for entry in self._changed.values() if entry.pk is None]
        Version.objects.bulk_create(new, batch_size=200)
        grown = [entry for entry in self._changed.values() if entry not in new]
        Version.objects.bulk_update(grown, ["last_seq", "ended_at", "added", "removed", "text"], batch_size=50)


def _texts(document_id: str, epoch: int, wanted: list[int]) -> dict[int, str]:
    """The text after each of these rows (rising), where the log still gives it."""
    ground = past.base(document_id, epoch)
    if ground is None or not wanted:
        return {}
    first = [ground.data] if ground.data is not None else []
    rows = past.rows(document_id, epoch, ground.seq, wanted[-1])
    out, at = {}, 0
    try:
        replica = Replica(first)
        for seq in wanted:
            upto = next((n for n in range(at, len(rows)) if rows[n].seq > seq), len(rows))
            if rows[at:upto]:
                replica.apply([row.data for row in rows[at:upto]])
            at = upto
            if seq >= ground.seq:
                out[seq] = replica.text()
    except Poisoned:
        told = {seq: past.text_at(document_id, epoch, seq) for seq in wanted}
        return {seq: text for seq, text in told.items() if text is not None}
    return out


# --- reading --------------------------------------------------------------------------------------------------------


def timeline(document_id: str, before: int | None, limit: int, epoch: int | None = None) -> tuple[list[Json], bool]:
    """(VersionRows, newest first; whether there are more). Entries that end with one row come in one answer."""
    trace(document_id)
    rows = Version.objects.filter(document_id=document_id).exclude(added=0, removed=0, note="").defer("text")
    if before is not None:
        older = Q(last_seq__lt=before)
        rows = rows.filter(older if epoch is None else Q(epoch__lt=epoch) | (Q(epoch=epoch) & older))
    limit = max(1, min(limit, MOST))
    found = list(rows.order_by("-epoch", "-last_seq", "-id")[: limit + MOST])
    end = limit
    while 0 < end < len(found) and found[end].last_seq == found[end - 1].last_seq:
        end += 1
    authors = describe(row.origin for row in found[:end])
    return [_as_json(row, authors[row.origin]) for row in found[:end]], len(found) > end


def _as_json(row: Version, author: Author) -> Json:
    return {
        "id": row.pk,
        "epoch": row.epoch,
        "first_seq": row.first_seq,
        "last_seq": row.last_seq,
        "author": author.as_json(),
        "began_at": row.began_at.isoformat(),
        "ended_at": row.ended_at.isoformat(),
        "added": row.added,
        "removed": row.removed,
        "note": row.note,
    }


def text_at(document_id: str, epoch: int, seq: int, version: int | None = None) -> Then:
    """The text after a row, or of an entry with a note by its id. Raises NotFound where it is not kept."""
    entries = Version.objects.filter(document_id=document_id, epoch=epoch, last_seq=seq)
    entry = entries.filter(note="").first() if version is None else entries.filter(pk=version).first()
    if version is not None and entry is None:
        raise _gone()
    text = zlib.decompress(entry.text).decode() if entry is not None and entry.text is not None else None
    if text is None and version is None:
        text = past.text_at(document_id, epoch, seq)
    if text is None:
        raise _gone()
    if entry is not None:
        return Then(text, entry.ended_at, _author(entry.origin))
    row = DocumentUpdate.objects.filter(document_id=document_id, epoch=epoch, seq=seq).defer("data").first()
    return Then(text, row.created_at, _author(row.origin)) if row is not None else Then(text, None, _author(""))


def _gone() -> NotFound:
    return NotFound("This version is not kept.", "Choose another one.")


def _author(origin: str) -> Author:
    return describe([origin])[origin]


def described(origins: set[str]) -> dict[str, Json]:
    """The Author of wire.ts for each origin."""
    return {origin: author.as_json() for origin, author in describe(origins).items()}


def looked_at(document_id: str) -> bool:
    """Whether somebody asked this process for the document's authors lately."""
    return time.monotonic() - _asked.get(document_id, -LOOK_SECONDS) < LOOK_SECONDS


def authors(document_id: str) -> Json:
    """Everything a browser needs to name the author of every character. Raises Document.DoesNotExist."""
    now = time.monotonic()
    for stale in [key for key, at in list(_asked.items()) if now - at > LOOK_SECONDS]:
        _asked.pop(stale, None)
    _asked[document_id] = now
    known = authorship.known(document_id)
    origins = {*known.clients.values(), *(origin for _, _, _, origin in known.ranges)}
    rows = ClientId.objects.filter(document_id=document_id, epoch=known.epoch, client__in=known.clients)
    return {
        "epoch": known.epoch,
        "authors": described(origins),
        "clients": [[client, origin] for client, origin in known.clients.items()],
        "ranges": [list(one) for one in known.ranges],
        "since": {str(client): at.isoformat() for client, at in rows.values_list("client", "created_at")},
    }
