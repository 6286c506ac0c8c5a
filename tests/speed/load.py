"""The load generator: builds load.c with the system's C compiler when its source has changed, and runs it.

A run has `rooms` documents with one writer and `readers` each. `rate` is keystrokes a second and writer; 0: as fast as
`window` keystrokes that some reader still lacks permit. The result counts only while the generator itself used less
than 90 % of its core (`Overloaded` otherwise), and only if every reader got every character once and in order.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.site import ROOT

SOURCE = Path(__file__).with_name("load.c")
BUSY = 0.9  # of its core; above, the generator may be what was measured
SERVER_CORE, LOAD_CORE = 0, 1

Result = dict[str, Any]


class Unusable(Exception):
    """A run that measured something else."""


@dataclass(frozen=True)
class Shape:
    rooms: int
    readers: int
    rate: float
    seconds: float = 2.5
    window: int = 256

    def __str__(self) -> str:
        pace = f"{self.rate:g} keys/s each" if self.rate else f"window of {self.window} keystrokes"
        rooms = f"{self.rooms} rooms × " if self.rooms > 1 else ""
        return f"{rooms}1 writer, {self.readers} readers, {pace}, {self.seconds:g} s"


def generator() -> Path:
    """The built program. Its name carries the hash of its source, so an old one is never run."""
    mark = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    program = ROOT / ".artefacts" / f"load-{mark}"
    if not program.exists():
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise Unusable("a C compiler is needed to build the load generator (Debian: apt-get install gcc libc6-dev)")
        program.parent.mkdir(exist_ok=True)
        made = program.with_suffix(".new")
        subprocess.run([compiler, "-O2", "-std=gnu17", "-o", str(made), str(SOURCE)], check=True)
        made.replace(program)
    return program


def run(shape: Shape, names: list[str], **options: object) -> Result:
    """One run against the server whose `port`, `pid` (for its CPU), `path`, `cookie`, `token` and `root` are given."""
    given = {"rooms": shape.rooms, "readers": shape.readers, "rate": shape.rate, "seconds": shape.seconds}
    given |= {"window": shape.window, "names": ",".join(names)} | options
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    argv = ["taskset", "-c", str(LOAD_CORE), str(generator()), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60 + shape.seconds * 4, check=False)
    if not done.stdout:
        raise Unusable(done.stderr.strip() or f"the generator ended with {done.returncode}")
    result: Result = json.loads(done.stdout)
    wrong = {what: result[what] for what in ("gaps", "closed", "undelivered") if result[what]}
    if wrong:
        raise Unusable(f"not every reader got every character once: {wrong}")
    result["usable"] = result["generator"] < BUSY
    return result
