"""Rooms with real pycrdt clients: convergence, roles, acknowledgements, anchors, presence, hostile input."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text, get_update, merge_updates

from ide.documents import protocol
from ide.documents.room import Edit, ModelClient, Room
from ide.documents.room.author import ROTATE_BYTES
from ide.documents.room.clients import Claim, Clients
from ide.documents.yjs.replica import Replica
from ide.errors import Busy, Unavailable

POISON = bytes.fromhex("0102cddb70000401047465787401610400cddb7000016200")  # text inside of a letter


class Log:
    """The log and the keeper of a room: commits at once, or when told; notes what it is asked for."""

    def __init__(self, at_once: bool = True) -> None:
        self.rows: list[bytes] = []
        self.origins: list[str] = []
        self.owners: dict[int, str] = {}
        self.relayed: dict[int, str] = {}
        self.kept_aside: list[tuple[str, bytes]] = []
        self.at_once = at_once
        self.open: list[asyncio.Future[int]] = []
        self.breaks = 0

    def append(self, data: bytes, origin: str, claims: Sequence[Claim]) -> asyncio.Future[int]:
        self.rows.append(data)
        self.origins.append(origin)
        for client, owner, relayed_by in claims:
            self.owners[client] = owner
            self.relayed[client] = relayed_by
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.open.append(future)
        if self.at_once:
            self.commit()
        return future

    def claim(self, client: int, origin: str) -> None:
        self.owners[client] = origin

    def quarantine(self, origin: str, reason: str, data: bytes) -> None:
        self.kept_aside.append((origin, data))

    def changed(self, origin: str) -> None:
        pass

    def broken(self) -> None:
        self.breaks += 1

    def commit(self) -> None:
        for n, future in enumerate(self.open):
            future.set_result(len(self.rows) - len(self.open) + n + 1)
        self.open.clear()

    def restore(self, room: Room) -> None:
        """The host's part after a break."""
        room.restore(Replica(self.rows), 1, len(self.rows), Clients(self.owners))


class Client:
    """A Yjs client beside the room, as a browser is: it has a document of its own and reads its frames."""

    def __init__(self, room: Room, person: int = 1, can_edit: bool = True) -> None:
        self.room, self.can_edit = room, can_edit
        self.name = room.id
        self.person: dict[str, Any] = {"id": person, "name": f"P{person}", "colour": person}
        self.doc: Doc[Text] = Doc()
        self.root = self.doc.get("text", type=Text)
        self.frames: list[protocol.Message] = []
        self.closed: tuple[int, str] | None = None
        room.add_peer(self)

    def send(self, frame: bytes, droppable: bool = False) -> None:
        message = protocol.decode(frame)
        self.frames.append(message)
        if isinstance(message, protocol.SyncUpdate):
            self.doc.apply_update(message.update)
        elif isinstance(message, protocol.SyncStep1):
            self.say(protocol.SyncUpdate(self.name, self.doc.get_update(message.state), True))

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self.room.remove_peer(self)

    def refuse(self, reason: str) -> None:
        self.frames.append(protocol.Access(self.name, "", reason))
        self.room.remove_peer(self)

    def say(self, message: protocol.Message) -> None:
        self.room.receive(self, message)

    def join(self) -> None:
        self.say(protocol.SyncStep1(self.name, self.doc.get_state()))

    def type(self, at: int, text: str) -> bytes:
        """Insert at a byte offset, and send the update."""
        before = self.doc.get_state()
        self.root.insert(at, text)
        update = self.doc.get_update(before)
        self.say(protocol.SyncUpdate(self.name, update, False))
        return update

    def of(self, kind: type) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


def make_room(log: Log | None = None) -> tuple[Room, Log]:
    log = log or Log()
    room = Room("doc", "a.py", log)
    room.restore(Replica())
    return room, log


async def turn() -> None:
    """One turn of the loop, and what it calls."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_two_clients_converge_over_concurrent_edits_with_emoji() -> None:
    room, log = make_room()
    one, two = Client(room, 1), Client(room, 2)
    one.join()
    two.join()
    one.type(0, "héllo 😀\n")
    await turn()
    one.type(0, "one 👩‍👧 ")
    two.type(len("héllo 😀".encode()), " two 🎉")
    await turn()
    assert str(one.root) == str(two.root) == room.text() == "one 👩‍👧 héllo 😀 two 🎉\n"
    assert set(log.origins) == {"person:1", "person:2"}


async def test_a_single_update_is_relayed_byte_for_byte_and_not_to_its_sender() -> None:
    room, log = make_room()
    one, two = Client(room, 1), Client(room, 2)
    update = one.type(0, "x😀")
    await turn()
    assert two.of(protocol.SyncUpdate) == [protocol.SyncUpdate("doc", update, False)]
    assert one.of(protocol.SyncUpdate) == []
    assert log.rows == [update]


async def test_what_arrives_in_one_turn_leaves_as_one_frame_per_peer() -> None:
    room, _ = make_room()
    one, two, three = Client(room, 1), Client(room, 2), Client(room, 3)
    for n in range(20):
        one.type(0, f"{n}😀")
    two.type(0, "two")
    await turn()
    assert len(three.of(protocol.SyncUpdate)) == 1
    assert len(one.of(protocol.SyncUpdate)) == 1
    assert str(one.root) == str(two.root) == str(three.root) == room.text()


async def test_sync_status_follows_the_commit_one_for_each_message() -> None:
    room, log = make_room(Log(at_once=False))
    one = Client(room)
    one.join()  # its answer to our step 1 is empty and needs no commit
    one.type(0, "a😀")
    one.type(0, "b")
    await turn()
    assert one.of(protocol.SyncStatus) == [protocol.SyncStatus("doc", True)]
    log.commit()
    await turn()
    assert one.of(protocol.SyncStatus) == [protocol.SyncStatus("doc", True)] * 3


async def test_a_reader_is_refused_and_nobody_sees_the_edit() -> None:
    room, log = make_room()
    writer, reader = Client(room, 1), Client(room, 2, can_edit=False)
    writer.type(0, "kept 😀")
    await turn()
    reader.type(0, "refused")
    await turn()
    assert reader.of(protocol.SyncStatus) == [protocol.SyncStatus("doc", False)]
    assert room.text() == str(writer.root) == "kept 😀"
    assert len(log.rows) == 1


async def test_a_reader_that_only_repeats_what_is_known_is_in_sync() -> None:
    room, _ = make_room()
    writer = Client(room, 1)
    writer.type(0, "kept 😀")
    del writer.root[0:2]
    writer.say(protocol.SyncUpdate("doc", writer.doc.get_update(), False))
    await turn()
    reader = Client(room, 2, can_edit=False)
    reader.join()
    await turn()
    assert reader.of(protocol.SyncStatus) == [protocol.SyncStatus("doc", True)]


async def test_edits_of_the_server_reach_everybody_and_observers_hear_the_origin() -> None:
    room, log = make_room()
    one = Client(room)
    heard: list[str] = []
    room.observe(heard.append)
    await room.edit([Edit(0, 0, "ab😀cd\n")], "turn:t1")
    await room.edit([Edit(2, 3, "🎉🎉"), Edit(0, 1, ""), Edit(6, 6, "end")], "turn:t1")
    assert room.text() == str(one.root) == "b🎉🎉cd\nend"
    assert heard == ["turn:t1", "turn:t1"]
    assert log.origins == ["turn:t1", "turn:t1"]
    with pytest.raises(ValueError, match="overlaps"):
        room.edit([Edit(0, 3, ""), Edit(2, 4, "")], "turn:t1")


async def test_an_edit_speaks_of_the_text_with_all_that_has_arrived() -> None:
    room, _ = make_room()
    one = Client(room)
    one.type(0, "😀😀")
    room.edit([Edit(2, 2, "!")], "job:j")  # in the same turn of the loop
    assert room.text() == str(one.root) == "😀😀!"


async def test_a_long_stream_takes_a_new_client_id_every_16_kib() -> None:
    room, _ = make_room()
    client, ids, at = ModelClient(), set(), 0
    for _ in range(3 * ROTATE_BYTES // 1000):
        room.edit([Edit(at, at, "😀" + "x" * 999)], "turn:t", client=client)
        at += 1000
        ids.add(client.client_id)
    assert len(ids) == 3
    assert room.text() == ("😀" + "x" * 999) * (at // 1000)


steps = st.lists(
    st.tuples(st.integers(0, 80), st.integers(0, 3), st.lists(st.sampled_from("a😀é漢\n"), max_size=4).map("".join)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps, st.data())
def test_anchors_stay_with_their_character_and_cross_the_wire(
    changes: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    async def run() -> None:
        room, _ = make_room()
        writers = [ModelClient(), ModelClient()]
        text, marks, count, held = "", [], 0, []
        for n, (at, removed, new) in enumerate(changes):
            start = min(at, len(text))
            end = min(start + removed, len(text))
            room.edit([Edit(start, end, new)], "turn:t", client=writers[n % 2])
            text = text[:start] + new + text[end:]
            marks[start:end] = range(count, count + len(new))
            count += len(new)
            assert room.text() == text
            index, assoc = data.draw(st.integers(0, len(text))), data.draw(st.sampled_from([-1, 0]))
            anchor = room.anchor(index, assoc)
            assert anchor.index() == index
            mark = (index and marks[index - 1]) if assoc < 0 else (marks[index] if index < len(text) else "end")
            held.append((anchor, assoc, "start" if assoc < 0 and index == 0 else mark))
            for anchor, assoc, mark in held:
                assert room.index_of(anchor.wire()) == anchor.index()
                if mark == "start":
                    assert anchor.index() == 0
                elif mark == "end":
                    assert anchor.index() == len(text)
                elif mark in marks:
                    assert anchor.index() == marks.index(mark) + (assoc < 0)

    asyncio.run(run())


@pytest.mark.parametrize("wire", ["", "!!", "AAAA", "AE0F", "AQNmb28A", "/////w==", "AP////////8PAQA="])
async def test_a_hostile_anchor_is_no_position(wire: str) -> None:
    room, _ = make_room()
    room.edit([Edit(0, 0, "ab😀")], "disk")
    assert room.index_of(wire) is None


async def test_presence_carries_the_servers_person_and_ends_with_the_peer() -> None:
    room, _ = make_room()
    one, two = Client(room, 1), Client(room, 2)
    state = json.dumps({"cursor": 3, "person": {"id": 99, "name": "Mallory 😀"}})
    one.say(protocol.Awareness("doc", protocol.encode_awareness([protocol.Presence(70_001, 1, state)])))
    (entry,) = protocol.decode_awareness(two.of(protocol.Awareness)[0].data)
    assert json.loads(entry.state) == {"cursor": 3, "person": {"id": 1, "name": "P1", "colour": 1}}
    two.say(protocol.Awareness("doc", protocol.encode_awareness([protocol.Presence(70_001, 5, "null")])))
    assert one.of(protocol.Awareness) == []  # not two's client id
    room.remove_peer(one)
    assert protocol.decode_awareness(two.of(protocol.Awareness)[-1].data)[0].state == "null"


async def test_an_update_that_does_not_decode_closes_its_sender_only() -> None:
    room, log = make_room()
    bad, good = Client(room, 1), Client(room, 2)
    bad.say(protocol.SyncUpdate("doc", b"\xff\xff\xff", False))
    bad.say(protocol.Awareness("doc", b"\xff"))
    good.type(0, "😀")
    await turn()
    assert bad.closed is not None
    assert bad.closed[0] == 4400
    assert (good.closed, room.text(), len(log.rows)) == (None, "😀", 1)


@pytest.mark.parametrize("in_one_turn", [False, True])
async def test_messages_that_make_the_crdt_panic_close_their_sender_and_lose_nothing(in_one_turn: bool) -> None:
    room, log = make_room()
    bad, good = Client(room, 1), Client(room, 2)
    good.type(0, "kept 😀 ")
    await turn()
    bad.say(protocol.SyncUpdate("doc", POISON, False))
    if not in_one_turn:
        await turn()
    good.type(0, "also ")
    await turn()
    while room.broken:
        log.restore(room)
        await turn()
    assert bad.closed is not None
    assert bad.closed[0] == 4008
    assert good.closed is None
    assert room.text() == str(good.root) == "also kept 😀 "
    assert POISON not in log.rows
    assert log.kept_aside == [("person:1", POISON)]
    good.type(0, "still ")
    await turn()
    assert room.text() == "still also kept 😀 "
    assert len(good.of(protocol.SyncStatus)) == 3


async def test_a_failed_commit_throws_the_replica_away_and_sends_everybody_back() -> None:
    log = Log(at_once=False)
    room, _ = make_room(log)
    one = Client(room)
    one.type(0, "unsaved 😀")
    await turn()
    log.open.pop().set_exception(OSError("disk full"))
    await turn()
    assert (room.broken, log.breaks) == (True, 1)
    assert one.of(protocol.SyncStatus) == []
    assert one.closed is not None
    assert one.closed[0] == 4012
    room.restore(Replica())
    again = Client(room)
    again.doc.apply_update(one.doc.get_update())
    again.join()
    await turn()
    assert room.text() == "unsaved 😀"


async def test_a_gapped_update_is_kept_and_heals() -> None:
    room, log = make_room()
    one = Client(room)
    source: Doc[Text] = Doc()
    root = source.get("text", type=Text)
    root += "one 😀 "
    first = source.get_update()
    state = source.get_state()
    root += "two"
    second = get_update(source.get_update(), state)
    one.say(protocol.SyncUpdate("doc", second, False))
    await turn()
    assert room.text() == ""
    room.restore(Replica([merge_updates(*log.rows, b"\x00\x00")]))
    one.say(protocol.SyncUpdate("doc", first, False))
    await turn()
    assert room.text() == "one 😀 two"


async def test_a_sync_reply_is_answered_but_asks_no_question_back() -> None:
    room, _ = make_room()
    one = Client(room)
    one.say(protocol.SyncStep1("doc", one.doc.get_state(), True))
    assert one.of(protocol.SyncStep1) == []
    assert len(one.of(protocol.SyncUpdate)) == 1
    one.join()
    assert len(one.of(protocol.SyncStep1)) == 1


async def test_who_asks_for_awareness_is_told_who_is_here_and_a_stateless_message_is_nobodys() -> None:
    room, log = make_room()
    one, two = Client(room, 1), Client(room, 2)
    entry = protocol.Presence(one.doc.client_id, 1, '{"cursor":1}')
    one.say(protocol.Awareness("doc", protocol.encode_awareness([entry])))
    two.frames.clear()
    two.say(protocol.QueryAwareness("doc"))
    assert protocol.decode_awareness(two.of(protocol.Awareness)[0].data)[0].client == one.doc.client_id
    one.frames.clear()
    two.say(protocol.Stateless("doc", "hello"))
    await turn()
    assert (one.frames, two.closed, log.rows) == ([], None, [])


async def test_a_commit_that_fails_tells_the_servers_writers_too() -> None:
    log = Log(at_once=False)
    room, _ = make_room(log)
    written = room.edit([Edit(0, 0, "lost")], "turn:t")
    log.open.pop().set_exception(OSError("disk full"))
    await turn()
    assert written.cancelled()
    waiting = asyncio.ensure_future(room.whole())
    log.rows.clear()
    log.restore(room)
    await waiting
    assert room.text() == ""


async def test_a_closed_room_takes_no_edit_and_lets_nobody_wait() -> None:
    room, _ = make_room()
    room.close()
    with pytest.raises(Busy):
        room.edit([Edit(0, 0, "x")], "turn:t")
    with pytest.raises(Unavailable):
        await room.whole()
