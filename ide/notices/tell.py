"""Telling people: a row each, their open pages hear of it, their browsers get a push. Each thing is told once.

Who may not see the workspace it is about is not told. `write` may stand in a transaction with what it tells of.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from ide.accounts.models import Membership
from ide.db import in_db
from ide.live.announce import hint
from ide.notices import push
from ide.notices.models import Kind, Notice, Wishes
from ide.workspaces.models import Workspace

KEPT = timedelta(days=30)
TITLE, BODY = 120, 240


@dataclass(frozen=True)
class News:
    """`url` is a path of this site; `key` names what it is about: the same is told once."""

    kind: str
    title: str
    body: str
    url: str
    key: str
    workspace: str = ""


async def tell(user_ids: Collection[int], news: News) -> None:
    await in_db(write, user_ids, news)


def write(user_ids: Collection[int], news: News) -> None:
    """Synchronous ORM."""
    if news.kind not in Kind.values or not news.url.startswith("/") or news.url.startswith("//"):
        raise ValueError(f"no notice: {news.kind} {news.url}")
    people = _who_may_know(set(user_ids), news.workspace)
    wishes = {row.person_id: row for row in Wishes.objects.filter(person__in=people)}
    rows = [row for person in people if (row := _row(person, wishes.get(person), news)) is not None]
    Notice.objects.filter(person__in=people, created_at__lt=timezone.now() - KEPT).delete()
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(partial(_written, rows, news.workspace))


def seen(user_id: int, kind: str, url: str) -> None:
    """They have been where it points: it is read, on all pages of theirs. Synchronous ORM."""
    unread = Notice.objects.filter(person=user_id, kind=kind, url=url, read_at=None)
    places = set(unread.exclude(workspace="").values_list("workspace", flat=True))
    unread.update(read_at=timezone.now())
    for workspace in places:
        transaction.on_commit(partial(hint, workspace, "notices", people=[user_id]))


def _who_may_know(user_ids: set[int], workspace: str) -> set[int]:
    found = Membership.objects.filter(user__in=user_ids, user__is_active=True)
    if workspace:
        found = found.filter(team__in=Workspace.objects.filter(pk=workspace).values("team"))
    return set(found.values_list("user_id", flat=True))


def _row(person: int, wishes: Wishes | None, news: News) -> Notice | None:
    shown = wishes is None or news.kind not in wishes.not_shown
    pushed = wishes is None or news.kind not in wishes.not_pushed
    if not shown and not pushed:
        return None
    return Notice(
        person_id=person,
        workspace=news.workspace,
        kind=news.kind,
        key=news.key,
        title=_short(news.title, TITLE),
        body=_short(news.body, BODY),
        url=news.url,
        push=pushed,
        read_at=None if shown else timezone.now(),
    )


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _written(rows: list[Notice], workspace: str) -> None:
    if workspace:
        hint(workspace, "notices", people=[row.person_id for row in rows])
    if any(row.push for row in rows):
        push.soon()
