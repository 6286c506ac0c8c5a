"""Proposals and the database: the open ones of a workspace, and those of a document saved together."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from agents.models import Proposal


def open_rows(workspace_id: str) -> list[Proposal]:
    rows = Proposal.objects.filter(workspace_id=workspace_id, state=Proposal.State.OPEN)
    return list(rows.select_related("turn__owner", "job__owner").order_by("created_at"))


def save(rows: Sequence[Proposal], seq: int) -> None:
    """All of one document at once: they are true together."""
    with transaction.atomic():
        for row in rows:
            row.seq = seq
            row.save()
