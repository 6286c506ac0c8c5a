"""GET /workspaces/{id}/documents?path= → DocumentRef: the id under which a file is opened on the main socket."""

from __future__ import annotations

import asyncio

from django.http import HttpRequest
from ninja import Router, Schema

from ide.accounts.bearer import with_token
from ide.accounts.models import User
from ide.accounts.permissions import Action, allow, may
from ide.api import person
from ide.db import in_db
from ide.documents.models import Document
from ide.errors import NotFound
from ide.workspaces.files import Files
from ide.workspaces.models import Workspace

router = Router(tags=["documents"])


class DocumentRef(Schema):
    id: str
    path: str
    access: str
    reason: str
    epoch: int


@router.get("/workspaces/{workspace_id}/documents", response=DocumentRef, auth=with_token)
async def document(request: HttpRequest, workspace_id: str, path: str) -> DocumentRef:
    """The document of a file, made on its first opening. Refused with the reason if the file cannot be one."""
    who = await in_db(lambda: person(request))
    workspace, row, can_edit = await in_db(_found, who, workspace_id, path)
    access, reason = "edit", ""
    if row is None or not row.detached:
        found = await asyncio.to_thread(Files(workspace.folder).read, path)
        access, reason = found.access, found.reason
    if row is None:
        row = await in_db(_made, workspace, path)
    if not can_edit:
        access, reason = "read", "Your role does not permit editing."
    return DocumentRef(id=row.pk, path=row.path, access=access, reason=reason, epoch=row.epoch)


def _found(who: User, workspace_id: str, path: str) -> tuple[Workspace, Document | None, bool]:
    workspace = Workspace.objects.filter(pk=workspace_id).first()
    if workspace is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(who, Action.SEE, workspace)
    row = Document.objects.filter(workspace=workspace, path=path).first()
    return workspace, row, may(who, Action.EDIT, workspace)


def _made(workspace: Workspace, path: str) -> Document:
    return Document.objects.get_or_create(workspace=workspace, path=path)[0]
