"""turn.undo, turn.redo and turn.preview from the main socket."""

from __future__ import annotations

import msgspec

from agents import wire
from agents.live import of
from agents.ops import Caller, read
from agents.proposals import undo
from ide.accounts.models import User
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params


class OfTurn(msgspec.Struct):
    turn: str


class Previewed(OfTurn):
    redo: bool = False


async def _change(host: WorkspaceHost, participant: Caller, params: Params, *, back: bool) -> wire.Json:
    turn = read(OfTurn, params).turn
    user = await in_db(lambda: User.objects.get(pk=participant.user_id))
    return {"paths": await undo.change(host, of(host).sessions, turn, user, undo=back)}


async def turn_undo(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return await _change(host, participant, params, back=True)


async def turn_redo(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return await _change(host, participant, params, back=False)


async def turn_preview(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(Previewed, params)
    return {"files": await undo.preview(host, of(host).sessions, given.turn, undo=not given.redo)}


async def _decide(host: WorkspaceHost, participant: Caller, params: Params, *, accept: bool) -> wire.Json:
    turn = read(OfTurn, params).turn
    await in_db(undo.known, host.workspace_id, turn)
    return {"files": await of(host).proposals.decide_turn(turn, participant.user_id, accept=accept)}


async def turn_accept(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return await _decide(host, participant, params, accept=True)


async def turn_reject(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return await _decide(host, participant, params, accept=False)


def register() -> None:
    ops.register("turn.undo", Action.EDIT, turn_undo)
    ops.register("turn.redo", Action.EDIT, turn_redo)
    ops.register("turn.preview", Action.EDIT, turn_preview)
    ops.register("turn.accept", Action.EDIT, turn_accept)
    ops.register("turn.reject", Action.EDIT, turn_reject)
