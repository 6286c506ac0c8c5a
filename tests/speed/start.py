"""From `make run` to the printed link: in a fresh clone, and again in the same one."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.site import ROOT, Site

FIGURES = ("start-cold-s", "start-warm-s")
WARM_RUNS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone, data = Path(folder, "clone"), Path(folder, "data")
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        seconds = []
        for _ in range(1 + WARM_RUNS):
            with Site(data, argv=["make", "run"], cwd=clone) as site:
                seconds.append(site.seconds)
    cold, warm = seconds[0], statistics.median(seconds[1:])
    clock = "clock: from the start of `make run` to the printed link"
    caches = "fresh clone, no .venv, packages from the registries or the installers' caches as found"
    print(
        json.dumps(
            {"name": FIGURES[0], "value": cold, "unit": "s", "conditions": f"{clock}; {caches}", "runs": seconds[:1]}
        )
    )
    print(
        json.dumps(
            {
                "name": FIGURES[1],
                "value": warm,
                "unit": "s",
                "ratio": warm / cold,
                "against": "start-cold-s",
                "conditions": f"{clock}; same clone and data folder, started again",
                "runs": seconds[1:],
            }
        )
    )


if __name__ == "__main__":
    main()
