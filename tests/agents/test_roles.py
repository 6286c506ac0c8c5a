"""Which endpoint serves a role, what happens when it fails, and what a session sends to a provider with a memory."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.endpoints import choice as endpoints
from agents.endpoints.choice import Wanted
from agents.models import Endpoint, RoleEndpoint
from ide.accounts.models import Team, User
from ide.db import in_db
from tests.agents.conftest import Follower, Site
from tests.agents.simulated import simulator


def made(name: str, rank: int = 10, **fields: Any) -> Endpoint:
    return Endpoint.objects.create(name=name, base_url="http://127.0.0.1:1/v1", model="m", rank=rank, **fields)


@pytest.mark.django_db
def test_a_role_has_its_endpoints_in_order_and_a_team_its_own() -> None:
    team = Team.objects.create(name="t")
    fast, deep, own = made("fast", 2), made("deep", 1), made("own", 3, team=team)
    RoleEndpoint.objects.create(role="turn", endpoint=fast, fall_over=True)
    RoleEndpoint.objects.create(role="turn", endpoint=deep, rank=1)
    assert endpoints.candidates(None, Wanted("turn")) == [fast, deep]
    assert endpoints.candidates(deep.pk, Wanted("turn")) == [deep], "who chooses a model gets that one"
    assert endpoints.candidates(None, Wanted("job")) == [deep], "a role nobody assigned has the default"
    RoleEndpoint.objects.create(role="turn", team=team, endpoint=own)
    assert endpoints.candidates(None, Wanted("turn", team.pk)) == [own]
    assert endpoints.candidates(None, Wanted("turn")) == [fast, deep], "another team does not see it"


@pytest.mark.django_db
def test_a_persons_endpoint_is_theirs_alone() -> None:
    ada, bob = (User.objects.create_user(username=name) for name in ("ada", "bob"))
    mine = made("mine", 1, person=ada)
    assert mine in endpoints.usable(Wanted("turn", None, ada.pk))
    assert mine not in endpoints.usable(Wanted("turn", None, bob.pk))
    assert mine not in endpoints.usable()


@pytest.mark.django_db
def test_an_endpoint_that_fails_three_times_rests_and_one_success_ends_it() -> None:
    first, second = made("first", 1), made("second", 2)
    RoleEndpoint.objects.create(role="turn", endpoint=first, fall_over=True)
    RoleEndpoint.objects.create(role="turn", endpoint=second, rank=1)
    for _ in range(3):
        endpoints.failed(first.pk, "It is overloaded.")
    first.refresh_from_db()
    assert first.resting
    assert first.problem == "It is overloaded."
    assert endpoints.candidates(None, Wanted("turn")) == [second]
    endpoints.failed(second.pk, "x", retry_after=3600)
    Endpoint.objects.filter(pk=second.pk).update(resting_until=timezone.now() + timedelta(hours=1))
    assert endpoints.candidates(None, Wanted("turn")) == [first], "when all rest, the first is asked all the same"
    endpoints.worked(first.pk)
    first.refresh_from_db()
    assert (first.failures, first.resting, first.problem) == (0, False, "")


@pytest.mark.django_db
def test_bytes_per_token_follow_what_the_provider_counts() -> None:
    row = made("x")
    for _ in range(60):
        endpoints.learn(row, 30_000, 10_000)
    assert row.bytes_per_token == pytest.approx(3.0, abs=0.05)
    endpoints.learn(row, 100, 1)
    assert row.bytes_per_token == pytest.approx(3.0, abs=0.05), "a short call says nothing"


async def test_a_turn_goes_to_the_next_endpoint_and_says_so(site: Site, ada: Follower) -> None:
    async with simulator() as (url, _):
        await in_db(_roles, url)
        session = await ada.session()
        turn = await ada.ask("turn.start", session=session, text="sim: tokens=6", mentions=[])
        assert (await ada.ended(turn["turn"]))["state"] == "completed"
    notes = [item["data"]["text"] for item in ada.items("note")]
    assert notes == ["broken did not answer (The model cannot be reached); good does."]
    assert [item["data"]["text"] for item in ada.items("model")] == ["the first pass keeps every name "]
    broken = await in_db(Endpoint.objects.get, name="broken")
    assert broken.failures == 1


def _roles(url: str) -> None:
    broken = Endpoint.objects.create(
        name="broken", base_url="http://127.0.0.1:9/v1", model="m", drives_tools=False, own_network=True
    )
    good = Endpoint.objects.create(name="good", base_url=url, model="m", drives_tools=False, own_network=True)
    RoleEndpoint.objects.create(role="turn", endpoint=broken, fall_over=True)
    RoleEndpoint.objects.create(role="turn", endpoint=good, rank=1)


async def test_a_session_on_a_socket_sends_each_turn_only_what_is_new(site: Site, ada: Follower) -> None:
    async with simulator() as (url, sim):
        fields = {"dialect": "responses", "base_url": url, "model": "m", "drives_tools": False, "own_network": True}
        await in_db(lambda: Endpoint.objects.create(name="fast", rank=1, abilities={"lanes": True}, **fields))
        session = await ada.session()
        for text in ("sim: tokens=6", "sim: tokens=7", "sim: tokens=8"):
            turn = await ada.ask("turn.start", session=session, text=text, mentions=[])
            assert (await ada.ended(turn["turn"]))["state"] == "completed"
            await in_db(lambda: None)
        assert [item["data"]["text"].count(" ") for item in ada.items("model")] == [6, 7, 8]
        assert sim.responses.continued == 2, "the second and third turn continue the first"


async def test_an_address_inside_the_servers_network_is_refused_at_the_connection(site: Site, ada: Follower) -> None:
    """A person's endpoint may not reach it, by number or by name; the operator's may."""
    async with simulator() as (url, _):
        for name, address in (("number", url), ("name", url.replace("127.0.0.1", "localhost"))):
            fields = {"base_url": address, "model": "m", "drives_tools": False, "rank": 1}
            row = await in_db(lambda name=name, fields=fields: Endpoint.objects.create(name=name, **fields))
            session = await ada.session()
            turn = await ada.ask("turn.start", session=session, text="sim: tokens=3", mentions=[], endpoint=row.pk)
            ended = await ada.ended(turn["turn"])
            assert ended["state"] == "failed"
            assert "network" in ended["error"] or "cannot be reached" in ended["error"]
