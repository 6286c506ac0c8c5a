"""Heart: holds the lease of a job, or of an item, from a thread of its own, so that no model, command or busy loop can
keep it from beating; and looks what people want of the work meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from django.db import DatabaseError, connections

from agents.jobs.rows import life as jobs
from agents.jobs.rows.leases import RENEW_SECONDS

log = logging.getLogger(__name__)

LOOK = min(0.5, RENEW_SECONDS)  # seconds between two looks for a cancellation and at the budget
Beat = Callable[[], jobs.Stop | None]


class Heart:
    """A context: beats while it is open. `renew` holds the lease, `look` only looks; both say how the work has to end,
    or raise Fenced. `stopped` is called once, on the loop: with that, or None where the lease is another's."""

    def __init__(self, renew: Beat, look: Beat, stopped: Callable[[jobs.Stop | None], None]) -> None:
        self._renew, self._look, self._stopped = renew, look, stopped
        self._loop = asyncio.get_running_loop()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    async def __aenter__(self) -> Heart:
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        await asyncio.to_thread(self._thread.join)

    def _beat(self) -> None:
        renewed, told = time.monotonic(), False
        try:
            while not self._ending.wait(LOOK):
                due = time.monotonic() - renewed >= RENEW_SECONDS
                try:
                    stop = self._renew() if due else self._look()
                except jobs.Fenced:
                    if not told:
                        self._tell(None)
                    return
                except DatabaseError as error:  # it may be back before the lease ends
                    log.warning("a lease could not be renewed: %s", error)
                    connections.close_all()
                    continue
                renewed = time.monotonic() if due else renewed
                if stop is not None and not told:  # the lease is held until the work has come to its end
                    told = True
                    self._tell(stop)
        finally:
            connections.close_all()

    def _tell(self, stop: jobs.Stop | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._stopped, stop)
        except RuntimeError:  # the loop has ended, and its work with it
            log.warning("a lease outlived its loop")
