"""What Django tells: sign-ins, sign-outs, what fails, and what administrators change by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as factors
from allauth.socialaccount import signals as social
from django.contrib.admin.models import LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save

from ide.audit.log import Where, record

PROTECTS = (
    (account.password_changed, "password.change"),
    (account.password_set, "password.set"),
    (account.password_reset, "password.reset"),
    (account.email_changed, "email.change"),
    (factors.authenticator_added, "factor.add"),
    (factors.authenticator_removed, "factor.remove"),
    (factors.authenticator_reset, "factor.reset"),
    (social.social_account_added, "connection.add"),
    (social.social_account_removed, "connection.remove"),
)


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_refused, dispatch_uid="audit")
    post_save.connect(_by_hand, LogEntry, dispatch_uid="audit")
    for signal, act in PROTECTS:
        signal.connect(partial(_protected, act), weak=False, dispatch_uid=f"audit {act}")


def _signed_in(user: Any, **_: object) -> None:
    record("login", user)


def _signed_out(user: Any, **_: object) -> None:
    if user is not None:
        record("logout", user)


def _refused(credentials: dict[str, Any], **_: object) -> None:
    """The name as it was typed is kept short: people type passwords into the wrong field."""
    record("login.failed", None, tried=str(credentials.get("username", ""))[:2] + "…")


ACTS = {1: "admin.add", 2: "admin.change", 3: "admin.delete"}


def _by_hand(instance: LogEntry, **_: object) -> None:
    """A change in the admin: which columns, never their values."""
    thing = f"{instance.content_type} {instance.object_id} {instance.object_repr}"
    record(
        ACTS.get(instance.action_flag, "admin.act"),
        instance.user,
        Where(thing=thing),
        said=instance.get_change_message(),
    )


def _protected(act: str, user: Any = None, **more: Any) -> None:
    """What protects an account was changed: which kind, never what it holds."""
    vouched = more.get("socialaccount") or getattr(more.get("sociallogin"), "account", None)
    kind = getattr(more.get("authenticator"), "type", "") or getattr(vouched, "provider", "")
    record(act, user or getattr(vouched, "user", None), Where(thing=str(kind)))
