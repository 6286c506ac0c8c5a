"""A keystroke from one tab to another, against a relay that only passes the same bytes on."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from tests.client import Person
from tests.site import Site, cpu_of, free_port
from tests.tab import Document, Tab

FIGURES = ("keystroke-p50-ms",)
KEYS, ROUNDS, RATE = 150, 3, 50  # keystrokes a round, alternating rounds, keystrokes a second


async def through_tandem(writer: Document, reader: Document) -> list[float]:
    """Milliseconds from a tab's send to the other tab's text having it."""
    took = []
    for _ in range(KEYS):
        length = len(reader.text)
        began = time.perf_counter()
        await writer.append("x")
        await reader.tab.until(lambda before=length: len(reader.text) > before, "a keystroke")  # type: ignore[misc]
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(1 / RATE)
    return took


async def through_relay(port: int) -> list[float]:
    took = []
    url = f"ws://127.0.0.1:{port}/"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as a, http.ws_connect(url) as b:
        for _ in range(KEYS):
            began = time.perf_counter()
            await a.send_bytes(b"x" * 40)
            await b.receive_bytes()
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(1 / RATE)
    return took


@contextmanager
def relay() -> Iterator[tuple[int, int]]:
    """Its port and its process id."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.speed.relay", str(port)], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


async def measure(site: Site, port: int, pid: int) -> None:
    ana = await Person.new(site.link, "ana")
    workspace = await ana.workspace("bench")
    tabs: list[Tab] = [await ana.tab(workspace["id"]) for _ in range(2)]
    writer, reader = [await tab.open("shop/basket.py") for tab in tabs]
    ours: list[float] = []
    theirs: list[float] = []
    used = [site.cpu(), cpu_of(pid)]
    for _ in range(ROUNDS):
        ours += await through_tandem(writer, reader)
        theirs += await through_relay(port)
    used = [site.cpu() - used[0], cpu_of(pid) - used[1]]
    for tab in tabs:
        await tab.close()
    await ana.close()
    p50 = statistics.median(ours)
    print(
        json.dumps(
            {
                "name": FIGURES[0],
                "value": p50,
                "unit": "ms",
                "ratio": p50 / statistics.median(theirs),
                "against": "relay of as many bytes (aiohttp, own process)",
                "conditions": (
                    f"clock: before the writer's send to the reader's text having it; {ROUNDS} alternating rounds of "
                    f"{KEYS} keystrokes at {RATE}/s, Daphne, SQLite log on; both tabs in one Python process"
                ),
                "runs": [ours, theirs],
                "cpu_ours": used[0],
                "cpu_theirs": used[1],
            }
        )
    )


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Site(Path(folder), TANDEM_BUILTIN_MODEL="false") as site,
        relay() as (port, pid),
    ):
        asyncio.run(measure(site, port, pid))


if __name__ == "__main__":
    main()
