"""Proof that a cancelled job has ended: what of it is left, counted on the machine of its worker and in the ledger."""

from __future__ import annotations

from agents import wire
from agents.endpoints import pool
from agents.models import Job
from ide.db import in_db
from ide.errors import Refused
from ide.runner import client as runner
from ide.usage import meter


async def of(job: Job) -> wire.Json:
    """`processes`: confined ones that live (whatever lived is ended now); `sockets`: to models; `ledger`: whether every
    call is settled; `running`: its sub-agents that their workers have not ended yet. Never raises Refused."""
    return {
        "processes": await _processes(job.pk),
        "sockets": pool.connected(),
        "ledger": "open" if await in_db(meter.still_held, f"job:{job.pk}") else "settled",
        "running": await in_db(_running, job),
    }


async def _processes(job_id: str) -> int:
    try:
        await runner.kill(job_id)
        return await runner.alive(job_id)
    except Refused:  # there is no runner, so there is nothing confined either
        return 0


def _running(job: Job) -> int:
    return job.children.exclude(state__in=Job.ENDED).count()
