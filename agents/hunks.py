"""Pure arithmetic of proposals: a base text, the text as it is, the hunks between them. Positions are code points.

`base` is the text without what is undecided. Accepting a hunk moves it into the base; rejecting one takes it out of
the text; what others write meanwhile is folded into the base, so that it is never part of a hunk it does not touch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ide.documents.text import Edit, diff_lines, merge3


@dataclass(frozen=True)
class Hunk:
    """Lines [a_from, a_to) of the base became lines [b_from, b_to) of the text. `id` outlives edits elsewhere."""

    id: str
    a_from: int
    a_to: int
    b_from: int
    b_to: int


def split(text: str) -> list[str]:
    """Lines with their LF; only LF ends a line. Joined they are the text."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def hunks(base: str, text: str) -> list[Hunk]:
    """The hunks between the two, in order."""
    lines = split(base)
    seen: dict[str, int] = {}
    found = []
    for part in diff_lines(base, text):
        mark = _mark(lines, part.a_from, part.a_to)
        seen[mark] = seen.get(mark, 0) + 1
        found.append(Hunk(f"{mark}-{seen[mark]}", part.a_from, part.a_to, part.b_from, part.b_to))
    return found


def _mark(lines: Sequence[str], a_from: int, a_to: int) -> str:
    """A name made of the base's lines only: a hunk keeps it while the model still writes in it."""
    before = lines[a_from - 1] if a_from else ""
    after = lines[a_to] if a_to < len(lines) else ""
    told = "\0".join([before, *lines[a_from:a_to], after])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def accept(base: str, text: str, chosen: Collection[str]) -> str:
    """The base after the chosen hunks were taken into it."""
    old, new = split(base), split(text)
    for hunk in reversed(hunks(base, text)):
        if hunk.id in chosen:
            old[hunk.a_from : hunk.a_to] = new[hunk.b_from : hunk.b_to]
    return "".join(old)


def reject(base: str, text: str, chosen: Collection[str]) -> list[Edit]:
    """The edits of `text` that put the base's lines back in place of the chosen hunks."""
    old = split(base)
    starts = line_starts(text)
    return [
        Edit(starts[hunk.b_from], starts[hunk.b_to], "".join(old[hunk.a_from : hunk.a_to]))
        for hunk in hunks(base, text)
        if hunk.id in chosen
    ]


def line_starts(text: str) -> list[int]:
    """Where each line begins, and as the last entry where the text ends."""
    starts = [0]
    for line in split(text):
        starts.append(starts[-1] + len(line))
    return starts


def fold(base: str, before: str, after: str) -> str:
    """The base after someone else changed the text from `before` to `after`.

    What they did outside the hunks is done to the base too; where they wrote into a hunk the base stays, and their
    words are part of that hunk from then on.
    """
    if before == after:
        return base
    if before == base:
        return after
    return merge3(before, base, after).text


def counts(base: str, text: str) -> tuple[int, int]:
    """Lines added and removed."""
    parts = diff_lines(base, text)
    return sum(p.b_to - p.b_from for p in parts), sum(p.a_to - p.a_from for p in parts)
