"""The items of a map job as rows: any worker takes one, holds it by a lease of its own, and saves how it went, once.

All functions are synchronous ORM. A worker that was paused past its item's lease saves nothing.
"""

from __future__ import annotations

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from agents.jobs.rows import leases
from agents.jobs.rows import life as jobs
from agents.models import Job, Step
from ide.db import new_id

TRIES = 8  # where others take items at the same time


def take(job_id: str, worker: str) -> Step | None:
    """The next item, this worker's until its lease ends; None where none is left to be taken."""
    name = f"{worker[:100]}#{new_id()}"
    for _ in range(TRIES):
        planned = _planned().filter(job_id=job_id).order_by("position")
        first = planned.values_list("pk", flat=True).first()
        if first is None:
            return None
        mine = Step.objects.filter(pk=first, state=Step.State.PLANNED)
        lease = {"lease_owner": name, "lease_until": Now() + leases.LEASE}
        if mine.update(state=Step.State.STARTED, started_at=Now(), attempt=F("attempt") + 1, error="", **lease):
            return Step.objects.get(pk=first)
    return None


def _planned() -> QuerySet[Step]:
    return Step.objects.filter(
        state=Step.State.PLANNED,
        job__kind=Job.Kind.MAP,
        job__state=Job.State.RUNNING,
        job__cancel_asked=False,
        job__pause_asked=False,
    )


def under_way(job_id: str) -> bool:
    """Whether others are at work on items of the job."""
    return Step.objects.filter(job_id=job_id, state=Step.State.STARTED).exists()


def _mine(item: Step) -> QuerySet[Step]:
    return Step.objects.filter(pk=item.pk, state=Step.State.STARTED, lease_owner=item.lease_owner)


def renew(item: Step) -> jobs.Stop | None:
    """Raises Fenced."""
    if not _mine(item).update(lease_until=Now() + leases.LEASE):
        raise jobs.Fenced(item.job_id)
    return look(item)


def look(item: Step) -> jobs.Stop | None:
    """Whether the item is to be left: its job was cancelled, or its owner may not any more. Raises Fenced."""
    job = Job.objects.select_related("workspace").get(pk=item.job_id)
    if job.cancel_asked or job.state == Job.State.CANCELLED:
        return jobs.Stop(Job.State.CANCELLED)
    return None if leases.owner_may(job) else jobs.Stop(Job.State.FAILED, leases.NOT_ANY_MORE)


def save(item: Step) -> None:
    """How it went, and the job's count of finished items with it. Raises Fenced."""
    ended = None if item.state == Step.State.PLANNED else Now()
    values = {"state": item.state, "data": item.data, "error": item.error, "ended_at": ended}
    if not _mine(item).update(**values, lease_owner="", lease_until=None):
        raise jobs.Fenced(item.job_id)
    over = Q(state__in=[Step.State.DONE, Step.State.FAILED])
    done = Step.objects.filter(over, job_id=item.job_id).order_by().values("job").annotate(n=Count("pk")).values("n")
    Job.objects.filter(pk=item.job_id).update(done=Coalesce(Subquery(done), 0))


def put_back(item: Step) -> None:
    """It is anybody's again, if it is still this worker's."""
    _mine(item).update(state=Step.State.PLANNED, lease_owner="", lease_until=None, attempt=F("attempt") - 1)


def to_help() -> Job | None:
    """A map job with items nobody has; of the person fewest workers are busy for."""
    of_theirs = Step.objects.filter(state=Step.State.STARTED, job__owner=OuterRef("owner")).order_by()
    busy = of_theirs.values("job__owner").annotate(n=Count("pk")).values("n")
    open_ones = Job.objects.filter(pk__in=_planned().values("job"))
    fair = open_ones.annotate(busy=Coalesce(Subquery(busy), 0)).order_by("busy", "claimed_at")
    first = fair.values_list("pk", flat=True).first()
    return jobs.get(first) if first is not None else None
