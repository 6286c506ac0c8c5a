"""Proposals and the database: the open ones of a workspace, and what was written since they were saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.db import transaction

from agents.models import Proposal
from ide.documents import past
from ide.documents.replica import Poisoned, Replica


@dataclass(frozen=True)
class Since:
    """A document's text when its proposals were saved, and the texts after each origin's writing since."""

    text: str
    runs: list[tuple[str, str]]


def open_rows(workspace_id: str) -> list[Proposal]:
    rows = Proposal.objects.filter(workspace_id=workspace_id, state=Proposal.State.OPEN)
    return list(rows.select_related("turn__owner", "job__owner").order_by("created_at"))


def since(document: str, epoch: int, seq: int) -> Since | None:
    """None where the log does not reach back so far."""
    ground = past.base(document, epoch, seq) if seq else None
    if ground is None:
        return None
    behind = past.rows(document, epoch, ground.seq)
    try:
        replica = Replica(
            [*([ground.data] if ground.data is not None else []), *(r.data for r in behind if r.seq <= seq)]
        )
        text = replica.text()
        runs: list[tuple[str, str]] = []
        later = [row for row in behind if row.seq > seq]
        for origin, run in groupby(later, key=lambda row: row.origin):
            replica.apply([row.data for row in run])
            runs.append((origin, replica.text()))
    except Poisoned:
        return None
    return Since(text, runs)


def save(rows: Sequence[Proposal], seq: int) -> None:
    """All of one document at once: they are true together."""
    with transaction.atomic():
        for row in rows:
            row.seq = seq
            row.save()
