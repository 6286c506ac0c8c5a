"""Conflicts: where the file on disk and the document changed the same lines, until somebody has chosen what stays.

Ours stands in the text; theirs is shown beside it. Choosing is an edit of the person's own editor (so their undo takes
it back); here is only kept who came first. Lives with the open document; both whole texts are in its history.
"""

from __future__ import annotations

from dataclasses import dataclass

from ide.db import new_id
from ide.documents.room import Room
from ide.documents.text import Merged, merge3


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """`start` and `end` are anchors around `ours` in the text; equal places if ours is that the lines are gone."""

    id: str
    start: str
    end: str
    ours: str
    theirs: str
    base: str

    def wire(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}


class Conflicts:
    def __init__(self) -> None:
        self.open: list[OpenConflict] = []
        self._last: tuple[str, str] | None = None  # the text before and after the last merge

    def found(self, room: Room, before: str, merged: Merged) -> None:
        """A merge was made: `room.text()` is `merged.text` now. Conflicts of an earlier one stay open."""
        if before != merged.text or merged.conflicts:
            self._last = (before, merged.text)
        for one in merged.conflicts:
            start = room.anchor_wire(one.at, 0 if one.ours else -1)
            end = room.anchor_wire(one.at + len(one.ours), -1)
            self.open.append(OpenConflict(new_id(), start, end, one.ours, one.theirs, one.base))

    def settle(self, conflict: str) -> bool:
        """Somebody chose; whether they were the first."""
        left = [one for one in self.open if one.id != conflict]
        first = len(left) < len(self.open)
        self.open = left
        return first

    def undone(self, text: str) -> str | None:
        """`text` without the last merge; what was written since stays. None if there was none."""
        if self._last is None:
            return None
        (before, after), self._last = self._last, None
        self.open = []
        return merge3(after, text, before).text
