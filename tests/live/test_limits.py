"""Limits of the main socket: at the limit it works, beyond it the code is the promised one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pycrdt import Text

from ide.db import in_db
from ide.documents import protocol
from ide.documents.models import Document
from ide.documents.yjs.replica import Replica
from ide.live.host import host_of
from ide.live.limits import BACKLOG_BYTES, BURST_BYTES, Bucket, Intake, Pace, Person
from tests.live.conftest import World
from tests.live.tab import Tab

pytestmark = pytest.mark.usefixtures("closed_hosts")


def tab(world: World, who: str = "owner") -> Tab:
    return Tab(world.workspace.pk, getattr(world, who))


async def test_a_paste_of_almost_8_mib_is_saved(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    await one.until(lambda: protocol.SyncStatus(id, True) in one.frames)
    one.type(id, 0, "y" * ((8 << 20) - 100))
    await one.until(lambda: one.of(protocol.SyncStatus).count(protocol.SyncStatus(id, True)) == 2)
    assert one.closed is None


async def test_a_message_over_8_mib_closes_its_sender_4400(world: World) -> None:
    one, other, id = tab(world), tab(world, "editor"), world.document.pk
    await one.opened(id)
    await other.opened(id)
    one.type(id, 0, "y" * ((8 << 20) + 2000))
    assert (await one.until(lambda: one.closed))[0] == 4400
    assert other.closed is None


async def test_a_document_too_large_for_one_frame_is_denied(world: World) -> None:
    one, id = tab(world), world.document.pk
    await one.opened(id)
    room = (await host_of(world.workspace.pk)).rooms[id]
    huge = Replica()
    huge.root += "y" * (17 << 20)
    room.restore(huge)
    two = tab(world, "editor")
    two.open(id)
    refusal = await two.until(lambda: [f for f in two.of(protocol.Access) if not f.scope])
    assert refusal[0].reason == "it is too large to be sent"
    assert two.closed is None


async def test_a_person_may_have_so_many_sockets_and_not_one_more(world: World, settings: Any) -> None:
    settings.SOCKETS_PER_PERSON = 2
    tabs = [tab(world), tab(world)]
    for one in tabs:
        await one.until(lambda one=one: one.events)
    third, other = tab(world), tab(world, "editor")
    assert (await third.until(lambda: third.closed))[0] == 4429
    await other.until(lambda: other.events)
    await tabs[0].leave()
    again = tab(world)
    await again.until(lambda: again.events)
    assert again.closed is None


async def test_a_workspace_takes_so_many_sockets_and_not_one_more(world: World, settings: Any) -> None:
    settings.SOCKETS_PER_WORKSPACE = 1
    one = tab(world)
    await one.until(lambda: one.events)
    two = tab(world, "editor")
    assert (await two.until(lambda: two.closed))[0] == 4429


async def test_of_too_many_cursor_messages_the_newest_arrives(world: World) -> None:
    one, two, id = tab(world), tab(world, "editor"), world.document.pk
    await one.opened(id)
    await two.opened(id)
    for n in range(1, 101):
        entry = protocol.Presence(one.docs[id].client_id, n, json.dumps({"cursor": n}))
        one.raw(protocol.awareness(id, protocol.encode_awareness([entry])))

    def cursors() -> list[int]:
        seen = [protocol.decode_awareness(f.data)[0].state for f in two.of(protocol.Awareness) if f.document == id]
        return [json.loads(state)["cursor"] for state in seen]

    await two.until(lambda: 100 in cursors())
    assert len(cursors()) < 40


async def test_a_cursor_state_over_4_kib_is_left_out(world: World) -> None:
    one, two, id = tab(world), tab(world, "editor"), world.document.pk
    await one.opened(id)
    await two.opened(id)
    for n, size in ((1, 5000), (2, 3000)):
        entry = protocol.Presence(one.docs[id].client_id, n, json.dumps({"pad": "x" * size}))
        one.raw(protocol.awareness(id, protocol.encode_awareness([entry])))
    seen = await two.until(lambda: [f for f in two.of(protocol.Awareness) if f.document == id])
    assert [len(json.loads(protocol.decode_awareness(f.data)[0].state)["pad"]) for f in seen] == [3000]


def test_a_bucket_lets_a_burst_through_and_then_says_how_long_to_wait() -> None:
    bucket = Bucket(1000, 5000)
    assert bucket.spend(5000) == 0
    assert 0.9 < bucket.spend(1000) <= 1.0


class Wire:
    """What a client sends: as much as is asked for."""

    def __init__(self, size: int) -> None:
        self.size, self.sent = size, 0

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.sent += self.size
        return {"type": "websocket.receive", "bytes": bytes(self.size)}


async def test_who_floods_is_read_more_slowly_and_what_piles_up_is_bounded() -> None:
    wire = Wire(1 << 20)
    intake = Intake(wire.receive, Person())
    handled = 0
    async with asyncio.timeout(30):
        while not intake.overrun:
            handled += len((await intake.next())["bytes"])
    assert BURST_BYTES <= handled <= BURST_BYTES + (4 << 20)
    assert wire.sent - handled <= BACKLOG_BYTES + wire.size


async def test_a_flood_closes_its_sender_4429_and_nobody_else(world: World) -> None:
    one, other, id = tab(world), tab(world, "editor"), world.document.pk
    await other.opened(id)
    await one.opened(id)
    frame = protocol.query_awareness(id) + bytes(4 << 20)  # what follows a message is ignored, but counted
    for _ in range((BURST_BYTES + BACKLOG_BYTES) // len(frame) + 3):
        one.raw(frame)
    assert (await one.until(lambda: one.closed))[0] == 4429
    statuses = len(other.of(protocol.SyncStatus))
    other.type(id, 0, "fine 😀 ")
    await other.until(lambda: len(other.of(protocol.SyncStatus)) > statuses)
    assert other.closed is None


async def test_all_sockets_of_a_person_share_one_measure() -> None:
    sender = Person()
    first, second = (Intake(Wire(1 << 20).receive, sender) for _ in range(2))
    for _ in range(8):
        await first.next()
    for _ in range(2):
        await second.next()
    loop = asyncio.get_running_loop()
    before = loop.time()
    await second.next()
    assert loop.time() - before > 0.2 or second.overrun


async def test_what_waited_is_handled_in_order() -> None:
    numbers = iter(range(1000))

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "websocket.receive", "bytes": next(numbers).to_bytes(4, "big") + bytes(300_000)}

    intake = Intake(receive, Person())
    seen = [int.from_bytes((await intake.next())["bytes"][:4], "big") for _ in range(40)]
    assert seen == list(range(40))


async def test_a_pace_delivers_at_once_while_there_is_room() -> None:
    seen: list[int] = []
    pace = Pace(seen.append)
    for n in range(5):
        pace.offer(n)
    assert seen == [0, 1, 2, 3, 4]
    pace.stop()


async def test_a_reader_that_never_reads_costs_no_more_than_its_outbox(world: World) -> None:
    slow, other, id = tab(world), tab(world, "editor"), world.document.pk
    await slow.opened(id)
    await other.opened(id)
    slow.pongs = False
    host = await host_of(world.workspace.pk)
    outbox = next(p.outbox for p in host.participants.values() if p.user_id == world.owner.pk)
    text = other.docs[id].get("text", type=Text)
    for n in range(12):
        other.type(id, 0, f"{n}" * 500_000)
        await other.until(lambda n=n: other.of(protocol.SyncStatus).count(protocol.SyncStatus(id, True)) == n + 2)
    assert outbox.held
    assert outbox.unacknowledged < 3 << 20
    slow.pongs = True
    for _ in slow.of(protocol.Ping):
        slow.raw(protocol.PONG_FRAME)
    await slow.until(lambda: slow.text(id) == str(text))


async def test_large_documents_opened_together_come_one_after_another_to_who_reads_slowly(world: World) -> None:
    def make(name: str) -> str:
        (world.workspace.folder / name).write_text(f"{name} 😀 " * 200_000)
        return Document.objects.create(workspace=world.workspace, path=name).pk

    ids = [await in_db(make, f"large{n}.txt") for n in range(4)]
    slow = tab(world)
    slow.pongs, pongs = False, 0
    for id in ids:
        slow.open(id)
    for n, _ in enumerate(ids, 1):
        await slow.until(lambda n=n: sum(frame.step2 for frame in slow.of(protocol.SyncUpdate)) == n)
        assert "result" in await slow.call("ping")  # what was asked before is answered, and nothing more comes
        assert sum(frame.step2 for frame in slow.of(protocol.SyncUpdate)) == n
        for _ in slow.of(protocol.Ping)[pongs:]:
            slow.raw(protocol.PONG_FRAME)
        pongs = len(slow.of(protocol.Ping))
    assert slow.closed is None
    assert all(slow.text(id).endswith("😀 ") for id in ids)
