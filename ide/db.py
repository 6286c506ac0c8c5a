"""The only bridge from live async code to the ORM, and the ids rows are known by."""

from __future__ import annotations

import asyncio
import atexit
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper

P = ParamSpec("P")
T = TypeVar("T")

THREADS, KEEP_SECONDS = 4, 60

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def new_id() -> str:
    """16 characters, 80 random bits, safe in paths, URLs and branch names."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


class Threads:
    """A few threads that keep their connections; a connection to PostgreSQL costs more than what most calls ask.

    Not asgiref's thread-sensitive worker: there one slow query would stall every socket of the process. Requests have
    threads of their own that end with them, so their connections must not be kept (CONN_MAX_AGE stays 0 there).
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._kept: list[BaseDatabaseWrapper] = []
        self._lock = threading.Lock()

    @property
    def pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="db", initializer=self._begin)
            return self._pool

    def close(self) -> None:
        """Wait for what is under way and close the connections; the next call opens them again. Not on a loop."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        kept, self._kept = self._kept, []
        for one in kept:
            one.inc_thread_sharing()  # its thread is gone
            one.close()

    def _begin(self) -> None:
        """In each thread, before its first call."""
        for one in connections.all():
            keep = max(KEEP_SECONDS, one.settings_dict["CONN_MAX_AGE"] or 0)
            one.settings_dict = {**one.settings_dict, "CONN_MAX_AGE": keep, "CONN_HEALTH_CHECKS": True}
            self._kept.append(one)


threads = Threads()
atexit.register(threads.close)


async def in_db(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run synchronous ORM work in a database thread and await its result.

    The function must return plain values or fully loaded rows: no lazy query may leave the thread.
    """
    return await asyncio.get_running_loop().run_in_executor(threads.pool, partial(_run, fn, *args, **kwargs))


def _run(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return fn(*args, **kwargs)
    finally:
        close_old_connections()
