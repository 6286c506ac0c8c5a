"""Every cell of the table of rights, written out a second time: a change of rights has to be made twice, on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser

from ide.accounts.members import TeamThing
from ide.accounts.models import Role, Team, User
from ide.accounts.permissions import Action, agent_may, allow, may, role_may
from ide.errors import NotAllowed, NotFound

#            see comment edit turn job merge execute share trust models delete
EXPECTED = {
    "viewer": "x . . . . . . . . . .",
    "commenter": "x x . . . . . . . . .",
    "editor": "x x x x x x x . . . .",
    "maintainer": "x x x x x x x x x x .",
    "owner": "x x x x x x x x x x x",
}
OF_A_TEAM = ["see", "comment", "edit", "turn", "job", "merge", "execute", "share", "trust", "models", "delete"]
# For a person, staff, an administrator.
OF_THE_SITE = {
    "create_workspace": (True, True, True),
    "observe": (False, True, True),
    "local_path": (False, False, True),
    "administer": (False, False, True),
}
CELLS = [
    (role, action, mark == "x")
    for role, row in EXPECTED.items()
    for action, mark in zip(OF_A_TEAM, row.split(), strict=True)
]


def test_the_table_here_names_every_role_and_action() -> None:
    assert set(EXPECTED) == set(Role.values)
    assert {*OF_A_TEAM, *OF_THE_SITE} == {action.value for action in Action}


@pytest.mark.parametrize(("role", "action", "allowed"), CELLS)
def test_a_role_may_exactly_what_the_table_says(
    team: Team, person: Callable[..., User], role: str, action: str, allowed: bool
) -> None:
    user = person("ana", role)
    assert may(user, Action(action), team_thing(team)) is allowed
    assert role_may(role, Action(action)) is allowed
    if allowed:
        allow(user, Action(action), team_thing(team))
    else:
        with pytest.raises(NotAllowed):
            allow(user, Action(action), team_thing(team))


@pytest.mark.parametrize("action", OF_A_TEAM)
def test_to_outsiders_a_thing_does_not_exist(team: Team, person: Callable[..., User], action: str) -> None:
    stranger = person("eve")
    assert not may(stranger, Action(action), team_thing(team))
    with pytest.raises(NotFound):
        allow(stranger, Action(action), team_thing(team))


@pytest.mark.parametrize("action", OF_A_TEAM)
def test_staff_has_no_rights_in_teams_it_is_not_in(team: Team, person: Callable[..., User], action: str) -> None:
    admin = person("root")
    admin.is_staff = admin.is_superuser = True
    admin.save()
    assert not may(admin, Action(action), team_thing(team))


@pytest.mark.parametrize(("action", "expected"), OF_THE_SITE.items())
def test_acts_on_the_site_hang_on_staff(
    team: Team, person: Callable[..., User], action: str, expected: tuple[bool, bool, bool]
) -> None:
    user = person("ana", "owner")
    for (staff, superuser), allowed in zip(((False, False), (True, False), (True, True)), expected, strict=True):
        user.is_staff, user.is_superuser = staff, superuser
        assert may(user, Action(action)) is allowed
        if not allowed:
            with pytest.raises(NotAllowed, match="administrator"):
                allow(user, Action(action))


@pytest.mark.parametrize("action", OF_THE_SITE)
def test_a_right_on_the_site_is_no_right_in_a_team(team: Team, person: Callable[..., User], action: str) -> None:
    assert not may(person("ana", "owner"), Action(action), team_thing(team))


@pytest.mark.parametrize("action", list(Action))
def test_a_closed_account_may_nothing(team: Team, person: Callable[..., User], action: Action) -> None:
    user = person("ana", "owner")
    user.is_active, user.is_staff = False, True
    assert not may(user, action)
    assert not may(user, action, team_thing(team))


@pytest.mark.parametrize("action", list(Action))
def test_who_is_not_signed_in_may_nothing(team: Team, action: Action) -> None:
    nobody = AnonymousUser()
    assert not may(nobody, action)  # type: ignore[arg-type]
    assert not may(nobody, action, team_thing(team))  # type: ignore[arg-type]


@pytest.mark.parametrize("role", [None, "", "admin"])
def test_an_unknown_role_may_nothing(role: str | None) -> None:
    assert not any(role_may(role, action) for action in Action)


def team_thing(team: Team) -> TeamThing:
    return TeamThing(team.pk)


@pytest.mark.parametrize(("role", "action", "allowed"), CELLS)
def test_an_agent_may_never_more_than_whom_it_works_for(
    team: Team, person: Callable[..., User], role: str, action: str, allowed: bool
) -> None:
    for_people = {"comment", "merge", "share", "trust", "models", "delete"}
    assert agent_may(person("ana", role), Action(action), team_thing(team)) == (allowed and action not in for_people)
