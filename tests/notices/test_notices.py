"""Who is told what, once; what a person can see, mark and switch off; that nobody sees another's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from ide.accounts.models import Membership, Team, User
from ide.notices.models import Notice
from ide.notices.tell import News, write
from ide.workspaces.models import Workspace

pytestmark = pytest.mark.django_db


class Place:
    def __init__(self) -> None:
        self.team = Team.objects.create(name="Shop")
        self.workspace = Workspace.objects.create(name="shop", team=self.team, source="empty", state="ready")
        self.ana, self.ben = (User.objects.create_user(username=name) for name in ("ana", "ben"))
        self.eve = User.objects.create_user(username="eve")
        for user in (self.ana, self.ben):
            Membership.objects.create(team=self.team, user=user, role="editor")

    def news(self, key: str = "job:1:review", kind: str = "review", **more: str) -> News:
        values = {"title": "Ready for review", "body": "Add docstrings", "url": f"/w/{self.workspace.pk}"}
        return News(kind=kind, key=key, workspace=self.workspace.pk, **{**values, **more})


@pytest.fixture
def place() -> Place:
    return Place()


def ask(user: User, method: str, path: str, status: int = 200, **body: Any) -> Any:
    client = Client()
    client.force_login(user)
    answer = client.generic(method, f"/api/me/notices{path}", json.dumps(body), "application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_each_thing_is_told_once_and_only_to_who_may_know(place: Place) -> None:
    people = [place.ana.pk, place.ben.pk, place.eve.pk]
    for _ in range(2):
        write(people, place.news())
    assert sorted(Notice.objects.values_list("person__username", flat=True)) == ["ana", "ben"]
    place.ben.is_active = False
    place.ben.save()
    write(people, place.news("job:2:review"))
    assert Notice.objects.filter(key="job:2:review").get().person == place.ana


def test_a_notice_is_one_short_line_with_a_path_of_this_site(place: Place) -> None:
    write([place.ana.pk], place.news(title="x" * 200, body="first\nsecond " + "y" * 300))
    row = Notice.objects.get()
    assert len(row.title) == 120
    assert row.title.endswith("…")
    assert row.body.startswith("first second yyy")
    assert len(row.body) == 240
    for url in ("https://example.org/", "//example.org/", "javascript:alert(1)"):
        with pytest.raises(ValueError, match="no notice"):
            write([place.ana.pk], place.news("other", url=url))


def test_reading_and_marking_ones_own(place: Place) -> None:
    for n in range(3):
        write([place.ana.pk, place.ben.pk], place.news(f"job:{n}:review"))
    listed = ask(place.ana, "GET", "")
    assert listed["unread"] == 3
    assert [one["read"] for one in listed["notices"]] == [False] * 3
    (other,) = Notice.objects.filter(person=place.ben, key="job:0:review")
    assert ask(place.ana, "POST", "/read", ids=[other.pk])["unread"] == 3
    assert ask(place.ben, "GET", "")["unread"] == 3
    assert ask(place.ana, "POST", "/read", ids=[listed["notices"][0]["id"]])["unread"] == 2
    assert ask(place.ana, "POST", "/read")["unread"] == 0
    assert ask(place.ben, "GET", "")["unread"] == 3
    assert ask(place.eve, "GET", "") == {"notices": [], "unread": 0}


def test_kinds_can_be_switched_off_in_the_app_and_for_browsers(place: Place) -> None:
    settings = ask(place.ana, "PUT", "/settings", kinds={"review": {"shown": False, "pushed": True}})
    assert settings["kinds"]["review"] == {"shown": False, "pushed": True}
    assert settings["kinds"]["question"] == {"shown": True, "pushed": True}
    ask(place.ana, "PUT", "/settings", kinds={"ended": {"shown": False, "pushed": False}})
    ask(place.ana, "PUT", "/settings", kinds={"failed": {"shown": True, "pushed": False}})
    for kind in ("review", "ended", "failed", "question"):
        write([place.ana.pk], place.news(f"job:1:{kind}", kind))
    assert ask(place.ana, "GET", "")["unread"] == 2
    assert dict(Notice.objects.values_list("kind", "push")) == {"review": True, "failed": False, "question": True}
    ask(place.ana, "PUT", "/settings", 422, kinds={"nonsense": {"shown": True, "pushed": True}})
