"""Runs parts as child processes: start in order, wait until they answer, restart what dies, stop all within bounds.

Every child is spawned from the main thread with a parent-death signal, in a process group of its own: when `up` is
killed outright its children still end, and when it stops nothing of a group is left.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ide.parts import Part

PR_SET_PDEATHSIG = 1
LOG_LIMIT = 5 << 20  # bytes; an older log is cut when its part starts
RESTARTS = 5  # within RESTART_WINDOW seconds, then the whole stops: a part that cannot live needs a person
RESTART_WINDOW = 120.0
_libc = ctypes.CDLL(None, use_errno=True)


class PartFailed(Exception):
    """A part did not come up: which, why (its last words), and where to read more."""


@dataclass
class Child:
    part: Part
    process: subprocess.Popen[bytes]
    log: Path
    starts: list[float] = field(default_factory=list)


class Supervisor:
    def __init__(self, logs: Path, env: dict[str, str], say: Callable[[str], None]) -> None:
        self._logs = logs
        self._env = env
        self._say = say
        self._children: dict[str, Child] = {}
        self.stopping = False
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, parts: list[Part]) -> None:
        """Start these together and return when all answer; raises PartFailed for the first that does not."""
        for part in parts:
            self._spawn(part)
        began = time.monotonic()
        waiting = {part.name: part for part in parts}
        while waiting and not self.stopping:
            for part in list(waiting.values()):
                if self._is_ready(part, time.monotonic() - began):
                    self._say(f"  {part.name:<10} ready after {time.monotonic() - began:.1f} s")
                    del waiting[part.name]
            time.sleep(0.05)

    def _is_ready(self, part: Part, waited: float) -> bool:
        child = self._children[part.name]
        code = child.process.poll()
        if code is not None:
            raise PartFailed(f"{part.name} ended with code {code}.{self._last_words(child)}")
        problem = part.ready()
        if problem is not None and waited > part.ready_seconds:
            raise PartFailed(
                f"{part.name} did not answer in {part.ready_seconds:g} s: {problem}{self._last_words(child)}"
            )
        return problem is None

    def _last_words(self, child: Child) -> str:
        tail = child.log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines()[-8:]
        return "".join(f"\n    | {line}" for line in tail) + f"\n  Its whole log: {child.log}"

    def _spawn(self, part: Part) -> None:
        log = self._logs / f"{part.name}.log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.unlink()
        env = dict(self._env) if part.inherit_env else {k: v for k, v in self._env.items() if k in _PLAIN}
        with log.open("ab") as out:
            process = subprocess.Popen(
                part.argv(),
                env={**env, **part.env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (single-threaded here; only prctl is called)
            )
        old = self._children.get(part.name)
        starts = [t for t in (old.starts if old else []) if time.monotonic() - t < RESTART_WINDOW]
        self._children[part.name] = Child(part, process, log, [*starts, time.monotonic()])

    def watch(self) -> None:
        """Keep everything running until `stopping` is set; raises PartFailed when a part keeps dying."""
        while not self.stopping:
            for child in list(self._children.values()):
                code = child.process.poll()
                if code is None or self.stopping:
                    continue
                if len(child.starts) >= RESTARTS:
                    raise PartFailed(f"{child.part.name} died {RESTARTS} times.{self._last_words(child)}")
                self._say(f"  {child.part.name} ended with code {code}; starting it again (log: {child.log})")
                self._spawn(child.part)
            time.sleep(0.25)

    def stop(self) -> None:
        """SIGTERM in reverse order of start, then SIGKILL to what remains, groups included."""
        self.stopping = True
        groups: dict[int, list[Child]] = {}
        for child in self._children.values():
            groups.setdefault(child.part.order, []).append(child)
        for order in sorted(groups, reverse=True):
            for child in groups[order]:
                _signal(child, signal.SIGTERM)
            deadline = time.monotonic() + max(child.part.stop_seconds for child in groups[order])
            for child in groups[order]:
                _wait(child, deadline)
        for child in self._children.values():
            _signal_group(child, signal.SIGKILL)


_PLAIN = {"PATH", "HOME", "LANG", "LC_ALL", "TERM", "TZ"}


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(child: Child, number: signal.Signals) -> None:
    if child.process.poll() is None:
        child.process.send_signal(number)


def _signal_group(child: Child, number: signal.Signals) -> None:
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return
    child.process.wait()


def _wait(child: Child, deadline: float) -> None:
    try:
        child.process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        print(f"  {child.part.name} did not stop in time and is killed", file=sys.stderr)
        child.process.kill()
        child.process.wait()
