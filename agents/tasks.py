"""Celery's entry: one wake-up, three lines. Truth is in the database; a duplicate or lost message is harmless."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from agents import jobs, work

SHUTDOWN_SECONDS = 8.0


@shared_task(name="agents.run_job", ignore_result=True)
def run_job(job_id: str) -> None:
    asyncio.run(work.execute(job_id))


@worker_ready.connect
def catch_up(**_: object) -> None:
    """A worker has started: what waits although its message is lost, or whose workspace nobody has open, begins."""
    for job_id in jobs.left_over():
        run_job.delay(job_id)


@worker_shutting_down.connect
def end_in_time(**_: object) -> None:
    """A worker whose broker died with it waits for that broker for ever; its process group is ended instead."""
    timer = threading.Timer(SHUTDOWN_SECONDS, os.killpg, (os.getpgrp(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
