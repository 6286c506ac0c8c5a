"""A runner process of the tests' own, as `up` starts it: nothing in its environment but PATH."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Runner:
    """`python -m ide.runner`, with its socket in a short folder."""

    def __init__(self, folder: Path, *arguments: str, **env: str) -> None:
        self.socket = folder / "runner.sock"
        argv = [sys.executable, "-m", "ide.runner", "--socket", str(self.socket), *arguments]
        plain = {"PATH": os.environ["PATH"], **env}
        self.process = subprocess.Popen(argv, cwd=ROOT, env=plain, stderr=subprocess.PIPE)
        until = time.monotonic() + 30
        while not self._listens() and self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)

    def _listens(self) -> bool:
        """Its socket takes connections: it has a name some time before."""
        flags = "00010000"  # of a socket that accepts
        rows = Path("/proc/net/unix").read_text().splitlines()
        return any(row.endswith(f" {self.socket}") and row.split()[3] == flags for row in rows)

    def stop(self) -> float:
        """Seconds from SIGTERM to its end."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=10)
        return time.monotonic() - began


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    with tempfile.TemporaryDirectory(prefix="t-run-") as folder:
        started = Runner(Path(folder))
        yield started
        code = started.process.poll()
        assert code is None, f"it ended with {code}: {started.process.communicate()[1].decode()}"
        started.stop()


@pytest.fixture
def new_runner() -> Iterator[type]:
    """Makes runners a test may kill; ends them all."""
    made: list[Runner] = []
    with tempfile.TemporaryDirectory(prefix="t-run-") as folder:

        class Made(Runner):
            def __init__(self, *arguments: str, **env: str) -> None:
                place = Path(folder, str(len(made)))
                place.mkdir(mode=0o700)
                super().__init__(place, *arguments, **env)
                made.append(self)

        yield Made
        for started in made:
            started.stop()
