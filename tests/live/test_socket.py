"""The main socket: who is let in, documents, requests, presence, order, hostile input, roles, restarts."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.test import Client
from django.utils import timezone

from ide.accounts.models import Membership, User
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.documents import protocol
from ide.documents.log.store import store
from ide.documents.models import Document
from ide.documents.text import Edit
from ide.errors import Invalid, NotFound
from ide.live import ops
from ide.live.host import WorkspaceHost, close_all, host_of, live_host
from ide.live.lease import own_name
from ide.live.participant import HOLD_OVER, Participant
from ide.workspaces.figures import FileChange, figures_of, tell
from ide.workspaces.models import Workspace
from tests.live.conftest import TEXT, World
from tests.live.tab import Tab

pytestmark = pytest.mark.usefixtures("closed_hosts")

POISON = bytes.fromhex("0102cddb70000401047465787401610400cddb7000016200")  # text inside of a letter


def tab(world: World, who: str = "owner") -> Tab:
    return Tab(world.workspace.pk, getattr(world, who))


def session_of(user: User) -> SessionBase:
    client = Client()
    client.force_login(user)
    return client.session


async def test_who_is_not_signed_in_is_closed_4401(world: World) -> None:
    one = Tab(world.workspace.pk, None)
    assert await one.until(lambda: one.closed) == (4401, "sign in")


async def test_a_stranger_and_a_missing_workspace_look_the_same(world: World) -> None:
    one, two = tab(world, "stranger"), Tab("nowhere", world.owner)
    assert (await one.until(lambda: one.closed))[0] == 4404
    assert (await two.until(lambda: two.closed))[0] == 4404


async def test_two_tabs_type_into_one_document_and_the_file_follows(world: World) -> None:
    one, two, id = tab(world), tab(world, "editor"), world.document.pk
    await one.opened(id)
    await two.opened(id)
    assert one.text(id) == TEXT
    since = len(one.events)
    one.type(id, 0, "🎉 ")
    two.type(id, len(TEXT.encode()), "three\n")
    whole = "🎉 " + TEXT + "three\n"
    await one.until(lambda: one.text(id) == whole)
    await two.until(lambda: two.text(id) == whole)
    await one.until(lambda: [e for e in one.events[since:] if e["type"] == "document.disk" and e["on_disk"]])
    assert world.file.read_text() == whole


async def test_who_opens_a_document_is_told_whether_it_is_on_disk(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    await one.until(lambda: [e for e in one.events if e["type"] == "document.disk"])
    assert [e["on_disk"] for e in one.events if e["type"] == "document.disk"] == [True]
    world.file.unlink()
    await (await host_of(world.workspace.pk)).changed_on_disk({"a.py"})
    two = tab(world)
    await two.opened(id)
    await two.until(lambda: [e for e in two.events if e["type"] == "document.disk"])
    assert [e["on_disk"] for e in two.events if e["type"] == "document.disk"] == [False]


async def test_a_viewer_reads_and_its_edit_is_refused(world: World) -> None:
    one, two, id = tab(world), tab(world, "viewer"), world.document.pk
    await one.opened(id)
    await two.opened(id)
    assert two.of(protocol.Access)[-1] == protocol.Access(id, "readonly", "")
    two.type(id, 0, "no")
    await two.until(lambda: protocol.SyncStatus(id, False) in two.frames)
    host = await host_of(world.workspace.pk)
    assert host.rooms[id].text() == TEXT


async def test_a_document_of_another_workspace_is_denied(world: World) -> None:
    one = tab(world)
    other = await in_db(lambda: Workspace.objects.create(name="x", team=world.workspace.team, source="empty"))
    foreign = await in_db(lambda: Document.objects.create(workspace=other, path="a.py"))
    one.open(foreign.pk)
    refusal = await one.until(lambda: one.of(protocol.Access))
    assert refusal[0].scope == ""
    assert refusal[0].reason


async def test_requests_are_answered_and_refused_in_words(world: World) -> None:
    one, viewer = tab(world), tab(world, "viewer")
    answer = (await one.call("workspace.open"))["result"]
    assert answer["role"] == "owner"
    assert {"id": world.owner.pk, "name": "owner", "colour": world.owner.colour} in answer["people"]
    assert (await one.call("no.such.op"))["error"]["data"]["code"] == "unknown_op"

    async def echo(host: WorkspaceHost, participant: Participant, params: ops.Params) -> ops.Params:
        if "text" not in params:
            raise Invalid("There is no text.", "Type some.")
        return {"text": params["text"], "by": participant.person["name"]}

    ops.register("test.echo", Action.EDIT, echo)
    assert (await one.call("test.echo", {"text": "😀"}))["result"] == {"text": "😀", "by": "owner"}
    problem = (await one.call("test.echo"))["error"]
    assert (problem["data"]["code"], problem["data"]["do"]) == ("invalid", "Type some.")
    assert (await viewer.call("test.echo", {"text": "x"}))["error"]["data"]["code"] == "not_allowed"


async def test_a_long_request_does_not_hold_up_the_next(world: World) -> None:
    gate = asyncio.Event()

    async def slow(host: WorkspaceHost, participant: Participant, params: ops.Params) -> ops.Params:
        await gate.wait()
        return {}

    ops.register("test.slow", Action.SEE, slow)
    one = tab(world)
    waiting = asyncio.ensure_future(one.call("test.slow"))
    assert "result" in await one.call("workspace.open")
    assert not waiting.done()
    gate.set()
    assert (await waiting)["result"] == {}


async def test_events_and_edits_keep_their_order(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    host = await host_of(world.workspace.pk)
    one.order.clear()
    expected = []
    for n in range(20):
        host.rooms[id].edit([Edit(n, n, "x")], "turn:t")
        host.publish({"type": f"said {n}"})
        expected += ["update", f"said {n}"]
    await one.until(lambda: f"said {19}" in one.order)
    assert [what for what in one.order if what != "document.disk"] == expected


async def test_people_come_and_go(world: World) -> None:
    one = tab(world)
    await one.until(lambda: one.events)
    two = tab(world, "editor")
    await one.until(lambda: len(one.events[-1].get("people", [])) == 2)
    assert figures_of([world.workspace.pk])[world.workspace.pk]["people_now"] == one.events[-1]["people"]
    two.raw(protocol.awareness("workspace", protocol.encode_awareness([protocol.Presence(9, 1, '{"path":"a.py"}')])))
    seen = await one.until(lambda: one.of(protocol.Awareness))
    state = json.loads(protocol.decode_awareness(seen[-1].data)[0].state)
    assert (state["path"], state["person"]["name"]) == ("a.py", "editor")
    await two.leave()
    await one.until(
        lambda: one.events[-1].get("people", [{}])[0].get("name") == "owner" and len(one.events[-1]["people"]) == 1
    )
    assert protocol.decode_awareness(one.of(protocol.Awareness)[-1].data)[0].state == "null"


@pytest.mark.parametrize("frames", [[b""], [b"\xff" * 9], [b"\x01d\x63"], ["panic"], ["undecodable"]])
async def test_hostile_frames_close_their_sender_and_nobody_else(world: World, frames: list[bytes | str]) -> None:
    bad, good, id = tab(world, "editor"), tab(world), world.document.pk
    await bad.opened(id)
    await good.opened(id)
    for frame in frames:
        if frame == "panic":
            bad.raw(protocol.update(id, POISON))
        elif frame == "undecodable":
            bad.raw(protocol.update(id, b"\x07\x07\x07"))
        elif isinstance(frame, bytes):
            bad.raw(frame)
    code, _ = await bad.until(lambda: bad.closed)
    assert code in (4400, 4008)
    statuses = len(good.of(protocol.SyncStatus))
    good.type(id, 0, "fine 😀 ")
    await good.until(lambda: len(good.of(protocol.SyncStatus)) > statuses)
    assert good.closed is None
    host = await host_of(world.workspace.pk)
    assert host.rooms[id].text() == good.text(id) == "fine 😀 " + TEXT


async def test_a_slow_browser_gets_one_difference_when_it_catches_up(world: World) -> None:
    slow, id = tab(world), world.document.pk
    await slow.opened(id)
    slow.pongs = False
    room = (await host_of(world.workspace.pk)).rooms[id]
    for n in range(40):
        await room.edit([Edit(n * 100_000, n * 100_000, "y" * 100_000)], "turn:t")
    received = sum(len(f.update) for f in slow.of(protocol.SyncUpdate))
    assert received < HOLD_OVER + 400_000
    slow.pongs = True
    for _ in slow.of(protocol.Ping):
        slow.raw(protocol.PONG_FRAME)
    await slow.until(lambda: slow.text(id) == room.text())


async def test_a_role_taken_away_ends_editing_and_then_the_socket(world: World) -> None:
    one, id = tab(world, "editor"), world.document.pk
    await one.opened(id)
    host = await host_of(world.workspace.pk)
    await in_db(lambda: Membership.objects.filter(user=world.editor).update(role="viewer"))
    await host.recheck_roles()
    await one.until(lambda: one.of(protocol.Access)[-1].scope == "readonly")
    one.type(id, 0, "no")
    await one.until(lambda: protocol.SyncStatus(id, False) in one.frames)
    await in_db(lambda: Membership.objects.filter(user=world.editor).delete())
    await host.recheck_roles()
    assert (await one.until(lambda: one.closed))[0] == 4403


async def test_who_signs_out_is_disconnected(world: World) -> None:
    sessions = [await in_db(session_of, world.editor) for _ in range(2)]
    tabs = [Tab(world.workspace.pk, world.editor, session=one) for one in sessions]
    for one in tabs:
        await one.opened(world.document.pk)
    host = await host_of(world.workspace.pk)
    await in_db(sessions[0].delete)
    await host.recheck_roles()
    assert (await tabs[0].until(lambda: tabs[0].closed))[0] == 4401
    assert tabs[1].closed is None
    world.editor.set_password("another long phrase")
    await in_db(world.editor.save)
    await host.recheck_roles()
    assert (await tabs[1].until(lambda: tabs[1].closed))[0] == 4401


async def test_a_document_without_a_row_keeps_no_other_from_being_saved_at_the_end(world: World) -> None:
    one, id = tab(world, "editor"), world.document.pk
    (world.workspace.folder / "b.py").write_text("")
    host = await host_of(world.workspace.pk)
    doomed = await host.open_path("b.py")
    await one.opened(id)
    one.type(id, 0, "kept ")
    await one.until(lambda: protocol.SyncStatus(id, True) in one.frames)
    await in_db(Document.objects.filter(pk=doomed.id).delete)
    await close_all()
    assert world.file.read_text() == "kept " + TEXT


async def test_a_change_on_disk_reaches_the_open_document(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    host = await host_of(world.workspace.pk)
    world.file.write_text(TEXT + "outside 🎉\n")
    await host.changed_on_disk({"a.py"})
    await one.until(lambda: one.text(id) == TEXT + "outside 🎉\n")
    await one.until(lambda: [e for e in one.events if e["type"] == "files.changed"])


async def test_a_workspace_held_by_a_live_process_elsewhere_is_4409_and_by_a_dead_one_is_taken(world: World) -> None:
    rows = Workspace.objects.filter(pk=world.workspace.pk)
    until = timezone.now() + timedelta(minutes=1)
    await in_db(lambda: rows.update(host="another-machine:1:2", host_until=until))
    one = tab(world)
    assert (await one.until(lambda: one.closed))[0] == 4409
    await in_db(lambda: rows.update(host=f"{own_name().rsplit(':', 2)[0]}:999999999:5", host_until=until))
    two = tab(world)
    await two.opened(world.document.pk)


async def test_what_was_saved_survives_a_restart_and_the_file_is_up_to_date(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    one.type(id, 0, "kept 😀 ")
    await one.until(lambda: one.of(protocol.SyncStatus))
    await close_all()
    assert (await one.until(lambda: one.closed))[0] == 4012
    assert live_host(world.workspace.pk) is None
    assert world.file.read_text() == "kept 😀 " + TEXT
    two = tab(world)
    await two.opened(id)
    assert two.text(id) == "kept 😀 " + TEXT


async def test_a_renamed_file_keeps_its_document(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    host = await host_of(world.workspace.pk)
    host.files.move("a.py", "b 😀.py")
    await tell(FileChange(host.workspace_id, "moved", "a.py", "b 😀.py"))
    await one.until(lambda: {"type": "document.moved", "document": id, "path": "b 😀.py"} in one.events)
    since = len(one.events)
    one.type(id, 0, "x")
    await one.until(lambda: [e for e in one.events[since:] if e["type"] == "document.disk" and e["on_disk"]])
    assert (world.workspace.folder / "b 😀.py").read_text() == "x" + TEXT
    assert (await host.open_path("b 😀.py")).id == id


async def test_a_new_file_is_made_only_when_asked_for(world: World) -> None:
    host = await host_of(world.workspace.pk)
    with pytest.raises(NotFound):
        await host.open_path("new/c.py")
    room = await host.open_path("new/c.py", create=True)
    await room.edit([Edit(0, 0, "made 😀")], "turn:t")
    await host.flush()
    assert (world.workspace.folder / "new/c.py").read_text() == "made 😀"


async def test_a_deleted_workspace_closes_its_sockets(world: World) -> None:
    one = tab(world)
    await one.until(lambda: one.events)
    await tell(FileChange(world.workspace.pk, "gone", ""))
    assert (await one.until(lambda: one.closed))[0] == 4404


async def test_the_watcher_brings_an_outside_change_by_itself(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    await one.until(lambda: one.events)
    world.file.write_text(TEXT + "by itself 🎉\n")
    await one.until(lambda: one.text(id) == TEXT + "by itself 🎉\n")


async def test_a_failed_commit_sends_the_tab_back_and_nothing_is_lost(world: World) -> None:
    def fail(size: int) -> None:
        raise OSError("disk full")

    one, id = tab(world), world.document.pk
    await one.opened(id)
    store.before_commit = fail
    try:
        one.type(id, 0, "unsaved 😀 ")
        assert (await one.until(lambda: one.closed))[0] == 4012
    finally:
        store.before_commit = None
    assert not [f for f in one.of(protocol.SyncStatus) if f.document == id and f.applied][1:]
    two = tab(world)
    two.docs[id] = one.docs[id]
    two.raw(protocol.token(id, ""))
    two.raw(protocol.step_1(id, one.docs[id].get_state()))
    await two.until(lambda: protocol.SyncStatus(id, True) in two.frames)
    assert (await host_of(world.workspace.pk)).rooms[id].text() == "unsaved 😀 " + TEXT
