"""A person's acts on jobs, from request to merge, on the loop that holds the workspace live.

Rights are asked by the caller. Each act ends with a hint, so that everyone in the workspace sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from agents import live, wire
from agents.endpoints import choice as endpoints
from agents.engine.messages import ToolResult
from agents.environments import handing
from agents.jobs import proof
from agents.jobs.maps import choosing
from agents.jobs.result import merging, remarks, review, takeover
from agents.jobs.rows import life as jobs
from agents.jobs.rows import outbox
from agents.jobs.working import watching
from agents.models import Job, RoleEndpoint
from agents.sessions.turns import LiveTurn
from ide.accounts.models import User
from ide.accounts.permissions import Action, allow
from ide.db import in_db, new_id
from ide.errors import Conflict
from ide.live.announce import hint_async
from ide.live.host import WorkspaceHost, host_of
from ide.workspaces import git


async def request(workspace_id: str, person: User, order: jobs.Order) -> wire.Json:
    """Queue a job on a snapshot of everything typed so far. Raises Refused; then nothing was queued."""
    order.check()
    host = await host_of(workspace_id)
    wanted = endpoints.Wanted(RoleEndpoint.Role.JOB, host.team_id, person.pk)
    endpoint = await in_db(endpoints.choose, order.endpoint, wanted)
    jobs.endpoint_fits(order, endpoint)
    order = await choosing.chosen(host, order)
    await asyncio.to_thread(_check_paths, host, order.paths)
    await host.flush(order.paths)
    job_id = new_id()
    base = await git.snapshot(host.root, f"refs/tandem/bases/{job_id}", f"Ground of job {job_id}\n")
    ground = jobs.Ground(job_id, base)
    await in_db(jobs.create, workspace_id, person, endpoint, order, ground)
    return await woken(workspace_id, job_id)


async def hand_over(turn: LiveTurn, task: handing.Task) -> ToolResult:
    """A turn's own wish: a job of the session, for the turn's owner, by the model that serves jobs."""
    order = jobs.Order(Job.Kind.AGENT, task.instruction, tuple(task.paths), session=turn.row.session_id)
    await in_db(allow, turn.owner, Action.JOB, turn.row)
    made = await request(turn.host.workspace_id, turn.owner, order)
    return ToolResult(f"Job {made['id']} has it now; its end is told here. Go on without it.", data={"job": made["id"]})


def _check_paths(host: WorkspaceHost, paths: Sequence[str]) -> None:
    """Raises NotFound or Unreadable for a path that is not a file of the workspace."""
    for path in paths:
        host.files.stat(path)


async def woken(workspace_id: str, job_id: str) -> wire.Json:
    """Wake a worker; without one the job waits, says so, and the sweeper tries again."""
    await outbox.sent()
    return await _shown(workspace_id, job_id)


async def _shown(workspace_id: str, job_id: str) -> wire.Json:
    await hint_async(workspace_id, "job", job=job_id)
    with contextlib.suppress(Conflict):  # hosted elsewhere: what was asked is done, and that host heard the hint
        live.of(await host_of(workspace_id)).feed.look(job_id)  # the hint may be lost, and this host is here
    return await in_db(lambda: jobs.as_wire(jobs.get(job_id)))


async def cancel(job: Job) -> wire.Json:
    if await in_db(jobs.ask_cancel, job.pk) and job.state in (Job.State.QUEUED, Job.State.WAITING):
        await in_db(jobs.note, job, [("proof", await proof.of(job))])  # else its worker says so
    return await _shown(job.workspace_id, job.pk)


async def retry(job: Job) -> wire.Json:
    async with live.of(await host_of(job.workspace_id)).merging:  # a result being merged is not thrown away
        await in_db(takeover.check_free, job.pk)
        await in_db(jobs.retry, job.pk)
    return await woken(job.workspace_id, job.pk)


async def pause(job: Job, who: User) -> wire.Json:
    await in_db(jobs.pause, job.pk, who)
    return await _shown(job.workspace_id, job.pk)


async def resume(job: Job) -> wire.Json:
    await in_db(takeover.check_free, job.pk)
    await in_db(jobs.resume, job.pk)
    return await woken(job.workspace_id, job.pk)


async def steer(job: Job, who: User, text: str) -> wire.Json:
    """Say something to a job; one that waits for an answer, or for review, goes on."""
    async with live.of(await host_of(job.workspace_id)).merging:  # a result being merged is not taken back
        await in_db(takeover.check_free, job.pk)
        goes_on = await in_db(jobs.steer, job.pk, who, text)
    return await (woken if goes_on else _shown)(job.workspace_id, job.pk)


async def take_over(job: Job, who: User) -> wire.Json:
    """Its work comes into the documents, for this person, once it has stopped at a step."""
    here = live.of(await host_of(job.workspace_id))
    async with here.merging:
        if await in_db(takeover.take, job.pk, who):
            await here.suggestions.follow(job.pk)
    return await _shown(job.workspace_id, job.pk)


async def give_back(job: Job, said: str) -> wire.Json:
    """Let it go on from what the person made of it."""
    here = live.of(host := await host_of(job.workspace_id))
    async with here.merging:
        await takeover.give_back(host, here.suggestions, await in_db(jobs.get, job.pk), said)
    return await woken(job.workspace_id, job.pk)


async def discard(job: Job) -> wire.Json:
    async with live.of(await host_of(job.workspace_id)).merging:
        await in_db(jobs.move, job.pk, Job.State.DISCARDED, phase="")
        await in_db(watching.forget, job.pk)
    return await _shown(job.workspace_id, job.pk)


async def look(job: Job) -> wire.Json:
    """The Review of wire.ts."""
    return await review.review(await host_of(job.workspace_id), job)


async def merge(job: Job, who: User, wish: merging.Wish) -> wire.Json:
    """Merge what was approved of the result. It is brought to its end whether or not who asked still waits."""
    host = await host_of(job.workspace_id)
    await asyncio.shield(host.owned(_merge(host, job, who, wish), f"merge {job.pk}"))
    return await _shown(job.workspace_id, job.pk)


async def _merge(host: WorkspaceHost, job: Job, who: User, wish: merging.Wish) -> None:
    """One merge at a time in a workspace; a job is merged once."""
    here = live.of(host)
    async with here.merging:
        if job.pk in await merging.take_up(host, here.proposals):  # it was begun, and something kept it from its end
            return
        await merging.merge(host, here.proposals, await in_db(jobs.get, job.pk), who, wish)


async def comment(job: Job, who: User, said: remarks.Remarks) -> wire.Json:
    """Say what should be different in a result: the job goes on with it, and this result is none any more."""
    host = await host_of(job.workspace_id)
    async with live.of(host).merging:
        fresh = await in_db(jobs.get, job.pk)
        merging.approved(fresh, said.head)
        text = remarks.told(said, await review.changes(host, fresh))
        await in_db(jobs.steer, job.pk, who, text)
    return await woken(job.workspace_id, job.pk)
