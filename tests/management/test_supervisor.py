"""The supervisor with real processes: order, readiness, failure told in words, restart, nothing left behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from ide.management.supervisor import PartFailed, Supervisor
from ide.parts import Part


def script(folder: Path, name: str, body: str) -> Part:
    """A part that runs `body`, is ready when its file `<name>.up` exists, and writes its pid there."""
    mark = folder / f"{name}.up"
    code = f"import os, sys, time, pathlib, subprocess\nmark = pathlib.Path({str(mark)!r})\n{body}"
    return Part(
        name,
        lambda: [sys.executable, "-c", code],
        lambda: None if mark.exists() else "no mark yet",
        ready_seconds=5,
        stop_seconds=2,
    )


SERVE = "mark.write_text(str(os.getpid()))\nwhile True: time.sleep(0.05)"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Supervisor:
    return Supervisor(tmp_path / "logs", dict(os.environ), said.append)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: object, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def test_a_part_that_answers_is_reported_and_stopped(tmp_path: Path, supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start([script(tmp_path, "one", SERVE)])
    pid = int((tmp_path / "one.up").read_text())
    assert any("one" in line and "ready" in line for line in said)
    supervisor.stop()
    assert not is_alive(pid)


def test_a_part_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path, supervisor: Supervisor) -> None:
    with pytest.raises(PartFailed, match=r"(?s)broken ended with code 3.*no such table"):
        supervisor.start([script(tmp_path, "broken", "print('no such table'); sys.exit(3)")])
    supervisor.stop()


def test_a_part_that_ignores_sigterm_and_its_children_are_killed(tmp_path: Path, supervisor: Supervisor) -> None:
    body = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "mark.with_suffix('.child').write_text(str(child.pid))\n" + SERVE
    )
    supervisor.start([script(tmp_path, "stubborn", body)])
    pids = [int((tmp_path / f"stubborn.{end}").read_text()) for end in ("up", "child")]
    supervisor.stop()
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_a_part_that_dies_is_started_again(tmp_path: Path, supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start([script(tmp_path, "flaky", SERVE)])
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    first = int((tmp_path / "flaky.up").read_text())
    (tmp_path / "flaky.up").unlink()
    os.kill(first, 9)
    wait_for((tmp_path / "flaky.up").exists)
    supervisor.stopping = True
    watching.join()
    supervisor.stop()
    assert any("starting it again" in line for line in said)
