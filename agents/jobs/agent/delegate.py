"""An agent job: the turn loop with tools, in the worktree, one durable step at a time.

An attempt goes on from the newest durable step of the one before. Between two steps it hears what people say to it, and
stops where they paused it or it has asked them something.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

from django.utils import timezone

from agents.engine import context, tools
from agents.engine.events import (
    Answered,
    Finished,
    Prose,
    Steered,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnEvent,
)
from agents.engine.loop import Settings, run_turn
from agents.engine.messages import Message
from agents.engine.toolbox import DELEGATE, DIAGNOSTICS, PLAN, RUN_TESTS
from agents.jobs.agent import crew
from agents.jobs.agent.equipment import JobEnvironment
from agents.jobs.rows import budget, outbox, plans
from agents.jobs.rows import life as jobs
from agents.jobs.working import trail as trails
from agents.jobs.working.bench import Bench, Waits
from agents.jobs.working.trail import Trail
from agents.jobs.working.worktree_setup import make_ready
from agents.models import Step
from ide import faults
from ide.db import in_db
from ide.runner import client as runner
from ide.workspaces import git

OUTPUT_SHOWN = 4000  # characters of a tool's result in the feed
NAMES = {
    "read_file": "reading",
    "list_files": "looking around",
    "search": "searching",
    "apply_patch": "editing",
    "run_command": "running a command",
    PLAN: "planning",
    RUN_TESTS: "running tests",
    DIAGNOSTICS: "looking for errors",
    DELEGATE: "delegating parts",
}
FOR_CHILDREN = "waiting for its sub-agents"
UNSURE = (
    "Its worker stopped in step {}, which ran a command with a network: it is not known whether that was done. "
    "Resume it to do the step again, or say what to do instead."
)


async def work(bench: Bench) -> str:
    """Let the model work until it calls nothing more; returns what it said last.

    Raises ProviderError, Fenced, Waits, SliceOver.
    """
    job, endpoint = bench.job, bench.job.endpoint
    assert endpoint is not None  # noqa: S101 (checked before the worktree was made)
    sandbox = await runner.status()
    base = await asyncio.to_thread(git.shared_base, bench.tree)
    extra = (base,) if base else ()
    ready = await make_ready(job, bench.tree, extra, bench.reporter)
    environment = JobEnvironment(bench.tree, sandbox.works, extra, ready, watch=bench.reporter.file, bench=bench)
    if not sandbox.works:
        bench.reporter.event("log", text=f"Commands are off: {sandbox.sentence} {sandbox.advice}".strip())
    trail = Trail(bench, context.job(job.instruction, list(job.paths)), await in_db(trails.start_of, job))
    await trail.take_up()
    if not plans.to_be_approved(job):
        await in_db(jobs.begin, job)
    told = Told(bench, trail, environment)
    environment.delegate = told.delegate
    if trail.steps:
        bench.reporter.event("log", text=f"It goes on after step {trail.steps}.")
    if trail.children:
        await told.join()
    await told.go_on()
    if trail.ended and not trail.waiting:
        return trail.last
    settings = Settings(endpoint.model, max_steps=budget.MOST_STEPS)
    async with aclosing(run_turn(bench.provider, environment, trail.history, trail, settings)) as events:
        async for event in events:
            await told.take(event)
    return trail.last


class Told:
    """Turn events as the job's steps, phase and feed."""

    def __init__(self, bench: Bench, trail: Trail, environment: JobEnvironment) -> None:
        self._bench, self._trail, self._environment = bench, trail, environment
        self._step = Step(job=bench.job, position=0)
        self._text: list[str] = []
        self._tools: list[str] = []
        self._children: list[str] = []

    async def take(self, event: TurnEvent) -> None:
        reporter = self._bench.reporter
        match event:
            case StepStarted():
                self._begin()
                reporter.phase("thinking")
            case Prose(text):
                self._text.append(text)
                reporter.event("text", text=text)
            case ToolStarted(_, name):
                reporter.phase(NAMES.get(name, name))
            case Answered(message):
                faults.hit("job.answered")
                safe = all(self._environment.safe(call.name) for call in message.calls)
                await self._trail.answered(self._step, message, safe=safe)
                faults.hit("job.stored")
            case ToolFinished(call, result, seconds):
                self._tools.append(call.name)
                shown = {"name": call.name, "input": call.arguments[:OUTPUT_SHOWN], "ok": result.ok}
                reporter.event("tool", **shown, output=result.text[:OUTPUT_SHOWN], seconds=round(seconds, 2))
            case StepFinished():
                faults.hit("job.called")
                await self._finish()
                await self._between()
            case Steered(texts):
                reporter.event("log", text="It was told: " + " · ".join(texts))
            case Finished("steps"):
                reporter.event("log", text=f"It was stopped after {budget.MOST_STEPS} steps.")

    def _begin(self) -> None:
        self._text, self._tools, self._children = [], [], []
        self._step = self._trail.step()

    async def _finish(self) -> None:
        step, said = self._step, "".join(self._text).strip()
        self._trail.last = said or self._trail.last
        self._trail.ended = not self._tools
        step.name = (", ".join(self._tools) or "answer")[:300]
        step.data = {"text": said[:OUTPUT_SHOWN], "tools": self._tools, "children": self._children}
        step.state, step.ended_at = Step.State.DONE, timezone.now()
        await self._trail.keep(step, self._tools)

    async def _between(self) -> None:
        """Hear what people said; stop where they want it, or where it waits for them. Raises Waits, SliceOver."""
        await self._trail.listen()
        await self._bench.reporter.flush()  # what was used until now is in the row
        question, self._environment.asked = self._environment.asked, ""
        if question and not self._trail.waiting:
            raise Waits("waiting for an answer", question)
        if self._environment.waits_for_plan:
            raise Waits("its plan waits for approval")
        if self._children:
            raise Waits(FOR_CHILDREN)
        await self._bench.pause_here()

    # --- what an earlier attempt left ---------------------------------------------------------------------------------

    async def go_on(self) -> None:
        """Act on an answer that is stored and was not acted on to its end. Raises Waits where that may have had effects
        that cannot be taken back: then people decide."""
        left = self._trail.begun
        if left is not None and left.state == Step.State.UNKNOWN and not left.safe:
            raise Waits("it is not known whether a step was done", UNSURE.format(left.position))
        message = self._trail.answer()
        if message is None:
            return
        self._begin()
        self._bench.reporter.event("log", text=f"Step {self._step.position} is done again, from its stored answer.")
        self._text = [message.text] if message.text else []
        self._trail.history.append(message)
        for made in message.calls:
            began = time.perf_counter()
            self._bench.reporter.phase(NAMES.get(made.name, made.name))
            result = await tools.call(self._environment, made)
            self._trail.history.append(Message("tool", result.text, call_id=made.id, name=made.name))
            await self.take(ToolFinished(made, result, time.perf_counter() - began))
        await self._finish()
        await self._between()

    # --- sub-agents ---------------------------------------------------------------------------------------------------

    async def delegate(self, tasks: list[crew.Task]) -> str:
        """The environment's tool."""
        commit = await git.commit_all(self._bench.tree, f"Ground of sub-agents of job {self._bench.job.pk}\n")
        self._children += await crew.delegate(self._bench, crew.Origin(self._step.position, commit), tasks)
        await outbox.sent()
        return f"{len(self._children)} at work. End your answer now; what they did comes as the next message."

    async def join(self) -> None:
        """Go on with what the sub-agents made, as a step of its own. Raises Waits while one is at work."""
        ids = self._trail.children
        if not await in_db(crew.all_ended, self._bench.job, ids):
            raise Waits(FOR_CHILDREN)
        self._bench.reporter.phase("putting its parts together")
        joined = await crew.join(self._bench, ids)
        self._begin()
        self._trail.history.append(Message("user", joined.said))
        self._step.name, self._step.data = "parts of sub-agents", {"text": "", "tools": ["join"]}
        self._step.state, self._step.ended_at = Step.State.DONE, timezone.now()
        await self._trail.keep(self._step, [DELEGATE] if joined.changed else [])
        self._trail.children = []
        await in_db(crew.settle, ids)
