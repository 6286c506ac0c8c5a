"""A stream goes as far as its reservation: turns and jobs at a cap, what is kept, and how they go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.endpoints import limits, pool
from agents.endpoints.measure import Measured, Purpose
from agents.models import Endpoint
from agents.simulator.server import Simulator
from ide.db import in_db
from ide.errors import QuotaExceeded
from ide.usage import meter
from ide.usage.models import Account, LedgerEntry, Limit
from tests.agents.conftest import Follower, Site
from tests.agents.simulated import events_of, saying, simulator, text_of

PIECE = 300  # tokens that come at once where the machine is busy
LATE = 1200  # tokens on their way when a stream is left: 0.6 s at this pace


@pytest.fixture
async def model() -> AsyncIterator[tuple[str, Simulator]]:
    async with simulator(rate=2000, ttft=0.01) as made:
        yield made
        await pool.close()
        await limits.close()


def endpoint(url: str, of: str, **more: Any) -> Endpoint:
    row = {"name": of, "dialect": "chat", "base_url": url, "model": "simulated-deep", "own_network": True}
    return Endpoint.objects.create(**row, pool=of, drives_tools=False, **more)


def limit(amount: float, measure: str = "tokens", span: str = "day", **more: Any) -> Limit:
    return Limit.objects.create(of="person", amount=amount, measure=measure, span=span, **more)


def used() -> int:
    totals = LedgerEntry.objects.totals()
    assert totals.held == 0
    return totals.input_tokens + totals.output_tokens


async def test_a_turn_stops_at_its_cap_says_which_and_the_other_pool_goes_on(
    site: Site, ada: Follower, model: tuple[str, Simulator]
) -> None:
    url, simulated = model
    fast = await in_db(endpoint, url, "fast")
    deep = await in_db(endpoint, url, "deep")
    session = await ada.session()
    said = {"session": session, "text": "sim: tokens=300"}
    first = await ada.ask("turn.start", **said, endpoint=fast.pk)
    assert (await ada.ended(first["turn"]))["state"] == "completed"
    before = await in_db(used)
    await in_db(limit, before + 900)
    turn = await ada.ask("turn.start", session=session, text="sim: tokens=20000", endpoint=fast.pk)
    ended = await ada.ended(turn["turn"])
    assert ended["state"] == "interrupted"
    note = ada.items("note")[-1]["data"]
    assert "tokens of fast models you may use today" in note["text"]
    assert note["limit"]["pool"] == "fast"
    assert note["limit"]["frees_at"]
    assert any(item["data"]["text"].strip() for item in ada.items("model")), "what it had written is kept"
    written = sum(tally.asked + tally.written for tally in simulated.brain.tallies)
    cap = before + 900
    assert cap - PIECE <= await in_db(used) <= cap + PIECE
    assert written <= cap + LATE, "by the simulator's own count"
    again = await ada.ask("turn.start", session=session, text="sim: tokens=30", endpoint=fast.pk)
    assert (await ada.ended(again["turn"]))["state"] == "interrupted", "nothing is left"
    other = await ada.ask("turn.start", session=session, text="sim: tokens=30", endpoint=deep.pk)
    assert (await ada.ended(other["turn"]))["state"] == "completed"


async def test_a_long_answer_reserves_more_as_it_goes(site: Site, model: tuple[str, Simulator]) -> None:
    row = await in_db(endpoint, model[0], "fast")
    call = Measured([row], Purpose(site.ada.pk, site.workspace.pk, "session", "turn:x"))
    text = text_of(await events_of(call, saying("sim: tokens=9000 rate=0")))
    assert len(text.split()) == 9000
    entry = await in_db(LedgerEntry.objects.get)
    assert (entry.state, entry.output_tokens, entry.reserved_tokens) == ("settled", 9000, 0)
    assert {row.tokens for row in await in_db(list, Account.objects.all())} == {entry.input_tokens + 9000}


async def test_at_most_so_many_calls_run_at_once_and_the_next_is_told_its_place(
    site: Site, model: tuple[str, Simulator]
) -> None:
    row = await in_db(endpoint, model[0], "fast")
    await in_db(limit, 1, "calls", "", kind="turn")
    told: list[tuple[int, str]] = []

    def call() -> Measured:
        return Measured([row], Purpose(site.ada.pk, site.workspace.pk, "session", "turn:x"))

    first, second = call(), call()
    waiting = asyncio.Event()

    def in_line(place: int, why: str) -> None:
        told.append((place, why))
        waiting.set()

    second.in_line = in_line
    stream = first.stream(saying("sim: tokens=100000 rate=1000"))
    await anext(stream)
    behind = asyncio.create_task(events_of(second, saying("sim: tokens=20")))
    async with asyncio.timeout(10):
        await waiting.wait()
    assert told[0][0] == 1
    assert not behind.done()
    await stream.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        assert len(text_of(await behind).split()) == 20
    assert told[-1] == (0, "")


async def test_a_persons_requests_a_minute_are_kept(site: Site, model: tuple[str, Simulator]) -> None:
    """Without Redis requests go through (open for typing), tokens do not (closed for spending)."""
    row = await in_db(endpoint, model[0], "fast")
    await in_db(limit, 1, "requests", "minute")
    call = Measured([row], Purpose(site.ada.pk, site.workspace.pk, "session", "turn:x"))
    assert text_of(await events_of(call, saying("sim: tokens=2")))
    await in_db(limit, 1000, "tokens", "minute")
    with pytest.raises(Exception, match="Redis does not answer"):
        await events_of(call, saying("sim: tokens=2"))
    assert (await in_db(LedgerEntry.objects.totals)).held == 0, "what it had reserved is given back"


async def test_a_child_job_that_meets_its_parents_budget_says_so(site: Site, model: tuple[str, Simulator]) -> None:
    row = await in_db(endpoint, model[0], "deep")
    shares = (meter.Share("job:c"), meter.Share("job:p", tokens=500))
    call = Measured([row], Purpose(site.ada.pk, site.workspace.pk, "job", "job:c", shares))
    with pytest.raises(QuotaExceeded, match="This job has used the 500 tokens it may use"):
        await events_of(call, saying("sim: tokens=5000 rate=4000"))
    assert await in_db(used) <= 500 + PIECE
