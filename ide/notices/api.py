"""HTTP: a person's own notices, their wishes, and the browsers they are told in. Nobody sees another's."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from ide.api import person
from ide.live.announce import hint
from ide.notices import browsers, push
from ide.notices.models import Browser, Kind, Notice, Wishes

router = Router(tags=["notices"])

SHOWN = 60


class ReadIn(Schema):
    """None named: all."""

    ids: list[str] = Field(default=[], max_length=500)


class WishIn(Schema):
    shown: bool
    pushed: bool


class WishesIn(Schema):
    kinds: dict[Kind, WishIn]


class BrowserIn(Schema):
    endpoint: str = Field(max_length=browsers.LONGEST)
    p256dh: str = Field(max_length=120)
    auth: str = Field(max_length=40)
    name: str = Field(default="", max_length=80)


def _told(row: Notice) -> dict[str, object]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "title": row.title,
        "body": row.body,
        "url": row.url,
        "workspace": row.workspace,
        "created_at": row.created_at.isoformat(),
        "read": row.read_at is not None,
    }


def _list(request: HttpRequest) -> dict[str, object]:
    mine = Notice.objects.filter(person=person(request))
    return {"notices": [_told(row) for row in mine[:SHOWN]], "unread": mine.filter(read_at=None).count()}


@router.get("/me/notices")
def listed(request: HttpRequest) -> dict[str, object]:
    return _list(request)


@router.post("/me/notices/read")
def read(request: HttpRequest, body: ReadIn) -> dict[str, object]:
    unread = Notice.objects.filter(person=person(request), read_at=None)
    wanted = unread.filter(pk__in=body.ids) if body.ids else unread
    places = set(wanted.exclude(workspace="").values_list("workspace", flat=True))
    wanted.update(read_at=timezone.now())
    for workspace in places:  # other pages of this person
        hint(workspace, "notices", people=[person(request).pk])
    return _list(request)


def _settings(request: HttpRequest) -> dict[str, object]:
    row = Wishes.objects.filter(person=person(request)).first() or Wishes()
    mine = Browser.objects.filter(person=person(request))
    return {
        "kinds": {
            kind: {"shown": kind not in row.not_shown, "pushed": kind not in row.not_pushed} for kind in Kind.values
        },
        "key": push.keys().public,
        "browsers": [
            {
                "id": one.pk,
                "name": one.name,
                "created_at": one.created_at.isoformat(),
                "told_at": one.told_at.isoformat() if one.told_at else None,
                "here": one.session == request.session.session_key,
            }
            for one in mine
        ],
    }


@router.get("/me/notices/settings")
def settings(request: HttpRequest) -> dict[str, object]:
    return _settings(request)


@router.put("/me/notices/settings")
def settle(request: HttpRequest, body: WishesIn) -> dict[str, object]:
    """Kinds that are not named stay as they are."""
    row = Wishes.objects.filter(person=person(request)).first() or Wishes(person=person(request))
    for kind, wish in body.kinds.items():
        row.not_shown = _with(row.not_shown, kind.value, not wish.shown)
        row.not_pushed = _with(row.not_pushed, kind.value, not wish.pushed)
    row.save()
    return _settings(request)


def _with(names: list[str], name: str, there: bool) -> list[str]:
    return sorted({*names, name} if there else {*names} - {name})


@router.post("/me/notices/browsers", response={201: dict[str, object]})
def subscribe(request: HttpRequest, body: BrowserIn) -> Any:
    """The same browser again is the same row."""
    offer = browsers.Offer(body.endpoint, body.p256dh, body.auth, body.name)
    offer.check()
    async_to_sync(browsers.checked)(offer.endpoint)
    row = browsers.take_in(person(request), request.session.session_key or "", offer)
    return Status(201, {"id": row.pk})


@router.delete("/me/notices/browsers/{browser_id}")
def unsubscribe(request: HttpRequest, browser_id: str) -> dict[str, object]:
    browsers.forget(person(request), browser_id)
    return _settings(request)
