"""Celery's entry: one wake-up, one slice. Truth is in the database; a duplicate or lost message is harmless."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, close_old_connections

from agents.jobs import work
from agents.jobs.rows import leases, outbox
from ide.usage import meter

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 8.0
SWEEP_SECONDS = leases.RENEW_SECONDS  # what a worker died on is found within a lease and a quarter
_ending = threading.Event()


@shared_task(name=outbox.TASK, ignore_result=True)
def run_job(job_id: str = "") -> None:
    """`job_id` is who asked to be woken for; whose turn it is, the worker finds out."""
    asyncio.run(work.serve())


@worker_ready.connect
def catch_up(**_: object) -> None:
    """A worker has started: what waits although its message is lost, or whose workspace nobody has open, begins; so
    does, while it runs, what another worker died on."""
    threading.Thread(target=_sweep, name="sweep", daemon=True).start()


def _sweep() -> None:
    ended = False
    while not ended:
        try:
            meter.sweep()
            leases.sweep()
            outbox.send()
        except DatabaseError as error:  # away; the next round finds the same jobs
            log.warning("waiting jobs could not be swept up: %s", error)
        finally:
            close_old_connections()
        ended = _ending.wait(SWEEP_SECONDS)


@worker_shutting_down.connect
def end_in_time(**_: object) -> None:
    """A worker whose broker died with it waits for that broker for ever; its process group is ended instead."""
    _ending.set()
    timer = threading.Timer(SHUTDOWN_SECONDS, os.killpg, (os.getpgrp(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
