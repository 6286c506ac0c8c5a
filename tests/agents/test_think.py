"""The tool `think`: a fast model asks the deep one in mid-turn, seen by all, counted where it belongs, stopped too."""

from __future__ import annotations

from typing import Any

from agents.live import of
from agents.models import Endpoint, RoleEndpoint
from ide.db import in_db
from ide.usage.models import LedgerEntry
from tests.agents.conftest import Follower, Site

ASK = {"calls": [{"name": "think", "arguments": '{"question": "Is one() right?", "paths": ["a.py"]}'}]}
DEEP = "It returns what it is given. That is right."


def assigned(site: Site, *fast: dict[str, Any], **deep: Any) -> tuple[Endpoint, Endpoint]:
    """A fast model for turns and a deep one that thinks."""
    quick = site.script(*fast)
    slow = site.script(deep)
    Endpoint.objects.filter(pk=quick.pk).update(rank=1, pool="fast")
    Endpoint.objects.filter(pk=slow.pk).update(price_output=100)
    RoleEndpoint.objects.create(role="think", endpoint=slow)
    return quick, slow


async def test_the_deep_model_answers_into_the_card_and_the_turn_goes_on(site: Site, ada: Follower) -> None:
    quick, slow = await in_db(lambda: assigned(site, ASK, {"text": "It is right."}, text=DEEP))
    session = await ada.session()
    turn = await ada.ended((await ada.ask("turn.start", session=session, text="Is it?", mentions=[]))["turn"])
    assert turn["state"] == "completed", turn
    card = ada.items("tool")[-1]
    assert (card["data"]["name"], card["data"]["input"], card["data"]["output"]) == ("think", "Is one() right?", DEEP)
    assert card["data"]["result"]["endpoint"] == slow.name
    assert card["data"]["ok"] is True
    streamed = [e["text"] for e in ada.of_type("item.delta") if e["item"] == card["id"]]
    assert "".join(streamed) == DEEP
    assert ada.items("model")[-1]["data"]["text"] == "It is right."
    rows = await in_db(lambda: list(LedgerEntry.objects.values_list("endpoint", "kind", "subject").order_by("pk")))
    assert rows == [
        (quick.name, "session", f"turn:{turn['id']}"),
        (slow.name, "think", f"turn:{turn['id']}"),
        (quick.name, "session", f"turn:{turn['id']}"),
    ]
    assert turn["cost"] > 0, "the deep model's price is part of the turn's cost"


async def test_a_turn_stopped_while_it_thinks_lets_go_of_both(site: Site, ada: Follower) -> None:
    _, slow = await in_db(lambda: assigned(site, ASK, {"text": "never"}, text=DEEP, pause_after=8))
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Is it?", mentions=[]))["turn"]
    await ada.event("item.delta")
    assert (await ada.ask("turn.interrupt", turn=turn))["state"] == "interrupted"
    ended = await ada.ended(turn)
    assert ended["state"] == "interrupted"
    assert ada.items("tool")[-1]["data"]["output"] in DEEP
    await (await of(await site.host()).sessions.session(session)).settled()
    rows = await in_db(lambda: list(LedgerEntry.objects.filter(endpoint=slow.name).values_list("state", flat=True)))
    assert rows == ["settled"]


async def test_a_deep_model_that_fails_is_a_result_the_fast_one_reads(site: Site, ada: Follower) -> None:
    await in_db(lambda: assigned(site, ASK, {"text": "Then without."}, error="overloaded"))
    session = await ada.session()
    turn = await ada.ended((await ada.ask("turn.start", session=session, text="Is it?", mentions=[]))["turn"])
    assert turn["state"] == "completed", turn
    assert ada.items("tool")[-1]["data"]["ok"] is False
    assert "overloaded" in ada.items("tool")[-1]["data"]["output"]


async def test_without_a_deep_model_there_is_no_such_tool(site: Site, ada: Follower) -> None:
    await in_db(site.script, ASK, {"text": "Then without."})
    session = await ada.session()
    await ada.ended((await ada.ask("turn.start", session=session, text="Is it?", mentions=[]))["turn"])
    assert "There is no tool 'think' here" in ada.items("tool")[-1]["data"]["output"]
