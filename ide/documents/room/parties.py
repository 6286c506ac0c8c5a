"""Who has to do with a room: its peers, its keeper, and whoever holds it awake."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ide.documents.room.clients import Claim


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
    def say(self, text: str) -> None: ...  # an event, in order with the frames
    def refuse(self, reason: str) -> None: ...  # this document is denied; the socket's others go on


class Keeper(Protocol):
    """What a room needs of whoever keeps it."""

    def append(self, data: bytes, origin: str, claims: Sequence[Claim]) -> asyncio.Future[int]:
        """Log an update and whose its client ids are; done when it is committed, with its sequence number."""
        ...

    def claim(self, client: int, origin: str) -> None:
        """Log whose a client id is that has written nothing yet."""
        ...

    def quarantine(self, origin: str, reason: str, data: bytes) -> None: ...

    def changed(self, origin: str) -> None:
        """The text has changed."""
        ...

    def broken(self) -> None:
        """The replica was thrown away; answered with `restore`."""
        ...


class Hold:
    """Keeps a room from being closed for want of use, until it is released or left."""

    def __init__(self, holds: set[Hold]) -> None:
        self._holds = holds
        holds.add(self)

    def release(self) -> None:
        self._holds.discard(self)

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
