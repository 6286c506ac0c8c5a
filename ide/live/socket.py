"""MainSocket: the lean ASGI callable behind `/ws/workspaces/<id>`. Channels has routed, checked origin and person.

One read loop and one write loop a socket; all documents of a workspace are multiplexed on it. A request is a task of
the host (so `turn.interrupt` never waits behind another), a document's frame is handled on the spot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from ide.accounts.models import User
from ide.accounts.permissions import Action, allow, role_in
from ide.db import in_db
from ide.documents import protocol
from ide.documents.awareness import Roster
from ide.documents.protocol import Malformed
from ide.documents.replica import EMPTY_UPDATE
from ide.documents.room import Room
from ide.errors import NotFound, Refused
from ide.live import door, ops
from ide.live.door import Turned
from ide.live.host import WorkspaceHost, host_of
from ide.live.lease import HostedElsewhere
from ide.live.participant import WORKSPACE, Outbox, Participant
from ide.workspaces.models import Workspace

log = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Daphne's autobahn sends no close code but 1000 and 3000 to 4999 (it raises, and the socket stays open), so what RFC
# 6455 calls 1008, 1011 and 1012 are 4008, 4011 and 4012 here.
MALFORMED, SIGN_IN, FORBIDDEN, GONE, ELSEWHERE, TOO_MANY, BUG = 4400, 4401, 4403, 4404, 4409, 4429, 4011
WAITING_BYTES = 16 << 20  # frames for a document that is still being opened
OPEN_DOCUMENTS = 500
REQUESTS_AT_ONCE = 64
AWARENESS_LIMIT = 16 << 10


class Channel:
    """A room's peer: one document on one socket."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self.room: Room | None = None
        self.waiting: list[protocol.Message] = []
        self.waiting_bytes = 0
        self.missed_since: bytes | None = None
        self._connection = connection

    @property
    def person(self) -> Mapping[str, Any]:
        return self._connection.participant.person

    @property
    def can_edit(self) -> bool:
        return self._connection.can_edit(self)

    def send(self, frame: bytes, droppable: bool = False) -> None:
        if not (droppable and self.missed_since is not None):
            self._connection.outbox.put(frame)

    def close(self, code: int, reason: str) -> None:
        self._connection.outbox.close(code, reason)

    def say_access(self) -> None:
        self.send(protocol.authenticated(self.name, self.can_edit))

    def hold(self) -> None:
        """The browser does not keep up: leave droppable frames out from here on."""
        if self.room is not None and self.missed_since is None:
            self.missed_since = self.room.state()

    def catch_up(self) -> None:
        if self.room is not None and self.missed_since is not None:
            state, self.missed_since = self.missed_since, None
            self.room.catch_up(self, state)


class Connection:
    """One accepted socket."""

    def __init__(
        self, host: WorkspaceHost, person: Mapping[str, Any], role: str, presence: Roster, session: str | None = None
    ) -> None:
        self.host = host
        self.outbox = Outbox(self._hold, self._free)
        self.participant = Participant(person, role, self.outbox, session)
        self.participant.on_role = self._role_changed
        self._channels: dict[str, Channel] = {}
        self._presence = presence
        self._requests = 0

    def can_edit(self, channel: Channel) -> bool:
        document = self.host.document(channel.room.id) if channel.room is not None else None
        return self.participant.may(Action.EDIT) and (document is None or document.access == "edit")

    def take(self, data: bytes) -> None:
        """One binary frame from the browser. Raises Malformed."""
        message = protocol.decode(data)
        if isinstance(message, protocol.Ping):
            self.outbox.put(protocol.PONG_FRAME)
        elif isinstance(message, protocol.Pong):
            self.outbox.acknowledge()
        elif message.document == WORKSPACE:
            self._workspace(message)
        else:
            self._document(message, len(data))

    def leave(self) -> None:
        for channel in self._channels.values():
            if channel.room is not None:
                channel.room.remove_peer(channel)
        self._channels.clear()
        self.host.leave(self.participant)
        self._tell_presence(self._presence.leave(self.participant), None)

    # --- documents -----------------------------------------------------------------------------------------------

    def _document(self, message: protocol.NamedMessage, size: int) -> None:
        channel = self._channels.get(message.name)
        if isinstance(message, protocol.Close):
            self._drop(message.name)
        elif channel is None:
            if isinstance(message, protocol.Token):  # anything else is late: the channel has been closed
                self._open(message)
        elif isinstance(message, protocol.Token):
            if channel.room is not None:
                channel.say_access()
        elif channel.room is not None:
            if isinstance(message, protocol.Awareness) and size > AWARENESS_LIMIT:
                return
            channel.room.receive(channel, message)
        else:
            channel.waiting.append(message)
            channel.waiting_bytes += size
            if channel.waiting_bytes > WAITING_BYTES:
                channel.close(TOO_MANY, "too much at once")

    def _open(self, message: protocol.Token) -> None:
        if len(self._channels) >= OPEN_DOCUMENTS:
            self.outbox.put(protocol.denied(message.name, "too many documents are open"))
            return
        channel = self._channels[message.name] = Channel(message.name, self)
        self.host.owned(self._opened(channel, message.document), f"open {message.document}")

    async def _opened(self, channel: Channel, document: str) -> None:
        try:
            room = await self.host.open_room(document)
        except Exception as error:  # this socket's edge too; what is no refusal was logged by the host
            if self._channels.get(channel.name) is channel:
                del self._channels[channel.name]
            why = error.what if isinstance(error, Refused) else "It could not be opened. Try it again."
            channel.send(protocol.denied(channel.name, why))
            return
        if self._channels.get(channel.name) is not channel:
            return  # closed meanwhile
        channel.room = room
        channel.say_access()
        room.add_peer(channel)
        opened = self.host.document(room.id)
        if opened is not None:
            for event in opened.standing():
                self.participant.notify(event)
        if self.outbox.held:
            channel.hold()
        waiting, channel.waiting = channel.waiting, []
        for one in waiting:
            room.receive(channel, one)

    def _drop(self, name: str) -> None:
        channel = self._channels.pop(name, None)
        if channel is not None and channel.room is not None:
            channel.room.remove_peer(channel)

    def _role_changed(self) -> None:
        for channel in self._channels.values():
            if channel.room is not None:
                channel.say_access()

    def _hold(self) -> None:
        for channel in self._channels.values():
            channel.hold()

    def _free(self) -> None:
        for channel in self._channels.values():
            channel.catch_up()

    # --- the document `workspace`: presence and requests ---------------------------------------------------------

    def _workspace(self, message: protocol.NamedMessage) -> None:
        name = self.participant.workspace_name = message.name
        if isinstance(message, protocol.Stateless):
            self._request(message.payload)
        elif isinstance(message, protocol.Awareness):
            passed = self._presence.receive(self.participant, self.participant.person, message.data)
            self._tell_presence(passed, self.participant)
        elif isinstance(message, protocol.Token):
            self.outbox.put(protocol.authenticated(name, True))
        elif isinstance(message, protocol.SyncStep1):
            self.outbox.put(protocol.step_2(name, EMPTY_UPDATE))
            self.outbox.put(protocol.step_1(name, b"\0"))
            self._say_everyone(name)
        elif isinstance(message, protocol.SyncUpdate):  # it holds no text; an acknowledgement keeps the client's count
            self.outbox.put(protocol.sync_status(name, True))
        elif isinstance(message, protocol.QueryAwareness):
            self._say_everyone(name)

    def _say_everyone(self, name: str) -> None:
        here = self._presence.everyone()
        if here:
            self.outbox.put(protocol.awareness(name, here))

    def _tell_presence(self, data: bytes | None, sender: Participant | None) -> None:
        if not data:
            return
        for other in self.host.participants.values():
            if other is not sender and not other.outbox.held:
                other.outbox.put(protocol.awareness(other.workspace_name, data))

    def _request(self, payload: str) -> None:
        if self._requests >= REQUESTS_AT_ONCE:
            self.participant.close(TOO_MANY, "too many requests at once")
            return
        self._requests += 1
        self.host.owned(self._answer(payload), "request")

    async def _answer(self, payload: str) -> None:
        try:
            response = await ops.answer(self.host, self.participant, payload)
        finally:
            self._requests -= 1
        if response is not None:
            self.participant.say_text(response)


class MainSocket:
    """The ASGI application. Needs `user` and `url_route` in its scope (AuthMiddlewareStack, URLRouter)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()
        if first["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})  # a refusal is told by its close code, which needs an open socket
        workspace_id = str(scope["url_route"]["kwargs"]["workspace_id"])
        try:
            guest = await door.guest(scope, receive, send)
            connection = await _admitted(guest.user, workspace_id, guest.session)
        except Turned as turned:
            with contextlib.suppress(OSError):
                await send({"type": "websocket.close", "code": turned.code, "reason": turned.reason[:100]})
            return
        await _serve(connection, guest.receive, send)


def _facts(user: User, workspace_id: str) -> tuple[dict[str, Any], str]:
    """The person and the role. Raises NotFound, NotAllowed."""
    workspace = Workspace.objects.filter(pk=workspace_id).first()
    if workspace is None:
        raise NotFound("There is nothing here, or it is not shared with you.")
    allow(user, Action.SEE, workspace)
    role = role_in(user, workspace) or ""
    return {"id": user.pk, "name": user.shown_name, "colour": user.colour}, role


async def _admitted(user: User, workspace_id: str, session: str | None) -> Connection:
    try:
        person, role = await in_db(_facts, user, workspace_id)
        host = await host_of(workspace_id)
    except HostedElsewhere as error:
        raise Turned(ELSEWHERE, "hosted elsewhere") from error
    except Refused as error:
        code = FORBIDDEN if error.status == 403 else GONE
        raise Turned(code, error.what) from error
    except Turned:
        raise
    except Exception as error:  # the edge of this socket: a workspace that cannot be opened ends nothing else
        log.exception("workspace %s could not be opened", workspace_id)
        raise Turned(BUG, "the workspace could not be opened") from error
    presence = cast(Roster, host.extensions.setdefault(Roster, Roster()))
    connection = Connection(host, person, role, presence, session)
    connection.participant.token = user.token
    return connection


async def _serve(connection: Connection, receive: Receive, send: Send) -> None:
    connection.host.join(connection.participant)
    writer = asyncio.get_running_loop().create_task(_write(connection.outbox, send))
    reader = asyncio.get_running_loop().create_task(_read(connection, receive))
    try:
        await asyncio.wait([reader, writer], return_when=asyncio.FIRST_COMPLETED)
    finally:
        connection.leave()
        reader.cancel()
        if writer.done() or reader.done():
            writer.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)


async def _read(connection: Connection, receive: Receive) -> None:
    """Until the browser leaves, or is closed."""
    while connection.outbox.closing is None:
        event = await receive()
        if event["type"] != "websocket.receive":
            return
        data = event.get("bytes")
        try:
            if data is None:
                raise Malformed("only binary frames are understood")
            connection.take(data)
        except Malformed as error:
            connection.outbox.close(MALFORMED, str(error))
        except Exception:  # the edge of the read loop: a bug ends this socket, not its neighbours
            log.exception("a frame of %s could not be handled", connection.participant.id)
            connection.outbox.close(BUG, "a fault in the server")
    await asyncio.Event().wait()  # the write loop sends the close and ends the connection


async def _write(outbox: Outbox, send: Send) -> None:
    while (frame := await outbox.next()) is not None:
        await send({"type": "websocket.send", "bytes": frame})
    code, reason = outbox.closing or (1000, "")
    await send({"type": "websocket.close", "code": code, "reason": reason[:100]})
