"""What the work on one claimed job has in its hands."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from agents.endpoints.measure import Measured
from agents.jobs.rows import leases
from agents.jobs.working.places import Place
from agents.jobs.working.report import Reporter
from agents.models import Job
from ide.db import in_db


class Waits(Exception):
    """The job stops here until people let it go on; what it has done is durable. `question`: what it asks them."""

    def __init__(self, phase: str, question: str = "") -> None:
        super().__init__(phase)
        self.phase, self.question = phase, question


class SliceOver(Exception):
    """The slice is over: the job stops here and waits for its next turn; what it has done is durable."""


@dataclass
class Bench:
    """`place` is where the repository is, `tree` the job's own worktree."""

    job: Job
    place: Place
    tree: Path
    provider: Measured
    reporter: Reporter
    began: float = field(default_factory=time.monotonic)

    async def pause_here(self) -> None:
        """Between two steps or items, all of them durable: return where the work goes on. Raises Waits, SliceOver."""
        rest = await in_db(leases.to_rest, self.job)
        if rest is not None:
            raise Waits(*rest)
        if time.monotonic() - self.began >= settings.JOB_SLICE_SECONDS:
            raise SliceOver
