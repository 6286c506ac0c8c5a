"""Whose a client id is: who may write under it, what is claimed, what is refused, and what an update is made of."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text, get_update, merge_updates

from ide.documents import protocol
from ide.documents.protocol import Malformed
from ide.documents.room import Edit, ModelClient
from ide.documents.room.clients import RESERVED, Clients
from ide.documents.yjs.replica import Replica, decode_state, salvaged
from ide.documents.yjs.structs import sections
from tests.documents.test_room import Client, make_room, turn


def presence(client: int, state: str = '{"cursor":1}') -> protocol.Awareness:
    return protocol.Awareness("doc", protocol.encode_awareness([protocol.Presence(client, 1, state)]))


def update_of(doc: Doc[Text], state: bytes | None = None) -> protocol.SyncUpdate:
    return protocol.SyncUpdate("doc", doc.get_update(state), False)


async def test_a_first_update_makes_its_client_id_its_senders_in_the_same_append() -> None:
    room, log = make_room()
    one, tab = Client(room, 1), Client(room, 1)
    one.type(0, "a😀")
    await turn()
    assert log.owners == {one.doc.client_id: "person:1"}
    one.type(0, "b")
    tab.type(0, "c")
    await turn()
    assert log.owners == {one.doc.client_id: "person:1", tab.doc.client_id: "person:1"}
    assert (one.closed, tab.closed) == (None, None)
    assert room.clients.owners == log.owners


async def test_a_first_awareness_claims_an_id_before_it_has_written() -> None:
    room, log = make_room()
    one, two = Client(room, 1), Client(room, 2)
    one.say(presence(one.doc.client_id))
    assert log.owners == {one.doc.client_id: "person:1"}
    two.say(presence(one.doc.client_id, '{"cursor":99}'))
    assert one.of(protocol.Awareness) == []
    assert len(two.of(protocol.Awareness)) == 1


async def test_who_writes_under_anothers_id_is_closed_and_nobody_else() -> None:
    room, log = make_room()
    alice, mallory = Client(room, 1), Client(room, 2)
    alice.type(0, "mine 😀")
    await turn()
    forged: Doc[Text] = Doc(client_id=alice.doc.client_id)
    forged.apply_update(alice.doc.get_update())
    before = forged.get_state()
    forged.get("text", type=Text).insert(0, "forged ")
    message = update_of(forged, before)
    mallory.say(message)
    alice.type(0, "still ")
    await turn()
    assert mallory.closed is not None
    assert mallory.closed[0] == 4008
    assert alice.closed is None
    assert room.text() == str(alice.root) == "still mine 😀"
    assert log.kept_aside == [("person:2", message.update)]
    assert message.update not in log.rows


async def test_an_id_that_was_only_announced_is_its_owners_too() -> None:
    room, _ = make_room()
    alice, mallory = Client(room, 1), Client(room, 2)
    alice.say(presence(alice.doc.client_id))
    mallory.doc = Doc(client_id=alice.doc.client_id)
    mallory.root = mallory.doc.get("text", type=Text)
    mallory.type(0, "first!")
    await turn()
    assert mallory.closed is not None
    assert room.text() == ""


async def test_deleting_what_others_wrote_is_no_forgery() -> None:
    room, log = make_room()
    one, two = Client(room, 1), Client(room, 2)
    one.type(0, "gone 😀 kept")
    await turn()
    before = two.doc.get_state()
    del two.root[0 : len("gone 😀 ".encode())]
    two.say(protocol.SyncUpdate("doc", two.doc.get_update(before), False))
    await turn()
    assert (two.closed, room.text(), str(one.root)) == (None, "kept", "kept")
    assert two.doc.client_id not in log.owners


async def test_an_update_that_repeats_what_others_wrote_claims_nothing_of_theirs() -> None:
    room, log = make_room()
    one, two = Client(room, 1), Client(room, 2)
    one.type(0, "one 😀 ")
    two.root.insert(0, "two ")
    one.say(update_of(one.doc))
    two.doc.apply_update(one.doc.get_update())
    two.say(update_of(two.doc))  # both clients' characters, in the same turn of the loop
    await turn()
    assert two.closed is None
    assert log.owners == {one.doc.client_id: "person:1", two.doc.client_id: "person:2"}
    assert room.text() == str(one.root) == str(two.root)


async def test_a_sync_step_2_brings_what_others_wrote_and_its_writer_is_known_when_they_come() -> None:
    room, log = make_room()
    lost: Doc[Text] = Doc()  # wrote, was relayed, and the server crashed before the commit
    lost.get("text", type=Text).insert(0, "not lost 😀")
    witness = Client(room, 2)
    witness.doc.apply_update(lost.get_update())
    witness.join()
    await turn()
    assert room.text() == "not lost 😀"
    assert (log.owners, log.relayed) == ({lost.client_id: ""}, {lost.client_id: "person:2"})
    writer = Client(room, 1)
    writer.doc = Doc(client_id=lost.client_id)
    writer.root = writer.doc.get("text", type=Text)
    writer.doc.apply_update(lost.get_update())
    writer.type(0, "and ")
    await turn()
    assert writer.closed is None
    assert log.owners == {lost.client_id: "person:1"}


async def test_a_sync_step_2_nobody_asked_for_is_an_update_like_others() -> None:
    room, _ = make_room()
    alice, mallory = Client(room, 1), Client(room, 2)
    mallory.join()
    alice.type(0, "mine")
    await turn()
    forged: Doc[Text] = Doc(client_id=alice.doc.client_id)
    forged.apply_update(alice.doc.get_update())
    forged.get("text", type=Text).insert(0, "forged ")
    mallory.say(protocol.SyncUpdate("doc", forged.get_update(alice.doc.get_state()), True))
    await turn()
    assert mallory.closed is not None
    assert room.text() == "mine"


async def test_writers_of_the_server_claim_ids_that_are_nobodys() -> None:
    room, log = make_room()
    seed, turn_client = ModelClient(1), ModelClient()
    await room.edit([Edit(0, 0, "seed 😀\n")], "seed", client=seed)
    await room.edit([Edit(0, 0, "model ")], "turn:t", client=turn_client)
    await room.edit([Edit(0, 0, "more ")], "turn:t", client=turn_client)
    await room.edit([Edit(0, 0, "disk ")], "disk")
    assert sorted(log.owners.values()) == ["disk", "seed", "turn:t"]
    assert log.owners[1] == "seed"
    assert all(client >= RESERVED for client, origin in log.owners.items() if origin != "seed")
    await room.edit([Edit(0, 0, "other ")], "turn:u", client=turn_client)  # a writer of one origin has its own id
    assert sorted(log.owners.values()) == ["disk", "seed", "turn:t", "turn:u"]


async def test_ids_of_the_server_cannot_be_used_by_people() -> None:
    room, log = make_room()
    one = Client(room, 1)
    one.say(presence(1))
    one.doc = Doc(client_id=1)
    one.root = one.doc.get("text", type=Text)
    one.type(0, "as if from the file")
    await turn()
    assert one.closed is not None
    assert (room.text(), log.owners) == ("", {})


async def test_a_replica_of_another_epoch_is_denied_before_it_is_merged() -> None:
    room, log = make_room()
    room.restore(Replica(), 2, 0, Clients({}, {70_001}))
    old: Doc[Text] = Doc(client_id=70_001)
    old.get("text", type=Text).insert(0, "old 😀")
    one, two = Client(room, 1), Client(room, 2)
    one.say(protocol.SyncStep1("doc", old.get_state()))
    two.say(update_of(old))
    await turn()
    denied = protocol.Access("doc", "", "epoch")
    assert denied in one.frames
    assert denied in two.frames
    assert (one.of(protocol.SyncUpdate), room.text(), log.rows) == ([], "", [])
    assert (one.closed, two.closed) == (None, None)  # their other documents go on


async def test_peers_are_denied_when_their_document_comes_back_in_another_epoch() -> None:
    room, _ = make_room()
    one = Client(room, 1)
    one.type(0, "x")
    await turn()
    room.abandon()
    room.restore(Replica(), 2, 0, Clients({}, {one.doc.client_id}))
    assert protocol.Access("doc", "", "epoch") in one.frames
    assert room.peers == []


async def test_the_epoch_behind_a_token_is_read() -> None:
    assert protocol.Token("d", "cookie#epoch=3").epoch == 3
    assert protocol.Token("d", "tdm_x#y").epoch is None
    assert protocol.Token("d", "cookie#epoch=x").epoch is None


async def test_owners_survive_a_rebuild_with_claims_still_on_their_way() -> None:
    room, log = make_room()
    one = Client(room, 1)
    one.type(0, "before 😀 ")
    await turn()
    room.abandon()
    two = Client(room, 2)
    two.type(0, "meanwhile ")
    await turn()
    log.restore(room)
    await turn()
    assert room.clients.owners == {one.doc.client_id: "person:1", two.doc.client_id: "person:2"} == log.owners


pieces = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 30), st.sampled_from(["a", "😀", "é\n", ""])), max_size=30
)


@settings(max_examples=60, deadline=None)
@given(pieces, st.integers(0, 29))
def test_sections_tell_how_far_each_client_of_an_update_reaches(steps: list[tuple[int, int, str]], cut: int) -> None:
    docs = [Doc[Text](client_id=5000 + n) for n in range(3)]
    whole: Doc[Text] = Doc()
    before = whole.get_state()
    for number, (who, at, text) in enumerate(steps):
        doc = docs[who]
        doc.apply_update(whole.get_update())
        root = doc.get("text", type=Text)
        size = len(str(root).encode())
        if text and at >= size:
            root.insert(size, text)
        elif not text and size:
            del root[0:size]
        whole.apply_update(doc.get_update())
        if number == cut:
            before = whole.get_state()
    reach = {one.client: one.end for one in sections(get_update(whole.get_update(), before))}
    held, now = decode_state(before), decode_state(whole.get_state())
    assert reach == {client: end for client, end in now.items() if end > held.get(client, 0)}


@given(st.binary(max_size=60))
def test_any_bytes_are_sections_or_malformed(data: bytes) -> None:
    try:
        found = sections(data)
    except Malformed:
        return
    assert all(one.end >= one.clock for one in found)


def test_merged_updates_are_read_like_single_ones() -> None:
    one, two = Doc[Text](client_id=3000), Doc[Text](client_id=4000)
    one.get("text", type=Text).insert(0, "a😀")
    two.get("text", type=Text).insert(0, "bc")
    merged = merge_updates(one.get_update(), two.get_update())
    assert {(s.client, s.clock, s.end) for s in sections(merged)} == {(3000, 0, 3), (4000, 0, 2)}


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_row_that_cannot_be_applied_is_left_out_of_the_rest(at: int) -> None:
    good: Doc[Text] = Doc()
    good.get("text", type=Text).insert(0, "kept 😀")
    state = good.get_state()
    rows = [(1, good.get_update())]
    good.get("text", type=Text).insert(0, "more ")
    rows.append((2, good.get_update(state)))
    bad = (9, b"\x07\x07\x07")
    rows.insert(at, bad)
    replica, left_out = salvaged(rows)
    assert (replica.text(), left_out) == ("more kept 😀", [bad])


async def test_who_waits_for_a_whole_document_goes_on_when_it_is_rebuilt() -> None:
    room, log = make_room()
    await room.edit([Edit(0, 0, "turn 😀 ")], "turn:t")
    room.abandon()
    waiting = asyncio.ensure_future(room.whole())
    await turn()
    assert not waiting.done()
    log.restore(room)
    await waiting
    await room.edit([Edit(0, 0, "goes on ")], "turn:t")
    assert room.text() == "goes on turn 😀 "


async def test_an_update_that_builds_on_what_is_missing_is_kept_and_its_sender_asked() -> None:
    room, log = make_room()
    one = Client(room, 1)
    source: Doc[Text] = Doc()
    source.get("text", type=Text).insert(0, "one 😀 ")
    first, state = source.get_update(), source.get_state()
    source.get("text", type=Text).insert(7, "two")
    one.doc.apply_update(source.get_update())  # it has both, and will answer
    one.say(protocol.SyncUpdate("doc", source.get_update(state), False))
    async with asyncio.timeout(5):
        while not one.of(protocol.SyncStep1):
            await asyncio.sleep(0.01)
    await turn()
    assert room.text() == str(one.root)
    assert one.of(protocol.SyncStatus) == [protocol.SyncStatus("doc", True)] * 2
    assert Replica(log.rows).text() == room.text()
    assert len(first) > 0


async def test_too_much_that_builds_on_what_never_comes_closes_its_sender() -> None:
    room, _ = make_room()
    bad, good = Client(room, 1), Client(room, 2)
    source: Doc[Text] = Doc()
    source.get("text", type=Text).insert(0, "never sent")
    for _ in range(3):
        state = source.get_state()
        source.get("text", type=Text).insert(3, "x" * 400_000)
        bad.say(protocol.SyncUpdate("doc", source.get_update(state), False))
    good.type(0, "fine 😀")
    async with asyncio.timeout(5):
        while bad.closed is None:
            await asyncio.sleep(0.01)
    assert bad.closed[0] == 4400
    assert (good.closed, room.text()) == (None, "fine 😀")
