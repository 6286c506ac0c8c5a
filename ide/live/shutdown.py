"""SIGTERM and SIGINT of the server: save and close what is live first, then let the server do what it does.

Daphne runs no ASGI lifespan, so the signal is the only notice. Nothing acknowledged depends on this: it only brings the
files up to date and gives leases back, bounded in time.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType

SECONDS = 5.0
CLOSE_FRAMES_SECONDS = 0.2  # for the close codes on their way: the server cuts its sockets
_installed: set[int] = set()


def install(close: Callable[[], Awaitable[None]]) -> None:
    """Put `close` before the server's own handlers. To be called on the loop, once the server runs."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        previous = signal.getsignal(number)
        served = callable(previous) and previous is not signal.default_int_handler
        if served and number not in _installed:
            _installed.add(number)
            signal.signal(number, _Handler(close, previous))  # type: ignore[arg-type]


class _Handler:
    def __init__(
        self, close: Callable[[], Awaitable[None]], previous: Callable[[int, FrameType | None], object]
    ) -> None:
        self._close, self._previous = close, previous
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._task is not None or self._loop.is_closed():  # a second signal means: now
            self._previous(number, frame)
        else:
            self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._run(number))

    async def _run(self, number: int) -> None:
        try:
            await asyncio.wait_for(self._close(), SECONDS)
            await asyncio.sleep(CLOSE_FRAMES_SECONDS)
        finally:
            self._previous(number, None)
