"""The project's tests, whatever runs them: how they are called, and what of their output a model needs. Pure.

Recognized by files that are there; the first that fits. A compact result is the runner's own summary and, for each
failure, the end of what it said.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SHOWN = 6000  # characters of a result
TAIL = 40  # lines that are always shown
SUMMARY = re.compile(
    r"(\d+ (passed|failed|errors?)\b|^test result:|^(ok|FAIL|---) |Tests?:? +\d|^# (tests|pass|fail) |^make: \*\*\*)",
    re.MULTILINE,
)
FAILURE = re.compile(
    r"^(FAILED|ERROR) |^_{3,} .* _{3,}$|^E  |^\s*--- FAIL|panicked at|^\s*(✗|✕|×|not ok)|AssertionError|^error(\[|:)"
)


@dataclass(frozen=True)
class Runner:
    name: str
    command: str


def detect(paths: Sequence[str], read: Callable[[str], str]) -> Runner | None:
    """`paths` are those of the project; `read` gives the text of one."""
    at_top = {path for path in paths if "/" not in path}
    if "package.json" in at_top and (script := _npm(read("package.json"))):
        return Runner("npm", script)
    if at_top & {"pytest.ini", "conftest.py", "tox.ini"} or _pytest(at_top, paths, read):
        return Runner("pytest", "python3 -m pytest -q --maxfail=20 -p no:cacheprovider")
    for name, file, command in (
        ("cargo", "Cargo.toml", "cargo test --offline --quiet"),
        ("go", "go.mod", "go test ./..."),
    ):
        if file in at_top:
            return Runner(name, command)
    for file in ("Makefile", "makefile", "GNUmakefile"):
        if file in at_top and (target := re.search(r"^(test|check)\s*:", read(file), re.MULTILINE)):
            return Runner("make", f"make {target[1]}")
    if any(re.search(r"(^|/)test_[^/]*\.py$", path) for path in paths):
        return Runner("unittest", "python3 -m unittest discover")
    return None


def _npm(text: str) -> str:
    try:
        script = json.loads(text).get("scripts", {}).get("test", "")
    except (ValueError, AttributeError):
        return ""
    return "npm test --silent" if script and "no test specified" not in script else ""


def _pytest(at_top: set[str], paths: Sequence[str], read: Callable[[str], str]) -> bool:
    for file in ("pyproject.toml", "setup.cfg"):
        if file in at_top and "pytest" in read(file):
            return True
    return any(re.search(r"(^|/)conftest\.py$", path) for path in paths)


def command(runner: Runner, only: Sequence[str]) -> str:
    """The command line, for these paths where the runner can be told."""
    names = " ".join(shlex.quote(path) for path in only)
    if not names or runner.name in ("cargo", "make"):
        return runner.command
    if runner.name == "go":
        folders = sorted({path.rpartition("/")[0] or "." for path in only})
        return "go test " + " ".join(shlex.quote(f"./{folder}") for folder in folders)
    if runner.name == "unittest":
        return f"python3 -m unittest {names}"
    return f"{runner.command} -- {names}" if runner.name == "npm" else f"{runner.command} {names}"


def brief(output: str) -> str:
    """What matters of a run: lines that sum up or tell of failures, with what stands around them, and the end."""
    rows = output.rstrip().split("\n")
    kept = set(range(max(0, len(rows) - TAIL), len(rows)))
    for at, row in enumerate(rows):
        if SUMMARY.search(row) or FAILURE.search(row):
            kept |= set(range(max(0, at - 1), min(len(rows), at + 3)))
    out, before = [], -1
    for at in sorted(kept):
        if at != before + 1:
            out.append("…")
        out.append(rows[at][:400])
        before = at
    text = "\n".join(out)
    return text if len(text) <= SHOWN else text[: SHOWN // 3] + "\n…\n" + text[-2 * SHOWN // 3 :]
