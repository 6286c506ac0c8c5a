"""A team's people over HTTP: seeing them, changing roles, leaving; the last owner stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from ide.accounts.members import on_membership_change
from ide.accounts.models import Membership, Team, User
from ide.workspaces.models import Workspace

ClientOf = Callable[..., Client]
Person = Callable[..., User]
ROLES = ["owner", "maintainer", "editor", "commenter", "viewer"]


def people_of(workspace: Workspace, user: User | None = None) -> str:
    return f"/api/workspaces/{workspace.pk}/people" + (f"/{user.pk}" if user else "")


def patch(client: Client, path: str, role: str) -> int:
    return client.patch(path, {"role": role}, content_type="application/json").status_code


def role_of(user: User) -> str | None:
    return Membership.objects.filter(user=user).values_list("role", flat=True).first()


# --- /me and the list ---------------------------------------------------------------------------------------------
def test_me_says_who_i_am(client_of: ClientOf, person: Person) -> None:
    ana = person("ana")
    answer = client_of(ana).get("/api/me").json()
    assert answer.pop("version")
    assert answer == {
        "id": ana.pk,
        "name": "Ana",
        "colour": ana.colour,
        "username": "ana",
        "staff": False,
        "site": "Tandem",
    }


@pytest.mark.parametrize("path", ["/api/me", "/api/workspaces/x/people"])
def test_who_is_not_signed_in_is_told_so(client_of: ClientOf, db: None, path: str) -> None:
    assert client_of().get(path).status_code == 401


@pytest.mark.parametrize("role", ROLES)
def test_every_member_sees_the_people_highest_role_first(
    client_of: ClientOf, person: Person, workspace: Workspace, role: str
) -> None:
    boss, me = person("boss", "owner"), person("ana", role)
    found = client_of(me).get(people_of(workspace)).json()
    assert {p["id"]: (p["role"], p["you"]) for p in found} == {boss.pk: ("owner", False), me.pk: (role, True)}
    assert [ROLES.index(p["role"]) for p in found] == sorted(ROLES.index(p["role"]) for p in found)


def test_a_closed_account_is_not_among_the_people(client_of: ClientOf, person: Person, workspace: Workspace) -> None:
    ana, gone = person("ana", "owner"), person("gone", "editor")
    gone.is_active = False
    gone.save()
    assert [p["id"] for p in client_of(ana).get(people_of(workspace)).json()] == [ana.pk]


def test_strangers_and_wrong_addresses_get_the_same_answer(
    client_of: ClientOf, person: Person, workspace: Workspace
) -> None:
    eve = client_of(person("eve"))
    real, made_up = eve.get(people_of(workspace)), eve.get("/api/workspaces/nothing/people")
    assert (real.status_code, real.json()) == (made_up.status_code, made_up.json())
    assert real.status_code == 404


# --- roles --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mine", "theirs", "wanted", "status"),
    [
        ("owner", "editor", "owner", 200),
        ("owner", "owner", "viewer", 200),
        ("owner", "maintainer", "commenter", 200),
        ("maintainer", "editor", "maintainer", 200),
        ("maintainer", "viewer", "editor", 200),
        ("maintainer", "editor", "owner", 403),
        ("maintainer", "owner", "editor", 403),
        ("editor", "viewer", "commenter", 403),
        ("editor", "editor", "viewer", 403),
        ("commenter", "viewer", "commenter", 403),
        ("viewer", "viewer", "viewer", 403),
        (None, "viewer", "editor", 404),
        ("owner", "editor", "emperor", 422),
        ("owner", None, "editor", 404),
    ],
)
def test_changing_a_role(
    client_of: ClientOf,
    person: Person,
    workspace: Workspace,
    mine: str | None,
    theirs: str | None,
    wanted: str,
    status: int,
) -> None:
    person("boss", "owner")
    me, other = person("ana", mine), person("ben", theirs)
    assert patch(client_of(me), people_of(workspace, other), wanted) == status
    assert role_of(other) == (wanted if status == 200 else theirs)


@pytest.mark.parametrize("mine", ["viewer", "editor", "maintainer"])
def test_nobody_raises_themselves(client_of: ClientOf, person: Person, workspace: Workspace, mine: str) -> None:
    me = person("ana", mine)
    assert patch(client_of(me), people_of(workspace, me), "owner") == 403
    assert role_of(me) == mine


def test_the_last_owner_cannot_step_down_or_leave(client_of: ClientOf, person: Person, workspace: Workspace) -> None:
    ana = person("ana", "owner")
    person("ben", "maintainer")
    closed = person("gone", "owner")
    closed.is_active = False
    closed.save()
    tab = client_of(ana)
    assert patch(tab, people_of(workspace, ana), "editor") == 409
    answer = tab.delete(people_of(workspace, ana))
    assert answer.status_code == 409
    assert "last owner" in answer.json()["message"]
    assert role_of(ana) == "owner"


def test_one_of_two_owners_may_step_down(client_of: ClientOf, person: Person, workspace: Workspace) -> None:
    ana, _ = person("ana", "owner"), person("ben", "owner")
    assert patch(client_of(ana), people_of(workspace, ana), "editor") == 200
    assert role_of(ana) == "editor"


# --- leaving and removing -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["maintainer", "editor", "commenter", "viewer"])
def test_everyone_but_the_last_owner_may_leave(
    client_of: ClientOf, person: Person, workspace: Workspace, role: str
) -> None:
    person("boss", "owner")
    me = person("ana", role)
    assert client_of(me).delete(people_of(workspace, me)).status_code == 204
    assert role_of(me) is None
    assert client_of(me).get(people_of(workspace)).status_code == 404


@pytest.mark.parametrize(
    ("mine", "theirs", "status"),
    [
        ("owner", "owner", 204),
        ("owner", "editor", 204),
        ("maintainer", "maintainer", 204),
        ("maintainer", "owner", 403),
        ("editor", "viewer", 403),
        ("viewer", "viewer", 403),
        (None, "viewer", 404),
        ("owner", None, 404),
    ],
)
def test_removing_others(
    client_of: ClientOf, person: Person, workspace: Workspace, mine: str | None, theirs: str | None, status: int
) -> None:
    person("boss", "owner")
    me, other = person("ana", mine), person("ben", theirs)
    assert client_of(me).delete(people_of(workspace, other)).status_code == status
    assert role_of(other) == (None if status == 204 else theirs)


def test_a_change_from_another_site_is_refused(client_of: ClientOf, person: Person, workspace: Workspace) -> None:
    ana, ben = person("ana", "owner"), person("ben", "editor")
    assert patch(client_of(ana, csrf=True), people_of(workspace, ben), "viewer") == 403
    assert role_of(ben) == "editor"


def test_rights_in_one_team_count_for_nothing_in_another(
    client_of: ClientOf, person: Person, workspace: Workspace
) -> None:
    ana, ben = person("ana"), person("ben", "viewer")
    Membership.objects.create(team=Team.objects.create(name="Other"), user=ana, role="owner")
    assert patch(client_of(ana), people_of(workspace, ben), "editor") == 404


def test_changes_are_announced_after_the_commit_and_refusals_are_not(
    client_of: ClientOf,
    person: Person,
    workspace: Workspace,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    heard: list[tuple[str, int, str | None]] = []
    on_membership_change(lambda *change: heard.append(change))
    ana, ben = person("ana", "owner"), person("ben", "editor")
    tab = client_of(ana)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        patch(tab, people_of(workspace, ben), "viewer")
        patch(tab, people_of(workspace, ben), "viewer")
        patch(tab, people_of(workspace, ana), "viewer")
        tab.delete(people_of(workspace, ben))
    assert heard == [(workspace.team_id, ben.pk, "viewer"), (workspace.team_id, ben.pk, None)]
