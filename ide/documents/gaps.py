"""Gaps: updates that build on edits which never came. They are in the log, and heal when those come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ide.documents.arrivals import Arrived
from ide.documents.clients import head
from ide.documents.parties import Peer
from ide.documents.protocol import Malformed
from ide.documents.structs import sections

GAP_SECONDS, GAP_BYTES = 60.0, 1 << 20  # of one document


@dataclass(slots=True)
class _Gap:
    """An update that builds on edits which are not here."""

    one: Arrived
    reach: list[tuple[int, int]]  # (client, clock) that must be known once it is integrated
    since: float


class Gaps:
    """Updates that could not be integrated: they are in the log, and heal when the missing ones come."""

    def __init__(self) -> None:
        self._recent: list[Arrived] = []
        self._open: list[_Gap] = []

    def note(self, batch: Iterable[Arrived]) -> None:
        self._recent += batch

    @property
    def idle(self) -> bool:
        return not self._recent and not self._open

    def check(self, clocks: Mapping[int, int]) -> tuple[list[Peer], list[Peer]]:
        """Who is to be asked for what is missing, and who has overdrawn what may wait."""
        now = time.monotonic()
        self._open = [gap for gap in self._open if not _reached(gap.reach, clocks)]
        ask: dict[Peer, None] = {}
        for one in self._unproven(clocks):
            reach = _reach(one.update)
            if one.peer is not None and not _reached(reach, clocks):
                self._open.append(_Gap(one, reach, now))
                ask[one.peer] = None
        self._recent.clear()
        over = sum(len(gap.one.update) for gap in self._open) > GAP_BYTES
        close = [gap.one.peer for gap in self._open if gap.one.peer and (over or now - gap.since > GAP_SECONDS)]
        self._open = [gap for gap in self._open if gap.one.peer not in close]
        return list(ask), list(dict.fromkeys(close))

    def _unproven(self, clocks: Mapping[int, int]) -> Iterable[Arrived]:
        """The recent ones that are not seen at a glance to be integrated. A client's characters come in order, so its
        newest speaks for those before it."""
        proven = b"\xff"
        for one in reversed(self._recent):
            update = one.update
            if update[0] == 0 or (update[0] == 1 and update[1] < 0x80 and update.startswith(proven, 2)):
                continue
            if update[0] == 1 and update[1] < 0x80:
                client, clock = head(update)
                if clock < clocks.get(client, 0):
                    proven = update[2 : 2 + _width(client)]
                    continue
            yield one


def _reach(update: bytes) -> list[tuple[int, int]]:
    try:
        return [(section.client, section.clock) for section in sections(update)]
    except Malformed:  # what it holds is not ours to read; it was applied, so nothing is asked about it
        return []


def _width(value: int) -> int:
    return max(1, -(-value.bit_length() // 7))


def _reached(reach: Iterable[tuple[int, int]], clocks: Mapping[int, int]) -> bool:
    return all(clock < clocks.get(client, 0) for client, clock in reach)
