"""Taking a job over: it stops at a step, its work so far is laid out in the documents as proposals for the person, and
when they give it back it goes on from what they made of it.

Given back, the job stands on a new ground: the workspace as it is then, with what is still undecided of its work on top
in its worktree. So what people took is theirs to have, what they left is gone, and what they wrote is not undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from django.db import transaction

from agents.engine.messages import Message
from agents.jobs.result import review
from agents.jobs.result.file_suggestions import FileSuggestions
from agents.jobs.result.review import Change
from agents.jobs.rows import life as jobs
from agents.jobs.rows import outbox
from agents.jobs.working import trail
from agents.models import Job, Step, Takeover
from agents.proposals.live import Proposals
from ide.accounts.models import User
from ide.db import in_db
from ide.errors import Conflict
from ide.live.host import WorkspaceHost
from ide.workspaces import git, trees
from ide.workspaces.files import decode, encode

NAMED = 20  # files the model is told of
RESTING = (Job.State.QUEUED, Job.State.WAITING)


def take(job_id: str, who: User) -> bool:
    """The job is this person's from now on; whether it rests already. Raises Conflict."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        if job.kind != Job.Kind.AGENT or job.state not in (*RESTING, *Job.HELD):
            raise Conflict(f"This job is {job.state}; there is nothing to take over.", "What it made is in its review.")
        held = Takeover.objects.filter(pk=job_id).select_related("by").first()
        if held is not None:
            raise Conflict(f"{held.by.shown_name if held.by else 'Somebody'} has taken this job over already.")
        Takeover.objects.create(job=job, by=who)
        phase = f"taken over by {who.shown_name}"[:200]
        if job.state in Job.HELD:
            Job.objects.filter(pk=job_id).update(pause_asked=True, phase=f"being {phase}"[:200])
            return False
        if job.state == Job.State.QUEUED:
            Job.objects.filter(pk=job_id).update(state=Job.State.WAITING)
            outbox.drop(job_id)
            jobs.note(job, [("state", {"state": Job.State.WAITING})])
        Job.objects.filter(pk=job_id).update(phase=phase)
    return True


def check_free(job_id: str) -> None:
    """Raises Conflict where somebody has it: only giving it back lets it go on."""
    held = Takeover.objects.filter(pk=job_id, job__state=Job.State.WAITING).select_related("by").first()
    if held is not None:
        name = held.by.shown_name if held.by else "Somebody"
        raise Conflict(f"{name} has taken this job over.", "It goes on when it is given back.")


def laid_out(job: Job) -> str:
    """The commit whose changes people decide on in the documents, '' where there is none. Synchronous ORM."""
    if job.state == Job.State.REVIEW:
        return job.head
    if job.state in Job.ENDED:
        Takeover.objects.filter(pk=job.pk).delete()
    if job.state != Job.State.WAITING or not Takeover.objects.filter(pk=job.pk).exists():
        return ""
    head = trail.start_of(job)
    Takeover.objects.filter(pk=job.pk).update(head=head)
    Job.objects.filter(pk=job.pk, phase="paused").update(phase=f"taken over by {_name(job)}"[:200])
    return head if head != job.base else ""


def _name(job: Job) -> str:
    row = Takeover.objects.select_related("by").get(pk=job.pk)
    return row.by.shown_name if row.by else "somebody"


class Laid(Protocol):
    """Where its work is laid out."""

    @property
    def proposals(self) -> Proposals: ...

    @property
    def files(self) -> FileSuggestions: ...


async def give_back(host: WorkspaceHost, parts: Laid, job: Job, said: str) -> None:
    """Let it go on. Raises Conflict where nobody has it. The caller holds the workspace's lock of decisions."""
    row = await in_db(lambda: Takeover.objects.filter(pk=job.pk).select_related("by").first())
    if row is None:
        raise Conflict("Nobody has taken this job over.", "Reload to see where it stands.")
    if job.state != Job.State.WAITING:  # it has not stopped yet: it simply goes on
        await in_db(_forget, job)
        return
    head = row.head or await in_db(trail.start_of, job)
    await host.flush()
    base = await git.snapshot(host.root, f"refs/tandem/bases/{job.pk}", f"Ground of job {job.pk}\n")
    left = await _left(host, parts, job, head)
    like = await trees.modes(host.root, head, [path for path, data in left.items() if data is not None])
    tree = await trees.with_files(host.root, base, left, like)
    commit = await trees.committed(host.root, tree, base, f"Job {job.pk} given back\n", git.Author("Tandem", ""))
    await trees.put(host.root, f"refs/tandem/steps/{job.pk}", commit)
    changed = [path for _, path in await git.diff_files(host.root, head, commit)]
    by = row.by.shown_name if row.by else "Somebody"
    await in_db(_given, job.pk, (base, commit), _told(by, changed, said), by)
    parts.proposals.withdraw(f"job:{job.pk}")
    parts.files.withdraw(job.pk)


async def _left(host: WorkspaceHost, parts: Laid, job: Job, head: str) -> Mapping[str, bytes | None]:
    """The files of the worktree that are to differ from the workspace: what nobody has decided on."""
    found: dict[str, bytes | None] = {}
    waiting = parts.files.left(job.pk)
    for change in await review.changes(host, job, head):
        if change.status == "changed" and change.is_text:
            text = _undecided(host, parts.proposals, job, change)
            if text is not None:
                found[change.path] = encode(text, decode(change.data or b""))
        elif change.path in waiting:
            found[change.path] = change.data
    return found


def _undecided(host: WorkspaceHost, proposals: Proposals, job: Job, change: Change) -> str | None:
    """The document with what is left of the job's hunks; None where nothing is."""
    room = review.open_room(host, change.path)
    tracked = proposals.of(f"job:{job.pk}", room.id) if room is not None else None
    if tracked is None:
        return None
    tracked.doc.settle()
    return tracked.proposed


def _told(by: str, changed: Sequence[str], said: str) -> str:
    files = "\n".join(f"- {path}" for path in changed[:NAMED])
    more = f"\nand {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    what = f"Not as you left them, read them again:\n{files}{more}" if changed else "Your files are as you left them."
    return "\n\n".join(
        part for part in (f"{by} has taken your work over and gives it back. {what}", said.strip()) if part
    )


def _given(job_id: str, ground: tuple[str, str], text: str, by: str) -> None:
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        steps = list(job.steps.filter(state=Step.State.DONE).order_by("position"))
        heard = max((int(step.data.get("heard", 0)) for step in steps), default=0)
        last = job.steps.order_by("-position").first()
        message = msgspec.to_builtins(Message("user", text))
        data = {"messages": [message], "commit": ground[1], "heard": heard, "text": "", "tools": ["given back"]}
        at = last.position + 1 if last is not None else 1
        Step.objects.create(job=job, position=at, name=f"given back by {by}"[:300], state=Step.State.DONE, data=data)
        Takeover.objects.filter(pk=job_id).delete()
        job.base = ground[0]
        job.done += 1
        jobs.queue_again(job)
        jobs.note(job, [("log", {"text": f"{by} gave it back."})])


def _forget(job: Job) -> None:
    Takeover.objects.filter(pk=job.pk).delete()
    jobs.resume(job.pk)
