"""HTTP for committing a workspace's changes: what changed, and a commit of it as the person who asks.

Here, since what was typed must be on disk first, and who wrote it must be known: the live side and the documents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from django.http import HttpRequest
from ninja import Router, Schema, Status

from ide.accounts.models import User
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.db import in_db
from ide.documents.history.credit import credit
from ide.errors import Conflict, NotFound
from ide.live.host import WorkspaceHost, host_of, live_host
from ide.workspaces import commits
from ide.workspaces.commits import Changed, Credit
from ide.workspaces.models import Workspace

Json = dict[str, object]
router = Router(tags=["commits"])


class NewCommit(Schema):
    message: str
    paths: list[str] | None = None


class Chosen(Schema):
    paths: list[str] | None = None


class _Turns:
    """One commit at a time in a workspace."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()


@router.get("/workspaces/{workspace_id}/changes")
async def changes(request: HttpRequest, workspace_id: str) -> Json:
    """What could be committed, with everything typed so far."""
    row = await in_db(_workspace, person(request), workspace_id, Action.SEE)
    host = live_host(row.pk)
    if host is not None:
        await host.flush()
    branch, found = await commits.changes(row.folder)
    return {"branch": branch, "files": [{"path": commits.shown(path), "status": status} for path, status in found]}


@router.get("/workspaces/{workspace_id}/changes/file")
async def change(request: HttpRequest, workspace_id: str, path: str) -> Json:
    """A changed file as in the current commit and now; null where it is not there, or no text."""
    row = await in_db(_workspace, person(request), workspace_id, Action.SEE)
    (found,) = await commits.pending(row.folder, [path])
    return {"path": found.path, "before": found.before, "after": found.after}


@router.post("/workspaces/{workspace_id}/changes/credits")
async def credits(request: HttpRequest, workspace_id: str, body: Chosen) -> Json:
    """The trailers a commit of these paths would get, as far as what was typed is saved. Nothing is changed."""
    who = person(request)
    row = await in_db(_workspace, who, workspace_id, Action.EDIT)
    found = await commits.pending(row.folder, body.paths)
    return {"trailers": list((await in_db(credit, row.pk, who, found)).trailers)}


@router.post("/workspaces/{workspace_id}/commits", response={201: Json})
async def commit(request: HttpRequest, workspace_id: str, body: NewCommit) -> Status[Json]:
    """Commit the chosen paths (all that changed, if none are named) on the current branch. No hook is run."""
    who = person(request)
    row = await in_db(_workspace, who, workspace_id, Action.EDIT)
    host = await host_of(row.pk)
    turns = host.extensions.setdefault(_Turns, _Turns())
    assert isinstance(turns, _Turns)  # noqa: S101 (a key gives its own kind)
    async with turns.lock:
        made = await _committed(host, who, body)
    host.publish({"type": "files.changed", "paths": []})
    return Status(201, {"oid": made.oid, "message": made.message, "notes_ref": made.notes_ref})


async def _committed(host: WorkspaceHost, who: User, body: NewCommit) -> commits.Committed:
    async def compose(files: Sequence[Changed]) -> Credit:
        await host.store.drain()
        return await in_db(credit, host.workspace_id, who, files)

    await host.flush(body.paths or ())
    return await commits.commit(host.root, commits.identity(who), body.message, body.paths, compose)


def _workspace(who: User, workspace_id: str, action: Action) -> Workspace:
    row = Workspace.objects.filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(who, action, row)
    if row.state != Workspace.State.READY:
        raise Conflict("This workspace has no files yet.", row.problem or "Wait until it is created.")
    return row
