"""turn.undo, turn.redo and turn.preview from the main socket."""

from __future__ import annotations

import msgspec

from agents import undo, wire
from agents.live import of
from agents.ops import Caller, read
from ide.accounts.models import User
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params


class OfTurn(msgspec.Struct):
    turn: str


async def _change(host: WorkspaceHost, participant: Caller, params: Params, *, back: bool) -> wire.Json:
    turn = read(OfTurn, params).turn
    user = await in_db(lambda: User.objects.get(pk=participant.user_id))
    return {"paths": await undo.change(host, of(host).sessions, turn, user, undo=back)}


async def turn_undo(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return await _change(host, participant, params, back=True)


async def turn_redo(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return await _change(host, participant, params, back=False)


async def turn_preview(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return {"files": await undo.preview(host, of(host).sessions, read(OfTurn, params).turn)}


def register() -> None:
    ops.register("turn.undo", Action.EDIT, turn_undo)
    ops.register("turn.redo", Action.EDIT, turn_redo)
    ops.register("turn.preview", Action.EDIT, turn_preview)
