"""Whether the database keeps what it committed: as it is set up here, and as it must not be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connection, transaction

from ide.db import THREADS, in_db, threads
from ide.documents.log.durable import check, judged


def test_the_database_of_this_run_keeps_what_it_commits(transactional_db: None) -> None:
    assert check()[0] == "ok"


def test_a_weaker_setting_of_the_session_is_told(transactional_db: None) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=NORMAL")
        assert check()[0] == "fail"
        connection.close()
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        assert check()[0] == "warn"


def test_postgresql_without_fsync_is_refused() -> None:
    assert judged("postgresql", {"fsync": "off", "synchronous_commit": "on"})[0] == "fail"
    assert judged("postgresql", {"fsync": "on", "synchronous_commit": "off"})[0] == "warn"
    assert judged("sqlite", {"journal_mode": "delete", "synchronous": "2"})[0] == "fail"


@pytest.mark.usefixtures("transactional_db")
async def test_database_threads_keep_their_connections_until_they_are_closed() -> None:
    def used() -> Any:
        connection.ensure_connection()
        return connection.connection

    kept = {await in_db(used) for _ in range(20)}
    assert len(kept) <= THREADS
    await asyncio.to_thread(threads.close)
    with pytest.raises(Exception, match="closed"):
        kept.pop().cursor()
    assert await in_db(used) not in kept
    await asyncio.to_thread(threads.close)
