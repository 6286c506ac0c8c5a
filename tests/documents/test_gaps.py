"""Edits in any order, or lost: the live text, the log read back and Yjs say the same, and all of it heals."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text, merge_updates

from ide.documents import protocol
from ide.documents.room import Room
from ide.documents.room.clients import Clients
from ide.documents.text import Edit
from ide.documents.yjs.items import Sequence
from ide.documents.yjs.replica import EMPTY_UPDATE, Replica, decode_state, merge_all
from tests.documents.logs import ACTS, WORDS, Act, updates_of
from tests.documents.test_room import Log
from tests.live.test_provider import node

LOST = st.sets(st.integers(0, 60), max_size=6)


def whole(updates: list[bytes]) -> str:
    """The text of a history that lacks nothing, by pycrdt alone."""
    doc: Doc[Text] = Doc()
    root = doc.get("text", type=Text)
    doc.apply_update(merge_updates(*updates, EMPTY_UPDATE))
    return str(root)


def ours(updates: list[bytes]) -> str:
    """The text by our own decoder. pycrdt is no judge of a gap: it may read one wrongly even as one update."""
    sequence = Sequence()
    for update in updates:
        sequence.apply(update)
    return sequence.text()


def shuffled(updates: list[bytes], lost: set[int], order: int) -> tuple[list[bytes], list[bytes]]:
    """(what comes, what comes late), each in some order."""
    chance = random.Random(order)
    came = [update for n, update in enumerate(updates) if n not in lost]
    late = [update for n, update in enumerate(updates) if n in lost]
    for part in (came, late):
        chance.shuffle(part)
    return came, late


class Typist:
    """A peer that sends and reads nothing: its Yjs would heal by itself."""

    name, can_edit = "doc", True

    def __init__(self, room: Room, person: int) -> None:
        self.person = {"id": person}
        self.acked = 0
        self.told: list[bytes] = []
        room.add_peer(self)

    def send(self, frame: bytes, droppable: bool = False) -> None:
        message = protocol.decode(frame)
        self.acked += isinstance(message, protocol.SyncStatus)
        if isinstance(message, protocol.SyncUpdate):
            self.told.append(message.update)

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(f"closed: {code} {reason}")

    def say(self, text: str) -> None: ...

    def refuse(self, reason: str) -> None: ...


async def live(updates: list[bytes], by: list[int], turns: int) -> tuple[Room, Log, list[Typist]]:
    """A room of three that sent these updates, some in one turn of the loop; all were told that it is saved."""
    log = Log()
    room = Room("doc", "a.py", log)
    room.restore(Replica(), 1, 0, Clients({2000 + n: f"person:{n}" for n in range(3)}))
    peers = [Typist(room, n) for n in range(3)]
    for n, update in enumerate(updates):
        room.receive(peers[by[n]], update)
        if n % turns == 0:
            await asyncio.sleep(0)
    while room.pending or (sum(peer.acked for peer in peers) < len(updates)):
        await asyncio.sleep(0)  # what is committed is told in the turns that follow
    return room, log, peers


def writer(update: bytes) -> int:
    reader = protocol.Reader(update)
    reader.skip(2)
    return reader.var_uint() - 2000


@settings(max_examples=150, deadline=None)
@given(ACTS, LOST, st.integers(0, 10_000), st.integers(1, 4))
@example([Act(0, False, 1000, 0, "a"), Act(0, False, 1000, 0, "b"), Act(0, False, 0, 1, "c")], {0}, 0, 1)
def test_a_live_text_reads_as_its_log_and_heals(acts: list[Act], lost: set[int], order: int, turns: int) -> None:
    every = updates_of(acts)
    came, late = shuffled(every, lost, order)

    async def check() -> None:
        room, log, peers = await live([*came], [writer(update) for update in came], turns)
        assert room.text() == Replica(log.rows).text() == ours(came)
        assert decode_state(room.state()) == decode_state(Replica(log.rows).state())
        newcomer = Typist(room, 9)
        room.sync(newcomer, protocol.SyncStep1("doc", b"\x00", True))
        assert whole(newcomer.told) == room.text(), "nobody is sent what waits"
        room.restore(Replica(log.rows), 1, len(log.rows), room.clients)  # as after a restart, in the middle of it
        for update in late:
            room.receive(peers[writer(update)], update)
        assert room.text() == whole(every) == Replica(log.rows).text()
        assert whole(newcomer.told) == room.text(), "it comes once it fits"

    asyncio.run(check())


@settings(max_examples=60, deadline=None)
@given(ACTS, LOST, st.integers(0, 10_000))
def test_a_model_writes_and_anchors_hold_while_something_is_missing(
    acts: list[Act], lost: set[int], order: int
) -> None:
    came, late = shuffled(updates_of(acts), lost, order)

    async def check() -> None:
        room, log, peers = await live(came, [writer(update) for update in came], 3)
        before = room.text()
        room.edit([Edit(0, 0, "model 😀 "), Edit(len(before), len(before), " end")], "turn:t")
        assert room.text() == f"model 😀 {before} end"
        anchor = room.anchor(7)
        for update in late:
            room.receive(peers[writer(update)], update)
        assert anchor.index() is not None
        assert room.text() == Replica(log.rows).text() == whole(log.rows)

    asyncio.run(check())


def test_browsers_read_what_the_room_reads() -> None:
    chance = random.Random(7)
    histories = [shuffled(history(chance), {chance.randrange(30) for _ in range(n % 4)}, n) for n in range(60)]
    told = browser([case for case in histories if case[0]])
    assert len(told) > 50
    gapped = 0
    for (came, late), (now, then) in zip([case for case in histories if case[0]], told, strict=True):
        replica = Replica()
        for update in came:
            replica.apply([update])
        gapped += replica.gapped
        assert replica.text() == Replica([merge_all(came)]).text() == now
        for update in late:
            replica.apply([update])
        assert (replica.text(), replica.gapped) == (then, False)
    assert gapped > 10


def history(chance: random.Random) -> list[bytes]:
    def act() -> Act:
        word = chance.choice(WORDS)
        return Act(chance.randrange(3), chance.random() < 0.4, chance.randrange(1001), chance.randrange(4), word)

    return updates_of([act() for _ in range(chance.randrange(5, 40))])


def browser(cases: list[tuple[list[bytes], list[bytes]]]) -> list[list[str]]:
    """What `yjs.mjs` tells."""
    told = subprocess.run(
        [node(), str(Path(__file__).with_name("yjs.mjs"))],
        input=json.dumps([[[update.hex() for update in part] for part in case] for case in cases]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    found: list[list[str]] = json.loads(told.stdout)
    return found
