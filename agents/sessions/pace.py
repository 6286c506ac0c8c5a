"""Beat: one clock for all turns of a workspace, so that what they write leaves together."""

from __future__ import annotations

import asyncio
import time

FRAME = 0.008  # seconds between two frames of a turn
LONGEST = 0.024  # of a loop that is late
SLACK = 0.002  # that a frame may come earlier: timers go by milliseconds
LATE = 4.0  # times a beat's lateness is added to the next one


class Beat:
    """What a turn shows first is never kept waiting. After that it takes what has come once a beat; all turns that
    wait take it in the same turn of the loop, so that a tab which watches several gets one write.

    Where the loop has more to do than it can, beats are late; they come more rarely then, and each costs less.
    """

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []
        self._seconds = FRAME
        self._due = 0.0

    async def next(self) -> None:
        """Return with the next beat. It comes only where somebody waits for it."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._due = time.monotonic() + self._seconds
            loop.call_later(self._seconds, self._strike)
        struck: asyncio.Future[None] = loop.create_future()
        self._waiting.append(struck)
        await struck

    def _strike(self) -> None:
        late = max(0.0, time.monotonic() - self._due - SLACK)
        self._seconds = min(LONGEST, max(FRAME + LATE * late, 0.9 * self._seconds))
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():  # cancelled
                one.set_result(None)
