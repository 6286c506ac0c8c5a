"""What the dashboard shows and does: figures (one number each), panels (a table each) and acts on their rows. Apps
register theirs at start-up.

`agents/apps.py`, for example, says in `ready()`:

    panels.register(
        Figure("turns.running", "Turns running", running_turns, group="Models", chart=True),
        Panel("jobs", "Jobs", ("job", "who", "state"), newest_jobs, empty="No job yet."),
    )
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ide.accounts.models import User

Value = int | float | str | None
Row = Sequence[Value]


@dataclass(frozen=True)
class Figure:
    """One number. `value` is called once a second while someone looks, in a database thread, and must be quick
    (one indexed query at most); None is shown as a dash. `chart` draws its last five minutes.

    `key` is stable; figures stand under their `group`, in the order they were registered.
    """

    key: str
    label: str
    value: Callable[[], Value]
    unit: str = ""
    group: str = "Other"
    chart: bool = False


@dataclass(frozen=True)
class Panel:
    """A table. `rows` is called like a figure's `value`; each row has as many cells as there are columns.

    Cells are plain values: the page shows them as text. Keep it to some twenty rows and never put document text,
    prompts or keys into a cell. Where there are `acts` (their keys), each row has one cell more, which is not shown:
    the name by which an act knows the row's thing, or None where nothing can be done.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: Callable[[], Sequence[Row]]
    empty: str = "Nothing yet."
    acts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Act:
    """Something an administrator does to a thing, or (no panel has it) to the whole site.

    `run(who, thing, text)` runs on the server's loop, answers a sentence on what was done, and raises Refused. `ask` is
    what people are asked before; `wants`: the label of a text they give with it. Every act is in the audit log.
    """

    key: str
    label: str
    ask: str
    run: Callable[[User, str, str], Awaitable[str]]
    wants: str = ""


History = Callable[[Sequence[datetime]], Sequence[tuple[int, int]]]

_figures: dict[str, Figure] = {}
_panels: dict[str, Panel] = {}
_acts: dict[str, Act] = {}
_hunks: list[History] = []


def register(*things: Figure | Panel | Act) -> None:
    """Add figures, panels and acts; one with a known key takes the place of the earlier one."""
    for thing in things:
        if isinstance(thing, Figure):
            _figures[thing.key] = thing
        elif isinstance(thing, Panel):
            _panels[thing.key] = thing
        else:
            _acts[thing.key] = thing


def register_hunks(fn: History) -> None:
    """`fn(times)`: how many hunks were accepted and how many rejected from each moment to the next. Synchronous ORM."""
    _hunks[:] = [fn]


def hunks(times: Sequence[datetime]) -> list[tuple[int, int]]:
    return list(_hunks[0](times)) if _hunks else []


def figures() -> list[Figure]:
    return list(_figures.values())


def panels() -> list[Panel]:
    return list(_panels.values())


def acts() -> list[Act]:
    return list(_acts.values())


def act(key: str) -> Act | None:
    return _acts.get(key)
