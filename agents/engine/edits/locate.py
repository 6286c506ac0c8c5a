"""Where the old lines of a chunk are in a text: four passes from exact to forgiving, and never a guess.

The passes follow reference/protocols.md §5.1; unlike the first tools of this kind an ambiguous place is refused,
because the text is live and a person may be working in the wrong place. Places are offsets of line starts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate

from agents.engine.edits.ops import EditError
from agents.engine.edits.shown import numbered

MOST = 1000  # places of one chunk that are looked at
AROUND = 4  # lines shown on both sides of the line that comes closest
_FOLDED = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
    | dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
)


def _folded(line: str) -> str:
    return line.strip().translate(_FOLDED)


PASSES: tuple[Callable[[str], str], ...] = (str, str.rstrip, str.strip, _folded)


def same(a: str, b: str) -> bool:
    """Whether the most forgiving pass takes the two lines for one."""
    return a == b or _folded(a) == _folded(b)


class _Pass:
    """The lines of a text as one pass sees them."""

    def __init__(self, text: str, fold: Callable[[str], str]) -> None:
        whole = text.split("\n")
        if not whole[-1]:
            whole.pop()  # behind the last line end there is no line
        self.fold = fold
        self.lines = [fold(line) for line in whole]
        self.starts = [0, *accumulate(len(line) + 1 for line in whole)]
        self._by_line: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines):
            self._by_line.setdefault(line, []).append(number)

    def found(self, old: Sequence[str], start: int, limit: int) -> list[int]:
        wanted = [self.fold(line) for line in old]
        numbers = self._by_line.get(wanted[0], ())
        out: list[int] = []
        for number in numbers[bisect_left(numbers, bisect_left(self.starts, start)) :]:
            if self.lines[number : number + len(wanted)] == wanted:
                out.append(self.starts[number])
                if len(out) == limit:
                    break
        return out

    def beginning(self, head: str, start: int) -> list[int]:
        """The lines from `start` on that begin so."""
        first = bisect_left(self.starts, start)
        numbers = (n for n in range(first, len(self.lines)) if self.lines[n].startswith(head))
        return [self.starts[number] for number in numbers][:MOST]

    def only(self, line: str) -> int | None:
        """Where this line is, if it is there once."""
        numbers = self._by_line.get(self.fold(line), ())
        return self.starts[numbers[0]] if len(numbers) == 1 and line.strip() else None


class Places:
    """One text as it is, searched for the lines of chunks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._passes: dict[int, _Pass] = {}

    def found(self, old: Sequence[str], start: int = 0, limit: int = MOST) -> list[int]:
        """Every place from `start` where the lines stand, by the first pass that finds any."""
        return self._found(old, start, limit)[1]

    def _found(self, old: Sequence[str], start: int, limit: int) -> tuple[int, list[int]]:
        for number in range(len(PASSES)):
            found = self._by(number, old, start, limit)
            if found:
                return number, found
        return 0, []

    def _by(self, number: int, old: Sequence[str], start: int, limit: int = MOST) -> list[int]:
        return self._pass(number).found(old, start, limit) if number else self._exact("\n".join(old), start, limit)

    def _pass(self, number: int) -> _Pass:
        if number not in self._passes:
            self._passes[number] = _Pass(self.text, PASSES[number])
        return self._passes[number]

    def _exact(self, block: str, start: int, limit: int) -> list[int]:
        """The text itself is searched: nearly every chunk is exact, and lines need not be made of a long text."""
        text, inner = self.text, f"\n{block}\n"
        out = [0] if start == 0 and (text.startswith(inner[1:]) or text == block) and text else []
        at = text.find(inner, max(0, start - 1))
        while at >= 0 and len(out) < limit:
            out.append(at + 1)
            at = text.find(inner, at + 1)
        last = len(text) - len(block)
        if last > 0 and last >= start and not text.endswith("\n") and text.endswith(inner[:-1]):
            out.append(last)
        return out[:limit]

    def anchored(self, anchor: str, start: int = 0) -> list[int]:
        """The places from `start` that are the `@@` line: equal, or (as models shorten them) beginning with it."""
        found = self.found([anchor], start)
        if found or not anchor.strip():
            return found
        last = len(PASSES) - 1
        return self._pass(last).beginning(_folded(anchor), start)

    def possible(self, old: Sequence[str], anchor: str = "", start: int = 0) -> list[int]:
        """Where the chunk may stand, considering its anchor. One means: certain, as far as it is known."""
        heads = self.anchored(anchor, start) if anchor else [start]
        if not heads:
            return []
        number, found = self._found(old, heads[0], MOST)
        if not anchor or not found:
            return found
        # the anchor may be repeated as the first old line, so a chunk may begin on it
        nearest = (self._by(number, old, head, 1) for head in heads)
        return sorted({first[0] for first in nearest if first})

    def place(self, old: Sequence[str], anchor: str = "", start: int = 0, *, at_end: bool = False) -> int:
        """The one place of a chunk's old lines, below its anchor if it has one; `at_end`: the file's end, if they are
        there. Raises EditError, with what to do for the model, when there is none or more than one."""
        found = self._at_end(old, start) if at_end else []
        found = found or self.possible(old, anchor, start)
        if len(found) == 1:
            return found[0]
        if found:
            places = ", ".join(str(self.line(at)) for at in found[:5])
            raise EditError(
                f"These lines occur {len(found)} times (lines {places}). Add lines around the change, or an '@@' line "
                f"above it, so that the place is unique:\n{_quoted(old or [anchor])}"
            )
        if anchor and not self.anchored(anchor, start):
            raise EditError(f"The '@@' line is not in the file below the last change. Read the file again: {anchor!r}")
        raise EditError(
            "These lines are not in the file (any more, or not below the last change). Read the file again and repeat "
            f"them exactly:\n{_quoted(old)}{self._closest(old)}"
        )

    def line(self, at: int) -> int:
        """Its number, from 1."""
        return self.text.count("\n", 0, at) + 1

    def after(self, at: int) -> int:
        """Where the line behind this one starts, or the end."""
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end + 1

    def _at_end(self, old: Sequence[str], start: int) -> list[int]:
        for number in range(len(PASSES)):
            page = self._pass(number)
            first = len(page.lines) - len(old)
            if first >= 0 and page.starts[first] >= start:
                found = page.found(old, page.starts[first], 1)
                if found:
                    return found
        return []

    def _closest(self, old: Sequence[str]) -> str:
        """What the file has where one of the lines is, if that is in one place only."""
        page = self._pass(len(PASSES) - 1)
        at = next((at for line in old[:MOST] if (at := page.only(line)) is not None), None)
        if at is None:
            return ""
        return f"\nThe file has here now:\n{numbered(self.text, at, at, AROUND)}"


def _quoted(lines: Sequence[str]) -> str:
    shown = [f"    {line[:200]}" for line in lines[:6]]
    return "\n".join(shown + (["    …"] if len(lines) > 6 else []))
