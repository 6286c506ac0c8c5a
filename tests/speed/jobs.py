"""What a job costs beside its model and its commands, how soon another worker goes on, and whether people take turns.

Real processes: a web server, a runner, Celery workers, Valkey, SQLite; the model answers at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from yarl import URL

from ide.documents import protocol
from tests.chaos.jobplant import HOLDS, JobPlant, called, jobplant
from tests.chaos.jobrows import FILES, running
from tests.chaos.machines import until
from tests.client import Person
from tests.tab import Tab

FIGURES = (
    "job-step-overhead-ms",
    "job-resume-s",
    "jobs-fair",
    "jobs-ui-lag-s",
    "job-cancel-s",
    "job-cancel-no-redis-s",
)
CANCELS = {"job-cancel-s", "job-cancel-no-redis-s"}
STEPS, QUEUED, WORKERS = 50, 200, 2
CANCELLED = 3
NAPS = ("sleep 301.5", "sleep 302.5")
SHARES = {"ada": 140, "bob": 20, "cyd": 20, "dan": 20}


def say(name: str, value: float, unit: str, against: str, conditions: str) -> None:
    told = {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "against": against,
        "conditions": conditions,
        "runs": 1,
    }
    print(json.dumps(told), flush=True)


def ended(plant: JobPlant, job_id: str) -> Any:
    def look() -> Any:
        facts = plant.ask("facts", job_id)
        return facts if facts["state"] in ("review", "failed") else None

    return until(look, "the job has ended", 300, plant.logs)


def ordered(plant: JobPlant, place: Any, word: str) -> str:
    order = {"kind": "agent", "instruction": word}
    status, told = plant.http(f"/api/workspaces/{place['workspace']}/jobs", order, cookies=place["cookies"])
    assert status == 201, told
    return str(told["id"])


def overhead(plant: JobPlant, place: Any) -> None:
    """From the first step's begin to the last one's end, without the time the model's server took."""
    read = [called("read_file", path="a.py")]
    plant.model.scripts = {"fifty": [*[read] * (STEPS - 1), "Read."]}
    ended(plant, ordered(plant, place, "fifty"))
    spans = plant.ask("spans", plant.ask("newest", place["workspace"]))
    each = (spans["seconds"] - plant.model.seconds) * 1000 / spans["steps"]
    say("job-step-overhead-ms", each, "ms", "at most 25 ms", f"{spans['steps']} steps that read a file, SQLite")


def resume(plant: JobPlant, place: Any) -> None:
    """A worker is killed at a step's end; until another has claimed the job."""
    read = [called("read_file", path="a.py")]
    plant.model.scripts = {"resumed": [*[read] * 5, "Read."]}
    armed = plant.worker("job.called:kill:3")
    job_id = ordered(plant, place, "resumed")
    until(armed.struck, "it has struck", 60, plant.logs)
    struck = time.time()
    armed.stop()
    plant.worker(wait=False)
    ended(plant, job_id)
    seconds = plant.ask("spans", job_id)["claimed_at"] - struck
    say(
        "job-resume-s",
        seconds,
        "s",
        "at most 30 s",
        f"lease {plant.env['TANDEM_JOB_LEASE_SECONDS']} s, the other worker starts then",
    )


def fair(plant: JobPlant) -> None:
    """Jobs of one person who asks for most and three who ask for little, all queued before a worker is there."""
    asked = plant.ask("crowd", SHARES)
    plant.model.scripts = {}
    for _ in range(WORKERS):
        plant.worker(wait=False)
    until(lambda: plant.ask("waiting") == 0, "all have been begun", 900, plant.logs)
    order = plant.ask("begun", asked)
    few = min(SHARES.values())
    while_all_wait = order[: few * len(SHARES)]
    counts = [while_all_wait.count(name) for name in SHARES]
    say(
        "jobs-fair",
        max(counts) / max(1, min(counts)),
        "×",
        "1: everybody as often",
        f"{QUEUED} jobs of {len(SHARES)} people, {WORKERS} workers: {counts} begun while all had some",
    )


class Stamped(Tab):
    """A tab that notes how old each event of a job is when it comes."""

    lags: list[float]

    async def _take(self, message: protocol.Message) -> None:
        now, known = time.time(), len(self.events)
        await super()._take(message)
        told = [event["event"] for event in self.events[known:] if event["type"] == "job.event"]
        self.lags += [now - datetime.fromisoformat(event["created_at"]).timestamp() for event in told]


async def _watched(plant: JobPlant, place: Any) -> list[float]:
    """The age of all that comes to a tab while two workers go through the queue."""
    async with Person(f"http://127.0.0.1:{plant.port}") as person:
        person.http.cookie_jar.update_cookies(place["cookies"], URL(person.url))
        tab = Stamped(person.http, person.url, place["workspace"], person.get)
        tab.lags = []
        await tab.connect()
        await asyncio.to_thread(plant.ask, "crowd", SHARES)
        for _ in range(WORKERS):
            plant.worker(wait=False)
        end = time.monotonic() + 900
        while await asyncio.to_thread(plant.ask, "waiting"):
            assert time.monotonic() < end, plant.logs()
            await asyncio.sleep(0.5)
        await tab.close()
    return tab.lags


def lag(plant: JobPlant, place: Any) -> None:
    plant.model.scripts = {}
    lags = asyncio.run(_watched(plant, place))
    worst = statistics.quantiles(lags, n=20, method="inclusive")[-1]
    conditions = (
        f"{QUEUED} queued jobs, {WORKERS} workers, {len(lags)} events from their making to a tab's socket; p50 "
        f"{statistics.median(lags):.2f} s, longest {max(lags):.2f} s; load average {os.getloadavg()[0]:.1f}"
    )
    say("jobs-ui-lag-s", worst, "s", "less than 1 s", conditions)


def cancel(plant: JobPlant, place: Any, *, redis: bool = True) -> float:
    """Seconds until nothing is left of two jobs: one runs a command that hears no signal, the other has sub-agents, of
    which one runs such a command and one is in mid-answer."""
    deaf = [[called("run_command", command=f"trap '' TERM INT HUP; {nap}; true")] for nap in NAPS]
    parts = called("delegate_parts", tasks=[{"instruction": "part-x"}, {"instruction": "part-y"}])
    plant.model.scripts = {
        "part-x": [deaf[0], "Slept."],
        "part-y": [HOLDS],
        "whole": [[parts], "Done."],
        "alone": [deaf[1], "Slept."],
    }
    ids = [ordered(plant, place, word) for word in ("whole", "alone")]
    until(lambda: all(map(running, NAPS)) and plant.model.holding, "all are at work", 120, plant.logs)
    if not redis:
        plant.broker.stop()

    def ask(job: str) -> None:
        plant.http(f"/api/jobs/{job}/cancel", {}, cookies=place["cookies"])

    asking = [threading.Thread(target=ask, args=(job,)) for job in ids]
    began = time.perf_counter()
    for one in asking:
        one.start()
    while any(map(running, NAPS)) or plant.model.holding or not plant.ask("cancelled", ids):
        assert time.perf_counter() - began < 60, plant.logs()
        time.sleep(0.01)
    took = time.perf_counter() - began
    for one in asking:
        one.join()
    return took


def cancels(plant: JobPlant, place: Any, wanted: list[str]) -> None:
    for _ in range(WORKERS + 1):
        plant.worker()
    what = "two jobs and two sub-agents, commands that ignore SIGTERM, an answer without an end; load average"
    if "job-cancel-s" in wanted:
        took = [cancel(plant, place) for _ in range(CANCELLED)]
        said = f"{what} {os.getloadavg()[0]:.1f}; longest of {CANCELLED}, p50 {statistics.median(took):.2f} s"
        say("job-cancel-s", max(took), "s", "at most 1 s", said)
    if "job-cancel-no-redis-s" in wanted:
        say(
            "job-cancel-no-redis-s",
            cancel(plant, place, redis=False),
            "s",
            "at most 5 s",
            f"{what} {os.getloadavg()[0]:.1f}",
        )


def steps(folder: Path, wanted: list[str]) -> None:
    with jobplant(folder, lease=20.0) as plant:
        places = plant.ask("ground", 2, plant.model.url, FILES)
        if "job-resume-s" in wanted:
            resume(plant, places[0])
        else:
            plant.worker()
        if "job-step-overhead-ms" in wanted:
            overhead(plant, places[1])


def main(names: list[str]) -> None:
    wanted = names or list(FIGURES)
    with tempfile.TemporaryDirectory(prefix="tandem-speed-jobs-") as folder:
        if {"job-resume-s", "job-step-overhead-ms"} & set(wanted):
            steps(Path(folder, "a"), wanted)
        if "jobs-fair" in wanted:
            with jobplant(Path(folder, "b"), lease=20.0) as plant:
                plant.ask("ground", 1, plant.model.url, FILES)
                fair(plant)
        if "jobs-ui-lag-s" in wanted:
            with jobplant(Path(folder, "c"), lease=20.0) as plant:
                lag(plant, plant.ask("ground", 1, plant.model.url, FILES)[0])
        if CANCELS & set(wanted):
            with jobplant(Path(folder, "d"), lease=20.0) as plant:
                cancels(plant, plant.ask("ground", 1, plant.model.url, FILES)[0], wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
