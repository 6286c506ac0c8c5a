"""A keystroke's way to its readers: what it costs the server and how long it takes, against Hocuspocus 4.

Both servers run on the same core, one at a time, in alternating passes; the generator has the other core. Ours has its
log on disk and its limits on, Hocuspocus keeps documents in memory only.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys

from tests.speed.load import Result, Shape
from tests.speed.servers import Hocuspocus, Tandem, hocuspocus, tandem

FIGURES = (
    "keystroke-burst-uvicorn",
    "keystroke-burst-daphne",
    "keystroke-paced-uvicorn",
    "keystroke-paced-daphne",
    "keystroke-latency-p50",
    "keystroke-latency-p99",
    "keystroke-latency-p50-daphne",
    "keystroke-latency-p99-daphne",
)
PASSES = 3
BURST = Shape(rooms=1, readers=10, rate=0)
PACED = Shape(rooms=50, readers=3, rate=20)
LATENCY = Shape(rooms=1, readers=10, rate=200, seconds=4)
AGAINST = "@hocuspocus/server 4, the same core, no storage"


def figure(name: str, unit: str, key: str, shape: Shape, passes: list[tuple[Result, Result]]) -> Result:
    """One figure of some passes: (ours, theirs). A pass in which the generator was too busy does not count."""
    good = [(ours, theirs) for ours, theirs in passes if ours["usable"] and theirs["usable"]]
    if not good:
        return {"name": name, "broken": "the generator used 90 % of its core or more in every pass"}
    runs = [[ours[key] for ours, _ in good], [theirs[key] for _, theirs in good]]
    ratios = [ours / theirs for ours, theirs in zip(*runs, strict=True)]
    busy = max(one["generator"] for pair in good for one in pair)
    return {
        "name": name,
        "value": statistics.median(runs[0]),
        "unit": unit,
        "ratio": statistics.median(runs[0]) / statistics.median(runs[1]),
        "against": AGAINST,
        "spread": [min(ratios), max(ratios)],
        "conditions": (
            f"{shape}; log on disk (SQLite), limits on; {len(good)} of {len(passes)} alternating passes; "
            f"generator at most {busy:.0%} of its core; load average {os.getloadavg()[0]:.1f}"
        ),
        "runs": runs,
        "cpu_ours": sum(ours["server_cpu"] for ours, _ in good),
        "cpu_theirs": sum(theirs["server_cpu"] for _, theirs in good),
        "details": passes,
    }


async def passes(ours: Tandem, theirs: Hocuspocus, shape: Shape) -> list[tuple[Result, Result]]:
    done = []
    for _ in range(PASSES):
        done.append((await ours.load(shape), await asyncio.to_thread(theirs.load, shape)))
    return done


async def under(server: str, shape: Shape, parts: dict[str, tuple[str, str]]) -> None:
    """The figures of one shape, each from one `part` of the results in some unit. Servers are new for each shape: what
    one leaves to be compacted is no cost of the next."""
    async with tandem(server) as ours:
        with hocuspocus() as theirs:
            found = await passes(ours, theirs, shape)
    for name, (part, unit) in parts.items():
        print(json.dumps(figure(name, unit, part, shape, found)), flush=True)


def main() -> None:
    names = sys.argv[1:] or FIGURES
    for server in ("uvicorn", "daphne"):
        tail = "" if server == "uvicorn" else "-daphne"
        cpu = ("us", "µs")
        for shape, parts in (
            (BURST, {f"keystroke-burst-{server}": cpu}),
            (PACED, {f"keystroke-paced-{server}": cpu}),
            (LATENCY, {f"keystroke-latency-{part}{tail}": (part, "ms") for part in ("p50", "p99")}),
        ):
            wanted = {name: part for name, part in parts.items() if name in names}
            if wanted:
                asyncio.run(under(server, shape, wanted))


if __name__ == "__main__":
    main()
