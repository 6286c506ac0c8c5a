"""What administrators do from the dashboard: it happens, it is recorded, and nobody else can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from agents.models import Endpoint
from ide.accounts.models import User
from ide.audit.models import AuditEntry
from ide.dashboard import panels, pulse
from ide.dashboard.models import Drained
from ide.db import in_db
from ide.live.host import close_all, host_of, live_host
from ide.live.lease import own_name
from ide.usage import hours, meter
from ide.usage.models import LedgerEntry
from tests.agents.conftest import Follower, Site
from tests.live.tab import Tab


@pytest.fixture
async def root(site: Site) -> AsyncIterator[AsyncClient]:
    def made() -> User:
        return User.objects.create_user(username="root", is_staff=True, is_superuser=True)

    client = AsyncClient()
    await sync_to_async(client.force_login)(await in_db(made))
    yield client
    await close_all()


async def do(client: AsyncClient, act: str, thing: str = "", text: str = "") -> tuple[int, dict[str, Any]]:
    body = {"act": act, "thing": thing, "text": text}
    answer = await client.post("/api/dashboard/acts", body, content_type="application/json")
    return answer.status_code, answer.json()


async def rows(client: AsyncClient, panel: str) -> list[list[Any]]:
    answer = await client.get("/api/dashboard")
    assert answer.status_code == 200, answer.content
    found: list[list[Any]] = answer.json()["now"]["panels"][panel]
    return found


async def test_the_expensive_turn_is_found_and_stopped(site: Site, ada: Follower, root: AsyncClient) -> None:
    endpoint = await in_db(site.script, {"text": "word " * 4000}, rate=200)
    turn = await ada.ask("turn.start", session=await ada.session(), text="go on for long", endpoint=endpoint.pk)
    await ada.event("turn.speed")
    (row,) = await rows(root, "turns.running")
    assert (row[0], row[-1]) == ("ada", turn["turn"])
    status, said = await do(root, "turn.interrupt", row[-1])
    assert (status, said["said"]) == (200, "ada's turn is interrupted.")
    assert (await ada.ended(turn["turn"]))["state"] == "interrupted"
    assert ada.items("note")[-1]["data"]["text"] == "Interrupted by root."
    assert (await do(root, "turn.interrupt", row[-1]))[0] == 409
    entry = await in_db(AuditEntry.objects.filter(act="dashboard.turn.interrupt").first)
    assert (entry.actor, entry.thing) == ("root", turn["turn"])


async def test_a_workspace_is_closed_and_may_be_opened_again(site: Site, ada: Follower, root: AsyncClient) -> None:
    (row,) = await rows(root, "workspaces")
    assert (row[0], row[2], row[-1]) == ("w", 1, site.workspace.pk)
    assert (await do(root, "workspace.close", site.workspace.pk))[0] == 200
    assert live_host(site.workspace.pk) is None
    assert (await host_of(site.workspace.pk)).workspace_id == site.workspace.pk
    assert (await do(root, "workspace.close", "nothing"))[0] == 404


async def test_a_drained_server_opens_nothing_until_that_is_taken_back(
    site: Site, ada: Follower, root: AsyncClient
) -> None:
    assert (await rows(root, "hosts"))[0][2:5] == ["open", 1, 1]
    assert (await do(root, "host.drain", own_name()))[0] == 200
    assert live_host(site.workspace.pk) is None
    with pytest.raises(Exception, match="being emptied"):
        await host_of(site.workspace.pk)
    tab = Tab(site.workspace.pk, site.ada)
    assert (await tab.until(lambda: tab.closed))[0] == 4409, "it comes again, and finds the server that has it by then"
    ready = await AsyncClient().get("/readyz")
    assert (ready.status_code, ready.json()["drained"]) == (503, True), "a balancer sends nobody here"
    assert (await rows(root, "hosts"))[0][2] == "drained"
    assert (await do(root, "host.undrain", own_name()))[0] == 200
    assert not await in_db(Drained.objects.exists)
    assert (await AsyncClient().get("/readyz")).json()["drained"] is False
    await host_of(site.workspace.pk)


async def test_a_message_to_everyone_is_a_banner_until_it_is_taken_back(
    site: Site, ada: Follower, root: AsyncClient
) -> None:
    assert (await do(root, "announce", text=" "))[0] == 422
    assert (await do(root, "announce", text="We restart at noon."))[0] == 200
    event = await ada.event("announcement", lambda e: e["announcement"])
    assert event["announcement"]["text"] == "We restart at noon."
    assert (await ada.ask("workspace.open"))["announcement"]["text"] == "We restart at noon."
    assert (await do(root, "announce.end"))[0] == 200
    await ada.event("announcement", lambda e: e["announcement"] is None)
    assert (await root.get("/api/announcement")).json() == {"announcement": None}


async def test_a_model_is_switched_off_and_on(site: Site, ada: Follower, root: AsyncClient) -> None:
    endpoint = await in_db(site.script, {"text": "hello"})
    assert (await do(root, "endpoint.disable", str(endpoint.pk)))[0] == 200
    await ada.event("models")
    assert not (await in_db(Endpoint.objects.get, pk=endpoint.pk)).enabled
    assert (await rows(root, "models"))[0][3] == "off"
    assert (await do(root, "endpoint.enable", str(endpoint.pk)))[0] == 200
    assert (await do(root, "endpoint.enable", "nothing"))[0] == 404


async def test_what_is_not_known_is_not_done(root: AsyncClient) -> None:
    assert (await do(root, "everything.delete"))[0] == 404


async def test_every_act_of_a_panel_is_one(root: AsyncClient) -> None:
    known = {one.key for one in panels.acts()}
    assert {act for panel in panels.panels() for act in panel.acts} <= known


async def test_the_history_is_what_the_ledger_says_with_decided_hunks(site: Site, root: AsyncClient) -> None:
    def fill() -> None:
        for user, tokens in ((site.ada, 100), (site.bob, 7)):
            call = meter.Call(user.pk, site.workspace.pk, "e", "m", "session", "turn:x", "fast")
            meter.settle(meter.hold(call, read=tokens, write=1, prices=meter.Prices()).entry, meter.Spent(tokens, 1))
        hours.roll()

    await in_db(fill)
    answer = (await root.get("/api/dashboard/history?span=day&by=person")).json()
    assert [(one["name"], one["read"][-1], one["written"][-1]) for one in answer["series"]] == [
        ("ada", 100, 1),
        ("bob", 7, 1),
    ]
    assert len(answer["accepted"]) == len(answer["times"]) == 31
    assert await in_db(LedgerEntry.objects.count) == 2


async def test_health_gives_advice_in_words(root: AsyncClient) -> None:
    found = (await root.get("/api/dashboard/health")).json()
    assert {"name", "state", "finding", "advice"} <= set(found[0])


async def test_pulses_of_other_servers_are_added_up(site: Site, ada: Follower) -> None:
    await pulse.gather()
    (mine,) = pulse.pulses()
    assert (mine.people, mine.sockets >= 1) == ([site.ada.pk], True)
