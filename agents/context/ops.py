"""symbols.find and context.* from the main socket. Parameters are checked here."""

from __future__ import annotations

import msgspec

from agents import wire
from agents.context import compaction, pins, symbols, window
from agents.endpoints import choice as endpoints
from agents.live import of
from agents.ops import Caller, Mention, read
from agents.sessions import library
from agents.sessions.transcript import LiveSession
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.errors import Conflict, TooLarge
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params


class SymbolsFind(msgspec.Struct):
    query: str
    path: str = ""


class Show(msgspec.Struct):
    """A turn not sent yet; no session: a new one."""

    text: str
    session: str = ""
    mentions: list[Mention] = []
    pictures: list[str] = []
    endpoint: int | None = None


class Pin(msgspec.Struct):
    session: str
    mention: Mention


class OfSession(msgspec.Struct):
    session: str
    endpoint: int | None = None


class OfCompaction(msgspec.Struct):
    session: str
    compaction: str


async def symbols_find(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(SymbolsFind, params)
    found = await symbols.symbols(host, given.query[:200], given.path)
    return {"symbols": [vars(one) for one in found], "complete": symbols.index(host).complete}


async def context_show(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    """What the next turn's first call would hold, part by part."""
    given = read(Show, params)
    sessions = of(host).sessions
    live = await sessions.session(given.session) if given.session else sessions.unborn()
    wanted = endpoints.Wanted("turn", host.team_id, participant.user_id)
    endpoint = await in_db(endpoints.choose, given.endpoint, wanted)
    mentions = [msgspec.to_builtins(mention) for mention in given.mentions]
    return await window.show(host, live, endpoint, window.Draft(given.text, mentions, given.pictures))


# --- pins -------------------------------------------------------------------------------------------------------------


async def context_pin(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    """Put a mention into every window of the session from now on; the same one twice is one pin."""
    given = read(Pin, params)
    live = await of(host).sessions.session(given.session)
    pin = msgspec.to_builtins(given.mention)
    if len(live.row.pins) >= pins.MOST:
        raise TooLarge(f"{pins.MOST} things are pinned, which is the most.", "Unpin something first.")
    await pins.check(host, pin)
    return await _pinned(live, [*(one for one in live.row.pins if one != pin), pin])


async def context_unpin(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(Pin, params)
    live = await of(host).sessions.session(given.session)
    pin = msgspec.to_builtins(given.mention)
    live.memory = None  # its text leaves the window
    return await _pinned(live, [one for one in live.row.pins if one != pin])


async def _pinned(live: LiveSession, now: list[wire.Json]) -> wire.Json:
    live.row.pins = now
    live.emit("pins.changed", pins=now)
    await in_db(library.change, live.row.pk, pins=now)
    if live.turn is None:
        await in_db(library.keep_number, live.row.pk, live.seq)
    return {"pins": now}


# --- compaction -------------------------------------------------------------------------------------------------------


async def context_compact(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(OfSession, params)
    live = await _resting(host, given.session)
    user = participant.user_id
    endpoint = await in_db(endpoints.choose, given.endpoint, endpoints.Wanted("turn", host.team_id, user))
    work = compaction.compact(live, compaction.Wanted(endpoint, user, by=user))
    row = await of(host).beside(work, f"session {live.row.pk} compaction")
    if row is None:
        raise Conflict("There is nothing to summarise yet.", "Ask something first.")
    return {"compaction": wire.compaction(row)}


async def context_uncompact(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(OfCompaction, params)
    live = await _resting(host, given.session)
    return {"compaction": wire.compaction(await compaction.uncompact(live, given.compaction))}


async def context_compaction(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    """What was said, and what stands in its place."""
    given = read(OfCompaction, params)
    live = await of(host).sessions.session(given.session)
    before, after = await in_db(compaction.sides, live.row.pk, given.compaction)
    return {"before": before, "after": after}


async def _resting(host: WorkspaceHost, session: str) -> LiveSession:
    """The session, if no turn runs in it. Raises Conflict, NotFound."""
    live = await of(host).sessions.session(session)
    if live.turn is not None:
        raise Conflict("A turn runs in this session.", "Wait for its end, or interrupt it.")
    await live.settled()
    return live


def register() -> None:
    for name, action, handler in (
        ("symbols.find", Action.TURN, symbols_find),
        ("context.show", Action.TURN, context_show),
        ("context.pin", Action.TURN, context_pin),
        ("context.unpin", Action.TURN, context_unpin),
        ("context.compact", Action.TURN, context_compact),
        ("context.uncompact", Action.TURN, context_uncompact),
        ("context.compaction", Action.SEE, context_compaction),
    ):
        ops.register(name, action, handler)
