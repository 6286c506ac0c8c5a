"""queue.* from the main socket, and the sending of what waits: as its author's turn, when the turn before has ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import msgspec

from agents import wire
from agents.context import pictures
from agents.endpoints import choice as endpoints
from agents.live import of
from agents.models import QueueEntry, Turn
from agents.ops import Caller, Mention, read, shown
from agents.sessions import queue, redirect, talk
from agents.sessions.acts import Sessions, Start, allowed
from agents.sessions.library import keep_number
from agents.sessions.transcript import LiveSession
from agents.sessions.turns import LiveTurn
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.errors import Conflict, NotAllowed, Refused
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params

log = logging.getLogger(__name__)


class QueueAdd(msgspec.Struct):
    session: str
    text: str
    mentions: list[Mention] = []
    pictures: list[str] = []
    endpoint: int | None = None


class QueueEdit(msgspec.Struct):
    entry: str
    text: str
    mentions: list[Mention] | None = None


class QueueMove(msgspec.Struct):
    entry: str
    before: str | None = None


class QueueName(msgspec.Struct):
    entry: str


class QueueSend(msgspec.Struct):
    """`turn`: the one that runs as the person sees it; it must still be the running one."""

    entry: str
    as_: Literal["steer", "redirect", "start"] = msgspec.field(name="as")
    turn: str = ""


class QueueResume(msgspec.Struct):
    session: str


# --- sending ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Queues:
    """The queues of a workspace's sessions."""

    host: WorkspaceHost
    sessions: Sessions

    def saved(self, turn: LiveTurn) -> None:
        """A turn has ended: what waits is next if it ended well; else the queue's standing still is kept."""
        if turn.live.queue and not self.host.closed:
            self.host.owned(self._after(turn), f"queue after {turn.row.pk}")

    async def _after(self, turn: LiveTurn) -> None:
        live = turn.live
        async with live.queuing:
            head = live.queue[0] if live.queue else None
            if head is not None and head.held:
                await in_db(queue.hold, live.row.pk, head.pk, head.held)
            elif turn.row.state == Turn.State.COMPLETED:
                await self.next(live)
            await self._numbered(live)

    async def next(self, live: LiveSession) -> None:
        """Send the head of the queue, if it may go; why it may not is said by the entry. Call it holding `queuing`."""
        head = live.queue[0] if live.queue else None
        if head is None or head.held or not self.sessions.idle(live):
            return
        try:
            await self.start(live, head)
        except Refused as error:
            if self.sessions.idle(live):  # else somebody was quicker, and it waits for that turn's end
                live.queued(await in_db(queue.hold, live.row.pk, head.pk, f"{error.what} {error.do}".strip()))

    async def start(self, live: LiveSession, entry: QueueEntry) -> LiveTurn:
        """A turn of the entry's author."""
        said = await self._said(entry)
        start = Start(live.row.pk, Turn.Kind.SESSION, said, talk.talk, entry.endpoint_id, entry=entry.pk)
        return await self.sessions.start(entry.author_id, start)

    async def _said(self, entry: QueueEntry) -> wire.Json:
        """Its person item. Raises NotAllowed where its author may not have turns here now, Refused for pictures its
        model cannot see."""
        if entry.author_id not in await in_db(allowed, self.host.workspace_id, {entry.author_id}):
            why = f"{entry.author.shown_name} may not give a model work here any more."
            raise NotAllowed(why, "Say it yourself, or remove it.")
        if entry.data.get("pictures"):
            wanted = endpoints.Wanted("turn", self.host.team_id, entry.author_id)
            pictures.check_sees(await in_db(endpoints.choose, entry.endpoint_id, wanted))
        return {"mentions": [], **entry.data, "queued": True}

    async def steer(self, live: LiveSession, entry: QueueEntry, turn: str) -> None:
        """Say it to the running turn, in its author's name."""
        if entry.data.get("pictures"):
            raise Conflict("Pictures cannot be said to a running turn.", "Send it as a turn of its own.")
        said = await self._said(entry)
        paths = [str(one["path"]) for one in entry.data.get("mentions", []) if one.get("path")]
        about = f"\n\n(This is about {', '.join(paths)}.)" if paths else ""
        more = {name: said[name] for name in ("mentions", "changed") if said.get(name)}
        await self.sessions.steer(turn, entry.author_id, f"{said['text']}{about}", more)
        live.queued(await in_db(_without, live.row.pk, entry.pk))

    async def redirect(self, entry: QueueEntry, turn: str, by: wire.Json | None) -> None:
        redirect.standing(self.sessions, turn, str(entry.data["text"]))
        said = await self._said(entry)
        way = redirect.Way(entry.author_id, by, said, entry.endpoint_id, entry.pk)
        await redirect.redirect(self.sessions, turn, way)

    async def _numbered(self, live: LiveSession) -> None:
        if self.sessions.idle(live):  # a turn has its numbers reserved
            await in_db(keep_number, live.row.pk, live.seq)

    async def changed(self, live: LiveSession, entries: list[QueueEntry]) -> None:
        live.queued(entries)
        await self._numbered(live)

    async def of_entry(self, entry_id: str) -> LiveSession:
        """The session in whose queue it is. Raises NotFound."""
        return await self.sessions.session(await in_db(queue.session_of, self.host.workspace_id, entry_id))


def _without(session_id: str, entry_id: str) -> list[QueueEntry]:
    queue.take_out(session_id, entry_id)
    return queue.rows(session_id)


def queues(host: WorkspaceHost) -> Queues:
    return Queues(host, of(host).sessions)


async def follow(host: WorkspaceHost) -> None:
    """A workspace has been opened: what waits follows its turns."""
    of(host).sessions.on_saved = queues(host).saved


# --- ops --------------------------------------------------------------------------------------------------------------


async def queue_add(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(QueueAdd, params)
    queue.check(given.text)
    all_of = queues(host)
    live = await all_of.sessions.session(given.session)
    data: Params = {"text": given.text, "mentions": msgspec.to_builtins(given.mentions)}
    data |= await shown(host, participant, given.pictures, given.endpoint)
    async with live.queuing:
        entries = await in_db(queue.add, live.row.pk, participant.user_id, data, given.endpoint)
        made = entries[-1].pk
        await all_of.changed(live, entries)
        await all_of.next(live)
    return {"entry": made}


async def queue_edit(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(QueueEdit, params)
    changes: Params = {"text": queue.check(given.text)}
    if given.mentions is not None:
        changes["mentions"] = msgspec.to_builtins(given.mentions)
    all_of = queues(host)
    live = await all_of.of_entry(given.entry)
    async with live.queuing:
        await all_of.changed(live, await in_db(queue.edit, live.row.pk, given.entry, participant.user_id, changes))
    return {}


async def queue_move(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(QueueMove, params)
    all_of = queues(host)
    live = await all_of.of_entry(given.entry)
    async with live.queuing:
        place = queue.Place(given.before, participant.user_id, all_of.sessions.idle(live))
        await all_of.changed(live, await in_db(queue.move, live.row.pk, given.entry, place))
    return {}


async def queue_remove(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(QueueName, params)
    all_of = queues(host)
    live = await all_of.of_entry(given.entry)
    async with live.queuing:
        idle = all_of.sessions.idle(live)
        await all_of.changed(live, await in_db(queue.remove, live.row.pk, given.entry, idle))
    return {}


async def queue_send(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(QueueSend, params)
    all_of = queues(host)
    live = await all_of.of_entry(given.entry)
    async with live.queuing:
        entry = queue.found(live.queue, given.entry)
        if given.as_ == "start":
            await all_of.start(live, entry)
        else:
            turn = given.turn or (live.turn.pk if live.turn is not None else "")
            if live.turn is None or live.turn.pk != turn:
                raise Conflict("This turn has ended already.", "Send it as a turn of its own.")
            if given.as_ == "steer":
                await all_of.steer(live, entry, turn)
            else:
                await all_of.redirect(entry, turn, participant.person)
    return {}


async def queue_resume(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    """Let the queue go on; at once, if nothing runs."""
    all_of = queues(host)
    live = await all_of.sessions.session(read(QueueResume, params).session)
    async with live.queuing:
        await all_of.changed(live, await in_db(queue.let_go, live.row.pk))
        await all_of.next(live)
    return {}


def register() -> None:
    for name, handler in (
        ("queue.add", queue_add),
        ("queue.edit", queue_edit),
        ("queue.move", queue_move),
        ("queue.remove", queue_remove),
        ("queue.send", queue_send),
        ("queue.resume", queue_resume),
    ):
        ops.register(name, Action.TURN, handler)
