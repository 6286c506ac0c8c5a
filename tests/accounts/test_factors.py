"""Second factors, recovery codes, the list of sign-ins, mail, and others who say who somebody is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.test import Client, RequestFactory
from django.urls import reverse

from ide.accounts import secrets
from ide.accounts.adapter import INVITED, InviteOnlySocial
from ide.accounts.invites import make_invite
from ide.accounts.models import Membership, User
from ide.accounts.sign_ins import shown_agent
from ide.audit.models import AuditEntry
from ide.workspaces.models import Workspace
from tests.accounts.conftest import PASSWORD

Person = Callable[..., User]
pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(person: Person) -> User:
    user = person("ana", "owner")
    user.set_password(PASSWORD)
    user.save()
    return user


def _sign_in(client: Client, name: str = "ana") -> str:
    """Where the right password leads."""
    answer = client.post(reverse("account_login"), {"login": name, "password": PASSWORD})
    return str(answer.headers.get("Location", ""))


def _code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


def _with_app(client: Client) -> str:
    """Set an authenticator app up as its page tells; returns its secret."""
    assert client.get(reverse("mfa_activate_totp")).status_code == 302  # the password, once more
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    secret: str = re.findall(r'value="([A-Z2-7]{16,})"', page)[0]
    answer = client.post(reverse("mfa_activate_totp"), {"code": _code(secret)})
    assert answer.status_code == 302
    return secret


def test_an_authenticator_app_is_asked_for_after_the_password(ana: User) -> None:
    first = Client()
    assert _sign_in(first) == "/"
    secret = _with_app(first)
    stored = Authenticator.objects.get(user=ana, type="totp")
    assert secret not in str(stored.data)
    assert secrets.decrypt(stored.data["secret"], "factor") == secret
    assert TOTP(stored) is not None
    second = Client()
    assert _sign_in(second).startswith(reverse("mfa_authenticate"))
    assert second.get("/api/me").status_code == 401
    assert second.post(reverse("mfa_authenticate"), {"code": "000000"}).status_code == 200
    assert second.get("/api/me").status_code == 401


def test_a_recovery_code_opens_once(ana: User) -> None:
    first = Client()
    _sign_in(first)
    _with_app(first)
    codes = re.findall(r"\b\d{8}\b", first.get(reverse("mfa_view_recovery_codes")).content.decode())
    assert len(codes) == 10
    assert codes[0] not in str(list(Authenticator.objects.values_list("data", flat=True)))
    for status in (302, 200):
        other = Client()
        _sign_in(other)
        assert other.post(reverse("mfa_authenticate"), {"code": codes[0]}).status_code == status
        assert (other.get("/api/me").status_code == 200) == (status == 302)


def test_guessing_a_code_is_stopped(ana: User) -> None:
    first = Client()
    _sign_in(first)
    _with_app(first)
    guesses = Client()
    _sign_in(guesses)
    pages = [guesses.post(reverse("mfa_authenticate"), {"code": f"{n:06}"}).content.decode() for n in range(7)]
    assert "Too many" in pages[-1]


def test_sign_ins_are_listed_and_the_others_can_be_ended(ana: User) -> None:
    here, there = Client(), Client(HTTP_USER_AGENT="Netscape 4")
    _sign_in(here)
    _sign_in(there)
    there.get("/api/me")
    page = here.get(reverse("usersessions_list")).content.decode()
    assert "Netscape 4" in page
    (number,) = re.findall(r'name="end" value="(\d+)"', page)
    for wanted in ("", "999999"):
        here.post(reverse("usersessions_list"), {"end": wanted})
        assert there.get("/api/me").status_code == 200
    here.post(reverse("usersessions_list"), {"end": number})
    assert here.get("/api/me").status_code == 200
    assert there.get("/api/me").status_code == 401


@pytest.mark.parametrize("name", ["mfa_index", "usersessions_list", "socialaccount_connections"])
def test_pages_of_an_account_wear_our_clothes(ana: User, name: str) -> None:
    client = Client()
    _sign_in(client)
    page = client.get(reverse(name)).content.decode()
    assert 'class="card account"' in page
    assert "unsafe-inline" not in page


def _vouched(email: str, verified: bool) -> SocialLogin:
    address = EmailAddress(email=email, verified=verified, primary=True)
    return SocialLogin(
        user=User(username="cem"), account=SocialAccount(provider="openid", uid="7"), email_addresses=[address]
    )


@pytest.mark.parametrize(
    ("email", "verified", "opens"),
    [("cem@shop.example", True, True), ("cem@shop.example", False, False), ("cem@evil.example", True, False)],
)
def test_only_a_verified_address_of_a_named_domain_needs_no_invite(
    email: str, verified: bool, opens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SIGN_UP_DOMAINS", ["shop.example"])
    request = RequestFactory().get("/")
    request.session = {}  # type: ignore[assignment]  # as a mapping
    assert InviteOnlySocial(request).is_open_for_signup(request, _vouched(email, verified)) == opens


def test_an_invite_lets_somebody_in_whom_another_site_vouches_for(ana: User, workspace: Workspace) -> None:
    path, _ = make_invite(ana, workspace.team_id, "editor")
    client = Client()
    client.get(path)
    request = RequestFactory().get("/")
    request.session = client.session
    assert request.session[INVITED] == path.rsplit("/", 1)[-1]
    adapter, login = InviteOnlySocial(request), _vouched("cem@anywhere.example", True)
    assert adapter.is_open_for_signup(request, login)
    cem = adapter.save_user(request, login)
    assert Membership.objects.get(user=cem).role == "editor"
    assert not adapter.is_open_for_signup(request, _vouched("dia@anywhere.example", True))


@pytest.mark.django_db(transaction=True)
def test_what_protects_an_account_is_in_the_audit_log(ana: User) -> None:
    client = Client()
    _sign_in(client)
    secret = _with_app(client)
    client.post(reverse("mfa_deactivate_totp"))
    acts = list(AuditEntry.objects.order_by("seq").values_list("act", "actor", "thing"))
    assert ("factor.add", "ana", "totp") in acts
    assert ("factor.remove", "ana", "totp") in acts
    assert secret not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140 on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge 140 on Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Mobile Safari/604.1", "Safari 19 on iPhone"),
        ("curl/8", "curl/8"),
        ("", "Unknown"),
    ],
)
def test_a_browser_is_named_as_people_name_it(agent: str, shown: str) -> None:
    assert shown_agent(agent) == shown
