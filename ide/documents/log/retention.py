"""Retention: rows of the log go once they are old, snapshots have them merged, and the timeline does without them.

Client ids of an epoch go 90 days after its end. Until then a replica of it is recognised by them; later only by the
epoch that our browser names when it comes back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ide.documents.history import timeline as history
from ide.documents.log import rows
from ide.documents.log.rows import Fenced
from ide.documents.models import ClientId, Document, DocumentUpdate, Snapshot

STALE_DAYS = 90.0


def let_go(document_id: str, days: float, fence: int | None = None) -> int:
    """Delete rows older than `days`; how many. A snapshot of that age stays where they ended, so that what is left can
    still be told from the start. Raises Fenced, Document.DoesNotExist."""
    before = timezone.now() - timedelta(days=days)
    epoch = Document.objects.values_list("epoch", flat=True).get(pk=document_id)
    ground = _ground(document_id, epoch, before)
    if ground:
        history.settle(document_id, ground)
    with transaction.atomic():
        if not rows.still(document_id, epoch, fence):
            raise Fenced(f"document {document_id} is another host's")
        past = {"document_id": document_id, "epoch__lt": epoch, "created_at__lt": before}
        gone, _ = DocumentUpdate.objects.filter(**past).delete()
        Snapshot.objects.filter(**past).delete()
        if ground:
            here = {"document_id": document_id, "epoch": epoch}
            gone += DocumentUpdate.objects.filter(**here, seq__lte=ground).delete()[0]
            Snapshot.objects.filter(**here, seq__lt=ground).delete()
        ClientId.objects.filter(document_id=document_id, epoch__lt=_remembered(document_id, epoch)).delete()
    return gone


def _remembered(document_id: str, epoch: int) -> int:
    """The oldest epoch that is this one or ended in the last 90 days: an epoch ends when the next is seeded."""
    seeds = ClientId.objects.filter(document_id=document_id, origin="seed", epoch__lte=epoch)
    old = seeds.filter(created_at__lt=timezone.now() - timedelta(days=STALE_DAYS))
    return old.aggregate(newest=Max("epoch"))["newest"] or 0


def _ground(document_id: str, epoch: int, before: datetime) -> int:
    """Up to where rows may go: the newest finished snapshot of that age with a newer one behind it, or 0."""
    found = Snapshot.objects.filter(document_id=document_id, epoch=epoch).exclude(sha="").order_by("-seq", "-id")
    old = [one.seq for one in found.only("seq", "created_at")[1:] if one.created_at < before]
    return old[0] if old else 0
