"""Replica: one pycrdt document with the root text `text`, and the fence around pycrdt's panics. Knows no peers.

pycrdt panics (a BaseException that is no Exception) on some updates that decode well; a replica that raised Poisoned
is unusable and must be built anew from the log. Evidence: reference "security-reliability" §1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pycrdt import Doc, Text, get_state, get_update, merge_updates

from ide.documents.protocol import Malformed, Reader
from ide.documents.yjs.keystrokes import Run, run_after
from ide.documents.yjs.structs import Deletion, Part, parts
from ide.documents.yjs.waiting import Clocks, Waiting, fits

T = TypeVar("T")
ROOT = "text"
EMPTY_UPDATE = b"\x00\x00"
MERGE_AT_ONCE = 64  # merge_updates is superlinear


class Poisoned(Exception):
    """pycrdt failed inside; the replica must be thrown away."""


def fenced(work: Callable[[], T]) -> T:
    """The work's result; every failure inside pycrdt, panics included, is raised as Poisoned."""
    try:
        return work()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the one place: a Rust panic is no Exception
        raise Poisoned(f"{type(error).__name__}: {error}"[:200]) from None


def check_update(update: bytes) -> None:
    """Raise Malformed unless the bytes decode as an update (0.3 µs; says nothing about what applying it does)."""
    try:
        get_state(update)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a panic of pycrdt is no Exception; see `fenced`, which costs as much as the call itself
        raise Malformed("an update does not decode") from None


def merge_all(updates: Sequence[bytes]) -> bytes:
    """One update of many, gapped ones kept: raw bytes are merged, never a document encoded anew. Raises Poisoned.

    A history must be read in this way: where an update is missing, pycrdt 0.14.13 goes wrong on those behind it if they
    are applied one by one (it puts some into the text and forgets others for good); as one they read as in Yjs.
    """
    left = list(updates)
    while len(left) > 1:
        parts = [left[i : i + MERGE_AT_ONCE] for i in range(0, len(left), MERGE_AT_ONCE)]
        left = [part[0] if len(part) == 1 else fenced(lambda part=part: merge_updates(*part)) for part in parts]  # type: ignore[misc]
    return left[0]


class Replica:
    """A document in memory. `version` rises with every change; all reads are of the integrated state. What builds on
    edits that never came waits outside of it. `runs`: who is typing, by whatever they are known by."""

    def __init__(self, updates: Iterable[bytes] = ()) -> None:
        """Raises Poisoned."""
        self.version = 0
        self.runs: dict[object, Run] = {}
        self._text: str | None = None
        self._known: tuple[int, dict[int, int]] = (-1, {})
        self._waiting = Waiting()
        self._waits = b""  # as one update, once somebody asked for it
        batch = list(updates)
        self._read(merge_all(batch) if batch else EMPTY_UPDATE)

    def _empty(self) -> None:
        self.doc: Doc[Text] = Doc()
        self.root = self.doc.get(ROOT, type=Text)

    def _read(self, whole: bytes) -> None:
        self._empty()
        self._clocks: Clocks = {}
        if whole == EMPTY_UPDATE:
            return
        self._apply_all([whole])
        beyond = fenced(lambda: get_update(whole, self.state()))
        self._clocks = decode_state(self.state())
        left, deletions = _parts(beyond)  # nothing but deletions, where nothing is missing
        if left or not fits([], deletions, self._clocks):
            self._empty()
            self._clocks = {}
            self._apply_all(self._waiting.take(*_parts(whole), self._clocks))

    @property
    def gapped(self) -> bool:
        return bool(self._waiting)

    def fit(self, update: bytes, writer: object = None, run: Run | None = None) -> Sequence[bytes]:
        """What of an update can be integrated now, and what waited for it: to be applied next, before others are asked
        for. `run`: the writer's, which took it. Raises Malformed."""
        if run is not None and not self._waiting and self.runs.get(writer) is run:
            run.done += 1
            return (update,)
        for one in self.runs.values():
            self._clocks[one.client] = max(one.clock, self._clocks.get(one.client, 0))
        self.runs.pop(writer, None)
        found, deletions = parts(update)
        if self._waiting or not fits(found, deletions, self._clocks):
            self.runs.clear()
            self._waits = b""
            return self._waiting.take(found, deletions, self._clocks)
        if writer is not None and len(found) == 1 and not deletions and (begun := run_after(found[0])):
            self.runs[writer] = begun
        return (update,)

    def apply(self, updates: Sequence[bytes]) -> None:
        """Apply all in one transaction. Raises Poisoned."""
        try:
            self.integrate([part for update in updates for part in self.fit(update)])
        except Malformed as error:
            raise Poisoned(str(error)) from error

    def integrate(self, fitting: Sequence[bytes], text: str | None = None) -> None:
        """Apply what `fit` gave, in one transaction; `text` is what it makes of the text, where that is known. Raises
        Poisoned."""
        self._text = None
        self.version += 1
        self._apply_all(fitting)
        self._text = text

    def _apply_all(self, updates: Sequence[bytes]) -> None:
        fenced(lambda: self._apply(updates))

    def _apply(self, updates: Sequence[bytes]) -> None:
        with self.doc.transaction():
            for update in updates:
                self.doc.apply_update(update)

    def rest(self) -> None:
        """Hold little while nobody asks: the text is made again from what it is."""
        self._text = None

    def text(self) -> str:
        if self._text is None:
            self._text = str(self.root)
        return self._text

    def state(self) -> bytes:
        return self.doc.get_state()

    def told(self, state: bytes | None = None) -> bytes:
        """`since` for a replica that can wait itself: with everything that waits here."""
        lacking = self.since(state)
        if not self._waiting:
            return lacking
        self._waits = self._waits or merge_all(self._waiting.updates())
        return merge_all([lacking, self._waits])

    def since(self, state: bytes | None = None) -> bytes:
        """Everything integrated that a replica with this state vector lacks. Raises Malformed if the vector is none."""
        try:
            return fenced(lambda: self.doc.get_update(state))
        except Poisoned as error:
            raise Malformed("a state vector does not decode") from error

    def knows(self, client: int, clock: int) -> bool:
        """Whether that character is integrated here; asking pycrdt about another one would panic."""
        version, clocks = self._known
        if version != self.version:
            clocks = decode_state(self.state())
            self._known = (self.version, clocks)
        return clock < clocks.get(client, 0)

    def holds(self, update: bytes) -> bool:
        """Whether applying the update would change nothing. Costs a copy of the document."""
        trial = Replica([self.told()])
        before = trial.told()
        try:
            trial.apply([update])
        except Poisoned:
            return False
        return trial.told() == before


def _parts(update: bytes) -> tuple[list[Part], list[Deletion]]:
    """Of a whole history. Raises Poisoned."""
    try:
        return parts(update, len(update))
    except Malformed as error:
        raise Poisoned(str(error)) from error


def salvaged(rows: Sequence[tuple[int, bytes]], sure: int = 0) -> tuple[Replica, list[tuple[int, bytes]]]:
    """A replica of a log's rows (seq, update), and the rows that had to be left out. The first `sure` (a snapshot) are
    never left out: raises Poisoned if they cannot be applied."""
    try:
        for _, data in rows:
            check_update(data)  # merged, a bad row may pass without a word
        return Replica(data for _, data in rows), []
    except (Poisoned, Malformed):
        kept, bad = [data for _, data in rows[:sure]], []
    trial = Replica(kept)
    for row in rows[sure:]:
        try:
            trial.apply([row[1]])
            kept.append(row[1])
        except Poisoned:
            bad.append(row)
            trial = Replica(kept)
    return Replica(kept), bad


def decode_state(state: bytes) -> dict[int, int]:
    """Client id → number of its characters that are known, of an encoded state vector. Raises Malformed."""
    reader = Reader(state)
    return {reader.var_uint(): reader.var_uint() for _ in range(reader.var_uint())}
