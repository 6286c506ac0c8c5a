"""Ops about a document and its file: choosing at a conflict, taking a merge from disk back, making the file anew."""

from __future__ import annotations

from ide.accounts.permissions import Action
from ide.errors import Conflict, NotFound
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.open_document import OpenDocument
from ide.live.participant import Participant


def _document(host: WorkspaceHost, params: ops.Params) -> OpenDocument:
    found = host.document(str(params.get("document", "")))
    if found is None:
        raise NotFound("This document is not open here.", "Open the file again.")
    return found


async def settle(host: WorkspaceHost, participant: Participant, params: ops.Params) -> dict[str, object]:
    """The conflict is the caller's to decide: the choice itself is an edit of their editor. Raises Conflict for whoever
    comes second."""
    if not _document(host, params).news.settle(str(params.get("conflict", ""))):
        raise Conflict("Somebody has decided this already.", "Look at the text; undo is still there.")
    return {}


async def unmerge(host: WorkspaceHost, participant: Participant, params: ops.Params) -> dict[str, object]:
    """Take the last merge from disk out of the text, as an edit of the caller."""
    document = _document(host, params)
    done = document.disk.unmerge(document.room, f"person:{participant.user_id}")
    if done is not None:
        await done
    return {"changed": done is not None}


async def attach(host: WorkspaceHost, participant: Participant, params: ops.Params) -> dict[str, object]:
    """Write the text of a document whose file was deleted to a new file of that name."""
    document = _document(host, params)
    return {"made": await document.disk.attach(document.room)}


def register() -> None:
    ops.register("document.settle", Action.EDIT, settle)
    ops.register("document.unmerge", Action.EDIT, unmerge)
    ops.register("document.attach", Action.EDIT, attach)
