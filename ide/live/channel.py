"""Channel: one document on one socket, as the peer of its room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ide import metrics
from ide.accounts.permissions import Action
from ide.documents import protocol
from ide.documents.room import Room
from ide.live.limits import Pace
from ide.live.open_document import OpenDocument
from ide.live.participant import Outbox, Participant

WAITING_BYTES = 16 << 20  # frames for a document that is still being opened
AWARENESS_LIMIT = 16 << 10
TOO_MANY = 4429


class Channel:
    """`name` is the document's, with the session id if the client gave one: two sessions of one document on one socket
    are two peers. `denied(channel, reason)` is called when the document is denied."""

    def __init__(self, name: str, participant: Participant, denied: Callable[[Channel, str], None]) -> None:
        self.name = name
        self.room: Room | None = None
        self.missed_since: bytes | None = None
        self._document: OpenDocument | None = None
        self._participant = participant
        self._denied = denied
        self._waiting: list[protocol.NamedMessage] = []
        self._waiting_bytes = 0
        self._awareness = Pace(self._heard)

    # --- as the room sees it --------------------------------------------------------------------------------------

    @property
    def person(self) -> Mapping[str, Any]:
        return self._participant.person

    @property
    def can_edit(self) -> bool:
        file = self._document
        return self._participant.may(Action.EDIT) and (file is None or file.access == "edit")

    def send(self, frame: bytes, droppable: bool = False) -> None:
        if not (droppable and self.missed_since is not None):
            self._outbox.put(frame)

    def close(self, code: int, reason: str) -> None:
        self._outbox.close(code, reason)

    def say(self, text: str) -> None:
        self._participant.say_text(text)

    def refuse(self, reason: str) -> None:
        self._outbox.put(protocol.denied(self.name, reason))
        self._denied(self, reason)

    @property
    def _outbox(self) -> Outbox:
        return self._participant.outbox

    # --- as the socket sees it ------------------------------------------------------------------------------------

    def say_access(self) -> None:
        self.send(protocol.authenticated(self.name, self.can_edit))

    def take(self, message: protocol.NamedMessage, size: int) -> None:
        """A message of the client about this document; before the document is open it waits. So does a question whose
        answer may be the whole text, while the browser does not keep up. Raises Malformed."""
        if self.room is None or (self._outbox.held and isinstance(message, protocol.SyncStep1)):
            self._waiting.append(message)
            self._waiting_bytes += size
            if self._waiting_bytes > WAITING_BYTES:
                metrics.limited.labels("waiting").inc()
                self.close(TOO_MANY, "too much at once")
        elif not isinstance(message, protocol.Awareness):
            self.room.receive(self, message)
        elif size <= AWARENESS_LIMIT:
            self._awareness.offer(message)

    def take_update(self, update: bytes) -> None:
        """`take`, for the message that comes with every keystroke; the document is open."""
        if self.room is not None:
            self.room.receive(self, update)

    def _heard(self, message: protocol.Awareness) -> None:
        if self.room is not None:
            self.room.receive(self, message)

    def enter(self, document: OpenDocument) -> None:
        """The document is open: the client is told, and what it said meanwhile is heard."""
        self._document, room = document, document.room
        self.room = room
        self.say_access()
        room.add_peer(self)
        if self._outbox.held:
            self.hold()
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            if self.room is not None:  # it may be denied by one of them
                self.take(message, 0)

    def leave(self) -> None:
        self._awareness.stop()
        room, self.room = self.room, None
        if room is not None:
            room.remove_peer(self)

    def hold(self) -> None:
        """The browser does not keep up: leave droppable frames out from here on."""
        if self.room is not None and self.missed_since is None:
            self.missed_since = self.room.state()

    def catch_up(self) -> None:
        if self.room is not None and self.missed_since is not None:
            state, self.missed_since = self.missed_since, None
            self.room.catch_up(self, state)
        while self.room is not None and self._waiting and not self._outbox.held:
            self.take(self._waiting.pop(0), 0)
        if not self._waiting:
            self._waiting_bytes = 0
