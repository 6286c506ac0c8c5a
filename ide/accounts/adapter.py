"""allauth's view of this place: people come by invite only."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InviteOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in, sign-out and the change of a password; no sign-up."""

    SAID = "account/messages/password_changed.txt"
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "This username and password do not belong together. Check both and try again.",
        "too_many_login_attempts": "Too many tries. Wait five minutes, then try again.",
        "enter_current_password": "This is not your password now.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *rest: object,
        **more: object,
    ) -> None:
        """Only what its own page shows: "signed in" would wait unseen until some later page shows it, puzzling."""
        if message_template == self.SAID:
            super().add_message(request, level, message_template, *rest, **more)
