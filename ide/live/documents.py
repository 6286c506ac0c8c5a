"""OpenDocuments: the live documents of one workspace, from their opening until nobody uses them any more."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from ide import metrics
from ide.db import in_db
from ide.documents.log.compactor import CompactionFailed, compactor
from ide.documents.log.store import Store
from ide.documents.room import Room
from ide.errors import Conflict, NotFound, Refused, Unavailable
from ide.live import outside, rows
from ide.live.lease import Lease
from ide.live.open_document import OpenDocument
from ide.workspaces.files import Files

log = logging.getLogger(__name__)

T = TypeVar("T")
IDLE_SECONDS = 60.0


class OpenDocuments(ABC):
    """`closed` is set once it must not be used any more."""

    def __init__(self, workspace_id: str, files: Files, store: Store, lease: Lease) -> None:
        self.workspace_id = workspace_id
        self.files = files
        self.store = store
        self.lease = lease
        self.closed = False
        self._documents: dict[str, OpenDocument] = {}
        self._opening: dict[str, asyncio.Task[OpenDocument]] = {}
        self._tidying: dict[str, asyncio.Task[None]] = {}

    @abstractmethod
    def publish(self, event: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def saved(self) -> None: ...

    @abstractmethod
    def owned(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]: ...

    @property
    def rooms(self) -> dict[str, Room]:
        """Open rooms by document id."""
        return {id: document.room for id, document in self._documents.items()}

    def rooms_open(self) -> list[Room]:
        return [document.room for document in self._documents.values()]

    def document(self, document_id: str) -> OpenDocument | None:
        return self._documents.get(document_id)

    async def open_room(self, document_id: str) -> Room:
        """The live room of a document of this workspace; it stays open for a minute, or as long as it is in use.

        Raises NotFound, Unreadable and other Refused.
        """
        found = self._documents.get(document_id)
        if found is not None:
            return found.room
        task = self._opening.get(document_id)
        if task is None:
            task = self.owned(self._open(document_id), f"open {document_id}")
            self._opening[document_id] = task
            task.add_done_callback(lambda _: self._opening.pop(document_id, None))
        return (await asyncio.shield(task)).room

    async def open_path(self, path: str, create: bool = False) -> Room:
        """The live room of a file; with `create`, a file that is not there is made, empty."""
        if create:
            await asyncio.to_thread(self._make, path)
        row_id = await in_db(rows.id_of, self.workspace_id, path)
        if row_id is None:
            await asyncio.to_thread(self.files.read, path)  # raises if it is missing or cannot be a document
            row_id = await in_db(rows.make, self.workspace_id, path)
        return await self.open_room(row_id)

    def _make(self, path: str) -> None:
        try:
            self.files.stat(path)
        except NotFound:
            self.files.make_file(path)

    async def _open(self, document_id: str) -> OpenDocument:
        if self.closed:
            raise Unavailable("The workspace is being closed.", "Reload the page.")
        if document_id in self._tidying:  # it may begin a new epoch
            await asyncio.wait([self._tidying[document_id]])
        row = await in_db(rows.document, self.workspace_id, document_id)
        if row is None:
            raise NotFound("There is no such document.", "Open the file again.")
        document = OpenDocument(row, self)
        await document.open()
        self._documents[document_id] = document
        metrics.rooms.inc()
        return document

    async def close_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Save, compact and close the documents that nobody has used for so long."""
        now = time.monotonic()
        for document in self._documents.values():
            document.rest()
        for document in [one for one in self._documents.values() if one.idle(now) >= seconds]:
            await document.settle()
            await document.compact()
            # Whoever came meanwhile has its room; from here to the end nothing is awaited.
            if not document.in_use and not self.closed:
                del self._documents[document.id]
                document.let_go()
                metrics.rooms.dec()
                self._tidying[document.id] = task = self.owned(self._tidy(document.id), f"tidy {document.id}")
                task.add_done_callback(lambda _, id=document.id: self._tidying.pop(id, None))  # type: ignore[misc]

    async def _tidy(self, document_id: str) -> None:
        try:
            await compactor.tidy(document_id, self.lease.epoch)
        except CompactionFailed as error:
            log.warning("document %s was not tidied: %s", document_id, error)

    def moved(self, path: str, to: str | None) -> None:
        """A file or folder was renamed (`to`) or deleted (None) by us; documents under it follow."""
        self.owned(self.follow(path, to), f"moved {path}")

    async def follow(self, path: str, to: str | None) -> None:
        """`moved`, awaited."""
        if to is not None:
            await in_db(rows.move, self.workspace_id, path, to)
        for document in list(self._documents.values()):
            inside = document.room.path == path or document.room.path.startswith(path + "/")
            if inside and to is not None:
                await document.move(to + document.room.path[len(path) :])
                self.publish({"type": "document.moved", "document": document.room.id, "path": document.room.path})
            elif inside:
                await document.reconcile()

    async def flush(self, needed: Iterable[str] = ()) -> None:
        """Return when everything typed so far is committed, and on disk where its file can be written: whoever has
        the others open was told. Raises Conflict for the paths that are `needed`."""
        failed: dict[str, str] = {}
        for document in list(self._documents.values()):
            try:
                await document.save()
            except (OSError, Refused) as error:
                failed[document.room.path] = str(error)
        for path in failed.keys() & set(needed):
            raise Conflict(f"“{path}” is not on disk: {failed[path]}", "Put that right, then try again.")

    async def changed_on_disk(self, paths: Iterable[str]) -> None:
        """Merge what changed into open documents, and tell everybody that the tree may have changed.

        No path, or "" among them: anything may have changed.
        """
        changed = set(paths)
        changed -= await outside.merge(self, list(self._documents.values()), changed)  # of saves `saved` tells
        if changed:
            self.publish({"type": "files.changed", "paths": sorted(changed)})
