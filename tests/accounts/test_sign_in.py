"""Signing in and out, the change of a password, and the pages that refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.views import defaults

from ide.accounts.models import User
from tests.accounts.conftest import PASSWORD

ClientOf = Callable[..., Client]
LOGIN = "/accounts/login/"


@pytest.fixture
def ana(db: None) -> User:
    return User.objects.create_user("ana", password=PASSWORD, display_name="Ana")


def sign_in(client: Client, password: str = PASSWORD, **more: str) -> int:
    return client.post(LOGIN, {"login": "ana", "password": password, **more}).status_code


def test_the_right_password_signs_in(client_of: ClientOf, ana: User) -> None:
    tab = client_of()
    assert sign_in(tab) == 302
    assert tab.get("/api/me").json()["username"] == "ana"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(client_of: ClientOf, ana: User) -> None:
    wrong = client_of().post(LOGIN, {"login": "ana", "password": "wrong"})
    unknown = client_of().post(LOGIN, {"login": "eve", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 200
    assert wrong.context["form"].errors == unknown.context["form"].errors
    assert 'role="alert"' in wrong.content.decode()


def test_guessing_is_stopped_after_five_tries(client_of: ClientOf, ana: User) -> None:
    tab = client_of()
    for _ in range(5):
        sign_in(tab, "wrong")
    sign_in(tab)
    assert tab.get("/api/me").status_code == 401, "the right password must wait now, too"


def test_a_closed_account_cannot_sign_in(client_of: ClientOf, ana: User) -> None:
    User.objects.update(is_active=False)
    tab = client_of()
    sign_in(tab)
    assert tab.get("/api/me").status_code == 401


def test_after_signing_in_nobody_is_sent_to_another_site(client_of: ClientOf, ana: User) -> None:
    answer = client_of().post(LOGIN, {"login": "ana", "password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_signing_out_takes_a_form(client_of: ClientOf, ana: User) -> None:
    tab = client_of(ana)
    assert tab.get("/accounts/logout/").status_code == 200
    assert tab.get("/api/me").status_code == 200
    tab.post("/accounts/logout/")
    assert tab.get("/api/me").status_code == 401


@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/email/", "/accounts/password/reset/"])
def test_there_is_no_other_door(client_of: ClientOf, db: None, path: str) -> None:
    assert client_of().get(path).status_code == 404


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(client_of: ClientOf, ana: User) -> None:
    here, there = client_of(), client_of()
    assert (sign_in(here), sign_in(there)) == (302, 302)
    new = "another long phrase"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    page = here.post("/accounts/password/change/", form, follow=True)
    assert "Your password is changed." in page.content.decode()
    assert here.get("/api/me").status_code == 200
    assert there.get("/api/me").status_code == 401
    assert sign_in(client_of(), new) == 302


@pytest.mark.parametrize(
    "form",
    [
        {"oldpassword": "wrong", "password1": "another long phrase", "password2": "another long phrase"},
        {"oldpassword": PASSWORD, "password1": "short", "password2": "short"},
        {"oldpassword": PASSWORD, "password1": "another long phrase", "password2": "another one entirely"},
    ],
)
def test_a_password_that_cannot_be_changed_says_why(client_of: ClientOf, ana: User, form: dict[str, str]) -> None:
    tab = client_of(ana)
    page = tab.post("/accounts/password/change/", form)
    assert 'role="alert"' in page.content.decode()
    ana.refresh_from_db()
    assert ana.check_password(PASSWORD)


def test_the_password_page_asks_to_sign_in_first(client_of: ClientOf, db: None) -> None:
    assert client_of().get("/accounts/password/change/")["Location"].startswith(LOGIN)


@pytest.mark.parametrize(("cookie", "theme"), [(None, "dark"), ("light", "light"), ('"><script>', "dark")])
def test_pages_wear_the_theme_the_app_remembered(client_of: ClientOf, db: None, cookie: str | None, theme: str) -> None:
    tab = client_of()
    if cookie:
        tab.cookies["tandem_theme"] = cookie
    assert f'<html lang="en" data-theme="{theme}">' in tab.get(LOGIN).content.decode()


def test_a_page_that_is_not_there_says_so_in_plain_words(client_of: ClientOf, db: None) -> None:
    answer = client_of().get("/nothing/here")
    assert answer.status_code == 404
    assert "not shared with you" in answer.content.decode()


def test_no_page_has_a_script_of_its_own(client_of: ClientOf, db: None) -> None:
    assert "<script>" not in client_of().get(LOGIN).content.decode()


@pytest.mark.parametrize(
    ("view", "status", "said"),
    [
        (lambda request: defaults.bad_request(request, SuspiciousOperation()), 400, "could not be read"),
        (lambda request: defaults.permission_denied(request, PermissionDenied()), 403, "You may not do this"),
        (defaults.server_error, 500, "What you typed in documents is saved"),
    ],
)
def test_errors_are_told_in_plain_words_even_without_a_context(
    view: Callable[[HttpRequest], HttpResponse], status: int, said: str
) -> None:
    answer = view(RequestFactory().get("/"))
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
