"""A keeper for a room that is open without a host: its log is the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ide.documents.log.store import Store
from ide.documents.room import Room
from ide.documents.room.clients import Claim, Clients
from ide.documents.yjs.replica import Replica


class StoreKeeper:
    def __init__(self, document: str, path: str, store: Store) -> None:
        self.store = store
        self.room = Room(document, path, self)

    async def load(self) -> Room:
        """The room with its history, from the log."""
        loaded = await self.store.load(self.room.id)
        clients = Clients(loaded.clients, loaded.old_clients)
        self.room.restore(Replica(loaded.updates), loaded.epoch, loaded.seq, clients)
        return self.room

    def append(self, data: bytes, origin: str, claims: Sequence[Claim]) -> asyncio.Future[int]:
        return self.store.append(self.room.id, data, origin, claims)

    def claim(self, client: int, origin: str) -> None:
        self.store.claim(self.room.id, client, origin)

    def quarantine(self, origin: str, reason: str, data: bytes) -> None:
        self.store.quarantine(self.room.id, origin, reason, data)

    def changed(self, origin: str) -> None:
        pass

    def broken(self) -> None:
        pass
