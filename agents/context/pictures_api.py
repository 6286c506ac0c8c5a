"""HTTP routes of pictures: put one into a workspace, look at it. Only people of the workspace see them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import File, Router, Status
from ninja.files import UploadedFile

from agents import wire
from agents.context import pictures
from agents.models import Picture
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.errors import NotFound, TooLarge
from ide.workspaces.models import Workspace

router = Router(tags=["agents"])
YEAR = 365 * 24 * 3600


def _workspace(request: HttpRequest, workspace_id: str, action: Action) -> Workspace:
    row = Workspace.objects.filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(person(request), action, row)
    return row


@router.post("/workspaces/{workspace_id}/pictures", response={201: dict[str, object]})
def put(request: HttpRequest, workspace_id: str, file: File[UploadedFile]) -> Status[wire.Json]:
    row = _workspace(request, workspace_id, Action.TURN)
    if file.size is None or file.size > pictures.MOST_BYTES:
        limit = f"{pictures.MOST_BYTES >> 20} MiB"
        raise TooLarge(f"The picture is larger than {limit}.", "Make it smaller, or cut out a part.")
    made = pictures.keep(row, person(request).pk, file.read())
    url = f"/api/workspaces/{row.pk}/pictures/{made.pk}"
    return Status(201, {"id": made.pk, "url": url, "width": made.width, "height": made.height})


@router.get("/workspaces/{workspace_id}/pictures/{picture_id}")
def shown(request: HttpRequest, workspace_id: str, picture_id: str) -> HttpResponse:
    """The bytes, as the kind of picture they were found to be and as nothing else. They never change."""
    row = _workspace(request, workspace_id, Action.SEE)
    picture = Picture.objects.filter(workspace=row, pk=picture_id).first()
    if picture is None:
        raise NotFound("This picture is not there any more.")
    response = HttpResponse(bytes(picture.data), content_type=picture.media_type)
    response["Cache-Control"] = f"private, immutable, max-age={YEAR}"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response
