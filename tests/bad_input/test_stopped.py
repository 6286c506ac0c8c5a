"""The worker or Redis stands still: people go on writing, what needs the part says that it waits, and goes on after."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests import provider_server
from tests.bad_input.conftest import Neighbours, World
from tests.client import Json, Person, Tab
from tests.provider_server import ProviderServer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

OLD = "def one(a):\n    return a\n"
NEW = "def one(a):\n    return a + 1\n"
WAITING = "waiting for a worker"
AT_ONCE = 8.0  # seconds in which an act must be answered while a part stands still
IN_TIME = 40.0  # seconds until a job that waited is done: the next wake-up, and the work


async def request(world: World, models: dict[str, int]) -> tuple[str, Json]:
    """A job that rewrites a file: the file, the job."""
    path = f"{world.name()}.py"
    (world.root / path).write_text(OLD)
    order = {"kind": "map", "instruction": "Add one.", "paths": [path], "endpoint": models[provider_server.OK]}
    began = time.monotonic()
    job: Json = await world.ada.post(f"/workspaces/{world.home}/jobs", order)
    assert time.monotonic() - began < AT_ONCE
    assert job["state"] == "queued"
    return path, job


async def told(tab: Tab, job: Json, state: str, phase: str = "", seconds: float = IN_TIME) -> Json:
    def fits(event: Json) -> bool:
        row = event["job"]
        return bool(row["id"] == job["id"] and row["state"] == state and phase in row["phase"])

    found: Json = (await tab.event("job", fits, seconds=seconds))["job"]
    return found


async def merged(world: World, path: str, job: Json) -> None:
    """The job comes to its review and its result into the open document, and to disk."""
    document = await world.other.open(path)
    done = await told(world.other, job, "review")
    assert (done["files"], done["error"]) == (1, "")
    before = len(world.other.events)
    seen = await world.ben.get(f"/jobs/{job['id']}/review")
    await world.ben.post(f"/jobs/{job['id']}/merge", {"head": seen["head"]})
    await document.shows(NEW)
    await document.on_disk(before)
    assert (world.root / path).read_text() == NEW


async def test_while_the_worker_stands_still_jobs_wait_and_say_so_and_go_on_after(
    world: World, provider: ProviderServer, models: dict[str, int], neighbours: Neighbours
) -> None:
    provider.reply = f"```python\n{NEW}```\n"
    with world.frozen("celery"):
        path, job = await request(world, models)
        _, other = await request(world, models)
        cancelled = await world.ben.post(f"/jobs/{other['id']}/cancel")
        assert cancelled["state"] == "cancelled", "who does not want to wait need not"
        for tab in (world.tab, world.other):
            await told(tab, job, "queued", WAITING)
        await neighbours.another_round()
        assert (await world.ada.get(f"/jobs/{job['id']}"))["state"] == "queued"
    await merged(world, path, job)
    assert (await world.ada.get(f"/jobs/{other['id']}"))["state"] == "cancelled"


async def test_while_redis_stands_still_people_write_and_talk_and_jobs_wait(
    world: World, provider: ProviderServer, models: dict[str, int], neighbours: Neighbours
) -> None:
    provider.reply = "Fine."
    with world.frozen("valkey"):
        path, job = await request(world, models)
        assert job["phase"] == WAITING
        await neighbours.another_round()
        document = await world.tab.open(path)
        before = len(world.tab.events)
        await document.append("# typed meanwhile\n")
        await document.on_disk(before)
        assert (world.root / path).read_text() == f"{OLD}# typed meanwhile\n"
        await asyncio.wait_for(_talk(world, models), AT_ONCE)
        await asyncio.wait_for(_come_in(world, path), AT_ONCE)
        before = len(world.tab.events)
        await document.edit(len(OLD), len(document.text), "")
        await document.on_disk(before)
        provider.reply = f"```python\n{NEW}```\n"
    await merged(world, path, job)


async def _talk(world: World, models: dict[str, int]) -> None:
    session = (await world.tab.call("session.create"))["session"]["id"]
    ask = {"session": session, "text": "Hello", "mentions": [], "endpoint": models[provider_server.OK]}
    turn = (await world.tab.call("turn.start", **ask))["turn"]
    ended = await world.other.event("turn.ended", lambda e: e["turn"]["id"] == turn)
    assert ended["turn"]["state"] == "completed"


async def _come_in(world: World, path: str) -> None:
    """Sign in, read, make a workspace and work in it."""
    async with await Person.sign_in(world.site.url, "ada") as again:
        tab = await again.tab(world.home)
        assert "typed meanwhile" in (await tab.open(path)).text
        await tab.close()
        made = await again.workspace(world.name(), "empty")
        assert made["state"] == "ready"
        await again.post(f"/workspaces/{made['id']}/files", {"path": "a.txt", "kind": "file"})
        tab = await again.tab(made["id"])
        document = await tab.open("a.txt")
        await document.append("works\n")
        await document.saved()
        await tab.close()
