"""Clients: whose a Yjs client id is, in one epoch of one document. Every character belongs to the owner of its id.

Why it is checked at all: two texts under one (client, clock) leave replicas different for ever while their state
vectors are equal, and an id that anybody may use says nothing about who wrote (reference "security-reliability" §1.3).
A keystroke costs a comparison of a few bytes here; only what is not the sender's own single section is looked at whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pycrdt import get_update

from ide.documents.protocol import Malformed, Reader, var_uint
from ide.documents.yjs.replica import Poisoned, decode_state, fenced
from ide.documents.yjs.structs import sections

RESERVED = 1 << 10  # ids below are the server's: epoch n is seeded by client n
CLIENTS_PER_PERSON = 10_000  # in one epoch; each tab that writes takes one
Claim = tuple[int, str, str]  # client id, its origin, who brought its characters


class Forged(Exception):
    """An update writes under a client id that is not its sender's."""


class OldEpoch(Exception):
    """A client id of another epoch: the sender holds a replica that must not be merged into this one."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who sends an update; `relays`: it answers our question, so it may carry what others wrote."""

    origin: str
    relays: bool = False


class Clients:
    """`owners`: client id → origin of this epoch ('' where it is not known whose); `past`: ids of other epochs."""

    def __init__(self, owners: Mapping[int, str] | None = None, past: Collection[int] = ()) -> None:
        self.owners = dict(owners or {})
        self._past = frozenset(past)
        self._last: dict[str, bytes] = {}  # origin → the id it used last, as it stands in an update
        self._taken: dict[str, int] = {}

    def quick(self, update: bytes, origin: str) -> tuple[Claim, ...] | None:
        """The claims of an update in which one look is enough, else None."""
        if update[0] == 0:
            check_deletions(update)
            return ()  # nothing but deletions, which may touch everything
        if update[0] != 1:
            return None
        known = self._last.get(origin)
        if known is not None and update[1] < 0x80 and update.startswith(known, 2):
            return ()
        client = head(update)[0]
        owner = self.owners.get(client)
        if owner != origin:
            return None
        self._last[origin] = var_uint(client)
        return ()

    def judge(self, update: bytes, author: Author, state: bytes) -> tuple[bytes, tuple[Claim, ...]]:
        """What any update adds to the replica of that state vector, and its claims. Only that may enter the log: merged
        with it, other words under a known (client, clock) can win over those that stand there.

        Raises Forged, OldEpoch, Malformed.
        """
        try:
            beyond = fenced(lambda: get_update(update, state))
        except Poisoned as error:
            raise Malformed("an update does not decode") from error
        held = decode_state(state)
        claims = []
        for section in sections(beyond):
            if section.end > held.get(section.client, 0):
                claims += self._claim(section.client, author)
        self.keep(claims)
        return beyond, tuple(claims)

    def _claim(self, client: int, author: Author) -> list[Claim]:
        owner = self.owners.get(client)
        if owner is not None and (owner == author.origin or author.relays):
            return []
        if client in self._past and owner is None:
            raise OldEpoch
        if owner or client < RESERVED:
            raise Forged(f"{author.origin} wrote under client id {client} of {owner or 'the server'}")
        if author.relays:
            return [(client, "", author.origin)]
        if self._taken.get(author.origin, 0) >= CLIENTS_PER_PERSON:
            raise Forged(f"{author.origin} used more than {CLIENTS_PER_PERSON} client ids")
        return [(client, author.origin, "")]

    def announce(self, client: int, origin: str) -> bool | None:
        """A first awareness: True if the id has become the person's now, False if it is theirs already, None if it is
        not theirs to use."""
        owner = self.owners.get(client)
        if owner == origin:
            return False
        spent = self._taken.get(origin, 0) >= CLIENTS_PER_PERSON
        if owner or spent or client < RESERVED or client in self._past:
            return None
        self.keep([(client, origin, "")])
        return True

    def stale(self, state: bytes) -> bool:
        """Whether a state vector names ids of another epoch. Raises Malformed."""
        return bool(self._past) and not self._past.isdisjoint(decode_state(state))

    # --- writers of the server ------------------------------------------------------------------------------------

    def fresh(self) -> int:
        """An id that is nobody's."""
        while (client := secrets.randbits(32)) < RESERVED or client in self.owners or client in self._past:
            pass
        return client

    def may(self, client: int, origin: str) -> bool:
        return self.owners.get(client) in (None, "", origin)

    def own(self, client: int, origin: str) -> tuple[Claim, ...]:
        """The claim of a server's writer that `may` use the id, once."""
        if self.owners.get(client) == origin:
            return ()
        claims = ((client, origin, ""),)
        self.keep(claims)
        return claims

    def keep(self, claims: Collection[Claim]) -> None:
        """Claims on their way to the log."""
        for client, origin, _ in claims:
            self.owners[client] = origin
            self._taken[origin] = self._taken.get(origin, 0) + 1


def head(update: bytes) -> tuple[int, int]:
    """Client id and first clock of the first section of an update that has one. Raises Malformed."""
    reader = Reader(update)
    reader.var_uint()
    reader.var_uint()
    return reader.var_uint(), reader.var_uint()


def check_deletions(update: bytes) -> None:
    """Raises Malformed if browsers cannot read what an update deletes that does nothing else."""
    reader = Reader(update)
    reader.var_uint()
    for _ in range(reader.var_uint()):
        reader.var_uint()
        for _ in range(reader.var_uint()):
            reader.var_uint()
            reader.var_uint()
