"""A job's life in the database: requested, claimed by lease and fence, renewed, ended, retried. Not Celery, not git.

Celery only wakes a worker up. Who works on a job is decided here: one UPDATE claims it, every later write carries the
fence it got, and a worker that was paused past its lease writes nothing. All functions are synchronous ORM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from agents import wire
from agents.jobs import budget
from agents.models import Endpoint, Job, JobEvent, Session, Step
from ide import metrics
from ide.accounts.models import User
from ide.accounts.permissions import Action, may
from ide.errors import Conflict, Invalid, NotFound

LEASE = timedelta(seconds=20)
ATTEMPTS = 3
NOT_ANY_MORE = "Who asked for it may not delegate work here any more. Ask for it anew as yourself."
LONGEST_INSTRUCTION = 20_000  # characters
MOST_PATHS = 500
WAITING = "waiting for a worker"
EVENTS_SHOWN = 500
HEARING = (Job.State.QUEUED, Job.State.RUNNING, Job.State.WAITING, Job.State.REVIEW)  # states of an agent job


class Fenced(Exception):
    """The job is no longer this worker's: its lease ran out, or the job was ended. Nothing may be written."""


@dataclass(frozen=True)
class Stop:
    """How a running job has to end before its work is done."""

    state: str
    error: str = ""
    phase: str = ""
    question: str = ""


@dataclass(frozen=True)
class Order:
    """What a person asks for. `paths` are relative to the workspace."""

    kind: str
    instruction: str
    paths: tuple[str, ...] = ()
    endpoint: int | None = None
    session: str | None = None
    budget: Mapping[str, object] = field(default_factory=dict)

    def check(self) -> None:
        """Raises Invalid where the order makes no sense."""
        if self.kind not in Job.Kind.values:
            raise Invalid("A job is either a map job or an agent job.")
        if not self.instruction.strip():
            raise Invalid("The job has no instruction.", "Say what should be done.")
        if len(self.instruction) > LONGEST_INSTRUCTION:
            raise Invalid("The instruction is too long.", f"Use at most {LONGEST_INSTRUCTION:,} characters.")
        if self.kind == Job.Kind.MAP and not self.paths:
            raise Invalid("This kind of job works through files, and none is named.", "Choose the files.")
        budget.asked(self.budget)
        if len(self.paths) > MOST_PATHS:
            raise Invalid("These are too many files for one job.", f"Choose at most {MOST_PATHS}.")


def endpoint_fits(order: Order, endpoint: Endpoint) -> None:
    """Raises Invalid where the model cannot do this kind of job."""
    if order.kind == Job.Kind.AGENT and not endpoint.drives_tools:
        raise Invalid(
            f"{endpoint.name} cannot drive tools, so it cannot work on its own.",
            "Choose a model that can, or give it the files one by one as a map job.",
        )


@dataclass(frozen=True)
class Ground:
    """What a job stands on: its id (known before the row, the commit is kept under it), and the commit."""

    job_id: str
    base: str


def create(workspace_id: str, owner: User, endpoint: Endpoint, order: Order, ground: Ground) -> Job:
    session = Session.objects.filter(pk=order.session, workspace_id=workspace_id).first() if order.session else None
    return Job.objects.create(
        id=ground.job_id,
        workspace_id=workspace_id,
        session=session,
        kind=order.kind,
        instruction=order.instruction.strip(),
        paths=list(order.paths),
        owner=owner,
        endpoint=endpoint,
        base=ground.base,
        budget=msgspec.to_builtins(budget.asked(order.budget)),
        phase="queued",
    )


# --- reading --------------------------------------------------------------------------------------------------------


def rows(**where: object) -> QuerySet[Job]:
    counted = Job.objects.filter(**where).select_related("owner", "endpoint", "workspace", "takeover__by")
    return counted.annotate(failed_steps=Count("steps", filter=Q(steps__state=Step.State.FAILED)))


def get(job_id: str) -> Job:
    """The job with what it points at. Raises NotFound."""
    found = rows(pk=job_id).first()
    if found is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    return found


def as_wire(job: Job) -> wire.Json:
    """`job` came from `rows` or `get`."""
    return wire.job(job, getattr(job, "failed_steps", 0))


def of_workspace(workspace_id: str, limit: int = 100) -> list[wire.Json]:
    return [as_wire(job) for job in rows(workspace_id=workspace_id).order_by("-created_at")[:limit]]


def detail(job_id: str) -> wire.Json:
    job = get(job_id)
    newest = list(JobEvent.objects.filter(job=job).order_by("-id")[:EVENTS_SHOWN])
    children = list(job.children.order_by("created_at"))
    return wire.job_detail(job, wire.Inside(list(job.steps.all()), reversed(newest), children))


# --- the worker's side ----------------------------------------------------------------------------------------------


def claim(job_id: str, worker: str) -> Job | None:
    """The job, now this worker's until its lease ends; None when it is not to be worked on or somebody else has it.

    A job acts for its owner, only while the owner may.
    """
    now = timezone.now()
    taken = Job.objects.filter(pk=job_id, state=Job.State.QUEUED, cancel_asked=False).update(
        state=Job.State.RUNNING,
        lease_owner=worker[:120],
        lease_fence=F("lease_fence") + 1,
        lease_until=now + LEASE,
        attempt=F("attempt") + 1,
        started_at=now,
        ended_at=None,
        error="",
        phase="starting",
    )
    if not taken:
        return None
    job = get(job_id)
    note(job, [("state", {"state": Job.State.RUNNING, "attempt": job.attempt})])
    if _owner_may(job):
        return job
    finish(job, Job.State.FAILED, error=NOT_ANY_MORE, phase="")
    return None


def _owner_may(job: Job) -> bool:
    owner = User.objects.filter(pk=job.owner_id).first() if job.owner_id else None  # anew: it may have changed
    return owner is not None and may(owner, Action.JOB, job)


def _mine(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, lease_fence=job.lease_fence)


def renew(job: Job) -> Stop | None:
    """Hold the job for another lease; says whether it is to end. Raises Fenced."""
    if not _mine(job).update(lease_until=timezone.now() + LEASE):
        raise Fenced(job.pk)
    return to_stop(job)


def to_stop(job: Job) -> Stop | None:
    """Whether it was cancelled, has used its budget, or its owner may not any more. Raises Fenced."""
    now = _mine(job).first()
    if now is None:
        raise Fenced(job.pk)
    if now.cancel_asked:
        return Stop(Job.State.CANCELLED)
    if question := budget.question(now):
        return Stop(Job.State.WAITING, phase="its budget is used", question=question)
    return None if _owner_may(job) else Stop(Job.State.FAILED, NOT_ANY_MORE)


def to_pause(job: Job) -> bool:
    """Whether people want it to stop at its next step."""
    return _mine(job).filter(pause_asked=True).exists()


def report(job: Job, **values: object) -> None:
    """Write progress (phase, done, total, tokens …) if the job is still this worker's. Raises Fenced."""
    if not (_mine(job).update(**values) if values else _mine(job).exists()):
        raise Fenced(job.pk)


def note(job: Job, events: Sequence[tuple[str, Mapping[str, object]]]) -> None:
    """Append to the job's feed."""
    JobEvent.objects.bulk_create(JobEvent(job_id=job.pk, kind=kind, data=dict(data)) for kind, data in events)


def finish(job: Job, state: str, **values: object) -> None:
    """End this worker's run in `state` and let go of the lease. Raises Fenced."""
    with transaction.atomic():
        now = timezone.now()
        ended_at = None if state == Job.State.WAITING else now
        if job.started_at is not None:
            values["worked_seconds"] = F("worked_seconds") + (now - job.started_at).total_seconds()
        report(job, **{**values, "state": state, "ended_at": ended_at, "lease_until": None, "lease_owner": ""})
        told = {"state": state, "error": values.get("error", "")}
        if values.get("question"):
            told["question"] = values["question"]
        note(job, [("state", told)])
    if state != Job.State.WAITING:
        metrics.jobs.labels(state).inc()


def plan(job: Job, names: Sequence[tuple[str, Mapping[str, object]]]) -> list[Step]:
    """The job's steps in order; made at the first attempt, found again at later ones."""
    with transaction.atomic():
        report(job)
        if not job.steps.exists():
            Step.objects.bulk_create(
                Step(job=job, position=at, name=name[:300], data=dict(data)) for at, (name, data) in enumerate(names)
            )
        report(job, total=job.steps.count())
    return list(job.steps.all())


def save_step(job: Job, step: Step) -> None:
    """Make a step durable, and the job's count of finished ones with it. Raises Fenced."""
    with transaction.atomic():
        _mine(job).select_for_update().first()
        step.save()
        ended = job.steps.filter(state__in=[Step.State.DONE, Step.State.FAILED]).count()
        report(job, done=ended)


# --- people's side --------------------------------------------------------------------------------------------------


def ask_cancel(job_id: str) -> bool:
    """Cancel a job: at once if nobody works on it, else by asking its worker. Returns whether it is cancelled now."""
    waiting = Job.objects.filter(pk=job_id, state__in=[Job.State.QUEUED, Job.State.WAITING])
    if waiting.update(state=Job.State.CANCELLED, cancel_asked=True, ended_at=timezone.now(), phase=""):
        metrics.jobs.labels(Job.State.CANCELLED).inc()
        return True
    if Job.objects.filter(pk=job_id, state=Job.State.RUNNING).update(cancel_asked=True, phase="cancelling"):
        return False
    state = get(job_id).state
    if state == Job.State.CANCELLED:
        return True
    raise Conflict(f"This job is {state}; it cannot be cancelled any more.", "Reload to see where it stands.")


def pause(job_id: str, who: User) -> None:
    """Stop a job at its next step; at once if nobody works on it. Raises Conflict."""
    phase = f"paused by {who.shown_name}"[:200]
    if Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(state=Job.State.WAITING, phase=phase):
        note(get(job_id), [("state", {"state": Job.State.WAITING})])
        return
    running = Job.objects.filter(pk=job_id, state=Job.State.RUNNING, kind=Job.Kind.AGENT)
    if not running.update(pause_asked=True, phase="pausing after this step"):
        raise Conflict("This job cannot be paused now.", "Reload to see where it stands.")


def resume(job_id: str) -> None:
    """Let a job that waits go on from its newest step. Raises Conflict."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        if job.state == Job.State.RUNNING and job.pause_asked:  # not paused yet
            job.pause_asked = False
            job.save(update_fields=["pause_asked"])
            return
        if job.state != Job.State.WAITING:
            raise Conflict(f"This job is {job.state}; there is nothing to resume.", "Reload to see where it stands.")
        _queue_again(job)


def steer(job_id: str, who: User, text: str) -> bool:
    """Say something to a job: it hears it before its next step; as an answer if it has asked, as a wish for its result
    if that waits for review. Returns whether it goes on now because of it. Raises Invalid, Conflict."""
    if not text.strip() or len(text) > LONGEST_INSTRUCTION:
        raise Invalid("The message is empty or too long.", f"Use at most {LONGEST_INSTRUCTION:,} characters.")
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        if job.kind != Job.Kind.AGENT or job.state not in HEARING:
            raise Conflict("Nobody would hear that: this job does not work any more.", "Delegate a new one.")
        note(job, [("steer", {"text": text.strip(), "by": who.shown_name, "person": who.pk})])
        goes_on = job.state == Job.State.REVIEW or (job.state == Job.State.WAITING and bool(job.question))
        if goes_on:
            _queue_again(job)
    return goes_on


def _queue_again(job: Job) -> None:
    """From its newest step on. Within a transaction that holds the row."""
    job.move(Job.State.QUEUED)
    if budget.question(job):
        job.budget = msgspec.to_builtins(budget.of(job).again())
    job.attempt, job.pause_asked, job.question, job.head, job.phase, job.ended_at = 0, False, "", "", "queued", None
    job.save()
    note(job, [("state", {"state": Job.State.QUEUED})])


def retry(job_id: str) -> None:
    """Queue a job again: what failed is done again, what succeeded is kept (map jobs). Raises Conflict."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        job.move(Job.State.QUEUED)
        if job.kind == Job.Kind.MAP:
            again = job.steps.exclude(state=Step.State.DONE)
            again.update(state=Step.State.PLANNED, error="", started_at=None, ended_at=None)
            job.done = job.steps.filter(state=Step.State.DONE).count()
        elif job.head or _ended(job):  # it had come to its end: it is done anew
            job.steps.all().delete()
            job.done = job.total = 0
        job.head, job.question, job.pause_asked = "", "", False
        job.attempt, job.error, job.cancel_asked, job.phase = 0, "", False, "queued"
        job.ended_at = job.lease_until = None
        job.save()
        note(job, [("state", {"state": Job.State.QUEUED})])


def _ended(job: Job) -> bool:
    newest = job.steps.order_by("-position").first()
    return newest is not None and not newest.data.get("tools")


def move(job_id: str, state: str, **values: object) -> None:
    """Bring a job that no worker holds to another state, once. Raises Conflict where it is not there to be moved.

    `ended_at` stays when its work ended.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        job.move(state)
        for name, value in values.items():
            setattr(job, name, value)
        job.ended_at = job.ended_at or timezone.now()
        job.save()
        note(job, [("state", {"state": state})])
    metrics.jobs.labels(state).inc()


def sweep(workspace_id: str) -> list[str]:
    """Take jobs back from workers that died; returns the ids of all that wait for one."""
    mine = Job.objects.filter(workspace_id=workspace_id)
    lost = mine.filter(state=Job.State.RUNNING, lease_until__lt=timezone.now())
    idle = {"lease_owner": "", "lease_until": None}
    now = timezone.now()
    lost.filter(cancel_asked=True).update(state=Job.State.CANCELLED, ended_at=now, phase="", **idle)
    lost.filter(attempt__gte=ATTEMPTS).update(
        state=Job.State.FAILED,
        ended_at=now,
        error=f"Its worker died {ATTEMPTS} times while working on it. Look at the worker's log, then retry.",
        **idle,
    )
    lost.update(state=Job.State.QUEUED, phase="its worker stopped; starting again", **idle)
    return list(mine.filter(state=Job.State.QUEUED).values_list("pk", flat=True))


def left_over() -> list[str]:
    """Jobs of all workspaces that wait for a worker, those of dead workers included."""
    for workspace_id in Job.objects.filter(state=Job.State.RUNNING).values_list("workspace_id", flat=True).distinct():
        sweep(workspace_id)
    return list(Job.objects.filter(state=Job.State.QUEUED).order_by("created_at").values_list("pk", flat=True))


def mark_waiting(ids: Sequence[str]) -> None:
    Job.objects.filter(pk__in=ids, state=Job.State.QUEUED).update(phase=WAITING)
