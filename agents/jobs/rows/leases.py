"""Who works on a job: the next one fairly between people, held by a lease and a fence, taken back from the dead.

Celery only wakes a worker up. One UPDATE claims a job, every later write carries the fence it got, and a worker that
was paused past its lease writes nothing. Times are the database's. All functions are synchronous ORM.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, CharField, F, QuerySet, Subquery, Value, When
from django.db.models.functions import Now

from agents.jobs.rows import budget, outbox
from agents.jobs.rows import life as jobs
from agents.jobs.rows.fair import fairly
from agents.models import Job, Step
from ide import metrics
from ide.accounts.models import User
from ide.accounts.permissions import Action, agent_may
from ide.db import new_id

LEASE = timedelta(seconds=settings.JOB_LEASE_SECONDS)
RENEW_SECONDS = settings.JOB_LEASE_SECONDS / 4
ATTEMPTS = 3
NOT_ANY_MORE = "Who asked for it may not delegate work here any more. Ask for it anew as yourself."
STOPPED = "its worker stopped; starting again"
TRIES = 5  # where others claim at the same time


# --- claiming -------------------------------------------------------------------------------------------------------


def claim_next(worker: str) -> Job | None:
    """The next job, this worker's until its lease ends; None when none waits. A job acts for its owner, only while the
    owner may: one whose owner may not any more fails, and the one behind it comes up."""
    for _ in range(TRIES):
        with transaction.atomic():
            mine = _take(fairly(), worker)
        if mine and (job := _claimed(mine)) is not None:
            return job
        if not mine and not fairly().exists():
            return None
    return None


def claim(job_id: str, worker: str) -> Job | None:
    """That job, whoever's turn it is."""
    with transaction.atomic():
        mine = _take(fairly().filter(pk=job_id), worker)
    return _claimed(mine) if mine else None


def _take(waiting: QuerySet[Job], worker: str) -> str:
    """Claim the first; returns the name it is held by, '' where nothing waits or another was quicker."""
    if connection.features.has_select_for_update_skip_locked:
        first = waiting.select_for_update(skip_locked=True, of=("self",)).values("pk")[:1]
        chosen = Job.objects.filter(pk=Subquery(first), state=Job.State.QUEUED)
    else:
        chosen = Job.objects.filter(pk=waiting.values_list("pk", flat=True).first(), state=Job.State.QUEUED)
    name = f"{worker[:100]}#{new_id()}"
    has_begun = When(done__gt=0, then=Value(Job.State.RUNNING))
    taken = chosen.update(
        state=Case(has_begun, default=Value(Job.State.PLANNING), output_field=CharField()),
        lease_owner=name,
        lease_fence=F("lease_fence") + 1,
        lease_until=Now() + LEASE,
        attempt=F("attempt") + 1,
        claimed_at=Now(),
        started_at=Now(),
        ended_at=None,
        error="",
        phase="starting",
    )
    return name if taken else ""


def _claimed(name: str) -> Job | None:
    held = Job.objects.get(lease_owner=name)
    outbox.drop(held.pk)
    job = jobs.get(held.pk)
    jobs.note(job, [("state", {"state": job.state, "attempt": job.attempt})])
    if owner_may(job):
        return job
    jobs.finish(job, Job.State.FAILED, error=NOT_ANY_MORE, phase="")
    return None


def owner_may(job: Job) -> bool:
    owner = User.objects.filter(pk=job.owner_id).first() if job.owner_id else None  # anew: it may have changed
    return owner is not None and agent_may(owner, Action.JOB, job)


# --- holding --------------------------------------------------------------------------------------------------------


def renew(job: Job) -> jobs.Stop | None:
    """Hold the job for another lease; says whether it is to end. Raises Fenced."""
    if not jobs.mine(job).update(lease_until=Now() + LEASE):
        raise jobs.Fenced(job.pk)
    return to_stop(job)


def to_stop(job: Job) -> jobs.Stop | None:
    """Whether it was cancelled, has used its budget, or its owner may not any more. Raises Fenced."""
    now = jobs.mine(job).first()
    if now is None:
        raise jobs.Fenced(job.pk)
    if now.cancel_asked:
        return jobs.Stop(Job.State.CANCELLED)
    if question := budget.question(now):
        return jobs.Stop(Job.State.WAITING, phase="its budget is used", question=question)
    return None if owner_may(job) else jobs.Stop(Job.State.FAILED, NOT_ANY_MORE)


def to_rest(job: Job) -> tuple[str, str] | None:
    """Between two steps: the phase and the question it has to wait with, None where it goes on. Raises Fenced."""
    now = jobs.mine(job).first()
    if now is None:
        raise jobs.Fenced(job.pk)
    if now.pause_asked:
        return "paused", ""
    over = budget.question(now)
    return ("its budget is used", over) if over else None


def hand_on(job: Job) -> None:
    """The slice is over: whoever comes next goes on with the job, after those who wait longer. Raises Fenced."""
    with transaction.atomic():
        jobs.let_go(job, Job.State.QUEUED, attempt=0, phase="its turn comes again")
        outbox.put(job.pk)


# --- taking back ----------------------------------------------------------------------------------------------------


def sweep(workspace_id: str = "") -> list[str]:
    """Take jobs and items back from workers that died, and let jobs go on whose sub-agents have ended, in one workspace
    or in all; returns the ids of the jobs taken back. Any number of sweepers may run at once."""
    here = Job.objects.filter(workspace_id=workspace_id) if workspace_id else Job.objects.all()
    lost = here.filter(state__in=Job.HELD, lease_until__lt=Now())
    found = [job.pk for job in lost.only("pk", "lease_fence", "parent_id") if _take_back(job)]
    items = Step.objects.filter(state=Step.State.STARTED, lease_until__lt=Now(), job__in=here)
    items.filter(attempt__gte=ATTEMPTS).update(
        state=Step.State.FAILED, error=f"Its worker died {ATTEMPTS} times while working on it.", lease_until=None
    )
    items.update(state=Step.State.PLANNED, lease_owner="", lease_until=None)
    for job_id in here.filter(state=Job.State.QUEUED, wake=None).values_list("pk", flat=True):
        outbox.put(job_id)
    for parent in here.filter(state=Job.State.WAITING, question="", children__isnull=False).distinct():
        jobs.rejoin(parent.pk)
    return found


def _take_back(seen: Job) -> bool:
    """One job from its worker, unless that has renewed its lease or another sweeper was quicker."""
    with transaction.atomic():
        jobs.from_above(seen.parent_id)
        lost = Job.objects.select_for_update().filter(
            pk=seen.pk, state__in=Job.HELD, lease_fence=seen.lease_fence, lease_until__lt=Now()
        )
        job = lost.first()
        # The fence goes up at once: what its worker still writes, should it live, is refused from here on.
        if job is None or not lost.update(lease_fence=F("lease_fence") + 1):
            return False
        job.steps.filter(state=Step.State.STARTED, lease_until=None).update(state=Step.State.UNKNOWN)
        idle = {"lease_owner": "", "lease_until": None}
        here = Job.objects.filter(pk=job.pk)
        if job.cancel_asked:
            here.update(state=Job.State.CANCELLED, ended_at=Now(), phase="", **idle)
            jobs.cancel_below(job)
            state = Job.State.CANCELLED
        elif job.attempt >= ATTEMPTS:
            said = f"Its worker died {ATTEMPTS} times while working on it. Look at the worker's log, then retry."
            here.update(state=Job.State.FAILED, ended_at=Now(), error=said, **idle)
            state = Job.State.FAILED
        else:
            here.update(state=Job.State.QUEUED, phase=STOPPED, **idle)
            outbox.put(job.pk)
            state = Job.State.QUEUED
        jobs.note(job, [("state", {"state": state})])
        if state != Job.State.QUEUED:
            metrics.jobs.labels(state).inc()
            jobs.rejoin(job.parent_id)
    return state == Job.State.QUEUED
