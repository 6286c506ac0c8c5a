"""Invites: single-use links into a team. The token is shown once; only its hash is kept."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from ide.accounts.members import TeamThing, announce_membership, checked_role, may_grant, rank
from ide.accounts.models import Invite, Membership, User, hash_token, new_token
from ide.accounts.permissions import Action, role_in, role_may
from ide.audit.log import Where, record
from ide.errors import Conflict, NotFound

ASK = "Ask the person who sent it for a new one."


def make_invite(actor: User, team_id: str, role: str, goes_to: str = "") -> tuple[str, Invite]:
    """(path of the link, its row). `goes_to` is the path opened after joining."""
    may_grant(actor, team_id, checked_role(role))
    token = new_token()
    invite = Invite.objects.create(
        token_hash=hash_token(token),
        team_id=team_id,
        role=role,
        goes_to=goes_to,
        created_by=actor,
        expires_at=timezone.now() + Invite.LIFETIME,
    )
    record("invite.make", actor, _of(invite), role=role)
    return f"/invite/{token}", invite


def find_invite(token: str) -> Invite:
    """The open invite of a token. Raises NotFound (unknown) or Conflict (used, expired, withdrawn).

    Looked up by the token's hash, so the time it takes says nothing about how much of a guess was right.
    """
    found = Invite.objects.filter(token_hash=hash_token(token)).select_related("team", "created_by").first()
    if found is None:
        raise NotFound(
            "This invite is not known here.",
            "Check that the whole link was copied. " + ASK,
        )
    if found.used_at is not None:
        raise Conflict("This invite was used: each one lets one person in, once.", ASK)
    if found.revoked_at is not None or not _still_backed(found):
        raise Conflict("This invite was withdrawn.", ASK)
    if not found.is_open():
        raise Conflict(f"This invite expired on {found.expires_at:%-d %B %Y, %H:%M} UTC.", ASK)
    return found


def _of(invite: Invite) -> Where:
    return Where(team=invite.team_id, thing=f"invite {invite.pk}")


def adds_nothing(user: User, invite: Invite) -> bool:
    """Whether the person has this role or a higher one already."""
    return rank(role_in(user, invite)) >= rank(invite.role)


@transaction.atomic
def join(user: User, invite: Invite) -> None:
    """Use the invite up for this person; nobody's role is lowered. Raises Conflict if someone was faster.

    An invite that adds nothing stays open: trying one's own link must not spoil it for the guest.
    """
    if adds_nothing(user, invite):
        return
    now = timezone.now()
    still_open = Invite.objects.filter(pk=invite.pk, used_at=None, revoked_at=None, expires_at__gt=now)
    if not still_open.update(used_at=now, used_by=user):
        raise Conflict("This invite was used a moment ago.", ASK)
    Membership.objects.update_or_create(team_id=invite.team_id, user=user, defaults={"role": invite.role})
    record("invite.use", user, _of(invite), role=invite.role, of=invite.created_by.username)
    announce_membership(invite.team_id, user.pk, invite.role)


@transaction.atomic
def join_as_new(user: User, invite: Invite) -> User:
    """Save a new person and let them join, or neither."""
    user.save()
    join(user, invite)
    return user


def _still_backed(invite: Invite) -> bool:
    """An invite is worth no more than what its maker may grant now."""
    makers = role_in(invite.created_by, TeamThing(invite.team_id))
    return role_may(makers, Action.SHARE) and rank(makers) >= rank(invite.role)
