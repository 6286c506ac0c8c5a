"""Ledger, accounts, history and the simulator's own count agree after 200 calls with interruptions and failures; with
Redis killed in the middle nothing is spent beyond a cap."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, cast

from django.conf import settings

from agents.endpoints import limits, pool
from agents.endpoints.measure import Measured, Purpose
from agents.engine.messages import Event
from agents.models import Endpoint
from agents.providers.protocol import ProviderError
from ide.db import in_db
from ide.errors import QuotaExceeded
from ide.usage import hours, meter
from ide.usage.models import Account, LedgerEntry, Limit
from tests.agents.conftest import Site
from tests.agents.simulated import saying, simulator
from tests.live.test_announce import Valkey

CALLS, TOGETHER, CAP = 200, 8, 60_000
SAID = (
    *("sim: tokens=60 rate=0", "sim: tokens=400 rate=0", "sim: tokens=3000 rate=4000"),
    "sim: tokens=30 fault=error_200 at=9",
)
LATE = 400  # a tenth of a second: tokens of one stream on their way when it is left


def set_up(url: str) -> list[Endpoint]:
    for kind in ("turn", "inline", "job"):
        Limit.objects.create(of="person", kind=kind, measure="calls", amount=None)
    Limit.objects.create(of="person", pool="fast", measure="tokens", span="day", amount=CAP)
    row = {"dialect": "chat", "base_url": url, "model": "simulated-deep", "own_network": True}
    return [Endpoint.objects.create(name=of, pool=of, **row, limit_requests=100_000) for of in ("fast", "deep")]


async def one(site: Site, row: Endpoint, number: int, chance: random.Random) -> bool:
    """A call; whether it was interrupted or stopped before its end."""
    kind, said = chance.choice(("session", "inline", "job")), chance.choice(SAID)
    leaves = said.endswith("rate=4000") and chance.random() < 0.5
    shares = (meter.Share(f"job:{number % 5}"),) if kind == "job" else ()
    who = chance.choice((site.ada, site.bob))
    call = Measured([row], Purpose(who.pk, site.workspace.pk, kind, f"turn:{number}", shares))
    try:
        async with aclosing(cast(Any, call.stream(saying(f"{number}\n{said}")))) as stream:
            heard: list[Event] = []
            async for events in stream:
                heard += events
                if leaves and len(heard) > 50:
                    return True
    except QuotaExceeded:
        return True
    except ProviderError:
        return True
    return False


async def test_all_counts_agree_and_no_cap_is_passed(site: Site, tmp_path: Path) -> None:
    chance, valkey, before = random.Random(11), Valkey(tmp_path), settings.REDIS_URL
    settings.REDIS_URL = f"unix://{valkey.socket}"
    await valkey.start()
    gate = asyncio.Semaphore(TOGETHER)
    try:
        async with simulator(rate=2000, ttft=0.0) as (url, simulated):
            rows = await in_db(set_up, url)

            async def gated(number: int) -> bool:
                async with gate:
                    if number == CALLS // 2:
                        valkey.stop()  # what is in the database holds all the same
                    return await one(site, rows[number % 2], number, chance)

            cut = sum(await asyncio.gather(*(gated(number) for number in range(CALLS))))
            tallies = list(simulated.brain.tallies)
            await pool.close()
        generated = sum(tally.asked + tally.written for tally in tallies)
        entries = await in_db(lambda: list(LedgerEntry.objects.all()))
        used = sum(entry.input_tokens + entry.output_tokens for entry in entries)
        assert cut > 10
        assert not [entry for entry in entries if entry.state == "reserved"]
        assert abs(generated - used) <= cut * LATE, "to the token where a call came to its end"
        whole = (await in_db(hours.history, "hour", "all")).total()
        assert whole.tokens == used
        accounts = {row.key: row.tokens for row in await in_db(lambda: list(Account.objects.all()))}
        assert accounts["site|fast|"] + accounts["site|deep|"] == used
        assert all(row.running == 0 for row in await in_db(lambda: list(Account.objects.all())))
        for person in (site.ada, site.bob):
            assert accounts[f"person:{person.pk}|fast|"] <= CAP + TOGETHER * LATE
        await in_db(hours.roll)
        assert (await in_db(hours.history, "month", "person")).total().tokens == used
    finally:
        await limits.close()
        settings.REDIS_URL = before
        with suppress(Exception):
            valkey.stop()
