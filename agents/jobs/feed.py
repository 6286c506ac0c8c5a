"""Jobs as the host sees them: rows tailed into events, lost ones queued again, workers woken.

Workers and host meet in the database only. A hint makes the host look at once; without hints (Redis down) it looks
every two seconds while a job is active. A waking message is sent again, ever less often, until a worker has claimed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from celery.exceptions import CeleryError
from django.db import DatabaseError
from kombu.exceptions import KombuError

from agents import wire
from agents.jobs import life as jobs
from agents.models import Job, JobEvent
from agents.tasks import run_job
from ide.db import in_db
from ide.live.announce import broker_problem
from ide.live.host import WorkspaceHost

log = logging.getLogger(__name__)

ANSWER = 0.5  # seconds the broker may take
LOOK = 2.0  # seconds between two looks while a job is active
REST = 30.0
SWEEP = 5.0
FIRST_WAIT, LONGEST_WAIT = 10.0, 300.0  # seconds between two wake-ups of the same job
EVENTS_AT_ONCE = 200
ACTIVE = (Job.State.QUEUED, Job.State.RUNNING)
ENDED = (Job.State.REVIEW, Job.State.FAILED, Job.State.CANCELLED)


def wake(job_id: str) -> bool:
    """Tell Celery that a job waits; returns whether the message left. Blocks: call it from a thread."""
    problem = broker_problem(ANSWER)  # Celery alone would try for six seconds to find out
    if problem is not None:
        log.warning("job %s: no worker can be woken (%s)", job_id, problem)
        return False
    try:
        run_job.apply_async((job_id,), retry=False)
    except (CeleryError, KombuError, OSError) as error:
        log.warning("job %s: no worker can be woken (%s)", job_id, error)
        return False
    return True


@dataclass
class _Waiting:
    next_at: float = 0.0
    wait: float = FIRST_WAIT
    sent: int = 0


@dataclass
class JobFeed:
    """An extension of the host; `run` is a task the host owns."""

    host: WorkspaceHost
    ended: Callable[[str], Awaitable[None]]  # awaited with the id of a job whose work has ended
    moved: Callable[[str], Awaitable[None]]  # and of one that has another state than the last look found
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _told: dict[str, wire.Json] = field(default_factory=dict)
    _hinted: set[str] = field(default_factory=set)
    _last_event: int | None = None
    _is_active: bool = True
    _waiting: dict[str, _Waiting] = field(default_factory=dict)

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
        known = [job_id for job_id, told in self._told.items() if told["state"] in ("queued", "running")]
        try:
            rows, events, last = await in_db(_news, self.host.workspace_id, self._last_event, hinted.union(known))
        except DatabaseError:
            self._hinted |= hinted
            raise
        self._last_event = last
        for event in events:
            self.host.publish({"type": "job.event", "job": event.job_id, "event": wire.job_event(event)})
        self._is_active = any(row["state"] in ("queued", "running") for row in rows)
        for row in rows:
            job_id = str(row["id"])
            before = self._told.get(job_id)
            if before != row:
                self._told[job_id] = row
                self.host.publish({"type": "job", "job": row})
            if before is not None and before["state"] in ACTIVE and row["state"] in ENDED:
                await self.ended(job_id)
            if before is not None and before["state"] != row["state"]:
                await self.moved(job_id)

    async def _sweep(self) -> None:
        ids = await in_db(jobs.sweep, self.host.workspace_id)
        self._waiting = {job_id: self._waiting.get(job_id, _Waiting()) for job_id in ids}
        late = []
        for job_id, waiting in self._waiting.items():
            if time.monotonic() < waiting.next_at:
                continue
            left = await asyncio.to_thread(wake, job_id)
            if waiting.sent or not left:
                late.append(job_id)
            waiting.sent += 1
            waiting.next_at = time.monotonic() + waiting.wait
            waiting.wait = min(2 * waiting.wait, LONGEST_WAIT)
        if late:
            await in_db(jobs.mark_waiting, late)
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
    active = Job.objects.filter(workspace_id=workspace_id, state__in=[Job.State.QUEUED, Job.State.RUNNING])
    ids = set(active.values_list("pk", flat=True)) | named | {e.job_id for e in events}
    return [jobs.as_wire(job) for job in jobs.rows(pk__in=ids, workspace_id=workspace_id)], events, last
