"""OpenDocument: a room with its log and its file, while it is open. Holds the three together; none knows another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from django.db import DatabaseError

from ide.db import in_db
from ide.documents.disk import DiskCopy
from ide.documents.models import Document
from ide.documents.replica import Poisoned
from ide.documents.room import Room
from ide.documents.store import COMPACT_AFTER, Store, compact
from ide.errors import Refused, Unavailable
from ide.live.file_news import FileNews
from ide.workspaces.files import Files

log = logging.getLogger(__name__)

SAVE_SECONDS = 0.4  # from a change to its way to disk; the promise is one second after "saved"
RETRY_SECONDS = 2.0


class Owner(Protocol):
    """What a document needs of its host."""

    files: Files
    store: Store

    def publish(self, event: Mapping[str, Any]) -> None: ...
    def owned(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]: ...


class OpenDocument:
    def __init__(self, row: Document, host: Owner) -> None:
        self.id: str = row.pk
        self._host = host
        self._store = host.store
        self.room = Room(row.pk, row.path, self._append, self._broken)
        self.disk = DiskCopy(row, host.files, self._notice, self._file_changed)
        self.news = FileNews(self.room, self.disk, host.publish, self.on_disk)
        self._saving: asyncio.Task[Any] | None = None
        self._on_disk = True
        self._tail = 0

    @property
    def access(self) -> str:
        return self.disk.access

    async def open(self) -> None:
        """Load the history, or seed it from the file. Raises Refused."""
        loaded = await self._store.load(self.id)
        self._tail = loaded.tail
        try:
            self.room.restore(loaded.updates, loaded.seq)
        except Poisoned as error:
            log.exception("document %s: its history cannot be applied", self.id)
            raise Unavailable("The history of this document cannot be applied.", "Ask an administrator.") from error
        if loaded.seq == 0:
            await self.disk.first(self.room)
        else:
            try:
                behind = await self.disk.opened(self.room, self._store)
            except Refused:  # the people have been told; the text is safe in the log
                behind = False
            if behind:
                self._changed("disk")
        self.news.changed()
        self.room.observe(self._changed)

    def on_disk(self) -> dict[str, Any]:
        """The event that says whether everything typed is in the file; told to who opens the document, too."""
        there = self._on_disk and not self.disk.detached and not self.disk.problem
        return {"type": "document.disk", "document": self.id, "on_disk": there, "seq": self.room.seq}

    def standing(self) -> list[dict[str, Any]]:
        """What who opens the document is told."""
        return [self.on_disk(), *self.news.standing()]

    def _file_changed(self) -> None:
        self.news.changed()
        if self.disk.behind(self.room):
            self._changed("disk")

    async def save(self) -> None:
        """Bring everything typed so far to disk. Raises OSError, Refused."""
        version = self.room.version
        seq = await self.disk.save(self.room)
        if not self._on_disk and not self.disk.detached and version == self.room.version:
            self._on_disk = True
            self._host.publish({"type": "document.disk", "document": self.id, "on_disk": True, "seq": seq})

    async def reconcile(self) -> None:
        try:
            await self.disk.reconcile(self.room)
        except Refused:
            log.info("document %s: its file cannot be read as text", self.id)

    async def move(self, path: str) -> None:
        self.room.path = path
        await self.disk.moved(path)
        await self.reconcile()  # a save may have missed it between the rename and now

    async def close(self) -> None:
        """Save, compact, let go. What cannot be written now is written at the next opening."""
        try:
            await self.save()
        except (OSError, Refused) as error:
            log.warning("document %s is not on disk: %s", self.id, error)
        self.room.unobserve(self._changed)
        if self._tail:
            await in_db(compact, self.id)
        self._store.forget(self.id)

    def _append(self, data: bytes, origin: str) -> asyncio.Future[int]:
        self._tail += 1
        if self._tail >= COMPACT_AFTER:
            self._tail = 0
            self._host.owned(in_db(compact, self.id), f"compact {self.id}")
        return self._store.append(self.id, data, origin)

    def _changed(self, origin: str) -> None:
        if self._on_disk and not self.disk.detached:
            self._on_disk = False
            self._host.publish(self.on_disk())
        if self._saving is None or self._saving.done():
            self._saving = self._host.owned(self._save_soon(), f"save {self.id}")

    async def _save_soon(self) -> None:
        """Save until nothing has changed meanwhile."""
        version, wait, problem = -1, SAVE_SECONDS, ""
        while version != self.room.version and not self.disk.detached:
            await asyncio.sleep(wait)
            version, wait = self.room.version, SAVE_SECONDS
            try:
                await self.save()
            except (OSError, Refused, DatabaseError) as error:
                version, wait = -1, RETRY_SECONDS
                if str(error) != problem:
                    self._notice("bad", f"The file could not be written: {error} It is tried again.")
                problem = str(error)

    def _notice(self, tone: str, text: str) -> None:
        self._host.publish({"type": "document.notice", "document": self.id, "tone": tone, "text": text})

    def _broken(self, room: Room) -> None:
        self._host.owned(self._rebuild(), f"rebuild {self.id}")

    async def _rebuild(self) -> None:
        """A replica was thrown away: build it anew from the log, again and again while the database is away."""
        while self.room.broken:
            try:
                loaded = await self._store.load(self.id)
                self.room.restore(loaded.updates, loaded.seq)
            except Poisoned:
                self._notice("bad", "The history of this document cannot be applied; ask an administrator.")
                return
            except LookupError:
                return
            except Exception as error:  # the database is away
                log.warning("document %s waits for the database: %s", self.id, error)
                await asyncio.sleep(RETRY_SECONDS)
