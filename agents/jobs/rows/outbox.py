"""Outbox: wake-ups for workers, written with the change that queues a job and sent after its commit.

A message is a hint and nothing more: it is sent again, ever more rarely, until a worker has claimed the job, so that a
lost one costs seconds; one that comes twice finds nothing to claim.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from celery import current_app, group
from celery.exceptions import CeleryError
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F
from django.db.models.functions import Now
from kombu.exceptions import KombuError

from agents.models import Job, Wake
from ide import faults
from ide.live.announce import broker_problem

log = logging.getLogger(__name__)

TASK = "agents.run_job"
WAITING = "waiting for a worker"
ANSWER = 0.5  # seconds the broker may take
# Seconds between two messages for the same job: the first time, at most.
AGAIN, LONGEST = max(1, round(settings.JOB_LEASE_SECONDS / 2)), 300
AT_ONCE = 500
HELPERS = 8  # messages that ask for help with the items of a map job


def put(job_id: str) -> None:
    """A worker is to be woken for this job. Within the transaction that queues it."""
    Wake.objects.update_or_create(job_id=job_id, defaults={"due_at": Now(), "sent": 0})


def drop(job_id: str) -> None:
    """It is claimed, or wants no worker any more."""
    Wake.objects.filter(job_id=job_id).delete()


def send() -> bool:
    """Send what is due, once among all who try; returns whether all of it left. Blocks."""
    faults.hit("job.queued")
    due = _taken()
    left = not due or post(list(due))
    unheard = [job_id for job_id, before in due.items() if before or not left]
    if unheard:
        Job.objects.filter(pk__in=unheard, state=Job.State.QUEUED).update(phase=WAITING)
    return left


async def sent() -> bool:
    """`send`, for a loop. A database that is away is a message that is sent later."""
    return await asyncio.to_thread(_send)


def _send() -> bool:
    try:
        return send()
    except DatabaseError as error:
        log.warning("wake-ups were not sent: %s", error)
        return False
    finally:
        connection.close()


def _taken() -> dict[str, int]:
    """Jobs whose message is now this caller's to send, with how many were sent; if it dies, they are due again."""
    due: dict[str, int] = {}
    for wake in Wake.objects.filter(due_at__lte=Now()).order_by("due_at")[:AT_ONCE]:
        mine = Wake.objects.filter(pk=wake.pk, sent=wake.sent, due_at__lte=Now())
        if mine.update(due_at=Now() + timedelta(seconds=_wait(wake.sent)), sent=F("sent") + 1):
            due[str(wake.pk)] = wake.sent
    return due


def _wait(sent: int) -> int:
    return int(min(AGAIN << min(sent, 10), LONGEST))


def post(ids: Sequence[str]) -> bool:
    """One message each, in one go. They end when they are sent anew."""
    problem = broker_problem(ANSWER)  # Celery alone would try for six seconds to find out
    if problem is None:
        try:
            if len(ids) == 1:
                current_app.send_task(TASK, (ids[0],), retry=False, expires=LONGEST)
            else:
                group(current_app.signature(TASK, (one,)) for one in ids).apply_async(retry=False, expires=LONGEST)
            return True
        except (CeleryError, KombuError, OSError) as error:
            problem = str(error)
    log.warning("%d jobs: no worker can be woken (%s)", len(ids), problem)
    return False


def ask_for_help(items: int) -> None:
    """Wake others, who find nothing to claim and take items of a map job. Without them it is done all the same."""
    if items > 1:
        post([""] * min(items - 1, HELPERS))
