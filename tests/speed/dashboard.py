"""The dashboard: how soon what happens is on it, and how long its history takes over a ledger of 1 M entries."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.speed.servers import tandem

FIGURES = ("dashboard-lag-s", "history-query-ms")
EVENTS, ENTRIES, PEOPLE, ASKED = 20, 1_000_000, 40, 5
ROOT = Path(__file__).parents[2]


def told(name: str, value: float, unit: str, conditions: str) -> dict[str, Any]:
    load = f"{conditions}; load average {os.getloadavg()[0]:.1f}"
    return {"name": name, "value": value, "unit": unit, "conditions": load}


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


async def lag() -> dict[str, Any]:
    """From a tab's joining or leaving to the figure of it at the dashboard's socket."""
    took: list[float] = []
    async with tandem("uvicorn") as ours:
        stays = await ours.person.tab(ours.workspace["id"])  # the workspace stays open
        url = ours.site.url
        async with ours.person.http.ws_connect(f"{url}/ws/dashboard", origin=url, max_msg_size=8 << 20) as socket:

            async def until(sockets: int) -> None:
                async for message in socket:
                    said = json.loads(message.data)
                    if said["kind"] == "sample" and said["figures"]["sockets"] == sockets:
                        return

            await until(1)
            tab = None
            for number in range(EVENTS):
                await asyncio.sleep(0.37)  # so that events fall anywhere between two samples
                began = time.perf_counter()
                if tab is None:
                    tab = await ours.person.tab(ours.workspace["id"])
                else:
                    await tab.close()
                    tab = None
                await until(1 if tab is None else 2)
                took.append(time.perf_counter() - began)
                assert number < EVENTS
        await stays.close()
    conditions = (
        f"{EVENTS} tabs that come and go, to the sample at the dashboard's socket (the page draws it a frame later); "
        f"p50 {statistics.median(took):.2f} s"
    )
    return told("dashboard-lag-s", p95(took), "s", conditions)


HISTORY = """
import json, sys, time
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from ide.accounts.models import Team, User
from ide.usage import hours
from ide.usage.models import LedgerEntry, Used
from ide.workspaces.models import Workspace

entries, people, asked = map(int, sys.argv[1:])
call_command("migrate", verbosity=0)
team = Team.objects.create(name="t")
room = Workspace.objects.create(name="w", team=team, source="empty", state="ready")
users = [User.objects.create(username=f"p{n}").pk for n in range(people)]
LedgerEntry.objects.create(user_id=users[0], workspace=room, endpoint="e", model="m", kind="session", charged=[])
columns = [field.column for field in LedgerEntry._meta.fields if field.column != "id"]
given = {
    "user_id": f"{users[0]} + i % {people}", "endpoint": "'model ' || (i / 50 % 3)", "state": "'settled'",
    "kind": "CASE i / 7 % 3 WHEN 0 THEN 'session' WHEN 1 THEN 'job' ELSE 'inline' END",
    "input_tokens": "i % 5000", "output_tokens": "i % 900", "cost": "(i % 100) / 1000.0",
    "created_at": f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (i * 2592000.0 / {entries}) || ' seconds')",
}
picked = ", ".join(given.get(name, name) for name in columns)
with connection.cursor() as cursor:
    cursor.execute(
        f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {entries - 1}) "
        f"INSERT INTO usage_ledgerentry ({', '.join(columns)}) "
        f"SELECT {picked} FROM n, (SELECT * FROM usage_ledgerentry LIMIT 1)"
    )
LedgerEntry.objects.filter(state="reserved").delete()
began = time.perf_counter()
rolled = hours.roll()
rolling = time.perf_counter() - began
began = time.perf_counter()
hours.roll()
again = time.perf_counter() - began
took = []
for span in hours.SPANS:
    for by in hours.BY:
        for _ in range(asked):
            began = time.perf_counter()
            found = hours.history(span, by)
            took.append((time.perf_counter() - began) * 1000)
month = hours.history("day", "person").total()
print(json.dumps({
    "took": took, "rolling": rolling, "again": again, "rows": Used.objects.count(), "entries": month.calls,
}))
"""


def history() -> dict[str, Any]:
    """Every span by every key, a few times each."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"TANDEM_DATA": folder, "DJANGO_SETTINGS_MODULE": "ide.settings"}
        env.pop("DATABASE_URL", None)
        argv = [sys.executable, "-c", HISTORY, str(ENTRIES), str(PEOPLE), str(ASKED)]
        done = subprocess.run(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True, timeout=1500)
    found = json.loads(done.stdout.splitlines()[-1])
    took = found["took"]
    conditions = (
        f"{ENTRIES:,} entries of {PEOPLE} people in 30 days, SQLite; {len(took)} questions (3 spans by 5 keys), p50 "
        f"{statistics.median(took):.0f} ms, longest {max(took):.0f} ms; rolled up into {found['rows']:,} rows in "
        f"{found['rolling']:.0f} s once, {found['again']:.2f} s each minute after"
    )
    return told("history-query-ms", p95(took), "ms", conditions)


async def main(names: list[str]) -> None:
    if "history-query-ms" in names:
        print(json.dumps(await asyncio.to_thread(history)), flush=True)
    if "dashboard-lag-s" in names:
        print(json.dumps(await lag()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(FIGURES)))
