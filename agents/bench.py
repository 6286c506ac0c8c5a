"""What the work on one claimed job has in its hands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agents.measure import Measured
from agents.models import Job
from agents.report import Reporter


@dataclass
class Bench:
    """`root` is the workspace's folder, `tree` the job's own worktree."""

    job: Job
    root: Path
    tree: Path
    provider: Measured
    reporter: Reporter
