"""job.* of the main socket that belong to who watches, and to who takes a job over. Parameters are checked here."""

from __future__ import annotations

import msgspec

from agents import ops as agent_ops
from agents import wire
from agents.environments import handing
from agents.jobs import errands
from agents.jobs.rows import life as jobs
from agents.jobs.working import watching
from agents.live import of
from agents.models import Job
from ide.accounts.models import User
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.errors import NotFound
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Participant

Params = dict[str, object]


class Named(msgspec.Struct):
    job: str


class File(Named):
    path: str


class Given(Named):
    text: str = ""


async def of_host(host: WorkspaceHost, job_id: str) -> Job:
    """The job, if it is of this workspace. Raises NotFound."""
    job = await in_db(jobs.get, job_id)
    if job.workspace_id != host.workspace_id:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    return job


async def watch(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    given = agent_ops.read(File, params)
    job = await of_host(host, given.job)
    return await of(host).feed.watching.watch(participant, job, given.path)


async def unwatch(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    given = agent_ops.read(File, params)
    of(host).feed.watching.leave(participant, given.job, given.path)
    return {}


async def files(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    job = await of_host(host, agent_ops.read(Named, params).job)
    return {"files": await in_db(watching.files, job.pk)}


async def take_over(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    job = await of_host(host, agent_ops.read(Named, params).job)
    return {"job": await errands.take_over(job, await in_db(User.objects.get, pk=participant.user_id))}


async def give_back(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    given = agent_ops.read(Given, params)
    return {"job": await errands.give_back(await of_host(host, given.job), given.text)}


def register() -> None:
    handing.register(errands.hand_over)
    for name, action, handler in (
        ("job.watch", Action.SEE, watch),
        ("job.unwatch", Action.SEE, unwatch),
        ("job.files", Action.SEE, files),
        ("job.takeover", Action.JOB, take_over),
        ("job.giveback", Action.JOB, give_back),
    ):
        ops.register(name, action, handler)
