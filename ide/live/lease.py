"""The lease of a workspace's host: one process at a time, by compare-and-set on its row, by the database's clock.

Nothing here depends on seeing the other process: a holder that is killed is succeeded once its lease has run out. That
a holder of this very machine has ended is noticed at once, where `/proc` tells.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from ide import faults
from ide.db import in_db
from ide.errors import Conflict, NotFound
from ide.workspaces.models import Workspace

LIFETIME = timedelta(seconds=settings.LEASE_SECONDS)
RENEW_SECONDS = settings.LEASE_SECONDS / 4
ELSEWHERE_REASON = "hosted elsewhere"
_UNKNOWN = secrets.token_hex(8)


class HostedElsewhere(Conflict):
    """Another process holds the workspace live. `reason` says where, in the words of a close frame."""

    code = "hosted_elsewhere"

    def __init__(self, what: str, host: str = "") -> None:
        super().__init__(what, "Try again in a moment.")
        machine = host.partition("/")[0]
        self.reason = f"{ELSEWHERE_REASON}: {machine}" if machine else ELSEWHERE_REASON


class Lease:
    """What a host holds. `good` is by the monotonic clock, so a process that was paused knows at once that it must ask
    before it writes; for the loop, but `good` may be read in any thread. `on_lost` is called once, when another process
    turns out to have it."""

    def __init__(self, workspace_id: str, epoch: int, asked_at: float) -> None:
        self.epoch = epoch
        self.lost = False
        self.on_lost: Callable[[], None] = lambda: None
        self._workspace_id = workspace_id
        self._good_until = asked_at + LIFETIME.total_seconds()
        self._renewing: asyncio.Task[None] | None = None

    @property
    def good(self) -> bool:
        return not self.lost and time.monotonic() < self._good_until

    def check(self) -> None:
        """The last look before something is written. Raises HostedElsewhere."""
        if not self.good:
            raise HostedElsewhere("The workspace may be open in another server process.")

    async def hold(self) -> None:
        """Return with a lease that is good. Raises HostedElsewhere, DatabaseError."""
        if not self.good:
            await self.renew()
        self.check()

    async def renew(self) -> None:
        """Ask the database; `lost` if another process has it. Raises DatabaseError."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew())
        await asyncio.shield(self._renewing)

    async def _renew(self) -> None:
        asked_at = time.monotonic()
        faults.hit("host.renewing")
        if await in_db(renew, self._workspace_id, self.epoch):
            self._good_until = asked_at + LIFETIME.total_seconds()
        elif not self.lost:
            self.lost = True
            self.on_lost()


def _place() -> str:
    """This machine, boot and pid namespace; where that cannot be told, a name no other process has."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return f"{socket.gethostname()}/{_UNKNOWN}"
    return f"{socket.gethostname()}/{boot}/{space}"


def _started(pid: int) -> str:
    """When a process of this machine started (in clock ticks since boot), so that a reused pid is not mistaken."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def own_name() -> str:
    pid = os.getpid()
    return f"{_place()}:{pid}:{_started(pid)}"


def _dead(name: str) -> bool:
    """Whether the holder was a process of this machine that has ended, as far as can be seen from here."""
    place, pid, started = name.rsplit(":", 2) if name.count(":") >= 2 else ("", "", "")
    return place == _place() and pid.isdigit() and _started(int(pid)) != started


def claim(workspace_id: str) -> Lease:
    """Take the lease. Raises HostedElsewhere, NotFound. Synchronous ORM."""
    asked_at = time.monotonic()
    rows = Workspace.objects.filter(pk=workspace_id)
    row = rows.annotate(now=Now()).values("host", "host_epoch", "host_until", "now").first()
    if row is None:
        raise NotFound("There is no such workspace.")
    now: datetime = row["now"]
    alive = row["host_until"] is not None and row["host_until"] > now and not _dead(row["host"])
    if row["host"] and row["host"] != own_name() and alive:
        raise HostedElsewhere("The workspace is open in another server process.", row["host"])
    taken = rows.filter(host=row["host"], host_epoch=row["host_epoch"]).update(
        host=own_name(), host_epoch=F("host_epoch") + 1, host_until=now + LIFETIME
    )
    if not taken:
        raise HostedElsewhere("Another server process has just opened the workspace.")
    return Lease(workspace_id, int(row["host_epoch"]) + 1, asked_at)


def renew(workspace_id: str, epoch: int) -> bool:
    """Keep the lease; False if it is no longer ours. Synchronous ORM."""
    mine = Workspace.objects.filter(pk=workspace_id, host=own_name(), host_epoch=epoch)
    return bool(mine.update(host_until=Now() + LIFETIME, active_at=Now()))


def release(workspace_id: str, epoch: int) -> None:
    Workspace.objects.filter(pk=workspace_id, host=own_name(), host_epoch=epoch).update(host="", host_until=None)
