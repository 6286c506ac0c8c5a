"""Node clients (yjs, the stock provider) and Python clients (pycrdt) edit one document at random, all at once, with
emoji, combining characters, both line ends and long deletions. In the end everybody has the same text: each client, the
room, the log and the file."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Text

from ide.accounts.models import User
from ide.db import in_db
from ide.documents import protocol
from ide.documents.log.store import store
from ide.documents.text import to_bytes
from ide.documents.yjs.replica import decode_state
from ide.live.host import live_host
from tests.chaos import clerk
from tests.live.conftest import Server, World, cookie
from tests.live.tab import Tab
from tests.live.test_provider import PACKAGES, node

HERE = Path(__file__).parent
SEEDS = range(int(os.environ.get("CONVERGENCE_SEEDS", "2")))
EDITS, ROUNDS = 40, 3  # of each client in a round; after a round all are asked
PIECES = ["😀", "👩‍👩‍👧‍👦", "é", "e\u0301", "\r\n", "\n", "🇫🇷", "plain words ", "\u2028", "नि", "😀\ufe0f", "z" * 400]


class Nodes:
    """The Node tabs: the newest of each fact they told."""

    def __init__(self, process: asyncio.subprocess.Process, count: int) -> None:
        self.states: list[dict[str, Any]] = [{} for _ in range(count)]
        self._process = process
        self._changed = asyncio.Event()
        self.reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            state = json.loads(line)
            self.states[state["tab"]] |= state
            self._changed.set()

    def order(self, do: str, **rest: Any) -> None:
        assert self._process.stdin is not None
        for tab, state in enumerate(self.states):
            state.pop("text", None)
            self._process.stdin.write(json.dumps({"tab": tab, "do": do, **rest}).encode() + b"\n")

    async def until(self, fact: str, value: Any = None) -> None:
        async with asyncio.timeout(30):
            while not all(fact in state and value in (None, state[fact]) for state in self.states):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def nodes_of(server: Server, world: World, *people: User) -> AsyncIterator[Nodes]:
    cookies = await asyncio.to_thread(lambda: [cookie(user) for user in people])
    process = await asyncio.create_subprocess_exec(
        *(
            node(),
            str(HERE / "convergence.mjs"),
            str(PACKAGES),
            server.url(world),
            world.document.pk,
            json.dumps(cookies),
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16 << 20,
    )
    nodes = Nodes(process, len(people))
    try:
        yield nodes
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(10):
            await process.wait()
        await nodes.reading


def edit(tab: Tab, id: str, rng: random.Random) -> None:
    doc, text = tab.docs[id], tab.text(id)
    root = doc.get("text", type=Text)
    start = rng.randrange(len(text) + 1)
    end = start + (rng.randrange(6) if rng.random() < 0.7 else rng.randrange(len(text) - start + 1))
    before = doc.get_state()
    with doc.transaction():
        if rng.random() < 0.3 and end <= len(text):
            del root[to_bytes(text, start) : to_bytes(text, end)]
        if rng.random() < 0.8:
            root.insert(to_bytes(text, start), rng.choice(PIECES))
    update = doc.get_update(before)
    if update != b"\0\0":
        tab.raw(protocol.update(id, update))


async def edits(tab: Tab, id: str, rng: random.Random) -> None:
    for _ in range(EDITS):
        edit(tab, id, rng)
        await asyncio.sleep(0)  # what the others sent comes in between


async def same(nodes: Nodes, tabs: list[Tab], id: str, workspace: str) -> str:
    """Everybody's text once nothing is under way any more."""
    await nodes.until("calm", True)
    host = live_host(workspace)
    assert host is not None
    room = host.rooms[id]
    room.flush()
    await store.drain()
    for tab in tabs:
        goal = decode_state(room.state())
        await tab.until(lambda tab=tab, goal=goal: decode_state(tab.docs[id].get_state()) == goal)  # type: ignore[misc]
    for _ in range(100):  # a deletion has no place in a state vector
        nodes.order("text")
        await nodes.until("text")
        texts = {state["text"] for state in nodes.states} | {tab.text(id) for tab in tabs}
        if texts == {room.text()}:
            break
        await asyncio.sleep(0.05)
    assert texts == {room.text()}
    return room.text()


@pytest.mark.parametrize("seed", SEEDS)
async def test_all_clients_converge(seed: int, server: Server, world: World) -> None:
    id = world.document.pk
    tabs = [Tab(world.workspace.pk, user) for user in (world.owner, world.editor)]
    for tab in tabs:
        await tab.opened(id)
    async with nodes_of(server, world, world.owner, world.editor) as nodes:
        await nodes.until("calm", True)
        for turn in range(ROUNDS):
            nodes.order("edit", seed=1000 * seed + turn, times=EDITS)
            await asyncio.gather(*(edits(tab, id, random.Random(f"{seed} {turn} {n}")) for n, tab in enumerate(tabs)))
            await nodes.until("edited", 1000 * seed + turn)
            text = await same(nodes, tabs, id, world.workspace.pk)
        host = live_host(world.workspace.pk)
        assert host is not None
        await host.flush()
        facts = await in_db(clerk.facts, id)
        assert set(facts["texts"].values()) == {text}
        assert world.file.read_bytes().decode() == text
    for tab in tabs:
        assert tab.closed is None
        await tab.leave()
