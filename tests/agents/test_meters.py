"""What models have used, pool by pool; and that everybody's list of models is read again when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.utils import timezone

from agents.models import Endpoint
from ide.accounts.models import Membership
from ide.db import in_db
from ide.live.host import close_all
from ide.usage import meter
from ide.usage.meter import Spent
from ide.usage.models import LedgerEntry
from tests.agents.conftest import Follower, Site
from tests.agents.test_endpoints_api import MODEL, signed_in
from tests.live.test_announce import Valkey


def used(site: Site, endpoint: str, user: Any, tokens: int, days: int = 0) -> None:
    why = {"endpoint": endpoint, "model": "m", "kind": "session", "subject": ""}
    entry = meter.reserve(user.pk, site.workspace.pk, tokens=tokens, **why)
    meter.settle(entry, Spent(tokens - 1, 1, 0, Decimal(tokens) / 100))
    LedgerEntry.objects.filter(pk=entry).update(created_at=timezone.now() - timedelta(days=days))


async def test_each_pool_has_a_meter_of_its_own(site: Site) -> None:
    def fill() -> None:
        Endpoint.objects.create(name="quick", pool="fast", model="m")
        Endpoint.objects.create(name="slow", pool="deep", model="m")
        used(site, "quick", site.ada, 100)
        used(site, "quick", site.bob, 10)
        used(site, "slow", site.bob, 7)
        used(site, "slow", site.ada, 1000, days=40)
        meter.reserve(site.bob.pk, site.workspace.pk, endpoint="slow", model="m", kind="job", subject="", tokens=50)

    await in_db(fill)
    status, told = await (await signed_in(site, site.ada)).ask("get", "meters")
    assert status == 200
    fast, deep = told["pools"]
    assert (fast["pool"], fast["running"], deep["pool"], deep["running"]) == ("fast", 0, "deep", 1)
    assert fast["today"] == {"yours": {"tokens": 100, "cost": 1}, "team": {"tokens": 110, "cost": 1.1}}
    assert deep["month"] == {"yours": {"tokens": 0, "cost": 0}, "team": {"tokens": 7, "cost": 0.07}}
    assert told["uncounted"] is False


async def test_the_use_of_a_model_that_is_gone_is_not_lost(site: Site) -> None:
    await in_db(used, site, "removed", site.ada, 100)
    _, told = await (await signed_in(site, site.ada)).ask("get", "meters")
    assert [(one["pool"], one["today"]["team"]["tokens"]) for one in told["pools"]] == [
        ("fast", 0),
        ("deep", 0),
        ("gone", 100),
    ]


async def test_limits_and_pool_are_set_in_the_settings(site: Site) -> None:
    await in_db(lambda: Membership.objects.filter(user=site.ada).update(role="maintainer"))
    ada = await signed_in(site, site.ada)
    limits = {"pool": "fast", "limit_concurrent": 3, "limit_requests": 60, "limit_tokens": 100_000}
    status, row = await ada.ask("post", "endpoints", {**MODEL, **limits, "scope": "team"})
    assert status == 201, row
    assert {name: row[name] for name in limits} == limits
    status, row = await ada.ask("patch", f"/api/endpoints/{row['id']}", {**MODEL, "limit_concurrent": 2})
    assert (row["pool"], row["limit_concurrent"], row["limit_requests"]) == ("fast", 2, 0)
    assert (await ada.ask("patch", f"/api/endpoints/{row['id']}", {**MODEL, "limit_tokens": -1}))[0] == 422


@pytest.fixture
async def hints(tmp_path: Path) -> AsyncIterator[Valkey]:
    one = Valkey(tmp_path)
    before = channel_layers.set("default", RedisPubSubChannelLayer(hosts=[f"unix://{one.socket}"]))
    await one.start()
    yield one
    await close_all()
    channel_layers.set("default", before)
    one.stop()


async def test_others_are_told_that_the_list_of_models_is_another_one(site: Site, hints: Valkey) -> None:
    """By a hint, as from any other process; it may be lost, so it is given until it is heard."""
    await in_db(lambda: Membership.objects.filter(user=site.ada).update(role="maintainer"))
    ada, bob = await signed_in(site, site.ada), Follower(site.workspace.pk, site.bob)
    await bob.ask("workspace.open")
    _, row = await ada.ask("post", "endpoints", {**MODEL, "scope": "team"})

    async def told(method: str, path: str, body: Any) -> None:
        already = len(bob.of_type("models"))
        async with asyncio.timeout(15):
            while len(bob.of_type("models")) == already:
                await ada.ask(method, path, body)
                await asyncio.sleep(0.05)
        assert bob.of_type("models")[-1] == {"type": "models"}

    await told("patch", f"/api/endpoints/{row['id']}", MODEL)
    order = {"role": "think", "scope": "team", "endpoints": [{"endpoint": row["id"]}]}
    await told("put", "model-roles", order)
    await bob.leave()
