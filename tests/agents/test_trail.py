"""An agent job goes on where it stopped: after a failure, a dead worker, a pause, an answer, a cap. Real git."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.jobs import errands, work
from agents.jobs.rows import leases
from agents.jobs.rows import life as jobs
from agents.models import Endpoint, Job, Step
from ide.db import in_db
from ide.errors import Conflict, Invalid
from tests.agents.conftest import CODE, Follower, Site, git

ORDER = jobs.Order("agent", "Double two")
PATCH = [
    "*** Begin Patch",
    "*** Update File: a.py",
    "@@ def two(b):",
    "-    return b",
    "+    return b * 2",
    "*** End Patch",
]
READ = {"text": "I look.", "calls": [{"name": "read_file", "arguments": {"path": "a.py"}}]}
EDIT = {"calls": [{"name": "apply_patch", "arguments": {"patch": PATCH}}]}
DOUBLED = CODE.replace("return b", "return b * 2").rstrip()


async def requested(site: Site) -> str:
    return str((await errands.request(site.workspace.pk, site.ada, ORDER))["id"])


async def job_of(job_id: str) -> Job:
    return await in_db(jobs.get, job_id)


async def now_plays(site: Site, endpoint: Endpoint, *steps: dict[str, Any]) -> None:
    """The same model says other things from here on."""
    other = await in_db(site.script, *steps)
    endpoint.base_url = other.base_url
    await in_db(endpoint.save)
    await in_db(other.delete)


async def running(job_id: str) -> None:
    """A worker has it; without Redis nobody tells."""
    async with asyncio.timeout(20):
        while (await job_of(job_id)).state != "running":
            await asyncio.sleep(0.01)


async def steps_of(job_id: str) -> list[tuple[int, str, str]]:
    rows = await in_db(lambda: list(Step.objects.filter(job_id=job_id)))
    return [(row.position, row.name, row.state) for row in rows]


async def test_a_job_that_failed_goes_on_after_its_newest_step(site: Site, ada: Follower) -> None:
    endpoint = await in_db(site.script, READ, EDIT, {"error": "auth"})
    job_id = await requested(site)
    await work.execute(job_id)
    failed = await job_of(job_id)
    assert (failed.state, failed.done) == ("failed", 2)
    await now_plays(site, endpoint, {"text": "It is done."})
    await errands.retry(failed)
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.error) == ("review", "")
    assert await steps_of(job_id) == [(1, "read_file", "done"), (2, "apply_patch", "done"), (3, "answer", "done")]
    assert git(site.folder, "show", f"{job.head}:a.py") == DOUBLED
    assert git(site.folder, "rev-parse", f"{job.head}^") == job.base, "its steps are one commit"
    rows = await in_db(lambda: list(Step.objects.filter(job_id=job_id)))
    roles = [[message["role"] for message in row.data["messages"]] for row in rows]
    assert roles == [["assistant", "tool"], ["assistant", "tool"], ["assistant"]]


async def test_a_job_of_a_dead_worker_is_gone_on_with_by_another_and_nothing_is_done_twice(
    site: Site, ada: Follower
) -> None:
    endpoint = await in_db(site.script, READ, EDIT, {"text": "thinking…", "pause_after": 4})
    job_id = await requested(site)
    dying = asyncio.create_task(work.execute(job_id, "first"))
    await ada.event("job", lambda e: e["job"]["done"] == 2)
    late = timezone.now() - timedelta(seconds=1)
    await in_db(lambda: Job.objects.filter(pk=job_id).update(lease_until=late))
    assert await in_db(leases.sweep, site.workspace.pk) == [job_id]
    await now_plays(site, endpoint, {"text": "It is done."})
    await work.execute(job_id, "second")
    await dying  # it finds out that the job is not its own any more, and writes nothing
    job = await job_of(job_id)
    assert (job.state, job.attempt) == ("review", 1), "attempts are counted anew with each step that is done"
    claims = [e["data"] for e in (await in_db(jobs.detail, job_id))["events"] if "attempt" in e["data"]]  # type: ignore[attr-defined]
    assert [claim["attempt"] for claim in claims if claim["state"] != "queued"][-1] == 2
    assert await steps_of(job_id) == [(1, "read_file", "done"), (2, "apply_patch", "done"), (3, "answer", "done")]
    assert git(site.folder, "show", f"{job.head}:a.py") == DOUBLED


async def test_a_job_whose_result_was_not_brought_back_asks_the_model_nothing_more(site: Site, ada: Follower) -> None:
    endpoint = await in_db(site.script, EDIT, {"text": "It is done."})
    job_id = await requested(site)
    await work.execute(job_id)
    await in_db(lambda: Job.objects.filter(pk=job_id).update(state="queued", head=""))  # it died at the last moment
    await now_plays(site, endpoint, {"error": "auth", "repeat": True})
    await work.execute(job_id)
    assert (await job_of(job_id)).state == "review"


async def test_a_paused_job_stops_at_its_next_step_and_resumes(site: Site, ada: Follower) -> None:
    endpoint = await in_db(site.script, {**READ, "delay": 0.5}, EDIT)
    job_id = await requested(site)
    working = asyncio.create_task(work.execute(job_id))
    await running(job_id)
    shown = await errands.pause(await job_of(job_id), site.bob)
    assert shown["pausing"]
    await working
    job = await job_of(job_id)
    assert (job.state, job.phase, job.done, job.ended_at) == ("waiting", "paused", 1, None)
    await now_plays(site, endpoint, EDIT, {"text": "It is done."})
    await errands.resume(job)
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.pause_asked) == ("review", False)
    assert [name for _, name, _ in await steps_of(job_id)] == ["read_file", "apply_patch", "answer"]
    with pytest.raises(Conflict):
        await errands.resume(job)


async def test_a_job_that_waits_can_be_cancelled_and_one_in_the_queue_be_paused(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "Nothing."})
    job_id = await requested(site)
    await errands.pause(await job_of(job_id), site.ada)
    await work.execute(job_id)
    assert (await job_of(job_id)).state == "waiting", "no worker takes it"
    await errands.cancel(await job_of(job_id))
    assert (await job_of(job_id)).state == "cancelled"


async def test_what_people_say_to_a_job_is_heard_at_its_next_step(site: Site, ada: Follower) -> None:
    await in_db(site.script, {**READ, "delay": 0.5}, {**EDIT, "when": "bob: and mind two()"}, {"text": "It is done."})
    job_id = await requested(site)
    working = asyncio.create_task(work.execute(job_id))
    await running(job_id)
    await errands.steer(await job_of(job_id), site.bob, "and mind two()")
    await working
    job = await job_of(job_id)
    assert job.state == "review", job.error
    assert git(site.folder, "show", f"{job.head}:a.py") == DOUBLED
    events = (await in_db(jobs.detail, job_id))["events"]
    said = [e["data"] for e in events if e["kind"] == "steer"]  # type: ignore[attr-defined]
    assert [(one["by"], one["text"]) for one in said] == [("bob", "and mind two()")]
    await errands.discard(job)
    with pytest.raises(Conflict):
        await errands.steer(job, site.bob, "too late")
    with pytest.raises(Invalid):
        await errands.steer(job, site.bob, "  ")


async def test_a_job_that_asks_waits_for_the_answer_and_goes_on_with_it(site: Site, ada: Follower) -> None:
    asks = {"text": "I must know.", "calls": [{"name": "ask_person", "arguments": {"question": "Double or triple?"}}]}
    endpoint = await in_db(site.script, asks, EDIT)
    job_id = await requested(site)
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.question, job.phase) == ("waiting", "Double or triple?", "waiting for an answer")
    await now_plays(site, endpoint, {**EDIT, "when": "bob: Double"}, {"text": "It is done."})
    await errands.steer(job, site.bob, "Double")
    assert (await job_of(job_id)).state == "queued"
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.question) == ("review", "")
    assert git(site.folder, "show", f"{job.head}:a.py") == DOUBLED


async def test_a_wish_in_review_is_another_step_on_top_of_what_is_there(site: Site, ada: Follower) -> None:
    endpoint = await in_db(site.script, EDIT, {"text": "It is done."})
    job_id = await requested(site)
    await work.execute(job_id)
    first = await job_of(job_id)
    more = ["*** Begin Patch", "*** Add File: b.py", "+B = 2", "*** End Patch"]
    wish = {"when": "bob: and a b.py", "calls": [{"name": "apply_patch", "arguments": {"patch": more}}]}
    await now_plays(site, endpoint, wish, {"text": "That too."})
    shown = await errands.steer(first, site.bob, "and a b.py")
    assert shown["state"] == "queued"
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.result["files"]) == ("review", 2)
    assert git(site.folder, "show", f"{job.head}:a.py") == DOUBLED
    assert git(site.folder, "show", f"{job.head}:b.py") == "B = 2"
    assert len(await steps_of(job_id)) == 4


async def test_a_job_at_its_cap_stops_asks_and_goes_on_with_as_much_again(site: Site, ada: Follower) -> None:
    """What its next call would read is more than is left: it is not made."""
    endpoint = await in_db(site.script, {**READ, "usage": [1400, 50]}, EDIT)
    order = jobs.Order("agent", "Double two", budget={"tokens": 2000, "steps": 9})
    job_id = str((await errands.request(site.workspace.pk, site.ada, order))["id"])
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.phase, job.done, job.input_tokens + job.output_tokens) == (
        "waiting",
        "its budget is used",
        1,
        1450,
    )
    assert "2,000 tokens" in job.question
    await now_plays(site, endpoint, {**EDIT, "usage": [700, 60]}, {"text": "It is done.", "usage": [500, 10]})
    await errands.resume(job)
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.input_tokens, job.budget["times"], job.worked_seconds > 0) == ("review", 2600, 2, True)


async def test_a_job_out_of_time_is_stopped_in_the_middle_of_a_step(site: Site, ada: Follower) -> None:
    await in_db(site.script, READ, {"text": "thinking…", "pause_after": 4})
    order = jobs.Order("agent", "Double two", budget={"minutes": 0.02})
    job_id = str((await errands.request(site.workspace.pk, site.ada, order))["id"])
    await asyncio.wait_for(work.execute(job_id), 20)
    job = await job_of(job_id)
    assert (job.state, job.done) == ("waiting", 1)
    assert "minutes of work" in job.question


@pytest.mark.parametrize("wrong", [{"minutes": -1}, {"steps": 10**6}, {"hours": 1}, {"times": 5}])
async def test_a_budget_that_makes_no_sense_is_refused(site: Site, ada: Follower, wrong: dict[str, Any]) -> None:
    await in_db(site.script, READ)
    with pytest.raises(Invalid):
        await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Double two", budget=wrong))
    assert not await in_db(Job.objects.exists)
