"""The lease of a workspace's host: one process at a time, by compare-and-set on its row. Synchronous ORM."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path

from django.db.models import F
from django.utils import timezone

from ide.errors import Conflict, NotFound
from ide.workspaces.models import Workspace

LIFETIME = timedelta(seconds=20)
RENEW_SECONDS = 5.0


class HostedElsewhere(Conflict):
    """Another process holds the workspace live."""

    code = "hosted_elsewhere"


def _started(pid: int) -> str:
    """When a process of this machine started (in clock ticks since boot), so that a reused pid is not mistaken."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def own_name() -> str:
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def _dead(name: str) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    machine, pid, started = name.rsplit(":", 2) if name.count(":") >= 2 else ("", "", "")
    return machine == socket.gethostname() and pid.isdigit() and _started(int(pid)) != started


def claim(workspace_id: str) -> int:
    """Take the lease; the new epoch. Raises HostedElsewhere, NotFound."""
    row = Workspace.objects.filter(pk=workspace_id).values("host", "host_epoch", "host_until").first()
    if row is None:
        raise NotFound("There is no such workspace.")
    now, me = timezone.now(), own_name()
    alive = row["host_until"] is not None and row["host_until"] > now and not _dead(row["host"])
    if row["host"] and row["host"] != me and alive:
        raise HostedElsewhere("The workspace is open in another server process.", "Try again in a moment.")
    taken = Workspace.objects.filter(pk=workspace_id, host=row["host"], host_epoch=row["host_epoch"]).update(
        host=me, host_epoch=F("host_epoch") + 1, host_until=now + LIFETIME
    )
    if not taken:
        raise HostedElsewhere("Another server process has just opened the workspace.", "Try again in a moment.")
    return int(row["host_epoch"]) + 1


def renew(workspace_id: str, epoch: int) -> bool:
    """Keep the lease; False if it is no longer ours."""
    mine = Workspace.objects.filter(pk=workspace_id, host=own_name(), host_epoch=epoch)
    return bool(mine.update(host_until=timezone.now() + LIFETIME, active_at=timezone.now()))


def release(workspace_id: str, epoch: int) -> None:
    Workspace.objects.filter(pk=workspace_id, host=own_name(), host_epoch=epoch).update(host="", host_until=None)
