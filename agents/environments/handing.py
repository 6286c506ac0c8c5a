"""The seam between a turn and jobs: a turn hands a task over, and does not know who takes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from agents.engine.messages import ToolResult
from agents.engine.tools import ToolFailed
from agents.sessions.turns import LiveTurn


class Task(msgspec.Struct):
    instruction: str
    paths: list[str] = []


Hand = Callable[[LiveTurn, Task], Awaitable[ToolResult]]
_hands: list[Hand] = []


def register(hand: Hand) -> None:
    """Give tasks of turns to `hand`. Once, at start-up."""
    _hands[:] = [hand]


async def hand_over(turn: LiveTurn, task: Task) -> ToolResult:
    """What the model is told. Raises ToolFailed, Refused."""
    if not _hands:
        raise ToolFailed("Nothing can be delegated here.")
    return await _hands[0](turn, task)
