"""What confinement adds to a command: `true` through the runner's socket, against the same program spawned bare."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ide.settings")
django.setup()

from ide.runner.client import Policy, run, status  # noqa: E402 (needs the settings)
from tests.runner.conftest import Runner  # noqa: E402

FIGURES = ("sandbox-start-ms",)
PASSES, RUNS, WARM = 5, 40, 10


async def _bare(root: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        "/bin/true",
        cwd=root,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.communicate()


async def _timed(act: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await act()
    return (time.perf_counter() - began) * 1000


async def measure(runner: Runner, root: Path) -> dict[str, object]:
    found = await status(runner.socket)
    if not found.works:
        raise SystemExit(found.sentence)
    confined, bare = [], []
    ratios = []
    for at in range(PASSES):
        pairs = []
        for _ in range(RUNS + (0 if at else WARM)):
            ours = await _timed(lambda: run(["/bin/true"], Policy(root), socket=runner.socket))
            pairs.append((ours, await _timed(lambda: _bare(root))))
        pairs = pairs[-RUNS:]
        confined += [ours for ours, _ in pairs]
        bare += [theirs for _, theirs in pairs]
        ratios.append(statistics.median(o for o, _ in pairs) / statistics.median(b for _, b in pairs))
    ours, theirs = statistics.median(confined), statistics.median(bare)
    return {
        "name": FIGURES[0],
        "value": ours - theirs,
        "unit": "ms",
        "ratio": ours / theirs,
        "spread": [min(ratios), max(ratios)],
        "against": f"a bare spawn of the same program, {theirs:.2f} ms",
        "conditions": (
            f"/bin/true from request to outcome, p50 of {PASSES * RUNS} alternating runs; {found.walls}; "
            f"p90 {statistics.quantiles(confined, n=10)[-1]:.1f} ms over bare {statistics.quantiles(bare, n=10)[-1]:.1f}"
        ),
        "runs": PASSES,
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="t-speed-") as folder:
        runner = Runner(Path(folder))
        root = Path(folder, "root")
        root.mkdir()
        try:
            print(json.dumps(asyncio.run(measure(runner, root))), flush=True)
        finally:
            runner.stop()


if __name__ == "__main__":
    sys.exit(main())
