"""The log, its compaction, leases and claims on PostgreSQL: the same tests as on SQLite, in a run of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent
BOTH = [
    "tests/documents/test_store.py",
    "tests/documents/test_compact.py",
    "tests/documents/test_durable.py",
    "tests/documents/test_epoch.py",
    "tests/live/test_rooms.py::test_a_lease_that_has_run_out_is_taken_whoever_held_it",
    "tests/live/test_rooms.py::test_a_live_text_that_is_not_what_its_log_says_is_read_again",
    "tests/agents/test_jobs.py::test_a_job_is_claimed_once_and_a_paused_worker_writes_nothing",
]


def test_log_lease_and_claims_hold_on_postgresql(tmp_path: Path) -> None:
    with Postgres() as server:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *BOTH],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": server.url, "TANDEM_DATA": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
