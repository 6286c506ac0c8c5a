"""Celery's entry: one wake-up, three lines. Truth is in the database; a duplicate or lost message is harmless."""

from __future__ import annotations

import asyncio

from celery import shared_task

from agents import work


@shared_task(name="agents.run_job", ignore_result=True)
def run_job(job_id: str) -> None:
    asyncio.run(work.execute(job_id))
