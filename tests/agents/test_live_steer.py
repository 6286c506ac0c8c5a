"""Live turns on a provider that keeps a socket: steered in mid-sentence, read ahead, interrupted anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.live import of
from agents.models import Endpoint, Item, RoleEndpoint, Turn
from agents.simulator.plan import Call, Script, Step, words
from agents.simulator.server import Simulator
from ide.db import in_db
from ide.live.host import close_all
from ide.usage.models import LedgerEntry
from tests.agents.conftest import Follower, Site
from tests.agents.simulated import simulator

FULL = {"socket": True, "lanes": True, "steer": True, "freeform": True, "tools": True}


def endpoint(url: str, name: str = "simulated", **more: Any) -> Endpoint:
    fields = {"dialect": "responses", "model": "simulated-deep", "abilities": FULL, "own_network": True, **more}
    return Endpoint.objects.create(name=name, base_url=url, **fields)


@pytest.fixture
async def sim() -> AsyncIterator[tuple[str, Simulator]]:
    script = Script(
        [
            Step(when="look", calls=[Call("read_file", {"path": "a.py"}), Call("list_files", {"glob": "x" * 400})]),
            Step(when="look", text="I have looked."),
        ]
    )
    async with simulator(script, rate=100) as made:
        yield made


async def said(tab: Follower, text: str, session: str = "", **more: Any) -> str:
    session = session or await tab.session()
    return str((await tab.ask("turn.start", session=session, text=text, mentions=[], **more))["turn"])


async def transcript(tab: Follower, turn: str) -> list[tuple[str, str]]:
    session = (await tab.event("turn.started", lambda e: e["turn"]["id"] == turn))["session"]
    shot = (await tab.ask("session.open", session=session))["snapshot"]
    return [(i["kind"], i["data"].get("text") or i["data"].get("name")) for i in shot["items"] if i["turn"] == turn]


async def saved(site: Site, turn: str) -> None:
    """The ended turn is in the database."""
    row = await in_db(Turn.objects.get, pk=turn)
    await (await of(await site.host()).sessions.session(row.session_id)).settled()


async def person_item(tab: Follower, item: str) -> dict[str, Any]:
    return next(i["data"] for i in tab.items("person") if i["id"] == item)


async def test_a_steer_is_taken_in_mid_sentence(site: Site, ada: Follower, sim: tuple[str, Simulator]) -> None:
    await in_db(endpoint, sim[0])
    turn = await said(ada, "sim: tokens=2000 rate=200")
    await ada.event("item.delta")
    item = (await ada.ask("turn.steer", turn=turn, text="sim: tokens=7 rate=0"))["item"]
    assert (await ada.ended(turn))["state"] == "completed"
    parts = await transcript(ada, turn)
    assert [kind for kind, _ in parts] == ["person", "model", "person", "model"]
    assert len(parts[1][1].split()) < 2000, "the first answer stopped where it was"
    assert parts[3][1] == "".join(words(7))
    assert (await person_item(ada, item))["taken"] is True
    kinds = [(e["type"], e.get("steer")) for e in sim[1].responses.heard if e["type"] == "response.steer"]
    assert len(kinds) == 1, "it went over the wire, and was not said again"


async def test_a_steer_while_tools_run_is_taken_with_their_outputs(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await in_db(endpoint, sim[0])
    turn = await said(ada, "look around")
    await ada.event("item.started", lambda e: e["item"]["kind"] == "tool")
    item = (await ada.ask("turn.steer", turn=turn, text="be quick"))["item"]
    assert (await ada.ended(turn))["state"] == "completed"
    parts = await transcript(ada, turn)
    assert [kind for kind, _ in parts] == ["person", "tool", "tool", "person", "model"], parts
    assert (await person_item(ada, item))["taken"] is True
    await saved(site, turn)
    rows = await in_db(
        lambda: list(Item.objects.filter(turn_id=turn).order_by("position").values_list("kind", flat=True))
    )
    assert rows == ["person", "tool", "tool", "person", "model"], "and is kept there"


async def test_a_steer_the_provider_refuses_is_said_at_the_boundary(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await in_db(endpoint, sim[0])
    sim[1].responses.refuse_steers = True
    turn = await said(ada, "sim: tokens=60 rate=200")
    await ada.event("item.delta")
    item = (await ada.ask("turn.steer", turn=turn, text="sim: tokens=3 rate=0"))["item"]
    assert (await ada.ended(turn))["state"] == "completed"
    parts = await transcript(ada, turn)
    assert [text for kind, text in parts if kind == "model"] == ["".join(words(60)), "".join(words(3))]
    assert [kind for kind, _ in parts] == ["person", "model", "person", "model"]
    assert (await person_item(ada, item))["taken"] is True
    assert any(e["type"] == "response.steer" for e in sim[1].responses.heard)


async def test_a_steer_whose_connection_is_lost_is_told_as_missed(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await in_db(endpoint, sim[0])
    sim[1].responses.refuse_steers = None  # neither accepted nor refused
    bob = Follower(site.workspace.pk, site.bob)
    await bob.ask("workspace.open")
    turn = await said(ada, "sim: tokens=80 rate=100 fault=close at=40")
    await ada.event("item.delta")
    item = (await ada.ask("turn.steer", turn=turn, text="go left"))["item"]
    ended = await bob.ended(turn)
    assert (ended["state"], "stopped in the middle" in ended["error"]) == ("failed", True)
    for tab in (ada, bob):
        await tab.event("item.completed", lambda e: e["item"]["id"] == item and e["item"]["data"].get("missed"))
    await bob.leave()


async def test_an_interrupt_right_after_a_steer_fences_the_successor(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await in_db(endpoint, sim[0])
    session = await ada.session()
    turn = await said(ada, "sim: tokens=2000 rate=200", session)
    await ada.event("item.delta")
    await ada.ask("turn.steer", turn=turn, text="sim: tokens=500 rate=100")
    await ada.ask("turn.interrupt", turn=turn)
    assert (await ada.ended(turn))["state"] == "interrupted"
    parts = await transcript(ada, turn)
    after = await said(ada, "sim: tokens=4 rate=0", session)
    assert (await ada.ended(after))["state"] == "completed"
    assert [text for kind, text in await transcript(ada, after) if kind == "model"] == ["".join(words(4))]
    assert await transcript(ada, turn) == parts, "nothing of the interrupted answer came after"


async def test_a_pending_steer_of_an_interrupted_turn_is_not_said_in_the_next(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await in_db(endpoint, sim[0])
    session = await ada.session()
    turn = await said(ada, "look around", session)
    await ada.event("item.started", lambda e: e["item"]["kind"] == "tool")
    await ada.ask("turn.steer", turn=turn, text="sim: tokens=9")
    await ada.event("item.completed", lambda e: e["item"]["kind"] == "tool")
    await ada.ask("turn.interrupt", turn=turn)
    after = await said(ada, "sim: tokens=4 rate=0", session)
    assert (await ada.ended(after))["state"] == "completed"
    assert [text for kind, text in await transcript(ada, after) if kind == "model"] == ["".join(words(4))]


# --- read ahead -------------------------------------------------------------------------------------------------------


def creates(sim: Simulator) -> list[dict[str, Any]]:
    return [e for e in sim.responses.heard if e["type"] == "response.create"]


async def test_the_first_turn_of_an_opened_session_sends_only_what_is_asked(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await in_db(endpoint, sim[0])
    session = await ada.session()
    await ada.ask("session.open", session=session)
    await ada.ask("session.open", session=session)
    await settled(LedgerEntry.objects.filter(kind="warm", state="settled"))
    turn = await said(ada, "sim: tokens=3 rate=0", session)
    assert (await ada.ended(turn))["state"] == "completed"
    warm, first = creates(sim[1])
    assert warm["generate"] is False
    assert first["previous_response_id"], "it goes on from what was read ahead"
    (item,) = first["input"]
    assert item["content"].endswith("\n\nsim: tokens=3 rate=0"), "after what the workspace is like now"
    entry = await in_db(LedgerEntry.objects.get, kind="warm")
    assert (entry.subject, entry.user_id, entry.output_tokens) == (f"session:{session}", site.ada.pk, 0)


async def asked(sim: Simulator) -> None:
    """The provider has been asked; nothing it says is waited for."""
    async with asyncio.timeout(10):
        while not creates(sim):
            await asyncio.sleep(0.01)


async def settled(rows: Any) -> None:
    async with asyncio.timeout(10):
        while not await in_db(rows.count):
            await asyncio.sleep(0.01)


async def test_the_socket_is_there_before_the_first_turn_and_again_when_it_is_lost(site: Site) -> None:
    async with simulator(hour=1.0) as (url, sim):
        await in_db(endpoint, url)
        tab = Follower(site.workspace.pk, site.ada)
        await tab.ask("workspace.open")
        for count in (1, 2):
            async with asyncio.timeout(10):
                while sim.responses.connected < count:
                    await asyncio.sleep(0.01)
        await tab.leave()
        await close_all()
    names = {task.get_name() for task in others()}
    assert not names & {"model socket", "responses socket"}, names


async def test_nothing_is_read_ahead_for_who_may_not_ask_or_without_a_socket(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    sim[1].responses.refuse_upgrade = True
    await in_db(endpoint, sim[0])
    session = await ada.session()
    await ada.ask("session.open", session=session)
    turn = await said(ada, "sim: tokens=3 rate=0", session)
    await ada.ended(turn)
    assert not await in_db(LedgerEntry.objects.filter(kind="warm").exclude(state="released").exists)
    assert creates(sim[1]) == []


# --- interrupted anywhere ---------------------------------------------------------------------------------------------

PLACES = {
    "before the first token": "sim: tokens=5 ttft=60",
    "while it streams": "sim: tokens=5000 rate=100",
    "while it thinks": "sim: reason=5000 tokens=1 rate=100",
    "while tools are called": "look around",
    "while it waits to try again": "sim: fault=status_429",
    "while nothing comes": "sim: tokens=50 fault=hang at=2",
}


def others() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if not task.done()}


@pytest.mark.parametrize("place", PLACES)
async def test_an_interrupt_lands_wherever_a_turn_waits(
    site: Site, ada: Follower, sim: tuple[str, Simulator], place: str
) -> None:
    row = await in_db(endpoint, sim[0])
    session = await ada.session()
    turn = await said(ada, PLACES[place], session)
    seen = "item.delta" if place == "while it streams" else "item.started"
    await ada.event(seen, lambda e: place != "while tools are called" or e["item"]["kind"] == "tool")
    await asked(sim[1])
    assert (await ada.ask("turn.interrupt", turn=turn))["state"] == "interrupted"
    ended = await ada.ended(turn)
    assert ended["state"] == "interrupted"
    after = await said(ada, "sim: tokens=3 rate=0", session)
    assert (await ada.ended(after))["state"] == "completed"
    late = [e for e in ada.events[ada.events.index(await over(ada, turn)) :] if belongs(e, turn)]
    assert [e["type"] for e in late] == ["turn.ended"], "nothing of it is told after its end"
    await saved(site, turn)
    states = await in_db(
        lambda: set(LedgerEntry.objects.filter(subject=f"turn:{turn}").values_list("state", flat=True))
    )
    assert "reserved" not in states
    assert await in_db(Endpoint.objects.filter(pk=row.pk, failures=0).exists), "being interrupted is no failure"
    await close_all()
    names = {task.get_name() for task in others()}
    assert not {name for name in names if "turn" in name or "responses socket" in name or "ledger" in name}, names


async def over(tab: Follower, turn: str) -> dict[str, Any]:
    return await tab.event("turn.ended", lambda e: e["turn"]["id"] == turn)


def belongs(event: dict[str, Any], turn: str) -> bool:
    held = event.get("turn") or (event.get("item") or {})
    if isinstance(held, str):
        return held == turn
    return isinstance(held, dict) and turn in (held.get("id"), held.get("turn"))


async def test_an_interrupt_while_another_model_takes_over_ends_both(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    first = await in_db(endpoint, "http://127.0.0.1:1/v1", "gone")
    second = await in_db(endpoint, sim[0], "here")
    await in_db(RoleEndpoint.objects.create, role="turn", endpoint=first, rank=1, fall_over=True)
    await in_db(RoleEndpoint.objects.create, role="turn", endpoint=second, rank=2)
    turn = await said(ada, "sim: tokens=5 ttft=60")
    await ada.event("item.completed", lambda e: "here does" in str(e["item"]["data"].get("text")))
    await asked(sim[1])
    assert (await ada.ask("turn.interrupt", turn=turn))["state"] == "interrupted"
    assert (await ada.ended(turn))["endpoint"] == "here"
    await saved(site, turn)
    states = await in_db(
        lambda: list(LedgerEntry.objects.filter(subject=f"turn:{turn}").values_list("state", flat=True))
    )
    assert states == ["released", "released"], "nothing had come from either"
