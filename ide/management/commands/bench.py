"""`manage.py bench [NAME…]`: run the measurements of tests/speed, print a table, write .artefacts/bench.json.

A measurement is a module of tests/speed with a tuple FIGURES of the names it gives; run as `python -m`, it prints one
JSON object a line: {name, value, unit, ratio, spread, against, conditions, runs, cpu_ours, cpu_theirs}. `ratio` is
ours / what it is measured against, medians of the same alternating run, `spread` its least and greatest in one pass;
cpu_* are CPU seconds of the two servers in that run. A measurement that breaks, or whose passes measured something
else, says so; the command never fails because of a figure.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

SECONDS = 1800  # for one module
Figure = dict[str, Any]
FIELDS = (
    *("name", "value", "unit", "ratio", "spread", "against", "conditions", "commit"),
    *("runs", "cpu_ours", "cpu_theirs", "broken"),
)


class Command(BaseCommand):
    help = "Measure. Without names, everything."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*")

    def handle(self, *args: object, **options: Any) -> None:
        known = {name: module for module, names in _modules().items() for name in names}
        wanted = options["names"] or list(known)
        unknown = sorted(set(wanted) - set(known))
        if unknown:
            raise CommandError(f"No such figure: {', '.join(unknown)}. There are: {', '.join(sorted(known))}.")
        figures: list[Figure] = []
        for module in dict.fromkeys(known[name] for name in wanted):
            figures += self._run(module, [name for name in wanted if known[name] == module])
        self._table(figures)
        self._save(figures)

    def _run(self, module: str, names: list[str]) -> list[Figure]:
        self.stdout.write(f"· {', '.join(names)}")
        try:
            done = subprocess.run(
                [sys.executable, "-m", module, *names],
                cwd=settings.ROOT,
                stdout=subprocess.PIPE,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [{"name": name, "broken": f"not done in {SECONDS} s"} for name in names]
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
        got = {figure["name"] for figure in found}
        return found + [{"name": n, "broken": f"exit code {done.returncode}"} for n in names if n not in got]

    def _table(self, figures: list[Figure]) -> None:
        self.stdout.write(f"\n{'figure':<30} {'value':>12} {'':<8} {'ratio':>7} {'spread':>11}  against")
        for figure in figures:
            if "broken" in figure:
                self.stdout.write(f"{figure['name']:<30} {'broken':>12} {figure['broken']}")
                continue
            value = "" if figure.get("value") is None else f"{figure['value']:.4g}"
            ratio = "" if figure.get("ratio") is None else f"{figure['ratio']:.3g}"
            spread = "–".join(f"{end:.2f}" for end in figure.get("spread") or ())
            row = f"{figure['name']:<30} {value:>12} {figure.get('unit', ''):<8} {ratio:>7} {spread:>11}"
            self.stdout.write(f"{row}  {figure.get('against') or ''}")

    def _save(self, figures: list[Figure]) -> None:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=settings.ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()
        file = settings.ROOT / ".artefacts" / "bench.json"
        file.parent.mkdir(exist_ok=True)
        old = json.loads(file.read_text()) if file.exists() else []
        new = [{**dict.fromkeys(FIELDS), **figure, "commit": commit} for figure in figures]
        names = {figure["name"] for figure in new}
        file.write_text(json.dumps([*(f for f in old if f["name"] not in names), *new], indent=1))
        self.stdout.write(f"\nwritten to {file}")


def _modules() -> dict[str, list[str]]:
    """Measurement modules and their figures, read without importing: the product does not import its tests."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path(settings.ROOT, "tests", "speed").glob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FIGURES":
                found[f"tests.speed.{file.stem}"] = list(ast.literal_eval(node.value))
    return found
