"""How far many streams together go over a cap of tokens, and what is still generated after the stop.

The simulator counts for itself, in a process of its own, on a core of its own; ours are real calls over HTTP, with the
ledger and the accounts of a database in a file.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

FIGURES = ("limit-overshoot", "limit-late-ms")
STREAMS, CAP, RATE = 50, 150_000, 60
ROOT = Path(__file__).parents[2]

SIMULATOR = """
import asyncio, json, sys
from agents.simulator.plan import Brain, Pace
from agents.simulator.server import Simulator

async def main():
    simulator = Simulator(Brain(Pace(float(sys.argv[1]), 0.02), 200))
    print(await simulator.start(), flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    tallies = simulator.brain.tallies
    told = [[one.said, one.asked, one.written, one.at] for one in tallies]
    print(json.dumps(told), flush=True)
    await simulator.stop()

asyncio.run(main())
"""

OURS = """
import asyncio, json, sys, time
import django
django.setup()
from django.core.management import call_command
from agents.endpoints import pool
from agents.endpoints.measure import Measured, Purpose
from agents.engine.messages import Message, Request
from agents.models import Endpoint
from ide.accounts.models import User
from ide.db import in_db
from ide.errors import QuotaExceeded
from ide.usage.models import LedgerEntry, Limit

url, streams, cap = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def set_up():
    call_command("migrate", verbosity=0)
    Limit.objects.create(of="person", kind="turn", measure="calls", amount=None)
    Limit.objects.create(of="person", measure="tokens", span="day", amount=cap)
    row = {"name": "simulated", "dialect": "chat", "base_url": url, "model": "simulated-deep", "own_network": True}
    return User.objects.create_user(username="ada"), Endpoint.objects.create(pool="fast", **row)

def counted():
    found = LedgerEntry.objects.totals()
    return [found.input_tokens + found.output_tokens, found.held]

async def one(user, row, number):
    call = Measured([row], Purpose(user.pk, None, "session", f"turn:{number}"))
    await asyncio.sleep(number * 0.05)  # nobody begins with everybody
    request = Request("", (Message("user", f"{number:03}\\nsim: tokens=1000000"),), max_tokens=1_000_000)
    try:
        async for _ in call.stream(request):
            pass
    except QuotaExceeded:
        return time.monotonic()
    return 0.0

async def main():
    user, row = await in_db(set_up)
    stopped = await asyncio.gather(*(one(user, row, number) for number in range(streams)))
    await pool.close()
    print(json.dumps({"stopped": stopped, "ledger": await in_db(counted)}), flush=True)

asyncio.run(main())
"""


def measure() -> tuple[list[list[Any]], dict[str, Any]]:
    """What the simulator counted of each stream ([number, read, written, when the last]), and what we have."""
    first, last = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"TANDEM_DATA": folder, "DJANGO_SETTINGS_MODULE": "ide.settings"}
        argv = ["taskset", "-c", str(last), sys.executable, "-c", SIMULATOR, str(RATE)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(argv, cwd=ROOT, env=env, **pipes) as simulator:  # type: ignore[call-overload]
            url = f"http://127.0.0.1:{int(simulator.stdout.readline())}/v1"
            ours = ["taskset", "-c", str(first), sys.executable, "-c", OURS, url, str(STREAMS), str(CAP)]
            done = subprocess.run(ours, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True, timeout=600)
            time.sleep(1)  # whatever is late has its time
            with suppress(BrokenPipeError):
                simulator.stdin.write("\n")
                simulator.stdin.flush()
            told = json.loads(simulator.stdout.readline())
    return told, json.loads(done.stdout.splitlines()[-1])


async def main(names: list[str]) -> None:
    told, ours = await asyncio.to_thread(measure)
    generated = sum(read + written for _, read, written, _ in told)
    ledger, held = ours["ledger"]
    stopped = ours["stopped"]
    late = [(at - stopped[int(said[:3])]) * 1000 for said, _, _, at in told]
    over = max(0.0, generated / CAP - 1)
    conditions = (
        f"{STREAMS} streams of {RATE} tokens/s each, one person's cap of {CAP:,} tokens, chat over HTTP, SQLite, "
        f"a core each; the simulator generated {generated:,}, the ledger has {ledger:,} and holds {held}; "
        f"load average {os.getloadavg()[0]:.1f}"
    )
    figures = [
        {
            "name": "limit-overshoot",
            "value": over,
            "unit": "of the cap",
            "conditions": conditions,
        },
        {"name": "limit-late-ms", "value": max(0.0, *late), "unit": "ms", "conditions": conditions},
    ]
    for figure in figures:
        if figure["name"] in names:
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(FIGURES)))
