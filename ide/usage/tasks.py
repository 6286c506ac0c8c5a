"""Celery's entry to the history: it is rolled up every minute by whichever worker is there."""

from __future__ import annotations

import logging
import threading

from celery import shared_task
from celery.exceptions import CeleryError
from celery.signals import worker_ready, worker_shutting_down
from kombu.exceptions import KombuError

from ide.usage import hours

log = logging.getLogger(__name__)

EVERY = 60.0
_ending = threading.Event()


@shared_task(name="usage.roll", ignore_result=True)
def roll() -> None:
    hours.roll()


@worker_ready.connect
def begin(**_: object) -> None:
    threading.Thread(target=_ask, name="history", daemon=True).start()


def _ask() -> None:
    while not _ending.is_set():
        try:
            roll.apply_async(retry=False, expires=EVERY)
        except (CeleryError, KombuError, OSError) as error:  # away; the next round does the same
            log.warning("the history could not be rolled up: %s", error)
        _ending.wait(EVERY)


@worker_shutting_down.connect
def end(**_: object) -> None:
    _ending.set()
