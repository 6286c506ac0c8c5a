"""The sampler: runs while somebody looks, once for all of them, and says so when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from ide.dashboard.feed import KEPT, Feed
from ide.dashboard.ground import Look

EVERY = 0.01


class Counting:
    """Takes samples 1, 2, 3 …; fails at `fail_at`."""

    def __init__(self, fail_at: int = 0) -> None:
        self.taken = 0
        self.fail_at = fail_at

    async def __call__(self) -> dict[str, Any]:
        self.taken += 1
        if self.taken == self.fail_at:
            raise ValueError("broken figure")
        return {"at": str(self.taken), "figures": {"rooms": self.taken, "disk": 1}, "panels": {}}


async def first(samples: AsyncIterator[dict[str, Any]], count: int) -> list[str]:
    found = []
    async for sample in samples:
        found.append(sample["at"])
        if len(found) == count:
            break
    return found


async def test_viewers_share_one_sampler() -> None:
    take = Counting()
    feed = Feed(take, Look, EVERY)

    async def view() -> list[str]:
        async with aclosing(feed.samples()) as samples:
            return await first(samples, 3)

    one, two, three = await asyncio.gather(view(), view(), view())
    assert one == two == three == ["1", "2", "3"]
    assert take.taken <= 4


async def test_nothing_is_sampled_once_nobody_looks() -> None:
    feed = Feed(Counting(), Look, EVERY)
    async with aclosing(feed.samples()) as samples:
        await first(samples, 2)
        assert feed.running
    assert not feed.running
    assert len(asyncio.all_tasks()) == 1, "the sampler's tasks have ended"


async def test_it_runs_again_for_the_next_viewer_and_kept_the_past() -> None:
    feed = Feed(Counting(), Look, EVERY)
    for _ in range(2):
        async with aclosing(feed.samples()) as samples:
            await first(samples, 2)
    kept = feed.history
    assert [s["at"] for s in kept] == [str(n + 1) for n in range(len(kept))]
    assert len(kept) >= 4
    assert kept[0]["figures"]["rooms"] == 1
    assert "disk" not in kept[0]["figures"], "only charted figures are kept"


async def test_the_past_has_an_end() -> None:
    feed = Feed(Counting(), Look, 0)
    async with aclosing(feed.samples()) as samples:
        await first(samples, KEPT + 5)
    assert len(feed.history) == KEPT


async def test_a_broken_sampler_is_an_error_to_who_looks_not_silence() -> None:
    feed = Feed(Counting(fail_at=2), Look, EVERY)
    with pytest.raises(ValueError, match="broken figure"):
        async with aclosing(feed.samples()) as samples:
            await first(samples, 5)
    assert not feed.running


async def test_a_slow_viewer_misses_samples_and_delays_nobody() -> None:
    feed = Feed(Counting(), Look, EVERY)
    async with aclosing(feed.samples()) as slow, aclosing(feed.samples()) as quick:
        assert await first(slow, 1) == ["1"]
        await first(quick, 5)
        assert int((await first(slow, 1))[0]) > 2
