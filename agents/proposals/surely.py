"""Where a finished job's hunks go in a text that people have changed meanwhile: surely there, or nowhere. Pure.

A three-way merge lines texts up as cheaply as it can; where lines repeat, as they do in code, that may put a hunk a few
lines off. Here a hunk applies where its own lines, with those right above and below, stand unchanged, and where these,
with as many more around as it takes, are found exactly once before and now. All others need a rebase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from ide.documents.text import LineHunk, diff_line_lists, lines

WIDEST = 8  # lines looked at above and below a hunk
_TOP, _END = "\0top", "\0end"  # as if the text had a line of its own before and after it


@dataclass(frozen=True)
class Applied:
    """`text` with every hunk that surely applies; `stale`: how many do not."""

    text: str
    stale: int


class _Text:
    def __init__(self, text: str) -> None:
        self.rows = [_TOP, *lines(text), _END]
        self._where: dict[str, list[int]] = {}
        for at, row in enumerate(self.rows):
            self._where.setdefault(row, []).append(at)

    def at(self, row: str) -> int:
        return self._where[row][0]

    def once(self, at: int, other: _Text) -> bool:
        """Whether the row there is there once, here and in the other text."""
        row = self.rows[at]
        return len(self._where[row]) == 1 == len(other._where.get(row, ()))

    def found(self, wanted: Sequence[str]) -> list[int]:
        """Where these rows stand one after the other; two places are as good as many."""
        rarest = min(range(len(wanted)), key=lambda n: len(self._where.get(wanted[n], ())))
        out: list[int] = []
        for at in self._where.get(wanted[rarest], ()):
            start = at - rarest
            if start >= 0 and self.rows[start : start + len(wanted)] == list(wanted):
                out.append(start)
                if len(out) > 1:
                    break
        return out


def applied(base: str, now: str, result: str) -> Applied:
    """What of the job's change from `base` to `result` applies to the text as it is now."""
    if result in (now, base):
        return Applied(now, 0)
    if base == now:
        return Applied(result, 0)
    then, here, new = _Text(base), _Text(now), lines(result)
    rows, stale, last = list(here.rows), 0, len(here.rows)
    for hunk in reversed(diff_line_lists(then.rows[1:-1], new)):
        put = new[hunk.b_from : hunk.b_to]
        at = _place(then, here, hunk, None)
        if at is not None and at + hunk.a_to - hunk.a_from < last:
            rows[at : at + hunk.a_to - hunk.a_from] = put
            last = at
        elif at is not None or _place(then, here, hunk, put) is None:  # else somebody has done the same
            stale += 1
    return Applied("".join(rows[1:-1]), stale)


def _place(then: _Text, here: _Text, hunk: LineHunk, put: Sequence[str] | None) -> int | None:
    """The row where the hunk's lines (or what it makes of them, `put`) stand now."""
    start, end = hunk.a_from + 1, hunk.a_to + 1
    whole = [min(WIDEST, start), min(WIDEST, len(then.rows) - end)]  # as many lines above and below as are unchanged
    for up, down in _windows(*whole):
        if up > whole[0] or down > whole[1]:
            continue
        around = (then.rows[start - up : start], then.rows[end : end + down])
        old = [*around[0], *then.rows[start:end], *around[1]]
        found = here.found(old if put is None else [*around[0], *put, *around[1]])
        if not found and (up, down) == (1, 1):
            return None
        if not found:
            whole = [up - 1 if down == 1 else whole[0], down - 1 if up == 1 else whole[1]]
        elif len(found) == 1 and len(then.found(old)) == 1:
            return found[0] + up if _between(then, here, hunk, found[0] + up) else None
    return None


def _between(then: _Text, here: _Text, hunk: LineHunk, at: int) -> bool:
    """Whether the place lies between the nearest lines, above and below, that are there once before and now."""
    above = next(n for n in range(hunk.a_from, -1, -1) if then.once(n, here))
    below = next(n for n in range(hunk.a_to + 1, len(then.rows)) if then.once(n, here))
    return here.at(then.rows[above]) < at <= here.at(then.rows[below])


def _windows(above: int, below: int) -> list[tuple[int, int]]:
    """How many lines to look at above and below: as few as will do."""
    return sorted(product(range(1, above + 1), range(1, below + 1)), key=lambda size: (sum(size), size))
