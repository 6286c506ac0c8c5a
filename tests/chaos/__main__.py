"""`python -m tests.chaos`: run rows of the matrix and print what happened; `make chaos` runs all and writes the table.

Options choose rows, variants, seeds and the database; `--write` puts the results into README.md. Ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.courses import COURSES
from tests.chaos.ground import ground
from tests.chaos.rows import ROWS, Row
from tests.chaos.run import HERE, Result, run_row
from tests.postgres import Postgres

BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def wanted(names: list[int], variants: list[str]) -> list[tuple[Row, str]]:
    chosen = [row for row in ROWS if not names or row.number in names]
    return [(row, variant) for row in chosen for variant in row.variants if variant == "-" or variant in variants]


async def matrix(work: list[tuple[Row, str]], seeds: range, database: str, outright: bool) -> list[Result]:
    results = []
    with tempfile.TemporaryDirectory(prefix="tandem-chaos-") as folder:
        async with ground(Path(folder), database, outright) as place:
            for seed in seeds:
                for row, variant in work:
                    began = time.monotonic()
                    result = await run_row(place, row, variant, seed, COURSES[row.course])
                    results.append(result)
                    print(line(result), f"({time.monotonic() - began:.1f} s)", flush=True)
                    for kind in dict.fromkeys(fault[:2] for fault in result.faults):
                        alike = [fault for fault in result.faults if fault[:2] == kind]
                        print(*(f"      {fault}" for fault in alike[:3]), f"      ({len(alike)})", sep="\n", flush=True)
                    if result.faults and LOGS:
                        print(place.logs())
                    place.webs.clear()
    return results


LOGS = False


def line(result: Result) -> str:
    time = "–" if result.recovered is None else f"{result.recovered:.1f} s"
    word = "kept" if not result.faults else f"BROKEN: {result.faults[0][:160]}"
    return (
        f"{result.row.number:>2} {result.row.name} · {result.variant} · {result.database} · seed {result.seed}: {word},"
        f" {result.tokens} tokens, saved again after {time}"
    )


def table(results: list[Result]) -> str:
    lines = [
        "| row | failpoint | required | variant | database | runs | result | saved again after |",
        "|" + "---|" * 8,
    ]
    groups: dict[tuple[int, str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.row.number, result.variant, result.database), []).append(result)
    for (number, variant, database), group in sorted(groups.items(), key=lambda one: one[0]):
        bad = [result for result in group if result.faults]
        word = (
            "kept"
            if not bad
            else f"**broken in {len(bad)}**: {' '.join(bad[0].faults[0].split())[:120]}".replace("|", "\\|")
        )
        times = [result.recovered for result in group if result.recovered is not None]
        slowest = f"≤ {max(times):.1f} s" if times else "–"
        row = group[0].row
        lines.append(
            f"| {number} | {row.name} | {row.required} | {variant} | {database} | {len(group)} | {word} | {slowest} |"
        )
    return "\n".join(lines)


def write(results: list[Result]) -> None:
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    seeds = len({result.seed for result in results})
    when = f"Run of {datetime.now(UTC):%Y-%m-%d}: {len(results)} runs, {seeds} seeds, "
    words = f"{sum(not result.faults for result in results)} kept."
    readme.write_text(f"{before}{BEGIN}\n{when}{words}\n\n{table(results)}\n{END}{after}")


def main() -> int:
    global LOGS  # noqa: PLW0603
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[])
    parser.add_argument("--variants", nargs="*", default=["kill", "pause"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="sqlite")
    parser.add_argument("--outright", action="store_true", help="start Daphne by its command line, do not fork")
    parser.add_argument("--write", action="store_true", help="put the results into README.md")
    parser.add_argument("--logs", action="store_true", help="show the web processes' logs of rows that were broken")
    options = parser.parse_args()
    LOGS = options.logs
    work = [(row, v) for row, v in wanted(options.rows, options.variants) if row.course in COURSES]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    results: list[Result] = []
    if options.database != "postgresql":
        results += asyncio.run(matrix(work, seeds, "", options.outright))
    if options.database != "sqlite":
        with Postgres() as server:
            results += asyncio.run(matrix(work, seeds, server.url, options.outright))
    if options.write:
        write(results)
    return int(any(result.faults for result in results))


if __name__ == "__main__":
    sys.exit(main())
