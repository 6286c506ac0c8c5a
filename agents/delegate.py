"""An agent job: the turn loop with tools, in the worktree, one durable step at a time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from django.utils import timezone

from agents import jobs
from agents.bench import Bench
from agents.engine import context
from agents.engine.loop import (
    Finished,
    Prose,
    Settings,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnEvent,
    run_turn,
)
from agents.environments.worktree import WorktreeEnvironment
from agents.models import Step
from ide.db import in_db
from ide.runner import client as runner
from ide.workspaces import git

MAX_STEPS = 60
OUTPUT_SHOWN = 4000  # characters of a tool's result in the feed
NAMES = {
    "read_file": "reading",
    "list_files": "looking around",
    "search": "searching",
    "apply_patch": "editing",
    "run_command": "running a command",
}


class Silent:
    """The inbox of a job: people do not talk into it yet."""

    def take(self) -> list[str]:
        return []


async def work(bench: Bench) -> str:
    """Let the model work until it calls nothing more; returns what it said last. Raises ProviderError, Fenced."""
    job, endpoint = bench.job, bench.job.endpoint
    assert endpoint is not None  # noqa: S101 (checked before the worktree was made)
    sandbox = await runner.status()
    base = await asyncio.to_thread(git.shared_base, bench.tree)
    environment = WorktreeEnvironment(bench.tree, sandbox.works, (base,) if base else ())
    if not sandbox.works:
        bench.reporter.event("log", text=f"Commands are off: {sandbox.sentence} {sandbox.advice}".strip())
    await in_db(job.steps.all().delete)  # an attempt begins anew, in a fresh worktree
    history = context.job(job.instruction, list(job.paths))
    settings = Settings(endpoint.model, max_steps=MAX_STEPS)
    told = _Told(bench)
    async with aclosing(run_turn(bench.provider, environment, history, Silent(), settings)) as events:
        async for event in events:
            await told.take(event)
    return told.last


class _Told:
    """Turn events as the job's steps, phase and feed."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._step = Step(job=bench.job, position=0)
        self._text: list[str] = []
        self._tools: list[str] = []
        self.last = ""

    async def take(self, event: TurnEvent) -> None:
        reporter = self._bench.reporter
        match event:
            case StepStarted(number):
                self._text, self._tools = [], []
                self._step = Step(job=self._bench.job, position=number, name=f"Step {number}", state=Step.State.STARTED)
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
            case Finished("steps"):
                reporter.event("log", text=f"It was stopped after {MAX_STEPS} steps.")

    async def _finish(self) -> None:
        step, said = self._step, "".join(self._text).strip()
        self.last = said or self.last
        step.name = (", ".join(self._tools) or "answer")[:300]
        step.data = {"text": said[:OUTPUT_SHOWN], "tools": self._tools}
        step.state, step.ended_at = Step.State.DONE, timezone.now()
        await in_db(jobs.save_step, self._bench.job, step)
