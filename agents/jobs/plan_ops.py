"""job.plan.* of the main socket: people approve the plan of a job, or put another in its place."""

from __future__ import annotations

import msgspec

from agents import wire
from agents.jobs import errands
from agents.jobs.ops import of_host
from agents.jobs.rows import plans
from agents.ops import Caller, Params, read
from ide.accounts.models import User
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.live import ops
from ide.live.host import WorkspaceHost


class PlanApprove(msgspec.Struct):
    job: str


class PlanEdit(PlanApprove):
    steps: list[str]


async def approve(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    job = await of_host(host, read(PlanApprove, params).job)
    await in_db(plans.approve, job.pk, await _person(participant))
    return {"job": await errands.woken(host.workspace_id, job.pk)}


async def edit(host: WorkspaceHost, participant: Caller, params: Params) -> wire.Json:
    given = read(PlanEdit, params)
    job = await of_host(host, given.job)
    await in_db(plans.edit, job.pk, await _person(participant), given.steps)
    return {"job": await errands.woken(host.workspace_id, job.pk)}


async def _person(participant: Caller) -> User:
    return await in_db(User.objects.get, pk=participant.user_id)


def register() -> None:
    ops.register("job.plan.approve", Action.JOB, approve)
    ops.register("job.plan.edit", Action.JOB, edit)
