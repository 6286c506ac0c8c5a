"""What one socket and one person may send: bytes a second, cursor messages, sockets. Every figure is a setting.

Who sends faster than that is handled more slowly; what then piles up is bounded, and beyond it the socket is closed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

from django.conf import settings

from ide import metrics

BURST_BYTES = 10 << 20  # a paste of 8 MiB goes through at once
COUNT_BYTES = 64 << 10  # the clock is asked once for so many bytes, not for every keystroke
BACKLOG_BYTES = 16 << 20
AWARENESS_BURST = 20

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Bucket:
    """Tokens that come back with time. `spend` gives the seconds to wait when they are overdrawn."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, time.monotonic()

    def spend(self, amount: float) -> float:
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - amount
        self._at = now
        return max(0.0, -self._left / self._rate)


class Person:
    """All sockets of one person in this process."""

    def __init__(self) -> None:
        self.sockets = 0
        self.bytes = _bytes()


def _bytes() -> Bucket:
    rate = settings.SOCKET_BYTES_PER_SECOND
    return Bucket(rate, max(BURST_BYTES, rate))


_people: WeakValueDictionary[int, Person] = WeakValueDictionary()


def person(user_id: int) -> Person:
    found = _people.get(user_id)
    if found is None:
        found = _people[user_id] = Person()
    return found


class Intake:
    """What a socket receives, at the pace its person may send. `overrun` says that too much is waiting."""

    def __init__(self, receive: Receive, sender: Person) -> None:
        self.overrun = False
        self._receive = receive
        self._buckets = (_bytes(), sender.bytes)
        self._counted = 0
        self._backlog: deque[dict[str, Any]] = deque()
        self._backlog_bytes = 0

    async def next(self) -> dict[str, Any]:
        event = self._backlog.popleft() if self._backlog else await self._receive()
        size = len(event.get("bytes") or b"")
        if self._backlog_bytes:
            self._backlog_bytes = max(0, self._backlog_bytes - size)
        self._counted += size
        if self._counted >= COUNT_BYTES:
            counted, self._counted = self._counted, 0
            wait = max([bucket.spend(counted) for bucket in self._buckets])
            if wait:
                await self._slow_down(wait)
        return event

    async def _slow_down(self, seconds: float) -> None:
        """Some servers read on whether we ask or not: what comes meanwhile is taken, so that it is counted."""
        metrics.limited.labels("bytes").inc()
        until = time.monotonic() + seconds
        while not self.overrun and (left := until - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    event = await self._receive()
            except TimeoutError:
                return
            self._backlog.append(event)
            self._backlog_bytes += len(event.get("bytes") or b"")
            self.overrun = self._backlog_bytes > BACKLOG_BYTES
            if event["type"] != "websocket.receive":
                return


class Pace:
    """Passes messages on at a bounded rate; of those too many the newest waits, and the others are dropped."""

    def __init__(self, deliver: Callable[[Any], None]) -> None:
        self._deliver = deliver
        self._left, self._at = float(AWARENESS_BURST), time.monotonic()
        self._newest: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def offer(self, message: Any) -> None:
        now, rate = time.monotonic(), settings.AWARENESS_PER_SECOND
        self._left = min(AWARENESS_BURST, self._left + (now - self._at) * rate)
        self._at = now
        if self._left >= 1 and self._timer is None:
            self._left -= 1
            self._deliver(message)
            return
        metrics.limited.labels("awareness").inc()
        self._newest = message
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later((1 - self._left) / rate, self._late)

    def _late(self) -> None:
        self._timer = None
        message, self._newest = self._newest, None
        self.offer(message)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
