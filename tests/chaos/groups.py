"""Processes with all they start: by their own command line, or forked from one that has everything imported."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.chaos.ground import state_of
from tests.chaos.machines import Process, until
from tests.site import ROOT


class Group(Process):
    """A process with all it starts."""

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        if not self.is_over():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def is_over(self) -> bool:
        """Its id may be another's by now."""
        return self.process.returncode is not None

    def struck(self) -> list[int]:
        """Process ids in which its fault has struck."""
        said = self.log.read_text() if self.log.exists() else ""
        return [int(pid) for pid in re.findall(r"^fault (\d+) ", said, re.MULTILINE)]


class Forked(Group):
    """One that a nursery has forked, and reaps."""

    def __init__(self, pid: int, log: Path) -> None:
        self._pid, self.log = pid, log
        self._born = _born(pid)

    @property
    def pid(self) -> int:
        return self._pid

    def is_over(self) -> bool:
        return _born(self.pid) not in ("", self._born)

    def stop(self) -> None:
        self.signal(signal.SIGKILL)
        until(lambda: self.is_over() or state_of(self.pid) in ("", "Z"), f"process {self.pid} is dead", 10)


def _born(pid: int) -> str:
    """When a process was started, in the kernel's ticks; '' where there is none of that id. An id whose group still has
    processes is not given again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


class Nursery:
    """Forks web processes and workers: see tests.chaos.nursery."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        argv, pipe = [sys.executable, "-m", "tests.chaos.nursery"], subprocess.PIPE
        with log.open("ab") as out:
            self._process = subprocess.Popen(argv, cwd=ROOT, env=env, stderr=out, stdin=pipe, stdout=pipe, text=True)
        self._number = 0

    def fork(self, log: Path, fault: str, **order: Any) -> Forked:
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: PT018
        self._number += 1
        log.touch()
        told = {"number": self._number, "fault": fault, "log": str(log), **order}
        print(json.dumps(told), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("number") == self._number:
                return Forked(answer["result"], log)
        raise AssertionError("the nursery has ended; its log says why")

    def stop(self) -> None:
        self._process.kill()
        with self._process:  # closes its pipes
            pass
