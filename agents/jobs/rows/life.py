"""A job's life in the database: requested, claimed by lease and fence, renewed, ended, retried. Not Celery, not git.

Celery only wakes a worker up. Who works on a job is decided here: one UPDATE claims it, every later write carries the
fence it got, and a worker that was paused past its lease writes nothing. All functions are synchronous ORM.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from agents import wire
from agents.jobs.rows import budget, fair, news, outbox
from agents.models import Endpoint, Job, JobEvent, Session, Step, Takeover
from ide import metrics
from ide.accounts.models import User
from ide.errors import Conflict, Invalid, NotFound

LONGEST_INSTRUCTION = 20_000  # characters
MOST_PATHS = 500
EVENTS_SHOWN = 500
HEARING = (*Job.ACTIVE, Job.State.WAITING, Job.State.REVIEW)  # states of an agent job


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
    approve_plan: bool = False  # its plan waits for somebody's word before anything is changed
    globs: tuple[str, ...] = ()  # of a map job: more files, or where `query` looks
    query: str = ""  # of a map job: symbols with this in their name, in the place of whole files
    items: tuple[tuple[str, Mapping[str, object]], ...] = ()  # what was found so

    def check(self) -> None:
        """Raises Invalid where the order makes no sense."""
        if self.kind not in Job.Kind.values:
            raise Invalid("A job is either a map job or an agent job.")
        if not self.instruction.strip():
            raise Invalid("The job has no instruction.", "Say what should be done.")
        if len(self.instruction) > LONGEST_INSTRUCTION:
            raise Invalid("The instruction is too long.", f"Use at most {LONGEST_INSTRUCTION:,} characters.")
        if self.kind == Job.Kind.MAP and not (self.paths or self.globs or self.query.strip()):
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
    with transaction.atomic():
        job = Job.objects.create(
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
            plan={"ask": True} if order.approve_plan else {},
            phase="queued",
        )
        Step.objects.bulk_create(
            Step(job=job, position=at, name=name[:300], data=dict(data)) for at, (name, data) in enumerate(order.items)
        )
        outbox.put(job.pk)
    return job


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
    return shown([job])[0]


def shown(found: Iterable[Job]) -> list[wire.Json]:
    """Rows from `rows`, with their places in the queue."""
    jobs = list(found)
    places = fair.places() if any(job.state == Job.State.QUEUED for job in jobs) else {}
    return [wire.job(job, getattr(job, "failed_steps", 0), places.get(job.pk)) for job in jobs]


def of_workspace(workspace_id: str, limit: int = 100) -> list[wire.Json]:
    return shown(rows(workspace_id=workspace_id).order_by("-created_at")[:limit])


def detail(job_id: str) -> wire.Json:
    job = get(job_id)
    newest = list(JobEvent.objects.filter(job=job).exclude(kind="file").order_by("-id")[:EVENTS_SHOWN])
    children = list(job.children.order_by("created_at"))
    place = fair.places().get(job.pk) if job.state == Job.State.QUEUED else None
    return wire.job_detail(job, wire.Inside(list(job.steps.all()), reversed(newest), children), place)


# --- the worker's side: every write carries the fence (`leases` gives it) -------------------------------------------


def mine(job: Job) -> QuerySet[Job]:
    """The row, while it is still this worker's."""
    return Job.objects.filter(pk=job.pk, state__in=Job.HELD, lease_fence=job.lease_fence)


def begin(job: Job) -> None:
    """Its worktree is there, its plan made: the work itself begins. Raises Fenced."""
    if mine(job).filter(state=Job.State.PLANNING).update(state=Job.State.RUNNING):
        job.state = Job.State.RUNNING
        note(job, [("state", {"state": Job.State.RUNNING, "attempt": job.attempt})])
    else:
        report(job)


def report(job: Job, **values: object) -> None:
    """Write progress (phase, done, total, tokens …) if the job is still this worker's. Raises Fenced."""
    if not (mine(job).update(**values) if values else mine(job).exists()):
        raise Fenced(job.pk)


def held(job: Job) -> None:
    """The row is this worker's until the transaction ends. Raises Fenced."""
    if mine(job).select_for_update().values_list("pk").first() is None:
        raise Fenced(job.pk)


def note(job: Job, events: Sequence[tuple[str, Mapping[str, object]]]) -> None:
    """Append to the job's feed."""
    JobEvent.objects.bulk_create(JobEvent(job_id=job.pk, kind=kind, data=dict(data)) for kind, data in events)


def finish(job: Job, state: str, **values: object) -> None:
    """End this worker's run in `state` and let go of the lease. Raises Fenced."""
    with transaction.atomic():
        from_above(job.parent_id)
        let_go(job, state, ended_at=None if state == Job.State.WAITING else Now(), **values)
        if state == Job.State.CANCELLED:
            cancel_below(job)  # what it has delegated since it was asked to end
        rejoin(job.pk if state == Job.State.WAITING else job.parent_id)
        news.ended(job, state, values.get("question", ""), values.get("phase", ""))
    if state != Job.State.WAITING:
        metrics.jobs.labels(state).inc()


def let_go(job: Job, state: str, **values: object) -> None:
    """Give up the lease in that state. Within a transaction. Raises Fenced."""
    if job.started_at is not None:
        values["worked_seconds"] = F("worked_seconds") + (timezone.now() - job.started_at).total_seconds()
    report(job, **{**values, "state": state, "lease_until": None, "lease_owner": ""})
    told = {"state": state, "error": values.get("error", "")}
    if values.get("question"):
        told["question"] = values["question"]
    note(job, [("state", told)])


def from_above(parent_id: str | None) -> None:
    """Lock a job's parent before the job itself, as who ends both does: else two would wait for each other. Within a
    transaction."""
    if parent_id is not None:
        Job.objects.select_for_update().filter(pk=parent_id).values_list("pk").first()


def rejoin(parent_id: str | None) -> None:
    """A job that waits for its sub-agents goes on once all of them have ended. Within a transaction."""
    if parent_id is None:
        return
    with transaction.atomic():
        parent = Job.objects.select_for_update().get(pk=parent_id)
        if parent.state != Job.State.WAITING or parent.question or parent.pause_asked:
            return
        if Takeover.objects.filter(pk=parent_id).exists():  # it looks for them when it is given back
            return
        newest = parent.steps.order_by("-position").first()
        waited = newest.data.get("children", []) if newest is not None else []
        if waited and not parent.children.filter(pk__in=waited).exclude(state__in=Job.ENDED).exists():
            queue_again(parent)


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
        held(job)
        step.save()
        if step.state not in (Step.State.DONE, Step.State.FAILED):
            return
        ended = job.steps.filter(state__in=[Step.State.DONE, Step.State.FAILED]).count()
        report(job, done=ended, attempt=1 if step.state == Step.State.DONE else F("attempt"))


# --- people's side --------------------------------------------------------------------------------------------------


def ask_cancel(job_id: str) -> bool:
    """Cancel a job and what it has delegated: at once where nobody works on it, else by asking its worker. Returns
    whether it is cancelled now."""
    with transaction.atomic():
        from_above(Job.objects.filter(pk=job_id).values_list("parent_id", flat=True).first())
        here = Job.objects.select_for_update().filter(pk=job_id)
        resting = here.filter(state__in=[Job.State.QUEUED, Job.State.WAITING])
        at_once = bool(resting.update(state=Job.State.CANCELLED, cancel_asked=True, ended_at=Now(), phase=""))
        asked = at_once or here.filter(state__in=Job.HELD).update(cancel_asked=True, phase="cancelling")
        job = here.get()
        if not asked and job.state != Job.State.CANCELLED:
            raise Conflict(f"This job is {job.state}; it cannot be cancelled any more.", "Reload to see how it stands.")
        if at_once:
            outbox.drop(job_id)
            note(job, [("state", {"state": Job.State.CANCELLED})])
        cancel_below(job)
        if at_once:
            rejoin(job.parent_id)
    if at_once:
        metrics.jobs.labels(Job.State.CANCELLED).inc()
    return job.state == Job.State.CANCELLED


def cancel_below(job: Job) -> None:
    """What it has delegated, and what that has. Within a transaction that holds the row."""
    for child in job.children.filter(state__in=[*Job.ACTIVE, Job.State.WAITING]).values_list("pk", flat=True):
        ask_cancel(child)


def pause(job_id: str, who: User) -> None:
    """Stop a job at its next step or item; at once if nobody works on it. Raises Conflict."""
    phase = f"paused by {who.shown_name}"[:200]
    if Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(state=Job.State.WAITING, phase=phase):
        outbox.drop(job_id)
        note(get(job_id), [("state", {"state": Job.State.WAITING})])
        return
    held = Job.objects.filter(pk=job_id, state__in=Job.HELD)
    if not held.update(pause_asked=True, phase="pausing after this step"):
        raise Conflict("This job cannot be paused now.", "Reload to see where it stands.")


def resume(job_id: str) -> None:
    """Let a job that waits go on from its newest step. Raises Conflict."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        if job.state in Job.HELD and job.pause_asked:  # not paused yet
            job.pause_asked = False
            job.save(update_fields=["pause_asked"])
            return
        if job.state != Job.State.WAITING:
            raise Conflict(f"This job is {job.state}; there is nothing to resume.", "Reload to see where it stands.")
        queue_again(job)


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
            queue_again(job)
    return goes_on


def queue_again(job: Job) -> None:
    """From its newest step on. Within a transaction that holds the row."""
    job.move(Job.State.QUEUED)
    if budget.question(job) or job.phase == budget.USED:
        job.budget = msgspec.to_builtins(budget.of(job).again())
    job.steps.filter(state=Step.State.UNKNOWN).update(state=Step.State.PLANNED)  # a person lets it be done again
    job.attempt, job.pause_asked, job.question, job.head, job.phase, job.ended_at = 0, False, "", "", "queued", None
    job.save()
    outbox.put(job.pk)
    note(job, [("state", {"state": Job.State.QUEUED})])


def retry(job_id: str) -> None:
    """Queue a job again: what failed is done again, what succeeded is kept (map jobs). Raises Conflict."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        job.move(Job.State.QUEUED)
        if job.kind == Job.Kind.MAP:
            again = job.steps.exclude(state=Step.State.DONE)
            idle = {"lease_owner": "", "lease_until": None, "attempt": 0}
            again.update(state=Step.State.PLANNED, error="", started_at=None, ended_at=None, **idle)
            job.done = job.steps.filter(state=Step.State.DONE).count()
        elif job.head or _ended(job):  # it had come to its end: it is done anew
            job.steps.all().delete()
            job.done = job.total = 0
        job.head, job.question, job.pause_asked = "", "", False
        job.attempt, job.error, job.cancel_asked, job.phase = 0, "", False, "queued"
        job.ended_at = job.lease_until = None
        job.save()
        outbox.put(job.pk)
        note(job, [("state", {"state": Job.State.QUEUED})])


def _ended(job: Job) -> bool:
    newest = job.steps.filter(state=Step.State.DONE).order_by("-position").first()
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
    if job.parent_id is None:  # parts of a job are told with it: nobody merged them
        metrics.jobs.labels(state).inc()
