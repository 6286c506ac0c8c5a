"""A map job: one instruction over many functions, symbols or files, each a durable item with its own check.

Docstring jobs on Python go function by function; all else file by file, or by the symbols that were chosen. Items are
taken by every worker that has nothing else to do (`helping`); who holds the job lays them out, does its part, waits for
the others', and puts the results together. What was done in an earlier attempt is taken from its row.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from agents.engine import context, verify
from agents.environments.worktree import read_text, write_text
from agents.jobs.maps import helping
from agents.jobs.maps.helping import IN_A_ROW, Ground
from agents.jobs.maps.pieces import Refusal, put
from agents.jobs.rows import items, outbox
from agents.jobs.rows import life as jobs
from agents.jobs.working.bench import Bench
from agents.models import Step
from ide.db import in_db
from ide.errors import Invalid, Refused
from ide.workspaces.files import Files

LOOK = 0.2  # seconds between two looks at the items others are at work on
DOCSTRINGS = re.compile(r"\bdoc-?strings?\b", re.IGNORECASE)


async def work(bench: Bench) -> str:
    """Do every item that is not done; returns a sentence on how it went. Raises ProviderError, Fenced."""
    files = Files(bench.tree)
    job = bench.job
    steps = await in_db(jobs.plan, job, await in_db(_items, files, job.paths, job.instruction))
    if not steps:
        raise Invalid("There is nothing to do in these files.", "Choose other files, or say it in other words.")
    await in_db(jobs.begin, job)
    open_ones = sum(step.state == Step.State.PLANNED for step in steps)
    await asyncio.to_thread(outbox.ask_for_help, open_ones)
    await _do_all(bench, len(steps))
    return await _together(bench, files)


def _items(files: Files, paths: list[str], instruction: str) -> list[tuple[str, Mapping[str, object]]]:
    """(name, data) of each item, in order. A file that cannot be read is an item too: it fails with the reason."""
    found: list[tuple[str, Mapping[str, object]]] = []
    for path in paths:
        if not DOCSTRINGS.search(instruction) or context.language(path) != "python":
            found.append((path, {"path": path}))
            continue
        try:
            text = read_text(files, path).text
        except Refused:
            found.append((path, {"path": path}))
            continue
        # From below: what is written into one function does not move those that are still to come.
        for function in reversed(verify.undocumented(text)):
            found.append((f"{path} · {function.name}", {"path": path, "function": function.name}))
    return found


async def _do_all(bench: Bench, total: int) -> None:
    """Take items until none is left, then wait for those others have. A model that cannot be reached ends the job."""
    ground = Ground(bench.job, bench.place.root, bench.provider, bench.reporter)
    broken = 0
    while True:
        await bench.pause_here()
        item = await in_db(items.take, bench.job.pk, bench.job.lease_owner)
        if item is not None:
            error = await helping.do(ground, item)
            broken = broken + 1 if error is not None else 0
            if error is not None and (broken >= IN_A_ROW or total == 1):
                raise error
        elif await in_db(items.under_way, bench.job.pk):
            await asyncio.sleep(LOOK)  # no event crosses to another worker but by the database
        elif not await in_db(_left, bench.job.pk):
            return


def _left(job_id: str) -> bool:
    return Step.objects.filter(job_id=job_id, state__in=[Step.State.PLANNED, Step.State.STARTED]).exists()


async def _together(bench: Bench, files: Files) -> str:
    """Write what came out into the worktree."""
    steps = await in_db(lambda: list(bench.job.steps.all()))
    for step in steps:
        if step.state == Step.State.DONE:
            await in_db(_put, files, step)
    failed = sum(step.state == Step.State.FAILED for step in steps)
    return f"{len(steps) - failed} of {len(steps)} done." if failed < len(steps) else f"None of {len(steps)} came out."


def _put(files: Files, step: Step) -> None:
    """Write an item's new code into its file."""
    path = str(step.data["path"])
    decoded = read_text(files, path)
    try:
        write_text(files, path, put(path, decoded.text, step.data, str(step.data["new"])), decoded)
    except Refusal as error:  # two items that cannot both be
        Step.objects.filter(pk=step.pk).update(state=Step.State.FAILED, error=str(error))
        step.state = Step.State.FAILED
