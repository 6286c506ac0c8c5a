"""`python -m tests.chaos.jobs_main`: the matrix of jobs, three kinds, so many seeds, on SQLite, PostgreSQL or both."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.jobplant import jobplant
from tests.chaos.jobrows import FILES, KINDS, ROWS, run_row
from tests.postgres import Postgres


def matrix(folder: Path, database: str, options: argparse.Namespace) -> int:
    """How many runs were broken."""
    seeds = range(1, options.seeds + 1)
    runs = [(row, kind, seed) for seed in seeds for kind in options.kinds for row in ROWS if kind in row.kinds]
    runs = [run for run in runs if not options.rows or run[0].number in options.rows]
    broken = 0
    with jobplant(folder, database, forks=not options.outright) as plant:
        healthy = plant.worker()
        places = plant.ask("ground", len(runs), plant.model.url, FILES)
        for (row, kind, seed), place in zip(runs, places, strict=True):
            began = time.monotonic()
            faults = run_row(plant, healthy, place, row, (kind, seed))
            broken += bool(faults)
            word = "kept" if not faults else f"BROKEN: {faults[0][:200]}"
            where = "postgresql" if database else "sqlite"
            seconds = time.monotonic() - began
            print(f"{row.number:>2} {row.name} · {kind} · {where} · seed {seed}: {word} ({seconds:.1f} s)", flush=True)
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.jobs_main", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[])
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="sqlite")
    parser.add_argument("--outright", action="store_true", help="start each process by its command line; slower")
    options, broken = parser.parse_args(), 0
    with tempfile.TemporaryDirectory(prefix="tandem-jobs-") as folder:
        if options.database != "postgresql":
            broken += matrix(Path(folder, "sqlite"), "", options)
        if options.database != "sqlite":
            with Postgres() as server:
                broken += matrix(Path(folder, "postgresql"), server.url, options)
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
