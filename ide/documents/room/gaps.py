"""Gaps: updates that build on edits which never came. They are in the log, and heal when those come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ide.documents.room.arrivals import Arrived
from ide.documents.room.parties import Peer
from ide.documents.yjs.structs import parts

GAP_SECONDS, GAP_BYTES = 60.0, 1 << 20  # of one document
CHECK_SECONDS = 0.25
MALFORMED = 4400


@dataclass(slots=True)
class _Gap:
    """An update that builds on edits which are not here."""

    one: Arrived
    reach: list[tuple[int, int]]  # (client, clocks) that must be known once it is integrated
    since: float
    asked: bool = False


class Gaps:
    """Asks senders for what is missing, and closes those who have overdrawn what may wait.

    `clocks()`: what is integrated by client, None while that is in doubt. `ask(peer)`: put the question.
    """

    def __init__(self, clocks: Callable[[], Mapping[int, int] | None], ask: Callable[[Peer], None]) -> None:
        self._clocks, self._ask = clocks, ask
        self._open: list[_Gap] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, batch: Iterable[Arrived]) -> None:
        """They came while something is missing: in or behind them."""
        now = time.monotonic()
        self._open += [_Gap(one, _reach(one.update), now) for one in batch if one.peer is not None]
        self._watch()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self) -> None:
        if self._timer is None and self._open:
            self._timer = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check)

    def _check(self) -> None:
        self._timer = None
        clocks = self._clocks()
        if clocks is not None:
            self._open = [gap for gap in self._open if not _reached(gap.reach, clocks)]
            ask = [gap.one.peer for gap in self._open if not gap.asked]
            for gap in self._open:
                gap.asked = True
            self._close_overdrawn()
            for peer in dict.fromkeys(ask):
                if peer is not None:
                    self._ask(peer)
        self._watch()

    def _close_overdrawn(self) -> None:
        now = time.monotonic()
        over = sum(len(gap.one.update) for gap in self._open) > GAP_BYTES
        close = {gap.one.peer for gap in self._open if over or now - gap.since > GAP_SECONDS}
        self._open = [gap for gap in self._open if gap.one.peer not in close]
        for peer in close:
            if peer is not None:
                peer.close(MALFORMED, "what was sent builds on edits that never came")


def _reach(update: bytes) -> list[tuple[int, int]]:
    found, deletions = parts(update)
    return [*((part.client, part.end) for part in found), *((client, end) for client, _, end in deletions)]


def _reached(reach: Iterable[tuple[int, int]], clocks: Mapping[int, int]) -> bool:
    return all(clock <= clocks.get(client, 0) for client, clock in reach)
