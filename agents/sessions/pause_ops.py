"""pause.go and pause.leave from the main socket, and what is said to a turn somebody has typed into."""

from __future__ import annotations

import logging

import msgspec

from agents import wire
from agents.live import of
from agents.models import Turn
from agents.ops import Caller, read
from agents.sessions import redirect
from agents.sessions.acts import allowed
from agents.sessions.pauses import Pause, where
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.errors import Conflict, Refused
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params

log = logging.getLogger(__name__)


class Paused(msgspec.Struct):
    turn: str
    document: str


def _pause(host: WorkspaceHost, params: Params) -> Pause:
    given = read(Paused, params)
    pause = of(host).sessions.running(given.turn).pauses.open.get(given.document)
    if pause is None or pause.state != "typing":
        raise Conflict("This has been decided already.", "Steer the turn to say more.")
    return pause


async def pause_go(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    await _pause(host, params).go()
    return {}


async def pause_leave(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    _pause(host, params).finish("left")
    return {}


async def follow(host: WorkspaceHost) -> None:
    """A workspace has been opened: what is typed into its turns is said to them, in the name of who typed."""
    sessions = of(host).sessions

    async def say(pause: Pause, text: str) -> None:
        place: wire.Json = {"typed": {"document": pause.room.id, "path": pause.room.path, **where(pause)}}
        user_id, turn = int(str(pause.by["id"])), pause.turn
        if user_id not in await in_db(allowed, host.workspace_id, {user_id}):
            return  # they may edit, but not give a model work: their text stays, and that is all
        try:
            if turn.row.kind == Turn.Kind.SESSION:
                await sessions.steer(turn.row.pk, user_id, text, place)
            else:
                asked = str(turn.items.all[0].data.get("asked") or turn.items.all[0].data["text"])
                said: wire.Json = {"text": f"{asked}\n\n{text}", "asked": asked, "mentions": [], **place}
                await redirect.redirect(sessions, turn.row.pk, redirect.Way(user_id, pause.by, said))
        except Refused as error:  # it has ended meanwhile
            log.info("turn %s was not told what was typed: %s", turn.row.pk, error)

    sessions.on_typed = say


def register() -> None:
    ops.register("pause.go", Action.TURN, pause_go)
    ops.register("pause.leave", Action.TURN, pause_leave)
