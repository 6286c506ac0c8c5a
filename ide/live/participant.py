"""Participant: one connected tab (or agent) of a workspace, and the bounded outbox everything for it goes through.

One queue carries document frames and events, so none overtakes another. A server like Daphne never makes `send` wait,
so what the browser has not taken yet is counted here: a bare Ping follows every 256 KiB and its Pong acknowledges them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ide.accounts.models import AccessToken
from ide.accounts.permissions import SCOPES, Action, refuse, role_may
from ide.db import new_id
from ide.documents import protocol

PING_EVERY = 256 << 10
HOLD_OVER = 1 << 20  # documents are held back, and sent as one difference later
DROP_OVER = 8 << 20  # not even events fit: the participant is gone
STUCK_SECONDS = 30.0
SLOWEST = 64 << 10  # bytes a second that a line carries at least
TOO_SLOW = 4408
RESTARTING = 4012
WORKSPACE = "workspace"  # the document that carries presence and requests


def event_text(event: Mapping[str, Any]) -> str:
    """An event as `Participant.say_text` takes it, for who sends it to many."""
    return _text({"jsonrpc": "2.0", "method": "event", "params": event})


def _text(message: Mapping[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


class Outbox:
    """Frames on their way to one socket. `on_held` is called when documents must be held back, `on_free` when they
    may go again. Without `write_with` somebody must take the frames with `next`."""

    def __init__(self, on_held: Callable[[], None], on_free: Callable[[], None]) -> None:
        self.held = False
        self.closing: tuple[int, str] | None = None
        self._on_held, self._on_free = on_held, on_free
        self._frames: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._put = self._acked = self._pinged = 0
        self._pings: deque[tuple[int, float]] = deque()
        self._write: Callable[[list[bytes]], None] | None = None
        self._writing = False  # a write is due in this turn of the loop

    def write_with(self, write: Callable[[list[bytes]], None] | None) -> None:
        """Hand all frames of a turn of the loop to `write` (`ide.live.frames`), if the server has that."""
        self._write = write

    @property
    def unacknowledged(self) -> int:
        return self._put - self._acked

    def put(self, frame: bytes) -> None:
        if self.closing is not None:
            return
        self._frames.append(frame)
        self._put += len(frame)
        if self._put - self._pinged >= PING_EVERY:
            self._pinged = self._put
            self._frames.append(protocol.PING_FRAME)
            self._pings.append((self._put, time.monotonic()))
        if self._write is None:
            self._wake.set()
        elif not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_soon(self._write_all)
        if self.unacknowledged > DROP_OVER and len(frame) < DROP_OVER:
            self.close(TOO_SLOW, "too slow")
        elif self.unacknowledged > HOLD_OVER and not self.held:
            self.held = True
            self._on_held()

    def _write_all(self) -> None:
        self._writing = False
        if self._frames and self._write is not None:
            frames = list(self._frames)
            self._frames.clear()
            self._write(frames)

    def acknowledge(self) -> None:
        """A Pong came: everything up to the oldest open Ping has been taken."""
        if self._pings:
            self._acked = self._pings.popleft()[0]
        if self.held and self.unacknowledged < PING_EVERY:
            self.held = False
            self._on_free()

    def stuck(self, now: float) -> bool:
        """Whether nothing has been taken for 30 s, and longer the more bytes are on their way: a first sync is one
        frame, which tells nothing of itself before it has arrived."""
        if not self._pings:
            return False
        size, since = self._pings[0]
        return now - since > STUCK_SECONDS + (size - self._acked) / SLOWEST

    def close(self, code: int, reason: str) -> None:
        """Close the socket behind what is queued; a slow or unwelcome one at once."""
        if self.closing is None:
            self.closing = (code, reason)
            if code != RESTARTING:
                self._frames.clear()
            self._wake.set()

    async def next(self) -> bytes | None:
        """The next frame; None when the socket is to be closed (`closing`)."""
        while self._write is not None or not self._frames:
            if self.closing is not None:
                self._write_all()
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._frames.popleft()


class Participant:
    """`person` is {id, name, colour}; `role` is the membership's, kept up to date by the host; `session` the key of
    the browser's session, which must not have ended."""

    def __init__(self, person: Mapping[str, Any], role: str | None, outbox: Outbox, session: str | None = None) -> None:
        self.id = new_id()
        self.person = dict(person)
        self.role = role
        self.outbox = outbox
        self.session = session
        self.token: AccessToken | None = None  # what they act through, if not a browser
        self.workspace_name = WORKSPACE  # as this client spells it (it may carry a session id)
        self.on_role: Callable[[], None] = lambda: None

    @property
    def user_id(self) -> int:
        return int(self.person["id"])

    def may(self, action: Action) -> bool:
        return role_may(self.role, action) and (self.token is None or action in SCOPES[self.token.scope])

    def need(self, action: Action) -> None:
        """Raise NotAllowed unless the role permits it."""
        if not self.may(action):
            refuse(action)

    def notify(self, event: Mapping[str, Any]) -> None:
        """Send one event (a JSON-RPC notification)."""
        self.say_text(event_text(event))

    def say(self, message: Mapping[str, Any]) -> None:
        self.say_text(_text(message))

    def say_text(self, payload: str) -> None:
        self.outbox.put(protocol.stateless(self.workspace_name, payload))

    def close(self, code: int, reason: str) -> None:
        self.outbox.close(code, reason)

    def check_pace(self) -> None:
        """Close a socket that has taken nothing for 30 s."""
        if self.outbox.stuck(time.monotonic()):
            self.close(TOO_SLOW, "too slow")
