"""Signing in with an OpenID Connect server, on a real site: with an invite, without one, and again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from tests.accounts.openid import CLIENT, SECRET, OpenID
from tests.site import Site

PASSWORD = "a long enough phrase"


@pytest.fixture(scope="module")
def vouches() -> Iterator[OpenID]:
    with OpenID() as server:
        yield server


@pytest.fixture(scope="module")
def site(vouches: OpenID, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    setting = {"OIDC_SERVER": vouches.url, "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": SECRET}
    named = {"OIDC_NAME": "Shop accounts", "TANDEM_SIGN_UP_DOMAINS": "named.example"}
    with Site(tmp_path_factory.mktemp("sso"), TANDEM_BUILTIN_MODEL="false", **setting, **named) as running:
        yield running


def submit(browser: requests.Session, page: str, button: str, **fields: str) -> requests.Response:
    """Send the form of a page that has this button."""
    html = browser.get(page).text
    for form in re.findall(r"<form.*?</form>", html, re.DOTALL):
        if button in form:
            action = re.search(r'action="([^"]+)"', form)
            token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', form)
            assert token
            address = requests.compat.urljoin(page, action[1] if action else page)
            return browser.post(address, {"csrfmiddlewaretoken": token[1], **fields}, headers={"Referer": page})
    raise AssertionError(f"no button {button} in {html}")


def test_people_come_in_with_another_account_of_theirs(site: Site, vouches: OpenID) -> None:
    ana = requests.Session()
    submit(ana, site.link, "assword", name="Ana", username="ana", password=PASSWORD)
    headers = {"X-CSRFToken": str(ana.cookies["tandem_csrf"]), "Referer": site.url}
    made = ana.post(f"{site.url}/api/workspaces", json={"name": "shop", "source": "empty"}, headers=headers).json()
    path = f"{site.url}/api/workspaces/{made['id']}/invites"
    invite = ana.post(path, json={"role": "editor"}, headers=headers).json()["link"]

    stranger = requests.Session()
    refused = submit(stranger, f"{site.url}/accounts/login/", "Shop accounts")
    assert stranger.get(f"{site.url}/api/me").status_code == 401
    assert "invite" in refused.text

    cem = requests.Session()
    submit(cem, invite, "Shop accounts")
    assert cem.get(f"{site.url}/api/me").json()["name"] == "Cem Ak"
    assert [row["role"] for row in cem.get(f"{site.url}/api/workspaces").json()] == ["editor"]

    again = requests.Session()
    submit(again, f"{site.url}/accounts/login/", "Shop accounts")
    assert again.get(f"{site.url}/api/me").json() == cem.get(f"{site.url}/api/me").json()

    vouches.person = {"sub": "8", "name": "Dia", "email": "dia@named.example", "email_verified": True}
    dia = requests.Session()
    submit(dia, f"{site.url}/accounts/login/", "Shop accounts")
    assert dia.get(f"{site.url}/api/me").json()["name"] == "Dia"
    assert dia.get(f"{site.url}/api/workspaces").json() == []
