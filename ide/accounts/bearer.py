"""Bearer: `Authorization: Bearer tdm_…` at the routes that take access tokens, and only there.

Who sends a bearer is known by it alone: no cookie counts beside it, so a page of another site gains nothing by either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import HttpBearer, SessionAuth

from ide.accounts.models import User
from ide.accounts.tokens import person_of

__all__ = ["bearer_of", "with_token"]


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> User:
        found = person_of(token)
        if found is None:
            raise AuthenticationError
        request.user = found
        return found


# `auth=with_token` on a route lets access tokens in beside browsers. The bearer is asked first, since a request that
# has one needs no CSRF token. Never on routes about people, accounts, tokens, or what costs money.
with_token: list[Callable[[HttpRequest], Any]] = [Bearer(), SessionAuth(csrf=True)]


def bearer_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The bearer among the headers of an ASGI scope. None without one: another kind of authorization, such as a proxy's
    password that a browser sends along, is not ours."""
    for name, value in headers:
        kind, _, secret = value.decode("latin-1").partition(" ")
        if name == b"authorization" and kind.lower() == "bearer":
            return secret.strip()
    return None
