"""People and documents of live workspaces, counted on a real host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from ide.accounts.models import Team, User
from ide.dashboard import figures
from ide.db import in_db
from ide.live.host import close_all, host_of
from ide.live.participant import Outbox, Participant
from ide.workspaces.models import Workspace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def closed_hosts() -> AsyncIterator[None]:
    yield
    await close_all()


def make_workspace() -> Workspace:
    team = Team.objects.create(name="Shop")
    workspace = Workspace.objects.create(name="shop-api", team=team, source="empty", state="ready")
    workspace.folder.mkdir(parents=True)
    (workspace.folder / "app.py").write_text("print(1)\n")
    return workspace


def tab_of(user: User) -> Participant:
    person = {"id": user.pk, "name": user.shown_name, "colour": user.colour}
    return Participant(person, "owner", Outbox(lambda: None, lambda: None))


async def test_a_person_with_two_tabs_counts_once(person: Callable[..., User], closed_hosts: None) -> None:
    workspace = await in_db(make_workspace)
    ana, ben = await in_db(person, "ana"), await in_db(person, "ben")
    before = (await in_db(figures.snapshot))["figures"]
    host = await host_of(workspace.pk)
    tabs = [tab_of(user) for user in (ana, ana, ben)]
    for tab in tabs:
        host.join(tab)
    await host.open_path("app.py")
    now = (await in_db(figures.snapshot))["figures"]
    assert [now[key] - before[key] for key in ("people", "sockets", "rooms", "workspaces")] == [2, 3, 1, 1]
    [row] = await in_db(figures.workspace_rows)
    assert list(row[:4]) == ["shop-api", "Shop", 2, 1]
    for tab in tabs[:2]:
        host.leave(tab)
    assert await in_db(figures.people_now) == 1
    host.leave(tabs[2])


async def test_people_are_gone_once_their_workspace_is_closed(person: Callable[..., User], closed_hosts: None) -> None:
    workspace = await in_db(make_workspace)
    host = await host_of(workspace.pk)
    tab = tab_of(await in_db(person, "ana"))
    host.join(tab)
    await close_all()
    assert await in_db(figures.people_now) == 0
    assert await in_db(figures.workspace_rows) == []
    host.leave(tab)


async def test_inside_a_workspace_of_another_process_is_unknown() -> None:
    workspace = await in_db(make_workspace)
    future = timezone.now() + timedelta(seconds=30)
    await in_db(Workspace.objects.filter(pk=workspace.pk).update, host="elsewhere", host_until=future)
    [row] = await in_db(figures.workspace_rows)
    assert list(row[:5]) == ["shop-api", "Shop", None, None, "elsewhere"]
