"""mention.offers from the main socket: how many there are of what only the host knows: nothing empty is offered."""

from __future__ import annotations

from agents import wire
from agents.context import mentions
from agents.ops import Caller
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params


async def mention_offers(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    commands = await in_db(mentions.commands, host.workspace_id)
    broken = await mentions.problems(host)
    return {"commands": len(commands), "problems": sum(len(found) for _, _, found in broken)}


def register() -> None:
    ops.register("mention.offers", Action.TURN, mention_offers)
