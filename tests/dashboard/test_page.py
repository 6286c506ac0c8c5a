"""The dashboard's page: administrators only; what is shown is text."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from ide.accounts.models import User

Person = Callable[..., User]


def visit(user: User | None, path: str = "/dashboard/") -> tuple[int, str]:
    client = Client()
    if user is not None:
        client.force_login(user)
    answer = client.get(path)
    return answer.status_code, answer.content.decode()


def test_staff_gets_the_page(person: Person) -> None:
    status, page = visit(person("root", staff=True))
    assert status == 200
    assert 'id="dashboard"' in page


def test_to_others_the_page_does_not_exist(person: Person) -> None:
    ana = person("ana")
    assert visit(ana) == visit(ana, "/dashboard/") != (200, "")
    assert visit(ana)[0] == 404
    assert 'id="dashboard"' not in visit(ana)[1]
    assert visit(ana)[1] == visit(ana, "/nothing-at-all/")[1]


def test_a_closed_staff_account_sees_nothing(person: Person) -> None:
    root = person("root", staff=True)
    client = Client()
    client.force_login(root)
    User.objects.update(is_active=False)
    assert client.get("/dashboard/").status_code == 302


def test_who_is_not_signed_in_is_sent_to_the_door(db: None) -> None:
    answer = Client().get("/dashboard/")
    assert answer["Location"] == "/accounts/login/?next=/dashboard/"


def test_the_page_only_reads(person: Person) -> None:
    client = Client()
    client.force_login(person("root", staff=True))
    assert client.post("/dashboard/").status_code == 405
