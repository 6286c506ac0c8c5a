"""Sign-ins, sign-outs and failures of either, as Django tells them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from ide.audit.log import Where, place_of, record


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_refused, dispatch_uid="audit")


def _signed_in(request: HttpRequest | None, user: Any, **_: object) -> None:
    record("login", user, Where(place=place_of(request)))


def _signed_out(request: HttpRequest | None, user: Any, **_: object) -> None:
    if user is not None:
        record("logout", user, Where(place=place_of(request)))


def _refused(credentials: dict[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    """The name as it was typed is kept short: people type passwords into the wrong field."""
    record("login.failed", None, Where(place=place_of(request)), tried=str(credentials.get("username", ""))[:2] + "…")
