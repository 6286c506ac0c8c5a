"""quick.start of the main socket: explain, fix, tests, document. Turns with an instruction of ours, from prompts/.

Explaining and testing are turns of a session, with the code as a mention; fixing and documenting are inline edits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from agents import wire
from agents.engine.context import prompt
from agents.environments.live import writable
from agents.live import of
from agents.models import Turn
from agents.ops import Caller, read
from agents.sessions import talk, ways
from agents.sessions.acts import Sessions, Start
from agents.sessions.turns import Region
from ide.accounts.permissions import Action
from ide.errors import Conflict
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params

LONGEST_PROBLEM = 300
SAID: Mapping[str, str] = {"fix": "Fix this problem", "document": "Document this"}


class QuickStart(msgspec.Struct):
    """The code between two anchors. `session` is used if nothing runs in it."""

    kind: Literal["explain", "fix", "tests", "document"]
    document: str
    from_: str = msgspec.field(name="from")
    to: str
    problem: str = ""
    session: str | None = None
    endpoint: int | None = None


async def quick_start(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(QuickStart, params)
    room = await host.open_room(given.document)
    region = ways.region_of(room, given.from_, given.to)
    sessions = of(host).sessions
    start = await (_inline if given.kind in SAID else _asked)(sessions, participant.user_id, given, region)
    turn = await sessions.start(participant.user_id, start)
    return {"turn": turn.row.pk, "session": start.session}


async def _asked(sessions: Sessions, user_id: int, given: QuickStart, region: Region) -> Start:
    text = prompt(given.kind).format(place=_place(region))
    mention = {"kind": "selection", "path": region.room.path, "from": given.from_, "to": given.to}
    said: dict[str, object] = {"text": text, "mentions": [mention], "quick": given.kind}
    session = await _idle(sessions, user_id, given.session)
    return Start(session, Turn.Kind.SESSION, said, talk.talk, given.endpoint)


async def _inline(sessions: Sessions, user_id: int, given: QuickStart, region: Region) -> Start:
    room = writable(sessions.host, region.room)
    problem = f" problem: {given.problem[:LONGEST_PROBLEM]}" if given.problem else ""
    instruction = prompt(given.kind).format(problem=problem)
    said: dict[str, object] = {"text": SAID[given.kind], "quick": given.kind}
    said["mentions"] = [{"kind": "selection", "path": room.path}]
    session = await sessions.inline_session(user_id)
    return Start(session, Turn.Kind.INLINE, said, ways.inline(region, instruction), given.endpoint)


def _place(region: Region) -> str:
    """As people say it: the path and the lines. Raises Conflict when they are gone."""
    start, end = region.start.index(), region.end.index()
    if start is None or end is None:
        raise Conflict("The selected text was deleted meanwhile.", "Select what is there now.")
    text = region.room.text()
    first, last = (text.count("\n", 0, at) + 1 for at in (start, max(start, end)))
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    return f"{lines} of {region.room.path}"


async def _idle(sessions: Sessions, user_id: int, wanted: str | None) -> str:
    """The session that was named, or a new one if it is busy or none was."""
    if wanted is not None:
        live = await sessions.session(wanted)
        if live.turn is None:
            return wanted
    return str((await sessions.create(user_id)).row.pk)


def register() -> None:
    ops.register("quick.start", Action.TURN, quick_start)
