"""Ops put into a text while they stream and while people edit the same text.

LiveApplier   the chunks of one file's patch: each is found (locate.py), then followed line by line
LiveRewrite   one region written anew (rewrite.py)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from agents.engine.edits import shown
from agents.engine.edits.locate import Places, same
from agents.engine.edits.ops import Anchor, Close, Delete, EditError, EndOfFile, Find, Insert, Keep, Op
from agents.engine.edits.rewrite import Reindent, Rewrite
from agents.engine.edits.target import AnchorLike, Target
from agents.engine.edits.writer import Summary, Writer, split_lines

Change = Keep | Delete | Insert
MOST_ANCHORS = 20  # '@@' lines of one chunk
MOST_DOUBTFUL = 100  # old lines after which a chunk that has several places is looked for when it is complete
HALF = "a part of a change that failed stays, as somebody edited it too"
STOPPED = "somebody typed where you were writing, so the rest of that change was not written"
AMONG = "somebody edited these lines while they were written; their text was kept"


@dataclass
class Chunk:
    """One chunk as it came: where it says it is, its lines, and what became of it."""

    anchors: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    find: tuple[str, ...] = ()  # all old lines, where they were said at once
    at_end: bool = False
    live: bool = False
    lost: bool = False  # it is looked for when it is complete, not before
    failed: bool = False
    blanks: int = 0  # blank kept lines that do not match: forgiven at the end of a chunk
    indent: str = ""  # what the file has in front of every line and the chunk has not
    fresh: bool = True  # the next Insert begins a line

    @property
    def old(self) -> list[str]:
        return list(self.find) or [change.line for change in self.changes if not isinstance(change, Insert)]

    def indented(self, text: str) -> str:
        if not self.indent:
            return text
        fresh, self.fresh = self.fresh, text.endswith("\n")
        lines = split_lines(text)
        return "".join(
            self.indent + line if line.strip() and (number or fresh) else line for number, line in enumerate(lines)
        )


class LiveApplier:
    """Applies the ops of one file to `target`. Not for several files: the caller makes one for each Open or CreateFile.

    feed() as ops arrive (one call a frame); then finish() or abort() once. Nothing here raises for a bad patch: what
    could not be done is in the summary, written for the model. `fresh`: the file is new, Inserts go in from its start.

    A chunk goes live as soon as one place only is possible. When it goes on differently than the text there it is taken
    back and looked for again once it is complete, so that the end is the strict result; what was written is compared
    with that result then. Where somebody edits the same lines, theirs stay and the summary says so.
    """

    def __init__(self, target: Target, *, fresh: bool = False) -> None:
        self._target = target
        self._writer = Writer(target)
        self._strict = target.text()  # with what is done so far, as nobody else were there
        self._places = Places(self._strict)
        self._chunk = Chunk(live=fresh)
        self._from: AnchorLike = target.anchor(0, -1)
        if fresh:
            self._writer.begin(0)

    @property
    def region(self) -> tuple[AnchorLike, AnchorLike]:
        """Where it is writing: the start of the chunk and the cursor."""
        return self._writer.start, self._writer.cursor

    @property
    def writing(self) -> bool:
        """Whether a chunk is being written at `region`."""
        return self._chunk.live and not self._chunk.failed

    def leave(self) -> None:
        """Write no more of this chunk: what is there stays as it is. The next chunk goes on."""
        self._guard(self._writer.end_line)
        self._chunk.failed = True
        self._from = self._writer.reached
        self._writer.settle()
        self.summary.conflicts.append(STOPPED)

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
        elif isinstance(op, Find):
            self._end_chunk()
            self._chunk = Chunk(find=op.lines)
            self._guard(self._settle)
        elif isinstance(op, Keep | Delete | Insert):
            self._change(op)
        elif isinstance(op, EndOfFile):
            self._chunk.at_end = True
        elif isinstance(op, Close):
            self._end_chunk()

    def finish(self) -> Summary:
        """Complete the last chunk; where nobody else edited meanwhile the text is the strict result, to the letter."""
        with self._target.frame():
            return self._finish()

    def _finish(self) -> Summary:
        self._end_chunk()
        text = self._writer.read()
        if not self._writer.foreign and text != self._strict:
            self._writer.become(0, len(text), self._strict)
        self.summary.shown = shown.hunks(self._writer.read(), self._writer.marks)
        return self.summary

    def abort(self) -> Summary:
        """Stop here, at the end of the line being written; what is done stays."""
        self._guard(self._writer.end_line)
        return self.summary

    # --- one chunk ------------------------------------------------------------------------------------------------

    def _head(self, text: str) -> None:
        if self._chunk.changes or self._chunk.find:
            self._end_chunk()
        if text and len(self._chunk.anchors) < MOST_ANCHORS:
            self._chunk.anchors.append(text)

    def _change(self, change: Change) -> None:
        chunk = self._chunk
        chunk.changes.append(change)
        if chunk.failed:
            return
        if chunk.live:
            self._guard(self._play, change)
        elif not chunk.lost and not isinstance(change, Insert):
            self._guard(self._look)

    def _look(self) -> None:
        """Go live as soon as only one place is possible; leave every doubt to the end of the chunk."""
        chunk = self._chunk
        old = chunk.old
        if not any(line.strip() for line in old):
            return
        places, start = self._now(), self._start()
        heads = places.anchored(chunk.anchors[-1], start) if chunk.anchors else [start]
        found = places.found(old, heads[0], 2) if heads else []
        chunk.lost = not found or len(old) > MOST_DOUBTFUL
        if len(found) == 1:
            self._go(found[0])

    def _now(self) -> Places:
        text = self._writer.read()
        if text != self._places.text:
            self._places = Places(text)
        return self._places

    def _go(self, at: int) -> None:
        """Play what is buffered at this place."""
        self._writer.begin(at)
        self._chunk.live, self._chunk.blanks = True, 0
        for change in self._chunk.changes:
            self._play(change)

    def _play(self, change: Change) -> None:
        if isinstance(change, Insert):
            self._strict_blanks()
            self._writer.insert(self._chunk.indented(change.text))
            return
        expected = self._writer.next_line
        if expected is None or not same(expected, change.line):
            if isinstance(change, Keep) and not change.line.strip():
                self._chunk.blanks += 1
                return
            raise EditError(f"After the lines before it the file goes on differently than the patch: {change.line!r}")
        self._strict_blanks()
        self._chunk.fresh = True
        self._writer.step(delete=isinstance(change, Delete))

    def _strict_blanks(self) -> None:
        if self._chunk.blanks:
            raise EditError("The patch has a blank line where the file has none.")

    def _end_chunk(self) -> None:
        chunk = self._chunk
        if chunk.changes and not chunk.live and not chunk.failed:
            self._guard(self._settle)
        if chunk.live and chunk.changes and not chunk.failed:
            self._guard(self._done)
        self._chunk = Chunk()

    def _done(self) -> None:
        told = len(self.summary.conflicts)
        self._writer.end_line()
        if self._chunk.find:
            self._writer.same_end()
        if not self._writer.settle() and len(self.summary.conflicts) == told and not self._writer.stretch.touched:
            self.summary.conflicts.append(AMONG)
        part = self._writer.stretch
        end = part.at + sum(map(len, part.was))
        if not self._writer.foreign:
            self._strict = "".join((self._strict[: part.at], *part.now, self._strict[end:]))
        self._from = self._writer.reached

    def _settle(self) -> None:
        """Find the place of a complete chunk, or say why there is none."""
        chunk = self._chunk
        places, start = self._now(), self._start()
        anchor = chunk.anchors[-1] if chunk.anchors else ""
        if not chunk.old:
            self._go(places.after(places.place([anchor], start=start)) if anchor else len(places.text))
            return
        try:
            at = places.place(chunk.old, anchor, start, at_end=chunk.at_end)
        except EditError:
            if not self._without_blanks():
                raise
            at = places.place(chunk.old, anchor, start)
        chunk.indent = _missing_indent(chunk.find, places, at) if chunk.find else ""
        self._go(at)

    def _without_blanks(self) -> bool:
        """Leave out blank kept lines at the chunk's end: some models put one too many."""
        changes, before = self._chunk.changes, len(self._chunk.changes)
        while len(changes) > 1 and isinstance(changes[-1], Keep) and not changes[-1].line.strip():
            changes.pop()
        return len(changes) < before and bool(self._chunk.old)

    def _start(self) -> int:
        """Where the chunk is looked for: below the last chunk and its outer anchors; named at once, everywhere."""
        start = 0 if self._chunk.find else self._from.index() or 0
        for outer in self._chunk.anchors[:-1]:
            heads = self._now().anchored(outer, start)
            if not heads:
                raise EditError(f"The '@@' line is not in the file below the last change: {outer!r}")
            start = heads[0]
        return start

    def _guard(self, act: Callable[..., None], *args: Change) -> None:
        """Run a step of the chunk; what is wrong with the patch becomes part of the summary, or a reason to look again
        once the chunk is complete."""
        chunk = self._chunk
        try:
            act(*args)
        except EditError as error:
            early = chunk.live and act in (self._play, self._look)
            if chunk.live and not self._taken_back():
                self.summary.conflicts.append(HALF)
                early = False
            chunk.live, chunk.lost = False, True
            if not early or chunk.find:
                chunk.failed = True
                self.summary.failed.append(str(error))

    def _taken_back(self) -> bool:
        try:
            return self._writer.take_back()
        except EditError:
            return False


def _missing_indent(find: Sequence[str], places: Places, at: int) -> str:
    """What the file has in front of each of these lines, the same for all."""
    there = places.text[at:].split("\n", len(find))
    pairs = [(line, have) for line, have in zip(find, there, strict=False) if line.strip()]
    lead = next((have[: len(have) - len(line)] for line, have in pairs), "")
    fits = all(have.rstrip() == lead + line.rstrip() for line, have in pairs)
    return lead if fits and not lead.strip() else ""


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
        self._writer.begin(first, last)
        self._rewrite = Rewrite([line.removesuffix("\n") for line in split_lines(self._old)])
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
