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

FIGURES = ("sandbox-start-ms", "sandbox-first-ms")
PASSES, RUNS, WARM = 5, 30, 10
BETWEEN = 0.05  # seconds between two commands: a model takes longer


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


async def measure(runner: Runner, root: Path, *, first: bool) -> dict[str, object]:
    found = await status(runner.socket)
    if not found.works:
        raise SystemExit(found.sentence)
    confined, bare, ratios = [], [], []
    for at in range(PASSES):
        pairs = []
        for number in range(RUNS + (0 if at else WARM)):
            policy = Policy(root, processes=300 + at * 100 + number) if first else Policy(root)
            ours = await _timed(lambda policy=policy: run(["/bin/true"], policy, socket=runner.socket))  # type: ignore[misc]
            pairs.append((ours, await _timed(lambda: _bare(root))))
            await asyncio.sleep(BETWEEN)
        pairs = pairs[-RUNS:]
        confined += [ours for ours, _ in pairs]
        bare += [theirs for _, theirs in pairs]
        ratios.append(statistics.median(o for o, _ in pairs) / statistics.median(b for _, b in pairs))
    ours, theirs = statistics.median(confined), statistics.median(bare)
    kind = "each with another policy, so that none stood ready" if first else "one after the other in a folder"
    return {
        "name": FIGURES[first],
        "value": ours - theirs,
        "unit": "ms",
        "ratio": ours / theirs,
        "spread": [min(ratios), max(ratios)],
        "against": f"a bare spawn of the same program, {theirs:.2f} ms",
        "conditions": (
            f"/bin/true from request to outcome, {kind}; p50 of {PASSES * RUNS} alternating runs, {BETWEEN * 1000:g} ms"
            f" apart; {found.walls}; p90 {statistics.quantiles(confined, n=10)[-1]:.1f} ms over bare "
            f"{statistics.quantiles(bare, n=10)[-1]:.1f}; load {os.getloadavg()[0]:.1f}"
        ),
        "runs": PASSES,
    }


def main() -> None:
    wanted = sys.argv[1:] or FIGURES
    with tempfile.TemporaryDirectory(prefix="t-speed-") as folder:
        runner = Runner(Path(folder))
        root = Path(folder, "root")
        root.mkdir()
        try:
            for first, name in enumerate(FIGURES):
                if name in wanted:
                    print(json.dumps(asyncio.run(measure(runner, root, first=bool(first)))), flush=True)
        finally:
            runner.stop()


if __name__ == "__main__":
    main()
