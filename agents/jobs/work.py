"""A worker's part of a job: claim it, hold the lease, work in a worktree of its own, bring the result back.

Every attempt starts in a fresh clone, so half-done steps vanish; what was durable is taken from the database, not asked
of the model again. Whatever happens ends in a state with a reason.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from django.conf import settings

from agents.endpoints import choice as endpoints
from agents.endpoints import pool
from agents.endpoints.measure import Measured, Purpose
from agents.jobs import proof
from agents.jobs.agent import delegate
from agents.jobs.maps import helping, mapping
from agents.jobs.rows import budget, leases, outbox
from agents.jobs.rows import life as jobs
from agents.jobs.working import places, trail
from agents.jobs.working.bench import Bench, SliceOver, Waits
from agents.jobs.working.heart import Heart
from agents.jobs.working.places import Place
from agents.jobs.working.report import Reporter
from agents.models import Job, RoleEndpoint
from agents.proposals.hunks import counts
from agents.providers.protocol import ProviderError
from ide import faults
from ide.db import in_db
from ide.errors import QuotaExceeded, Refused, Unavailable
from ide.live.announce import hint_async
from ide.workspaces import git, worktrees
from ide.workspaces.files import Unreadable, decode

log = logging.getLogger(__name__)

HELP_SECONDS = 60.0  # a helper looks anew for jobs of its own after that


async def serve(worker: str = "") -> bool:
    """A wake-up: take the job whose turn it is and work on it for a slice; where none waits, help with the items of a
    map job. Returns whether there was something to do. Never raises."""
    worker = worker or f"{socket.gethostname()}:{os.getpid()}"
    job = await in_db(leases.claim_next, worker)
    if job is None:
        return await helping.help_out(worker, HELP_SECONDS)
    await _slice(job)
    return True


async def execute(job_id: str, worker: str = "") -> None:
    """Work on that job if it is there to be claimed; return when it is ended or no longer ours. Never raises."""
    job = await in_db(leases.claim, job_id, worker or f"{socket.gethostname()}:{os.getpid()}")
    if job is not None:
        await _slice(job)


async def _slice(job: Job) -> None:
    faults.hit("job.claimed")
    await hint_async(job.workspace_id, "job", job=job.pk)
    work = asyncio.create_task(_work(job), name=f"job {job.pk}")
    ending: list[jobs.Stop | None] = []

    def stopped(stop: jobs.Stop | None) -> None:
        ending.append(stop)
        work.cancel()

    try:
        async with Heart(partial(leases.renew, job), partial(leases.to_stop, job), stopped):
            try:
                await asyncio.wait({work})
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            if work.cancelled() and ending and ending[0] is not None:
                stop = ending[0]
                if stop.state == Job.State.CANCELLED:
                    await in_db(jobs.note, job, [("proof", await proof.of(job))])
                await _end(job, stop.state, error=stop.error, phase=stop.phase, question=stop.question)
            elif work.cancelled() or work.exception() is not None:
                log.warning("job %s: no longer ours", job.pk)
        await outbox.sent()  # what this slice has queued: its next one, sub-agents, who waited for it
    finally:
        await hint_async(job.workspace_id, "job", job=job.pk)


async def _work(job: Job) -> None:
    """One attempt. This is a worker's edge: whatever goes wrong becomes the job's failure, with a reason."""
    try:
        await _attempt(job)
    except SliceOver:
        await _hand_on(job)
    except Waits as wait:
        await _end(job, Job.State.WAITING, phase=wait.phase, question=wait.question)
    except ProviderError as error:
        await _end(job, Job.State.FAILED, error=error.sentence)
    except QuotaExceeded as error:
        said = f"{error.what} {error.do}".strip()
        phase = budget.USED if error.limit["of"] == "job" else "a limit is reached"
        await _end(job, Job.State.WAITING, phase=phase, question=said)
    except Refused as error:
        await _end(job, Job.State.FAILED, error=f"{error.what} {error.do}".strip())
    except jobs.Fenced:
        raise
    except Exception:
        log.exception("job %s failed", job.pk)
        await _end(job, Job.State.FAILED, error="Something in Tandem went wrong; the worker's log has more. Retry it.")


async def _hand_on(job: Job) -> None:
    try:
        await in_db(leases.hand_on, job)
    except jobs.Fenced:
        log.warning("job %s: handed on by somebody else", job.pk)


async def _end(job: Job, state: str, **values: object) -> None:
    try:
        await in_db(jobs.finish, job, state, **values)
    except jobs.Fenced:
        log.warning("job %s: ended by somebody else", job.pk)


async def _attempt(job: Job) -> None:
    if job.endpoint is None:
        raise Unavailable("The model of this job is not connected any more.", "Start it again with another model.")
    place, tree = places.of(job), worktree(job)
    async with Reporter(job) as reporter:
        reporter.phase("making its worktree")
        await asyncio.to_thread(_clear, job)
        start = await in_db(trail.start_of, job)
        await place.begin(start)
        await git.clone_shared(place.root, tree, start)
        shares = await in_db(budget.shares, job)
        purpose = Purpose(job.owner_id, job.workspace_id, "job", f"job:{job.pk}", shares)
        wanted = endpoints.Wanted(RoleEndpoint.Role.JOB, job.workspace.team_id, job.owner_id)
        provider = Measured(await in_db(endpoints.candidates, job.endpoint_id, wanted), purpose, reporter.told)
        try:
            kinds: dict[str, Callable[[Bench], Awaitable[str]]] = {"map": mapping.work, "agent": delegate.work}
            summary = await kinds[job.kind](Bench(job, place, tree, provider, reporter))
            await _bring_back(job, place, tree, reporter, summary)
        finally:
            await pool.close()
            await asyncio.to_thread(_clear, job)


async def _bring_back(job: Job, place: Place, tree: Path, reporter: Reporter, summary: str) -> None:
    """Commit the result and keep it in the workspace's repository, for review; a job without one has failed."""
    reporter.phase("keeping its result")
    await git.set_head(tree, job.base)  # one commit for all its steps
    head = await git.commit_all(tree, f"{job.instruction.splitlines()[0][:70]}\n\nTandem-Job: {job.pk}\n")
    await reporter.flush()
    if head == job.base and job.parent_id is not None:  # a sub-agent may have been asked for nothing but words
        reporter.event("log", text=summary)
        await reporter.flush()
        await _end(job, Job.State.REVIEW, phase="done", error="")
        return
    if head == job.base:
        await _end(job, Job.State.FAILED, error=summary or "It changed nothing.", phase="")
        return
    await in_db(jobs.report, job)  # raises Fenced: nothing is kept of what another works on now
    await place.keep(tree, head, f"refs/tandem/jobs/{job.pk}")
    faults.hit("job.ending")
    result = await _size(place.root, job.base, head)
    reporter.event("log", text=summary)
    await reporter.flush()
    await _end(job, Job.State.REVIEW, head=head, result=result, phase="ready for review", error="")


async def _size(root: Path, base: str, head: str) -> dict[str, int]:
    """Files, and lines added and removed, between two commits."""
    files = added = removed = 0
    for letter, path in await git.diff_files(root, base, head):
        before = await git.show(root, base, path) if letter != "A" else b""
        after = await git.show(root, head, path) if letter != "D" else b""
        plus, minus = counts(_text(before), _text(after))
        files, added, removed = files + 1, added + plus, removed + minus
    return {"files": files, "added": added, "removed": removed}


def _text(data: bytes | None) -> str:
    try:
        return decode(data or b"").text
    except Unreadable:
        return ""


def worktree(job: Job) -> Path:
    """Where this attempt works: a folder no other attempt has."""
    return Path(settings.DATA_DIR) / "worktrees" / f"{job.pk}-{job.lease_fence}"


def _clear(job: Job) -> None:
    """Remove what this and earlier attempts left; a worktree in which a person works stays."""
    folder = Path(settings.DATA_DIR) / "worktrees"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{job.pk}-*"):
        fence = old.name.removeprefix(f"{job.pk}-")
        # A later one is not ours: who lost the job must not take its tree from who has it now.
        if fence.isdigit() and int(fence) <= job.lease_fence and (old.is_dir() or old.is_symlink()):
            worktrees.remove(old)
