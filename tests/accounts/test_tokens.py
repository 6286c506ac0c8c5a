"""Access tokens: made, told once, limited by role, scope and team, ended; and what they open on the HTTP API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ide.accounts import tokens
from ide.accounts.logs import without_tokens
from ide.accounts.members import TeamThing
from ide.accounts.models import AccessToken, Membership, Team, User, hash_token
from ide.accounts.permissions import Action, allow, may
from ide.errors import Conflict, Invalid, NotAllowed, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Ours")


@pytest.fixture
def ana(team: Team) -> User:
    user = User.objects.create_user(username="ana", is_staff=True)
    Membership.objects.create(team=team, user=user, role="owner")
    return user


def through(secret: str) -> User:
    found = tokens.person_of(secret)
    assert found is not None
    return found


def test_a_token_is_told_once_and_kept_as_a_hash(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    body = {"name": "  my   script ", "scope": "read", "days": 30}
    made = client.post("/api/me/tokens", body, content_type="application/json")
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("tdm_")
    assert len(secret) == 4 + 32  # 192 bits in base64
    assert made.json()["name"] == "my script"
    listed = client.get("/api/me/tokens")
    assert secret not in listed.content.decode()
    shown = [(one["name"], one["scope"], one["live"]) for one in listed.json()["tokens"]]
    assert shown == [("my script", "read", True)]
    row = AccessToken.objects.get()
    assert row.token_hash == hash_token(secret)
    assert secret not in str(vars(row))
    assert timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)


def test_a_token_acts_for_its_person_and_notes_its_use_once_a_minute(ana: User) -> None:
    secret, row = tokens.make(ana, "x", "write", 1)
    assert through(secret) == ana
    row.refresh_from_db()
    first = row.used_at
    assert first is not None
    through(secret)
    row.refresh_from_db()
    assert row.used_at == first
    AccessToken.objects.update(used_at=first - timedelta(minutes=2))
    through(secret)
    row.refresh_from_db()
    assert row.used_at is not None
    assert row.used_at > first - timedelta(minutes=1)


@pytest.mark.parametrize("end", ["revoke", "expire", "deactivate", "delete"])
def test_a_token_that_has_ended_is_nobody(ana: User, end: str) -> None:
    secret, row = tokens.make(ana, "x", "write", 1)
    if end == "revoke":
        tokens.revoke(ana, row.pk)
    elif end == "expire":
        AccessToken.objects.update(expires_at=timezone.now())
    elif end == "deactivate":
        User.objects.update(is_active=False)
    else:
        ana.delete()
    assert tokens.person_of(secret) is None
    assert tokens.ended({row.pk}) == ({row.pk} if end != "deactivate" else set())


@pytest.mark.parametrize("secret", ["", "tdm_", "tdm_" + "a" * 32, "cookie", "x" * 100_000])
def test_what_is_no_token_is_nobody(ana: User, secret: str) -> None:
    tokens.make(ana, "x", "write", 1)
    assert tokens.person_of(secret) is None


def test_a_token_gives_the_least_of_role_and_scope(ana: User, team: Team) -> None:
    thing = TeamThing(team.pk)
    secrets = {scope: tokens.make(ana, scope, scope, 1)[0] for scope in ("read", "write")}
    for role in ("owner", "maintainer", "editor", "commenter", "viewer"):
        Membership.objects.update(role=role)
        for scope, most in (("read", {Action.SEE}), ("write", {Action.SEE, Action.COMMENT, Action.EDIT})):
            person = through(secrets[scope])
            got = {action for action in Action if may(person, action, thing)}
            assert got == {action for action in most if may(ana, action, thing)}
            assert not any(may(person, action) for action in Action)  # nothing on the site itself, staff or not
    Membership.objects.all().delete()
    assert not may(through(secrets["write"]), Action.SEE, thing)


def test_a_refusal_says_that_it_is_the_token(ana: User, team: Team) -> None:
    person = through(tokens.make(ana, "x", "read", 1)[0])
    with pytest.raises(NotAllowed, match="access token"):
        allow(person, Action.EDIT, TeamThing(team.pk))


def test_a_token_of_one_team_sees_no_other(ana: User, team: Team) -> None:
    other = Team.objects.create(name="Other")
    Membership.objects.create(team=other, user=ana, role="owner")
    person = through(tokens.make(ana, "x", "write", 1, team.pk)[0])
    allow(person, Action.EDIT, TeamThing(team.pk))
    with pytest.raises(NotFound):
        allow(person, Action.SEE, TeamThing(other.pk))
    with pytest.raises(NotFound):
        tokens.make(ana, "x", "write", 1, Team.objects.create(name="Theirs").pk)


@pytest.mark.parametrize(("name", "scope", "days"), [("", "read", 1), ("x" * 81, "read", 1), ("x", "admin", 1)])
def test_a_token_that_makes_no_sense_is_refused(ana: User, name: str, scope: str, days: int) -> None:
    with pytest.raises(Invalid):
        tokens.make(ana, name, scope, days)


@pytest.mark.parametrize(("days", "good"), [(0, False), (1, True), (365, True), (366, False), (-1, False)])
def test_a_token_lasts_a_year_at_most(ana: User, days: int, good: bool) -> None:
    client = Client()
    client.force_login(ana)
    body = {"name": "x", "scope": "read", "days": days}
    assert client.post("/api/me/tokens", body, content_type="application/json").status_code == (201 if good else 422)


def test_there_is_a_limit_and_an_ended_token_makes_room(ana: User) -> None:
    for _ in range(tokens.MOST_TOKENS):
        _, last = tokens.make(ana, "x", "read", 1)
    with pytest.raises(Conflict):
        tokens.make(ana, "one more", "read", 1)
    tokens.revoke(ana, last.pk)
    tokens.make(ana, "one more", "read", 1)


def test_only_its_person_revokes_a_token(ana: User) -> None:
    secret, row = tokens.make(ana, "x", "read", 1)
    client = Client()
    client.force_login(User.objects.create_user(username="eve"))
    assert client.delete(f"/api/me/tokens/{row.pk}").status_code == 404
    assert client.get("/api/me/tokens").json()["tokens"] == []
    assert tokens.person_of(secret) == ana
    client.force_login(ana)
    assert client.delete(f"/api/me/tokens/{row.pk}").status_code == 204
    assert client.delete(f"/api/me/tokens/{row.pk}").status_code == 404
    assert tokens.person_of(secret) is None


def test_a_token_never_reaches_a_log(ana: User) -> None:
    secret, _ = tokens.make(ana, "x", "read", 1)
    assert secret not in without_tokens(f"Authorization: Bearer {secret} of {ana}")
