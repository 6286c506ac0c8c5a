"""The hand that writes: walks over old lines, deletes them and inserts new text, while others edit the same text."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.engine.edits.ops import EditError
from agents.engine.edits.target import AnchorLike, Target

NEARBY = 4096  # characters searched for the next old line after somebody changed the one before
MARKS = 40  # newest stretches whose places are kept


@dataclass
class Summary:
    """What an edit did: lines added and removed, places left to people (`conflicts`), parts not done (`failed`), and
    numbered lines around what was changed (`shown`)."""

    added: int = 0
    removed: int = 0
    conflicts: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    shown: str = ""

    @property
    def ok(self) -> bool:
        return not self.failed and not self.conflicts


def split_lines(text: str) -> list[str]:
    """Lines with their ends; only LF ends a line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


@dataclass
class Stretch:
    """What was done since begin(): the old lines passed, and what stands in their place (without the end of a line
    that still grows). `touched`: somebody else changed one of them."""

    at: int
    added: int
    removed: int
    was: list[str] = field(default_factory=list)
    now: list[str] = field(default_factory=list)
    touched: bool = False


class Writer:
    """Two sticky places: the cursor (after what was kept or written last) and the next old line.

    A growing line is written with its line end at once and the cursor before that, so it never glues itself to the
    line below. New lines end as the lines around them do. `foreign` turns true when the text was changed by anybody
    else since the first call. `marks` are the newest stretches that were written, as (start, end) now.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._shadow = target.text()
        self._old = ""  # the text at begin(), and where in it the next old line starts and the old lines end
        self._at = self._stop = 0
        self._eol = "\n"
        self._open = False  # the cursor is inside a line of ours
        self._bare = False  # the line before the cursor may lack its line end
        self._next: AnchorLike = target.anchor(0, 0)
        self.cursor: AnchorLike = target.anchor(0, -1)
        self.start: AnchorLike = self.cursor
        self.stretch = Stretch(0, 0, 0)
        self.foreign = False
        self.marks: list[tuple[int, int]] = []
        self.summary = Summary()

    def begin(self, index: int, end: int | None = None) -> None:
        """Go to `index`; the old lines are those from there on (up to `end`), as they are now."""
        self.end_line()
        text = self._old = self.read()
        self._at, self._stop = index, len(text) if end is None else end
        self._bare = index > 0 and index == len(text)
        around = text[self._at : self._line_end()] or text[max(0, index - 2) : index]
        self._eol = "\r\n" if end is None and around.endswith("\r\n") else "\n"
        self.stretch = Stretch(index, self.summary.added, self.summary.removed)
        self.start = self._target.anchor(index, -1)
        self._go(index)

    @property
    def next_line(self) -> str | None:
        """The next old line without its end, as it was when the chunk was found."""
        return self._old[self._at : self._line_end()].removesuffix("\n") if self._at < self._stop else None

    def step(self, *, delete: bool) -> None:
        """Pass the next old line; `delete` it only if it still is what it was."""
        self.end_line()
        text, start = self.read(), self._place(self._next)
        line = self._old[self._at : self._line_end()]
        self._at += len(line)
        self.stretch.was.append(line)
        intact = text.startswith(line, start)
        end = start + len(line) if intact else self._resume(text, start)
        self.stretch.touched = self.stretch.touched or not intact
        self._bare = not line.endswith("\n")
        if delete and intact:
            self._edit(text, start, end, "")
            self.summary.removed += 1
            end = start
        elif intact:
            self.stretch.now.append(line)
        elif end > start:
            self._changed_by_others(line, text[start:end], delete=delete)
        self._go(end)

    def _changed_by_others(self, line: str, now: str, *, delete: bool) -> None:
        self.stretch.now.append(now)
        how = "so it was kept" if delete else "which was kept"
        self.summary.conflicts.append(f"somebody changed this line meanwhile, {how}: {line.strip()!r}")

    def insert(self, text: str) -> None:
        """Write at the cursor. Lines may come in pieces."""
        if not text:
            return
        now, at = self.read(), self._place(self.cursor)
        lead = self._eol if self._bare and not self._open and at > 0 and now[at - 1] != "\n" else ""
        written, ended = lead + text.replace("\n", self._eol), text.endswith("\n")
        self._bare = False
        self.summary.added += text.count("\n") + (0 if ended else 1) - (1 if self._open else 0)
        self.stretch.now.append(written)
        own_end = self._open and now.startswith(self._eol, at)  # our line end stands after the cursor already
        if ended and own_end:
            self._edit(now, at, at, written.removesuffix(self._eol))
        elif ended or own_end:
            self._edit(now, at, at, written)
        else:
            self._edit(now, at, at, written + self._eol)
        self.cursor = self._target.anchor(at + len(written), -1)
        self._open = not ended

    def end_line(self) -> None:
        """Leave a line of ours: its line end is there already."""
        if not self._open:
            return
        self._open = False
        self.stretch.now.append(self._eol)
        text, at = self.read(), self._place(self.cursor)
        if text.startswith(self._eol, at):
            self.cursor = self._target.anchor(at + len(self._eol), -1)

    def settle(self) -> bool:
        """The stretch is complete: remember where it is. False when somebody else wrote in it."""
        self.end_line()
        text, start, written = self.read(), self._place(self.start), "".join(self.stretch.now)
        self.marks = [*self.marks[1 - MARKS :], (start, self._place(self._next))]
        return text.startswith(written, start) or text.endswith(written, start, self._place(self._next))

    def same_end(self) -> None:
        """Take the line end off again that a file's last line got because it was written anew, word for word."""
        written, was = "".join(self.stretch.now), "".join(self.stretch.was[-1:])
        if not was or was.endswith("\n") or not f"\n{written}".endswith(f"\n{was}{self._eol}"):
            return
        text, start = self.read(), self._place(self.start)
        if text.startswith(written, start):
            self.stretch.now = [written.removesuffix(self._eol)]
            self.become(start, start + len(written), self.stretch.now[0])

    def take_back(self) -> bool:
        """Make the stretch what it was before begin(). False, and nothing is done, when somebody else wrote in it."""
        self.end_line()
        text, start, written = self.read(), self._place(self.start), "".join(self.stretch.now)
        if self.stretch.touched or not text.startswith(written, start):
            return False
        self.become(start, start + len(written), "".join(self.stretch.was))
        self.summary.added, self.summary.removed = self.stretch.added, self.stretch.removed
        return True

    @property
    def reached(self) -> AnchorLike:
        """Where the next old line starts."""
        return self._next

    def read(self) -> str:
        """The text now."""
        text = self._target.text()
        if text != self._shadow:
            self.foreign = True
            if self.marks:
                head = _common(self._shadow, text)
                tail = _common(self._shadow[head:][::-1], text[head:][::-1])
                self._shift(head, len(self._shadow) - tail, len(text) - len(self._shadow))
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
        self._shift(start, end, len(new) - (end - start))

    def _shift(self, start: int, end: int, by: int) -> None:
        """The marks follow a replacement of [start:end]; what is put right behind one is not in it."""
        self.marks = [
            (a + by if a >= end else min(a, start), b if b <= start else b + by if b >= end else start)
            for a, b in self.marks
        ]

    def _go(self, index: int) -> None:
        self.cursor = self._target.anchor(index, -1)
        self._next = self._target.anchor(index, 0)

    def _line_end(self) -> int:
        """Where the next old line ends, its line end included."""
        end = self._old.find("\n", self._at, self._stop)
        return self._stop if end < 0 else end + 1

    def _resume(self, text: str, start: int) -> int:
        """Where to go on when the line at `start` is not what it was: at the next old line if that is near."""
        line = self._old[self._at : self._line_end()]
        if line.strip():
            found = text.find(line, start, start + NEARBY)
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
