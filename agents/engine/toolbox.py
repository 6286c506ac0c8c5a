"""Tools that only work of its own has: a plan people see, the project's tests, problems in files, delegation."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from agents.engine.messages import Tool, ToolCall, ToolResult

PLAN, RUN_TESTS, DIAGNOSTICS, DELEGATE = "plan", "run_tests", "diagnostics", "delegate_parts"
HAND_OVER = "delegate"  # of a turn: a job of its own, beside the talk
_STRINGS = {"type": "array", "items": {"type": "string"}}


@runtime_checkable
class Equipped(Protocol):
    """An environment with tools of this file."""

    async def use(self, call: ToolCall) -> ToolResult:
        """Carry out a call of one of OWN. May raise ToolFailed or msgspec's errors, for the model."""
        ...


def _schema(required: list[str], **properties: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


OWN: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            PLAN,
            "Tell people your plan before you change anything, in a few steps; later, tick off what is done. Call it "
            "with `steps` to make or change the plan, with `done` as you go.",
            _schema(
                [],
                steps={**_STRINGS, "description": "the whole plan, one short sentence each"},
                done={"type": "array", "items": {"type": "integer"}, "description": "numbers of what is done, from 1"},
            ),
        ),
        Tool(
            RUN_TESTS,
            "Run the project's tests; what runs them is found out (pytest, npm, cargo, go, make). Returns what failed "
            "and why, in brief.",
            _schema(
                [],
                paths={**_STRINGS, "description": "only these files or folders, where the runner can"},
                seconds={"type": "integer", "description": "time limit, 300 if absent"},
            ),
        ),
        Tool(
            DIAGNOSTICS,
            "Syntax errors in files, without running anything.",
            _schema(["paths"], paths={**_STRINGS, "description": "relative paths, at most 50"}),
        ),
        Tool(
            DELEGATE,
            "Give independent parts of the task to sub-agents, at most 4 at once. Each works in a copy of your "
            "worktree as it is now and knows nothing of this conversation: say everything it needs. End your answer "
            "with it; their results come, merged into your worktree, as the next message.",
            _schema(
                ["tasks"],
                tasks={
                    "type": "array",
                    "items": _schema(
                        ["instruction"],
                        instruction={"type": "string", "description": "the whole task"},
                        paths={**_STRINGS, "description": "files it is about"},
                    ),
                },
            ),
        ),
        Tool(
            HAND_OVER,
            "Hand a longer task over to a job: it works alone, in a copy of the files as they are now, while you go on "
            "talking here; people see it, and its result waits for their review. It knows nothing of this "
            "conversation: say everything it needs. Do not wait for it, and do not do the same work here.",
            _schema(
                ["instruction"],
                instruction={"type": "string", "description": "the whole task"},
                paths={**_STRINGS, "description": "files it is about"},
            ),
        ),
    )
}
