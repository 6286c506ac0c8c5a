"""OpenDocument: a room with its log and its file, while it is open. Holds the three together; none knows another."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from django.db import DatabaseError

from ide.documents.file.disk import DiskCopy
from ide.documents.log.compact import DIFFERS, Facts
from ide.documents.log.compactor import CompactionFailed, compactor
from ide.documents.log.store import Store
from ide.documents.models import Document
from ide.documents.room import Room
from ide.documents.room.clients import Claim, Clients
from ide.documents.yjs.replica import Poisoned, salvaged
from ide.errors import Refused, Unavailable
from ide.live.file_news import FileNews
from ide.live.introductions import Introductions
from ide.live.lease import Lease
from ide.live.participant import event_text
from ide.workspaces.files import Files

log = logging.getLogger(__name__)

# From a change to its way to disk, by one clock for all documents, so that they go together; at most twice as much. The
# promise is one second after "saved".
SAVE_SECONDS = 0.35
RETRY_SECONDS = 2.0
COMPACT_ROWS, COMPACT_BYTES = 500, 512 << 10  # behind the newest snapshot


class Owner(Protocol):
    """What a document needs of its host."""

    files: Files
    store: Store
    lease: Lease

    def publish(self, event: Mapping[str, Any]) -> None: ...
    def saved(self) -> None: ...
    def owned(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]: ...


class OpenDocument:
    """The room's keeper: `append` to `broken` are for the room alone."""

    def __init__(self, row: Document, host: Owner) -> None:
        self.id: str = row.pk
        self._host = host
        self._store = host.store
        self.room = Room(row.pk, row.path, self)
        self.disk = DiskCopy(row, host.files, host.store, self._notice, self._file_changed)
        self._introductions = Introductions(row.pk, host, lambda: self.room.seq)
        self.news = FileNews(self.room, self.disk, host.publish, self.on_disk)
        self._saving: asyncio.Task[Any] | None = None
        self._on_disk = True
        self._opened = False
        self._tail = self._tail_bytes = 0
        self._late: list[tuple[bytes, str, Sequence[Claim], asyncio.Future[int]]] = []  # until the lease is sure
        self._used_at = time.monotonic()
        self._rested = -1  # the room's version at the last call of `rest`
        self._trouble = ""

    @property
    def access(self) -> str:
        return self.disk.access

    async def open(self) -> None:
        """Load the history, or seed it from the file. Raises Refused."""
        try:
            await self._load()
        except Poisoned as error:
            log.exception("document %s: its history cannot be applied", self.id)
            raise Unavailable("The history of this document cannot be applied.", "Ask an administrator.") from error
        if self.room.seq == 0:
            await self.disk.first(self.room)
        else:
            try:
                behind = await self.disk.opened(self.room)
            except Refused:  # the people have been told; the text is safe in the log
                behind = False
            self._opened = True
            if behind:
                self.changed("disk")
        self._opened = True
        self.news.changed()
        self._rested = self.room.version
        self.rest()  # most documents are opened to be read

    async def _load(self) -> None:
        """Build the replica from the log; a row that cannot be applied is left out, and kept aside. Raises Poisoned."""
        loaded = await self._store.load(self.id)
        self._tail, self._tail_bytes = loaded.tail, 0
        replica, bad = salvaged(loaded.rows, len(loaded.rows) - loaded.tail)
        for seq, data in bad:
            log.error("document %s: row %d of its log cannot be applied", self.id, seq)
            self._store.quarantine(self.id, "", "a row of the log cannot be applied", data, seq)
        self.room.restore(replica, loaded.epoch, loaded.seq, Clients(loaded.clients, loaded.old_clients))
        if bad:
            self._trouble = "A part of this document's history cannot be read and was left out; ask an administrator."
            self._notice("bad", self._trouble)

    # --- its file -------------------------------------------------------------------------------------------------

    def on_disk(self) -> dict[str, Any]:
        """The event that says whether everything typed is in the file."""
        there = self._on_disk and not self.disk.detached and not self.disk.problem
        return {"type": "document.disk", "document": self.id, "on_disk": there, "seq": self.room.seq}

    def standing(self) -> list[dict[str, Any]]:
        """What who opens the document is told."""
        trouble = [self._notice_of("bad", self._trouble)] if self._trouble else []
        return [self.on_disk(), *self.news.standing(), *trouble]

    def _file_changed(self) -> None:
        self.news.changed()
        if self.disk.behind(self.room):
            self.changed("disk")

    async def save(self, sure: bool = False) -> None:
        """Bring everything typed so far to disk; `sure`: whatever the file's times say. Raises OSError, Refused."""
        await self._host.lease.hold()
        version = self.room.version
        seq = await self.disk.save(self.room, sure)
        if not self._on_disk and not self.disk.detached and version == self.room.version:
            self._on_disk = True
            self._tell({"type": "document.disk", "document": self.id, "on_disk": True, "seq": seq})
            self._host.saved()

    def rest(self) -> None:
        """Hold little if nothing has changed since the last call."""
        if self._rested == self.room.version and self.room.settled and self._on_disk:
            self.room.rest()
            self.disk.rest()
        self._rested = self.room.version

    async def reconcile(self) -> None:
        try:
            await self.disk.reconcile(self.room)
        except Refused:
            log.info("document %s: its file cannot be read as text", self.id)

    async def move(self, path: str) -> None:
        self.room.path = path
        await self.disk.moved(path)
        await self.reconcile()  # a save may have missed it between the rename and now

    async def _save_soon(self) -> None:
        """Save until nothing has changed meanwhile."""
        version, wait, problem = -1, _to_next_save(), ""
        while version != self.room.version and not self.disk.detached:
            await asyncio.sleep(wait)
            version, wait = self.room.version, _to_next_save()
            try:
                await self.save()
            except (OSError, Refused, DatabaseError) as error:
                version, wait = -1, RETRY_SECONDS
                if str(error) != problem:
                    self._notice("bad", f"The file could not be written: {error} It is tried again.")
                problem = str(error)

    # --- its end --------------------------------------------------------------------------------------------------

    def idle(self, now: float) -> float:
        """Seconds (of the monotonic clock) that nobody has used it."""
        if self.in_use:
            self._used_at = now
        return now - self._used_at

    @property
    def in_use(self) -> bool:
        return self.room.in_use or self.room.broken or (self._saving is not None and not self._saving.done())

    async def settle(self) -> None:
        """Save. What cannot be written now is written at the next opening."""
        try:
            await self.save(sure=True)
        except (OSError, Refused) as error:
            log.warning("document %s is not on disk: %s", self.id, error)

    async def compact(self) -> None:
        """Merge the rows of the log, in a process of its own. What fails leaves them as they are."""
        if not self._tail:
            return
        self._tail = self._tail_bytes = 0
        if self.room.pending:
            await asyncio.wait(self.room.pending)
        live = self._facts()
        try:
            outcome = await compactor.compact(self.id, self._host.lease.epoch, live)
        except CompactionFailed as error:
            log.warning("document %s was not compacted: %s", self.id, error)
            return
        log.info("document %s: compaction: %s", self.id, outcome)
        if outcome == DIFFERS and live is not None and not self.room.broken:
            self._notice("bad", "What was shown differed from what is saved. The document is read again from its log.")
            self.room.distrust("the log reads differently from the live text")

    def _facts(self) -> Facts | None:
        """What the live text says, if it can be compared now: not while somebody types on."""
        room = self.room
        return Facts.of(room.seq, room.text(), room.state()) if room.settled else None

    def let_go(self) -> None:
        self.room.close()
        self._store.forget(self.id)

    # --- for the room ---------------------------------------------------------------------------------------------

    def append(self, data: bytes, origin: str, claims: Sequence[Claim]) -> asyncio.Future[int]:
        self._tail, self._tail_bytes = self._tail + 1, self._tail_bytes + len(data)
        self._introductions.took(data, claims)
        if self._tail >= COMPACT_ROWS or self._tail_bytes >= COMPACT_BYTES:
            self._host.owned(self.compact(), f"compact {self.id}")
        if self._host.lease.good and not self._late:
            return self._store.append(self.id, data, origin, claims)
        committed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._late.append((data, origin, claims, committed))
        if len(self._late) == 1:
            self._host.owned(self._append_late(), f"append {self.id}")
        return committed

    async def _append_late(self) -> None:
        """After a pause another process may have the workspace by now. Everything since goes in the order it came: the
        file's place in the log is told by a number."""
        try:
            await self._host.lease.hold()
        except BaseException as error:
            late, self._late = self._late, []
            for *_, committed in late:
                _fail(committed, error)
            raise
        late, self._late = self._late, []
        for data, origin, claims, committed in late:
            _pass_on(self._store.append(self.id, data, origin, claims), committed)

    def claim(self, client: int, origin: str) -> None:
        self._store.claim(self.id, client, origin).add_done_callback(_retrieved)
        self._introductions.took(b"", [(client, origin, "")])

    def quarantine(self, origin: str, reason: str, data: bytes) -> None:
        self._store.quarantine(self.id, origin, reason, data)

    def changed(self, origin: str) -> None:
        if not self._opened:  # the file itself is being read
            return
        if self._on_disk and not self.disk.detached:
            self._on_disk = False
            self._tell(self.on_disk())
        if self._saving is None or self._saving.done():
            self._saving = self._host.owned(self._save_soon(), f"save {self.id}")

    def _tell(self, event: Mapping[str, Any]) -> None:
        """Tell whoever has the document open; the others would hear of every pause of every typist."""
        text = event_text(event)
        for peer in self.room.peers:
            peer.say(text)

    def broken(self) -> None:
        self._host.owned(self._rebuild(), f"rebuild {self.id}")

    async def _rebuild(self) -> None:
        """A replica was thrown away: build it anew from the log, again and again while the database is away."""
        while self.room.broken and not self.room.closed:
            try:
                await self._load()
            except Poisoned:
                self._notice("bad", "The history of this document cannot be applied; ask an administrator.")
                return
            except LookupError:
                return
            except Exception as error:  # the database is away
                log.warning("document %s waits for the database: %s", self.id, error)
                await asyncio.sleep(RETRY_SECONDS)

    def _notice(self, tone: str, text: str) -> None:
        self._host.publish(self._notice_of(tone, text))

    def _notice_of(self, tone: str, text: str) -> dict[str, Any]:
        return {"type": "document.notice", "document": self.id, "tone": tone, "text": text}


def _to_next_save() -> float:
    now = time.monotonic()
    return (math.ceil(now / SAVE_SECONDS) + 1) * SAVE_SECONDS - now


def _pass_on(done: asyncio.Future[int], to: asyncio.Future[int]) -> None:
    def told(done: asyncio.Future[int]) -> None:
        if done.cancelled():
            to.cancel()
        elif (error := done.exception()) is not None:
            _fail(to, error)
        elif not to.done():
            to.set_result(done.result())

    done.add_done_callback(told)


def _fail(future: asyncio.Future[int], error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)


def _retrieved(done: asyncio.Future[int]) -> None:
    """An id that could not be noted is noted with its first update."""
    if not done.cancelled() and done.exception() is not None:
        log.warning("a client id was not noted: %s", done.exception())
