"""Celery's entry: one wake-up, three lines. Truth is in the database; a duplicate or lost message is harmless."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading

from celery import shared_task
from celery.exceptions import CeleryError
from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, close_old_connections
from kombu.exceptions import KombuError

from agents.jobs import life as jobs
from agents.jobs import work
from ide.usage import meter

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 8.0
SWEEP_SECONDS = 30.0
_ending = threading.Event()


@shared_task(name="agents.run_job", ignore_result=True)
def run_job(job_id: str) -> None:
    asyncio.run(work.execute(job_id))


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
            for job_id in jobs.left_over():
                run_job.apply_async((job_id,), retry=False, expires=SWEEP_SECONDS)
        except (DatabaseError, CeleryError, KombuError, OSError) as error:  # away; the next round finds the same jobs
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
