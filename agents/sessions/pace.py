"""Beat: one clock for all turns of a workspace, so that what they write leaves together."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

# Seconds between two frames of a turn, by the share of its time that the loop works: an idle one shows soon what has
# come, and one that has more to do than it can takes more at once. Timers go by milliseconds, so it comes to one more.
FRAMES = ((0.3, 0.004), (0.6, 0.007), (0.95, 0.024))
FRAME = FRAMES[0][1]  # the shortest
SLACK = 0.002  # that a frame may come earlier


class Beat:
    """What a turn shows first is never kept waiting. After that it takes what has come once a beat; all turns that
    wait take it in the same turn of the loop, so that a tab which watches several gets one write.

    Where the loop has much to do, beats come more rarely, and each token costs less.
    """

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []
        self._busy = 0.0  # share of its time the loop works, of late
        self._at = self._worked = 0.0

    async def next(self) -> None:
        """Return with the next beat. It comes only where somebody waits for it."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_later(length(self._busy), self._strike)
        struck: asyncio.Future[None] = loop.create_future()
        self._waiting.append(struck)
        await struck

    def _strike(self) -> None:
        at, worked = time.monotonic(), time.thread_time()
        self._busy += 0.1 * ((worked - self._worked) / max(at - self._at, 1e-6) - self._busy)
        self._at, self._worked = at, worked
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():  # cancelled
                one.set_result(None)


def length(busy: float) -> float:
    """Of a frame, in seconds, for a loop that works that share of its time."""
    before, shortest = FRAMES[0]
    if busy <= before:
        return shortest
    for (low, short), (high, long) in pairwise(FRAMES):
        if busy <= high:
            return short + (long - short) * (busy - low) / (high - low)
    return FRAMES[-1][1]
