"""A text written anew, line by line, as keep, delete and insert of lines while it streams."""

from __future__ import annotations

from collections.abc import Sequence

from agents.engine.edits.ops import Delete, Insert, Keep, Op
from agents.engine.edits.writer import split_lines

LOOK_AHEAD = 60  # old lines searched for one that comes back
TELLING = 4  # letters and digits a line needs to count as recognised further down


class Rewrite:
    """Greedy line comparison of `old` lines with new text that is still growing.

    A new line equal to the next old one keeps it; equal to a telling one further down deletes up to that one; any
    other is inserted, as it grows once it cannot become one of the old lines. Applied in order, the ops give exactly
    the new text (the line end of its last line aside).
    """

    def __init__(self, old: Sequence[str]) -> None:
        self._old = old
        self._at = 0
        self._line = ""
        self._growing = False

    def feed(self, text: str) -> list[Op]:
        ops: list[Op] = []
        *lines, rest = text.split("\n")
        for line in lines:
            self._line += line
            self._whole(ops, "\n")
        self._line += rest
        if self._line and (self._growing or not self._may_be_old()):
            self._growing = True
            ops.append(Insert(self._line))
            self._line = ""
        return ops

    def finish(self) -> list[Op]:
        """The last line, and the deletion of every old line not reached."""
        ops: list[Op] = []
        if self._line:
            self._whole(ops, "")
        ops += [Delete(line) for line in self._old[self._at :]]
        self._at = len(self._old)
        return ops

    def _whole(self, ops: list[Op], end: str) -> None:
        line, self._line = self._line, ""
        found = None if self._growing else self._find(line)
        self._growing = False
        if found is None:
            ops.append(Insert(line + end))
            return
        ops += [Delete(old) for old in self._old[self._at : found]]
        ops.append(Keep(line))
        self._at = found + 1

    def _find(self, line: str) -> int | None:
        if self._at < len(self._old) and self._old[self._at] == line:
            return self._at
        if sum(char.isalnum() for char in line) < TELLING:
            return None
        ahead = range(self._at + 1, min(self._at + LOOK_AHEAD, len(self._old)))
        return next((at for at in ahead if self._old[at] == line), None)

    def _may_be_old(self) -> bool:
        ahead = self._old[self._at : self._at + LOOK_AHEAD]
        return any(line.startswith(self._line) for line in ahead)


class Reindent:
    """Puts `indent` before each line of streamed text that is not empty, unless its first line has it already."""

    def __init__(self, indent: str) -> None:
        self._indent = indent
        self._head: str | None = "" if indent else None  # the first line's indentation, while it is not known whole
        self._fresh = True  # at the start of a line

    def feed(self, text: str) -> str:
        if self._head is not None:
            self._head += text
            if not self._head.strip():
                return ""
            text, self._head = self._head, None
            if text.lstrip("\n").startswith(self._indent):
                self._indent = ""
        return "".join(self._line(line) for line in split_lines(text)) if self._indent else text

    def finish(self) -> str:
        """What was held back of a text without any letter."""
        held, self._head = self._head or "", None
        return held

    def _line(self, line: str) -> str:
        lead = self._indent if self._fresh and line.strip("\r\n") else ""
        self._fresh = line.endswith("\n")
        return lead + line
