"""What only the process of a live workspace knows (people, sockets, documents, how long commits take), told to all.

Each process with a live workspace writes its pulse into Redis every second; a dashboard adds them up. Without Redis it
shows those of its own process.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
from django.conf import settings
from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ide import metrics
from ide.live.host import WorkspaceHost, live_hosts
from ide.live.lease import own_name

EVERY = 1.0
STALE = 6.0  # seconds: a process that said nothing for so long is not counted
WINDOW = 30  # seconds over which commits are looked at
ANSWER = 1.0


class Pulse(msgspec.Struct):
    """`commits`: how many took at most so many seconds, by the bounds of the histogram; of the newest half minute."""

    host: str
    pid: int
    at: float
    people: list[int] = []
    sockets: int = 0
    rooms: int = 0
    workspaces: dict[str, tuple[int, int]] = {}  # people, documents
    commits: list[tuple[float, float]] = []


@dataclass
class _Here:
    """This process."""

    task: asyncio.Task[None] | None = None
    counts: deque[dict[float, float]] = field(default_factory=lambda: deque(maxlen=WINDOW))


_here = _Here()
_seen: list[Pulse] = []


async def begin(host: WorkspaceHost) -> None:
    """A workspace is live here: from now on this process has a pulse, until none is."""
    if _here.task is None or _here.task.done():
        _here.task = asyncio.get_running_loop().create_task(_beat(), name="pulse")


async def _beat() -> None:
    client = _client()
    try:
        while live_hosts():
            _here.counts.append(_buckets())
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(ANSWER):
                    await client.hset(_key(), _name(), msgspec.json.encode(mine()))
            await asyncio.sleep(EVERY)
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(ANSWER):
                await client.hdel(_key(), _name())
    finally:
        with suppress(RedisError, OSError):
            await client.aclose()


def mine() -> Pulse:
    hosts = live_hosts()
    inside = {host.workspace_id: {tab.user_id for tab in list(host.participants.values())} for host in hosts}
    rooms = {host.workspace_id: len(host.rooms_open()) for host in hosts}
    return Pulse(
        host=own_name(),
        pid=os.getpid(),
        at=time.time(),
        people=sorted(set().union(*inside.values())),
        sockets=int(_total(metrics.sockets)),
        rooms=int(_total(metrics.rooms)),
        workspaces={one: (len(inside[one]), rooms[one]) for one in inside},
        commits=_commits(),
    )


async def gather() -> None:
    """Look at the pulses of all processes, for `pulses`."""
    found = {_name(): mine()}
    client = _client()
    try:
        async with asyncio.timeout(ANSWER):
            told = await client.hgetall(_key())
        for raw in told.values():
            with suppress(msgspec.MsgspecError):
                one = msgspec.json.decode(raw, type=Pulse)
                if time.time() - one.at < STALE:
                    found.setdefault(f"{one.host}:{one.pid}", one)
    except (RedisError, OSError, TimeoutError):
        pass
    finally:
        with suppress(RedisError, OSError):
            await client.aclose()
    _seen[:] = found.values()


def pulses() -> list[Pulse]:
    """Those of all processes at the newest look, this one's as it is now."""
    here = mine()
    return [here, *(one for one in _seen if (one.host, one.pid) != (here.host, here.pid))]


def commit_percentile(percent: int) -> float | None:
    """Milliseconds in which so many of a hundred updates were committed, of the newest half minute; None when nothing
    was typed. As the histogram's bounds tell it: an upper bound."""
    sums: dict[float, float] = {}
    for one in pulses():
        for bound, count in one.commits:
            sums[bound] = sums.get(bound, 0) + count
    ordered = sorted(sums.items())
    if not ordered or not ordered[-1][1]:
        return None
    counts = [count for _, count in ordered]
    at = bisect_left(counts, counts[-1] * percent / 100)
    bound = ordered[at][0]
    return round((bound if bound != float("inf") else ordered[-2][0]) * 1000, 1)


def _commits() -> list[tuple[float, float]]:
    now, before = _buckets(), _here.counts[0] if _here.counts else {}
    found = [(bound, count - before.get(bound, 0)) for bound, count in now.items()]
    return [(min(bound, 1e9), count) for bound, count in found]


def _buckets() -> dict[float, float]:
    return {
        float(sample.labels["le"]): sample.value
        for family in metrics.commit_seconds.collect()
        for sample in family.samples
        if sample.name.endswith("_bucket")
    }


def _total(metric: Gauge) -> float:
    return float(sum(sample.value for family in metric.collect() for sample in family.samples))


def _name() -> str:
    return f"{own_name()}:{os.getpid()}"


def machine(host: str) -> str:
    """The readable part of a host's name."""
    return host.partition("/")[0] or socket.gethostname()


def _key() -> str:
    return f"tandem:pulse:{settings.INSTALLATION}"


def _client() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=ANSWER, socket_connect_timeout=ANSWER)
