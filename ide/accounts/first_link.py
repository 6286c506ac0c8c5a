"""The one-time link that makes the first administrator: printed by `up` while there is none."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from ide.accounts.models import FirstLink, User, hash_token, new_token
from ide.audit.log import record
from ide.errors import Conflict, NotFound


def make_first_link() -> str | None:
    """Path of a fresh link, or None when an administrator exists. Links printed earlier stop working."""
    with transaction.atomic():
        if has_administrator():
            return None
        FirstLink.objects.filter(used_at=None).delete()
        token = new_token()
        FirstLink.objects.create(token_hash=hash_token(token))
    return f"/welcome/{token}"


def has_administrator() -> bool:
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def find_first_link(token: str) -> FirstLink:
    """The open link of a token. Raises NotFound, or Conflict where it has done its work.

    Looked up by the token's hash, so the time it takes says nothing about how much of a guess was right.
    """
    link = FirstLink.objects.filter(token_hash=hash_token(token)).first()
    if link is None:
        raise NotFound(
            "This link is not known here. Only the link printed by the newest start works.",
            "Copy the whole link from the terminal where Tandem was started, or start Tandem again for a new one.",
        )
    if link.used_at is not None or has_administrator():
        raise Conflict(
            "This link has done its work: this place has an administrator.",
            "Sign in with the name and password that were chosen then.",
        )
    return link


@transaction.atomic
def first_administrator(link: FirstLink, user: User) -> User:
    """Save `user` as administrator and use the link up. Raises Conflict if someone was faster."""
    if not FirstLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()):
        raise Conflict("This link was used a moment ago.", "Sign in with the name and password that were chosen then.")
    user.is_staff = user.is_superuser = True
    user.save()
    record("administrator.first", user)
    return user
