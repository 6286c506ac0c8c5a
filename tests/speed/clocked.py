"""The simulator as a process that notes when which token left: `python -m tests.speed.clocked PORT SCRIPT RATE TIMES`.

A line of TIMES is "<monotonic seconds> <tokens of the answer that have left>", of answers with calls. All processes of
a machine have this clock in common.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.simulator.plan import Brain, Pace, Plan, load
from agents.simulator.server import Simulator
from tests.site import ROOT, free_port


async def main(port: int, script: Path, rate: float, times: Path) -> None:
    simulator = Simulator(Brain(Pace(rate), script=load(script)))
    await simulator.start(port)
    with times.open("w", buffering=1) as file:

        def leaving(plan: Plan, count: int) -> None:
            if plan.calls:
                file.write(f"{time.perf_counter()!r} {count}\n")

        simulator.responses.leaving = leaving
        print("ready", flush=True)
        await asyncio.Event().wait()


@contextmanager
def clocked(script: Path, rate: float, times: Path) -> Iterator[str]:
    """It runs, on the last core; its base URL."""
    port, last = free_port(), max(os.sched_getaffinity(0))
    argv = [sys.executable, "-m", "tests.speed.clocked", str(port), str(script), str(rate), str(times)]
    process = subprocess.Popen(["taskset", "-c", str(last), *argv], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def left_at(times: Path) -> list[float]:
    """When each token left."""
    found: list[float] = []
    for line in times.read_text().splitlines():
        at, count = line.split()
        found += [float(at)] * (int(count) - len(found))
    return found


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
