"""Access tokens: make, list, revoke, and find the person behind one. For clients that are no browser.

A token never gives more than its person's role, nor more than its scope, nor anything outside its team: `allow` sees to
that, since the person comes with the token they act through. The secret is told once; only its hash is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ide.accounts.members import TeamThing
from ide.accounts.models import AccessToken, Membership, Team, User, hash_token, new_token
from ide.accounts.permissions import Action, allow
from ide.audit.log import Where, record
from ide.errors import Conflict, Invalid, NotFound

PREFIX = "tdm_"  # so that people and scanners for leaked secrets know what they have found
MOST_DAYS = 365
MOST_TOKENS = 50
USED_EVERY = timedelta(minutes=1)  # `used_at` is no more exact than this: a busy client must not write all the time

# (user id) — called in the revoking thread, after the commit
Listener = Callable[[int], None]
_listeners: list[Listener] = []


def on_revoked(listener: Listener) -> None:
    """Call `listener(user_id)` after a token of that person was revoked."""
    if listener not in _listeners:
        _listeners.append(listener)


@transaction.atomic
def make(user: User, name: str, scope: str, days: int, team_id: str | None = None) -> tuple[str, AccessToken]:
    """The secret, which nobody can tell again, and its row. Raises Invalid, NotFound (team), Conflict (too many)."""
    name = " ".join(name.split())
    if not 0 < len(name) <= 80:
        raise Invalid("A token needs a name of at most 80 characters.", "Say what it is for.")
    if scope not in AccessToken.Scope.values:
        raise Invalid(f"There is no scope “{scope}”.", f"Use one of: {', '.join(AccessToken.Scope.values)}.")
    if not 0 < days <= MOST_DAYS:
        raise Invalid(f"A token lasts 1 to {MOST_DAYS} days.", "Make a new one when it ends.")
    if team_id is not None:
        allow(user, Action.SEE, TeamThing(team_id))
    User.objects.select_for_update().get(pk=user.pk)  # two requests at once count one after the other
    if AccessToken.objects.filter(user=user, revoked_at=None, expires_at__gt=timezone.now()).count() >= MOST_TOKENS:
        raise Conflict(f"You have {MOST_TOKENS} access tokens.", "Revoke one that is not used any more.")
    secret = PREFIX + new_token()
    row = AccessToken.objects.create(
        user=user,
        name=name,
        scope=scope,
        team_id=team_id,
        token_hash=hash_token(secret),
        expires_at=timezone.now() + timedelta(days=days),
    )
    record("token.make", user, _of(row), scope=scope, days=days)
    return secret, row


def _of(row: AccessToken) -> Where:
    return Where(team=row.team_id or "", thing=f"token {row.pk}")


def mine(user: User) -> list[AccessToken]:
    """Tokens that were not revoked, newest first; those that have ended are among them."""
    return list(AccessToken.objects.filter(user=user, revoked_at=None).select_related("team").order_by("-created_at"))


def teams_of(user: User) -> list[Team]:
    return [row.team for row in Membership.objects.filter(user=user).select_related("team").order_by("team__name")]


@transaction.atomic
def revoke(user: User, token_id: str) -> None:
    """End one of the person's own tokens. Whoever it has let in is sent away. Raises NotFound."""
    if not AccessToken.objects.filter(user=user, pk=token_id, revoked_at=None).update(revoked_at=timezone.now()):
        raise NotFound("There is no such access token.", "Reload the list.")
    record("token.revoke", user, Where(thing=f"token {token_id}"))
    for listener in _listeners:
        transaction.on_commit(partial(listener, user.pk))


def person_of(secret: str) -> User | None:
    """The person a secret stands for, with the token they act through; None if it is none, or has ended."""
    if not secret.startswith(PREFIX):
        return None
    row = AccessToken.objects.select_related("user").filter(token_hash=hash_token(secret)).first()
    if row is None or not row.is_live() or not row.user.is_active:
        return None
    now = timezone.now()
    stale = Q(used_at=None) | Q(used_at__lt=now - USED_EVERY)
    AccessToken.objects.filter(stale, pk=row.pk).update(used_at=now)
    row.user.token = row
    return row.user


def ended(tokens: set[str]) -> set[str]:
    """Of tokens by id: those revoked or expired."""
    live = AccessToken.objects.filter(pk__in=tokens, revoked_at=None, expires_at__gt=timezone.now())
    return tokens - set(live.values_list("pk", flat=True))
