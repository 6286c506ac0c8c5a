"""What arrives for a room, as frames for its peers and rows for the log, until it is committed. Knows no document."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from pycrdt import merge_updates

from ide import faults, metrics
from ide.documents import protocol
from ide.documents.room.clients import Claim
from ide.documents.room.parties import Peer
from ide.documents.yjs.keystrokes import Run
from ide.documents.yjs.replica import fenced


@dataclass(slots=True)
class Arrived:
    update: bytes
    origin: str
    peer: Peer | None  # None: written by the server itself
    committed: asyncio.Future[None] | None = None
    relays: bool = False
    claims: tuple[Claim, ...] | None = None  # None: not judged yet
    run: Run | None = None  # that took it as its next letter
    fitting: Sequence[bytes] = ()  # what can be integrated now
    text: str | None = None  # with it, where nothing else comes first
    at: float = field(default_factory=time.monotonic)

    def fail(self, error: Exception | None = None) -> None:
        """Tell whoever awaits the commit that there will be none."""
        done = self.committed
        if done is None or done.done():
            return
        if error is None:
            done.cancel()
        else:
            done.set_exception(error)
            done.exception()


def merged(updates: Sequence[bytes]) -> bytes:
    return updates[0] if len(updates) == 1 else fenced(lambda: merge_updates(*updates))


class Batch:
    """What is applied together; merged once for all who get the whole of it."""

    def __init__(self, arrived: list[Arrived]) -> None:
        self.arrived = arrived
        self.updates = [one.update for one in arrived]
        self._whole = b""

    def count(self) -> None:
        sizes = [len(one.update) for one in self.arrived if one.peer is not None]
        metrics.updates.inc(len(sizes))
        metrics.update_bytes.inc(sum(sizes))

    @property
    def plain(self) -> bool:
        """Whether everything fits as it came, and frees nothing that waited."""
        return all(len(one.fitting) == 1 and one.fitting[0] is one.update for one in self.arrived)

    @property
    def text(self) -> str | None:
        """What it makes of the text, if that is known."""
        return self.arrived[0].text if len(self.arrived) == 1 and self.plain else None

    def freed(self) -> bytes:
        """What was integrated, as one update; nothing where all of it waits. Raises Poisoned."""
        parts = [part for one in self.arrived for part in one.fitting]
        return merged(parts) if parts else b""

    def merged(self, part: Sequence[Arrived]) -> bytes:
        """A part of it as one update. Raises Poisoned."""
        if len(part) < len(self.arrived):
            return merged([one.update for one in part])
        if not self._whole:
            self._whole = merged(self.updates)
        return self._whole


@dataclass(slots=True)
class Row:
    """What becomes one row of the log."""

    data: bytes
    group: list[Arrived]

    @property
    def claims(self) -> list[Claim]:
        return [claim for one in self.group for claim in one.claims or ()]


def groups(batch: Batch) -> dict[str, Row]:
    """A row for each origin. Raises Poisoned."""
    found: dict[str, list[Arrived]] = {}
    for one in batch.arrived:
        found.setdefault(one.origin, []).append(one)
    faults.hit("store.merging")
    return {origin: Row(batch.merged(group), group) for origin, group in found.items()}


def frames(peers: Collection[Peer], batch: Batch) -> list[tuple[Peer, bytes]]:
    """What each peer is sent: the others' updates as one. Raises Poisoned.

    Nobody is sent what builds on edits that never came: Yjs would let it wait, but pycrdt goes wrong on it. When it
    fits it goes to everybody, its sender too, who may lack what others had waiting.
    """
    if not batch.plain:
        data = batch.freed()
        named = {name: protocol.update(name, data) for name in {peer.name for peer in peers}} if data else {}
        return [(peer, named[peer.name]) for peer in peers if data]
    senders = {one.peer for one in batch.arrived}
    made: dict[tuple[str, Peer | None], bytes] = {}
    out = []
    for peer in peers:
        own = peer if peer in senders else None
        key = (peer.name, own)
        if key not in made:
            others = [one for one in batch.arrived if own is None or one.peer is not own]
            made[key] = protocol.update(peer.name, batch.merged(others)) if others else b""
        if made[key]:
            out.append((peer, made[key]))
    return out


def acknowledge(group: Iterable[Arrived]) -> None:
    """Tell each sender that its updates are committed: one message for each, as clients count them."""
    counts: dict[Peer, int] = {}
    for one in group:
        peer = one.peer
        if peer is not None:
            counts[peer] = counts.get(peer, 0) + 1
    for peer, count in counts.items():
        frame = protocol.sync_status(peer.name, True)
        for _ in range(count):
            peer.send(frame)


class Commits:
    """Rows on their way into the log. `on_done(seq, group)` once one is there, `on_lost()` when one cannot be."""

    def __init__(self, on_done: Callable[[int, list[Arrived]], None], on_lost: Callable[[], None]) -> None:
        self.pending: set[asyncio.Future[int]] = set()
        self._on_done, self._on_lost = on_done, on_lost
        self._newest: asyncio.Future[int] | None = None

    def add(self, commit: asyncio.Future[int], group: list[Arrived]) -> None:
        self.pending.add(commit)
        self._newest = commit
        commit.add_done_callback(lambda done: self._ended(done, group))

    def then(self, work: Callable[[], None]) -> None:
        """Do something once everything added so far has been told."""
        if self._newest in self.pending:
            self._newest.add_done_callback(lambda _: work())
        else:
            work()

    def _ended(self, commit: asyncio.Future[int], group: list[Arrived]) -> None:
        self.pending.discard(commit)
        lost = commit.cancelled() or commit.exception() is not None
        metrics.commit_seconds.observe(time.monotonic() - group[0].at)  # of the one that waited longest
        for one in group:
            if lost:
                one.fail()
            elif one.committed is not None and not one.committed.done():
                one.committed.set_result(None)
        if lost:
            self._on_lost()
        else:
            self._on_done(commit.result(), group)
            faults.hit("room.acked")
