"""HTTP for a document's history and authorship. Restoring is an op of the main socket (`ide.live.restore`)."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from ide.accounts.bearer import with_token
from ide.accounts.models import User
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.db import in_db
from ide.documents.history import timeline as history
from ide.documents.history.authors import Json
from ide.documents.models import Document
from ide.errors import NotFound
from ide.workspaces.models import Workspace

router = Router(tags=["history"])
AT = "/workspaces/{workspace_id}/documents/{document_id}"


@router.get(AT + "/history", auth=with_token)
async def timeline(
    request: HttpRequest,
    workspace_id: str,
    document_id: str,
    before: int | None = None,
    *,
    epoch: int | None = None,
    limit: int = 50,
) -> Json:
    """The timeline, newest first: `before` and `epoch` are the `last_seq` and `epoch` of the oldest entry known."""
    await in_db(seen, person(request), workspace_id, document_id)
    versions, more = await in_db(history.timeline, document_id, before, limit, epoch)
    return {"versions": versions, "more": more}


@router.get(AT + "/history/{epoch}/{seq}", auth=with_token)
async def version(
    request: HttpRequest, workspace_id: str, document_id: str, epoch: int, seq: int, *, version: int | None = None
) -> Json:
    """The text after a row of the log; `version` is the id of an entry with a note, whose text is its own."""
    await in_db(seen, person(request), workspace_id, document_id)
    return (await in_db(history.text_at, document_id, epoch, seq, version)).as_json()


@router.get(AT + "/authors", auth=with_token)
async def authors(request: HttpRequest, workspace_id: str, document_id: str) -> Json:
    """Who wrote which characters: owners of client ids, and the ranges that are exceptions."""
    await in_db(seen, person(request), workspace_id, document_id)
    return await in_db(history.authors, document_id)


def seen(who: User, workspace_id: str, document_id: str) -> Document:
    """The document, if the person may see it. Raises NotFound."""
    workspace = Workspace.objects.filter(pk=workspace_id).first()
    if workspace is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(who, Action.SEE, workspace)
    row = Document.objects.filter(workspace=workspace, pk=document_id).first()
    if row is None:
        raise NotFound("There is no such document.", "Open the file again.")
    return row
