"""The money side of one call: reserved before it begins, extended and noted down while it streams, settled at its end.

A stream is let on only as far as its reservation reaches. Before it gets there more is asked for, beside the stream; so
at a cap it stops with the token that was the last one allowed, not a moment later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from agents.endpoints import limits
from agents.endpoints.limits import Rates
from agents.engine.messages import Usage
from agents.providers.protocol import Limited
from ide.db import in_db
from ide.errors import QuotaExceeded
from ide.usage import meter
from ide.usage.meter import Cap, Full, Grant, Prices, Spent

log = logging.getLogger(__name__)

SLICE, LARGEST = 1024, 4096  # tokens of an answer reserved at a time, at first and later: a second of a fast model
DRAW_EVERY = 1.0  # seconds between two notes in the ledger while a call streams
POLL = 0.1  # seconds between two looks for a free call, by who stands first in line
PATIENT = frozenset({"job"})  # kinds of calls that wait for a free one however long it takes
AT_ONCE = "as many calls run as may run at once"


Counted = Callable[[], Usage | None]  # what a call has used so far


@dataclass(eq=False)
class Spend:
    """`begin`, then `note` with every piece of the answer, then `end`; each once but `note`."""

    call: meter.Call
    prices: Prices
    granted: int = 0  # tokens it may read and write
    entry: int | None = None
    _most: int = 0
    _slice: int = SLICE
    _so_far: Counted | None = None
    _task: asyncio.Task[None] | None = None
    _over: QuotaExceeded | None = None
    _rooms: AsyncExitStack = field(default_factory=AsyncExitStack)
    _permits: list[limits.Permit] = field(default_factory=list)

    async def begin(self, asked: limits.Call, read: int, write: int, told: limits.Told) -> None:
        """Reserve; waits in line where as many calls run as may. Raises QuotaExceeded, Full, Limited."""
        self._most = read + write
        first = min(write, SLICE)
        try:
            grant = await self._held(read, first)
        except Full as full:
            grant = await self._in_line(full, asked, (read, first), told)
        self.entry, self.granted = grant.entry, grant.tokens
        try:
            for rates in _lines(grant.rates):
                self._permits.append(await self._rooms.enter_async_context(limits.through(rates, asked, told)))
        except BaseException:
            await self.end(None)
            raise

    async def _held(self, read: int, write: int, *, first: bool = False) -> Grant:
        """One who is cancelled meanwhile gives it back."""
        making = asyncio.ensure_future(
            in_db(meter.hold, self.call, read=read, write=write, prices=self.prices, first=first)
        )
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            with suppress(QuotaExceeded, Full):
                await in_db(meter.release, (await making).entry)
            raise

    async def _in_line(self, full: Full, asked: limits.Call, sizes: tuple[int, int], told: limits.Told) -> Grant:
        """Stand in line, fairly between people, and at its head take the first call that becomes free."""
        if not asked.waits:
            raise full
        line = Rates(f"line:{full.cap.key}", at_once=1, counts=False)
        until = time.monotonic() + (limits.LONGEST_WAIT if self.call.kind not in PATIENT else float("inf"))
        async with limits.through(line, asked, lambda place, _: told(place + 1, AT_ONCE)):
            told(1, AT_ONCE)
            while True:
                try:
                    grant = await self._held(*sizes, first=True)
                except Full:
                    if time.monotonic() > until:
                        raise
                    await asyncio.sleep(POLL)
                else:
                    told(0, "")
                    return grant

    def note(self, used: int, so_far: Counted) -> None:
        """So many tokens are used now. Asks for more, beside the stream, when it is time."""
        if self._so_far is None:
            self._so_far = so_far
            _notes().calls.add(self)
        if self._task is not None and not self._task.done():
            return
        if self._over is None and self.granted < self._most and self.granted - used < self._slice // 2:
            self._task = asyncio.create_task(self._extend(), name="reservation")
        else:
            _notes().look()

    async def _extend(self) -> None:
        assert self.entry is not None  # noqa: S101 (begun)
        self._slice = min(2 * self._slice, LARGEST)
        try:
            self.granted += await in_db(meter.extend, self.entry, self.call, self._slice, self.prices)
        except QuotaExceeded as error:
            self._over = error

    async def covered(self, used: int) -> None:
        """Return at once while the reservation reaches; then, what more there is, is waited for. Raises QuotaExceeded
        when there is nothing more."""
        while used > self.granted:
            if self._task is not None:
                await asyncio.wait({self._task})
            if used <= self.granted:
                return
            if self._over is not None:
                raise self._over
            await self._extend()

    async def end(
        self, used: Usage | None, ttft_ms: float | None = None, seconds: float | None = None, error: str = ""
    ) -> None:
        """What it has used; None: nothing came, and all of it is given back. `error`: the code of what ended it."""
        tokens = used.input_tokens + used.output_tokens if used is not None else 0
        for permit in self._permits:
            permit.used = tokens
        _notes().calls.discard(self)
        try:
            if self._task is not None:
                await asyncio.wait({self._task})
            if self.entry is None:
                return
            if used is None:
                await in_db(meter.release, self.entry, error)
            else:
                await in_db(meter.settle, self.entry, self.spent(used), ttft_ms, seconds, error)
        finally:
            await self._rooms.aclose()

    def drawn(self) -> tuple[int, Spent] | None:
        """Its entry, and what is to be noted there now."""
        used = self._so_far() if self._so_far is not None else None
        return (self.entry, self.spent(used)) if used is not None and self.entry is not None else None

    def spent(self, used: Usage) -> Spent:
        return self.prices.spent(used.input_tokens, used.output_tokens, used.cached_tokens)


def _lines(caps: tuple[Cap, ...]) -> list[Rates]:
    """What may be done in a minute, as lines: one for each limit. Raises Limited where nothing may be."""
    found = []
    for cap in caps:
        amount = int(cap.amount)
        if amount <= 0:
            raise Limited("none may be made")
        name = f"{cap.key}:{cap.measure}{':team' if cap.team else ''}"
        found.append(Rates(name, tokens=amount) if cap.measure == "tokens" else Rates(name, requests=amount))
    return found


class _Notes:
    """What the running calls of one loop have used is noted in the ledger each second, all of them together."""

    def __init__(self) -> None:
        self.calls: set[Spend] = set()
        self._at = time.monotonic()
        self._task: asyncio.Task[int] | None = None

    def look(self) -> None:
        """Write if it is time."""
        now = time.monotonic()
        if now - self._at < DRAW_EVERY or (self._task is not None and not self._task.done()):
            return
        self._at = now
        found = dict(one for one in (call.drawn() for call in self.calls) if one is not None)
        self._task = asyncio.create_task(in_db(meter.draw_all, found), name="ledger")
        self._task.add_done_callback(_told)


def _told(task: asyncio.Task[int]) -> None:
    if not task.cancelled() and task.exception() is not None:  # the next note says it again, with more
        log.warning("what calls have used could not be noted: %s", task.exception())


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Notes] = WeakKeyDictionary()


def _notes() -> _Notes:
    return _of_loops.setdefault(asyncio.get_running_loop(), _Notes())
