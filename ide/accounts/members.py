"""A team's people: who is in, changing a role, leaving. Whoever keeps roles in memory is told of each change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.db import transaction

from ide.accounts.models import Membership, Role, Team, User
from ide.accounts.permissions import Action, allow, role_in
from ide.audit.log import Where, record
from ide.errors import Conflict, Invalid, NotAllowed, NotFound

# (team id, user id, new role or None when the person is out)
Listener = Callable[[str, int, str | None], None]

_RANKS = {role: rank for rank, role in enumerate(reversed(Role.values))}
_listeners: list[Listener] = []


@dataclass(frozen=True)
class TeamThing:
    """What `allow` asks of a thing, for a team alone."""

    team_id: str


def on_membership_change(listener: Listener) -> None:
    """Call `listener(team_id, user_id, role | None)` after the commit of every change, in the changing thread."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce_membership(team_id: str, user_id: int, role: str | None) -> None:
    """Tell the listeners once the running transaction is committed."""
    for listener in _listeners:
        transaction.on_commit(partial(listener, team_id, user_id, role))


def rank(role: str | None) -> int:
    """Higher may more; an unknown role or none is below all."""
    return _RANKS.get(role, -1) if role is not None else -1


def checked_role(role: str) -> str:
    if role not in _RANKS:
        raise Invalid(f"There is no role “{role}”.", f"Use one of: {', '.join(Role.values)}.")
    return role


def members(team_id: str) -> list[Membership]:
    """The team's people with their users loaded, highest role first, then by name."""
    found = Membership.objects.filter(team_id=team_id, user__is_active=True).select_related("user")
    return sorted(found, key=lambda m: (-rank(m.role), m.user.shown_name.casefold()))


def may_grant(actor: User, team_id: str, role: str) -> None:
    """Return if the actor may give people this role; else raise NotAllowed or NotFound."""
    allow(actor, Action.SHARE, TeamThing(team_id))
    mine = role_in(actor, TeamThing(team_id))
    if rank(role) > rank(mine):
        raise NotAllowed(f"You are {mine} here and cannot make anyone {role}.", f"Ask an owner to grant {role}.")


@transaction.atomic
def set_role(actor: User, team_id: str, user_id: int, role: str) -> Membership:
    """Give a member another role. Nobody grants more than they have or lowers someone above them."""
    member = _locked(actor, team_id, user_id)
    may_grant(actor, team_id, checked_role(role))
    _not_above(actor, member)
    if member.role != role:
        _keep_an_owner(member, role)
        record("role.change", actor, _whose(member), was=member.role, now=role)
        member.role = role
        member.save(update_fields=["role"])
        announce_membership(team_id, user_id, role)
    return member


@transaction.atomic
def remove(actor: User, team_id: str, user_id: int) -> None:
    """Take a person out of the team. Everyone may leave; removing others is an act of sharing."""
    member = _locked(actor, team_id, user_id)
    if actor.pk != user_id:
        allow(actor, Action.SHARE, TeamThing(team_id))
        _not_above(actor, member)
    _keep_an_owner(member, None)
    record("member.remove" if actor.pk != user_id else "member.leave", actor, _whose(member), was=member.role)
    member.delete()
    announce_membership(team_id, user_id, None)


def _whose(member: Membership) -> Where:
    return Where(team=member.team_id, thing=f"person {member.user.username}")


def _locked(actor: User, team_id: str, user_id: int) -> Membership:
    """The member's row; the team's row is locked, so two owners cannot step down at the same moment."""
    allow(actor, Action.SEE, TeamThing(team_id))
    Team.objects.select_for_update().get(pk=team_id)
    member = Membership.objects.filter(team_id=team_id, user_id=user_id).select_related("user").first()
    if member is None:
        raise NotFound("This person is not a member here.", "Reload the list of people.")
    return member


def _not_above(actor: User, member: Membership) -> None:
    mine = role_in(actor, TeamThing(member.team_id))
    if rank(member.role) > rank(mine):
        raise NotAllowed(f"You are {mine} here and cannot change an {member.role}.", "Ask an owner.")


def _keep_an_owner(member: Membership, role: str | None) -> None:
    if member.role != Role.OWNER or role == Role.OWNER:
        return
    others = Membership.objects.filter(team_id=member.team_id, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=member.pk).exists():
        raise Conflict(
            f"{member.user.shown_name} is the last owner, and someone must own the team.",
            "Make another person owner first.",
        )
