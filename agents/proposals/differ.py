"""Differ: the lines in which two texts differ, while both change a little at a time. Pure.

A model writes in one place of a long text; only that place is compared anew, from the lines around it that stayed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ide.documents.text import LineHunk, alike, diff_lines


@dataclass
class Differ:
    _base: str = ""
    _text: str = ""
    _found: list[LineHunk] = field(default_factory=list)

    def between(self, base: str, text: str) -> list[LineHunk]:
        """As `diff_lines`; where lines are alike it may pair others of them, as it has done before."""
        if base is not self._base or text is not self._text:
            self._found = self._again(base, text)
            self._base, self._text = base, text
        return self._found

    def _again(self, base: str, text: str) -> list[LineHunk]:
        was = _Change.of(self._base, base)
        now = _Change.of(self._text, text)
        found = self._found
        first = next((n for n, h in enumerate(found) if not (h.a_to < was.first and h.b_to < now.first)), len(found))
        last = next((n for n in range(first, len(found)) if _behind(found[n], was, now)), len(found))
        before, within, behind = found[:first], found[first:last], found[last:]
        shift = before[-1].b_to - before[-1].a_to if before else 0
        start = min(was.first, now.first - shift, *(h.a_from for h in within[:1]))
        back = behind[0].b_from - behind[0].a_from if behind else now.lines - was.lines
        end = max(was.end, now.end - back, *(h.a_to for h in within[-1:]))
        old = base[_offset(base, start) : _offset(base, end + was.grown)]
        new = text[_offset(text, start + shift) : _offset(text, end + back + now.grown)]
        return [
            *before,
            *(_moved(hunk, start, start + shift) for hunk in diff_lines(old, new)),
            *(_moved(hunk, was.grown, now.grown) for hunk in behind),
        ]


@dataclass(frozen=True)
class _Change:
    """Lines [first, end) of a text of so many `lines` are others now, and by `grown` more of them. Of a text that is
    the same, none: `first` is behind its lines then, `end` before them."""

    first: int
    end: int
    lines: int
    grown: int

    @classmethod
    def of(cls, old: str, new: str) -> _Change:
        lines = _lines(old)
        if old is new or old == new:
            return cls(lines + 1, -1, lines, 0)
        head, tail = alike(old, new)
        first, changed = old.count("\n", 0, head), _lines(old[head : len(old) - tail])
        return cls(first, first + changed, lines, _lines(new[head : len(new) - tail]) - changed)


def _behind(hunk: LineHunk, was: _Change, now: _Change) -> bool:
    return hunk.a_from > was.end and hunk.b_from > now.end


def _moved(hunk: LineHunk, a: int, b: int) -> LineHunk:
    return LineHunk(hunk.a_from + a, hunk.a_to + a, hunk.b_from + b, hunk.b_to + b)


def _lines(text: str) -> int:
    return text.count("\n") + bool(text and not text.endswith("\n"))


def _offset(text: str, line: int) -> int:
    """Where a line begins; behind the last one, where the text ends."""
    parts = text.split("\n", line)
    return len(text) - len(parts[-1]) if len(parts) > line else len(text)
