"""Moves: text that left one place of a document and came (back) in another. Pure; fed with the log row by row.

Text counts as the same when an insertion equals a stretch deleted shortly before by the same origin (cut and paste,
a formatter that moves lines), or shortly after (drag and drop), or when it comes back to the very place where it was
deleted, whoever brings it (undo, a rejected proposal, a restored version). Less than a line and less than 20 non-blank
characters prove nothing. Within larger changes lines are compared without their indentation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ide.documents.yjs.decoding import Id
from ide.documents.yjs.items import Piece

CUT_SECONDS = 600.0  # from cutting to pasting
DRAG_SECONDS = 60.0  # from inserting to deleting the original
_REMEMBERED = 200  # stretches
_TELLING = 20  # non-blank characters that are no coincidence
_TELLING_LINE = 4  # the same, of one line among others


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Text that came or went at once. `text` has one character a UTF-16 unit, as `items.units` makes it."""

    text: str
    pieces: Sequence[Piece]
    origin: str
    at: float
    around: frozenset[Id] = frozenset()  # of an insertion: the deleted runs beside it

    def part(self, start: int, end: int) -> Iterator[Piece]:
        """The pieces of text[start:end]."""
        at = 0
        for client, clock, length in self.pieces:
            a, b = max(start, at), min(end, at + length)
            if a < b:
                yield client, clock + a - at, b - a
            at += length


Match = tuple[int, Stretch, int, int]  # start in the insertion, the deleted stretch, start in it, length


@dataclass
class Moves:
    _cut: deque[Stretch] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _put: deque[Stretch] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def follow(self, came: Sequence[Stretch], went: Sequence[Stretch]) -> list[tuple[Piece, Piece]]:
        """What one row moved: (new piece, old piece) of equal length. Both lists hold only what is `telling`."""
        pairs = []
        self._cut.extend(went)
        for new in came:
            for start, old, where, length in self._sources(new):
                pairs += paired(new.part(start, start + length), old.part(where, where + length))
        for old in went:
            for new in reversed(self._put):
                if new.origin == old.origin and 0 <= old.at - new.at <= DRAG_SECONDS and new.text == old.text:
                    pairs += paired(new.pieces, old.pieces)
                    break
        self._put.extend(came)
        return pairs

    def _sources(self, new: Stretch) -> list[Match]:
        usable = [old for old in reversed(self._cut) if _may_be(new, old)]
        for old in usable:
            found = old.text.find(new.text)
            if found >= 0:
                return [(0, old, found, len(new.text))]
        for old in usable:
            found = new.text.find(old.text)
            if found >= 0:
                return [(found, old, 0, len(old.text))]
        return _by_lines(new, usable)


def _may_be(new: Stretch, old: Stretch) -> bool:
    same = new.origin == old.origin and new.at - old.at <= CUT_SECONDS
    return same or any((client, clock) in new.around for client, clock, _ in old.pieces)


def _by_lines(new: Stretch, usable: Sequence[Stretch]) -> list[Match]:
    """Lines that are the same but for their indentation, each taken from the newest stretch that has it."""
    known: dict[str, tuple[Stretch, int]] = {}
    for old in usable:
        for start, words in _words(old.text):
            known.setdefault(words, (old, start))
    found = [(start, words, known.get(words)) for start, words in _words(new.text)]
    return [(start, source[0], source[1], len(words)) for start, words, source in found if source is not None]


def _words(text: str) -> Iterator[tuple[int, str]]:
    """(start, line without the blanks around it) of the lines that tell something."""
    at = 0
    for line in text.split("\n"):
        words = line.strip()
        if len(words) >= _TELLING_LINE:
            yield at + line.index(words), words
        at += len(line) + 1


def telling(text: str) -> bool:
    """Whether text is enough to be recognised by: a line with something in it, or 20 characters that are not blank."""
    if len(text) < 2:
        return False
    solid = len("".join(text.split()))
    return solid >= _TELLING or (solid > 0 and "\n" in text)


def paired(new: Iterable[Piece], old: Iterable[Piece]) -> list[tuple[Piece, Piece]]:
    """Two lists of pieces of the same total length, cut so that each pair has one length."""
    out = []
    left, right = deque(new), deque(old)
    while left and right:
        (a, at, m), (b, where, n) = left.popleft(), right.popleft()
        length = min(m, n)
        out.append(((a, at, length), (b, where, length)))
        if m > length:
            left.appendleft((a, at + length, m - length))
        if n > length:
            right.appendleft((b, where + length, n - length))
    return out
