"""Jobs from request to merge: real git worktrees, a scripted model, the worker's own function on the test's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from agents.engine import context
from agents.jobs import errands, work
from agents.jobs.maps import helping
from agents.jobs.result.merging import Wish
from agents.jobs.rows import leases, outbox
from agents.jobs.rows import life as jobs
from agents.models import Job, Step
from ide.accounts.models import Membership
from ide.db import in_db
from ide.errors import Conflict, Invalid, Refused
from ide.live.host import close_all
from ide.live.lease import HostedElsewhere
from ide.workspaces.models import Workspace
from tests.agents.conftest import CODE, Follower, Site, git
from tests.runner.conftest import Runner


@pytest.fixture
def runner(site: Site) -> Iterator[Runner]:
    """A runner where the server looks for it."""
    started = Runner(settings.RUNTIME_DIR)
    yield started
    started.stop()


ORDER = jobs.Order("map", "Add a docstring to every function", ("a.py",))


async def requested(site: Site, order: jobs.Order = ORDER) -> str:
    return str((await errands.request(site.workspace.pk, site.ada, order))["id"])


async def job_of(job_id: str) -> Job:
    return await in_db(jobs.get, job_id)


async def merged(site: Site, job_id: str) -> None:
    job = await job_of(job_id)
    await errands.merge(job, site.ada, Wish(job.head))


def docstrings(*texts: str) -> list[dict[str, object]]:
    return [{"text": text} for text in texts]


async def test_a_map_job_documents_each_function_and_is_merged_into_the_open_document(
    site: Site, ada: Follower
) -> None:
    await in_db(site.script, *docstrings("Return b.", "Return a."), builtin=True, tools=False)
    await ada.opened(site.document.pk)
    job_id = await requested(site)
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.done, job.total, job.error) == ("review", 2, 2, "")
    assert job.result == {"files": 1, "added": 2, "removed": 0}
    ada.type(site.document.pk, 0, "# typed meanwhile\n")
    review = await errands.look(job)
    assert [(f["path"], f["status"], f["conflict"]) for f in review["files"]] == [("a.py", "changed", False)]  # type: ignore[attr-defined]
    await merged(site, job_id)
    wanted = "# typed meanwhile\n" + CODE.replace("one(a):\n", 'one(a):\n    """Return a."""\n').replace(
        "two(b):\n", 'two(b):\n    """Return b."""\n'
    )
    await ada.until(lambda: ada.text(site.document.pk) == wanted)
    assert (site.folder / "a.py").read_text() == wanted
    assert (await job_of(job_id)).state == "merged"
    assert git(site.folder, "rev-parse", f"refs/tandem/merged/{job_id}") == job.head
    with pytest.raises(Conflict):
        await merged(site, job_id)
    assert (await ada.event("job", lambda e: e["job"]["state"] == "merged"))["job"]["id"] == job_id


async def test_typed_but_unsaved_text_is_in_the_jobs_ground(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "Nothing."})
    await ada.opened(site.document.pk)
    ada.type(site.document.pk, 0, "# just typed\n")
    await ada.event("document.disk", lambda e: not e["on_disk"])
    job = await job_of(await requested(site))
    assert git(site.folder, "show", f"{job.base}:a.py").startswith("# just typed\n")
    assert git(site.folder, "status", "--porcelain") == "M a.py", "HEAD and index are untouched"


async def test_a_refused_reply_fails_its_item_only_and_can_be_retried(site: Site, ada: Follower) -> None:
    endpoint = await in_db(site.script, *docstrings("", "Return a."), builtin=True, tools=False)
    job_id = await requested(site)
    await work.execute(job_id)
    steps = await in_db(lambda: list(Step.objects.filter(job_id=job_id)))
    assert [(s.name, s.state) for s in steps] == [("a.py · two", "failed"), ("a.py · one", "done")]
    assert "docstring" in steps[0].error
    endpoint.base_url = (await in_db(site.script, *docstrings("Return b."))).base_url
    await in_db(endpoint.save)
    await errands.retry(await job_of(job_id))
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.done) == ("review", 2)
    text = git(site.folder, "show", f"{job.head}:a.py")
    assert '"""Return a."""' in text
    assert '"""Return b."""' in text


async def test_an_agent_job_reads_edits_and_ends_in_review(site: Site, ada: Follower) -> None:
    patch = ["*** Begin Patch", "*** Add File: new/b.py", "+B = 2", "*** Update File: a.py", "@@ def two(b):"]
    patch += ["-    return b", "+    return b * 2", "*** End Patch"]
    await in_db(
        site.script,
        {"text": "I look.", "calls": [{"name": "read_file", "arguments": {"path": "a.py"}}]},
        {"calls": [{"name": "apply_patch", "arguments": {"patch": patch}}]},
        {"calls": [{"name": "run_command", "arguments": {"command": "ls"}}]},
        {"text": "It is done."},
    )
    job_id = await requested(site, jobs.Order("agent", "Double two"))
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.result["files"], job.done) == ("review", 2, 4), job.error
    detail = await in_db(jobs.detail, job_id)
    assert [s["name"] for s in detail["steps"]] == ["read_file", "apply_patch", "run_command", "answer"]  # type: ignore[attr-defined]
    assert "tool" in [e["kind"] for e in detail["events"]]  # type: ignore[attr-defined]
    await merged(site, job_id)
    assert (site.folder / "new/b.py").read_text() == "B = 2\n"
    assert (site.folder / "a.py").read_text() == CODE.replace("return b", "return b * 2")


async def test_a_jobs_command_runs_confined_in_its_worktree(site: Site, ada: Follower, runner: Runner) -> None:
    command = "cat a.py > copy.txt; cd / && touch outside; ls /workspace && git log --format=%s | head -1"
    await in_db(
        site.script,
        {"calls": [{"name": "run_command", "arguments": {"command": command}}]},
        {"text": "Copied."},
    )
    job_id = await requested(site, jobs.Order("agent", "Copy it"))
    await work.execute(job_id)
    job = await job_of(job_id)
    assert job.state == "review", job.error
    assert git(site.folder, "show", f"{job.head}:copy.txt") == CODE.rstrip()
    assert not (site.folder / "copy.txt").exists(), "the workspace itself is untouched until the merge"
    events = (await in_db(jobs.detail, job_id))["events"]
    tool = next(e["data"] for e in events if e["kind"] == "tool")  # type: ignore[attr-defined]
    assert "copy.txt" in tool["output"]
    assert "cannot touch" in tool["output"]


async def test_a_conflict_names_the_files_and_changes_nothing(site: Site, ada: Follower) -> None:
    await in_db(site.script, *docstrings("Return b.", "Return a."), builtin=True, tools=False)
    await ada.opened(site.document.pk)
    job_id = await requested(site)
    await work.execute(job_id)
    ada.type(site.document.pk, CODE.index("    return a"), "    # in the way\n")
    await ada.event("document.disk", lambda e: not e["on_disk"])
    with pytest.raises(Conflict) as refusal:
        await merged(site, job_id)
    assert refusal.value.detail["files"] == ["a.py"]
    assert (await job_of(job_id)).state == "review"
    assert '"""' not in ada.text(site.document.pk)


async def test_a_provider_that_breaks_fails_the_job_with_its_sentence(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"error": "overloaded", "repeat": True})
    job_id = await requested(site, jobs.Order("agent", "Do it"))
    await work.execute(job_id)
    job = await job_of(job_id)
    assert job.state == "failed"
    assert "overloaded" in job.error


async def test_a_job_is_cancelled_before_and_while_it_runs(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "thinking for ever", "pause_after": 4, "repeat": True})
    waiting = await requested(site, jobs.Order("agent", "One"))
    await errands.cancel(await job_of(waiting))
    await work.execute(waiting)
    assert (await job_of(waiting)).state == "cancelled"
    running = await requested(site, jobs.Order("agent", "Two"))
    worker = asyncio.create_task(work.execute(running))
    await ada.event("job.event", lambda e: e["job"] == running and e["event"]["kind"] == "text")
    await errands.cancel(await job_of(running))
    await asyncio.wait_for(worker, 20)
    assert (await job_of(running)).state == "cancelled"
    await errands.retry(await job_of(running))
    assert (await job_of(running)).state == "queued"
    await errands.cancel(await job_of(running))


async def test_a_job_is_cancelled_from_a_server_that_does_not_have_its_workspace(site: Site) -> None:
    await in_db(site.script, {"text": "x"})
    job_id = await requested(site, jobs.Order("agent", "One"))
    await close_all()
    until = timezone.now() + timedelta(minutes=1)
    held = Workspace.objects.filter(pk=site.workspace.pk)
    await in_db(lambda: held.update(host="another-machine:1:2", host_until=until))
    assert (await errands.cancel(await job_of(job_id)))["state"] == "cancelled", "the dashboard is on any server"
    with pytest.raises(HostedElsewhere):
        await errands.retry(await job_of(job_id))


async def test_a_job_is_claimed_once_and_a_paused_worker_writes_nothing(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "x"})
    job_id = await requested(site, jobs.Order("agent", "One"))
    first = await in_db(leases.claim, job_id, "first")
    assert first is not None
    assert await in_db(leases.claim, job_id, "second") is None
    past = timezone.now() - timedelta(seconds=1)
    await in_db(lambda: Job.objects.filter(pk=job_id).update(lease_until=past))
    assert await in_db(leases.sweep, site.workspace.pk) == [job_id]
    second = await in_db(leases.claim, job_id, "second")
    assert second is not None
    assert second.attempt == 2
    with pytest.raises(jobs.Fenced):
        await in_db(jobs.report, first, phase="late")
    with pytest.raises(jobs.Fenced):
        await in_db(jobs.finish, first, Job.State.REVIEW)
    await in_db(lambda: Job.objects.filter(pk=job_id).update(lease_until=past, attempt=leases.ATTEMPTS))
    assert await in_db(leases.sweep, site.workspace.pk) == []
    assert (await job_of(job_id)).state == "failed"


async def test_a_job_ends_when_its_owner_may_not_delegate_any_more(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "thinking for ever", "pause_after": 4, "repeat": True})
    running = await requested(site, jobs.Order("agent", "One"))
    waiting = await requested(site, jobs.Order("agent", "Two"))
    worker = asyncio.create_task(work.execute(running))
    await ada.event("job.event", lambda e: e["job"] == running and e["event"]["kind"] == "text")
    await in_db(lambda: Membership.objects.filter(user=site.ada).update(role="viewer"))
    await asyncio.wait_for(worker, 20)
    await work.execute(waiting)
    for job in (await job_of(running), await job_of(waiting)):
        assert (job.state, job.error) == ("failed", leases.NOT_ANY_MORE)


async def test_only_one_of_two_merges_and_a_discard_at_once_is_done(site: Site, ada: Follower) -> None:
    await in_db(site.script, *docstrings("Return b.", "Return a."), builtin=True, tools=False)
    job_id = await requested(site)
    await work.execute(job_id)
    job = await job_of(job_id)
    wish = Wish(job.head)
    acts = (errands.merge(job, site.ada, wish), errands.merge(job, site.bob, wish), errands.discard(job))
    ends = await asyncio.gather(*acts, return_exceptions=True)
    assert [isinstance(end, Conflict) for end in ends].count(True) == 2, ends
    after = await job_of(job_id)
    assert (after.state == "merged") == ('"""Return a."""' in (site.folder / "a.py").read_text())
    assert after.ended_at == job.ended_at, "the work ended before it was merged"


async def test_the_session_a_job_was_given_in_is_told_how_it_ended(site: Site, ada: Follower) -> None:
    await in_db(site.script, *docstrings("Return b.", "Return a."), builtin=True, tools=False)
    session = await ada.session()
    job_id = await requested(site, jobs.Order("map", ORDER.instruction, ("a.py",), session=session))
    await ada.event("job", lambda e: e["job"]["id"] == job_id)
    await work.execute(job_id)
    note = (await ada.event("item.completed", lambda e: e["item"]["kind"] == "note"))["item"]
    assert "is ready for review: 1 files changed, +2 −0 lines." in note["data"]["text"]
    snapshot = (await ada.ask("session.open", session=session))["snapshot"]
    assert snapshot["items"] == [note]
    assert [turn["id"] for turn in snapshot["turns"]] == [job_id]
    assert snapshot["seq"] == (await ada.event("session.changed", lambda e: e["session"] == session))["seq"]


async def test_without_a_broker_the_job_waits_and_says_so(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "x"})
    job = await job_of(await requested(site, jobs.Order("agent", "One")))
    assert (job.state, job.phase) == ("queued", outbox.WAITING)


@pytest.mark.parametrize(
    "order",
    [
        jobs.Order("map", "Add docstrings"),
        jobs.Order("map", " ", ("a.py",)),
        jobs.Order("other", "x"),
        jobs.Order("map", "x", ("../secret",)),
        jobs.Order("map", "x", ("missing.py",)),
    ],
)
async def test_an_order_that_makes_no_sense_queues_nothing(site: Site, ada: Follower, order: jobs.Order) -> None:
    await in_db(site.script, {"text": "x"})
    with pytest.raises(Refused):
        await requested(site, order)
    assert await in_db(Job.objects.count) == 0


async def test_a_model_without_tools_gets_no_agent_job(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "x"}, tools=False)
    with pytest.raises(Invalid):
        await requested(site, jobs.Order("agent", "Do it"))


async def test_a_worker_that_starts_finds_what_was_left(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "x"})
    job_id = await requested(site, jobs.Order("agent", "One"))
    await in_db(leases.claim, job_id, "dead")
    past = timezone.now() - timedelta(seconds=1)
    await in_db(lambda: Job.objects.filter(pk=job_id).update(lease_until=past))
    assert await in_db(leases.sweep) == [job_id]


def test_a_second_try_is_asked_with_chance() -> None:
    asked = context.docstring("def f(a):\n    return a\n")
    assert asked is not None
    assert helping.warmer(asked, {"tries": 1}).temperature == 0
    assert helping.warmer(asked, {"tries": 2}).temperature == helping.AGAIN
