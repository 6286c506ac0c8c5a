"""Room: one live document and its peers. Synchronous, on the loop's thread; no SQL, no disk, no sockets.

What arrives in one turn of the loop is applied in one transaction, leaves as one frame per peer (the sender excepted)
and is handed to the log; the sender's SyncStatus follows the commit. An update alone is relayed byte for byte.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from ide import faults, metrics
from ide.documents import protocol
from ide.documents.protocol import Malformed
from ide.documents.room.arrivals import Arrived, Batch, Commits, acknowledge, frames, groups
from ide.documents.room.author import ModelClient
from ide.documents.room.awareness import Roster
from ide.documents.room.clients import Author, Clients, Forged, OldEpoch
from ide.documents.room.gaps import Gaps
from ide.documents.room.parties import Hold, Keeper, Peer
from ide.documents.room.watched import Watched
from ide.documents.text import Edit, ordered
from ide.documents.yjs.anchors import Anchor
from ide.documents.yjs.replica import EMPTY_UPDATE, Poisoned, Replica, check_update, decode_state
from ide.errors import Busy, Unavailable

__all__ = ["Anchor", "Edit", "Hold", "Keeper", "ModelClient", "Peer", "Room"]

log = logging.getLogger(__name__)

MERGE_AT_ONCE = 64  # merge_updates is superlinear
UPDATE_LIMIT = 8 << 20
FRAME_LIMIT = (16 << 20) - 1024  # of what leaves: Daphne's limit without the rest of the frame
MALFORMED, POISONED, RESTARTING = 4400, 4008, 4012
EPOCH = "epoch"  # the reason a replica of another epoch is denied with


class Room(Watched):
    """`broken` until `restore`. `closed` once it must be opened anew; who keeps a room without being its peer or its
    observer asks for a `hold`."""

    def __init__(self, id: str, path: str, keeper: Keeper) -> None:
        super().__init__()
        self.id = id
        self.path = path
        self.broken = True
        self.closed = False
        self.epoch = 0
        self.seq = 0  # of the newest row of the log that is known to be committed
        self.roster = Roster()
        self.clients = Clients()
        self.holds: set[Hold] = set()
        self._keeper = keeper
        self._peers: dict[Peer, int] = {}  # and how many sync steps 2 it was asked for
        self._arrived: deque[Arrived] = deque()
        self._scheduled = False
        self._one_by_one = False
        self._waiting: list[tuple[Peer, protocol.SyncStep1]] = []
        self._commits = Commits(self._committed, self._lost)
        self._gaps = Gaps(lambda: None if self.broken else decode_state(self._replica.state()), self._ask)
        self._mended = asyncio.Event()

    # --- life -----------------------------------------------------------------------------------------------------

    def restore(self, replica: Replica, epoch: int = 1, seq: int = 0, clients: Clients | None = None) -> None:
        """Go on with a replica built from the log, read up to `seq`, and the owners of its client ids."""
        moved, self.epoch, self.seq = self.epoch not in (0, epoch), epoch, seq
        self._renew(replica)
        self.clients = clients or Clients()
        for one in self._arrived:
            self.clients.keep(one.claims or ())
            one.run = None
        self.broken = False
        self._mended.set()
        if moved:
            for peer in self.peers:
                peer.refuse(EPOCH)
        if self._arrived:
            self._schedule()
        waiting, self._waiting = self._waiting, []
        for peer, question in waiting:
            if peer in self._peers:
                self.receive(peer, question)

    async def whole(self) -> None:
        """Return when it can be edited, until the next await. Raises Unavailable if the room was closed."""
        self.flush()
        while self.broken:
            if self.closed:
                raise Unavailable("The document was closed meanwhile.", "Open it again.")
            self._mended.clear()
            await self._mended.wait()
            self.flush()

    def abandon(self) -> None:
        """Throw the replica away; what arrives waits for `restore`."""
        if not self.broken:
            self._brace()
            self.broken = True
            self._replica.runs.clear()
            self._keeper.broken()

    def hold(self) -> Hold:
        return Hold(self.holds)

    @property
    def in_use(self) -> bool:
        return bool(self._peers or self.holds or self._observers or self._arrived or self._commits.pending)

    def close(self) -> None:
        """The end; it is not broken to its keeper, but takes nothing any more."""
        self.closed = self.broken = True
        self._mended.set()
        self._gaps.stop()

    @property
    def peers(self) -> list[Peer]:
        return list(self._peers)

    @property
    def settled(self) -> bool:
        """Whether the text is exactly what the log says at `seq`."""
        return not (self.broken or self._arrived or self._commits.pending)

    @property
    def pending(self) -> list[asyncio.Future[int]]:
        """Commits that are still under way; each gives a sequence number."""
        return list(self._commits.pending)

    # --- peers ----------------------------------------------------------------------------------------------------

    def add_peer(self, peer: Peer) -> None:
        self._peers[peer] = 0
        self._say_here(peer)

    def remove_peer(self, peer: Peer) -> None:
        if peer in self._peers:
            del self._peers[peer]
            self._replica.runs.pop(peer, None)
            self._tell(None, self.roster.leave(peer))

    def receive(self, peer: Peer, message: protocol.Message | bytes) -> None:
        """A message of a peer, or the bytes of an update. One that cannot be used closes its sender and nobody else."""
        try:
            self._receive(peer, message)
        except Malformed as error:
            peer.close(MALFORMED, str(error))

    def _receive(self, peer: Peer, message: protocol.Message | bytes) -> None:
        if isinstance(message, bytes):
            self._take(peer, message, False)
        elif isinstance(message, protocol.SyncUpdate):
            self._take(peer, message.update, message.step2)
        elif isinstance(message, protocol.Awareness):
            self._hear(peer, message.data)
        elif isinstance(message, protocol.SyncStep1):
            self.sync(peer, message)
        elif isinstance(message, protocol.QueryAwareness):
            self._say_here(peer)
        # A Stateless message of a document is nobody's, as with Hocuspocus where no hook takes it.

    def sync(self, peer: Peer, question: protocol.SyncStep1) -> None:
        """What the peer lacks, and the question what we lack; after `restore` if that is awaited. Raises Malformed."""
        self.flush()
        if self.broken:
            self._waiting.append((peer, question))
        elif self.clients.stale(question.state):
            peer.refuse(EPOCH)
        else:
            self._send_since(peer, question.state, protocol.step_2)
            if not question.reply:
                self._ask(peer)

    def _ask(self, peer: Peer) -> None:
        if peer in self._peers:
            self._peers[peer] += 1
            peer.send(protocol.step_1(peer.name, self._replica.state()))

    def _send_since(self, peer: Peer, state: bytes, frame: Callable[[str, bytes], bytes]) -> None:
        lacking = self._replica.since(state)
        if len(lacking) > FRAME_LIMIT:
            peer.refuse("it is too large to be sent")
        else:
            peer.send(frame(peer.name, lacking))

    def state(self) -> bytes:
        """The state vector now, for `catch_up`."""
        return self._replica.state()

    def catch_up(self, peer: Peer, state: bytes) -> None:
        """What a peer missed whose droppable frames were left out since the room's state was `state`."""
        self.flush()
        self._send_since(peer, state, protocol.update)
        self._say_here(peer)

    def _take(self, peer: Peer, update: bytes, step2: bool) -> None:
        if len(update) > UPDATE_LIMIT:
            raise Malformed("an update is larger than 8 MiB")
        relays = step2 and self._answers(peer)
        if update == EMPTY_UPDATE:
            peer.send(protocol.sync_status(peer.name, True))
            return
        check_update(update)
        if not peer.can_edit:  # a reader's sync step 2 repeats what it knows; only one that says more is refused
            self.flush()
            answer = protocol.sync_status(peer.name, step2 and self._replica.holds(update))
            self._commits.then(lambda: peer.send(answer))  # or a refusal would be taken for that of an earlier edit
            return
        self._arrived.append(Arrived(update, f"person:{peer.person.get('id')}", peer, relays=relays))
        faults.hit("room.received")
        self._schedule()

    def _answers(self, peer: Peer) -> bool:
        """Whether we had asked for the sync step 2 that came; one that nobody asked for is an update like others."""
        asked = self._peers.get(peer, 0)
        if asked:
            self._peers[peer] = asked - 1
        return asked > 0

    # --- presence -------------------------------------------------------------------------------------------------

    def _hear(self, peer: Peer, data: bytes) -> None:
        origin = f"person:{peer.person.get('id')}"

        def may(client: int) -> bool:
            known = self.clients.announce(client, origin)
            if known:
                self._keeper.claim(client, origin)
            return known is not None

        self._tell(peer, self.roster.receive(peer, peer.person, data, may))

    def _say_here(self, peer: Peer) -> None:
        here = self.roster.everyone()
        if here:
            peer.send(protocol.awareness(peer.name, here))

    def _tell(self, sender: Peer | None, data: bytes | None) -> None:
        """Awareness to everybody but the sender."""
        if data:
            for peer in self._peers:
                if peer is not sender:
                    peer.send(protocol.awareness(peer.name, data), True)

    # --- edits of the server --------------------------------------------------------------------------------------

    def prepare(self, client: ModelClient, origin: str) -> None:
        """The client will `edit` soon."""
        self.flush()
        if not self.broken:
            client.prepare(self._replica, self.clients, origin)

    def edit(self, edits: Sequence[Edit], origin: str, *, client: ModelClient | None = None) -> asyncio.Future[None]:
        """Make edits in code points of `text()` now; peers get them at once. The future is done when it is committed.

        `client` is kept by a caller that writes often. Raises Busy while the document is being rebuilt (await `whole`
        first), ValueError if the edits overlap or leave the text.
        """
        self.flush()
        if self.broken:
            raise Busy("The document is being loaded again.")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        in_order = ordered(edits, len(self._replica.text()))
        written = (client or ModelClient()).write(self._replica, in_order, self.clients, origin)
        if not written.update:
            done.set_result(None)
            return done
        self._arrived.append(Arrived(written.update, origin, None, done, claims=written.claims, text=written.text))
        self.flush()
        return done

    # --- one turn of the loop -------------------------------------------------------------------------------------

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
            batch = Batch(arrived := self._batch())
            if not arrived:
                continue
            self._brace()
            try:
                self._replica.integrate([part for one in arrived for part in one.fitting], batch.text)
                outgoing, rows = frames(self._peers, batch), groups(batch)
            except Poisoned as error:
                self._poisoned(arrived, error)
                return
            for peer, frame in outgoing:
                peer.send(frame, True)
            faults.hit("room.applied")
            batch.count()
            if self._replica.gapped:
                self._gaps.note(arrived)
            for origin, row in rows.items():
                self._commits.add(self._keeper.append(row.data, origin, row.claims), row.group)
            for origin in rows:
                self._keeper.changed(origin)
                for observer in list(self._observers):
                    observer(origin)
        if not self._arrived:
            self._one_by_one = False

    def _batch(self) -> list[Arrived]:
        """What is applied next; each update in it is its sender's to make."""
        size = 1 if self._one_by_one else MERGE_AT_ONCE
        batch: list[Arrived] = []
        while self._arrived and len(batch) < size:
            one = self._arrived[0]
            if one.claims is None and not self._judge(one, alone=not batch):
                break
            self._arrived.popleft()
            if one.claims is not None and self._fits(one):
                batch.append(one)
        return batch

    def _fits(self, one: Arrived) -> bool:
        """Fill in what of it can be integrated now. False: it cannot be read."""
        try:
            one.fitting = self._replica.fit(one.update, one.peer, one.run)
        except Malformed as error:
            self._offended(one, MALFORMED, str(error), str(error))
            one.fail(error)
            return False
        return True

    def _judge(self, one: Arrived, alone: bool) -> bool:
        """Fill in its claims, or have it dropped (they stay None). False: judge again once those before it are applied,
        for it may only repeat them."""
        peer = one.peer
        try:
            one.claims = self.clients.quick(one.update, one.origin)
            if one.claims is None:
                author = Author(one.origin, one.relays)
                one.update, one.claims = self.clients.judge(one.update, author, self._replica.state())
        except Forged as error:
            if not alone:
                return False
            self._offended(one, POISONED, "an update writes under another's client id", str(error))
        except OldEpoch:
            if peer is not None:
                peer.refuse(EPOCH)
        except Malformed as error:
            self._offended(one, MALFORMED, str(error), str(error))
        return True

    def _offended(self, one: Arrived, code: int, told: str, kept: str) -> None:
        log.warning("document %s: an update of %s was refused: %s", self.id, one.origin, kept)
        metrics.quarantined.inc()
        self._keeper.quarantine(one.origin, kept, one.update)
        if one.peer is not None:
            one.peer.close(code, told)

    def _poisoned(self, batch: list[Arrived], error: Poisoned) -> None:
        """Nothing of the batch is kept. Alone, it is the offender's; among others each is tried by itself."""
        if len(batch) == 1:
            self._offended(batch[0], POISONED, "an update could not be applied", str(error))
            batch[0].fail(error)
        else:
            self._one_by_one = True
            self._arrived.extendleft(reversed(batch))
        self.abandon()

    # --- what the log says ----------------------------------------------------------------------------------------

    def _committed(self, seq: int, group: list[Arrived]) -> None:
        self.seq = max(self.seq, seq)
        acknowledge(group)

    def _lost(self) -> None:
        """An update is not in the log: the replica goes, and everybody comes back with what was not acknowledged."""
        log.error("document %s: an update could not be saved", self.id)
        for one in self._arrived:
            one.fail()
        self._arrived.clear()
        self._send_back("an edit could not be saved; it is sent again")

    def distrust(self, why: str) -> None:
        """The replica is not what the log says, which counts: it is kept aside, and everybody comes back to the log."""
        self._keeper.quarantine("", why, self._replica.told())
        self._send_back("the document is read again")

    def _send_back(self, reason: str) -> None:
        self.abandon()
        for peer in self.peers:
            peer.close(RESTARTING, reason)
