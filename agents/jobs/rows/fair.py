"""Fair: in which order jobs that wait come to a worker. People take turns; nobody is served by how much they ask."""

from __future__ import annotations

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from agents.models import Job

EXACT = 10  # places that are told one by one


def fairly() -> QuerySet[Job]:
    """Jobs that wait for a worker, the next one first: whose person has the fewest at work, then was served longest
    ago; of one person's, parts of what has begun before what is new, then the oldest."""
    of_theirs = Job.objects.filter(owner=OuterRef("owner")).order_by()
    at_work = of_theirs.filter(state__in=Job.HELD).values("owner").annotate(n=Count("pk")).values("n")
    served = of_theirs.filter(claimed_at__isnull=False).order_by("-claimed_at").values("claimed_at")[:1]
    waiting = Job.objects.filter(state=Job.State.QUEUED, cancel_asked=False)
    waiting = waiting.alias(at_work=Coalesce(Subquery(at_work), 0), served=Subquery(served))
    return waiting.order_by("at_work", F("served").asc(nulls_first=True), "-depth", "created_at", "pk")


def places() -> dict[str, int]:
    """How many jobs are begun before each that waits, if nothing changes; beyond ten by tens. People take turns."""
    waiting = list(fairly().values_list("pk", "owner_id", F("at_work")))
    theirs: dict[int | None, int] = {}
    turns = []
    for at, (job_id, owner, at_work) in enumerate(waiting):
        turns.append((at_work + theirs.get(owner, 0), at, job_id))
        theirs[owner] = theirs.get(owner, 0) + 1
    return {job_id: at if at < EXACT else at // EXACT * EXACT for at, (_, _, job_id) in enumerate(sorted(turns))}
