"""What people do that others must be able to find later is in the log, with who, what and where; and never a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from ide.accounts.models import Membership, Team, User
from ide.audit.log import export, verify
from ide.audit.middleware import address_of
from ide.audit.models import AuditEntry
from ide.workspaces.models import Workspace

KEY = "sk-canary-4711-never-to-be-seen"


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _send(client: Client, method: str, path: str, **body: Any) -> Any:
    answer = client.generic(method, f"/api{path}", json.dumps(body), "application/json")
    assert answer.status_code < 300, answer.content
    return answer.json() if answer.content else None


@pytest.mark.django_db(transaction=True)
def test_acts_of_people_are_entries() -> None:
    team = Team.objects.create(name="Shop")
    place = Workspace.objects.create(name="shop", team=team, source="empty", state="ready")
    ana, ben = (User.objects.create(username=name) for name in ("ana", "ben"))
    Membership.objects.create(team=team, user=ana, role="owner")
    Membership.objects.create(team=team, user=ben, role="editor")
    client, w = _signed_in(ana), f"/workspaces/{place.pk}"
    link = _send(client, "POST", f"{w}/invites", role="viewer")["link"].rsplit("/", 1)[-1]
    _send(client, "PATCH", f"{w}/people/{ben.pk}", role="viewer")
    _send(client, "DELETE", f"{w}/people/{ben.pk}")
    secret = _send(client, "POST", "/me/tokens", name="laptop", scope="read", days=1)
    _send(client, "DELETE", f"/me/tokens/{secret['id']}")
    model = {"name": "m", "dialect": "chat", "base_url": "https://1.1.1.1/v1", "model": "m", "scope": "team"}
    made = _send(client, "POST", f"{w}/endpoints", **model, key=KEY)
    _send(client, "DELETE", f"/endpoints/{made['id']}")
    _send(client, "PUT", f"{w}/rules", wait=True, compact_at=70, ghost=True)
    rows = list(AuditEntry.objects.exclude(act="login").order_by("seq"))
    assert [(row.act, row.actor, row.place) for row in rows] == [
        (act, "ana", "127.0.0.1")
        for act in (
            *("invite.make", "role.change", "member.remove", "token.make", "token.revoke"),
            *("endpoint.make", "endpoint.key", "endpoint.remove", "rules.change"),
        )
    ]
    assert rows[1].detail == {"was": "editor", "now": "viewer"}
    assert rows[1].thing == "person ben"
    told = b"".join(export()).decode()
    assert KEY not in told
    assert link not in told
    assert secret["secret"] not in told
    assert verify().sound


def test_an_address_is_what_our_outermost_proxy_saw(settings: Settings) -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "6.6.6.6, 8.8.8.8, 10.0.0.2"})
    assert address_of(request) == "127.0.0.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    assert address_of(request) == "8.8.8.8"
