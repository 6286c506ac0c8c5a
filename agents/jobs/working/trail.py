"""Trail: what an agent job has behind it, step by step, so that a later attempt goes on where the last one stopped.

A step is durable once its row is: what was said in it, and the commit that holds the worktree after it. The commit is
in the workspace's repository before the row names it; an attempt that dies between the two does that step again, in a
worktree as it was before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from django.utils import timezone

from agents.engine.messages import Message
from agents.engine.toolbox import DELEGATE, RUN_TESTS
from agents.jobs.rows import life as jobs
from agents.jobs.working.bench import Bench
from agents.jobs.working.written import told_of_run
from agents.models import Job, JobEvent, Step
from ide import faults
from ide.db import in_db
from ide.workspaces import git

CHANGING = frozenset({"apply_patch", "run_command", RUN_TESTS, DELEGATE})  # what may leave another worktree behind


def start_of(job: Job) -> str:
    """The commit an attempt begins with. Synchronous ORM."""
    newest = job.steps.filter(state=Step.State.DONE).order_by("-position").first()
    return str(newest.data.get("commit") or job.base) if newest is not None else job.base


def spoken(job_id: str, after: int) -> list[JobEvent]:
    """What people have said to a job since the event with this id. Synchronous ORM."""
    return list(JobEvent.objects.filter(job_id=job_id, kind="steer", id__gt=after).order_by("id"))


def key_of(job_id: str, position: int, commit: str) -> str:
    """Idempotency key of a step: what was done before it is in the rows before it, and in that commit."""
    return hashlib.sha256(f"{job_id} {position} {commit}".encode()).hexdigest()[:32]


@dataclass
class Trail:
    """`history` is the loop's: it grows at its end only."""

    bench: Bench
    history: list[Message]
    commit: str
    steps: int = 0  # that are behind it
    ended: bool = False  # the newest one called nothing: only the result was not brought back
    last: str = ""
    children: list[str] = field(default_factory=list)  # sub-agents whose results are not in the history yet
    begun: Step | None = None  # that an earlier attempt did not come to the end of
    _kept: int = 0
    _heard: int = 0  # the newest event people sent that is in the history
    _taken: int = 0  # and the newest one given to the loop
    waiting: list[JobEvent] = field(default_factory=list)  # what people said that the loop does not have yet

    async def take_up(self) -> None:
        """Go on from the steps that are durable."""
        rows = await in_db(lambda: list(self.bench.job.steps.all()))
        for row in rows:
            if row.state != Step.State.DONE:
                self.begun = row
                continue
            self.history += [msgspec.convert(one, Message) for one in row.data.get("messages", ())]
            self._heard = max(self._heard, int(row.data.get("heard", 0)))
            self.last = str(row.data.get("text") or self.last)
            self.ended = not row.data.get("tools")
            self.commit = str(row.data.get("commit") or self.commit)
            self.steps = row.position
            self.children = list(row.data.get("children", ()))
        self._kept, self._taken = len(self.history), self._heard
        await self.listen()

    def step(self) -> Step:
        """The row of the next step, begun now: the one an earlier attempt began, if there is one."""
        step = self.begun or Step(job=self.bench.job, position=self.steps + 1)
        self.begun = None
        step.name, step.state, step.error = f"Step {step.position}", Step.State.STARTED, ""
        step.key = key_of(self.bench.job.pk, step.position, self.commit)
        step.attempt += 1
        step.started_at, step.ended_at = timezone.now(), None
        return step

    async def answered(self, step: Step, message: Message, *, safe: bool) -> None:
        """The model's answer is durable before it is acted on: another attempt goes on from it. Raises Fenced."""
        before = [msgspec.to_builtins(one) for one in self.history[self._kept :]]
        step.safe = safe
        step.data = {"before": before, "answer": msgspec.to_builtins(message), "heard": self._taken}
        await in_db(jobs.save_step, self.bench.job, step)

    def answer(self) -> Message | None:
        """The answer an earlier attempt left, with what was said before it in the history; None where there is none."""
        row = self.begun
        if row is None or "answer" not in row.data or row.key != key_of(self.bench.job.pk, row.position, self.commit):
            return None
        self.history += [msgspec.convert(one, Message) for one in row.data["before"]]
        self._taken = max(self._taken, int(row.data.get("heard", 0)))
        self.waiting = [event for event in self.waiting if event.pk > self._taken]
        return msgspec.convert(row.data["answer"], Message)

    async def keep(self, step: Step, tools: Sequence[str]) -> None:
        """Make a step durable, with all that was said since the last one. Raises Fenced."""
        job = self.bench.job
        if CHANGING & set(tools):
            await in_db(jobs.report, job)  # raises Fenced: nothing is kept of what another works on now
            before = self.commit
            self.commit = await git.commit_all(self.bench.tree, f"Step {step.position} of job {job.pk}\n")
            if "run_command" in tools:
                await told_of_run(self.bench.reporter, self.bench.tree, before, self.commit)
            if self.commit != job.base:
                await self.bench.place.keep(self.bench.tree, self.commit, f"refs/tandem/steps/{job.pk}")
            faults.hit("job.kept")
        said = [msgspec.to_builtins(message) for message in self.history[self._kept :]]
        told = {"messages": said, "commit": self.commit, "heard": self._taken}
        step.data = {**{name: step.data[name] for name in ("text", "tools", "children") if name in step.data}, **told}
        await in_db(jobs.save_step, job, step)
        self._kept, self._heard = len(self.history), self._taken
        self.steps = step.position

    # --- the loop's inbox ---------------------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Fetch what people have said since."""
        newest = self.waiting[-1].pk if self.waiting else self._taken
        self.waiting += await in_db(spoken, self.bench.job.pk, newest)

    def take(self) -> list[str]:
        """Everything fetched that the loop does not have yet."""
        said, self.waiting = self.waiting, []
        if said:
            self._taken = said[-1].pk
        return [f"{event.data.get('by', 'Somebody')}: {event.data.get('text', '')}" for event in said]
