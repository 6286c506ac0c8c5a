"""Taking a job over and giving it back: its work as proposals in the documents, a person's edits as its new ground."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.jobs import errands, work
from agents.jobs.result.merging import Wish
from agents.jobs.rows import life as jobs
from agents.live import of
from agents.models import Job, Step
from ide.db import in_db
from tests.agents.conftest import CODE, Follower, Site, git
from tests.agents.test_suggestions import ONE, TWO, patch

NEW = ["*** Begin Patch", "*** Add File: new.py", "+N = 1", "*** Add File: other.py", "+O = 1", "*** End Patch"]
ADDS = {"calls": [{"name": "apply_patch", "arguments": {"patch": NEW}}]}


async def open_of(ada: Follower, site: Site, job_id: str, count: int) -> dict[str, dict[str, Any]]:
    """What of the job is to be decided on, by path; waited for until there are so many."""
    host = await site.host()

    def found() -> dict[str, dict[str, Any]]:
        told: list[Any] = [*of(host).proposals.wire(), *of(host).suggestions.files.wire()]
        return {one["path"]: one for one in told if one["job"] == job_id}

    await ada.until(lambda: len(found()) == count)
    return found()


async def test_a_person_takes_over_decides_types_and_gives_back(site: Site, ada: Follower) -> None:
    ada.open(site.document.pk)
    hangs = {"text": "And now", "pause_after": 3}
    await in_db(site.script, patch(("one(a)", ONE), ("two(b)", TWO)), ADDS, hangs)
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Change both")))["id"])
    worker = asyncio.create_task(work.execute(job_id))
    await ada.event("job", lambda e: e["job"]["id"] == job_id and e["job"]["done"] == 2)
    taken = (await ada.ask("job.takeover", job=job_id))["job"]
    assert (taken["taken_by"]["name"], taken["pausing"]) == ("ada", True)
    assert (await ada.refused("job.takeover", job=job_id))["code"] == "conflict"
    worker.cancel()  # its machine dies in a step that never ends; another one would find the wish to pause
    await asyncio.gather(worker, return_exceptions=True)
    await in_db(lambda: Job.objects.filter(pk=job_id).update(state="waiting", pause_asked=False, lease_until=None))
    of(await site.host()).feed.look(job_id)
    laid = await open_of(ada, site, job_id, 3)
    assert {path: len(one["hunks"]) for path, one in laid.items()} == {"a.py": 2, "new.py": 1, "other.py": 1}
    first, second = laid["a.py"]["hunks"]
    await ada.ask("proposal.accept", proposal=laid["a.py"]["id"], hunks=[first["id"]])
    await ada.ask("proposal.reject", proposal=laid["a.py"]["id"], hunks=[second["id"]])
    await ada.ask("proposal.accept", proposal=laid["new.py"]["id"], hunks="all")
    ada.type(site.document.pk, 0, "# ada was here\n")
    mine = "# ada was here\n" + CODE.replace("return a", "return a + 1")
    await ada.until(lambda: ada.text(site.document.pk) == mine)
    for act in (errands.resume, errands.retry):
        assert isinstance(
            (await asyncio.gather(act(await in_db(jobs.get, job_id)), return_exceptions=True))[0], Exception
        )

    script = await in_db(site.script, patch(("one(a)", ["-    return a + 1", "+    return a + 11"])), {"text": "Done."})
    await in_db(lambda: Job.objects.filter(pk=job_id).update(endpoint=script))
    back = (await ada.ask("job.giveback", job=job_id, text="Eleven, please."))["job"]
    assert (back["state"], back["taken_by"]) == ("queued", None)
    step = await in_db(lambda: Step.objects.filter(job_id=job_id).order_by("-position").first())
    assert step is not None
    (message,) = step.data["messages"]
    assert message["text"].endswith("Eleven, please.")
    assert "- a.py" in message["text"]
    await open_of(ada, site, job_id, 0)
    commit = step.data["commit"]
    assert git(site.folder, "show", f"{commit}:a.py") == mine.strip(), "taken, left and typed: as the person has it"
    assert git(site.folder, "show", f"{commit}:other.py") == "O = 1", "nobody has decided on this one"
    await work.execute(job_id)
    job = await in_db(jobs.get, job_id)
    assert (job.state, job.error) == ("review", "")
    assert git(site.folder, "diff", "--name-status", job.base, job.head).split() == ["M", "a.py", "A", "other.py"]
    await errands.merge(job, site.ada, Wish(job.head))
    await ada.until(lambda: ada.text(site.document.pk) == mine.replace("a + 1", "a + 11"))


async def test_files_of_a_finished_job_are_suggestions_too(site: Site, ada: Follower) -> None:
    (site.folder / "old.py").write_text("OLD = 1\n")
    (site.folder / "kept.py").write_text("KEPT = 1\n")
    acts = ["*** Begin Patch", "*** Add File: new.py", "+N = 1", "*** Add File: no.py", "+NO = 1"]
    acts += ["*** Delete File: old.py", "*** Delete File: kept.py", "*** End Patch"]
    await in_db(site.script, {"calls": [{"name": "apply_patch", "arguments": {"patch": acts}}]}, {"text": "Done."})
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Change files")))["id"])
    await work.execute(job_id)
    laid = await open_of(ada, site, job_id, 4)
    assert [laid[path]["act"] for path in ("new.py", "no.py", "old.py", "kept.py")] == ["create"] * 2 + ["delete"] * 2
    (site.folder / "kept.py").write_text("KEPT = 2\n")
    for path in ("new.py", "old.py"):
        await ada.ask("proposal.accept", proposal=laid[path]["id"], hunks="all")
    await ada.ask("proposal.reject", proposal=laid["no.py"]["id"], hunks="all")
    assert (await ada.refused("proposal.accept", proposal=laid["kept.py"]["id"], hunks="all"))["code"] == "conflict"
    host = await site.host()
    await host.flush()
    assert (site.folder / "new.py").read_text() == "N = 1\n"
    assert not (site.folder / "old.py").exists()
    assert (site.folder / "kept.py").read_text() == "KEPT = 2\n"
    await of(host).suggestions.follow(job_id)
    assert [one["path"] for one in of(host).suggestions.files.wire()] == ["kept.py"], "what was left stays so"
    await errands.discard(await in_db(jobs.get, job_id))
    await open_of(ada, site, job_id, 0)
