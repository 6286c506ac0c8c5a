"""Numbered lines of a text, for the model: what it looks like now where something was changed."""

from __future__ import annotations

from collections.abc import Sequence

CONTEXT = 2  # lines above and below a hunk
LONGEST = 28  # lines of one hunk: its first and its last ones
MOST = 160  # lines of one file
WIDEST = 240  # characters of a line


def numbered(text: str, start: int, end: int, context: int = CONTEXT) -> str:
    """The lines that [start, end) touches, in code points, with some around them. The middle of many is left out."""
    first, last = _span(text, start, end, context)
    return "\n".join(_numbered(text.split("\n"), first, last))


def hunks(text: str, places: Sequence[tuple[int, int]]) -> str:
    """The same for several places, neighbours as one; those that would be too many are only counted."""
    spans: list[tuple[int, int]] = []
    for first, last in sorted(_span(text, start, end, CONTEXT) for start, end in places):
        if spans and first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    lines = text.split("\n")
    out: list[str] = []
    for number, (first, last) in enumerate(spans):
        if len(out) >= MOST:
            out.append(f"… {len(spans) - number} more places")
            break
        out += ([" ⋮"] if out else []) + _numbered(lines, first, last)
    return "\n".join(out)


def _span(text: str, start: int, end: int, context: int) -> tuple[int, int]:
    """Line numbers from 0, the last one included."""
    first = text.count("\n", 0, start)
    last = max(first, text.count("\n", 0, max(start, end - 1)))
    total = text.count("\n") + (0 if text.endswith("\n") or not text else 1)
    return max(0, first - context), min(max(0, total - 1), last + context)


def _numbered(lines: Sequence[str], first: int, last: int) -> list[str]:
    shown = range(first, last + 1)
    if len(shown) <= LONGEST:
        return [_line(lines, number) for number in shown]
    half = LONGEST // 2
    left = f"… {len(shown) - 2 * half} lines as they were written …"
    return [*(_line(lines, n) for n in shown[:half]), left, *(_line(lines, n) for n in shown[-half:])]


def _line(lines: Sequence[str], number: int) -> str:
    line = lines[number]
    return f"{number + 1}\t{line if len(line) <= WIDEST else line[:WIDEST] + '…'}"
