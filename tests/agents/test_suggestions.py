"""Living suggestions: a finished job's hunks in the live document, while people type on. Real git, a scripted model."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from agents.jobs import errands, work
from agents.jobs.result.merging import Wish
from agents.jobs.rows import life as jobs
from agents.live import of
from agents.models import Job
from ide.db import in_db
from ide.documents.models import DocumentUpdate
from ide.documents.room import Edit
from ide.documents.text import lines
from ide.live.host import close_all, host_of
from tests.agents.conftest import CODE, Follower, Site, git

ONE = ["-    return a", "+    return a + 1"]
TWO = ["-    return b", "+    return b * 2"]


def patch(*changes: tuple[str, list[str]]) -> dict[str, Any]:
    body = [line for head, change in changes for line in (f"@@ def {head}:", *change)]
    text = ["*** Begin Patch", "*** Update File: a.py", *body, "*** End Patch"]
    return {"calls": [{"name": "apply_patch", "arguments": {"patch": text}}]}


async def finished(site: Site) -> str:
    """A job that has changed both functions, and waits for review."""
    await in_db(site.script, patch(("one(a)", ONE), ("two(b)", TWO)), {"text": "Done."})
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Change both")))["id"])
    await work.execute(job_id)
    assert (await in_db(jobs.get, job_id)).state == "review"
    of(await site.host()).feed.look(job_id)
    return job_id


async def shown(site: Site, ada: Follower, job_id: str, hunks: int) -> dict[str, Any]:
    """The job's proposal once everybody has heard of so many hunks."""
    await ada.event("proposal", lambda e: e["proposal"]["job"] == job_id and len(e["proposal"]["hunks"]) == hunks)
    return next(iter(of(await site.host()).proposals.wire()))


async def test_hunks_of_a_finished_job_are_applied_one_by_one_while_people_type(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    job_id = await finished(site)
    proposal = await shown(site, ada, job_id, 2)
    assert (proposal["waiting"], proposal["stale"], ada.text(site.document.pk)) == (True, 0, CODE)
    ada.type(site.document.pk, 0, "# typed since\n")
    await ada.ask("proposal.accept", proposal=proposal["id"], hunks=[proposal["hunks"][0]["id"]])
    wanted = "# typed since\n" + CODE.replace("return a", "return a + 1")
    await ada.until(lambda: ada.text(site.document.pk) == wanted)
    left = await shown(site, ada, job_id, 1)
    assert left["hunks"][0]["lines"] == ["    return b * 2"]
    await ada.ask("proposal.reject", proposal=proposal["id"], hunks="all")
    await ada.event("proposal", lambda e: e["proposal"]["job"] == job_id and e["proposal"]["state"] == "closed")
    assert ada.text(site.document.pk) == wanted
    assert f"job:{job_id}" in await in_db(_origins, site.document.pk), "what it wrote is known as the job's"


def _origins(document_id: str) -> set[str]:
    return set(DocumentUpdate.objects.filter(document_id=document_id).values_list("origin", flat=True))


async def test_a_hunk_whose_lines_people_changed_needs_a_rebase(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    job_id = await finished(site)
    await shown(site, ada, job_id, 2)
    at = CODE.index("return b") + len("return b")
    ada.type(site.document.pk, at, "  # mine")
    left = await shown(site, ada, job_id, 1)
    assert (left["stale"], left["hunks"][0]["lines"]) == (1, ["    return a + 1"])
    await ada.ask("proposal.accept", proposal=left["id"], hunks="all")
    wanted = CODE.replace("return a", "return a + 1").replace("return b", "return b  # mine")
    await ada.until(lambda: ada.text(site.document.pk) == wanted)


async def test_they_go_when_the_job_is_merged_or_works_on(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    job_id = await finished(site)
    await shown(site, ada, job_id, 2)
    job = await in_db(jobs.get, job_id)
    await errands.merge(job, site.ada, Wish(job.head))
    await ada.event("proposal", lambda e: e["proposal"]["job"] == job_id and e["proposal"]["state"] == "closed")
    assert of(await site.host()).proposals.wire() == []
    assert git(site.folder, "show", f"refs/tandem/merged/{job_id}:a.py") == ada.text(site.document.pk).rstrip()


async def test_they_survive_a_restart_and_are_laid_out_where_nobody_was_there(site: Site, ada: Follower) -> None:
    await ada.opened(site.document.pk)
    job_id = await finished(site)
    await shown(site, ada, job_id, 2)
    ada.type(site.document.pk, 0, "# typed since\n")
    await ada.until(lambda: ada.text(site.document.pk).startswith("# typed"))
    await close_all()
    (first,) = of(await host_of(site.workspace.pk)).proposals.wire()
    assert (first["job"], len(first["hunks"]), first["stale"]) == (job_id, 2, 0)  # type: ignore[arg-type]
    await close_all()
    await in_db(lambda: Job.objects.get(pk=job_id).proposals.all().delete())
    live = of(await host_of(site.workspace.pk))
    async with asyncio.timeout(20):
        while not (found := live.proposals.wire()):
            await asyncio.sleep(0.01)
    assert len(found[0]["hunks"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
async def test_after_200_edits_elsewhere_nearly_all_still_apply_and_none_in_a_wrong_place(
    site: Site, seed: int
) -> None:
    """40 functions; the job has changed every fourth one's return line; people edit, insert and delete other lines."""
    dice = random.Random(seed)
    base = "".join(f"def f{n}(x):\n    y = x + {n}\n    z = y\n    w = z\n    return w\n\n\n" for n in range(40))
    result = base
    for n in range(0, 40, 4):
        start = result.index(f"def f{n}(x)")
        at = result.index("    return w\n", start)
        result = result[:at] + f"    return w * {n}\n" + result[at + len("    return w\n") :]
    (site.folder / "a.py").write_text(base)
    host = await host_of(site.workspace.pk)
    room = await host.open_path("a.py")
    proposals = of(host).proposals
    job = await in_db(
        lambda: Job.objects.create(workspace=site.workspace, kind="agent", instruction="x", state="review")
    )
    tracked = proposals.suggest(room, f"job:{job.pk}", None, (base, result))
    for number in range(200):
        rows = lines(room.text())
        free = [n for n, row in enumerate(rows) if row.startswith(("    y", "    z"))]
        at = dice.choice(free)
        start = sum(map(len, rows[:at]))
        edit = dice.choice([Edit(start, start, f"    # {number}\n"), Edit(start + 4, start + 5, "yy")])
        room.edit([edit], "person:1")
    tracked.doc.settle()
    kept = tracked.hunks()
    assert len(kept) >= 10 * 0.95
    before, proposed = room.text(), tracked.proposed
    for n in range(0, 40, 4):
        wanted, start, end = f"    return w * {n}\n", proposed.index(f"def f{n}(x)"), proposed.index(f"def f{n + 1}(x)")
        assert proposed.count(wanted) == proposed.count(wanted, start, end) <= 1, "in no other place"
    await proposals.accept(tracked.row.pk, None)
    assert room.text() == proposed
    assert [row for row in lines(before) if "return w" not in row] == [
        row for row in lines(proposed) if "return w" not in row
    ], "nothing people wrote was touched"
    await close_all()
