"""The hand that writes: walks over old lines, deletes them and inserts new text, while others edit the same text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.engine.edits.ops import EditError
from agents.engine.edits.target import AnchorLike, Target

NEARBY = 4096  # characters searched for the next old line after somebody changed the one before


@dataclass
class Summary:
    """What an edit did: lines added and removed, places left to people (`conflicts`), parts not done (`failed`)."""

    added: int = 0
    removed: int = 0
    conflicts: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.failed and not self.conflicts


def split_lines(text: str) -> list[str]:
    """Lines with their ends; only LF ends a line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


class Writer:
    """Two sticky places: the cursor (after what was kept or written last) and the next old line.

    A growing line is written with its line end at once and the cursor before that, so it never glues itself to the
    line below. `foreign` turns true when the text was changed by anybody else since the first call.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._shadow = target.text()
        self._lines: Sequence[str] = ()
        self._at = 0
        self._open = False  # the cursor is inside a line of ours
        self._bare = False  # the line before the cursor may lack its line end
        self._next: AnchorLike = target.anchor(0, 0)
        self.cursor: AnchorLike = target.anchor(0, -1)
        self.start: AnchorLike = self.cursor
        self.foreign = False
        self.summary = Summary()

    def begin(self, index: int, lines: Sequence[str]) -> None:
        """Go to `index`; `lines` (with ends) are the old lines from there on, as they are now."""
        self.end_line()
        text = self.read()
        self._lines, self._at = lines, 0
        self._bare = index > 0 and index == len(text)
        self.start = self._target.anchor(index, -1)
        self._go(index)

    @property
    def next_line(self) -> str | None:
        """The next old line without its end, as it was when the chunk was found."""
        return self._lines[self._at].removesuffix("\n") if self._at < len(self._lines) else None

    @property
    def reached(self) -> AnchorLike:
        """Where the next old line starts."""
        return self._next

    def step(self, *, delete: bool) -> None:
        """Pass the next old line; `delete` it only if it still is what it was."""
        self.end_line()
        text, start = self.read(), self._place(self._next)
        line = self._lines[self._at]
        self._at += 1
        intact = text.startswith(line, start)
        end = start + len(line) if intact else self._resume(text, start)
        self._bare = not line.endswith("\n")
        if delete and intact:
            self._edit(text, start, end, "")
            self.summary.removed += 1
            end = start
        elif delete and end > start:
            self.summary.conflicts.append(f"somebody changed this line meanwhile, so it was kept: {line.strip()!r}")
        self._go(end)

    def insert(self, text: str) -> None:
        """Write at the cursor. Lines may come in pieces."""
        if not text:
            return
        now, at = self.read(), self._place(self.cursor)
        lead = "\n" if self._bare and not self._open and at > 0 and now[at - 1] != "\n" else ""
        written, ended = lead + text, text.endswith("\n")
        self._bare = False
        self.summary.added += text.count("\n") + (0 if ended else 1) - (1 if self._open else 0)
        own_end = self._open and now.startswith("\n", at)  # our line end stands after the cursor already
        if ended and own_end:
            self._edit(now, at, at, written[:-1])
        elif ended or own_end:
            self._edit(now, at, at, written)
        else:
            self._edit(now, at, at, f"{written}\n")
        self.cursor = self._target.anchor(at + len(written), -1)
        self._open = not ended

    def end_line(self) -> None:
        """Leave a line of ours: its line end is there already."""
        if not self._open:
            return
        self._open = False
        text, at = self.read(), self._place(self.cursor)
        if text.startswith("\n", at):
            self.cursor = self._target.anchor(at + 1, -1)

    def read(self) -> str:
        """The text now."""
        text = self._target.text()
        if text != self._shadow:
            self.foreign = True
            self._shadow = text
        return text

    def become(self, start: int, end: int, wanted: str) -> None:
        """Make text()[start:end] exactly `wanted`, touching only what differs."""
        text = self.read()
        old = text[start:end]
        if old == wanted:
            return
        head = _common(old, wanted)
        tail = _common(old[head:][::-1], wanted[head:][::-1])
        self._edit(text, start + head, end - tail, wanted[head : len(wanted) - tail])

    def _edit(self, text: str, start: int, end: int, new: str) -> None:
        self._target.edit([(start, end, new)])
        self._shadow = text[:start] + new + text[end:]

    def _go(self, index: int) -> None:
        self.cursor = self._target.anchor(index, -1)
        self._next = self._target.anchor(index, 0)

    def _resume(self, text: str, start: int) -> int:
        """Where to go on when the line at `start` is not what it was: at the next old line if that is near."""
        if self._at < len(self._lines) and self._lines[self._at].strip():
            found = text.find(self._lines[self._at], start, start + NEARBY)
            if found == start or (found > 0 and text[found - 1] == "\n"):
                return found
        end = text.find("\n", start)
        return len(text) if end < 0 else end + 1

    @staticmethod
    def _place(anchor: AnchorLike) -> int:
        index = anchor.index()
        if index is None:
            raise EditError("The place being edited was deleted by somebody. Read the file again.")
        return index


def _common(a: str, b: str) -> int:
    size = min(len(a), len(b))
    if a[:size] == b[:size]:
        return size
    low, high = 0, size  # a[:low] == b[:low], a[:high] != b[:high]
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low
