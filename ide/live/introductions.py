"""Introductions: tells who has a document open whose a new client id is, and which text was moved.

One event for all that became known within a moment. Moves are looked for only while somebody is looking at authors:
that reads the log, in a database thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

from ide.db import in_db
from ide.documents.history import authorship
from ide.documents.history import timeline as history
from ide.documents.models import Document
from ide.documents.room.clients import Claim

WAIT_SECONDS = 0.3
TELLING_BYTES = 24  # no smaller update brings a line or 20 characters back


class Owner(Protocol):
    def publish(self, event: Mapping[str, Any]) -> None: ...
    def owned(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]: ...


class Introductions:
    def __init__(self, document_id: str, owner: Owner, seq: Callable[[], int]) -> None:
        self._id, self._owner, self._seq = document_id, owner, seq
        self._clients: dict[int, str] = {}
        self._moved = False
        self._told = -1  # the row up to which moves were told
        self._telling: asyncio.Task[Any] | None = None

    def took(self, data: bytes, claims: Iterable[Claim]) -> None:
        """An update goes to the log."""
        for client, origin, _ in claims:
            self._clients[client] = origin
        looked = len(data) >= TELLING_BYTES and history.looked_at(self._id)
        self._moved = self._moved or looked
        if (self._clients or looked) and (self._telling is None or self._telling.done()):
            if self._told < 0:
                self._told = self._seq()
            self._telling = self._owner.owned(self._tell(), f"introduce {self._id}")

    async def _tell(self) -> None:
        while self._clients or self._moved:
            await asyncio.sleep(WAIT_SECONDS)
            clients, self._clients = self._clients, {}
            moved, self._moved = self._moved, False
            try:
                ranges = await self._ranges() if moved else []
            except Document.DoesNotExist:
                return
            if clients or ranges:
                origins = {*clients.values(), *(origin for _, _, _, origin in ranges)}
                event = {"document": self._id, "clients": [*clients.items()], "ranges": ranges}
                authors = await in_db(history.described, origins)
                self._owner.publish({"type": "document.authors", **event, "authors": authors})

    async def _ranges(self) -> list[tuple[int, int, int, str]]:
        self._told, found = await in_db(authorship.found_since, self._id, self._told)
        return found
