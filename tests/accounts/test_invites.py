"""Invites: made by who may share, used once, never lowering anyone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ide.accounts.invites import find_invite, join, make_invite
from ide.accounts.members import on_membership_change
from ide.accounts.models import Invite, Membership, Team, User
from ide.errors import Conflict, NotAllowed, NotFound
from ide.workspaces.models import Workspace

ClientOf = Callable[..., Client]
Person = Callable[..., User]
FORM = {"name": "Ben", "username": "ben", "password": "a long enough phrase"}


@pytest.fixture
def owner(person: Person) -> User:
    return person("ana", "owner")


@pytest.fixture
def link(owner: User, workspace: Workspace) -> str:
    return make_invite(owner, workspace.team_id, "editor", f"/w/{workspace.pk}")[0]


def role_of(name: str) -> str | None:
    return Membership.objects.filter(user__username=name).values_list("role", flat=True).first()


# --- using one ----------------------------------------------------------------------------------------------------
def test_a_new_person_makes_an_account_and_lands_in_the_workspace(
    client_of: ClientOf, link: str, workspace: Workspace
) -> None:
    tab = client_of()
    page = tab.get(link).content.decode()
    assert "Ana" in page
    assert "Shop" in page
    answer = tab.post(link, FORM)
    assert (answer.status_code, answer["Location"]) == (302, f"/w/{workspace.pk}")
    assert role_of("ben") == "editor"
    assert tab.get("/api/me").json()["username"] == "ben"
    ben = User.objects.get(username="ben")
    assert not ben.is_staff
    assert ben.colour != User.objects.get(username="ana").colour


def test_a_signed_in_person_joins_by_a_button(client_of: ClientOf, link: str, person: Person) -> None:
    tab = client_of(person("ben"))
    assert "Join as Ben" in tab.get(link).content.decode()
    assert role_of("ben") is None, "looking must change nothing"
    assert tab.post(link).status_code == 302
    assert role_of("ben") == "editor"


def test_who_has_an_account_signs_in_first_and_comes_back(client_of: ClientOf, link: str, person: Person) -> None:
    ben = person("ben")
    ben.set_password("a long enough phrase")
    ben.save()
    tab = client_of()
    sign_in = f"/accounts/login/?next={link.replace('/', '%2F')}"
    assert sign_in in tab.get(link).content.decode()
    answer = tab.post("/accounts/login/", {"login": "ben", "password": "a long enough phrase", "next": link})
    assert answer["Location"] == link
    tab.post(link)
    assert role_of("ben") == "editor"


def test_an_invite_works_once(client_of: ClientOf, link: str, person: Person) -> None:
    client_of().post(link, FORM)
    for tab in (client_of(), client_of(person("eve"))):
        for answer in (tab.get(link), tab.post(link, {**FORM, "username": "eve2"})):
            assert answer.status_code == 409
            assert "was used" in answer.content.decode()
    assert Membership.objects.count() == 2


def test_of_two_at_once_one_joins(link: str, person: Person) -> None:
    token = link.rsplit("/", 1)[1]
    first, second = find_invite(token), find_invite(token)
    join(person("ben"), first)
    with pytest.raises(Conflict, match="a moment ago"):
        join(person("eve"), second)
    assert role_of("eve") is None


def test_a_taken_username_keeps_the_invite(client_of: ClientOf, link: str, person: Person) -> None:
    person("Ben")
    answer = client_of().post(link, FORM)
    assert answer.status_code == 422
    assert "taken" in answer.content.decode()
    assert client_of().post(link, {**FORM, "username": "ben2"}).status_code == 302


# --- roles --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("had", "invited", "has", "used"),
    [
        (None, "viewer", "viewer", True),
        ("viewer", "editor", "editor", True),
        ("editor", "editor", "editor", False),
        ("maintainer", "viewer", "maintainer", False),
        ("owner", "maintainer", "owner", False),
    ],
)
def test_an_invite_never_lowers_and_is_spent_only_if_it_raised(
    owner: User, team: Team, person: Person, client_of: ClientOf, had: str | None, invited: str, has: str, used: bool
) -> None:
    path, invite = make_invite(owner, team.pk, invited)
    assert client_of(person("ben", had)).post(path).status_code == 302
    assert role_of("ben") == has
    invite.refresh_from_db()
    assert (invite.used_at is not None) is used


@pytest.mark.parametrize(
    ("role", "offered", "error"),
    [
        ("owner", "owner", None),
        ("maintainer", "maintainer", None),
        ("maintainer", "owner", NotAllowed),
        ("editor", "viewer", NotAllowed),
        ("viewer", "viewer", NotAllowed),
        (None, "viewer", NotFound),
    ],
)
def test_nobody_invites_beyond_their_own_role(
    team: Team, person: Person, role: str | None, offered: str, error: type[Exception] | None
) -> None:
    actor = person("max", role)
    if error is None:
        assert make_invite(actor, team.pk, offered)[1].role == offered
        return
    with pytest.raises(error):
        make_invite(actor, team.pk, offered)
    assert not Invite.objects.exists()


# --- links that do not work ---------------------------------------------------------------------------------------
def test_an_unknown_invite_says_what_to_do(client_of: ClientOf, db: None) -> None:
    answer = client_of().get("/invite/" + "x" * 32)
    assert answer.status_code == 404
    assert "Ask the person who sent it" in answer.content.decode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expired on"),
        ({"revoked_at": timezone.now()}, "withdrawn"),
    ],
)
def test_an_expired_or_withdrawn_invite_lets_nobody_in(
    client_of: ClientOf, link: str, person: Person, change: dict[str, object], said: str
) -> None:
    Invite.objects.update(**change)
    for answer in (client_of().get(link), client_of().post(link, FORM), client_of(person("eve")).post(link)):
        assert answer.status_code == 409
        assert said in answer.content.decode()
    assert Membership.objects.count() == 1


@pytest.mark.parametrize("now", ["editor", None])
def test_an_invite_falls_with_the_right_of_its_maker(
    team: Team, person: Person, client_of: ClientOf, now: str | None
) -> None:
    maker = person("max", "maintainer")
    path, _ = make_invite(maker, team.pk, "editor")
    if now is None:
        maker.memberships.all().delete()
    else:
        maker.memberships.update(role=now)
    assert client_of().post(path, FORM).status_code == 409
    assert not User.objects.filter(username="ben").exists()


def test_only_the_hash_of_an_invite_is_stored(link: str) -> None:
    assert link.rsplit("/", 1)[1] not in str(Invite.objects.values().get())


# --- the route ----------------------------------------------------------------------------------------------------
def test_the_route_gives_a_whole_link_once(client_of: ClientOf, owner: User, workspace: Workspace) -> None:
    answer = client_of(owner).post(
        f"/api/workspaces/{workspace.pk}/invites", {"role": "viewer"}, content_type="application/json"
    )
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"link", "role", "expires_at"}
    assert body["link"].startswith("http://testserver/invite/")
    assert client_of().get(body["link"]).status_code == 200


@pytest.mark.parametrize(("role", "status"), [("editor", 403), ("viewer", 403), (None, 404)])
def test_the_route_refuses_who_may_not_share(
    client_of: ClientOf, person: Person, workspace: Workspace, role: str | None, status: int
) -> None:
    answer = client_of(person("max", role)).post(
        f"/api/workspaces/{workspace.pk}/invites", {"role": "viewer"}, content_type="application/json"
    )
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message", "do"}


def test_joining_is_announced_after_the_commit(
    link: str,
    person: Person,
    client_of: ClientOf,
    team: Team,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    heard: list[tuple[str, int, str | None]] = []
    on_membership_change(lambda *change: heard.append(change))
    ben = person("ben")
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        client_of(ben).post(link)
        assert heard == []
    assert heard == [(team.pk, ben.pk, "editor")]
