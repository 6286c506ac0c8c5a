"""Several undecided proposals in one text, one above the other. Pure; positions are lines and code points.

A layer has a base: the text without what its proposal, and those above it, put in. So a hunk belongs to the layer
between whose base and the next one's (the text's, for the topmost) it stands; a later turn that changes an earlier
one's lines owns that change alone, and rejecting it brings the earlier one's lines back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from agents.proposals import hunks
from agents.proposals.differ import Differ
from ide.documents.text import LineHunk, apply, merge3

Placed = tuple[hunks.Hunk, int, int]


@dataclass
class Layers:
    """`names` from the oldest up; `bases` of the same order; `text` is what stands above them all."""

    text: str
    names: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    _differs: dict[str, Differ] = field(default_factory=dict, repr=False)

    def push(self, name: str, base: str | None = None) -> None:
        """A new layer on top; one whose base is the text has no hunks."""
        self.names.append(name)
        self.bases.append(self.text if base is None else base)

    def drop(self, name: str) -> None:
        """Take a layer away. What it has not decided is the ground of those above it from now on."""
        at = self.names.index(name)
        top = self.top(at)
        if self.bases[at] != top:
            self._sink(at, self.bases[at], top)
        del self.names[at], self.bases[at]
        self._differs.pop(name, None)

    def base(self, name: str) -> str:
        return self.bases[self.names.index(name)]

    def over(self, name: str) -> str:
        """The text with which the layer's base is compared."""
        return self.top(self.names.index(name))

    def top(self, at: int) -> str:
        return self.bases[at + 1] if at + 1 < len(self.bases) else self.text

    def parts(self, name: str) -> list[LineHunk]:
        """Where the layer's base and what stands above it differ."""
        return self._between(self.names.index(name), self.over(name))

    def _between(self, at: int, top: str) -> list[LineHunk]:
        return self._differs.setdefault(self.names[at], Differ()).between(self.bases[at], top)

    def wrote(self, text: str, name: str | None = None) -> None:
        """The text was changed by the layer's own turn, or by somebody who has none."""
        before, self.text = self.text, text
        if before == text:
            return
        stop = self.names.index(name) if name in self.names else -1
        self._sink(len(self.bases), before, text, stop)

    def _sink(self, at: int, before: str, after: str, stop: int = -1) -> None:
        """What changed above the layer `at` is done to those below it, down to `stop`, as far as it is not theirs."""
        for n in range(at - 1, stop, -1):
            was = self.bases[n]
            self.bases[n] = hunks.fold(was, before, after, self._between(n, before))
            if self.bases[n] == was:
                return
            before, after = was, self.bases[n]

    def accept(self, name: str, chosen: Collection[str]) -> None:
        at = self.names.index(name)
        was = self.bases[at]
        self.bases[at] = hunks.accept(was, self.top(at), chosen, self.parts(name))
        self._sink(at, was, self.bases[at])

    def reject(self, name: str, chosen: Collection[str]) -> str:
        """The text without these hunks: what later turns made of their lines goes with them."""
        at = self.names.index(name)
        top = self.top(at)
        return self._rebase(at + 1, apply(top, hunks.reject(self.bases[at], top, chosen, self.parts(name))))

    def _rebase(self, at: int, ground: str) -> str:
        """Put another ground under the layer `at`; the text then."""
        for n in range(at, len(self.bases)):
            over = self.top(n)
            was, self.bases[n] = self.bases[n], ground
            ground = theirs(was, over, ground)
        self.text = ground
        return ground

    def back(self, name: str, text: str) -> None:
        """The text is what it is without all of this layer's turn: nothing is left to decide in it."""
        at = self.names.index(name)
        before, self.text = self.text, text
        for n in range(len(self.bases) - 1, at, -1):
            was = self.bases[n]
            self.bases[n] = theirs(before, was, text)
            before, text = was, self.bases[n]
        self._sink(at, self.bases[at], text)
        self.bases[at] = text

    def ground(self, at: int, text: str) -> None:
        """The text is what it was before this layer and all above it came."""
        self._sink(at, self.bases[at], text)
        self.bases[at:] = [text] * (len(self.bases) - at)
        self.text = text

    def place(self, name: str, found: Sequence[hunks.Hunk] | None = None) -> list[Placed]:
        """The layer's hunks (`found`, where the caller knows them), each with the lines [from, to) of the text."""
        at = self.names.index(name)
        found = hunks.hunks(self.bases[at], self.top(at), self.parts(name)) if found is None else found
        spans = [(hunk.b_from, hunk.b_to) for hunk in found]
        for n in range(at + 1, len(self.bases)):
            parts = self._between(n, self.top(n))
            spans = [(hunks.carried(start, parts, -1), hunks.carried(end, parts, 1)) for start, end in spans]
        return [(hunk, start, max(start, end)) for hunk, (start, end) in zip(found, spans, strict=True)]


def theirs(base: str, ours: str, changed: str) -> str:
    """Both changes of `base`; where they meet, what `changed` has."""
    return merge3(base, changed, ours).text
