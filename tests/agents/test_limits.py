"""Limits of an endpoint, over a real Valkey: calls at once, requests and tokens a minute, the line, and its absence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from django.conf import settings
from redis.asyncio import Redis

from agents.endpoints import limits
from agents.endpoints.limits import Call, Permit, admit
from agents.models import Endpoint
from agents.parts import check_limits
from agents.providers.protocol import Limited
from ide.db import in_db
from tests.agents.conftest import Follower, Site
from tests.live.test_announce import Valkey


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    one, before = Valkey(tmp_path), settings.REDIS_URL
    settings.REDIS_URL = f"unix://{one.socket}"
    await one.start()
    yield one
    await limits.close()
    settings.REDIS_URL = before
    one.stop()


def endpoint(**limit: int) -> Endpoint:
    return Endpoint(pk=7, name="one", model="m", **{f"limit_{name}": value for name, value in limit.items()})


class Waiting:
    """A call in a task of its own: `begun` once it may, ended by `end`; `told` is its places in line."""

    def __init__(self, call: Call) -> None:
        self.told: list[int] = []
        self.begun, self._end, self._told = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._run(call))

    async def _run(self, call: Call) -> None:
        async with admit(call, self._hear):
            self.begun.set()
            await self._end.wait()

    def _hear(self, place: int, why: str) -> None:
        self.told.append(place)
        self._told.set()

    async def in_line(self, place: int) -> None:
        async with asyncio.timeout(10):
            while self.told[-1:] != [place]:
                self._told.clear()
                await self._told.wait()

    async def end(self) -> None:
        self._end.set()
        await self.task


async def test_a_call_waits_its_turn_and_is_told_its_place(valkey: Valkey) -> None:
    row = endpoint(concurrent=1)
    first = Waiting(Call(row, 1, 10))
    await first.begun.wait()
    second = Waiting(Call(row, 1, 10))
    await second.in_line(1)
    third = Waiting(Call(row, 1, 10))
    await third.in_line(2)
    await first.end()
    await second.begun.wait()
    await third.in_line(1)
    await second.end()
    await third.begun.wait()
    assert (first.told, second.told, third.told) == ([], [1, 0], [2, 1, 0])
    await third.end()


async def test_a_person_with_one_call_passes_one_with_many(valkey: Valkey) -> None:
    row = endpoint(concurrent=1)
    running = Waiting(Call(row, 1, 10))
    await running.begun.wait()
    many = []
    for place in (1, 2, 3):
        many.append(Waiting(Call(row, 1, 10)))
        await many[-1].in_line(place)
    one = Waiting(Call(row, 2, 10))
    await one.in_line(2)
    await many[1].in_line(3)
    await running.end()
    await many[0].begun.wait()
    await many[0].end()
    await one.begun.wait()
    for waiting in (one, *many[1:]):
        await waiting.end()


async def test_a_call_cancelled_in_line_leaves_it(valkey: Valkey) -> None:
    row = endpoint(concurrent=1)
    first = Waiting(Call(row, 1, 10))
    await first.begun.wait()
    second = Waiting(Call(row, 1, 10))
    await second.in_line(1)
    third = Waiting(Call(row, 1, 10))
    await third.in_line(2)
    second.task.cancel()
    await asyncio.wait({second.task})
    await third.in_line(1)
    await first.end()
    await third.begun.wait()
    await third.end()


async def test_two_processes_share_one_limit(valkey: Valkey) -> None:
    """What counts is in Redis alone: another loop, with a connection of its own, finds no room."""

    def elsewhere() -> str:
        async def ask() -> str:
            try:
                async with admit(Call(endpoint(concurrent=1), 2, 10, waits=False)):
                    return "begun"
            except Limited as refused:
                return refused.sentence
            finally:
                await limits.close()

        return asyncio.run(ask())

    async with admit(Call(endpoint(concurrent=1), 1, 10)):
        assert "as many calls at once as it may" in await asyncio.to_thread(elsewhere)
    assert await asyncio.to_thread(elsewhere) == "begun"


async def test_requests_a_minute_are_refused_with_the_seconds_to_wait(valkey: Valkey) -> None:
    row = endpoint(requests=2)
    for _ in range(2):
        async with admit(Call(row, 1, 10, waits=False)):
            pass
    with pytest.raises(Limited) as refused:
        async with admit(Call(row, 1, 10, waits=False)):
            pass
    assert 25 <= (refused.value.retry_after or 0) <= 30, "half a minute for one of two"
    assert "as many requests as it may have in a minute" in refused.value.sentence
    assert "It takes requests again in" in refused.value.sentence


async def test_tokens_a_call_did_not_use_are_given_back(valkey: Valkey) -> None:
    row = endpoint(tokens=1000)

    async def used(tokens: int) -> None:
        async with admit(Call(row, 1, 900, waits=False)) as permit:
            permit.used = tokens

    await used(50)
    await used(900)
    with pytest.raises(Limited, match="as many tokens"):
        await used(1)


async def test_a_call_larger_than_a_minute_begins_when_the_minute_is_full(valkey: Valkey) -> None:
    row = endpoint(tokens=1000)
    async with admit(Call(row, 1, 50_000, waits=False)) as permit:
        permit.used = 50_000
    with pytest.raises(Limited) as refused:
        async with admit(Call(row, 1, 10)):
            pass
    assert (refused.value.retry_after or 0) > 2900, "it is in debt for 49 minutes: too long to stand in line for"


async def test_what_a_dead_process_held_lapses(valkey: Valkey) -> None:
    row = endpoint(concurrent=1)
    client = Redis.from_url(settings.REDIS_URL)
    key = f"tandem:limits:{settings.INSTALLATION}:7:running"
    await client.zadd(key, {"dead": (await client.time())[0] + 3600})
    with pytest.raises(Limited):
        async with admit(Call(row, 1, 10, waits=False)):
            pass
    await client.zadd(key, {"dead": (await client.time())[0] - 1})
    async with admit(Call(row, 1, 10, waits=False)):
        pass
    await client.aclose()


async def test_without_redis_calls_go_through_but_not_where_tokens_are_limited(valkey: Valkey) -> None:
    valkey.stop()
    async with AsyncExitStack() as held:
        permits = [await held.enter_async_context(admit(Call(endpoint(concurrent=1), 1, 10))) for _ in range(2)]
        assert all(isinstance(permit, Permit) for permit in permits)
    assert limits.problem()
    with pytest.raises(Limited, match="Redis does not answer"):
        async with admit(Call(endpoint(tokens=1000), 1, 10)):
            pass
    valkey.socket.unlink(missing_ok=True)
    await valkey.start()
    async with admit(Call(endpoint(concurrent=1, tokens=1000), 1, 10)):
        assert not limits.problem()


async def test_doctor_tells_what_the_absence_of_redis_means(transactional_db: None, valkey: Valkey) -> None:
    assert (await in_db(check_limits))[1] == "no model has limits of its own"
    await in_db(Endpoint.objects.create, name="one", model="m", limit_tokens=1000)
    await in_db(Endpoint.objects.create, name="two", model="m", limit_concurrent=1)
    assert (await in_db(check_limits))[:2] == ("ok", "the limits of 2 models are counted")
    valkey.stop()
    state, told, do = await in_db(check_limits)
    assert (state, told) == ("warn", "the limits of 2 models cannot be counted: Redis does not answer")
    assert "1 with a limit of tokens take no calls" in do


async def test_a_turn_shows_its_place_and_can_be_stopped_there(site: Site, ada: Follower, valkey: Valkey) -> None:
    model = await in_db(site.script, {"text": "Hello", "pause_after": 3}, tools=False)
    await in_db(Endpoint.objects.filter(pk=model.pk).update, limit_concurrent=1)
    first, second = await ada.session(), await ada.session()
    running = (await ada.ask("turn.start", session=first, text="Hi", mentions=[]))["turn"]
    await ada.event("turn.speed")
    waiting = (await ada.ask("turn.start", session=second, text="Hi", mentions=[]))["turn"]
    told = await ada.event("turn.waiting")
    assert (told["turn"], told["place"], told["why"]) == (waiting, 1, limits.SENTENCES["calls"])
    shot = (await ada.ask("session.open", session=second))["snapshot"]
    assert shot["waiting"] == {"turn": waiting, "place": 1, "why": limits.SENTENCES["calls"]}
    assert (await ada.ask("turn.interrupt", turn=waiting))["state"] == "interrupted"
    assert (await ada.ask("session.open", session=second))["snapshot"]["waiting"] is None
    third = (await ada.ask("turn.start", session=second, text="Again", mentions=[]))["turn"]
    await ada.event("turn.waiting", lambda e: e["turn"] == third and e["place"] == 1)
    await ada.ask("turn.interrupt", turn=running)
    await ada.event("turn.waiting", lambda e: e["turn"] == third and e["place"] == 0)
    await ada.ask("turn.interrupt", turn=third)
