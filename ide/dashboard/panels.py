"""What the dashboard shows: figures (one number each) and panels (a table each). Apps register theirs at start-up.

`agents/apps.py`, for example, says in `ready()`:

    panels.register(
        Figure("turns.running", "Turns running", running_turns, group="Models", chart=True),
        Panel("jobs", "Jobs", ("job", "who", "state"), newest_jobs, empty="No job yet."),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    prompts or keys into a cell.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: Callable[[], Sequence[Row]]
    empty: str = "Nothing yet."


_figures: dict[str, Figure] = {}
_panels: dict[str, Panel] = {}


def register(*things: Figure | Panel) -> None:
    """Add figures and panels; one with a known key takes the place of the earlier one."""
    for thing in things:
        if isinstance(thing, Figure):
            _figures[thing.key] = thing
        else:
            _panels[thing.key] = thing


def figures() -> list[Figure]:
    return list(_figures.values())


def panels() -> list[Panel]:
    return list(_panels.values())
