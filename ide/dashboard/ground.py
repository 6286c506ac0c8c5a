"""What the figures stand on, looked at every few seconds in a thread of its own: the parts, and the job workers.

A look may block for a second or two (it waits for answers), so it never shares a thread with queries or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from ide.celery import app
from ide.parts import parts

PING_SECONDS = 0.7
# A broker that hangs must not hold this thread: every read and write gives up.
IMPATIENT = {"socket_timeout": 2.0, "socket_connect_timeout": 1.0, "retry_on_timeout": False}


@dataclass(frozen=True)
class Look:
    """What was found. `workers` is None when the broker could not be asked."""

    parts: list[tuple[str, str, str]] = field(default_factory=list)  # name, state, finding
    workers: list[tuple[str, int, int]] | None = None  # name, processes, tasks at work


def look() -> Look:
    return Look(parts=[_part(part.name, part.ready()) for part in parts()], workers=_workers())


def _part(name: str, problem: str | None) -> tuple[str, str, str]:
    return (name, "answers", "") if problem is None else (name, "does not answer", problem)


def _workers() -> list[tuple[str, int, int]] | None:
    try:
        # A connection of this look alone: the pooled one would retry for minutes while the broker is away.
        with app.connection_for_write(connect_timeout=1, transport_options=IMPATIENT) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=1)
            inspect = app.control.inspect(timeout=PING_SECONDS, connection=connection)
            stats = inspect.stats() or {}
            active = inspect.active() or {} if stats else {}
    except (KombuError, RedisError, OSError):
        return None
    return sorted((name, _processes(dict(found)), len(active.get(name, ()))) for name, found in stats.items())


def _processes(stats: dict[str, Any]) -> int:
    return int(stats.get("pool", {}).get("max-concurrency", 0))
