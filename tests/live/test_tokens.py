"""The main socket for clients that are no browser: a bearer, or the token of the first Auth frame."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from ide.accounts import tokens
from ide.accounts.models import AccessToken, Membership, User
from ide.db import in_db
from ide.documents import protocol
from ide.live import door
from ide.live.host import live_host
from tests.live.conftest import TEXT, World
from tests.live.tab import Tab

pytestmark = pytest.mark.usefixtures("closed_hosts")


async def token(user: User, scope: str = "write", team: str | None = None) -> str:
    return (await in_db(tokens.make, user, "test", scope, 1, team))[0]


def stranger(world: World, bearer: str = "") -> Tab:
    """A socket without a cookie."""
    return Tab(world.workspace.pk, AnonymousUser(), bearer=bearer)


def scopes(tab: Tab, document: str) -> list[str]:
    return [frame.scope for frame in tab.of(protocol.Access) if frame.document == document]


@pytest.mark.parametrize("way", ["bearer", "first frame", "first frame with an epoch"])
async def test_a_token_lets_its_person_in(world: World, way: str) -> None:
    secret, id = await token(world.editor), world.document.pk
    one = stranger(world, secret if way == "bearer" else "")
    one.raw(protocol.PING_FRAME)
    shown = {"bearer": "", "first frame": secret, "first frame with an epoch": f"{secret}#epoch=1"}[way]
    await one.opened(id, shown)
    assert one.text(id) == TEXT
    assert scopes(one, id) == ["read-write"]
    one.type(id, 0, "by a script 😀 ")
    await one.until(lambda: [f for f in one.of(protocol.SyncStatus) if f.document == id and f.applied])
    host = live_host(world.workspace.pk)
    assert host is not None
    assert host.rooms[id].text() == "by a script 😀 " + TEXT
    assert [person["name"] for person in host.people()] == [world.editor.shown_name]
    await one.leave()


async def test_a_token_to_read_reads_only_and_commands_nothing(world: World) -> None:
    one, id = stranger(world, await token(world.owner, "read")), world.document.pk
    await one.opened(id)
    assert scopes(one, id) == ["readonly"]
    one.type(id, 0, "no")
    await one.until(lambda: [f for f in one.of(protocol.SyncStatus) if f.document == id and not f.applied])
    assert (await one.call("workspace.open"))["result"]["role"] == "owner"
    assert (await one.call("session.create", {"title": "x"}))["error"]["data"]["code"] == "not_allowed"
    await one.leave()


async def test_a_token_to_write_starts_no_model(world: World) -> None:
    one = stranger(world, await token(world.owner))
    assert (await one.call("session.create", {"title": "x"}))["error"]["data"]["code"] == "not_allowed"
    await one.leave()


@pytest.mark.parametrize("shown", ["", "cookie", "tdm_" + "a" * 32])
async def test_what_is_no_token_is_closed_4401(world: World, shown: str) -> None:
    one = stranger(world)
    one.open(world.document.pk, shown)
    assert (await one.until(lambda: one.closed))[0] == 4401
    two = stranger(world, shown or "tdm_")
    assert (await two.until(lambda: two.closed))[0] == 4401


async def test_a_bearer_that_is_none_is_not_saved_by_a_cookie(world: World) -> None:
    one = Tab(world.workspace.pk, world.owner, bearer="tdm_nothing")
    assert (await one.until(lambda: one.closed))[0] == 4401


async def test_who_says_something_else_first_is_closed_4401_and_nonsense_4400(world: World) -> None:
    one, two = stranger(world), stranger(world)
    one.raw(protocol.step_1(world.document.pk, b"\0"))
    two.raw(b"\xff\xff")
    assert (await one.until(lambda: one.closed))[0] == 4401
    assert (await two.until(lambda: two.closed))[0] == 4400


async def test_who_says_nothing_is_closed_4401(world: World) -> None:
    assert door.WAIT_SECONDS == 10
    one = stranger(world)
    async with asyncio.timeout(15):
        while one.closed is None:
            one._changed.clear()
            await one._changed.wait()
    assert one.closed == (4401, "sign in")


async def test_a_token_of_another_team_or_of_a_stranger_finds_nothing(world: World) -> None:
    def other() -> str:
        team = world.workspace.team
        row = type(team).objects.create(name="other")
        Membership.objects.create(team=row, user=world.owner, role="owner")
        return str(row.pk)

    for secret in (await token(world.owner, team=await in_db(other)), await token(world.stranger)):
        one = stranger(world, secret)
        assert (await one.until(lambda one=one: one.closed))[0] == 4404


def _revoke(user: User) -> None:
    tokens.revoke(user, AccessToken.objects.get().pk)


def _expire(user: User) -> None:
    AccessToken.objects.update(expires_at=timezone.now())


def _deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _remove(user: User) -> None:
    Membership.objects.filter(user=user).delete()


@pytest.mark.parametrize(("end", "code"), [(_revoke, 4401), (_expire, 4401), (_deactivate, 4403), (_remove, 4403)])
async def test_a_token_that_ends_closes_its_sockets_and_no_other(world: World, end: Any, code: int) -> None:
    by_token, browser = stranger(world, await token(world.editor)), Tab(world.workspace.pk, world.owner)
    await by_token.call("ping")
    await browser.call("ping")
    await in_db(end, world.editor)
    host = live_host(world.workspace.pk)
    assert host is not None
    await host.recheck_roles()
    assert (await by_token.until(lambda: by_token.closed))[0] == code
    await browser.call("ping")
    await browser.leave()


async def test_a_lower_role_takes_the_pen_from_a_token_too(world: World) -> None:
    one, id = stranger(world, await token(world.editor)), world.document.pk
    await one.opened(id)
    await in_db(lambda: Membership.objects.filter(user=world.editor).update(role="viewer"))
    host = live_host(world.workspace.pk)
    assert host is not None
    await host.recheck_roles()
    await one.until(lambda: scopes(one, id) == ["read-write", "readonly"])
    await one.leave()
