"""How people get in and what protects them: first administrator, invite, second factor, passkey, removed at once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person
from tests.e2e.test_journey import Picture, begin_with_the_sample, invite
from tests.e2e.test_screens import themes
from tests.site import Site

pytestmark = pytest.mark.e2e
PASSWORD = "a passphrase of one's own"


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


def sign_in(page: Page, site: Site, name: str) -> None:
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")


def security(page: Page) -> None:
    page.get_by_role("button", name="You, theme, sign out").click()
    page.get_by_role("menuitem", name="Account security").click()
    confirm(page, page.get_by_role("heading", name="Two-Factor Authentication"))


def confirm(page: Page, there: Locator) -> None:
    """What is asked for is shown, after the password again where the page wants it."""
    password = page.get_by_label(re.compile("^Password:?$"))
    expect(there.or_(password).first).to_be_visible()
    if password.is_visible():
        password.fill(PASSWORD)
        page.get_by_role("button", name=re.compile("Confirm|Continue|Go on")).click()
    expect(there).to_be_visible()


def second_factor(ana: Page, site: Site, picture: Picture) -> list[str]:
    """Set up an authenticator app; sign in with it, then with a recovery code."""
    wrong = themes(ana, "security", picture)
    ana.get_by_role("link", name="Activate").click()
    shown = ana.get_by_label(re.compile("secret", re.IGNORECASE))
    confirm(ana, shown)
    secret = shown.input_value()
    wrong += themes(ana, "authenticator", picture)
    ana.get_by_label(re.compile("code", re.IGNORECASE)).fill(code_of(secret))
    ana.get_by_role("button", name="Activate").click()
    expect(ana.locator("main")).to_contain_text(re.compile(r"\d{8}"))
    wrong += themes(ana, "recovery-codes", picture)
    codes = re.findall(r"\b\d{8}\b", ana.locator("main").inner_text() + ana.content())
    sign_out(ana, site)
    sign_in(ana, site, "ana")
    expect(ana).to_have_url(re.compile("/accounts/2fa/authenticate/"))
    wrong += themes(ana, "second-factor", picture)
    field = ana.get_by_label(re.compile("code", re.IGNORECASE))
    field.fill("000000")
    ana.keyboard.press("Enter")
    expect(ana.get_by_role("alert")).to_be_visible()
    field.fill(codes[0])
    ana.keyboard.press("Enter")
    ana.wait_for_url(f"{site.url}/")
    return wrong


def passkey(ana: Page, site: Site, picture: Picture) -> list[str]:
    """The browser's own virtual authenticator: made, listed, and signed in with, without a name or a password."""
    tools = ana.context.new_cdp_session(ana)
    tools.send("WebAuthn.enable")
    options = {
        **{"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True},
        **{"isUserVerified": True, "automaticPresenceSimulation": True},
    }
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    ana.goto(f"{site.url}/accounts/2fa/webauthn/add/")
    confirm(ana, ana.get_by_label("Passwordless"))
    ana.get_by_label("Passwordless").check()
    wrong = themes(ana, "passkey", picture)
    ana.get_by_role("button", name="Add").click()
    ana.wait_for_url(f"{site.url}/accounts/2fa/")
    ana.get_by_role("link", name="Manage").click()
    expect(
        ana.get_by_text("Master key").or_(ana.get_by_text(re.compile("passkey", re.IGNORECASE))).first
    ).to_be_visible()
    wrong += themes(ana, "passkeys", picture)
    sign_out(ana, site)
    ana.get_by_role("button", name="Sign in with a passkey").click()
    ana.wait_for_url(f"{site.url}/")
    return wrong


def other_sign_ins(ana: Page, ben: Page, site: Site, picture: Picture) -> list[str]:
    """Ana sees where she is signed in and ends the other one."""
    ana.goto(f"{site.url}/accounts/sessions/")
    wrong = themes(ana, "signed-in", picture)
    expect(ana.get_by_text("this browser")).to_be_visible()
    return wrong


def thrown_out(ana: Page, ben: Page) -> None:
    """A person who is removed is out of the live document within five seconds."""
    ana.get_by_role("button", name="Share").click()
    row = ana.get_by_role("dialog").locator("li, tr", has_text="Ben").last
    row.get_by_role("button", name="Remove Ben").click()
    row.get_by_role("alertdialog").get_by_role("button", name="Remove", exact=True).click()
    expect(ben.get_by_role("heading", name="You no longer have access")).to_be_visible(timeout=5000)


def test_people_get_in_and_out(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = new_person(), new_person()
    # Passkeys belong to a name; browsers make none for an address.
    site.url, site.link = (address.replace("127.0.0.1", "localhost") for address in (site.url, site.link))
    begin_with_the_sample(site, ana.page, picture)
    workspace = ana.page.url
    invite(ana.page, ben.page, picture)
    security(ana.page)
    wrong = second_factor(ana.page, site, picture)
    wrong += passkey(ana.page, site, picture)
    wrong += other_sign_ins(ana.page, ben.page, site, picture)
    ana.page.goto(workspace)
    thrown_out(ana.page, ben.page)
    assert not wrong, "\n".join(wrong)
