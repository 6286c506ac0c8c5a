"""The audit log over HTTP: searched by pages, walked, taken away; for staff."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from ide.accounts.models import User
from ide.audit.log import Where, record
from ide.audit.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga() -> User:
    return User.objects.create(username="olga", is_staff=True)


@pytest.fixture
def looks(olga: User) -> Client:
    client = Client()
    client.force_login(olga)
    return client


def test_entries_are_searched_page_by_page(looks: Client, olga: User) -> None:
    for number in range(120):
        record("limit.change", olga, Where(thing=f"limit {number}"))
    page = looks.get("/api/dashboard/audit", {"words": "limit change"}).json()
    assert [len(page["entries"]), page["more"]] == [100, True]
    last = page["entries"][-1]["seq"]
    rest = looks.get("/api/dashboard/audit", {"words": "limit change", "before": last}).json()
    assert [len(rest["entries"]), rest["more"]] == [20, False]
    assert {row["seq"] for row in page["entries"]}.isdisjoint(row["seq"] for row in rest["entries"])
    assert looks.get("/api/dashboard/audit", {"act": "limit", "words": "nowhere"}).json()["entries"] == []


def test_the_chain_is_walked_and_the_log_taken_away_which_is_an_entry(looks: Client, olga: User) -> None:
    record("limit.change", olga)
    told = looks.get("/api/dashboard/audit/verify").json()
    assert told == {"checked": AuditEntry.objects.count(), "wrong": []}
    lines = b"".join(looks.get("/api/dashboard/audit/export", {"act": "limit"}).streaming_content)  # type: ignore[attr-defined]
    assert [json.loads(line)["act"] for line in lines.splitlines()] == ["limit.change"]
    assert AuditEntry.objects.filter(act="staff.audit", actor="olga").count() == 1


def test_only_staff_reads_it() -> None:
    client = Client()
    client.force_login(User.objects.create(username="ben"))
    for path in ("", "/verify", "/export"):
        assert client.get(f"/api/dashboard/audit{path}").status_code == 403
