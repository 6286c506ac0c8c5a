"""The runner as a part of `up`, and the doctor's rows about git and the sandbox."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from django.conf import settings

from ide.parts import Check, Part
from ide.runner import client

OLDEST_GIT = (2, 39)
_START_SECONDS = 5.0


def _argv(socket: Path | None = None) -> list[str]:
    words = [sys.executable, "-m", "ide.runner", "--socket", str(socket or settings.RUNNER_SOCKET)]
    group = ["--cgroup", settings.CGROUP] if settings.CGROUP else []
    return [*words, "--uids", settings.SANDBOX_UIDS, *group]


def _ready() -> str | None:
    """The runner answers; that its sandbox works is not needed, what it cannot confine it refuses."""
    found = client.status_sync()
    return None if found.works or found.sentence != client.DOWN else found.sentence


def check_git() -> tuple[str, str, str]:
    program = shutil.which("git")
    if program is None:
        return "fail", "not installed", "Install the Debian package git."
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    numbers = re.search(r"(\d+)\.(\d+)", answer)
    if numbers is None:
        return "fail", f"{program} does not say its version", "Install the Debian package git."
    if (int(numbers[1]), int(numbers[2])) < OLDEST_GIT:
        return "fail", f"{answer} at {program} is too old", "Install git 2.39 or newer."
    return "ok", f"{answer.removeprefix('git version ')} at {program}", ""


def check_sandbox() -> tuple[str, str, str]:
    """Ask the runner; where none runs, start one for the question."""
    found = client.status_sync()
    if found.sentence == client.DOWN:
        found = _asked_of_a_new_one()
    state = "ok" if found.works else "warn"
    return state, f"{found.sentence.rstrip('.')}: {found.walls}." if found.walls else found.sentence, found.advice


def _asked_of_a_new_one() -> client.SandboxStatus:
    with tempfile.TemporaryDirectory(prefix="tandem-doctor-") as folder:
        socket = Path(folder, "runner.sock")
        with subprocess.Popen(_argv(socket), env={"PATH": "/usr/local/bin:/usr/bin:/bin", **_ENV}) as runner:
            until = time.monotonic() + _START_SECONDS
            while not socket.exists() and runner.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            found = client.status_sync(socket)
            runner.terminate()
    return found


# The module is found wherever `up` was started from.
_ENV = {"PYTHONPATH": str(settings.ROOT)}
RUNNER = Part("runner", _argv, _ready, order=20, env=_ENV, inherit_env=False, stop_seconds=3.0)
GIT = Check("git", check_git)
SANDBOX = Check("sandbox", check_sandbox)
