"""What may be done in a minute and at once, counted in Redis for all processes: an endpoint's limits of calls at once,
requests and tokens, and what people and teams may ask for in a minute.

A call that finds no room waits in line, fair between people and told its place; it is refused when it would have to
wait too long. Tokens are admitted by the same estimate that `usage.meter` reserves, and set right when the call ends.

While Redis is away nothing can be counted. Calls at once and requests are then let through: the provider has limits
of its own. A limit of tokens is a limit of spending, so where one holds no calls are taken. `problem` tells. What may
be used in a day or month is in the database (ide/usage), and holds all the while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from agents.models import Endpoint
from agents.providers.protocol import Limited
from ide.db import new_id

log = logging.getLogger(__name__)

LONGEST_WAIT = 120.0  # seconds in line, then it is refused
LASTS = 30.0  # seconds: a permit or a place in line without a sign of life lapses; its process died
SIGN = 10.0
AGAIN = 0.25  # seconds between two looks at most: a call that ends makes room before its time
ANSWER = 2.0
ADMIT = (Path(__file__).parent / "limits.lua").read_text()
SENTENCES = {
    "calls": "it answers as many calls at once as it may",
    "requests": "it has had as many requests as it may have in a minute",
    "tokens": "it has read and written as many tokens as it may in a minute",
    "others": "others were first",
}

Told = Callable[[int, str], None]
_away: set[str] = set()  # lines that were last not counted


@dataclass(frozen=True)
class Rates:
    """What a line lets through: calls at once, requests and tokens a minute; 0: any number. Not `counts`: it is only
    stood in, what is counted is counted elsewhere."""

    name: str
    at_once: int = 0
    requests: int = 0
    tokens: int = 0
    counts: bool = True


@dataclass(frozen=True)
class Call:
    """One that is about to be made. `tokens` as reserved; `waits` False: nobody would wait for it (ghost text)."""

    endpoint: Endpoint
    user_id: int | None
    tokens: int
    waits: bool = True


@dataclass
class Permit:
    """Room for one call. `used`: its tokens, once they are known; until then what was estimated counts."""

    call: Call
    used: int | None = None
    id: str = field(default_factory=new_id)


def limited(endpoint: Endpoint) -> bool:
    return bool(endpoint.limit_concurrent or endpoint.limit_requests or endpoint.limit_tokens)


def problem() -> bool:
    """Whether calls of this process were last not counted."""
    return bool(_away)


def rates_of(endpoint: Endpoint) -> Rates:
    return Rates(str(endpoint.pk), endpoint.limit_concurrent, endpoint.limit_requests, endpoint.limit_tokens)


@asynccontextmanager
async def admit(call: Call, told: Told = lambda *_: None) -> AsyncGenerator[Permit]:
    """Hold room for a call of its endpoint; `told(place, why)` whenever its place in line (from 1) changes, and (0, "")
    when it has waited and begins. Raises Limited. Cancelled while it waits, it leaves the line."""
    if not limited(call.endpoint):
        yield Permit(call)
        return
    async with through(rates_of(call.endpoint), call, told) as permit:
        yield permit


@asynccontextmanager
async def through(rates: Rates, call: Call, told: Told = lambda *_: None) -> AsyncGenerator[Permit]:
    """The same for any line."""
    permit, line = Permit(call), _Line(rates, _client())
    if not await _counted(line, permit, told):
        yield permit
        return
    alive = asyncio.create_task(line.keep(permit.id), name="permit")
    try:
        yield permit
    finally:
        alive.cancel()
        await asyncio.wait({alive})
        await _quietly(line, permit)


async def _counted(line: _Line, permit: Permit, told: Told) -> bool:
    """Wait until the call may begin. False: it may, uncounted, because Redis is away."""
    rates = line.rates
    try:
        await _wait(line, permit, told)
    except (RedisError, OSError, TimeoutError) as error:
        if rates.name not in _away and rates.counts:
            log.warning("calls of line %s are not counted: %s", rates.name, error)
            _away.add(rates.name)
        if rates.tokens:
            raise Limited("its tokens cannot be counted now: Redis does not answer", retry_after=10.0) from error
        return False
    except BaseException:
        await _quietly(line, permit, begun=False)
        raise
    _away.clear()  # it answers
    return True


async def _wait(line: _Line, permit: Permit, told: Told) -> None:
    loop = asyncio.get_running_loop()
    began, last = loop.time(), (0, "")
    while True:
        may, place, milliseconds, why = await line.ask(permit)
        if may:
            if last != (0, ""):
                told(0, "")
            return
        wait = milliseconds / 1000
        if not permit.call.waits or loop.time() - began + wait > LONGEST_WAIT:
            raise Limited(SENTENCES[why], retry_after=max(1.0, wait))
        if (place, why) != last:
            last = (place, why)
            told(place, SENTENCES[why])
        await asyncio.sleep(min(wait, AGAIN))


async def _quietly(line: _Line, permit: Permit, *, begun: bool = True) -> None:
    """Give room back; one that cannot be given back lapses."""
    with suppress(RedisError, OSError, TimeoutError):
        await asyncio.shield(line.leave(permit, begun=begun))


class _Line:
    """The keys of one line. Every method raises RedisError, OSError or TimeoutError when Redis is away."""

    def __init__(self, rates: Rates, client: Redis) -> None:
        self.rates = rates
        self._client = client
        stem = f"tandem:limits:{settings.INSTALLATION}:{rates.name}"  # one Redis may serve two installations
        self._running, self._waiting, self._alive, self._numbers = (
            f"{stem}:{name}" for name in ("running", "waiting", "alive", "numbers")
        )

    async def ask(self, permit: Permit) -> tuple[bool, int, int, str]:
        """Whether it may begin; else its place, the milliseconds until that may change, and why."""
        script = AsyncScript(self._client, ADMIT)
        rates, call = self.rates, permit.call
        keys = [self._running, self._waiting, self._alive, self._numbers]
        limits = [rates.at_once, rates.requests, rates.tokens]
        asked = script(keys=keys, args=[permit.id, str(call.user_id or 0), call.tokens, *limits, LASTS])
        async with asyncio.timeout(ANSWER):
            may, place, wait, why = cast(tuple[int, int, int, bytes], await asked)
        return bool(may), place, wait, why.decode()

    async def keep(self, permit: str) -> None:
        """Say that the call still runs, until cancelled."""
        while True:
            await asyncio.sleep(SIGN)
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(ANSWER):
                    now = (await self._client.time())[0]
                    await self._client.zadd(self._running, {permit: now + LASTS})

    async def leave(self, permit: Permit, *, begun: bool) -> None:
        """The call has ended, or will not begin: what it did not use of its estimate is given back."""
        async with asyncio.timeout(ANSWER), self._client.pipeline(transaction=True) as together:
            for key in (self._running, self._waiting, self._alive):
                together.zrem(key, permit.id)
            if begun and self.rates.tokens and permit.used is not None:
                together.hincrbyfloat(self._numbers, "tokens", permit.call.tokens - permit.used)
            await together.execute()


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[str, Any]] = WeakKeyDictionary()


def _client() -> Redis:
    """The running loop's connection to the Redis of the settings."""
    loop = asyncio.get_running_loop()
    known = _clients.get(loop)
    if known is None or known[0] != settings.REDIS_URL:
        client = Redis.from_url(settings.REDIS_URL, socket_timeout=ANSWER, socket_connect_timeout=ANSWER)
        known = _clients[loop] = (settings.REDIS_URL, client)
    return cast(Redis, known[1])


async def close() -> None:
    """Close the running loop's connection, and forget how it was."""
    _away.clear()
    known = _clients.pop(asyncio.get_running_loop(), None)
    if known is not None:
        await known[1].aclose()
