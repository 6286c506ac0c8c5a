"""checkpoint.preview, checkpoint.restore and checkpoint.unrestore from the main socket."""

from __future__ import annotations

from agents import wire
from agents.live import of
from agents.ops import Caller, read
from agents.proposals import checkpoints
from agents.proposals.undo_ops import OfTurn
from ide.accounts.models import User
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params


async def preview(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    return {"files": await checkpoints.preview(host, of(host).sessions, read(OfTurn, params).turn)}


async def restore(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    user = await in_db(lambda: User.objects.get(pk=participant.user_id))
    return {"paths": await checkpoints.restore(host, of(host).sessions, read(OfTurn, params).turn, user)}


async def unrestore(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    user = await in_db(lambda: User.objects.get(pk=participant.user_id))
    return {"paths": await checkpoints.unrestore(host, of(host).sessions, read(OfTurn, params).turn, user)}


def register() -> None:
    ops.register("checkpoint.preview", Action.EDIT, preview)
    ops.register("checkpoint.restore", Action.EDIT, restore)
    ops.register("checkpoint.unrestore", Action.EDIT, unrestore)
