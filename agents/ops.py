"""session.*, turn.*, block.* and proposal.* of the main socket. Parameters are checked here; no model logic.

Roles are checked by the table of ops before a handler runs.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeVar

import msgspec

from agents import wire
from agents.context import pictures, window
from agents.endpoints import choice as endpoints
from agents.environments.live import writable
from agents.jobs.rows import life as jobs
from agents.live import of
from agents.models import Turn
from agents.sessions import redirect, talk, ways
from agents.sessions.acts import Start
from agents.sessions.turns import Stop
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.errors import Invalid
from ide.live import ops
from ide.live.host import WorkspaceHost

T = TypeVar("T", bound=msgspec.Struct)
Params = dict[str, object]
LONGEST_INSTRUCTION = 8_000


class Caller(Protocol):
    """The participant who asks, as far as it matters here."""

    @property
    def user_id(self) -> int: ...

    @property
    def person(self) -> Params: ...

    def may(self, action: Action) -> bool: ...


class SessionCreate(msgspec.Struct):
    title: str = ""


class SessionOpen(msgspec.Struct):
    session: str
    after: int | None = None


class Mention(msgspec.Struct, omit_defaults=True):
    """`path` of what is in a file or folder; `name` and `line` of a symbol; `id` of a job, a turn or a command."""

    kind: Literal["file", "folder", "symbol", "selection", "diff", "terminal", "problems", "job", "turn"]
    path: str = ""
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    name: str = ""
    line: int | None = None
    id: str = ""


class TurnStart(msgspec.Struct):
    session: str
    text: str
    mentions: list[Mention] = []
    pictures: list[str] = []
    endpoint: int | None = None


class SessionEstimate(msgspec.Struct):
    """A turn not sent yet; no session: a new one."""

    text: str
    session: str = ""
    mentions: list[Mention] = []
    pictures: list[str] = []
    endpoint: int | None = None


class TurnInline(msgspec.Struct):
    document: str
    from_: str = msgspec.field(name="from")
    to: str
    instruction: str
    session: str | None = None
    endpoint: int | None = None


class TurnText(msgspec.Struct):
    turn: str
    text: str


class TurnRedirect(TurnText):
    mentions: list[Mention] = []
    pictures: list[str] = []


class TurnName(msgspec.Struct):
    turn: str


class BlockApply(msgspec.Struct):
    session: str
    item: str
    block: int
    path: str
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None


class Decide(msgspec.Struct):
    proposal: str
    hunks: list[str] | Literal["all"]


def read(kind: type[T], params: Params) -> T:
    """The parameters as that kind. Raises Invalid."""
    try:
        return msgspec.convert(params, kind)
    except msgspec.ValidationError as error:
        raise Invalid(
            f"The request cannot be used: {error}.", "Reload the page: it may be older than the server."
        ) from error


def _wanted(host: WorkspaceHost, participant: Caller) -> endpoints.Wanted:
    return endpoints.Wanted("turn", host.team_id, participant.user_id)


async def opened(host: WorkspaceHost, participant: Caller) -> wire.Json:
    """What `workspace.open` answers about models at work."""
    live = of(host)
    return {
        "sessions": await live.sessions.summaries(),
        "jobs": await in_db(jobs.of_workspace, host.workspace_id),
        "proposals": [*live.proposals.wire(), *live.suggestions.files.wire()],
        "regions": live.sessions.regions(),
        "models": wire.models(await in_db(endpoints.preferred, _wanted(host, participant))),
    }


async def session_create(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(SessionCreate, params)
    session = await of(host).sessions.create(participant.user_id, given.title)
    return {"session": session.summary()}


async def session_open(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(SessionOpen, params)
    session = await of(host).sessions.session(given.session)
    if participant.may(Action.TURN) and not host.closed:
        of(host).beside(window.read_ahead(host, session, participant.user_id), f"session {session.row.pk} read ahead")
    events = session.events_after(given.after) if given.after is not None else None
    return {"events": events} if events is not None else {"snapshot": await session.snapshot()}


async def session_estimate(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(SessionEstimate, params)
    sessions = of(host).sessions
    session = await sessions.session(given.session) if given.session else sessions.unborn()
    endpoint = await in_db(endpoints.choose, given.endpoint, _wanted(host, participant))
    mentions = [msgspec.to_builtins(mention) for mention in given.mentions]
    draft = window.Draft(given.text, mentions, given.pictures)
    return await window.estimate(host, session, endpoint, draft)


async def turn_start(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(TurnStart, params)
    said: Params = {"text": given.text, "mentions": msgspec.to_builtins(given.mentions)}
    said |= await shown(host, participant, given.pictures, given.endpoint)
    start = Start(given.session, Turn.Kind.SESSION, said, talk.talk, given.endpoint)
    turn = await of(host).sessions.start(participant.user_id, start)
    return {"turn": turn.row.pk}


async def shown(host: WorkspaceHost, who: Caller, ids: list[str], endpoint: int | None) -> Params:
    """The pictures of a message for its item, nothing if there are none. Raises Invalid where its model cannot see."""
    if not ids:
        return {}
    said = await in_db(pictures.said, host.workspace_id, ids)
    pictures.check_sees(await in_db(endpoints.choose, endpoint, _wanted(host, who)))
    return {"pictures": said}


async def turn_inline(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(TurnInline, params)
    if len(given.instruction) > LONGEST_INSTRUCTION:
        raise Invalid("The instruction is too long.", f"Use at most {LONGEST_INSTRUCTION:,} characters.")
    session = given.session or await of(host).sessions.inline_session(participant.user_id)
    room = writable(host, await host.open_room(given.document))
    region = ways.region_of(room, given.from_, given.to)
    said: Params = {"text": given.instruction, "mentions": [{"kind": "selection", "path": room.path}]}
    start = Start(session, Turn.Kind.INLINE, said, ways.inline(region, given.instruction), given.endpoint)
    turn = await of(host).sessions.start(participant.user_id, start)
    return {"turn": turn.row.pk}


async def turn_steer(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(TurnText, params)
    return await of(host).sessions.steer(given.turn, participant.user_id, given.text)


async def turn_interrupt(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return {"state": of(host).sessions.interrupt(read(TurnName, params).turn, Stop(participant.person))}


async def turn_redirect(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(TurnRedirect, params)
    sessions = of(host).sessions
    old = redirect.standing(sessions, given.turn, given.text)
    endpoint = old.endpoint.pk if old.endpoint else None
    seen = await shown(host, participant, given.pictures, endpoint)
    said: Params = {"text": given.text, "mentions": msgspec.to_builtins(given.mentions), **seen}
    way = redirect.Way(participant.user_id, participant.person, said, endpoint)
    return {"turn": (await redirect.redirect(sessions, given.turn, way)).row.pk}


async def block_apply(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(BlockApply, params)
    await of(host).sessions.session(given.session)  # of this workspace, before anything of it is read
    code = await in_db(ways.code_block, given.session, given.item, given.block)
    room = writable(host, await host.open_path(given.path, create=True))
    region = ways.region_of(room, given.from_, given.to) if given.from_ and given.to else None
    said: Params = {"text": f"Apply to {given.path}", "mentions": [{"kind": "file", "path": given.path}]}
    start = Start(given.session, Turn.Kind.APPLY, said, ways.apply_block(room, code, region), needs_model=False)
    turn = await of(host).sessions.start(participant.user_id, start)
    return {"turn": turn.row.pk}


async def proposal_accept(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(Decide, params)
    files = of(host).suggestions.files
    if files.knows(given.proposal):
        await files.accept(given.proposal)
        return {}
    await of(host).proposals.accept(given.proposal, None if given.hunks == "all" else given.hunks)
    return {}


async def proposal_reject(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(Decide, params)
    files = of(host).suggestions.files
    if files.knows(given.proposal):
        await files.reject(given.proposal)
        return {}
    chosen = None if given.hunks == "all" else given.hunks
    await of(host).proposals.reject(given.proposal, chosen, participant.user_id)
    return {}


def register() -> None:
    ops.contribute(opened)
    for name, action, handler in (
        ("session.create", Action.TURN, session_create),
        ("session.open", Action.SEE, session_open),
        ("session.estimate", Action.TURN, session_estimate),
        ("turn.start", Action.TURN, turn_start),
        ("turn.inline", Action.TURN, turn_inline),
        ("turn.steer", Action.TURN, turn_steer),
        ("turn.interrupt", Action.TURN, turn_interrupt),
        ("turn.redirect", Action.TURN, turn_redirect),
        ("block.apply", Action.TURN, block_apply),
        ("proposal.accept", Action.EDIT, proposal_accept),
        ("proposal.reject", Action.EDIT, proposal_reject),
    ):
        ops.register(name, action, handler)
