"""HTTP for comments: threads of a document or a workspace, begun, answered, edited, resolved.

Everybody who sees a workspace reads them; Action.COMMENT writes them. After the commit everybody live is told.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from ninja import Router, Schema, Status

from ide.accounts.bearer import with_token
from ide.accounts.models import User
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.db import in_db
from ide.documents import comments
from ide.documents.models import Comment, CommentThread, Document
from ide.errors import NotFound
from ide.workspaces.models import Workspace

router = Router(tags=["comments"])
Json = dict[str, object]


class NewThread(Schema):
    start: str
    end: str
    quote: str
    text: str


class Words(Schema):
    text: str


@router.get("/workspaces/{workspace_id}/threads", auth=with_token)
async def all_threads(request: HttpRequest, workspace_id: str, *, resolved: bool = False) -> Json:
    """The newest threads of all documents: what is open, or what is resolved."""
    await in_db(_workspace, person(request), workspace_id, Action.SEE)
    threads, more = await in_db(comments.of_workspace, workspace_id, resolved=resolved)
    return {"threads": threads, "more": more}


@router.get("/workspaces/{workspace_id}/documents/{document_id}/threads", auth=with_token)
async def threads(request: HttpRequest, workspace_id: str, document_id: str) -> Json:
    row = await in_db(_document, person(request), workspace_id, document_id, Action.SEE)
    return {"threads": await in_db(comments.of_document, row)}


@router.post("/workspaces/{workspace_id}/documents/{document_id}/threads", response={201: Json}, auth=with_token)
async def begun(request: HttpRequest, workspace_id: str, document_id: str, body: NewThread) -> Status[Json]:
    who = person(request)
    row = await in_db(_document, who, workspace_id, document_id, Action.COMMENT)
    thread = await in_db(comments.begin, row, who, comments.Begun(**body.dict()))
    return Status(201, await _told(workspace_id, thread))


@router.post("/workspaces/{workspace_id}/threads/{thread_id}/comments", response={201: Json}, auth=with_token)
async def replied(request: HttpRequest, workspace_id: str, thread_id: str, body: Words) -> Status[Json]:
    who = person(request)
    thread = await in_db(_thread, who, workspace_id, thread_id)
    await in_db(comments.reply, thread, who, body.text)
    return Status(201, await _told(workspace_id, thread))


@router.patch("/workspaces/{workspace_id}/comments/{comment_id}", auth=with_token)
async def edited(request: HttpRequest, workspace_id: str, comment_id: str, body: Words) -> Json:
    who = person(request)
    comment = await in_db(_comment, who, workspace_id, comment_id)
    await in_db(comments.edit, comment, who, body.text)
    return await _told(workspace_id, comment.thread)


@router.delete("/workspaces/{workspace_id}/comments/{comment_id}", response={204: None}, auth=with_token)
async def removed(request: HttpRequest, workspace_id: str, comment_id: str) -> Status[None]:
    who = person(request)
    comment = await in_db(_comment, who, workspace_id, comment_id)
    document_id, thread_id = comment.thread.document_id, comment.thread_id
    await in_db(comments.remove, comment, who)
    await comments.tell(workspace_id, document_id, thread_id)
    return Status(204, None)


@router.post("/workspaces/{workspace_id}/threads/{thread_id}/resolve", auth=with_token)
async def resolved(request: HttpRequest, workspace_id: str, thread_id: str) -> Json:
    who = person(request)
    return await _settled(who, workspace_id, thread_id, lambda thread: comments.resolve(thread, who))


@router.post("/workspaces/{workspace_id}/threads/{thread_id}/reopen", auth=with_token)
async def reopened(request: HttpRequest, workspace_id: str, thread_id: str) -> Json:
    return await _settled(person(request), workspace_id, thread_id, comments.reopen)


async def _settled(who: User, workspace_id: str, thread_id: str, act: Callable[[CommentThread], None]) -> Json:
    thread = await in_db(_thread, who, workspace_id, thread_id)
    await in_db(act, thread)
    return await _told(workspace_id, thread)


async def _told(workspace_id: str, thread: CommentThread) -> Json:
    """The thread as it is now; everybody live hears of it too."""
    await comments.tell(workspace_id, thread.document_id, thread.pk)
    found = await in_db(comments.one, thread.pk)
    if found is None:  # its last comment was deleted meanwhile
        raise _none()
    return {"thread": found}


# --- what it is about; what is not there looks like what is not shared -----------------------------------------------


def _workspace(who: User, workspace_id: str, action: Action) -> Workspace:
    row = Workspace.objects.filter(pk=workspace_id).first()
    if row is None:
        raise _none()
    allow(who, action, row)
    return row


def _document(who: User, workspace_id: str, document_id: str, action: Action) -> Document:
    workspace = _workspace(who, workspace_id, action)
    row = Document.objects.filter(workspace=workspace, pk=document_id).first()
    if row is None:
        raise _none()
    return row


def _thread(who: User, workspace_id: str, thread_id: str) -> CommentThread:
    workspace = _workspace(who, workspace_id, Action.COMMENT)
    row = CommentThread.objects.select_related("document__workspace")
    found = row.filter(document__workspace=workspace, pk=thread_id).first()
    if found is None:
        raise _none()
    return found


def _comment(who: User, workspace_id: str, comment_id: str) -> Comment:
    workspace = _workspace(who, workspace_id, Action.COMMENT)
    rows = Comment.objects.select_related("thread__document__workspace")
    found = rows.filter(thread__document__workspace=workspace, pk=comment_id).first()
    if found is None:
        raise _none()
    return found


def _none() -> NotFound:
    return NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
