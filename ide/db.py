"""The only bridge from live async code to the ORM, and the ids rows are known by."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

# Not asgiref's thread-sensitive worker: there one slow query would stall every socket of the process.
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="db")

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def new_id() -> str:
    """16 characters, 80 random bits, safe in paths, URLs and branch names."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


async def in_db(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run synchronous ORM work in a database thread and await its result.

    The function must return plain values or fully loaded rows: no lazy query may leave the thread.
    """
    return await asyncio.get_running_loop().run_in_executor(_pool, partial(_run, fn, *args, **kwargs))


def _run(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return fn(*args, **kwargs)
    finally:
        close_old_connections()
