"""What other apps add to a workspace's card, and whom it tells about changed files. Filled by apps at start-up.

So that this package needs to know neither the people who are live in a workspace nor the jobs that run in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Figures = Callable[[list[str]], dict[str, dict[str, object]]]


@dataclass(frozen=True)
class FileChange:
    """`kind`: made, moved, deleted, written, or gone (the whole workspace; `path` is ''). `to` for moved only."""

    workspace_id: str
    kind: str
    path: str
    to: str = ""


OnFileChange = Callable[[FileChange], Awaitable[None]]

_figures: list[Figures] = []
_listeners: list[OnFileChange] = []


def register_figures(fn: Figures) -> None:
    """`fn(workspace ids)` → id → fields of the wire's Workspace (`people_now`, `jobs_running`, `to_review`).

    Called in a database thread.
    """
    if fn not in _figures:
        _figures.append(fn)


def figures_of(workspace_ids: list[str]) -> dict[str, dict[str, object]]:
    """All figures, with zeros where nobody registered any. Synchronous ORM."""
    found: dict[str, dict[str, object]] = {
        key: {"people_now": [], "jobs_running": 0, "to_review": 0} for key in workspace_ids
    }
    for fn in _figures:
        for key, fields in fn(workspace_ids).items():
            if key in found:
                found[key].update(fields)
    return found


def on_file_change(fn: OnFileChange) -> None:
    """`fn` is awaited after a change a person made over HTTP, in order of registration."""
    if fn not in _listeners:
        _listeners.append(fn)


async def tell(change: FileChange) -> None:
    for fn in _listeners:
        await fn(change)
