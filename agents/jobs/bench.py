"""What the work on one claimed job has in its hands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agents.endpoints.measure import Measured
from agents.jobs.places import Place
from agents.jobs.report import Reporter
from agents.models import Job


@dataclass
class Bench:
    """`place` is where the repository is, `tree` the job's own worktree."""

    job: Job
    place: Place
    tree: Path
    provider: Measured
    reporter: Reporter
