"""A cancelled job ends with all it started, and says what is left: real sandboxes, the ledger's rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from agents.jobs import errands, work
from agents.jobs.rows import life as jobs
from agents.models import JobEvent
from ide.db import in_db
from ide.runner import client
from ide.usage import meter
from tests.agents.conftest import Follower, Site
from tests.runner.conftest import Runner

NOTHING = {"processes": 0, "sockets": 0, "ledger": "settled", "running": 0}


@pytest.fixture
def runner(site: Site) -> Iterator[Runner]:
    started = Runner(settings.RUNTIME_DIR)
    yield started
    started.stop()


async def proof(job_id: str) -> Any:
    return await in_db(lambda: JobEvent.objects.get(job_id=job_id, kind="proof").data)


async def test_cancel_ends_the_whole_tree_and_shows_it(site: Site, ada: Follower, runner: Runner) -> None:
    command = "(sleep 600 & sleep 600 & wait) & echo begun; sleep 600"
    await in_db(site.script, {"calls": [{"name": "run_command", "arguments": {"command": command}}]}, {"text": "x"})
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Sleep")))["id"])
    worker = asyncio.create_task(work.execute(job_id))
    async with asyncio.timeout(20):
        while await client.alive(job_id) < 4:
            await asyncio.sleep(0.02)
    await errands.cancel(await in_db(jobs.get, job_id))
    await asyncio.wait_for(worker, 20)
    assert (await in_db(jobs.get, job_id)).state == "cancelled"
    assert await proof(job_id) == NOTHING
    assert await client.alive(job_id) == 0
    assert await in_db(meter.still_held, f"job:{job_id}") == 0


async def test_a_model_that_still_writes_is_let_go(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "thinking for ever", "pause_after": 4})
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Think")))["id"])
    worker = asyncio.create_task(work.execute(job_id))
    await ada.event("job.event", lambda e: e["job"] == job_id and e["event"]["kind"] == "text")
    assert await in_db(meter.still_held, f"job:{job_id}") == 1
    await errands.cancel(await in_db(jobs.get, job_id))
    await asyncio.wait_for(worker, 20)
    assert await proof(job_id) == NOTHING


async def test_a_job_that_waits_leaves_nothing_either(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "x"})
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Wait")))["id"])
    await errands.cancel(await in_db(jobs.get, job_id))
    assert await proof(job_id) == NOTHING
