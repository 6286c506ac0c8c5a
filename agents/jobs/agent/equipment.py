"""What an agent job has in its hands beyond files and commands: its plan, tests, diagnostics, sub-agents.

The tools leave what they want of people or of other workers in `asked`, `planned` and `children`; the job's loop sees
to it between two steps, when it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from agents.context.symbols import problems
from agents.engine import toolbox
from agents.engine.messages import ToolCall, ToolResult
from agents.engine.tools import ToolFailed
from agents.environments import testing
from agents.environments.worktree import WorktreeEnvironment, read_text
from agents.jobs.agent.crew import MOST_CHILDREN, Task, may_delegate
from agents.jobs.rows import plans
from agents.jobs.working.bench import Bench
from ide.db import in_db
from ide.errors import Refused

TEST_SECONDS, LONGEST_TESTS = 300.0, 900.0
MOST_FILES = 50
READING = frozenset({"read_file", "list_files", "search", "ask_person", toolbox.DIAGNOSTICS, toolbox.PLAN})
RUNS = frozenset({"run_command", toolbox.RUN_TESTS})


Lines = list[str] | str  # some models send lines where a list is asked for


class _Plan(msgspec.Struct):
    steps: Lines = []
    done: list[int] = []


class _Tests(msgspec.Struct):
    paths: Lines = []
    seconds: float = TEST_SECONDS


class _Files(msgspec.Struct):
    paths: Lines


class _Tasks(msgspec.Struct):
    tasks: list[Task]


@dataclass
class JobEnvironment(WorktreeEnvironment):
    """`bench` and `delegate` are given after it is made; without them it has no tools of its own."""

    bench: Bench | None = None
    delegate: Callable[[list[Task]], Awaitable[str]] | None = None
    waits_for_plan: bool = False  # nothing may be changed before people have approved one
    _only_read: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._only_read = self.bench is not None and plans.to_be_approved(self.bench.job)

    @property
    def abilities(self) -> frozenset[str]:
        names = super().abilities | {toolbox.PLAN, toolbox.DIAGNOSTICS}
        if self.sandbox:
            names |= {toolbox.RUN_TESTS}
        if self.bench is not None and may_delegate(self.bench.job):
            names |= {toolbox.DELEGATE}
        return names & READING if self._only_read else names

    def safe(self, name: str) -> bool:
        """Whether a call that may have been carried out can be carried out again: only a command with a network has
        effects beyond the clone, which is thrown away."""
        return not (name in RUNS and self.ready.egress)

    async def use(self, call: ToolCall) -> ToolResult:
        raw = call.arguments or "{}"
        if call.name == toolbox.PLAN:
            return await self._plan(msgspec.json.decode(raw, type=_Plan))
        if call.name == toolbox.RUN_TESTS:
            return await self._tests(msgspec.json.decode(raw, type=_Tests, strict=False))
        if call.name == toolbox.DIAGNOSTICS:
            return await self._problems(_lines(msgspec.json.decode(raw, type=_Files).paths))
        return await self._delegate(msgspec.json.decode(raw, type=_Tasks).tasks)

    async def _plan(self, given: _Plan) -> ToolResult:
        if self.bench is None:
            raise ToolFailed("Nobody sees a plan here.")
        try:
            plan = await in_db(plans.told, self.bench.job, _lines(given.steps), given.done)
        except Refused as error:
            raise ToolFailed(error.what) from error
        self.bench.reporter.event("plan", plan=plan)
        self.waits_for_plan = plan["state"] == "proposed"
        if self.waits_for_plan:
            return ToolResult("People see your plan. End your answer now; their word comes as the next message.")
        return ToolResult("Noted.")

    async def _tests(self, given: _Tests) -> ToolResult:
        paths = [entry.path for entry in (await in_db(self.files.tree))[0] if entry.kind == "file"]
        runner = await in_db(testing.detect, paths, lambda path: read_text(self.files, path).text)
        if runner is None:
            raise ToolFailed("No tests were found: no pytest, npm, cargo, go or make target. Use run_command.")
        line = testing.command(runner, _lines(given.paths))
        ran = await self.run(line, min(max(given.seconds, 1.0), LONGEST_TESTS))
        how = "stopped: time limit" if ran.timed_out else "passed" if ran.code == 0 else f"failed, exit code {ran.code}"
        data = {"code": ran.code, "seconds": ran.seconds, "runner": runner.name}
        return ToolResult(f"({how}, {ran.seconds:.1f} s: {line})\n{testing.brief(ran.output)}", ran.code == 0, data)

    async def _problems(self, paths: list[str]) -> ToolResult:
        rows = []
        for path in paths[:MOST_FILES]:
            text = (await self._read(path)).text
            rows += [f"{path}:{one.line}: {one.text}" for one in await asyncio.to_thread(problems, path, text)]
        return ToolResult("\n".join(rows) or "No syntax errors.", data={"count": len(rows)})

    async def _delegate(self, tasks: list[Task]) -> ToolResult:
        if self.delegate is None:
            raise ToolFailed("Nothing can be delegated here.")
        if not 1 <= len(tasks) <= MOST_CHILDREN or not all(task.instruction.strip() for task in tasks):
            raise ToolFailed(f"Give one to {MOST_CHILDREN} tasks, each with an instruction.")
        return ToolResult(await self.delegate(tasks))


def _lines(given: Lines) -> list[str]:
    return [line.strip() for line in given.splitlines() if line.strip()] if isinstance(given, str) else given
