"""What arrives for a room, as frames for its peers and rows for the log, until it is committed. Knows no document."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pycrdt import merge_updates

from ide import faults, metrics
from ide.documents import protocol
from ide.documents.clients import Claim
from ide.documents.parties import Peer
from ide.documents.replica import fenced


@dataclass(slots=True)
class Arrived:
    update: bytes
    origin: str
    peer: Peer | None  # None: written by the server itself
    committed: asyncio.Future[None] | None = None
    relays: bool = False
    claims: tuple[Claim, ...] | None = None  # None: not judged yet
    at: float = field(default_factory=time.monotonic)


def merged(updates: Sequence[bytes]) -> bytes:
    return updates[0] if len(updates) == 1 else fenced(lambda: merge_updates(*updates))


@dataclass(slots=True)
class Row:
    """What becomes one row of the log."""

    data: bytes
    group: list[Arrived]

    @property
    def claims(self) -> list[Claim]:
        return [claim for one in self.group for claim in one.claims or ()]


def groups(batch: Iterable[Arrived]) -> dict[str, Row]:
    """A row for each origin. Raises Poisoned."""
    found: dict[str, list[Arrived]] = {}
    for one in batch:
        found.setdefault(one.origin, []).append(one)
    faults.hit("store.merging")
    return {origin: Row(merged([one.update for one in group]), group) for origin, group in found.items()}


def frames(peers: Iterable[Peer], batch: Sequence[Arrived]) -> list[tuple[Peer, bytes]]:
    """What each peer is sent: the others' updates as one. Raises Poisoned."""
    senders = {one.peer for one in batch}
    made: dict[tuple[str, Peer | None], bytes] = {}
    out = []
    for peer in peers:
        own = peer if peer in senders else None
        key = (peer.name, own)
        if key not in made:
            others = [one.update for one in batch if own is None or one.peer is not own]
            made[key] = protocol.update(peer.name, merged(others)) if others else b""
        if made[key]:
            out.append((peer, made[key]))
    return out


class Commits:
    """Rows on their way into the log. `on_done(seq, group)` once one is there, `on_lost()` when one cannot be."""

    def __init__(self, on_done: Callable[[int, list[Arrived]], None], on_lost: Callable[[], None]) -> None:
        self.pending: set[asyncio.Future[int]] = set()
        self._on_done, self._on_lost = on_done, on_lost

    def add(self, commit: asyncio.Future[int], group: list[Arrived]) -> None:
        self.pending.add(commit)
        commit.add_done_callback(lambda done: self._ended(done, group))

    def _ended(self, commit: asyncio.Future[int], group: list[Arrived]) -> None:
        self.pending.discard(commit)
        lost = commit.cancelled() or commit.exception() is not None
        now = time.monotonic()
        for one in group:
            metrics.commit_seconds.observe(now - one.at)
            if one.committed is not None and not one.committed.done():
                one.committed.cancel() if lost else one.committed.set_result(None)
        if lost:
            self._on_lost()
        else:
            self._on_done(commit.result(), group)
            faults.hit("room.acked")
