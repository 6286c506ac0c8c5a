"""Documents of a live workspace: closed when nobody uses them, opened again, fenced by the lease, kept whole."""

from __future__ import annotations

import asyncio
import time

import pytest
from django.db.models import F
from pycrdt import Doc, Text, merge_updates

from ide.db import in_db
from ide.documents import protocol
from ide.documents.models import ClientId, Document, DocumentUpdate, Quarantined, Snapshot
from ide.documents.text import Edit
from ide.documents.yjs.replica import Replica
from ide.live import lease
from ide.live.host import WorkspaceHost, close_all, host_of
from ide.workspaces.models import Workspace
from tests.live.conftest import TEXT, World
from tests.live.tab import Tab

pytestmark = pytest.mark.usefixtures("closed_hosts")

POISON = bytes.fromhex("0102cddb70000401047465787401610400cddb7000016200")  # text inside of a letter


def tab(world: World, who: str = "owner") -> Tab:
    return Tab(world.workspace.pk, getattr(world, who))


def acknowledged(one: Tab, id: str) -> int:
    return sum(frame.document == id and frame.applied for frame in one.of(protocol.SyncStatus))


async def saved(one: Tab, id: str, text: str) -> None:
    """Type, and wait until it is acknowledged; the first acknowledgement is that of the first sync."""
    before = await one.until(lambda: acknowledged(one, id))
    one.type(id, 0, text)
    await one.until(lambda: acknowledged(one, id) > before)


# --- idle documents --------------------------------------------------------------------------------------------------


async def test_a_document_nobody_uses_is_saved_compacted_and_closed_and_opens_again(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    await saved(one, id, "kept 😀 ")
    host = await host_of(world.workspace.pk)
    room = host.rooms[id]
    await host.close_idle(0)
    assert id in host.rooms  # a peer is here
    one.raw(protocol.close(id, "closed"))
    await one.call("workspace.open")
    await host.flush()
    await unused(host, id)
    assert (room.closed, id in host.rooms) == (True, False)
    assert world.file.read_text() == "kept 😀 " + TEXT
    assert await in_db(Snapshot.objects.filter(document=id).exclude(sha="").count) == 1
    two = tab(world, "editor")
    await two.opened(id)
    assert two.text(id) == "kept 😀 " + TEXT


async def unused(host: WorkspaceHost, id: str) -> None:
    """Close what nobody uses, once its last save is done."""
    async with asyncio.timeout(10):
        while (document := host.document(id)) is not None:
            await host.close_idle(0)
            await asyncio.sleep(0.05 if document.in_use else 0)


async def test_who_holds_a_room_or_observes_it_keeps_it_open(world: World) -> None:
    host = await host_of(world.workspace.pk)
    room = await host.open_room(world.document.pk)
    with room.hold():
        await host.close_idle(0)
        assert not room.closed
    room.observe(print)
    await host.close_idle(0)
    assert not room.closed
    room.unobserve(print)
    await unused(host, room.id)
    assert room.closed


async def test_who_comes_while_a_document_is_being_closed_finds_it_open(world: World) -> None:
    host, id = await host_of(world.workspace.pk), world.document.pk
    room = await host.open_room(id)
    await room.edit([Edit(0, 0, "x")], "turn:t")
    await host.flush()
    document = host.document(id)
    assert document is not None
    async with asyncio.timeout(10):
        while document.in_use:
            await asyncio.sleep(0.05)
    closing = asyncio.ensure_future(host.close_idle(0))
    await asyncio.sleep(0)  # it has begun to save
    one = tab(world)
    await one.opened(id)
    await closing
    assert host.rooms[id] is room
    await saved(one, id, "here ")
    assert room.text() == "here x" + TEXT


# --- what cannot be applied ------------------------------------------------------------------------------------------


async def test_a_message_that_breaks_the_replica_is_kept_aside_and_the_others_go_on(world: World) -> None:
    bad, good, id = tab(world, "editor"), tab(world), world.document.pk
    await bad.opened(id)
    await good.opened(id)
    bad.raw(protocol.update(id, POISON))
    await bad.until(lambda: bad.closed)
    await saved(good, id, "fine 😀 ")
    assert good.closed is None
    host = await host_of(world.workspace.pk)
    await host.store.drain()
    kept = await in_db(lambda: list(Quarantined.objects.values_list("origin", "seq")))
    assert kept == [(f"person:{world.editor.pk}", None)]


async def test_a_row_of_the_log_that_cannot_be_applied_is_left_out_and_people_are_told(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    await saved(one, id, "kept 😀 ")
    await close_all()

    def spoil() -> None:
        row = DocumentUpdate.objects.filter(document=id).latest("seq")
        row.pk, row.seq, row.data = None, row.seq + 1, b"\x07\x07\x07"  # no update at all, as after a bad disk block
        row.save(force_insert=True)
        Document.objects.filter(pk=id).update(seq=F("seq") + 1)

    await in_db(spoil)
    two = tab(world)
    await two.opened(id)
    assert two.text(id) == "kept 😀 " + TEXT
    await two.until(lambda: [e for e in two.events if e["type"] == "document.notice" and e["tone"] == "bad"])
    await saved(two, id, "more ")
    assert await in_db(Quarantined.objects.filter(document=id, seq__isnull=False).count) == 1


async def test_a_live_text_that_is_not_what_its_log_says_is_read_again(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    await saved(one, id, "kept 😀 ")
    host = await host_of(world.workspace.pk)

    def spoil() -> None:  # a row that never was in the live text, as where pycrdt and the log would part
        doc: Doc[Text] = Doc(client_id=80_001)
        doc.get("text", type=Text).insert(0, "in the log ")
        end = Document.objects.get(pk=id)
        DocumentUpdate.objects.filter(document=id, epoch=end.epoch, seq=end.seq).update(
            data=merge_updates(bytes(DocumentUpdate.objects.get(document=id, seq=end.seq).data), doc.get_update())
        )

    await in_db(spoil)
    document = host.document(id)
    assert document is not None
    await document.compact()
    assert (await one.until(lambda: one.closed))[0] == 4012
    assert [e for e in one.events if e["type"] == "document.notice" and "differed" in e["text"]]
    await host.rooms[id].whole()
    assert host.rooms[id].text().replace("in the log ", "") == "kept 😀 " + TEXT
    assert "in the log " in host.rooms[id].text()
    two = tab(world, "editor")
    await two.opened(id)
    assert two.text(id) == host.rooms[id].text()
    await saved(two, id, "more ")
    kept = await in_db(Quarantined.objects.get, document=id)
    assert (kept.origin, kept.reason) == ("", "the log reads differently from the live text")
    assert Replica([bytes(kept.data)]).text() == "kept 😀 " + TEXT
    await document.compact()
    assert await in_db(Snapshot.objects.filter(document=id).exclude(sha="").count) == 1


async def test_client_ids_are_in_the_database_with_what_they_wrote(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    await saved(one, id, "a")
    owners = dict(await in_db(lambda: list(ClientId.objects.filter(document=id).values_list("client", "origin"))))
    assert owners == {1: "seed", one.docs[id].client_id: f"person:{world.owner.pk}"}


# --- epochs ----------------------------------------------------------------------------------------------------------


async def test_a_replica_of_another_epoch_is_denied_and_the_socket_stays(world: World) -> None:
    one, id = tab(world), world.document.pk
    one.docs[id] = Doc()
    one.raw(protocol.token(id, "cookie#epoch=7"))
    refusal = await one.until(lambda: one.of(protocol.Access))
    assert (refusal[-1].scope, refusal[-1].reason) == ("", "epoch")
    assert one.closed is None
    one.raw(protocol.token(id, "cookie#epoch=1"))
    await one.until(lambda: one.of(protocol.Access)[-1].scope == "read-write")


async def test_a_client_that_insists_on_another_epoch_is_closed_4410(world: World) -> None:
    one, id = tab(world), world.document.pk
    one.docs[id] = Doc()
    for _ in range(4):
        one.raw(protocol.token(id, "cookie#epoch=7"))
        count = len(one.of(protocol.Access))
        await one.until(lambda count=count: one.closed or len(one.of(protocol.Access)) > count)
    assert (await one.until(lambda: one.closed))[0] == 4410


async def test_ids_of_an_old_epoch_in_a_state_vector_are_recognised(world: World) -> None:
    id = world.document.pk
    await in_db(lambda: ClientId.objects.create(document_id=id, epoch=7, client=70_001, origin="person:1"))
    one = tab(world)
    one.docs[id] = Doc(client_id=70_001)
    one.docs[id].get("text", type=Text).insert(0, "old")
    one.raw(protocol.token(id, "cookie"))
    one.raw(protocol.step_1(id, one.docs[id].get_state()))
    await one.until(lambda: protocol.Access(id, "", "epoch") in one.frames)
    assert (await host_of(world.workspace.pk)).rooms[id].text() == TEXT


# --- the lease -------------------------------------------------------------------------------------------------------


def taken_by_another(world: World) -> None:
    Workspace.objects.filter(pk=world.workspace.pk).update(host="elsewhere/1/2:3:4", host_epoch=F("host_epoch") + 1)


def run_out(host: WorkspaceHost) -> None:
    """As after a pause longer than the lease."""
    held = lease.Lease(host.workspace_id, host.lease.epoch, time.monotonic() - 1000)
    held.on_lost = host.lease.on_lost
    host.lease = held


async def test_after_a_pause_a_host_asks_before_it_acknowledges_and_goes_on_if_nobody_came(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    host = await host_of(world.workspace.pk)
    run_out(host)
    assert not host.lease.good
    await saved(one, id, "after a pause ")
    assert host.lease.good
    await host.flush()
    assert world.file.read_text() == "after a pause " + TEXT


async def test_after_a_pause_the_log_has_edits_in_the_order_they_came(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    host = await host_of(world.workspace.pk)
    room = await host.open_room(id)
    run_out(host)
    early = room.edit([Edit(0, 0, "early ")], "person:1")
    renewed = asyncio.ensure_future(host.lease.renew())  # the lease is good again before the late edit has its turn
    while not host.lease.good:
        await asyncio.sleep(0)
    late = room.edit([Edit(0, 0, "late ")], "person:1")
    await asyncio.gather(early, late, renewed)
    rows = await in_db(lambda: list(DocumentUpdate.objects.order_by("seq").values_list("data", flat=True)))
    texts = [Replica([bytes(row) for row in rows[:upto]]).text() for upto in range(len(rows) + 1)]
    assert texts[-2:] == ["early " + TEXT, "late early " + TEXT]


async def test_after_a_pause_a_host_that_was_succeeded_writes_nothing_and_says_where(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    host = await host_of(world.workspace.pk)
    await in_db(taken_by_another, world)
    run_out(host)
    rows = await in_db(DocumentUpdate.objects.count)
    statuses = await one.until(lambda: acknowledged(one, id))
    one.type(id, 0, "fenced ")
    code, reason = await one.until(lambda: one.closed)
    assert (code, reason.startswith("hosted elsewhere")) == (4409, True)
    assert acknowledged(one, id) == statuses
    assert await in_db(DocumentUpdate.objects.count) == rows
    assert world.file.read_text() == TEXT
    two = tab(world)
    assert (await two.until(lambda: two.closed)) == (4409, "hosted elsewhere: elsewhere")


async def test_a_lease_that_has_run_out_is_taken_whoever_held_it(world: World) -> None:
    first = await in_db(lease.claim, world.workspace.pk)
    await in_db(taken_by_another, world)
    with pytest.raises(lease.HostedElsewhere):
        await in_db(lease.claim, world.workspace.pk)
    await in_db(
        lambda: Workspace.objects.filter(pk=world.workspace.pk).update(host_until=F("created_at"))  # long past
    )
    second = await in_db(lease.claim, world.workspace.pk)
    assert second.epoch == first.epoch + 2
    await first.renew()
    assert (first.lost, first.good) == (True, False)
    await second.renew()
    assert second.good
