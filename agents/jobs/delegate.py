"""An agent job: the turn loop with tools, in the worktree, one durable step at a time.

An attempt goes on from the newest durable step of the one before. Between two steps it hears what people say to it, and
stops where they paused it or it has asked them something.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from django.utils import timezone

from agents.engine import context
from agents.engine.loop import (
    Finished,
    Prose,
    Settings,
    Steered,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnEvent,
    run_turn,
)
from agents.environments.worktree import WorktreeEnvironment
from agents.jobs import budget
from agents.jobs import life as jobs
from agents.jobs import trail as trails
from agents.jobs.bench import Bench, Waits
from agents.jobs.trail import Trail
from agents.jobs.worktree_setup import make_ready
from agents.models import Step
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
}


async def work(bench: Bench) -> str:
    """Let the model work until it calls nothing more; returns what it said last.

    Raises ProviderError, Fenced, Waits.
    """
    job, endpoint = bench.job, bench.job.endpoint
    assert endpoint is not None  # noqa: S101 (checked before the worktree was made)
    sandbox = await runner.status()
    base = await asyncio.to_thread(git.shared_base, bench.tree)
    extra = (base,) if base else ()
    if not sandbox.works:
        bench.reporter.event("log", text=f"Commands are off: {sandbox.sentence} {sandbox.advice}".strip())
    ready = await make_ready(job, bench.tree, extra, bench.reporter)
    environment = WorktreeEnvironment(bench.tree, sandbox.works, extra, ready, watch=bench.reporter.file)
    await in_db(jobs.begin, job)
    trail = Trail(bench, context.job(job.instruction, list(job.paths)), await in_db(trails.start_of, job))
    await trail.take_up()
    if trail.steps:
        bench.reporter.event("log", text=f"It goes on after step {trail.steps}.")
    if trail.ended and not trail.waiting:
        return trail.last
    settings = Settings(endpoint.model, max_steps=budget.MOST_STEPS)
    told = _Told(bench, trail, environment)
    async with aclosing(run_turn(bench.provider, environment, trail.history, trail, settings)) as events:
        async for event in events:
            await told.take(event)
    return trail.last


class _Told:
    """Turn events as the job's steps, phase and feed."""

    def __init__(self, bench: Bench, trail: Trail, environment: WorktreeEnvironment) -> None:
        self._bench, self._trail, self._environment = bench, trail, environment
        self._step = Step(job=bench.job, position=0)
        self._text: list[str] = []
        self._tools: list[str] = []

    async def take(self, event: TurnEvent) -> None:
        reporter = self._bench.reporter
        match event:
            case StepStarted():
                self._text, self._tools = [], []
                at = self._trail.steps + 1
                self._step = Step(job=self._bench.job, position=at, name=f"Step {at}", state=Step.State.STARTED)
                self._step.started_at = timezone.now()
                reporter.phase("thinking")
            case Prose(text):
                self._text.append(text)
                reporter.event("text", text=text)
            case ToolStarted(_, name):
                reporter.phase(NAMES.get(name, name))
            case ToolFinished(call, result, seconds):
                self._tools.append(call.name)
                shown = {"name": call.name, "input": call.arguments[:OUTPUT_SHOWN], "ok": result.ok}
                reporter.event("tool", **shown, output=result.text[:OUTPUT_SHOWN], seconds=round(seconds, 2))
            case StepFinished():
                await self._finish()
                await self._between()
            case Steered(texts):
                reporter.event("log", text="It was told: " + " · ".join(texts))
            case Finished("steps"):
                reporter.event("log", text=f"It was stopped after {budget.MOST_STEPS} steps.")

    async def _finish(self) -> None:
        step, said = self._step, "".join(self._text).strip()
        self._trail.last = said or self._trail.last
        step.name = (", ".join(self._tools) or "answer")[:300]
        step.data = {"text": said[:OUTPUT_SHOWN], "tools": self._tools}
        step.state, step.ended_at = Step.State.DONE, timezone.now()
        await self._trail.keep(step, self._tools)
        self._trail.steps = step.position

    async def _between(self) -> None:
        """Hear what people said; stop where they want it, or where it waits for them. Raises Waits."""
        await self._trail.listen()
        await self._bench.reporter.flush()  # what was used until now is in the row
        await self._bench.pause_here()
        question, self._environment.asked = self._environment.asked, ""
        if question and not self._trail.waiting:
            raise Waits("waiting for an answer", question)
