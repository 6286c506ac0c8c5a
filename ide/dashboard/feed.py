"""One sampler for all who look: it runs while somebody does, once a second, and keeps five minutes for the charts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from ide.dashboard import figures, ground, pulse
from ide.dashboard.panels import figures as registered_figures
from ide.db import in_db

Sample = dict[str, Any]
KEPT = 300  # samples: five minutes at one a second
GROUND_EVERY = 5  # samples between two looks at the ground


class Feed:
    """Samples of one process. `take` makes one; a viewer who is slow misses samples, never delays others."""

    def __init__(
        self, take: Callable[[], Awaitable[Sample]], look: Callable[[], ground.Look], every: float = 1.0
    ) -> None:
        self._take = take
        self._look = look
        self._every = every
        self._viewers = 0
        self._history: deque[Sample] = deque(maxlen=KEPT)
        self._next: asyncio.Future[Sample]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def history(self) -> list[Sample]:
        """The charted figures of the samples taken so far, oldest first: {at, figures}."""
        return list(self._history)

    @property
    def running(self) -> bool:
        return bool(self._tasks)

    async def samples(self) -> AsyncGenerator[Sample]:
        """Each new sample. Whoever stops iterating must close the iterator (`aclosing`)."""
        self._join()
        try:
            while True:
                following = self._next
                waited: set[asyncio.Future[Any]] = {following, *self._tasks}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():  # a task ended: its error belongs to whoever waits
                    for task in self._tasks:
                        if task.done():
                            task.result()
                yield following.result()
        finally:
            await self._leave()

    def _join(self) -> None:
        self._viewers += 1
        if self._viewers == 1:
            self._next = asyncio.get_running_loop().create_future()
            self._tasks = [asyncio.create_task(self._sample()), asyncio.create_task(self._look_around())]

    async def _leave(self) -> None:
        self._viewers -= 1
        if self._viewers:
            return
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _sample(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            sample = await self._take()
            charted = {f.key: sample["figures"].get(f.key) for f in registered_figures() if f.chart}
            self._history.append({"at": sample["at"], "figures": charted})
            taken, self._next = self._next, loop.create_future()
            taken.set_result(sample)
            due = max(due + self._every, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _look_around(self) -> None:
        try:
            while True:
                figures.set_ground(await asyncio.to_thread(self._look))
                await asyncio.sleep(self._every * GROUND_EVERY)
        finally:
            figures.set_ground(None)  # nobody looks any more: what was found grows old


async def _snapshot() -> Sample:
    await pulse.gather()
    return await in_db(figures.snapshot)


feed = Feed(_snapshot, ground.look)
