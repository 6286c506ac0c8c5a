"""What the live side tells other apps and hears from them: who is here, files people changed over HTTP, roles."""

from __future__ import annotations

from typing import Any

from ide.live import rows
from ide.live.announce import hint
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
