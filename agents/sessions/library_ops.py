"""session.rename, .archive, .fork and .older from the main socket."""

from __future__ import annotations

from typing import Annotated

import msgspec

from agents import wire
from agents.live import of
from agents.ops import Caller, read
from agents.sessions import library
from agents.sessions.transcript import LiveSession
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params


class Rename(msgspec.Struct):
    session: str
    title: str


class Archive(msgspec.Struct):
    session: str
    archived: bool


class Fork(msgspec.Struct):
    session: str
    turn: str


class Older(msgspec.Struct):
    session: str
    before: str
    most: Annotated[int, msgspec.Meta(ge=1, le=library.PAGE)] = library.PAGE
    to: str = ""  # a turn: all of it and behind it, and `most` before it


async def session_rename(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(Rename, params)
    title = library.titled(given.title)
    live = await of(host).sessions.session(given.session)
    await in_db(library.change, live.row.pk, title=title)
    live.row.title = title
    return await _told(live)


async def session_archive(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(Archive, params)
    live = await of(host).sessions.session(given.session)
    await in_db(library.change, live.row.pk, archived=given.archived)
    live.row.archived = given.archived
    return await _told(live)


async def session_fork(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(Fork, params)
    sessions = of(host).sessions
    live = await sessions.session(given.session)
    if live.turn is None:
        await live.settled()  # the newest turn may have ended without being saved yet
    made = await in_db(library.fork, host.workspace_id, live.row.pk, given.turn, participant.user_id)
    return await _told(await sessions.session(made))


async def session_older(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(Older, params)
    return await (await of(host).sessions.session(given.session)).older(given.before, given.most, given.to)


async def _told(live: LiveSession) -> wire.Json:
    live.changed()
    await in_db(library.keep_number, live.row.pk, live.seq)
    return {"session": live.summary()}


def register() -> None:
    ops.register("session.rename", Action.TURN, session_rename)
    ops.register("session.archive", Action.TURN, session_archive)
    ops.register("session.fork", Action.TURN, session_fork)
    ops.register("session.older", Action.SEE, session_older)
