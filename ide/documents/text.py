"""Pure text maths: kinds of offsets, line differences, minimal edits, three-way merge. No state, no I/O.

Offsets come in three kinds: code points (Python, agents), UTF-16 units (Yjs, browsers) and UTF-8 bytes (every index
pycrdt takes or reports: `Text.insert`, slices and event deltas; measured with 0.14.13). Lines keep their "\\n".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

# Past this many changed lines Myers' search costs more than it is worth (its cost is the square of this).
MOST_CHANGES = 256
_WORDS = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")


def to_bytes(text: str, index: int) -> int:
    """UTF-8 offset of the code point `index`."""
    return index if text.isascii() else len(text[:index].encode())


def from_bytes(text: str, offset: int) -> int:
    """Code point that the UTF-8 `offset` lies in or before."""
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))


def to_utf16(text: str, index: int) -> int:
    """UTF-16 offset of the code point `index`."""
    return index if text.isascii() else len(text[:index].encode("utf-16-le")) // 2


def from_utf16(text: str, offset: int) -> int:
    """Code point that the UTF-16 `offset` lies in or before."""
    return offset if text.isascii() else len(text.encode("utf-16-le")[: 2 * offset].decode("utf-16-le", "ignore"))


def clean(text: str) -> str:
    """The text as a document can hold it: lone surrogates, which UTF-8 has no bytes for, become U+FFFD."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the code points [start, end) by `text`. Edits of one list all speak of the same, unedited text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class LineHunk:
    """Lines [a_from, a_to) of one text stand as [b_from, b_to) in the other; 0-based, half open."""

    a_from: int
    a_to: int
    b_from: int
    b_to: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place both sides changed differently; `ours` was kept and begins at `at` in the merged text (code points)."""

    base: str
    ours: str
    theirs: str
    at: int


@dataclass(frozen=True, slots=True)
class Merged:
    text: str
    conflicts: list[Conflict]


def lines(text: str) -> list[str]:
    """The lines with their "\\n"; only "\\n" ends a line. The last may lack it; an empty text has none."""
    parts = text.split("\n")
    kept = [part + "\n" for part in parts[:-1]]
    return [*kept, parts[-1]] if parts[-1] else kept


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text after the edits, which must not overlap."""
    out, at = [], 0
    for edit in ordered(edits, len(text)):
        out += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*out, text[at:]])


def ordered(edits: Sequence[Edit], length: int) -> list[Edit]:
    """The edits by position. Raises ValueError if they overlap or leave the text."""
    by_place = sorted(edits, key=lambda edit: (edit.start, edit.end))
    at = 0
    for edit in by_place:
        if not at <= edit.start <= edit.end <= length:
            raise ValueError(f"edit [{edit.start}, {edit.end}) overlaps another or leaves a text of {length}")
        at = edit.end
    return by_place


def minimal_edits(a: str, b: str) -> list[Edit]:
    """Edits that turn `a` into `b` and touch few characters: by line, and by word inside lines that mostly stay."""
    if a == b:
        return []
    head, tail = alike(a, b)
    a_lines, b_lines = lines(a[head : len(a) - tail]), lines(b[head : len(b) - tail])
    starts = [*accumulate(map(len, a_lines), initial=head)]
    out = []
    for hunk in diff_line_lists(a_lines, b_lines):
        old, new = a_lines[hunk.a_from : hunk.a_to], b_lines[hunk.b_from : hunk.b_to]
        at = starts[hunk.a_from]
        if len(old) != len(new):
            old, new = ["".join(old)], ["".join(new)]
        for was, now in zip(old, new, strict=True):
            if was != now:
                out += _within(at, was, now)
            at += len(was)
    return out


def _within(at: int, was: str, now: str) -> list[Edit]:
    """By word if most of it stays (a formatter's work must not take over the words), else the middle as one edit."""
    a, b = _WORDS.findall(was), _WORDS.findall(now)
    hunks = diff_line_lists(a, b)
    solid = sum(not word.isspace() for word in a)
    lost = sum(not word.isspace() for hunk in hunks for word in a[hunk.a_from : hunk.a_to])
    if 2 * lost > min(solid, sum(not word.isspace() for word in b)):
        return [_trimmed(at, was, now)]
    starts = [0, *accumulate(map(len, a))]
    return [
        _trimmed(at + starts[h.a_from], "".join(a[h.a_from : h.a_to]), "".join(b[h.b_from : h.b_to])) for h in hunks
    ]


def _trimmed(at: int, was: str, now: str) -> Edit:
    head = _common(was, now)
    tail = _common(was[head:][::-1], now[head:][::-1])
    return Edit(at + head, at + len(was) - tail, now[head : len(now) - tail])


def _common(a: Sequence[object], b: Sequence[object]) -> int:
    """How many elements two sequences have in common at their start."""
    low, high = 0, min(len(a), len(b)) + 1  # the first `low` are equal, the first `high` are not, or are not there
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:  # compared in C: texts are long, and mostly alike
            low = middle
        else:
            high = middle
    return low


def alike(a: str, b: str) -> tuple[int, int]:
    """How many characters both begin and end with, in whole lines."""
    head = a.rfind("\n", 0, _common(a, b)) + 1
    left_a, left_b = a[head:], b[head:]
    size = min(len(left_a), len(left_b))
    low, high = 0, size + 1  # the last `low` are equal, the last `high` are not, or are not there
    if left_a[len(left_a) - size :] == left_b[len(left_b) - size :]:
        low, high = size, size + 1
    while high - low > 1:
        middle = (low + high) // 2
        if left_a[len(left_a) - middle : len(left_a) - low] == left_b[len(left_b) - middle : len(left_b) - low]:
            low = middle
        else:
            high = middle
    return head, len(a[len(a) - low :].partition("\n")[2])


def diff_lines(a: str, b: str) -> list[LineHunk]:
    """Where two texts differ, by line, in order; nothing between two hunks differs."""
    head, tail = alike(a, b)
    above = a.count("\n", 0, head)
    middle = diff_line_lists(lines(a[head : len(a) - tail]), lines(b[head : len(b) - tail]))
    return [LineHunk(above + h.a_from, above + h.a_to, above + h.b_from, above + h.b_to) for h in middle]


def diff_line_lists(a: Sequence[str], b: Sequence[str]) -> list[LineHunk]:
    ids: dict[str, int] = {}
    a_ids = [ids.setdefault(line, len(ids)) for line in a]
    b_ids = [ids.setdefault(line, len(ids)) for line in b]
    pairs = _match(a_ids, b_ids)
    out, i, j = [], 0, 0
    for at_a, at_b in [*pairs, (len(a), len(b))]:
        if at_a > i or at_b > j:
            out.append(LineHunk(i, at_a, j, at_b))
        i, j = at_a + 1, at_b + 1
    return out


def _match(a: list[int], b: list[int]) -> list[tuple[int, int]]:
    """Pairs of equal lines, rising in both; ends first, then Myers, then (if too different) the unique lines."""
    head = _common(a, b)
    tail = _common(a[head:][::-1], b[head:][::-1])
    mid_a, mid_b = a[head : len(a) - tail], b[head : len(b) - tail]
    both = set(mid_a) & set(mid_b)  # lines that stand on one side only cost the search much and cannot be in a pair
    at_a = [head + i for i, line in enumerate(mid_a) if line in both]
    at_b = [head + j for j, line in enumerate(mid_b) if line in both]
    left_a, left_b = [a[i] for i in at_a], [b[j] for j in at_b]
    inner = _myers(left_a, left_b)
    if inner is None:
        inner = _by_unique_lines(left_a, left_b)
    return [
        *((i, i) for i in range(head)),
        *((at_a[i], at_b[j]) for i, j in inner),
        *((len(a) - tail + i, len(b) - tail + i) for i in range(tail)),
    ]


def _myers(a: list[int], b: list[int]) -> list[tuple[int, int]] | None:
    """Shortest edit script (Myers 1986, the greedy form); None past MOST_CHANGES."""
    if not a or not b:
        return []
    if abs(len(a) - len(b)) > MOST_CHANGES:
        return None
    best = {1: 0}
    trace: list[dict[int, int]] = []
    for d in range(min(MOST_CHANGES, len(a) + len(b)) + 1):
        trace.append(best.copy())
        for k in range(-d, d + 1, 2):
            down = k == -d or (k != d and best[k - 1] < best[k + 1])
            x = best[k + 1] if down else best[k - 1] + 1
            y = x - k
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y = x + 1, y + 1
            best[k] = x
            if x >= len(a) and y >= len(b):
                return _backtrack(trace, len(a), len(b))
    return None


def _backtrack(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs = []
    for d in range(len(trace) - 1, -1, -1):
        best, k = trace[d], x - y
        down = k == -d or (k != d and best[k - 1] < best[k + 1])
        came_k = k + 1 if down else k - 1
        came_x = best[came_k] if d else 0
        came_y = came_x - came_k if d else 0
        while x > came_x and y > came_y:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = came_x, came_y
    return pairs[::-1]


def _by_unique_lines(a: list[int], b: list[int]) -> list[tuple[int, int]]:
    """Patience: lines that stand once on each side, in their longest rising order, cut the rest into small parts."""
    count_a, count_b = Counter(a), Counter(b)
    where = {line: j for j, line in enumerate(b) if count_b[line] == 1}
    anchors = _rising([(i, where[line]) for i, line in enumerate(a) if count_a[line] == 1 and line in where])
    out: list[tuple[int, int]] = []
    i, j = 0, 0
    for at_a, at_b in [*anchors, (len(a), len(b))]:
        part_a, part_b = a[i:at_a], b[j:at_b]
        inner = _myers(part_a, part_b) or []  # a part still too different stands as one hunk
        out += [(i + x, j + y) for x, y in inner]
        if at_a < len(a):
            out.append((at_a, at_b))
        i, j = at_a + 1, at_b + 1
    return out


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence whose second members rise (the first ones do already)."""
    tops: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for n, (_, j) in enumerate(pairs):
        pile = bisect_left(tops, j)
        before.append(last[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [j]
        last[pile : pile + 1] = [n]
    out, n = [], last[-1] if last else -1
    while n >= 0:
        out.append(pairs[n])
        n = before[n]
    return out[::-1]


def merge3(base: str, ours: str, theirs: str) -> Merged:
    """Both sides' changes to `base`. Where they changed the same lines differently, ours stays and is reported."""
    if theirs in (ours, base):
        return Merged(ours, [])
    if base == ours:
        return Merged(theirs, [])
    sides = (lines(base), lines(ours), lines(theirs))
    out: list[str] = []
    conflicts: list[Conflict] = []
    at = 0
    for hunk_a, hunk_b in _regions(diff_line_lists(sides[0], sides[1]), diff_line_lists(sides[0], sides[2])):
        start, end = _span(hunk_a, hunk_b)
        out += sides[0][at:start]
        was = "".join(sides[0][start:end])
        one = _after(sides[0], sides[1], hunk_a, (start, end))
        two = _after(sides[0], sides[2], hunk_b, (start, end))
        out.append(two if one == was else one)
        if was not in (one, two) and one != two:
            conflicts.append(Conflict(was, one, two, sum(map(len, out)) - len(one)))
        at = end
    return Merged("".join([*out, *sides[0][at:]]), conflicts)


def _regions(a: list[LineHunk], b: list[LineHunk]) -> list[tuple[list[LineHunk], list[LineHunk]]]:
    """Groups of hunks that overlap in the base, or insert at the same place; neighbours stay apart."""
    out: list[tuple[list[LineHunk], list[LineHunk]]] = []
    end, empty = -1, False
    for hunk, side in sorted([*((h, 0) for h in a), *((h, 1) for h in b)], key=lambda e: (e[0].a_from, e[0].a_to)):
        inserts = hunk.a_from == hunk.a_to
        if hunk.a_from > end or (hunk.a_from == end and not (inserts and empty)):
            out.append(([], []))
            empty = inserts
        out[-1][side].append(hunk)
        end = max(end, hunk.a_to)
    return out


def _span(a: list[LineHunk], b: list[LineHunk]) -> tuple[int, int]:
    both = [*a, *b]
    return min(h.a_from for h in both), max(h.a_to for h in both)


def _after(base: list[str], side: list[str], hunks: list[LineHunk], span: tuple[int, int]) -> str:
    """What one side made of the base lines of the span."""
    out, at = [], span[0]
    for hunk in hunks:
        out += [*base[at : hunk.a_from], *side[hunk.b_from : hunk.b_to]]
        at = hunk.a_to
    return "".join([*out, *base[at : span[1]]])
