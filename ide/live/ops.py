"""The table of ops: request name → action, handler. Filled at start-up by the apps; knows no transport.

A handler is `async (host, participant, params) -> dict` and raises Refused. The participant's role is checked here, in
memory, before it runs. `workspace.open` is put together from what the apps contribute.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from ide.accounts.permissions import Action
from ide.api import read_json
from ide.errors import Invalid, NotFound, Refused
from ide.live.host import WorkspaceHost
from ide.live.participant import Participant

__all__ = ["Handler", "Params", "Participant", "WorkspaceHost", "answer", "contribute", "names", "register"]

log = logging.getLogger(__name__)

Params = dict[str, Any]
Handler = Callable[[WorkspaceHost, Participant, Params], Awaitable[dict[str, Any]]]
Contributor = Callable[[WorkspaceHost, Participant], Awaitable[dict[str, Any]]]

REQUEST_LIMIT = 1 << 20
# JSON-RPC's numbers; what people read is in `data`, a Problem.
_PARSE, _INVALID_REQUEST, _UNKNOWN, _INTERNAL, _REFUSED = -32700, -32600, -32601, -32603, -32000

_table: dict[str, tuple[Action, Handler]] = {}
_contributors: list[Contributor] = []


def register(name: str, action: Action, handler: Handler) -> None:
    """Answer requests called `name` from participants whose role permits `action`."""
    _table[name] = (action, handler)


def contribute(fn: Contributor) -> None:
    """Add fields to the answer of `workspace.open`."""
    if fn not in _contributors:
        _contributors.append(fn)


def names() -> dict[str, Action]:
    """Every op and the action it needs."""
    return {name: action for name, (action, _) in _table.items()}


async def answer(host: WorkspaceHost, participant: Participant, payload: str) -> str | None:
    """The JSON-RPC response to a request, or None for a notification (which is not carried out: none is known)."""
    try:
        request = _parse(payload)
    except Refused as error:
        return _error(None, _PARSE if len(payload) <= REQUEST_LIMIT else _INVALID_REQUEST, error)
    number = request.get("id")
    if number is None:
        return None
    try:
        result = await _carry_out(host, participant, request)
    except Refused as error:
        return _error(number, _UNKNOWN if error.code == "unknown_op" else _REFUSED, error)
    except Exception:  # the edge of the socket's requests: a bug in one op closes nobody's socket
        log.exception("op %s failed", request.get("method"))
        return _error(number, _INTERNAL, Refused("This did not work because of a fault in Tandem.", "Try it again."))
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": result}, separators=(",", ":"), ensure_ascii=False)


class UnknownOp(NotFound):
    code = "unknown_op"


async def _carry_out(host: WorkspaceHost, participant: Participant, request: dict[str, Any]) -> dict[str, Any]:
    name, params = request.get("method"), request.get("params", {})
    if not isinstance(name, str) or name not in _table:
        raise UnknownOp("This request is not known.", "Reload the page: it may be older than the server.")
    if not isinstance(params, dict):
        raise Invalid("The request's parameters are not an object.")
    action, handler = _table[name]
    participant.need(action)
    return await handler(host, participant, params)


def _parse(payload: str) -> dict[str, Any]:
    if len(payload) > REQUEST_LIMIT:
        raise Invalid("The request is larger than 1 MiB.", "Send less at once.")
    try:
        request = read_json(payload)
    except (ValueError, RecursionError) as error:
        raise Invalid("The request is not JSON.") from error
    if not isinstance(request, dict) or not isinstance(request.get("id"), int | str | None):
        raise Invalid("The request is not a JSON-RPC object.")
    return request


def _error(number: int | str | None, code: int, error: Refused) -> str:
    body = {"code": code, "message": error.what, "data": error.as_json()}
    return json.dumps({"jsonrpc": "2.0", "id": number, "error": body}, separators=(",", ":"), ensure_ascii=False)


async def _open(host: WorkspaceHost, participant: Participant, params: Params) -> dict[str, Any]:
    answer: dict[str, Any] = {"role": participant.role, "people": host.people()}
    for contributor in _contributors:
        answer.update(await contributor(host, participant))
    return answer


register("workspace.open", Action.SEE, _open)


async def _ping(host: WorkspaceHost, participant: Participant, params: Params) -> dict[str, Any]:
    """What the browser measures its round trip with."""
    return {}


register("ping", Action.SEE, _ping)
