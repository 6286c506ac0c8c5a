"""Where the old lines of a chunk are in a text: four passes from exact to forgiving, and never a guess.

The passes follow reference/protocols.md §5.1; unlike the first tools of this kind an ambiguous place is refused,
because the text is live and a person may be working in the wrong place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agents.engine.edits.ops import EditError

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


def candidates(lines: Sequence[str], old: Sequence[str], start: int = 0, *, at_end: bool = False) -> list[int]:
    """Every line number from `start` where `old` stands, by the first pass that finds any."""
    last = len(lines) - len(old)
    first = max(start, last) if at_end else start
    for fold in PASSES:
        wanted = [fold(line) for line in old]
        head = wanted[0] if wanted else ""
        found = [
            at
            for at in range(first, last + 1)
            if not wanted
            or (fold(lines[at]) == head and all(fold(lines[at + n]) == line for n, line in enumerate(wanted)))
        ]
        if found:
            return found
    return []


def anchored(lines: Sequence[str], anchor: str, start: int = 0) -> list[int]:
    """Line numbers from `start` that are the `@@` line: equal, or (as models shorten them) starting with it."""
    found = candidates(lines, [anchor], start)
    if found or not anchor.strip():
        return found
    head = _folded(anchor)
    return [at for at in range(start, len(lines)) if _folded(lines[at]).startswith(head)]


def place(lines: Sequence[str], old: Sequence[str], anchor: str = "", start: int = 0, *, at_end: bool = False) -> int:
    """The one line number where the chunk's old lines stand, below its anchor if it has one.

    Raises EditError, with what to do for the model, when there is none or more than one.
    """
    found = possible(lines, old, anchor, start, at_end=at_end)
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(str(at + 1) for at in found[:5])
        raise EditError(
            f"These lines occur {len(found)} times (lines {places}). Add lines around the change, or an '@@' line "
            f"above it, so that the place is unique:\n{_quoted(old or [anchor])}"
        )
    if anchor and not anchored(lines, anchor, start):
        raise EditError(f"The '@@' line is not in the file below the last change. Read the file again: {anchor!r}")
    raise EditError(
        "These lines are not in the file (any more, or not below the last change). Read the file again and repeat "
        f"them exactly:\n{_quoted(old)}"
    )


def possible(
    lines: Sequence[str], old: Sequence[str], anchor: str = "", start: int = 0, *, at_end: bool = False
) -> list[int]:
    """Line numbers where the chunk may stand, considering its anchor. One means: certain, as far as it is known."""
    found = candidates(lines, old, start, at_end=at_end)
    if not anchor:
        return found
    heads = anchored(lines, anchor, start)
    # the anchor may be repeated as the first old line, so a chunk may begin on it
    first = {next((at for at in found if at >= head), -1) for head in heads} - {-1}
    return sorted(first)


def _quoted(lines: Sequence[str]) -> str:
    shown = [f"    {line}" for line in lines[:6]]
    return "\n".join(shown + (["    …"] if len(lines) > 6 else []))
