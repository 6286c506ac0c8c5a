"""Jobs as the host sees them: rows tailed into events, lost ones queued again, workers woken.

Workers and host meet in the database only. A hint makes the host look at once; without hints (Redis down) it looks
every two seconds while a job is active. What a worker died on it takes back, and what waits it wakes
workers for (`leases`, `outbox`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from django.db import DatabaseError

from agents import wire
from agents.jobs.rows import leases, outbox
from agents.jobs.rows import life as jobs
from agents.jobs.working import written
from agents.jobs.working.watching import Watching
from agents.models import Job, JobEvent
from ide.db import in_db
from ide.live.host import WorkspaceHost

log = logging.getLogger(__name__)

LOOK = 2.0  # seconds between two looks while a job is active
REST = 30.0
SWEEP = min(5.0, leases.RENEW_SECONDS)
EVENTS_AT_ONCE = 200
ENDED = (Job.State.REVIEW, Job.State.FAILED, Job.State.CANCELLED)


@dataclass
class JobFeed:
    """An extension of the host; `run` is a task the host owns."""

    host: WorkspaceHost
    ended: Callable[[str], Awaitable[None]]  # awaited with the id of a job whose work has ended
    moved: Callable[[str], Awaitable[None]]  # and of one that has another state than the last look found
    watching: Watching
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _told: dict[str, wire.Json] = field(default_factory=dict)
    _hinted: set[str] = field(default_factory=set)
    _last_event: int | None = None
    _is_active: bool = True

    def active(self) -> bool:
        """Whether a job of the workspace may still change: the host stays awake to see to it."""
        return self._is_active

    def look(self, job_id: str | None = None) -> None:
        """Something changed: look now."""
        if job_id:
            self._hinted.add(job_id)
        self._is_active = True
        self._news.set()

    async def run(self) -> None:
        swept = 0.0
        while True:
            try:
                await self._tell()
                if time.monotonic() - swept >= SWEEP and self._is_active:
                    swept = time.monotonic()
                    await self._sweep()
            except DatabaseError as error:  # the next look finds what this one missed
                log.warning("workspace %s: its jobs could not be looked at: %s", self.host.workspace_id, error)
                self._is_active = True
            try:
                # Not wait_for: where news come as the task is cancelled, Python 3.11 forgets the cancellation there.
                async with asyncio.timeout(LOOK if self._is_active else REST):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()

    async def _tell(self) -> None:
        hinted, self._hinted = self._hinted, set()
        known = [job_id for job_id, told in self._told.items() if told["state"] in Job.ACTIVE]
        try:
            rows, events, last = await in_db(_news, self.host.workspace_id, self._last_event, hinted.union(known))
        except DatabaseError:
            self._hinted |= hinted
            raise
        self._last_event = last
        for event in events:
            await self.watching.take(event)
            if event.kind != written.KIND:
                self.host.publish({"type": "job.event", "job": event.job_id, "event": wire.job_event(event)})
        self._is_active = any(row["state"] in Job.ACTIVE for row in rows)
        for row in rows:
            job_id = str(row["id"])
            before = self._told.get(job_id)
            if before != row:
                self._told[job_id] = row
                self.host.publish({"type": "job", "job": row})
            tells = row["state"] in ENDED or (row["state"] == Job.State.WAITING and row["question"])
            if before is not None and before["state"] in Job.ACTIVE and tells:
                await self.ended(job_id)
            if before is not None and before["state"] != row["state"]:
                await self.moved(job_id)

    async def _sweep(self) -> None:
        """Take back what died, and wake workers again for what waits."""
        taken_back = await in_db(leases.sweep, self.host.workspace_id)
        if not await outbox.sent() or taken_back:
            self._news.set()


def _news(workspace_id: str, after: int | None, named: set[str]) -> tuple[list[wire.Json], list[JobEvent], int]:
    """Jobs to look at, the events since `after` (None: from now on), and the newest event's id."""
    fresh = JobEvent.objects.filter(job__workspace_id=workspace_id)
    if after is None:
        newest = fresh.order_by("-id").values_list("id", flat=True).first()
        events: list[JobEvent] = []
        last = newest or 0
    else:
        events = list(fresh.filter(id__gt=after).order_by("id")[:EVENTS_AT_ONCE])
        last = events[-1].pk if events else after
    active = Job.objects.filter(workspace_id=workspace_id, state__in=Job.ACTIVE)
    ids = set(active.values_list("pk", flat=True)) | named | {e.job_id for e in events}
    return jobs.shown(jobs.rows(pk__in=ids, workspace_id=workspace_id)), events, last
