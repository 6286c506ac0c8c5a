"""Open pages hear that there is something new for their person; they ask for it over HTTP."""

from __future__ import annotations

from typing import Any

from ide.live.host import WorkspaceHost


async def show(host: WorkspaceHost, ids: dict[str, Any]) -> None:
    """The hint `notices`: `people` have new ones, or have read some elsewhere."""
    people = set(ids.get("people") or ())
    for participant in list(host.participants.values()):
        if participant.user_id in people:
            participant.notify({"type": "notices"})
