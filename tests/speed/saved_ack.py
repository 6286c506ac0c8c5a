"""From a keystroke's send to "saved": 20 writers who type 10 keys a second each, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.client import Person
from tests.postgres import Postgres
from tests.site import Site
from tests.tab import Document

FIGURES = ("saved-ack-p95-sqlite", "saved-ack-p95-postgres")
WRITERS, RATE, SECONDS, WARM_UP = 20, 10, 20, 3
FILES = (
    "shop/basket.py",
    "shop/catalogue.py",
    "shop/till.py",
    "tests/test_shop.py",
)  # as many documents, shared evenly


async def types(document: Document, offset: float, acks: list[float]) -> None:
    """Type for the time of the measurement; milliseconds until each key was acknowledged, which comes in order."""
    begun: list[float] = []
    keys = asyncio.create_task(_keys(document, offset, begun))
    acked = 0
    while acked < (SECONDS + WARM_UP) * RATE:
        await document.tab.until(lambda acked=acked: len(begun) - document.unsaved > acked, "saved")  # type: ignore[misc]
        now = time.perf_counter()
        for at in begun[acked : len(begun) - document.unsaved]:
            acks.append((now - at) * 1000)
            acked += 1
    await keys


async def _keys(document: Document, offset: float, begun: list[float]) -> None:
    start = time.perf_counter() + offset
    for n in range((SECONDS + WARM_UP) * RATE):
        await asyncio.sleep(start + n / RATE - time.perf_counter())
        begun.append(time.perf_counter())
        await document.append("x")


async def measure(site: Site, name: str) -> dict[str, Any]:
    async with await Person.new(site.link, "ana") as ana:
        workspace = await ana.workspace("bench")
        documents = []
        for n in range(WRITERS):
            tab = await ana.tab(workspace["id"])
            documents.append(await tab.open(FILES[n % len(FILES)]))
        acks: list[list[float]] = [[] for _ in documents]
        used, own = site.cpu(), time.process_time()
        began = time.perf_counter()
        await asyncio.gather(*(types(one, n / WRITERS / RATE, acks[n]) for n, one in enumerate(documents)))
        took = time.perf_counter() - began
        used, own = site.cpu() - used, time.process_time() - own
        for one in documents:
            await one.tab.close()
    every = sorted(ms for one in acks for ms in one[WARM_UP * RATE :])
    return {
        "name": name,
        "value": every[int(len(every) * 0.95)],
        "unit": "ms",
        "conditions": (
            f"clock: before the writer's send to its SyncStatus; {WRITERS} writers × {RATE} keys/s for {SECONDS} s in "
            f"{len(FILES)} documents, Daphne, synchronous commits; all tabs in one Python process, which used "
            f"{own / took:.0%} of a core; p50 {statistics.median(every):.1f} ms, "
            f"p99 {every[int(len(every) * 0.99)]:.1f} ms, most {every[-1]:.0f} ms; "
            f"load average {os.getloadavg()[0]:.1f}"
        ),
        "runs": [[round(ms, 1) for ms in one] for one in acks],
        "cpu_ours": used,
    }


def main() -> None:
    for name in sys.argv[1:] or FIGURES:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            env = {"TANDEM_BUILTIN_MODEL": "false", "DATABASE_URL": f"sqlite:///{folder}/log.sqlite3"}
            if name.endswith("postgres"):
                env["DATABASE_URL"] = stack.enter_context(Postgres()).url
            site = stack.enter_context(Site(Path(folder), **env))
            print(json.dumps(asyncio.run(measure(site, name))), flush=True)


if __name__ == "__main__":
    main()
