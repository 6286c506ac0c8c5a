"""Every role on a live socket: what each message type does, by the table; and what ends a socket, and how soon.

Requests (ops) and routes are walked in tests/test_access.py; here are the shared documents.
"""

from __future__ import annotations

import asyncio
import json
import typing
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from pycrdt import Doc, Text

from ide.accounts import members, tokens
from ide.accounts.models import AccessToken, Membership, Role, User
from ide.accounts.permissions import Action, role_may
from ide.db import in_db
from ide.documents import protocol
from ide.live import host as hosts
from ide.live.host import live_host
from tests.live.conftest import TEXT, World
from tests.live.tab import Tab
from tests.live.test_socket import session_of

pytestmark = pytest.mark.usefixtures("closed_hosts")

WITHIN = 5.0  # seconds from a change to its effect on an open socket
EDITORS = {role for role in Role.values if role_may(role, Action.EDIT)}


async def joined(world: World, role: str) -> Tab:
    def make() -> User:
        user = User.objects.create_user(username=f"as-{role}")
        Membership.objects.create(team=world.workspace.team, user=user, role=role)
        return user

    tab = Tab(world.workspace.pk, await in_db(make))
    await tab.opened(world.document.pk)
    return tab


def update_of(text: str) -> bytes:
    doc: Doc[Text] = Doc()
    doc.get("text", type=Text).insert(0, text)
    return doc.get_update()


def room_text(world: World) -> str:
    host = live_host(world.workspace.pk)
    assert host is not None
    return host.rooms[world.document.pk].text()


def test_the_table_says_who_edits() -> None:
    assert {"owner", "maintainer", "editor"} == EDITORS
    covered = {protocol.SyncStep1, protocol.SyncUpdate, protocol.Awareness, protocol.QueryAwareness, protocol.Token}
    covered |= {protocol.Close, protocol.Stateless}
    answers = {protocol.Access, protocol.SyncStatus}  # what only a server says; sent by anybody they do nothing
    assert set(typing.get_args(protocol.NamedMessage)) == covered | answers


@pytest.mark.parametrize("role", Role.values)
async def test_auth_says_the_scope_of_the_role(world: World, role: str) -> None:
    tab, id = await joined(world, role), world.document.pk
    scopes = [frame.scope for frame in tab.of(protocol.Access) if frame.document == id]
    assert scopes == ["read-write" if role in EDITORS else "readonly"]
    tab.raw(protocol.token(id, "owner"))  # whatever is claimed here
    await tab.until(lambda: len([f for f in tab.of(protocol.Access) if f.document == id]) == 2)
    assert [f.scope for f in tab.of(protocol.Access) if f.document == id][1] == scopes[0]
    await tab.leave()


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("step2", [False, True])
async def test_only_editors_bring_text_in(world: World, role: str, step2: bool) -> None:
    tab, id = await joined(world, role), world.document.pk
    before = len([f for f in tab.of(protocol.SyncStatus) if f.document == id])
    update = update_of("mine 😀 ")
    tab.raw(protocol.step_2(id, update) if step2 else protocol.update(id, update))
    await tab.until(lambda: len([f for f in tab.of(protocol.SyncStatus) if f.document == id]) > before)
    applied = [f.applied for f in tab.of(protocol.SyncStatus) if f.document == id][-1]
    assert applied is (role in EDITORS)
    assert ("mine 😀 " in room_text(world)) is (role in EDITORS)
    await tab.leave()


@pytest.mark.parametrize("role", Role.values)
async def test_every_role_reads_and_is_seen(world: World, role: str) -> None:
    """Sync step 1, awareness and its query, requests, and leaving a document."""
    tab, other, id = await joined(world, role), Tab(world.workspace.pk, world.owner), world.document.pk
    await other.opened(id)
    assert tab.text(id) == TEXT
    state = json.dumps({"cursor": None, "person": {"id": 1, "name": "somebody else"}}).encode()
    client = tab.docs[id].client_id
    frame = b"".join(map(protocol.var_uint, (1, client, 1, len(state)))) + state
    tab.raw(protocol.awareness(id, frame))
    seen = await other.until(lambda: [f for f in other.of(protocol.Awareness) if f.document == id])
    assert f"as-{role}".encode() in seen[-1].data  # the name is the server's word, never the client's
    assert b"somebody else" not in seen[-1].data
    tab.raw(protocol.query_awareness(id))
    assert "result" in await tab.call("ping")
    tab.raw(protocol.close(id, ""))
    await other.until(lambda: len([f for f in other.of(protocol.Awareness) if f.document == id]) > len(seen))
    assert tab.closed is None
    await tab.leave()
    await other.leave()


# --- changes that act on open sockets ---------------------------------------------------------------------------------


def _demote(world: World) -> None:
    members.set_role(world.owner, world.workspace.team_id, world.editor.pk, "viewer")


def _remove(world: World) -> None:
    members.remove(world.owner, world.workspace.team_id, world.editor.pk)


def _deactivate(world: World) -> None:
    User.objects.filter(pk=world.editor.pk).update(is_active=False)


def _new_password(world: World) -> None:
    world.editor.set_password("another long enough password")
    world.editor.save()


def _revoke(world: World) -> None:
    tokens.revoke(world.editor, AccessToken.objects.get().pk)


def _sign_out(world: World) -> None:
    world.editor.session.delete()  # type: ignore[attr-defined]


async def _at(world: World, way: str) -> Tab:
    """The editor's tab: of a browser or of a script."""
    if way == "token":
        secret, _ = await in_db(tokens.make, world.editor, "x", "write", 1)
        tab = Tab(world.workspace.pk, AnonymousUser(), bearer=secret)
    else:
        world.editor.session = await in_db(session_of, world.editor)  # type: ignore[attr-defined]
        tab = Tab(world.workspace.pk, world.editor, world.editor.session)  # type: ignore[attr-defined]
    await tab.opened(world.document.pk)
    return tab


@pytest.mark.parametrize(
    ("change", "way", "code"),
    [
        (_remove, "browser", 4403),
        (_remove, "token", 4403),
        (_deactivate, "browser", 4403),
        (_deactivate, "token", 4403),
        (_sign_out, "browser", 4401),
        (_new_password, "browser", 4401),
        (_revoke, "token", 4401),
    ],
)
async def test_it_ends_within_five_seconds_by_itself(
    world: World, change: Callable[[World], Any], way: str, code: int
) -> None:
    """No Redis runs here: nothing tells the host, it looks by itself."""
    assert hosts.RECHECK_SECONDS < WITHIN
    tab = await _at(world, way)
    await in_db(change, world)
    async with asyncio.timeout(WITHIN):
        await tab.until(lambda: tab.closed)
    assert tab.closed is not None
    assert tab.closed[0] == code


@pytest.mark.parametrize("way", ["browser", "token"])
async def test_a_lower_role_takes_the_pen_within_five_seconds_and_a_higher_one_gives_it_back(
    world: World, way: str
) -> None:
    tab, id = await _at(world, way), world.document.pk

    def last() -> str:
        return [frame.scope for frame in tab.of(protocol.Access) if frame.document == id][-1]

    assert last() == "read-write"
    await in_db(_demote, world)
    async with asyncio.timeout(WITHIN):
        await tab.until(lambda: last() == "readonly")
    tab.type(id, 0, "no ")
    await tab.until(lambda: [f for f in tab.of(protocol.SyncStatus) if f.document == id and not f.applied])
    assert room_text(world) == TEXT
    await in_db(lambda: members.set_role(world.owner, world.workspace.team_id, world.editor.pk, "maintainer"))
    async with asyncio.timeout(WITHIN):
        await tab.until(lambda: last() == "read-write")
    await tab.leave()


async def test_a_new_password_keeps_a_token_which_is_revoked_by_itself(world: World) -> None:
    tab = await _at(world, "token")
    await in_db(_new_password, world)
    host = live_host(world.workspace.pk)
    assert host is not None
    await host.recheck_roles()
    assert "result" in await tab.call("ping")
    await tab.leave()
