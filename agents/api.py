"""HTTP routes of jobs and models. Every one asks `allow`; what must happen on the live loop is bridged there."""

from __future__ import annotations

from typing import Literal

import msgspec
from asgiref.sync import async_to_sync
from django.http import HttpRequest
from ninja import Router, Schema, Status

from agents import wire
from agents.endpoints import choice as endpoints
from agents.jobs import errands
from agents.jobs.result import merging, remarks
from agents.jobs.rows import life as jobs
from agents.models import Job
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.audit.log import Where, record
from ide.errors import NotFound
from ide.workspaces.models import Workspace

router = Router(tags=["agents"])


class JobIn(Schema):
    kind: Literal["map", "agent"]
    instruction: str
    paths: list[str] = []
    endpoint: int | None = None
    session: str | None = None
    budget: dict[str, float] = {}
    approve_plan: bool = False
    globs: list[str] = []
    query: str = ""


class SteerIn(Schema):
    text: str


class MergeIn(Schema):
    head: str
    files: list[str] | None = None
    hunks: dict[str, list[str]] = {}
    confirmed: list[str] = []
    branch: str = ""
    message: str = ""
    conflicts: Literal["refuse", "editor"] = "refuse"


class CommentIn(Schema):
    path: str
    text: str
    side: Literal["base", "proposed"] = "proposed"
    lines: tuple[int, int] | None = None


class CommentsIn(Schema):
    head: str
    comments: list[CommentIn]


def _workspace(request: HttpRequest, workspace_id: str, action: Action) -> Workspace:
    row = Workspace.objects.filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(person(request), action, row)
    return row


def _job(request: HttpRequest, job_id: str, action: Action) -> Job:
    job = jobs.get(job_id)
    allow(person(request), action, job)
    return job


@router.get("/workspaces/{workspace_id}/models")
def models(request: HttpRequest, workspace_id: str) -> wire.Json:
    row = _workspace(request, workspace_id, Action.SEE)
    return wire.models(endpoints.preferred(endpoints.Wanted("turn", row.team_id, person(request).pk)))


@router.get("/workspaces/{workspace_id}/jobs")
def listed(request: HttpRequest, workspace_id: str) -> list[wire.Json]:
    _workspace(request, workspace_id, Action.SEE)
    return jobs.of_workspace(workspace_id, limit=500)


@router.post("/workspaces/{workspace_id}/jobs", response={201: dict[str, object]})
def delegated(request: HttpRequest, workspace_id: str, body: JobIn) -> Status[wire.Json]:
    _workspace(request, workspace_id, Action.JOB)
    paths = tuple(dict.fromkeys(body.paths))
    asked = (body.endpoint, body.session, body.budget, body.approve_plan)
    order = jobs.Order(body.kind, body.instruction, paths, *asked, tuple(body.globs), body.query)
    # Django runs this view in a thread: async_to_sync takes it to the server's own loop, where hosts live.
    return Status(201, async_to_sync(errands.request)(workspace_id, person(request), order))


@router.get("/jobs/{job_id}")
def detail(request: HttpRequest, job_id: str) -> wire.Json:
    _job(request, job_id, Action.SEE)
    return jobs.detail(job_id)


@router.get("/jobs/{job_id}/review")
def review(request: HttpRequest, job_id: str) -> wire.Json:
    return async_to_sync(errands.look)(_job(request, job_id, Action.SEE))


@router.post("/jobs/{job_id}/cancel")
def cancel(request: HttpRequest, job_id: str) -> wire.Json:
    return async_to_sync(errands.cancel)(_job(request, job_id, Action.JOB))


@router.post("/jobs/{job_id}/retry")
def retry(request: HttpRequest, job_id: str) -> wire.Json:
    return async_to_sync(errands.retry)(_job(request, job_id, Action.JOB))


@router.post("/jobs/{job_id}/pause")
def pause(request: HttpRequest, job_id: str) -> wire.Json:
    return async_to_sync(errands.pause)(_job(request, job_id, Action.JOB), person(request))


@router.post("/jobs/{job_id}/resume")
def resume(request: HttpRequest, job_id: str) -> wire.Json:
    return async_to_sync(errands.resume)(_job(request, job_id, Action.JOB))


@router.post("/jobs/{job_id}/steer")
def steer(request: HttpRequest, job_id: str, body: SteerIn) -> wire.Json:
    return async_to_sync(errands.steer)(_job(request, job_id, Action.JOB), person(request), body.text)


@router.post("/jobs/{job_id}/discard")
def discard(request: HttpRequest, job_id: str) -> wire.Json:
    return async_to_sync(errands.discard)(_job(request, job_id, Action.JOB))


@router.post("/jobs/{job_id}/merge")
def merge(request: HttpRequest, job_id: str, body: MergeIn) -> wire.Json:
    """Merge exactly the result that was looked at (`head`)."""
    job, who = _job(request, job_id, Action.MERGE), person(request)
    wish = msgspec.convert(body.dict(), merging.Wish)
    done = async_to_sync(errands.merge)(job, who, wish)
    record("job.merge", who, Where(job.team_id, f"job {job_id}"), commit=body.head)
    return done


@router.post("/jobs/{job_id}/remarks")
def comment(request: HttpRequest, job_id: str, body: CommentsIn) -> wire.Json:
    """What should be different in a result; the job goes on with it."""
    job = _job(request, job_id, Action.JOB)
    return async_to_sync(errands.comment)(job, person(request), msgspec.convert(body.dict(), remarks.Remarks))
