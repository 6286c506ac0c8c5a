"""Limits by name: who may be named in one, for administrators and for a team, and what a wrong name is told."""

from __future__ import annotations

import pytest
from django.test import Client

from agents.models import Endpoint
from ide.accounts.models import Membership, Team, User
from ide.audit.models import AuditEntry
from ide.usage.models import Limit
from ide.workspaces.models import Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    """Owner of a team with a model of its own, and administrator; another team has one too."""
    user = User.objects.create_superuser(username="ada", first_name="Ada")
    for name in ("ours", "theirs"):
        team = Team.objects.create(name=name)
        Endpoint.objects.create(name=f"model of {name}", model="m", team=team)
    Membership.objects.create(team=Team.objects.get(name="ours"), user=user, role="owner")
    User.objects.create_user(username="eve")
    Endpoint.objects.create(name="everybody's", model="m")
    Endpoint.objects.create(name="her own", model="m", person=user)
    return user


@pytest.fixture
def client(ada: User) -> Client:
    one = Client()
    one.force_login(ada)
    return one


def test_administrators_name_anybody_and_a_team_its_own(client: Client) -> None:
    all_of_it = client.get("/api/limits/subjects").json()
    assert {one["name"] for one in all_of_it["teams"]} >= {"ours", "theirs"}
    assert {one["login"] for one in all_of_it["people"]} == {"ada", "eve"}
    models = {one["name"] for one in all_of_it["models"]}
    assert models >= {"model of ours (ours)", "model of theirs (theirs)", "everybody's"}
    assert "her own" not in models
    workspace = Workspace.objects.create(name="w", team=Team.objects.get(name="ours"), state="ready")
    of_team = client.get(f"/api/workspaces/{workspace.pk}/limits/subjects").json()
    assert of_team["teams"] == []
    assert [one["login"] for one in of_team["people"]] == ["ada"]
    assert "model of theirs (theirs)" not in {one["name"] for one in of_team["models"]}


def test_a_limit_of_a_named_model_is_set_changed_and_taken_away(client: Client) -> None:
    model = Endpoint.objects.get(name="everybody's")
    limit = {"of": "endpoint", "endpoint": model.pk, "measure": "tokens", "span": "day"}
    for amount in (700, 800):
        told = client.put("/api/limits", {**limit, "amount": amount}, content_type="application/json").json()
        assert [one["amount"] for one in told if one["endpoint"] == model.pk] == [amount]
    assert client.put("/api/limits", {**limit, "remove": True}, content_type="application/json").status_code == 200
    assert not Limit.objects.exists()
    assert AuditEntry.objects.filter(act="limit.change").count() == 3


def test_a_model_that_is_not_there_is_not_limited(client: Client) -> None:
    theirs = Endpoint.objects.get(name="model of theirs")
    workspace = Workspace.objects.create(name="w", team=Team.objects.get(name="ours"), state="ready")
    limit = {"of": "endpoint", "measure": "tokens", "span": "day", "amount": 1}
    for path, number in (("/api/limits", 10**6), (f"/api/workspaces/{workspace.pk}/limits", theirs.pk)):
        refused = client.put(path, {**limit, "endpoint": number}, content_type="application/json")
        assert refused.status_code == 404
        assert refused.json()["message"] == "There is no such model here."
    assert not Limit.objects.exists()
