"""Hostile frames at a live room over the ASGI socket: random ones, mutated ones, forged ids, gaps, lies about lengths.

Whatever one person sends, the others' sockets stay open, the server answers, all replicas and the log stay equal, and
nobody is given words that are not theirs. `FUZZ_SEEDS` and `FUZZ_FRAMES` make it longer (`make chaos`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from pycrdt import Doc, Text

from ide.db import in_db
from ide.documents import protocol
from ide.documents.log.store import store
from ide.documents.models import ClientId, DocumentUpdate
from ide.documents.protocol import Presence, var_bytes, var_string, var_uint
from ide.documents.yjs.decoding import decode
from ide.live.host import live_host
from tests.chaos import clerk
from tests.live.conftest import TEXT, World
from tests.live.tab import Tab

pytestmark = pytest.mark.usefixtures("closed_hosts")

SEEDS = range(int(os.environ.get("FUZZ_SEEDS", "4")))
FRAMES = int(os.environ.get("FUZZ_FRAMES", "150"))
# The two updates that make pycrdt 0.14.13 panic, as found and under a client id that anybody may take.
POISON = [
    bytes.fromhex(one)
    for one in (
        "01014d02040101740361620a00",
        "01004d00000101740361620a00",
        "0101cddb7002040101740361620a00",
        "0100cddb7000000101740361620a00",
    )
]
HUGE = [1 << 20, (1 << 31) - 1, 1 << 32, (1 << 53) - 1, 1 << 53, 1 << 63, (1 << 70) - 1]


class Attacker:
    """Makes frames for one document; what it writes itself is as a client would."""

    def __init__(self, rng: random.Random, name: str, victims: list[int]) -> None:
        self.rng, self.name = rng, name
        self.victims = victims
        self.doc: Doc[Text] = Doc()
        self.root = self.doc.get("text", type=Text)
        self._old = [b"\0\0"]
        self._kinds: list[Callable[[], bytes]] = [
            self.noise,
            self.mutated,
            self.mutated,
            self.forged,
            self.gap,
            self.huge,
            self.deep,
            self.poison,
            self.sections,
        ]

    def frame(self) -> bytes:
        return self.rng.choice(self._kinds)()

    def noise(self) -> bytes:
        body = self.rng.randbytes(self.rng.randrange(0, 60))
        return body if self.rng.random() < 0.3 else var_string(self.name) + bytes((self.rng.randrange(12),)) + body

    def update(self, client: int | None = None) -> bytes:
        """A good update: a few characters, of this client's own or of a forged id, at the beginning."""
        doc: Doc[Text] = Doc(client_id=client) if client else self.doc
        before = doc.get_state()
        root = doc.get("text", type=Text)
        root.insert(0, self.rng.choice(["evil", "é", "😀", "\r\n", "👩‍👩‍👧", "x" * 300]))
        made = doc.get_update(before)
        self._old.append(made)
        return made

    def corpus(self) -> bytes:
        name = self.name
        state = self.rng.choice([self.doc.get_state(), b"\0", b"\1\1\1"])
        presence = protocol.encode_awareness(
            [Presence(self.doc.client_id, self.rng.randrange(99), '{"user":{"name":"x"}}')]
        )
        return self.rng.choice(
            [
                protocol.token(name, "cookie#epoch=1"),
                protocol.step_1(name, state, self.rng.random() < 0.5),
                protocol.step_2(name, self.update()),
                protocol.update(name, self.update()),
                protocol.update(name, self.rng.choice(self._old)),
                protocol.awareness(name, presence),
                protocol.query_awareness(name),
                protocol.stateless("workspace", '{"jsonrpc":"2.0","id":1,"method":"workspace.open","params":{}}'),
                protocol.stateless(name, "{}"),
                protocol.close(name, "bye"),
                protocol.sync_status(name, True),
                protocol.denied(name, "no"),
                protocol.authenticated(name, True),
                protocol.PING_FRAME,
                protocol.PONG_FRAME,
            ]
        )

    def mutated(self) -> bytes:
        data = bytearray(self.corpus())
        head = min(len(data), len(var_string(self.name)))  # mostly the name stays: what is behind it is of interest
        for _ in range(self.rng.randrange(4)):
            at = self.rng.randrange(head if self.rng.random() < 0.9 else 0, len(data) + 1)
            act = self.rng.randrange(5)
            if act == 0 and at < len(data):
                data[at] ^= 1 << self.rng.randrange(8)
            elif act == 1:
                data[at:at] = self.rng.randbytes(self.rng.randrange(1, 4))
            elif act == 2:
                del data[at : at + self.rng.randrange(1, 4)]
            elif act == 3:
                data[at : at + 1] = b"\xff" * self.rng.randrange(1, 12)
            else:
                del data[at:]
        return bytes(data)

    def forged(self) -> bytes:
        """Under another's client id, the server's, or 0."""
        client = self.rng.choice([*self.victims, 1, 2, 1023])
        frame = protocol.step_2 if self.rng.random() < 0.5 else protocol.update
        return frame(self.name, self.update(client))

    def gap(self) -> bytes:
        self.update()
        return protocol.update(self.name, self.update())

    def sections(self) -> bytes:
        """Two sections, of which the first is innocent."""
        own: Doc[Text] = Doc()
        own.get("text", type=Text).insert(0, "a")
        first, second = own.get_update(), self.update(self.rng.choice(self.victims))
        return protocol.update(self.name, b"\2" + first[1:-1] + second[1:])

    def huge(self) -> bytes:
        size = var_uint(self.rng.choice(HUGE))
        start = var_string(self.name)
        return self.rng.choice(
            [
                size + b"abc",
                start + size,
                start + b"\0\2" + size,
                start + b"\0\2" + var_bytes(size),
                start + b"\0\2" + var_bytes(b"\1" + size + b"\1\1"),
                start + b"\0\2" + var_bytes(b"\1\1" + size + b"\0\1"),
                start + b"\0\2" + var_bytes(b"\1\1\x80\x80\x01" + size + b"\x04\1\4text\1a\0"),
                start + b"\0\2" + var_bytes(b"\0\1\x80\x80\x01\1" + size + size),
                start + b"\0\2" + var_bytes(b"\0" + size),
                start + b"\0\0" + var_bytes(size + b"\1\1"),
                start + b"\1" + var_bytes(size),
                start + b"\1" + var_bytes(b"\1" + size + size + b"\2{}"),
                start + b"\5" + size,
            ]
        )

    def deep(self) -> bytes:
        text = self.rng.choice(["[" * 3000, '{"a":' * 2000, "[" * 200_000, '{"a":' * 900 + "1" + "}" * 900, "1" * 9000])
        if self.rng.random() < 0.5:
            return protocol.stateless(self.rng.choice(["workspace", self.name]), text)
        name = self.rng.choice(["workspace", self.name])
        return protocol.awareness(name, protocol.encode_awareness([Presence(self.doc.client_id, 99, text)]))

    def poison(self) -> bytes:
        return protocol.update(self.name, self.rng.choice(POISON))


async def opened(world: World, who: str) -> Tab:
    tab = Tab(world.workspace.pk, getattr(world, who))
    await tab.opened(world.document.pk)
    return tab


async def answered(tab: Tab) -> None:
    """Everything sent so far was handled; or the tab is closed."""
    pongs = len(tab.of(protocol.Pong))
    tab.raw(protocol.PING_FRAME)
    await tab.until(lambda: tab.closed or len(tab.of(protocol.Pong)) > pongs)


async def attack(world: World, who: str, seed: int, victims: list[int]) -> int:
    """Frames of a seed, on as many sockets as they cost; how many were closed."""
    attacker = Attacker(random.Random(seed), world.document.pk, victims)
    tab, closed = await opened(world, who), 0
    for _ in range(FRAMES):
        tab.raw(attacker.frame())
        await answered(tab)
        if tab.closed:
            closed += 1
            await tab.leave()
            tab = await opened(world, who)
    await tab.leave()
    return closed


def log_of(document: str) -> tuple[str, str, bool]:
    """The text of the log, that of snapshot and tail, and whether anybody but the owner deleted something."""
    facts = clerk.facts(document)
    rows = DocumentUpdate.objects.filter(document_id=document).exclude(origin="person:1")
    return (
        facts["texts"]["log"],
        facts["texts"]["snapshot and tail"],
        any(decode(bytes(row.data)).deletions for row in rows),
    )


@pytest.mark.parametrize("seed", SEEDS)
async def test_an_editor_who_sends_anything_harms_nobody_else(world: World, seed: int) -> None:
    id = world.document.pk
    owner, viewer = await opened(world, "owner"), await opened(world, "viewer")
    owner.type(id, 0, "the owner's 😀 words\n")
    await owner.until(lambda: [s for s in owner.of(protocol.SyncStatus) if s.applied])
    await attack(world, "editor", seed, [owner.docs[id].client_id])
    assert (owner.closed, viewer.closed) == (None, None)
    owner.type(id, 0, "still here ")
    await viewer.until(lambda: "still here " in viewer.text(id))
    host = live_host(world.workspace.pk)
    assert host is not None
    room = host.rooms[id]
    await answered(owner)
    await answered(viewer)
    assert owner.text(id) == room.text()
    assert viewer.text(id) == room.text()
    await store.drain()
    log, loaded, deleted = await in_db(log_of, id)
    assert log == loaded == room.text()
    assert "still here " in log
    assert deleted or "the owner's 😀 words\n" in log
    assert deleted or TEXT in log
    owners = await in_db(lambda: dict(ClientId.objects.filter(document_id=id).values_list("client", "origin")))
    assert owners[owner.docs[id].client_id] == f"person:{world.owner.pk}"
    assert (await owner.call("workspace.open"))["result"]["role"] == "owner"


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_reader_who_sends_anything_changes_nothing(world: World, seed: int) -> None:
    id = world.document.pk
    owner = await opened(world, "owner")
    before = owner.text(id)
    await attack(world, "viewer", seed, [owner.docs[id].client_id])
    assert owner.closed is None
    await store.drain()
    log, loaded, _ = await in_db(log_of, id)
    assert log == loaded == owner.text(id) == before
