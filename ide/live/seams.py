"""What the live side tells other apps and hears from them: who is here, files changed over HTTP, roles, comments."""

from __future__ import annotations

from typing import Any

from ide.db import in_db
from ide.documents import comments
from ide.live import rows
from ide.live.announce import hint, hint_async
from ide.live.host import WorkspaceHost, close_host, live_host
from ide.workspaces.figures import FileChange


def people_now(workspace_ids: list[str]) -> dict[str, dict[str, object]]:
    """Who is in which workspace, for the cards of the list. Called in a database thread; reads a snapshot."""
    hosts = {key: live_host(key) for key in workspace_ids}
    return {key: {"people_now": host.people()} for key, host in hosts.items() if host is not None}


async def file_changed(change: FileChange) -> None:
    """Let open documents follow a rename or a deletion at once, instead of when the disk is looked at."""
    if change.kind == "gone":
        await close_host(change.workspace_id)
        return
    host = live_host(change.workspace_id)
    if host is None:
        return
    if change.kind in ("moved", "deleted"):
        await host.follow(change.path, change.to or None)
    await host.changed_on_disk({change.path, change.to} - {""})


def membership_changed(team_id: str, user_id: int, role: str | None) -> None:
    """Let the hosts of the team's workspaces, in whatever process, look at once. After the commit, in its thread."""
    for workspace_id in rows.workspaces_of(team_id):
        hint(workspace_id, "people", user=user_id)


def token_revoked(user_id: int) -> None:
    """Let the hosts of the person's workspaces look at once whom they still may serve. After the commit."""
    for workspace_id in rows.workspaces_of_person(user_id):
        hint(workspace_id, "people", user=user_id)


async def people_changed(host: WorkspaceHost, ids: dict[str, Any]) -> None:
    await host.recheck_roles()


async def thread_changed(workspace_id: str, document_id: str, thread_id: str) -> None:
    """Let everybody in the workspace see a thread of comments as it is now, or that it is gone."""
    host = live_host(workspace_id)
    if host is None:
        await hint_async(workspace_id, "thread", document=document_id, thread=thread_id)
    else:
        await show_thread(host, {"document": document_id, "thread": thread_id})


async def show_thread(host: WorkspaceHost, ids: dict[str, Any]) -> None:
    """The hint `thread`: read the thread and publish it."""
    document_id, thread_id = str(ids.get("document")), str(ids.get("thread"))
    thread = await in_db(comments.one, thread_id)
    if thread is None:
        host.publish({"type": "thread.gone", "document": document_id, "id": thread_id})
    elif thread["document"] == document_id:
        host.publish({"type": "thread", "document": document_id, "thread": thread})
