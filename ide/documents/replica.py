"""Replica: one pycrdt document with the root text `text`, and the fence around pycrdt's panics. Knows no peers.

pycrdt panics (a BaseException that is no Exception) on some updates that decode well; a replica that raised Poisoned
is unusable and must be built anew from the log. Evidence: reference "security-reliability" §1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pycrdt import Doc, Text, get_state, merge_updates

from ide.documents.protocol import Malformed, Reader

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
    """A document in memory. `version` rises with every change; all reads are of the integrated state."""

    def __init__(self, updates: Iterable[bytes] = ()) -> None:
        self.doc: Doc[Text] = Doc()
        self.root = self.doc.get(ROOT, type=Text)
        self.version = 0
        self._text: str | None = None
        self._clocks: tuple[int, dict[int, int]] = (-1, {})
        batch = list(updates)
        if batch:
            self.apply([merge_all(batch)])

    def apply(self, updates: Sequence[bytes]) -> None:
        """Apply all in one transaction. Raises Poisoned."""
        self._text = None
        self.version += 1
        fenced(lambda: self._apply(updates))

    def _apply(self, updates: Sequence[bytes]) -> None:
        with self.doc.transaction():
            for update in updates:
                self.doc.apply_update(update)

    def text(self) -> str:
        if self._text is None:
            self._text = str(self.root)
        return self._text

    def state(self) -> bytes:
        return self.doc.get_state()

    def since(self, state: bytes | None = None) -> bytes:
        """Everything a replica with this state vector lacks. Raises Malformed if the vector is none."""
        try:
            return fenced(lambda: self.doc.get_update(state))
        except Poisoned as error:
            raise Malformed("a state vector does not decode") from error

    def knows(self, client: int, clock: int) -> bool:
        """Whether that character is integrated here; asking pycrdt about another one would panic."""
        version, clocks = self._clocks
        if version != self.version:
            clocks = decode_state(self.state())
            self._clocks = (self.version, clocks)
        return clock < clocks.get(client, 0)

    def holds(self, update: bytes) -> bool:
        """Whether applying the update would change nothing. Costs a copy of the document."""
        trial = Replica([self.since()])
        before = trial.since()
        try:
            trial.apply([update])
        except Poisoned:
            return False
        return trial.since() == before


def salvaged(rows: Sequence[tuple[int, bytes]], sure: int = 0) -> tuple[Replica, list[tuple[int, bytes]]]:
    """A replica of a log's rows (seq, update), and the rows that had to be left out. The first `sure` (a snapshot) are
    never left out: raises Poisoned if they cannot be applied."""
    kept, bad = [data for _, data in rows[:sure]], []
    trial = Replica()
    try:
        trial.apply([data for _, data in rows])  # one by one: merged, a bad row may pass without a word
        return Replica(data for _, data in rows), []
    except Poisoned:
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
