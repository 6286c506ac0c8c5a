"""Review and merge of a job's result: real git, live documents, a host that dies in the middle.

The result is a commit made here by hand: what a model did to get there does not matter.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agents.jobs import errands
from agents.jobs.result import merging, review
from agents.jobs.result.merging import Wish
from agents.jobs.result.review import Change
from agents.jobs.rows import life as jobs
from agents.live import of
from agents.models import Job, JobEvent, Merge
from agents.proposals import hunks
from ide.db import in_db
from ide.documents.history import authorship
from ide.documents.text import lines
from ide.errors import Conflict, Invalid, NotFound
from ide.live.host import close_all
from ide.workspaces import git as workspace_git
from tests.agents.conftest import CODE, Follower, Site, git

DOUBLED = CODE.replace("return b", "return b * 2")


async def result(site: Site, files: dict[str, str | None]) -> Job:
    """A job in review whose result has these files (None: deleted) on the workspace as it is."""
    host = await site.host()
    await host.flush()
    job = await in_db(
        lambda: Job.objects.create(workspace=site.workspace, kind="agent", instruction="Change it", owner=site.ada)
    )
    base = await workspace_git.snapshot(site.folder, f"refs/tandem/bases/{job.pk}", "base\n")
    tree = site.scripts / job.pk
    git(site.folder, "worktree", "add", "-q", "--detach", str(tree), base)
    for path, text in files.items():
        place = tree / path
        if text is None:
            place.unlink()
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "result")
    head = git(tree, "rev-parse", "HEAD")
    git(site.folder, "worktree", "remove", "--force", str(tree))
    git(site.folder, "update-ref", f"refs/tandem/jobs/{job.pk}", head)
    await in_db(lambda: Job.objects.filter(pk=job.pk).update(state="review", base=base, head=head))
    return await in_db(jobs.get, job.pk)


async def merge(site: Site, job: Job, **wish: Any) -> None:
    await errands.merge(job, site.ada, Wish(**{"head": job.head, **wish}))


async def test_approval_is_of_the_object_that_was_looked_at(site: Site, ada: Follower) -> None:
    job = await result(site, {"a.py": DOUBLED})
    other = git(site.folder, "commit-tree", f"{job.head}^{{tree}}", "-p", job.base, "-m", "another")
    await in_db(lambda: Job.objects.filter(pk=job.pk).update(head=other))
    for seen in (job.head, ""):
        with pytest.raises(Conflict) as refusal:
            await merge(site, job, head=seen)
        assert (refusal.value.as_json()["code"], refusal.value.detail["head"]) == ("changed", other)
    assert (site.folder / "a.py").read_text() == CODE
    await merge(site, job, head=other)
    assert (site.folder / "a.py").read_text() == DOUBLED
    assert (await in_db(Merge.objects.get)).head == other


async def test_a_comment_on_lines_takes_the_approval_back_and_reaches_the_agent(site: Site, ada: Follower) -> None:
    job = await result(site, {"a.py": DOUBLED})
    await errands.look(job)
    said = {"path": "a.py", "text": "By three, please.", "side": "proposed", "lines": (8, 9)}
    remarks = errands.remarks.Remarks(job.head, (errands.remarks.Remark(**said),))  # type: ignore[arg-type]
    assert (await errands.comment(job, site.bob, remarks))["state"] == "queued"
    event = await in_db(lambda: JobEvent.objects.get(job=job, kind="steer"))
    assert event.data["text"].endswith("a.py, line 9:\n>     return b * 2\nBy three, please.")
    with pytest.raises(Conflict):
        await merge(site, job)
    with pytest.raises(Conflict):
        await errands.comment(job, site.bob, remarks)


async def test_what_makes_code_run_is_merged_only_by_name(site: Site, ada: Follower) -> None:
    flagged = {".github/workflows/x.yml": "on: push\n", "uv.lock": "1\n", ".gitattributes": "* text\n"}
    job = await result(site, {"a.py": DOUBLED, **flagged, ".vscode/tasks.json": "{}\n"})
    told = await errands.look(job)
    assert {f["path"]: f["flags"] for f in told["files"]} == {  # type: ignore[attr-defined]
        "a.py": [],
        ".github/workflows/x.yml": ["ci"],
        "uv.lock": ["lock"],
        ".gitattributes": ["git"],
        ".vscode/tasks.json": ["config"],
    }
    for confirmed in ((), tuple(flagged), ("a.py", ".vscode/tasks.json")):
        with pytest.raises(Conflict) as refusal:
            await merge(site, job, confirmed=confirmed)
        assert refusal.value.as_json()["code"] == "unconfirmed"
        assert set(refusal.value.detail["files"]).isdisjoint(confirmed)  # type: ignore[call-overload]
    assert not (site.folder / "uv.lock").exists()
    await merge(site, job, files=("a.py", "uv.lock"), confirmed=("uv.lock",))
    assert (site.folder / "uv.lock").exists()
    assert not (site.folder / ".github").exists()


async def test_a_commit_on_the_branch_and_the_text_in_the_documents(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    job = await result(site, {"a.py": DOUBLED, "new/b.py": "B = 1\n"})
    ada.type(site.document.pk, 0, "# mine, not committed\n")
    await ada.event("document.disk", lambda e: not e["on_disk"])
    before = git(site.folder, "rev-parse", "main")
    await merge(site, job, branch="main", message="Double two")
    row = await in_db(Merge.objects.get)
    assert (row.state, row.old, git(site.folder, "rev-parse", "main")) == ("done", before, row.new)
    assert git(site.folder, "show", "main:a.py") == DOUBLED.strip()
    assert git(site.folder, "show", "main:new/b.py") == "B = 1"
    message = git(site.folder, "log", "-1", "--format=%an%n%B", "main")
    assert message.startswith("ada\nDouble two\n")
    assert f"Tandem-Job: {job.pk}" in message
    wanted = "# mine, not committed\n" + DOUBLED
    await ada.until(lambda: ada.text(site.document.pk) == wanted)
    assert git(site.folder, "status", "--porcelain") == "M a.py", "only what the person typed is left to commit"


async def test_a_branch_that_is_not_checked_out_gets_the_commit_only(site: Site, ada: Follower) -> None:
    git(site.folder, "branch", "side")
    job = await result(site, {"a.py": DOUBLED})
    with pytest.raises(NotFound):
        await merge(site, job, branch="nowhere")
    with pytest.raises(Invalid):
        await merge(site, job, branch="../main")
    await merge(site, job, branch="side")
    assert git(site.folder, "show", "side:a.py") == DOUBLED.strip()
    assert (site.folder / "a.py").read_text() == CODE
    assert git(site.folder, "rev-parse", "main") != git(site.folder, "rev-parse", "side")


async def test_conflicts_are_decided_in_the_editor(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    both = DOUBLED.replace("return a", "return a + 1")
    job = await result(site, {"a.py": both})
    ada.type(site.document.pk, CODE.index("return b") + 8, "  # bob's")
    await ada.until(lambda: "# bob's" in ada.text(site.document.pk))
    with pytest.raises(Conflict) as refusal:
        await merge(site, job)
    assert refusal.value.detail["files"] == ["a.py"]
    assert await in_db(Merge.objects.count) == 0
    (file,) = (await errands.look(job))["files"]  # type: ignore[misc]
    assert [hunk["state"] for hunk in file["hunks"]] == ["applies", "stale"]
    await merge(site, job, conflicts="editor")
    mine = CODE.replace("return a", "return a + 1").replace("return b", "return b  # bob's")
    await ada.until(lambda: ada.text(site.document.pk) == mine)
    (left,) = of(await site.host()).proposals.wire()
    assert [hunk["lines"] for hunk in left["hunks"]] == [["    return b * 2"]]  # type: ignore[attr-defined]
    await close_all()
    (left,) = of(await site.host()).proposals.wire()
    assert (left["job"], len(left["hunks"])) == (job.pk, 1)  # type: ignore[arg-type]
    await of(await site.host()).proposals.accept(str(left["id"]), None)
    room = await (await site.host()).open_path("a.py")
    assert room.text() == both


async def test_exactly_the_chosen_hunks_are_merged_into_documents_and_branch(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    both = DOUBLED.replace("return a", "return a + 1")
    job = await result(site, {"a.py": both, "c.py": "C = 3\n"})
    files = {f["path"]: f for f in (await errands.look(job))["files"]}  # type: ignore[attr-defined]
    one, two = (hunk["id"] for hunk in files["a.py"]["hunks"])
    wrong: list[dict[str, Any]] = [
        {"a.py": ()},  # nothing of a file: it is left out by its name
        {"a.py": (two, "another")},
        {"c.py": (files["c.py"]["hunks"][0]["id"],)},  # a new file is taken whole
        {"b.py": (one,)},
    ]
    for choice in wrong:
        with pytest.raises(Invalid):
            await merge(site, job, hunks=choice)
    with pytest.raises(Invalid):
        await merge(site, job, files=("c.py",), hunks={"a.py": (one,)})
    with pytest.raises(Conflict):
        await merge(site, job, head=job.base, hunks={"a.py": (two,)})
    assert await in_db(Merge.objects.count) == 0
    assert ada.text(site.document.pk) == CODE
    await merge(site, job, hunks={"a.py": (two,)}, branch="main")
    assert git(site.folder, "show", "main:a.py") == DOUBLED.strip()
    assert git(site.folder, "show", "main:c.py") == "C = 3"
    await ada.until(lambda: ada.text(site.document.pk) == DOUBLED)
    assert (await in_db(Merge.objects.get)).wish["hunks"] == {"a.py": [two]}, "what was approved is written down"


async def test_a_file_in_conflict_is_merged_without_the_hunk_that_conflicts(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    job = await result(site, {"a.py": DOUBLED.replace("return a", "return a + 1")})
    ada.type(site.document.pk, CODE.index("return b") + 8, "  # bob's")
    await ada.until(lambda: "# bob's" in ada.text(site.document.pk))
    (file,) = (await errands.look(job))["files"]  # type: ignore[misc]
    applies, stale = file["hunks"]
    with pytest.raises(Conflict):
        await merge(site, job, hunks={"a.py": (stale["id"],)})
    await merge(site, job, hunks={"a.py": (applies["id"],)})
    mine = CODE.replace("return a", "return a + 1").replace("return b", "return b  # bob's")
    await ada.until(lambda: ada.text(site.document.pk) == mine)


LINES = st.lists(st.sampled_from(["a\n", "b\n", "\n", "pass\n", "end"]), max_size=9).map("".join)


@given(LINES, LINES, st.data())
def test_base_with_the_chosen_hunks_is_what_is_merged(base: str, proposed: str, data: st.DataObject) -> None:
    told = hunks.hunks(base, proposed)
    assume(told)
    ids = data.draw(st.sets(st.sampled_from([hunk.id for hunk in told]), min_size=1))
    change = review.narrowed(Change("a.py", "changed", base, proposed, proposed.encode()), ids)
    old, new, at, wanted = lines(base), lines(proposed), 0, ""
    for hunk in told:
        wanted += "".join(old[at : hunk.a_from])
        wanted += "".join(new[hunk.b_from : hunk.b_to] if hunk.id in ids else old[hunk.a_from : hunk.a_to])
        at = hunk.a_to
    wanted += "".join(old[at:])
    assert (change.proposed, change.data) == (wanted, wanted.encode())
    assert review.merged(change, base).text == wanted
    assert review.merged(change, wanted).text == wanted, "a second time changes nothing"
    assert len(ids) < len(told) or wanted == proposed


async def test_lines_of_the_job_stay_the_jobs(site: Site, ada: Follower) -> None:
    job = await result(site, {"a.py": DOUBLED, "c.py": "C = 3\n"})
    await merge(site, job)
    host = await site.host()
    await host.store.drain()
    for path in ("a.py", "c.py"):
        room = await host.open_path(path)
        known = await in_db(authorship.known, room.id)
        assert f"job:{job.pk}" in {origin for _, origin in known.runs}


async def test_a_merge_of_chosen_hunks_that_was_cut_off_takes_those_and_no_others(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    job = await result(site, {"a.py": DOUBLED.replace("return a", "return a + 1")})
    (file,) = (await errands.look(job))["files"]  # type: ignore[misc]
    wish = {"head": job.head, "hunks": {"a.py": [file["hunks"][1]["id"]]}}
    await in_db(lambda: Merge.objects.create(job=job, by=site.ada, head=job.head, wish=wish))
    await close_all()
    host = await site.host()
    async with of(host).merging:
        pass
    assert (await in_db(jobs.get, job.pk)).state == "merged"
    assert (await host.open_path("a.py")).text() == DOUBLED


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("written", [False, True])
async def test_a_merge_that_was_cut_off_is_brought_to_its_end_once(
    site: Site, ada: Follower, moved: bool, written: bool
) -> None:
    """The row is there, its branch has moved or not, its edits are in the log or not; then people typed on."""
    if written and not moved:
        return  # the branch comes first
    await ada.opened(site.document.pk)
    job = await result(site, {"a.py": DOUBLED})
    host = await site.host()
    told = await review.changes(host, job)
    row = Merge(job=job, by=site.ada, head=job.head, branch="main", wish={"head": job.head})
    row.old, row.new = await merging.branches.prepared(site.folder, job, told, site.ada, ("main", ""))
    row.places = await merging._places(host, told)
    await in_db(row.save)
    room = await host.open_path("a.py")
    if moved:
        await merging.branches.moved(site.folder, row)
    if written:
        at = CODE.index("return b") + len("return b")
        await room.edit([merging.Edit(at, at, " * 2")], f"job:{job.pk}")
        start = room.text().index(" * 2")
        await room.edit([merging.Edit(start, start + 4, "")], f"person:{site.bob.pk}")  # and bob took it out again
    await close_all()
    host = await site.host()
    async with of(host).merging:
        pass
    await in_db(lambda: None)
    assert (await in_db(jobs.get, job.pk)).state == "merged"
    assert git(site.folder, "rev-parse", "main") == row.new
    assert git(site.folder, "rev-list", "--count", f"{row.old}..main") == "1"
    assert (await host.open_path("a.py")).text() == (CODE if written else DOUBLED), "what people undid stays undone"
    with pytest.raises(Conflict):
        await merge(site, job)


async def test_a_branch_that_went_elsewhere_before_the_crash_leaves_the_job_in_review(
    site: Site, ada: Follower
) -> None:
    job = await result(site, {"a.py": DOUBLED})
    told = await review.changes(await site.host(), job)
    row = Merge(job=job, by=site.ada, head=job.head, branch="main", wish={"head": job.head})
    row.old, row.new = await merging.branches.prepared(site.folder, job, told, site.ada, ("main", ""))
    await in_db(row.save)
    git(site.folder, "commit", "-q", "--allow-empty", "-m", "another's")
    assert await merging.take_up(await site.host(), of(await site.host()).proposals) == [job.pk]
    assert (await in_db(jobs.get, job.pk)).state == "review"
    assert await in_db(Merge.objects.count) == 0
    assert (site.folder / "a.py").read_text() == CODE
    await merge(site, job, branch="main")
    assert git(site.folder, "show", "main:a.py") == DOUBLED.strip()


def test_a_hunk_is_placed_where_it_would_go() -> None:
    base = "".join(f"{n}\n" for n in range(8))
    result = base.replace("2\n", "two\n").replace("5\n", "five\n").replace("7\n", "7\nmore\n")
    now = "new\n" + base.replace("5\n", "fünf\n").replace("2\n", "two\n")
    told = review.placed(base, result, now)
    assert [(one["state"], one["current"]) for one in told] == [
        ("there", [3, 4]),
        ("stale", [6, 7]),
        ("applies", [9, 9]),
    ]
