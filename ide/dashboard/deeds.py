"""Acts of administrators on what `ide` itself has: workspaces, servers, everybody. Agents register theirs."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ide.accounts.models import User
from ide.dashboard.models import Announcement, Drained
from ide.dashboard.panels import Act, register
from ide.db import in_db
from ide.errors import Invalid, NotFound, Unavailable
from ide.live.announce import hint_async
from ide.live.host import GONE, WorkspaceHost, close_host, live_hosts
from ide.live.lease import own_name
from ide.live.participant import RESTARTING, Participant
from ide.workspaces.models import Workspace

LONGEST = 400
CLOSED = "closed by an administrator"


def register_own() -> None:
    register(
        Act(
            "workspace.close",
            "Close",
            "Close this workspace? What was typed is saved; everybody in it is sent away, and may open it again.",
            _close,
        ),
        Act(
            "host.drain",
            "Drain",
            "Drain this server? Its workspaces are saved and closed, and it opens no others until you take that back.",
            _drain,
        ),
        Act("host.undrain", "Open again", "Let this server open workspaces again?", _undrain),
        Act("announce", "Message everyone", "", _announce, wants="Message"),
        Act("announce.end", "Take the message back", "Take the message back?", _announce_end),
    )


# --- closing and draining ---------------------------------------------------------------------------------------------


async def _close(who: User, thing: str, text: str) -> str:
    row = await in_db(Workspace.objects.filter(pk=thing).first)
    if row is None:
        raise NotFound("There is no such workspace.", "Reload the page.")
    await _tell_close(thing, gone=True)
    return f"{row.name} is closed."


async def _tell_close(workspace_id: str, *, gone: bool) -> None:
    code = GONE if gone else RESTARTING
    await close_host(workspace_id, code, CLOSED)
    await hint_async(workspace_id, "close", gone=gone)


async def close_here(host: WorkspaceHost, ids: dict[str, object]) -> None:
    """A hint came: this workspace is to be closed."""
    await close_host(host.workspace_id, GONE if ids.get("gone") else RESTARTING, CLOSED)


async def _drain(who: User, thing: str, text: str) -> str:
    await in_db(lambda: Drained.objects.get_or_create(host=thing, defaults={"by": who}))
    held = await in_db(lambda: list(Workspace.objects.filter(host=thing).values_list("pk", flat=True)))
    for workspace_id in held:
        await _tell_close(workspace_id, gone=False)
    closed = "1 was" if len(held) == 1 else f"{len(held) or 'none'} were"
    return f"This server opens no workspace any more; {closed} closed."


async def _undrain(who: User, thing: str, text: str) -> str:
    if not (await in_db(Drained.objects.filter(host=thing).delete))[0]:
        raise NotFound("This server is not drained.", "Reload the page.")
    return "This server opens workspaces again."


def is_drained() -> bool:
    """Whether this process is to be stopped. Synchronous ORM."""
    return Drained.objects.filter(host=own_name()).exists()


async def refuse_drained(host: WorkspaceHost) -> None:
    """Raises Unavailable where this process is to be stopped: another one may open the workspace."""
    if await in_db(is_drained):
        raise Unavailable("This server is being emptied and opens no workspace.", "Try again in a moment.")


# --- a message to everyone --------------------------------------------------------------------------------------------


def current() -> dict[str, Any] | None:
    """What is said to everybody now: {id, text, at}. Synchronous ORM."""
    row = Announcement.objects.filter(ended_at=None).order_by("-pk").first()
    return {"id": row.pk, "text": row.text, "at": row.at.isoformat()} if row is not None else None


async def _announce(who: User, thing: str, text: str) -> str:
    said = " ".join(text.split())
    if not said or len(said) > LONGEST:
        raise Invalid("The message is empty or too long.", f"Use at most {LONGEST} characters.", field="text")
    await in_db(lambda: Announcement.objects.create(text=said, by=who))
    open_now = await _tell_everyone()
    where = "1 workspace shows" if open_now == 1 else f"{open_now} workspaces show"
    return f"{where} it now, others when they are opened."


async def _announce_end(who: User, thing: str, text: str) -> str:
    await in_db(lambda: Announcement.objects.filter(ended_at=None).update(ended_at=timezone.now()))
    await _tell_everyone()
    return "The message is taken back."


async def _tell_everyone() -> int:
    alive = Workspace.objects.filter(host_until__gt=timezone.now())
    ids = set(await in_db(lambda: list(alive.values_list("pk", flat=True))))
    here = {host.workspace_id: host for host in live_hosts()}
    for host in here.values():
        await announce_here(host, {})
    for workspace_id in ids - set(here):
        await hint_async(workspace_id, "announcement")
    return len(ids | set(here))


async def announce_here(host: WorkspaceHost, ids: dict[str, object]) -> None:
    host.publish({"type": "announcement", "announcement": await in_db(current)})


async def announced(host: WorkspaceHost, participant: Participant) -> dict[str, Any]:
    """For who opens a workspace."""
    return {"announcement": await in_db(current)}
