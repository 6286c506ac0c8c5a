"""The first administrator's one-time link."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from ide.accounts.first_link import make_first_link
from ide.accounts.models import FirstLink, User

ClientOf = Callable[..., Client]
FORM = {"name": "Ana Ruiz", "username": "ana@example.org", "password": "a long enough phrase"}
pytestmark = pytest.mark.django_db


def open_link() -> str:
    path = make_first_link()
    assert path is not None
    return path


def test_the_link_makes_an_administrator_signs_in_and_goes_home(client_of: ClientOf) -> None:
    tab, path = client_of(), open_link()
    assert tab.get(path).status_code == 200
    answer = tab.post(path, FORM)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    ana = User.objects.get()
    assert (ana.username, ana.shown_name, ana.is_staff, ana.is_superuser) == ("ana@example.org", "Ana Ruiz", True, True)
    assert ana.password.startswith("argon2$")
    assert tab.get("/api/me").json()["staff"] is True
    assert "this browser" in tab.get("/accounts/sessions/").content.decode()


def test_the_link_works_once(client_of: ClientOf) -> None:
    path = open_link()
    client_of().post(path, FORM)
    for answer in (client_of().get(path), client_of().post(path, {**FORM, "username": "eve"})):
        assert answer.status_code == 409
        assert "has an administrator" in answer.content.decode()
    assert User.objects.count() == 1


def test_whoever_comes_before_the_first_account_is_told_of_the_link(client_of: ClientOf) -> None:
    path, said = open_link(), "makes the first one"
    assert said in client_of().get("/accounts/login/").content.decode()
    client_of().post(path, FORM)
    assert said not in client_of().get("/accounts/login/").content.decode()


def test_a_newer_link_replaces_the_older(client_of: ClientOf) -> None:
    older, newer = open_link(), open_link()
    assert client_of().get(older).status_code == 404
    assert client_of().get(newer).status_code == 200
    assert FirstLink.objects.count() == 1


def test_there_is_no_link_once_there_is_an_administrator() -> None:
    User.objects.create_superuser("root", password="x")
    assert make_first_link() is None


def test_a_link_is_dead_once_an_administrator_came_another_way(client_of: ClientOf) -> None:
    path = open_link()
    User.objects.create_superuser("root", password="x")
    assert client_of().post(path, FORM).status_code == 409
    assert User.objects.count() == 1


def test_an_administrator_whose_account_is_closed_does_not_lock_everyone_out() -> None:
    User.objects.create_superuser("root", password="x", is_active=False)
    assert make_first_link() is not None


def test_an_unknown_link_says_what_to_do(client_of: ClientOf) -> None:
    answer = client_of().get("/welcome/" + "x" * 32)
    assert answer.status_code == 404
    assert "start Tandem again" in answer.content.decode()


def test_only_the_hash_of_a_link_is_stored() -> None:
    token = open_link().rsplit("/", 1)[1]
    assert token not in str(FirstLink.objects.values().get())


def test_a_page_with_a_token_is_not_kept_by_caches(client_of: ClientOf) -> None:
    assert "no-store" in client_of().get(open_link())["Cache-Control"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "required"),
        ("name", "   ", "required"),
        ("name", "Ana\u202eziuR", "invisible"),
        ("username", "", "required"),
        ("username", "ana ruiz", "letters"),
        ("password", "", "required"),
        ("password", "short", "too short"),
        ("password", "password123", "too common"),
        ("password", "ana@example.org", "too similar"),
    ],
)
def test_a_form_that_cannot_be_used_says_why_and_keeps_the_link(
    client_of: ClientOf, field: str, value: str, said: str
) -> None:
    path = open_link()
    answer = client_of().post(path, {**FORM, field: value})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert re.findall(r'<input[^>]*name="(\w+)"[^>]* autofocus', answer.content.decode()) == [field]
    assert not User.objects.exists()
    assert client_of().post(path, FORM).status_code == 302


@pytest.mark.parametrize("name", ["Ana 🦊", "李小龍", "محمد", "O'Brien-Ñandú", "👩‍💻"])
def test_names_of_all_scripts_are_welcome(client_of: ClientOf, name: str) -> None:
    client_of().post(open_link(), {**FORM, "name": name})
    assert User.objects.get().shown_name == name


def test_a_form_from_another_site_is_refused(client_of: ClientOf) -> None:
    answer = client_of(csrf=True).post(open_link(), FORM)
    assert answer.status_code == 403
    assert "Reload the page" in answer.content.decode()
    assert not User.objects.exists()
