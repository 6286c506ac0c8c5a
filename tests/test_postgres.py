"""The log, its compaction, leases, claims and the accounts of limits on PostgreSQL: the same tests as on SQLite, in a
run of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    "tests/usage/test_caps.py",
    "tests/usage/test_meter.py",
    "tests/usage/test_use.py",
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


STANDS_STILL = """
import django, sys
django.setup()
from django.db import connection, transaction
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("LOCK TABLE held")
    cursor.execute("SHOW idle_in_transaction_session_timeout")
    print(cursor.fetchone()[0], flush=True)
    sys.stdin.readline()
"""


def test_who_stands_still_amid_a_transaction_gives_its_locks_back(tmp_path: Path) -> None:
    with Postgres() as server, psycopg.connect(server.url, autocommit=True) as ours:
        ours.execute("CREATE TABLE held ()")
        with standing_still(server.url, tmp_path) as given:
            assert given == "30s"
        with standing_still(f"{server.url}?options=-cidle_in_transaction_session_timeout%3D1s", tmp_path) as given:
            assert given == "1s"
            ours.execute("SET lock_timeout = '60s'")
            with ours.transaction():
                ours.execute("LOCK TABLE held")


@contextmanager
def standing_still(url: str, data: Path) -> Iterator[str]:
    """A process that has locked the table and does nothing more; how long PostgreSQL lets it."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "ide.settings", "TANDEM_DATA": str(data), "DATABASE_URL": url}
    argv, pipe = [sys.executable, "-c", STANDS_STILL], subprocess.PIPE
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True) as still:
        try:
            assert still.stdout is not None
            yield still.stdout.readline().strip()
            assert still.poll() is None
        finally:
            still.kill()
