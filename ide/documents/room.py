"""Room: one live document and its peers. Synchronous, on the loop's thread; no SQL, no disk, no sockets, no awaits.

What arrives in one turn of the loop is applied in one transaction, leaves as one frame per peer (the sender excepted)
and is handed to the log; the sender's SyncStatus follows the commit. An update alone is relayed byte for byte.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pycrdt import merge_updates

from ide import metrics
from ide.documents import protocol
from ide.documents.anchors import Place, Ruler
from ide.documents.author import ModelClient
from ide.documents.awareness import Roster
from ide.documents.protocol import Malformed
from ide.documents.replica import EMPTY_UPDATE, Poisoned, Replica, check_update, fenced
from ide.documents.text import Edit, ordered
from ide.errors import Busy

__all__ = ["Anchor", "Edit", "ModelClient", "Peer", "Room"]

log = logging.getLogger(__name__)

MERGE_AT_ONCE = 64  # merge_updates is superlinear
UPDATE_LIMIT = 8 << 20
MALFORMED, POISONED, RESTARTING = 4400, 4008, 4012

Append = Callable[[bytes, str], "asyncio.Future[int]"]
Observer = Callable[[str], None]


class Peer(Protocol):
    """What a room posts bytes to: one participant's channel for one document."""

    @property
    def name(self) -> str: ...  # the document's name in this peer's frames
    @property
    def person(self) -> Mapping[str, Any]: ...
    @property
    def can_edit(self) -> bool: ...
    def send(self, frame: bytes, droppable: bool = False) -> None: ...  # droppable: a later `catch_up` replaces it
    def close(self, code: int, reason: str) -> None: ...


@dataclass(slots=True)
class _Arrived:
    update: bytes
    origin: str
    peer: Peer | None  # None: written by the server itself
    committed: asyncio.Future[None] | None = None
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position that moves with the text around it."""

    _room: Room
    _place: Place

    def index(self) -> int | None:
        """The code point index now; None if it cannot be told in this document."""
        return self._room.index_at(self._place)

    def wire(self) -> str:
        return self._place.encode()


class Room:
    """`append(data, origin)` hands an update to the log and returns a future that is done when it is committed;
    `on_broken(room)` is called when the replica had to be thrown away: the host answers with `restore`."""

    def __init__(self, id: str, path: str, append: Append, on_broken: Callable[[Room], None]) -> None:
        self.id = id
        self.path = path
        self.broken = True  # until `restore`
        self._append = append
        self._on_broken = on_broken
        self._peers: dict[Peer, None] = {}
        self._arrived: list[_Arrived] = []
        self._scheduled = False
        self._one_by_one = False
        self._waiting: list[tuple[Peer, bytes | None]] = []
        self._observers: list[Observer] = []
        self._uncommitted: set[asyncio.Future[int]] = set()
        self.seq = 0  # of the newest row of the log that is known to be committed
        self.roster = Roster()
        self.restore([])
        self.broken = True

    # --- state --------------------------------------------------------------------------------------------------

    def restore(self, updates: Iterable[bytes], seq: int = 0) -> None:
        """Build the replica anew from the log, read up to `seq`. Raises Poisoned if it cannot be applied."""
        self.seq = seq
        self._replica = Replica(updates)
        self._ruler = Ruler(self._replica)
        self._places: dict[Place, tuple[int, int | None]] = {}
        self.broken = False
        if self._arrived:
            self._schedule()
        waiting, self._waiting = self._waiting, []
        for peer, state in waiting:
            if peer in self._peers:
                self.receive(peer, protocol.SyncStep1(peer.name, state or b"\0"))

    @property
    def version(self) -> int:
        """Rises with every change of the text."""
        return self._replica.version

    @property
    def peers(self) -> list[Peer]:
        return list(self._peers)

    @property
    def pending(self) -> list[asyncio.Future[int]]:
        """Commits that are still under way; each gives a sequence number."""
        return list(self._uncommitted)

    def text(self) -> str:
        """The text now, with everything that has arrived."""
        self.flush()
        return self._replica.text()

    def encoded(self) -> bytes:
        """The integrated state as one update (for tests and copies; never for the log: it lacks gapped updates)."""
        self.flush()
        return self._replica.since()

    # --- positions ----------------------------------------------------------------------------------------------

    def anchor(self, index: int, assoc: int = -1) -> Anchor:
        """An anchor at a code point index: assoc < 0 sticks to the character before it, else to the one behind it."""
        self.flush()
        return Anchor(self, self._ruler.place(index, assoc))

    def anchor_wire(self, index: int, assoc: int = -1) -> str:
        return self.anchor(index, assoc).wire()

    def anchor_from(self, wire: str) -> Anchor | None:
        """The anchor a client sent; None if it is none of this document."""
        try:
            anchor = Anchor(self, Place.decode(wire))
        except Malformed:
            return None
        return anchor if anchor.index() is not None else None

    def index_of(self, wire: str) -> int | None:
        """The code point index of an anchor a client sent; None if it is none of this document."""
        anchor = self.anchor_from(wire)
        return anchor.index() if anchor else None

    def index_at(self, place: Place) -> int | None:
        self.flush()
        version, index = self._places.get(place, (-1, None))
        if version != self.version:
            index = self._ruler.index(place)
            if len(self._places) > 1000:
                self._places.clear()
            self._places[place] = (self.version, index)
        return index

    # --- peers --------------------------------------------------------------------------------------------------

    def add_peer(self, peer: Peer) -> None:
        self._peers[peer] = None
        here = self.roster.everyone()
        if here:
            peer.send(protocol.awareness(peer.name, here))

    def remove_peer(self, peer: Peer) -> None:
        if peer in self._peers:
            del self._peers[peer]
            self._tell(None, self.roster.leave(peer))

    def receive(self, peer: Peer, message: protocol.Message) -> None:
        """One message of a peer. A message that cannot be used closes its sender and nobody else."""
        try:
            self._receive(peer, message)
        except Malformed as error:
            peer.close(MALFORMED, str(error))

    def _receive(self, peer: Peer, message: protocol.Message) -> None:
        if isinstance(message, protocol.SyncUpdate):
            self._take(peer, message)
        elif isinstance(message, protocol.Awareness):
            self._tell(peer, self.roster.receive(peer, peer.person, message.data))
        elif isinstance(message, protocol.SyncStep1):
            self.sync(peer, message.state)
        elif isinstance(message, protocol.QueryAwareness):
            here = self.roster.everyone()
            if here:
                peer.send(protocol.awareness(peer.name, here))

    def sync(self, peer: Peer, state: bytes | None = None) -> None:
        """What the peer lacks, and the question what we lack; after `restore` if the replica is being rebuilt.

        Raises Malformed.
        """
        self.flush()
        if self.broken:
            self._waiting.append((peer, state))
            return
        peer.send(protocol.step_2(peer.name, self._replica.since(state)))
        peer.send(protocol.step_1(peer.name, self._replica.state()))

    def state(self) -> bytes:
        """The state vector now, for `catch_up`."""
        return self._replica.state()

    def catch_up(self, peer: Peer, state: bytes) -> None:
        """What a peer missed whose droppable frames were left out since the room's state was `state`."""
        self.flush()
        peer.send(protocol.update(peer.name, self._replica.since(state)))
        here = self.roster.everyone()
        if here:
            peer.send(protocol.awareness(peer.name, here))

    def _take(self, peer: Peer, message: protocol.SyncUpdate) -> None:
        if len(message.update) > UPDATE_LIMIT:
            raise Malformed("an update is larger than 8 MiB")
        if message.update == EMPTY_UPDATE:
            peer.send(protocol.sync_status(peer.name, True))
            return
        check_update(message.update)
        if not peer.can_edit:
            peer.send(protocol.sync_status(peer.name, message.step2 and self._holds(message.update)))
            return
        metrics.updates.inc()
        metrics.update_bytes.inc(len(message.update))
        self._arrived.append(_Arrived(message.update, f"person:{peer.person.get('id')}", peer))
        self._schedule()

    def _holds(self, update: bytes) -> bool:
        """A reader's sync step 2 repeats what it knows; only one that says more is an edit to refuse."""
        try:
            return self._replica.holds(update)
        except Poisoned:
            return False

    # --- edits of the server ------------------------------------------------------------------------------------

    def edit(self, edits: Sequence[Edit], origin: str, *, client: ModelClient | None = None) -> asyncio.Future[None]:
        """Make edits in code points of `text()` now; peers get them at once. The future is done when it is committed.

        `client` is kept by a caller that writes often. Raises Busy while the document is being rebuilt, ValueError if
        the edits overlap or leave the text.
        """
        self.flush()
        if self.broken:
            raise Busy("The document is being loaded again.")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        in_order = ordered(edits, len(self._replica.text()))
        update = (client or ModelClient()).write(self._replica, in_order)
        if not update:
            done.set_result(None)
            return done
        self._arrived.append(_Arrived(update, origin, None, done))
        self.flush()
        return done

    # --- one turn of the loop -----------------------------------------------------------------------------------

    def observe(self, observer: Observer) -> None:
        """Call `observer(origin)` after each change, once per origin of a loop turn, on the loop's thread."""
        self._observers.append(observer)

    def unobserve(self, observer: Observer) -> None:
        if observer in self._observers:
            self._observers.remove(observer)

    def _schedule(self) -> None:
        if not self._scheduled and not self.broken:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self.flush()

    def flush(self) -> None:
        """Apply, relay and log what has arrived. Nothing to do in most calls."""
        while self._arrived and not self.broken:
            size = 1 if self._one_by_one else MERGE_AT_ONCE
            batch, self._arrived = self._arrived[:size], self._arrived[size:]
            try:
                self._replica.apply([one.update for one in batch])
            except Poisoned as error:
                self._poisoned(batch, error)
                return
            self._relay(batch)
            self._record(batch)
            for origin in dict.fromkeys(one.origin for one in batch):
                for observer in list(self._observers):
                    observer(origin)
        if not self._arrived:
            self._one_by_one = False

    def _poisoned(self, batch: list[_Arrived], error: Poisoned) -> None:
        """Nothing of the batch is kept. Alone, it is the offender's; among others each is tried by itself."""
        log.warning("document %s: an update was refused by the CRDT (%s)", self.id, error)
        if len(batch) == 1:
            peer, done = batch[0].peer, batch[0].committed
            if peer is not None:
                peer.close(POISONED, "an update could not be applied")
            if done is not None:
                done.set_exception(error)
                done.exception()
        else:
            self._one_by_one = True
            self._arrived = [*batch, *self._arrived]
        self.abandon()

    def abandon(self) -> None:
        """Throw the replica away; what arrives waits for `restore`."""
        if not self.broken:
            self.broken = True
            self._on_broken(self)

    def _relay(self, batch: list[_Arrived]) -> None:
        senders = {one.peer for one in batch}
        frames: dict[tuple[str, Peer | None], bytes] = {}
        for peer in self._peers:
            own = peer if peer in senders else None
            key = (peer.name, own)
            if key not in frames:
                others = [one.update for one in batch if own is None or one.peer is not own]
                frames[key] = protocol.update(peer.name, _merged(others)) if others else b""
            if frames[key]:
                peer.send(frames[key], True)

    def _record(self, batch: list[_Arrived]) -> None:
        by_origin: dict[str, list[_Arrived]] = {}
        for one in batch:
            by_origin.setdefault(one.origin, []).append(one)
        for origin, group in by_origin.items():
            commit = self._append(_merged([one.update for one in group]), origin)
            self._uncommitted.add(commit)
            commit.add_done_callback(lambda done, group=group: self._committed(done, group))  # type: ignore[misc]

    def _committed(self, commit: asyncio.Future[int], group: list[_Arrived]) -> None:
        self._uncommitted.discard(commit)
        failed = commit.cancelled() or commit.exception() is not None
        if not failed:
            self.seq = max(self.seq, commit.result())
        for one in group:
            metrics.commit_seconds.observe(time.monotonic() - one.at)
            if one.committed is not None and not one.committed.done():
                if failed:
                    one.committed.cancel()
                else:
                    one.committed.set_result(None)
            elif one.peer is not None and not failed:
                one.peer.send(protocol.sync_status(one.peer.name, True))
        if failed:
            log.error("document %s: an update could not be saved (%s)", self.id, commit)
            self._arrived.clear()
            self.abandon()
            for peer in self.peers:  # they come back and send again what was never acknowledged
                peer.close(RESTARTING, "an edit could not be saved; it is sent again")

    def _tell(self, sender: Peer | None, data: bytes | None) -> None:
        """Awareness to everybody but the sender."""
        if data:
            for peer in self._peers:
                if peer is not sender:
                    peer.send(protocol.awareness(peer.name, data), True)


def _merged(updates: Sequence[bytes]) -> bytes:
    return updates[0] if len(updates) == 1 else fenced(lambda: merge_updates(*updates))
