"""A job's sandboxes: one at a time, counted, killed whole; nothing outlives a runner."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ide.errors import Unavailable
from ide.runner.client import Policy, alive, kill, run, run_sync
from tests.runner.conftest import Runner

SECONDS = 15
# Many processes, some of them daemons in a session of their own that ignore signals; a fifo is held open by them.
CROWD = (
    "trap '' TERM HUP INT; exec 9<>alive; for i in 1 2 3; do (setsid sleep 600 &) ; sleep 600 & done; "
    "python3 -c 'import os, signal, time; os.fork() or os.setsid(); os.fork(); time.sleep(600)' & "
    "echo begun; sleep 600"
)


async def begin(runner: Runner, root: Path, job: str) -> asyncio.Task[object]:
    """A crowd that runs, and the fifo through which its end is seen."""
    if not (root / "alive").exists():
        os.mkfifo(root / "alive")
    begun = asyncio.Event()
    policy = Policy(root, seconds=600, job=job)
    task = asyncio.create_task(run(["sh", "-c", CROWD], policy, on_output=lambda _: begun.set(), socket=runner.socket))
    await asyncio.wait_for(begun.wait(), SECONDS)
    return task


def nobody_holds(fifo: Path) -> bool:
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # ENXIO: no reader
        return True
    return False


async def test_killing_a_job_leaves_nothing_of_it(runner: Runner, tmp_path: Path) -> None:
    task = await begin(runner, tmp_path, "j-kill")
    assert await alive("j-kill", runner.socket) >= 8
    assert not nobody_holds(tmp_path / "alive")
    assert await kill("j-kill", runner.socket) >= 8
    assert nobody_holds(tmp_path / "alive")
    assert (await asyncio.wait_for(task, SECONDS)).code == -signal.SIGKILL  # type: ignore[attr-defined]
    assert await alive("j-kill", runner.socket) == 0
    assert await kill("j-kill", runner.socket) == 0


async def test_a_jobs_new_sandbox_ends_its_earlier_one_first(runner: Runner, tmp_path: Path) -> None:
    task = await begin(runner, tmp_path, "j-new")
    other = await begin(runner, tmp_path / "..", "j-other")
    outcome = await run(["true"], Policy(tmp_path, job="j-new"), socket=runner.socket)
    assert outcome.code == 0
    assert (await asyncio.wait_for(task, SECONDS)).code == -signal.SIGKILL  # type: ignore[attr-defined]
    assert await alive("j-other", runner.socket) >= 8
    await kill("j-other", runner.socket)
    await other


async def test_commands_of_no_job_leave_each_other_alone(runner: Runner, tmp_path: Path) -> None:
    task = await begin(runner, tmp_path, "")
    assert run_sync(["true"], Policy(tmp_path), socket=runner.socket).code == 0
    assert not nobody_holds(tmp_path / "alive")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(SECONDS):
        while not nobody_holds(tmp_path / "alive"):
            await asyncio.sleep(0.01)


async def test_a_runner_that_is_killed_takes_its_sandboxes_with_it(new_runner: type[Runner], tmp_path: Path) -> None:
    started = new_runner()  # type: ignore[call-arg]
    task = await begin(started, tmp_path, "j-boot")
    started.process.kill()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(task, SECONDS)
    async with asyncio.timeout(SECONDS):
        while not nobody_holds(tmp_path / "alive"):
            await asyncio.sleep(0.01)


def test_a_new_runner_first_ends_what_an_older_one_left(new_runner: type[Runner], tmp_path: Path) -> None:
    """Sandboxes end with their runner by the kernel's hand; one that did not is found by its mark."""
    first = new_runner()  # type: ignore[call-arg]
    listing = "import os, sys; print(open('/proc/1/cmdline').read().split(chr(0))[0])"
    said = run_sync(["python3", "-c", listing], Policy(tmp_path), socket=first.socket)
    mark = said.stdout.decode().strip()
    left = subprocess.Popen([mark, "600"], executable="/bin/sleep")
    first.stop()
    again = subprocess.Popen(
        [sys.executable, "-m", "ide.runner", "--socket", str(first.socket)],
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    assert left.wait(SECONDS) == -signal.SIGKILL
    assert again.stderr is not None
    assert b"1 processes of an earlier runner's sandboxes" in again.stderr.readline()
    again.terminate()
    again.communicate(timeout=SECONDS)
