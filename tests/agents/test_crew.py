"""What an agent job has beyond files and commands: a plan people decide on, tests, diagnostics, sub-agents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from agents.environments import testing
from agents.jobs import errands, work
from agents.jobs.agent import crew
from agents.jobs.maps import helping
from agents.jobs.rows import items, leases, plans
from agents.jobs.rows import life as jobs
from agents.jobs.working import places, trail
from agents.jobs.working.bench import Bench
from agents.jobs.working.report import Reporter
from agents.models import Job, Step
from ide.db import in_db
from ide.errors import Conflict
from ide.workspaces import git as workspace_git
from tests.agents.conftest import CODE, Follower, Site, git
from tests.runner.conftest import Runner


@pytest.fixture
def runner(site: Site) -> Iterator[Runner]:
    started = Runner(settings.RUNTIME_DIR)
    yield started
    started.stop()


def patched(path: str, *lines: str) -> dict[str, object]:
    patch = ["*** Begin Patch", f"*** Add File: {path}", *(f"+{line}" for line in lines), "*** End Patch"]
    return {"calls": [{"name": "apply_patch", "arguments": {"patch": patch}}]}


def called(name: str, **arguments: object) -> dict[str, object]:
    return {"calls": [{"name": name, "arguments": arguments}]}


async def requested(site: Site, order: jobs.Order) -> str:
    return str((await errands.request(site.workspace.pk, site.ada, order))["id"])


async def job_of(job_id: str) -> Job:
    return await in_db(jobs.get, job_id)


async def drained() -> int:
    """Work until nothing waits; returns how many slices that took."""
    slices = 0
    while await work.serve("worker"):
        slices += 1
    return slices


PYTEST = "python3 -m pytest -q --maxfail=20 -p no:cacheprovider"
PLAN = called("plan", steps=["Write b", "Test it"])


async def test_a_plan_waits_for_a_word_and_nothing_is_changed_before(site: Site, ada: Follower) -> None:
    endpoint = await in_db(site.script, patched("b.py", "B = 1"), PLAN)
    job_id = await requested(site, jobs.Order("agent", "Make b", approve_plan=True))
    await drained()
    job = await job_of(job_id)
    assert (job.state, job.phase, job.plan["state"]) == ("waiting", "its plan waits for approval", "proposed")
    rows = await in_db(lambda: list(Step.objects.filter(job_id=job_id)))
    assert "There is no tool 'apply_patch' here" in rows[0].data["messages"][1]["text"]
    shown = (await ada.ask("job.plan.edit", job=job_id, steps=["Write b", "Leave the rest"]))["job"]
    assert (shown["state"], shown["plan"]["by"], shown["queue_place"]) == ("queued", "ada", 0)
    heard = {**patched("b.py", "B = 2"), "when": "2. Leave the rest"}
    script = await in_db(site.script, PLAN, heard, called("plan", done=[1]), {"text": "Done."})
    endpoint.base_url = script.base_url
    await in_db(endpoint.save)
    await drained()
    job = await job_of(job_id)
    assert (job.state, git(site.folder, "show", f"{job.head}:b.py")) == ("review", "B = 2"), job.error
    assert job.plan["steps"] == [{"text": "Write b", "done": True}, {"text": "Leave the rest", "done": False}]
    with pytest.raises(Conflict):
        await in_db(plans.approve, job_id, site.ada)


async def test_without_that_setting_a_plan_is_shown_and_carried_out_at_once(site: Site, ada: Follower) -> None:
    await in_db(site.script, PLAN, patched("b.py", "B = 1"), {"text": "Done."})
    job_id = await requested(site, jobs.Order("agent", "Make b"))
    assert await drained() == 1
    job = await job_of(job_id)
    assert (job.state, job.plan["state"], len(job.plan["steps"])) == ("review", "approved", 2)
    shown = (await in_db(jobs.detail, job_id))["plan"]
    assert [step["text"] for step in shown["steps"]] == ["Write b", "Test it"]  # type: ignore[index, call-overload]


async def test_tests_are_found_and_run_and_what_failed_is_told_in_brief(
    site: Site, ada: Follower, runner: Runner
) -> None:
    lines = [
        "import unittest",
        "class T(unittest.TestCase):",
        "    def test_b(self):",
        "        self.assertEqual(1, 2)",
    ]
    await in_db(
        site.script,
        patched("test_b.py", *lines),
        called("run_tests"),
        called("diagnostics", paths=["a.py"]),
        {"text": "Done."},
    )
    job_id = await requested(site, jobs.Order("agent", "Test"))
    await drained()
    tools = [e["data"] for e in (await in_db(jobs.detail, job_id))["events"] if e["kind"] == "tool"]  # type: ignore[attr-defined]
    assert [tool["ok"] for tool in tools] == [True, False, True]
    assert "failed, exit code 1" in tools[1]["output"]
    assert "AssertionError: 1 != 2" in tools[1]["output"]
    assert tools[2]["output"] == "No syntax errors."


@pytest.mark.parametrize(
    ("files", "name", "line"),
    [
        ({"package.json": '{"scripts": {"test": "vitest"}}'}, "npm", "npm test --silent -- a/b.ts"),
        (
            {"pyproject.toml": "[tool.pytest.ini_options]"},
            "pytest",
            "python3 -m pytest -q --maxfail=20 -p no:cacheprovider a/b.ts",
        ),
        ({"Cargo.toml": ""}, "cargo", "cargo test --offline --quiet"),
        ({"go.mod": ""}, "go", "go test ./a"),
        ({"Makefile": "all:\n\ncheck: all\n"}, "make", "make check"),
        ({"package.json": "{}", "test_x.py": ""}, "unittest", "python3 -m unittest a/b.ts"),
    ],
)
def test_who_runs_the_tests_is_told_by_the_files(files: dict[str, str], name: str, line: str) -> None:
    found = testing.detect(list(files), files.__getitem__)
    assert found is not None
    assert (found.name, testing.command(found, ["a/b.ts"])) == (name, line)


def test_a_long_output_keeps_what_failed() -> None:
    noise = "\n".join(f"line {n}" for n in range(2000))
    text = testing.brief(f"{noise}\nE   AssertionError: here\n{noise}\n3 failed, 7 passed in 2 s\n")
    assert "AssertionError: here" in text
    assert text.endswith("3 failed, 7 passed in 2 s")
    assert len(text) < testing.SHOWN + 100


TASKS = [{"instruction": "Make c, please"}, {"instruction": "Make d, please"}, {"instruction": "Break, please"}]


async def test_parts_are_done_by_sub_agents_and_come_together_in_the_parents_worktree(
    site: Site, ada: Follower
) -> None:
    await in_db(
        site.script,
        {"text": "All of it.", "when": "your sub-agents have ended"},
        {**patched("b.py", "B = 1"), "when": "make everything"},
        {**called("delegate_parts", tasks=TASKS), "when": "make everything"},
        {**patched("c.py", "C = 1"), "when": "make c, please"},
        {"text": "c is made.", "when": "make c, please"},
        {**patched("d.py", "D = 1"), "when": "make d, please"},
        {"text": "d is made.", "when": "make d, please"},
        {"error": "auth", "when": "break, please"},
    )
    job_id = await requested(site, jobs.Order("agent", "Make everything", budget={"steps": 40, "tokens": 100_000}))
    assert await drained() == 5, "the parent twice, each child once"
    job = await job_of(job_id)
    assert (job.state, job.error) == ("review", "")
    assert [git(site.folder, "show", f"{job.head}:{name}.py") for name in "bcd"] == ["B = 1", "C = 1", "D = 1"]
    children = (await in_db(jobs.detail, job_id))["children"]
    assert sorted(child["state"] for child in children) == ["failed", "merged", "merged"]  # type: ignore[attr-defined]
    kids = await in_db(lambda: list(job.children.all()))
    assert all(git(site.folder, "show", f"{kid.base}:b.py") == "B = 1" for kid in kids), (
        "they stand on the tree as it was"
    )
    assert all(0 < kid.budget["steps"] <= 38 / 4 and 0 < kid.budget["tokens"] <= 100_000 / 4 for kid in kids)
    parts = await in_db(lambda: job.steps.get(name="parts of sub-agents"))
    assert "c is made." in parts.data["messages"][0]["text"]
    assert "It failed" in parts.data["messages"][0]["text"]


async def test_a_cancelled_parent_takes_its_sub_agents_with_it(site: Site, ada: Follower) -> None:
    await in_db(site.script, called("delegate_parts", tasks=TASKS[:2]), {"text": "Nothing."})
    job_id = await requested(site, jobs.Order("agent", "Make everything"))
    await work.execute(job_id)
    job = await job_of(job_id)
    assert (job.state, job.phase) == ("waiting", "waiting for its sub-agents")
    await errands.cancel(job)
    states = await in_db(lambda: list(Job.objects.values_list("state", flat=True)))
    assert states == ["cancelled"] * 3
    assert await in_db(leases.claim_next, "any") is None


@pytest.mark.parametrize("died", [False, True])
async def test_what_a_job_delegates_after_it_was_cancelled_ends_with_it(
    site: Site, ada: Follower, *, died: bool
) -> None:
    await in_db(site.script, {"text": "Done."})
    job_id = await requested(site, jobs.Order("agent", "Make parts"))
    job = await in_db(leases.claim, job_id, "worker")
    assert job is not None
    await in_db(jobs.begin, job)
    assert not await in_db(jobs.ask_cancel, job_id)  # its worker has not heard of it yet
    reporter, place, tree = Reporter(job), places.of(job), work.worktree(job)
    tree.parent.mkdir(parents=True, exist_ok=True)
    await workspace_git.clone_shared(place.root, tree, job.base)
    bench = Bench(job, place, tree, await helping.provider_of(job, reporter), reporter)
    ids = await crew.delegate(bench, crew.Origin(1, job.base), [crew.Task("x"), crew.Task("y")])
    assert [(await job_of(child)).state for child in ids] == ["queued"] * 2
    if died:
        await in_db(Job.objects.filter(pk=job_id).update, lease_until=timezone.now() - leases.LEASE)
        assert await in_db(leases.sweep) == []
    else:
        await in_db(jobs.finish, job, Job.State.CANCELLED)
    assert [(await job_of(one)).state for one in (job_id, *ids)] == ["cancelled"] * 3
    with pytest.raises(jobs.Fenced):
        await crew.delegate(bench, crew.Origin(2, job.base), [crew.Task("z")])
    assert await drained() == 0


async def test_people_take_turns_however_much_one_asks_for(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "Nothing.", "repeat": True})
    mine = [await requested(site, jobs.Order("agent", f"ada {n}")) for n in range(4)]
    bobs = str((await errands.request(site.workspace.pk, site.bob, jobs.Order("agent", "bob")))["id"])
    assert [(await in_db(jobs.detail, one))["queue_place"] for one in (*mine, bobs)] == [0, 2, 3, 4, 1]
    first, second = await in_db(leases.claim_next, "one"), await in_db(leases.claim_next, "two")
    assert first is not None
    assert second is not None
    assert [first.pk, second.pk] == [mine[0], bobs]
    third = await in_db(leases.claim_next, "three")
    assert third is not None
    assert third.pk == mine[1]


async def test_a_slice_ends_at_a_step_and_the_job_goes_on_in_its_turn(site: Site, ada: Follower, settings: Any) -> None:
    settings.JOB_SLICE_SECONDS = 0.0
    endpoint = await in_db(site.script, patched("b.py", "B = 1"))
    job_id = await requested(site, jobs.Order("agent", "Make b"))
    other = str((await errands.request(site.workspace.pk, site.bob, jobs.Order("agent", "Make c")))["id"])
    assert await work.serve("worker")
    job = await job_of(job_id)
    assert (job.state, job.done, job.attempt) == ("queued", 1, 0)
    await work.serve("worker")
    assert (await job_of(other)).done == 1, "others come first"
    endpoint.base_url = (await in_db(site.script, {"text": "Done.", "repeat": True})).base_url
    await in_db(endpoint.save)
    await drained()
    job = await job_of(job_id)
    assert (job.state, job.done, git(site.folder, "show", f"{job.head}:b.py")) == ("review", 2, "B = 1"), job.error


async def test_an_answer_that_was_stored_is_acted_on_and_not_asked_for_again(site: Site, ada: Follower) -> None:
    endpoint = await in_db(site.script, patched("b.py", "B = 1"), {"text": "thinking…", "pause_after": 2})
    job_id = await requested(site, jobs.Order("agent", "Make b"))
    claimed = await in_db(leases.claim, job_id, "dead")
    assert claimed is not None
    call = {"id": "x", "name": "apply_patch", "arguments": "*** Begin Patch\n*** Add File: c.py\n+C = 1\n*** End Patch"}
    answer = {"role": "assistant", "text": "", "calls": [call]}
    from_trail = {"before": [], "answer": answer, "heard": 0}
    row = {"key": trail.key_of(job_id, 1, claimed.base), "data": from_trail}
    await in_db(Step.objects.create, job=claimed, position=1, name="x", state="started", **row)
    await in_db(lambda: Job.objects.filter(pk=job_id).update(lease_until="2000-01-01T00:00:00Z"))
    assert await in_db(leases.sweep) == [job_id]
    endpoint.base_url = (await in_db(site.script, {"text": "Done."})).base_url
    await in_db(endpoint.save)
    await drained()
    job = await job_of(job_id)
    assert (job.state, git(site.folder, "show", f"{job.head}:c.py")) == ("review", "C = 1"), job.error


async def test_a_map_job_is_given_symbols_by_a_query_and_every_worker_takes_its_items(
    site: Site, ada: Follower
) -> None:
    await in_db(
        site.script,
        {"text": "```python\ndef two(b):\n    return 2\n```"},
        {"text": "```python\ndef one(a):\n    return 1\n```"},
        tools=False,
    )
    job_id = await requested(site, jobs.Order("map", "Return its number", globs=("*.py",), query="O"))
    steps = await in_db(lambda: list(Step.objects.filter(job_id=job_id)))
    assert [step.name for step in steps] == ["a.py · two", "a.py · one"]
    holder = await in_db(leases.claim, job_id, "holder")
    assert holder is not None
    await in_db(jobs.begin, holder)
    assert await work.serve("helper"), "nothing waits for a worker, so it helps"
    assert [step.state for step in await in_db(lambda: list(Step.objects.filter(job_id=job_id)))] == ["done", "done"]
    await in_db(lambda: Job.objects.filter(pk=job_id).update(lease_until="2000-01-01T00:00:00Z"))
    assert await in_db(leases.sweep) == [job_id]
    await drained()
    job = await job_of(job_id)
    assert (job.state, job.done, job.total) == ("review", 2, 2), job.error
    wanted = CODE.replace("return b", "return 2").replace("return a", "return 1")
    assert git(site.folder, "show", f"{job.head}:a.py") == wanted.rstrip()
    assert job.output_tokens > 0, "what helpers used is counted"


async def test_an_item_belongs_to_one_worker_and_comes_back_from_a_dead_one(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "x"}, tools=False)
    job_id = await requested(site, jobs.Order("map", "Change it", ("a.py",), globs=("*.py",), query="two"))
    holder = await in_db(leases.claim, job_id, "holder")
    assert holder is not None
    await in_db(jobs.begin, holder)
    first = await in_db(items.take, job_id, "first")
    assert first is not None
    assert await in_db(items.take, job_id, "second") is None
    await in_db(lambda: Step.objects.filter(pk=first.pk).update(lease_until="2000-01-01T00:00:00Z"))
    await in_db(leases.sweep)
    second = await in_db(items.take, job_id, "second")
    assert second is not None
    assert (second.pk, second.attempt) == (first.pk, 2)
    first.state = Step.State.DONE
    with pytest.raises(jobs.Fenced):
        await in_db(items.save, first)
