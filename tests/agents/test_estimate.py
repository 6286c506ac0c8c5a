"""What a turn takes, counted before it is sent, and what the provider's count then makes of the next estimate."""

from __future__ import annotations

from typing import Any

import pytest

from agents.context.surroundings import Around
from agents.models import Endpoint
from ide.db import in_db
from tests.agents.conftest import CODE, Follower, Site
from tests.agents.simulated import simulator
from tests.agents.test_live_steer import endpoint


async def counted(tab: Follower, text: str = "What is one?", **more: Any) -> dict[str, Any]:
    return dict(await tab.ask("session.estimate", text=text, **more))


async def test_tokens_and_cost_are_counted_without_a_network(site: Site, ada: Follower) -> None:
    (await site.host()).extensions[Around] = Around(wait=30)
    prices = {"price_input": 5, "window": 50_000, "drives_tools": False}
    row = await in_db(endpoint, "http://127.0.0.1:1/v1", **prices)
    plain = await counted(ada, "x" * 4000)
    assert (plain["window"], plain["priced"]) == (50_000, True)
    assert 1000 < plain["tokens"] < 1500, "4,000 bytes and the instructions"
    assert plain["cost"] == pytest.approx(plain["tokens"] * 5 / 1e6)
    assert 0 < plain["reply"] <= 50_000 // 4
    shown = await ada.ask("context.show", text="x", mentions=[{"kind": "file", "path": "a.py"}])
    (mentioned,) = [part for part in shown["parts"] if part["kind"] == "mentions"]
    assert mentioned["tokens"] >= len(CODE) // 4, "the file goes with it"
    same = await counted(ada, "x" * 4000, mentions=[{"kind": "file", "path": "gone.py"}])
    assert same["tokens"] == plain["tokens"], "a file that is not there takes nothing"
    await in_db(lambda: Endpoint.objects.filter(pk=row.pk).update(bytes_per_token=2.0, price_input=0))
    dense = await counted(ada, "x" * 4000)
    assert dense["tokens"] == pytest.approx(plain["tokens"] * 2, abs=1)
    assert (dense["priced"], dense["cost"]) == (False, 0)


async def test_what_does_not_fit_is_told_with_the_room_its_answer_needs(site: Site, ada: Follower) -> None:
    await in_db(endpoint, "http://127.0.0.1:1/v1", window=2000)
    over = await counted(ada, "x" * 8000)
    assert over["tokens"] + over["reply"] > over["window"]


async def test_tools_and_history_count_and_the_providers_figures_correct_the_estimate(
    site: Site, ada: Follower
) -> None:
    async with simulator() as (url, _):
        row = await in_db(endpoint, url, drives_tools=True, price_input=2, price_output=10)
        session = await ada.session()
        before = await counted(ada, session=session)
        text = f"sim: tokens=200 rate=0\n{'é' * 4000}"
        asked = await counted(ada, text, session=session)
        turn = await ada.ended((await ada.ask("turn.start", session=session, text=text, mentions=[]))["turn"])
        assert turn["input_tokens"] == pytest.approx(asked["tokens"], rel=0.5)
        assert turn["cost"] == pytest.approx((turn["input_tokens"] * 2 + turn["output_tokens"] * 10) / 1e6)
        after = await counted(ada, session=session)
        assert after["tokens"] - before["tokens"] > 2000, "what was said before goes along"
        learned = await in_db(Endpoint.objects.get, pk=row.pk)
        assert learned.bytes_per_token != 4.0
        shot = (await ada.ask("session.open", session=session))["snapshot"]
        assert shot["turns"][0]["cost"] == turn["cost"], "and it is kept"


async def test_a_session_of_another_workspace_is_not_counted(site: Site, ada: Follower) -> None:
    await in_db(endpoint, "http://127.0.0.1:1/v1")
    assert (await ada.refused("session.estimate", session="a" * 16, text="x"))["code"] == "not_found"
