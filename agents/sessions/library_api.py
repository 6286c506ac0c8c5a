"""HTTP routes of the sessions' library: list, search, download."""

from __future__ import annotations

import json
from typing import Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router

from agents import wire
from agents.sessions import export, library
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.errors import NotFound
from ide.workspaces.models import Workspace

router = Router(tags=["sessions"])
LONGEST_QUERY = 200


def _allowed(request: HttpRequest, workspace_id: str) -> None:
    row = Workspace.objects.filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(person(request), Action.SEE, row)


@router.get("/workspaces/{workspace_id}/sessions")
def listed(
    request: HttpRequest,
    workspace_id: str,
    query: str = "",
    archived: bool | None = None,
    before: str = "",
) -> wire.Json:
    _allowed(request, workspace_id)
    return library.listed(library.Wanted(workspace_id, query[:LONGEST_QUERY], archived, before))


@router.get("/workspaces/{workspace_id}/sessions/{session_id}/export")
def exported(
    request: HttpRequest, workspace_id: str, session_id: str, format: Literal["markdown", "json"]
) -> HttpResponse:
    _allowed(request, workspace_id)
    session = library.get(workspace_id, session_id)
    if format == "json":
        body, kind, ending = json.dumps(export.as_json(session), indent=1), "application/json", "json"
    else:
        body, kind, ending = export.as_markdown(session), "text/markdown; charset=utf-8", "md"
    name = export.filename(session, ending)
    return HttpResponse(
        body,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )
