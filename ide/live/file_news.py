"""FileNews: what people who have a document open are told about its file: access, conflicts, whether it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ide.documents import protocol
from ide.documents.file.disk import DiskCopy
from ide.documents.room import Room

Event = dict[str, Any]


class FileNews:
    """`on_disk()` gives the document's own event. What is the same as last time is not told again."""

    def __init__(
        self, room: Room, disk: DiskCopy, publish: Callable[[Mapping[str, Any]], None], on_disk: Callable[[], Event]
    ) -> None:
        self._room, self._disk, self._publish, self._on_disk = room, disk, publish, on_disk
        self._told: dict[str, Event] = {}

    def standing(self) -> list[Event]:
        """For who opens the document."""
        return [self._access(), *([self._conflicts()] if self._disk.conflicts.open else [])]

    def changed(self) -> None:
        """Tell what is new; who holds the document learns whether it may still write, or may again."""
        before, self._told = self._told, {e["type"]: e for e in (self._on_disk(), self._access(), self._conflicts())}
        if not before:  # it is being opened
            return
        for kind, event in self._told.items():
            if kind == "document.disk" or before[kind] != event:  # of the first one others tell, too
                self._publish(event)
        if before["document.access"]["access"] != self._disk.access:
            for peer in self._room.peers:
                peer.send(protocol.authenticated(peer.name, peer.can_edit))

    def settle(self, conflict: str) -> bool:
        """Somebody chose what stays at a conflict; whether they were the first."""
        first = self._disk.conflicts.settle(conflict)
        if first:
            self.changed()
        return first

    def _access(self) -> Event:
        access = {"access": self._disk.access, "reason": self._disk.reason, "detached": self._disk.detached}
        return {"type": "document.access", "document": self._room.id, **access}

    def _conflicts(self) -> Event:
        hunks = [one.wire() for one in self._disk.conflicts.open]
        return {"type": "document.conflict", "document": self._room.id, "hunks": hunks}
