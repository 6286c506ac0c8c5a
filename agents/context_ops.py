"""symbols.find and context.* from the main socket. Parameters are checked here."""

from __future__ import annotations

import msgspec

from agents import symbols, wire
from agents.ops import Caller, read
from ide.accounts.permissions import Action
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params


class SymbolsFind(msgspec.Struct):
    query: str
    path: str = ""


async def symbols_find(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(SymbolsFind, params)
    found = await symbols.symbols(host, given.query[:200], given.path)
    return {"symbols": [vars(one) for one in found]}


def register() -> None:
    ops.register("symbols.find", Action.TURN, symbols_find)
