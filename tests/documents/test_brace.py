"""Who keeps plain positions in a room is told before each change; texts that are known are those of the document."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from ide.documents.room import Edit, ModelClient
from tests.documents.test_room import Client, Log, make_room, turn

EDITS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), st.text("a😀é\n\ud800", max_size=4)), max_size=12)


async def test_what_is_stuck_before_a_change_moves_with_it() -> None:
    room, _ = make_room()
    one = Client(room)
    await room.edit([Edit(0, 0, "one two\n")], "turn:t")
    told: list[str] = []
    held = []

    def hold_on() -> None:
        told.append(room._replica.text())
        held.append(room.stick(4, 0))

    room.brace(hold_on)
    one.type(0, "zero ")
    one.type(0, "* ")
    await turn()
    assert told == ["one two\n"]  # once for all that came at once
    assert room.text() == "* zero one two\n"
    assert held[0].index() == 11
    room.unbrace(hold_on)
    one.type(0, ".")
    await turn()
    assert len(told) == 1


async def test_it_is_told_before_the_replica_goes() -> None:
    room, log = make_room(Log(at_once=False))
    one = Client(room)
    one.type(0, "abc")
    await turn()
    held = []
    room.brace(lambda: held.append(room.stick(2, -1)))
    log.open[0].set_exception(OSError("disk"))
    await turn()
    assert room.broken
    assert len(held) == 1


@settings(max_examples=60, deadline=None)
@given(EDITS)
def test_a_text_that_is_not_read_back_is_the_documents(edits: list[tuple[int, int, str]]) -> None:
    async def go() -> None:
        room, _ = make_room()
        client = ModelClient()
        room.prepare(client, "turn:t")
        for at, gone, new in edits:
            size = len(room.text())
            start = min(at, size)
            room.edit([Edit(start, min(start + gone, size), new)], "turn:t", client=client)
            assert room.text() == str(room._replica.root)

    asyncio.run(go())
