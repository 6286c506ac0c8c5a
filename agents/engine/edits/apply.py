"""Ops put into a text while they stream and while people edit the same text.

LiveApplier   the chunks of one file's patch: each is found (locate.py), then followed line by line
LiveRewrite   one region written anew (rewrite.py)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agents.engine.edits.locate import anchored, candidates, place, same
from agents.engine.edits.ops import Anchor, Close, Delete, EditError, EndOfFile, Insert, Keep, Op
from agents.engine.edits.rewrite import Reindent, Rewrite
from agents.engine.edits.target import AnchorLike, PlainTarget, Target
from agents.engine.edits.writer import Summary, Writer, split_lines

Change = Keep | Delete | Insert


@dataclass
class Chunk:
    """One chunk as it came: where it says it is, its lines, and what became of it."""

    anchors: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    at_end: bool = False
    live: bool = False
    failed: bool = False
    blanks: int = 0  # blank kept lines that do not match: forgiven at the end of a chunk

    @property
    def old(self) -> list[str]:
        return [change.line for change in self.changes if not isinstance(change, Insert)]


class LiveApplier:
    """Applies the ops of one file to `target`. Not for several files: the caller makes one for each Open or CreateFile.

    feed() as ops arrive (one call a frame); then finish() or abort() once. Nothing here raises for a bad patch: what
    could not be done is in the summary, written for the model. `fresh`: the file is new, Inserts go in from its start.
    """

    def __init__(self, target: Target, *, fresh: bool = False) -> None:
        self._target = target
        self._writer = Writer(target)
        self._original = target.text()
        self._chunk = Chunk(live=fresh)
        self._done: list[Chunk] = []
        self._from: AnchorLike = target.anchor(0, -1)
        self._dropped = False
        if fresh:
            self._writer.begin(0, ())

    @property
    def region(self) -> tuple[AnchorLike, AnchorLike]:
        """Where it is writing: the start of the chunk and the cursor."""
        return self._writer.start, self._writer.cursor

    @property
    def summary(self) -> Summary:
        return self._writer.summary

    def feed(self, ops: Iterable[Op]) -> None:
        with self._target.frame():
            for op in _joined(ops):
                self._take(op)

    def _take(self, op: Op) -> None:
        if isinstance(op, Anchor):
            self._head(op.text)
        elif isinstance(op, Keep | Delete | Insert):
            self._change(op)
        elif isinstance(op, EndOfFile):
            self._chunk.at_end = True
        elif isinstance(op, Close):
            self._end_chunk()

    def finish(self) -> Summary:
        """Complete the last chunk; a chunk that failed half-way is undone if nobody else edited meanwhile."""
        with self._target.frame():
            return self._finish()

    def _finish(self) -> Summary:
        self._end_chunk()
        self._guard(self._writer.end_line)
        self._writer.read()
        if self._dropped and self._writer.foreign:
            self.summary.conflicts.append("a part of the change that failed stays, as somebody edits the file too")
        elif self._dropped:
            self._undo_failed()
        return self.summary

    def abort(self) -> Summary:
        """Stop here, at the end of the line being written; what is done stays."""
        self._guard(self._writer.end_line)
        return self.summary

    def _undo_failed(self) -> None:
        again = LiveApplier(PlainTarget(self._original))
        for chunk in self._done:
            again._replay(chunk)
        if not again.summary.failed:
            self._writer.become(0, len(self._target.text()), again._target.text())
            self.summary.added, self.summary.removed = again.summary.added, again.summary.removed

    def _replay(self, chunk: Chunk) -> None:
        self._chunk = Chunk(list(chunk.anchors), at_end=chunk.at_end)
        self._chunk.changes = list(chunk.changes)
        self._end_chunk()

    def _head(self, text: str) -> None:
        if self._chunk.changes:
            self._end_chunk()
        if text:
            self._chunk.anchors.append(text)

    def _change(self, change: Change) -> None:
        chunk = self._chunk
        chunk.changes.append(change)
        if chunk.failed:
            return
        if chunk.live:
            self._guard(self._play, change)
        elif not isinstance(change, Insert):
            self._guard(self._look)

    def _look(self) -> None:
        """Go live as soon as only one place is possible; leave every doubt to the end of the chunk."""
        chunk = self._chunk
        if not any(line.strip() for line in chunk.old):
            return
        text = self._writer.read()
        lines = [line.removesuffix("\n") for line in split_lines(text)]
        start = self._start(text, lines)
        heads = anchored(lines, chunk.anchors[-1], start) if chunk.anchors else [start]
        found = candidates(lines, chunk.old, heads[0]) if heads else []
        if len(found) == 1:
            self._go(found[0])

    def _go(self, line: int) -> None:
        """Play what is buffered at this line number."""
        whole = split_lines(self._writer.read())
        self._writer.begin(sum(map(len, whole[:line])), whole[line:])
        self._chunk.live = True
        for change in self._chunk.changes:
            self._play(change)

    def _play(self, change: Change) -> None:
        if isinstance(change, Insert):
            self._strict_blanks()
            self._writer.insert(change.text)
            return
        expected = self._writer.next_line
        if expected is None or not same(expected, change.line):
            if isinstance(change, Keep) and not change.line.strip():
                self._chunk.blanks += 1
                return
            raise EditError(f"After the lines before it the file goes on differently than the patch: {change.line!r}")
        self._strict_blanks()
        self._writer.step(delete=isinstance(change, Delete))

    def _strict_blanks(self) -> None:
        if self._chunk.blanks:
            raise EditError("The patch has a blank line where the file has none.")

    def _end_chunk(self) -> None:
        chunk = self._chunk
        if chunk.changes and not chunk.live and not chunk.failed:
            self._guard(self._settle)
        if chunk.live:
            self._guard(self._writer.end_line)
        if chunk.failed:
            self._dropped = self._dropped or chunk.live
        elif chunk.changes:
            self._done.append(chunk)
            self._from = self._writer.reached
        self._chunk = Chunk()

    def _settle(self) -> None:
        """Find the place of a complete chunk, or say why there is none."""
        chunk = self._chunk
        text = self._writer.read()
        lines = [line.removesuffix("\n") for line in split_lines(text)]
        start = self._start(text, lines)
        anchor = chunk.anchors[-1] if chunk.anchors else ""
        if not chunk.old:
            self._go(place(lines, [anchor], start=start) + 1 if anchor else len(lines))
            return
        try:
            self._go(place(lines, chunk.old, anchor, start, at_end=chunk.at_end))
        except EditError:
            while isinstance(chunk.changes[-1], Keep) and not chunk.changes[-1].line.strip() and len(chunk.changes) > 1:
                chunk.changes.pop()
            if chunk.live or not chunk.old:
                raise
            self._go(place(lines, chunk.old, anchor, start))

    def _start(self, text: str, lines: list[str]) -> int:
        """The line number from which the chunk is looked for: below the last chunk and its outer anchors."""
        start = text.count("\n", 0, self._from.index() or 0)
        for outer in self._chunk.anchors[:-1]:
            heads = anchored(lines, outer, start)
            if not heads:
                raise EditError(f"The '@@' line is not in the file below the last change: {outer!r}")
            start = heads[0]
        return start

    def _guard(self, act: Callable[..., None], *args: Change) -> None:
        """Run a step of the chunk; what is wrong with the patch becomes part of the summary."""
        try:
            act(*args)
        except EditError as error:
            self._chunk.failed = True
            self.summary.failed.append(str(error))


class LiveRewrite:
    """Streams new text over the region between two anchors. Raises EditError when the region is gone.

    Old lines that come back are kept, so people's cursors and edits in them live on. `indent` is put before every line
    (unless the reply has it already): the model sees and writes the region without its common indentation. The region
    ends with a line end afterwards if it did before.
    """

    def __init__(self, target: Target, start: AnchorLike, end: AnchorLike, *, indent: str = "") -> None:
        first, last = start.index(), end.index()
        if first is None or last is None or first > last:
            raise EditError("The selected text was deleted meanwhile.")
        self._old = target.text()[first:last]
        self._new = ""
        self._target = target
        self._writer = Writer(target)
        self._start, self._end = target.anchor(first, -1), target.anchor(last, 0)
        lines = split_lines(self._old)
        self._writer.begin(first, lines)
        self._rewrite = Rewrite([line.removesuffix("\n") for line in lines])
        self._reindent = Reindent(indent)

    @property
    def region(self) -> tuple[AnchorLike, AnchorLike]:
        return self._start, self._writer.cursor

    @property
    def text(self) -> str:
        """The new text as far as it came, indented."""
        return self._new

    @property
    def summary(self) -> Summary:
        return self._writer.summary

    def feed(self, text: str) -> None:
        with self._target.frame():
            self._take(self._reindent.feed(text))

    def finish(self) -> Summary:
        """The region is the new text, exactly so if nobody else edited in it. An empty reply changes nothing."""
        with self._target.frame():
            return self._finish()

    def _finish(self) -> Summary:
        self._take(self._reindent.finish())
        if not self._new.strip() and self._old.strip():
            self.summary.failed.append("The model's reply holds no code, so nothing was changed.")
            return self.abort()
        if not self._new.strip():
            self._play(self._rewrite.feed(self._new))
        self._play(self._rewrite.finish())
        if self.summary.failed:
            return self.abort()
        self._writer.end_line()
        self._writer.read()
        start, end = self._start.index(), self._end.index()
        if start is None or end is None:
            return self.summary
        if not self._writer.foreign:
            self._writer.become(start, end, self._wanted())
        elif not self._old.endswith("\n") and self._target.text()[start:end].endswith("\n"):
            self._writer.become(end - 1, end, "")
        return self.summary

    def abort(self) -> Summary:
        """Stop at the end of the line being written; old lines not reached yet stay."""
        try:
            self._writer.end_line()
        except EditError as error:
            self.summary.failed.append(str(error))
        return self.summary

    def _wanted(self) -> str:
        body = self._new.removesuffix("\n")
        return f"{body}\n" if self._old.endswith("\n") else body

    def _take(self, text: str) -> None:
        """Blank lines wait for what follows: a reply of nothing else must change nothing."""
        begun = bool(self._new.strip())
        self._new += text
        if begun:
            self._play(self._rewrite.feed(text))
        elif self._new.strip():
            self._play(self._rewrite.feed(self._new))

    def _play(self, ops: Iterable[Op]) -> None:
        for op in ops if not self.summary.failed else ():
            try:
                self._follow(op)
            except EditError as error:
                self.summary.failed.append(str(error))
                return

    def _follow(self, op: Op) -> None:
        if isinstance(op, Insert):
            self._writer.insert(op.text)
        elif isinstance(op, Keep | Delete):
            self._writer.step(delete=isinstance(op, Delete))


def _joined(ops: Iterable[Op]) -> Iterable[Op]:
    """The same ops with neighbouring Inserts made one, so that each costs one edit."""
    held = ""
    for op in ops:
        if isinstance(op, Insert):
            held += op.text
            continue
        if held:
            yield Insert(held)
            held = ""
        yield op
    if held:
        yield Insert(held)
