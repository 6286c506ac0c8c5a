"""Pure arithmetic of proposals: a base text, the text as it is, the hunks between them. Positions are code points.

`base` is the text without what is undecided. Accepting a hunk moves it into the base; rejecting one takes it out of
the text; what others write meanwhile is folded into the base, so that it is never part of a hunk it does not touch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ide.documents.text import Edit, LineHunk, diff_lines, lines


@dataclass(frozen=True)
class Hunk:
    """Lines [a_from, a_to) of the base became lines [b_from, b_to) of the text. `id` outlives edits elsewhere."""

    id: str
    a_from: int
    a_to: int
    b_from: int
    b_to: int


def hunks(base: str, text: str, parts: Sequence[LineHunk] | None = None) -> list[Hunk]:
    """The hunks between the two, in order; `parts`: where they differ, if that is known."""
    old = lines(base)
    seen: dict[str, int] = {}
    found = []
    for part in diff_lines(base, text) if parts is None else parts:
        mark = _mark(old, part.a_from, part.a_to)
        seen[mark] = seen.get(mark, 0) + 1
        found.append(Hunk(f"{mark}-{seen[mark]}", part.a_from, part.a_to, part.b_from, part.b_to))
    return found


def _mark(old: Sequence[str], a_from: int, a_to: int) -> str:
    """A name made of the base's lines only: a hunk keeps it while the model still writes in it."""
    before = old[a_from - 1] if a_from else ""
    after = old[a_to] if a_to < len(old) else ""
    told = "\0".join([before, *old[a_from:a_to], after])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def accept(base: str, text: str, chosen: Collection[str], parts: Sequence[LineHunk] | None = None) -> str:
    """The base after the chosen hunks were taken into it."""
    old, new = lines(base), lines(text)
    for hunk in reversed(hunks(base, text, parts)):
        if hunk.id in chosen:
            old[hunk.a_from : hunk.a_to] = new[hunk.b_from : hunk.b_to]
    return "".join(old)


def reject(base: str, text: str, chosen: Collection[str], parts: Sequence[LineHunk] | None = None) -> list[Edit]:
    """The edits of `text` that put the base's lines back in place of the chosen hunks."""
    old = lines(base)
    starts = line_starts(text)
    return [
        Edit(starts[hunk.b_from], starts[hunk.b_to], "".join(old[hunk.a_from : hunk.a_to]))
        for hunk in hunks(base, text, parts)
        if hunk.id in chosen
    ]


def line_starts(text: str) -> list[int]:
    """Where each line begins, and as the last entry where the text ends."""
    return [0, *accumulate(map(len, lines(text)))]


def fold(base: str, before: str, after: str, parts: Sequence[LineHunk] | None = None) -> str:
    """The base after someone else changed the text from `before` to `after`. `parts`: where base and `before` differ.

    What they did outside the hunks, or right beside one, is done to the base too, and so are whole lines they put into
    a hunk. Where they changed a hunk's own lines the base stays, and their words are part of that hunk from then on.
    (A three-way merge would call "beside" a conflict.)
    """
    if before == after:
        return base
    if before == base:
        return after
    old, new, was = lines(base), lines(after), lines(before)
    undecided = diff_lines(before, base) if parts is None else [turned(part) for part in parts]
    for part in reversed(diff_lines(before, after)):
        put = new[part.b_from : part.b_to]
        hunk = next((hunk for hunk in undecided if _inside(part, hunk)), None)
        if hunk is None:
            shift = sum(_grows(hunk) for hunk in undecided if hunk.a_to <= part.a_from)
            if not _restores(part, put, undecided, old):
                old[part.a_from + shift : part.a_to + shift] = put
        elif _adds(part, put, hunk, was):
            old[hunk.b_to : hunk.b_to] = put
    return "".join(old)


def turned(part: LineHunk) -> LineHunk:
    """The same, seen from the other text."""
    return LineHunk(part.b_from, part.b_to, part.a_from, part.a_to)


def _inside(part: LineHunk, hunk: LineHunk) -> bool:
    """Whether a change shares lines with a hunk, or one stands between lines of the other."""
    return part.a_from < hunk.a_to and hunk.a_from < part.a_to


def _adds(part: LineHunk, put: Sequence[str], hunk: LineHunk, before: Sequence[str]) -> bool:
    """Whether a change in a hunk puts lines in, or words into an empty line, and takes none of its words."""
    within = hunk.a_from <= part.a_from and part.a_to <= hunk.a_to
    taken = before[part.a_from : part.a_to]
    return within and any(line.strip() for line in put) and not any(line.strip() for line in taken)


def _restores(part: LineHunk, put: Sequence[str], undecided: Sequence[LineHunk], base: Sequence[str]) -> bool:
    """Whether a change brings back just what a hunk took out."""
    if part.a_from < part.a_to:
        return False
    gone = (hunk for hunk in undecided if hunk.a_from == hunk.a_to == part.a_from)
    return any(list(base[hunk.b_from : hunk.b_to]) == list(put) for hunk in gone)


def _grows(hunk: LineHunk) -> int:
    return (hunk.b_to - hunk.b_from) - (hunk.a_to - hunk.a_from)


def carried(line: int, parts: Sequence[LineHunk], side: int) -> int:
    """Where the border before `line` stands after these changes; within one: at its start (side < 0) or its end."""
    at = line
    for part in parts:
        if part.a_from < line < part.a_to or (part.a_from == part.a_to == line and side > 0):
            return part.b_from if side < 0 else part.b_to
        if part.a_to <= line and (part.a_from < part.a_to or part.a_from < line):
            at = line + part.b_to - part.a_to
    return at


def counts(base: str, text: str) -> tuple[int, int]:
    """Lines added and removed."""
    parts = diff_lines(base, text)
    return sum(p.b_to - p.b_from for p in parts), sum(p.a_to - p.a_from for p in parts)
