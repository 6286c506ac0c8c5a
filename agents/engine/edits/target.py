"""What a text must offer to be edited live, and a plain one in memory (worktrees, tests)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol
from weakref import WeakSet


class AnchorLike(Protocol):
    """A place that moves with the text around it."""

    def index(self) -> int | None:
        """Code points from the start, or None when the place is gone."""
        ...


class Target(Protocol):
    """A text others may edit between two calls. All positions are code points against text() now."""

    def text(self) -> str: ...

    def anchor(self, index: int, assoc: int) -> AnchorLike:
        """assoc < 0 stays with the character before, else with the one after."""
        ...

    def edit(self, edits: Sequence[tuple[int, int, str]]) -> None:
        """Replace text()[start:end] by each replacement; the edits do not overlap."""
        ...

    def busy(self) -> bool:
        """Whether it cannot be edited at this moment."""
        ...

    async def ready(self) -> None:
        """Return when it can be edited; until the next await it stays so."""
        ...

    def frame(self) -> AbstractContextManager[None]:
        """What is edited inside may reach others as one edit, at the end. Nobody else edits meanwhile; nothing may be
        awaited."""
        ...


class PlainAnchor:
    def __init__(self, at: int, assoc: int) -> None:
        self.at = at
        self.assoc = assoc

    def index(self) -> int | None:
        return self.at

    def moved(self, start: int, end: int, size: int) -> None:
        """Follow a replacement of [start:end] by `size` characters."""
        if self.at > end or (self.at == end and self.assoc >= 0):
            self.at += size - (end - start)
        elif self.at > start:
            self.at = start


class PlainTarget:
    """A Target that is a string."""

    def __init__(self, text: str = "") -> None:
        self._text = text
        self._anchors: WeakSet[PlainAnchor] = WeakSet()  # an edit makes several; few are kept

    def text(self) -> str:
        return self._text

    def anchor(self, index: int, assoc: int) -> PlainAnchor:
        made = PlainAnchor(index, assoc)
        self._anchors.add(made)
        return made

    def busy(self) -> bool:
        return False

    async def ready(self) -> None:
        pass

    def frame(self) -> AbstractContextManager[None]:
        return nullcontext()

    def edit(self, edits: Sequence[tuple[int, int, str]]) -> None:
        for start, end, text in sorted(edits, reverse=True):
            self._text = self._text[:start] + text + self._text[end:]
            for anchor in self._anchors:
                anchor.moved(start, end, len(text))
