"""allauth's view of this place: people come by invite only, secrets of second factors are stored encrypted."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.http import HttpRequest

from ide.accounts.invites import find_invite, join
from ide.accounts.models import Invite, User
from ide.accounts.secrets import decrypt, encrypt
from ide.errors import Refused

INVITED = "invite"  # where the session keeps the invite somebody follows with another account of theirs


class InviteOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in, sign-out and what protects an account; no sign-up."""

    SILENT = "account/messages/logged_in.txt"
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "This username and password do not belong together. Check both and try again.",
        "email_password_mismatch": "This address and password do not belong together. Check both and try again.",
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
        if message_template not in (self.SILENT, "account/messages/logged_out.txt"):
            super().add_message(request, level, message_template, *rest, **more)


class Factors(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps and recovery codes, encrypted at rest."""

    def encrypt(self, text: str) -> str:
        return encrypt(text, "factor")

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text, "factor")


class InviteOnlySocial(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Somebody another site vouches for gets an account here with an invite, or by the domain of their address."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return _invite(request) is not None or _of_a_named_domain(sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> User:
        """With the invite they follow used up."""
        invite = _invite(request)
        user: User = super().save_user(request, sociallogin, form)
        request.session.pop(INVITED, None)
        if invite is not None:
            join(user, invite)
        return user

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, str]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.display_name = (user.get_full_name() or data.get("name") or data.get("username") or "")[:80]
        return user


def _invite(request: HttpRequest) -> Invite | None:
    try:
        return find_invite(str(request.session.get(INVITED, "")))
    except Refused:
        return None


def _of_a_named_domain(sociallogin: SocialLogin) -> bool:
    verified = [address.email for address in sociallogin.email_addresses if address.verified]
    return any(address.rsplit("@", 1)[-1].lower() in settings.SIGN_UP_DOMAINS for address in verified)
