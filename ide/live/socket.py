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

from django.conf import settings

from ide.accounts.models import User
from ide.accounts.permissions import Action, allow, role_in
from ide.db import in_db
from ide.documents import protocol
from ide.documents.protocol import Malformed
from ide.documents.room.awareness import Roster
from ide.documents.room.room import EPOCH, UPDATE_LIMIT
from ide.documents.yjs.replica import EMPTY_UPDATE
from ide.errors import NotFound, Refused, Unavailable
from ide.live import door, ops
from ide.live.channel import Channel
from ide.live.door import Turned
from ide.live.frames import EXTENSION
from ide.live.host import WorkspaceHost, host_of
from ide.live.lease import HostedElsewhere
from ide.live.limits import Intake, Pace
from ide.live.limits import person as person_limits
from ide.live.participant import WORKSPACE, Outbox, Participant
from ide.metrics import limited
from ide.workspaces.models import Workspace

log = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Daphne's autobahn sends no close code but 1000 and 3000 to 4999 (it raises, and the socket stays open), so what RFC
# 6455 calls 1008, 1011 and 1012 are 4008, 4011 and 4012 here.
MALFORMED, SIGN_IN, FORBIDDEN, GONE, ELSEWHERE, TOO_MANY, BUG = 4400, 4401, 4403, 4404, 4409, 4429, 4011
OPEN_DOCUMENTS = 500
REQUESTS_AT_ONCE = 64
FRAME_LIMIT = UPDATE_LIMIT + 1024
OLD_EPOCH, OLD_EPOCHS = 4410, 3  # how often a client may come with a replica of another epoch on one socket


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
        self._typed: dict[bytes, Channel] = {}  # open ones by what each of their updates begins with
        self._presence = presence
        self._presence_pace = Pace(self._present)
        self._requests = 0
        self._old_epochs = 0
        self.sender = person_limits(self.participant.user_id)

    def take(self, data: bytes) -> None:
        """One binary frame from the browser. Raises Malformed."""
        if len(data) > FRAME_LIMIT:
            raise Malformed("a message is larger than 8 MiB")
        at = data[0] + 3 if data else 0
        typed = self._typed.get(data[:at])
        if typed is not None:
            typed.take_update(protocol.update_in(data, at))
            return
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
            channel.leave()
        self._channels.clear()
        self._typed.clear()
        self._presence_pace.stop()
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
        else:
            channel.take(message, size)

    def _open(self, message: protocol.Token) -> None:
        if len(self._channels) >= OPEN_DOCUMENTS:
            self.outbox.put(protocol.denied(message.name, "too many documents are open"))
            return
        channel = self._channels[message.name] = Channel(message.name, self.participant, self._denied)
        self.host.owned(self._opened(channel, message), f"open {message.document}")

    async def _opened(self, channel: Channel, asked: protocol.Token) -> None:
        try:
            room = await self.host.open_room(asked.document)
        except Exception as error:  # this socket's edge too; what is no refusal was logged by the host
            if self._channels.get(channel.name) is channel:
                channel.refuse(error.what if isinstance(error, Refused) else "It could not be opened. Try it again.")
            return
        document = self.host.document(room.id)
        if self._channels.get(channel.name) is not channel or document is None:
            return  # closed meanwhile
        if asked.epoch not in (None, room.epoch):
            channel.refuse(EPOCH)
            return
        channel.enter(document)
        self._typed[protocol.update_head(channel.name)] = channel
        for event in document.standing():
            self.participant.notify(event)

    def _denied(self, channel: Channel, reason: str) -> None:
        self._drop(channel.name)
        self._old_epochs += reason == EPOCH
        if self._old_epochs > OLD_EPOCHS:
            self.outbox.close(OLD_EPOCH, "this replica is of another epoch")

    def _drop(self, name: str) -> None:
        """A client that closes a document gets no Close in answer: it may have opened it again by then."""
        channel = self._channels.pop(name, None)
        if channel is not None:
            self._typed.pop(protocol.update_head(name), None)
            channel.leave()

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
            self._presence_pace.offer(message.data)
        elif isinstance(message, protocol.Token):
            self.outbox.put(protocol.authenticated(name, True))
        elif isinstance(message, protocol.SyncStep1):
            self.outbox.put(protocol.step_2(name, EMPTY_UPDATE))
            if not message.reply:
                self.outbox.put(protocol.step_1(name, b"\0"))
            self._say_everyone(name)
        elif isinstance(message, protocol.SyncUpdate):  # it holds no text; an acknowledgement keeps the client's count
            self.outbox.put(protocol.sync_status(name, True))
        elif isinstance(message, protocol.QueryAwareness):
            self._say_everyone(name)

    def _present(self, data: bytes) -> None:
        try:
            passed = self._presence.receive(self.participant, self.participant.person, data)
        except Malformed as error:
            self.outbox.close(MALFORMED, str(error))
        else:
            self._tell_presence(passed, self.participant)

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
        connection.outbox.write_with(scope.get("extensions", {}).get(EXTENSION, {}).get("write"))
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
        raise Turned(ELSEWHERE, error.reason) from error
    except Unavailable as error:  # not here, or not yet: who comes again may find it, and is not sent away for good
        raise Turned(ELSEWHERE, error.what) from error
    except Refused as error:
        code = FORBIDDEN if error.status == 403 else GONE
        raise Turned(code, error.what) from error
    except Turned:
        raise
    except Exception as error:  # the edge of this socket: a workspace that cannot be opened ends nothing else
        log.exception("workspace %s could not be opened", workspace_id)
        raise Turned(BUG, "the workspace could not be opened") from error
    _room_for_one_more(host, user)
    presence = cast(Roster, host.extensions.setdefault(Roster, Roster()))
    connection = Connection(host, person, role, presence, session)
    connection.participant.token = user.token
    return connection


def _room_for_one_more(host: WorkspaceHost, user: User) -> None:
    if person_limits(user.pk).sockets >= settings.SOCKETS_PER_PERSON:
        limited.labels("sockets of a person").inc()
        raise Turned(TOO_MANY, "you have too many tabs open")
    if len(host.participants) >= settings.SOCKETS_PER_WORKSPACE:
        limited.labels("sockets of a workspace").inc()
        raise Turned(TOO_MANY, "too many people are here")


async def _serve(connection: Connection, receive: Receive, send: Send) -> None:
    connection.sender.sockets += 1
    connection.host.join(connection.participant)
    writer = asyncio.get_running_loop().create_task(_write(connection.outbox, send))
    reader = asyncio.get_running_loop().create_task(_read(connection, Intake(receive, connection.sender)))
    try:
        await asyncio.wait([reader, writer], return_when=asyncio.FIRST_COMPLETED)
    finally:
        connection.sender.sockets -= 1
        connection.leave()
        reader.cancel()
        if writer.done() or reader.done():
            writer.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)


async def _read(connection: Connection, intake: Intake) -> None:
    """Until the browser leaves, or is closed."""
    while connection.outbox.closing is None:
        event = await intake.next()
        if intake.overrun:
            connection.outbox.close(TOO_MANY, "too much at once")
            break
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
