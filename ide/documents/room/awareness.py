"""Roster: who shows what in a document, as the server passes it on. Names and colours are never a client's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ide.documents.protocol import Malformed, Presence, decode_awareness, encode_awareness

STATE_LIMIT = 4 << 10
CLIENTS_PER_PEER = 4


@dataclass(slots=True)
class _Entry:
    owner: object
    person: object
    clock: int
    state: str


class Roster:
    """Awareness states by client id, each owned by the peer that brought it."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}

    def receive(
        self, owner: object, person: Mapping[str, Any], data: bytes, may: Callable[[int], bool] = lambda client: True
    ) -> bytes | None:
        """What to pass on of an awareness update, or None; `may` is asked about each new client id. Raises Malformed.

        A client id that belongs to another person is left out, so nobody can move or remove another's cursor; one's own
        other tab may take it over, as a tab that reconnects does before its old socket is seen to be dead.
        """
        passed = []
        for entry in decode_awareness(data):
            known = self._entries.get(entry.client)
            if known is not None and known.owner is not owner and known.person != person.get("id"):
                continue
            if known is not None and entry.clock < known.clock:
                continue
            if known is None and (entry.state == "null" or self._count(owner) >= CLIENTS_PER_PEER):
                continue
            state = _stamped(entry.state, person)
            if state is None or (known is None and not may(entry.client)):
                continue
            self._entries[entry.client] = _Entry(owner, person.get("id"), entry.clock, state)
            passed.append(Presence(entry.client, entry.clock, state))
        return encode_awareness(passed) if passed else None

    def leave(self, owner: object) -> bytes | None:
        """Forget a peer's clients; what to tell the others, or None."""
        gone = {client: entry for client, entry in self._entries.items() if entry.owner is owner}
        for client in gone:
            del self._entries[client]
        return encode_awareness([Presence(c, e.clock, "null") for c, e in gone.items()]) if gone else None

    def everyone(self) -> bytes | None:
        """The states of all who are here, or None."""
        here = [Presence(c, e.clock, e.state) for c, e in self._entries.items() if e.state != "null"]
        return encode_awareness(here) if here else None

    def states(self) -> Iterable[dict[str, Any]]:
        return [json.loads(entry.state) for entry in self._entries.values() if entry.state != "null"]

    def _count(self, owner: object) -> int:
        return sum(entry.owner is owner for entry in self._entries.values())


def _stamped(state: str, person: Mapping[str, Any]) -> str | None:
    """The client's JSON state with the server's person in it; None if it is too large. Raises Malformed."""
    if state == "null":
        return state
    if len(state) > STATE_LIMIT:
        return None
    try:
        value = json.loads(state)
    except (ValueError, RecursionError) as error:
        raise Malformed("an awareness state is not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("an awareness state is not an object")
    return json.dumps({**value, "person": dict(person)}, separators=(",", ":"))
