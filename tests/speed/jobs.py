"""What a job costs beside its model and its commands, how soon another worker goes on, and whether people take turns.

Real processes: a web server, a runner, Celery workers, Valkey, SQLite; the model answers at once.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.chaos.jobplant import JobPlant, called, jobplant
from tests.chaos.jobrows import FILES
from tests.chaos.machines import until

FIGURES = ("job-step-overhead-ms", "job-resume-s", "jobs-fair")
STEPS, QUEUED, WORKERS = 50, 200, 2
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


def main(names: list[str]) -> None:
    wanted = names or list(FIGURES)
    with tempfile.TemporaryDirectory(prefix="tandem-speed-jobs-") as folder:
        with jobplant(Path(folder, "a"), lease=20.0) as plant:
            places = plant.ask("ground", 2, plant.model.url, FILES)
            if "job-resume-s" in wanted:
                resume(plant, places[0])
            elif "job-step-overhead-ms" in wanted:
                plant.worker()
            if "job-step-overhead-ms" in wanted:
                overhead(plant, places[1])
        if "jobs-fair" in wanted:
            with jobplant(Path(folder, "b"), lease=20.0) as plant:
                plant.ask("ground", 1, plant.model.url, FILES)
                fair(plant)


if __name__ == "__main__":
    main(sys.argv[1:])
