"""Connecting models over HTTP: who may, what is checked, that no key comes out, that test and probe are real."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import AsyncClient

from agents.endpoints.choice import SHIPPED
from agents.models import Endpoint, RoleEndpoint
from ide.accounts.models import Membership, User
from ide.db import in_db
from ide.usage.models import LedgerEntry
from tests.agents.conftest import Site
from tests.agents.simulated import simulator

KEY = "sk-canary-0123456789"
MODEL: dict[str, Any] = {
    "name": "Fast",
    "dialect": "responses",
    "base_url": "https://1.1.1.1/v1",
    "model": "m",
    "key": KEY,
}


class Person:
    """A signed-in person at the API."""

    def __init__(self, client: AsyncClient, workspace: str) -> None:
        self.client, self.workspace = client, workspace

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        path = path if path.startswith("/api") else f"/api/workspaces/{self.workspace}/{path}"
        sent = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        answer = await getattr(self.client, method)(path, **sent)
        return answer.status_code, answer.json() if answer.content else None


async def signed_in(site: Site, user: User) -> Person:
    client = AsyncClient()
    await client.aforce_login(user)
    return Person(client, site.workspace.pk)


@pytest.fixture
async def ada(site: Site) -> Person:
    """A maintainer."""
    await in_db(lambda: Membership.objects.filter(user=site.ada).update(role="maintainer"))
    return await signed_in(site, site.ada)


@pytest.fixture
async def bob(site: Site) -> Person:
    """An editor."""
    return await signed_in(site, site.bob)


async def test_a_key_goes_in_and_never_comes_out(site: Site, ada: Person) -> None:
    status, row = await ada.ask("post", "endpoints", {**MODEL, "scope": "team"})
    assert status == 201
    assert row["has_key"]
    status, listed = await ada.ask("get", "endpoints")
    assert KEY not in json.dumps([row, listed])
    stored = await in_db(Endpoint.objects.get, pk=row["id"])
    assert KEY.encode() not in bytes(stored.key_encrypted)
    status, row = await ada.ask("patch", f"/api/endpoints/{row['id']}", {k: v for k, v in MODEL.items() if k != "key"})
    assert (status, row["has_key"]) == (200, True), "a key that is not sent stays"
    status, refused = await ada.ask(
        "patch", f"/api/endpoints/{row['id']}", {**MODEL, "base_url": "https://8.8.8.8/v1", "key": None}
    )
    assert status == 422
    assert "needs the key again" in refused["message"], "it must not be sent to another address"


async def test_who_may_connect_a_model_for_whom(site: Site, ada: Person, bob: Person) -> None:
    for scope, status in (("site", 403), ("team", 201), ("person", 201)):
        assert (await ada.ask("post", "endpoints", {**MODEL, "name": scope, "scope": scope}))[0] == status
    for scope, status in (("site", 403), ("team", 403), ("person", 201)):
        assert (await bob.ask("post", "endpoints", {**MODEL, "name": scope, "scope": scope}))[0] == status
    _, seen = await bob.ask("get", "endpoints")
    mine = {(row["name"], row["may_change"]) for row in seen["endpoints"]}
    assert mine == {("team", False), ("person", True)}
    assert seen["scopes"] == ["person"]
    known = {one["name"]: one for one in seen["providers"]}
    assert {"OpenAI", "Anthropic", "Groq", "OpenRouter", "Ollama"} <= set(known)
    assert (known["OpenAI"]["dialect"], known["OpenAI"]["local"]) == ("responses", False)
    assert (known["Groq"]["pool"], known["Groq"]["models"]) == ("fast", ["openai/gpt-oss-120b"])
    assert known["Ollama"]["local"]
    shipped = await in_db(lambda: Endpoint.objects.create(name="small", model="m", builtin=True, rank=SHIPPED))
    _, seen = await bob.ask("get", "endpoints")
    assert [row["id"] for row in seen["endpoints"]][-1] == shipped.pk, "what somebody adds is asked before what ships"
    team = next(row for row in seen["endpoints"] if row["name"] == "team")
    assert team["base_url"] == ""
    assert (await bob.ask("delete", f"/api/endpoints/{team['id']}"))[0] == 403
    theirs = await in_db(lambda: Endpoint.objects.get(person=site.ada).pk)
    assert (await bob.ask("delete", f"/api/endpoints/{theirs}"))[0] == 404


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:80/v1", "http://localhost/v1", "ftp://x/v1", "https://u:p@x.com/"]
)
async def test_an_address_of_the_servers_network_is_refused_with_the_reason(ada: Person, address: str) -> None:
    status, told = await ada.ask("post", "endpoints", {**MODEL, "base_url": address, "scope": "person"})
    assert status == 422
    assert told["do"]
    assert told["field"] == "base_url"


async def test_a_name_is_taken_once_in_its_scope(ada: Person) -> None:
    assert (await ada.ask("post", "endpoints", {**MODEL, "scope": "team"}))[0] == 201
    assert (await ada.ask("post", "endpoints", {**MODEL, "scope": "team"}))[0] == 409
    assert (await ada.ask("post", "endpoints", {**MODEL, "scope": "person"}))[0] == 201


async def test_test_and_probe_ask_the_model_and_count_it(site: Site, ada: Person, settings: Any) -> None:
    async with simulator(rate=400, ttft=0.05) as (url, _):
        settings.INTERNAL_HOSTS = [url.split("/")[2]]
        _, row = await ada.ask("post", "endpoints", {**MODEL, "base_url": url, "scope": "team"})
        status, tried = await ada.ask("post", f"/api/endpoints/{row['id']}/test")
        assert status == 200
        assert tried["ttft_ms"] >= 50
        assert 100 < tried["tokens_per_s"] < 2000
        status, row = await ada.ask("post", f"/api/endpoints/{row['id']}/probe")
        assert status == 200, row
    found = row["abilities"]
    assert (found["socket"], found["lanes"], found["steer"], found["freeform"]) == (True, True, True, True)
    assert found["tools"] is False, "the simulator calls no tool it was not scripted to"
    test, probe = await in_db(lambda: list(LedgerEntry.objects.filter(kind="test").order_by("pk")))
    assert test.output_tokens == tried["tokens"]
    assert test.input_tokens > 0
    assert (probe.state, probe.user_id, probe.reserved_tokens) == ("settled", site.ada.pk, 0)
    assert probe.input_tokens > test.input_tokens, "a probe asks several questions"


async def test_a_model_that_does_not_answer_says_why(site: Site, ada: Person, settings: Any) -> None:
    settings.INTERNAL_HOSTS = ["127.0.0.1:9"]
    _, row = await ada.ask("post", "endpoints", {**MODEL, "base_url": "http://127.0.0.1:9/v1", "scope": "person"})
    status, told = await ada.ask("post", f"/api/endpoints/{row['id']}/test")
    assert status == 503
    assert "127.0.0.1:9" in told["message"]


async def test_roles_are_assigned_in_order(site: Site, ada: Person, bob: Person) -> None:
    _, first = await ada.ask("post", "endpoints", {**MODEL, "name": "one", "scope": "team"})
    _, second = await ada.ask("post", "endpoints", {**MODEL, "name": "two", "scope": "team"})
    asked = {"role": "job", "scope": "team"}
    order = [{"endpoint": second["id"], "fall_over": True}, {"endpoint": first["id"]}]
    assert (await bob.ask("put", "model-roles", {**asked, "endpoints": order}))[0] == 403
    status, roles = await ada.ask("put", "model-roles", {**asked, "endpoints": order})
    assert status == 200
    assert [role["endpoint"] for role in roles] == [second["id"], first["id"]]
    assert (await ada.ask("put", "model-roles", {**asked, "endpoints": [{"endpoint": 10**6}]}))[0] == 404
    assert await in_db(RoleEndpoint.objects.count) == 2, "a refused change changes nothing"
    assert (await ada.ask("get", "models"))[1]["default"] == first["id"], "no role: the first that is connected"
    await ada.ask("put", "model-roles", {"role": "turn", "scope": "team", "endpoints": order})
    assert (await ada.ask("get", "models"))[1]["default"] == second["id"], "the picker offers what serves turns"
