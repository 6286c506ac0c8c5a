"""Browsers that may be told when no page of this site is open: taken in, refused, forgotten.

The address a browser hands in is one this server will send to, so it is checked as such: https on the open internet;
hosts of TANDEM_INTERNAL_HOSTS may be private, and plain http.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from ide import fetch
from ide.accounts.models import User
from ide.errors import Invalid, NotFound, TooLarge
from ide.notices.models import Browser

MOST = 10  # of one person
LONGEST = 1000  # characters of an address
AUTH_BYTES = 16


@dataclass(frozen=True)
class Offer:
    """A subscription as the browser made it."""

    endpoint: str
    p256dh: str
    auth: str
    name: str = ""

    def check(self) -> None:
        """Raises Invalid unless messages can be encrypted for it."""
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(self.p256dh))
            if len(_bytes(self.auth)) != AUTH_BYTES:
                raise ValueError("its secret has another length")
        except (ValueError, binascii.Error) as error:
            raise Invalid("The browser's subscription cannot be used.", "Reload the page and try again.") from error


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def checked(endpoint: str) -> fetch.Checked:
    """Where to connect to. Raises Refused."""
    if len(endpoint) > LONGEST:
        raise Invalid("The browser's address for messages is too long.")
    found = await fetch.check_url(endpoint, ("https", "http"), internal_hosts=settings.INTERNAL_HOSTS)
    if not endpoint.startswith("https://") and not found.internal:
        raise fetch.Refusal("Messages to browsers are sent over https only.", "Use another browser.")
    return found


def take_in(person: User, session: str, offer: Offer) -> Browser:
    """One browser, one person: who signed in there last. Raises TooLarge."""
    known = Browser.objects.filter(person=person).exclude(endpoint=offer.endpoint)
    if known.count() >= MOST:
        raise TooLarge(f"You are told in {MOST} browsers already.", "Forget one of them first.")
    values = {"person": person, "session": session, "p256dh": offer.p256dh, "auth": offer.auth}
    row, _ = Browser.objects.update_or_create(
        endpoint=offer.endpoint, defaults={**values, "name": offer.name[:80], "failures": 0}
    )
    return row


def forget(person: User, browser_id: str) -> None:
    """Raises NotFound."""
    if not Browser.objects.filter(pk=browser_id, person=person).delete()[0]:
        raise NotFound("There is no such browser of yours.")


def signed_out(sender: Any, request: HttpRequest | None, **_: Any) -> None:
    """Who signs out is not told in that browser any more."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        Browser.objects.filter(session=key).delete()


def of(people: set[int]) -> list[Browser]:
    """Theirs, as far as they are still signed in there; the others are forgotten."""
    rows = list(Browser.objects.filter(person__in=people, person__is_active=True))
    live = Session.objects.filter(session_key__in={row.session for row in rows}, expire_date__gt=timezone.now())
    keys = set(live.values_list("session_key", flat=True))
    Browser.objects.filter(pk__in=[row.pk for row in rows if row.session not in keys]).delete()
    return [row for row in rows if row.session in keys]
