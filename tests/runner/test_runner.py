"""The runner over its socket: output, limits, endings, and refusal where nothing can be confined."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ide.errors import Invalid, Unavailable
from ide.runner.client import Policy, run, run_sync, status, status_sync
from tests.runner.conftest import ROOT, Runner


async def test_a_command_gets_its_input_and_gives_output_errors_and_code(runner: Runner, tmp_path: Path) -> None:
    seen: list[bytes] = []
    argv = ["sh", "-c", 'cat; echo "$WORD" >&2; exit 3']
    env = {"WORD": "ouch"}
    outcome = await run(argv, Policy(tmp_path), stdin=b"hi\n", env=env, on_output=seen.append, socket=runner.socket)
    assert (outcome.code, outcome.stdout, outcome.stderr) == (3, b"hi\n", b"ouch\n")
    assert not outcome.truncated
    assert sorted(seen) == [b"hi\n", b"ouch\n"]


def test_arguments_that_are_not_text_arrive_as_they_are(runner: Runner, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff b\n")
    outcome = run_sync(["printf", "%s", name], Policy(tmp_path), socket=runner.socket)
    assert outcome.stdout == b"\xff b\n"


def test_of_too_much_output_the_head_and_the_tail_are_kept(runner: Runner, tmp_path: Path) -> None:
    outcome = run_sync(["seq", "100000"], Policy(tmp_path, output_bytes=1000), socket=runner.socket)
    assert outcome.truncated
    assert outcome.stdout.startswith(b"1\n2\n")
    assert outcome.stdout.endswith(b"\n99999\n100000\n")
    assert b" bytes left out]" in outcome.stdout
    assert len(outcome.stdout) < 1050


def test_when_the_time_is_up_the_whole_tree_is_killed(runner: Runner, tmp_path: Path) -> None:
    argv = ["sh", "-c", "(setsid sleep 60 &) ; echo started; sleep 60"]
    outcome = run_sync(argv, Policy(tmp_path, seconds=0.5), socket=runner.socket)
    assert outcome.timed_out
    assert (outcome.code, outcome.stdout) == (None, b"started\n")
    assert outcome.seconds < 60, "it waited for what it should have ended"


def test_a_child_left_behind_ends_with_its_command(runner: Runner, tmp_path: Path) -> None:
    outcome = run_sync(["sh", "-c", "(setsid sleep 60 &); echo done"], Policy(tmp_path), socket=runner.socket)
    assert outcome.stdout == b"done\n"
    assert outcome.seconds < 60, "it waited for what it should have ended"


async def test_cancelling_kills_what_was_started(runner: Runner, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    begun = asyncio.Event()
    argv = ["sh", "-c", "exec 3<>alive; echo begun; sleep 60"]
    task = asyncio.create_task(
        run(argv, Policy(tmp_path), on_output=lambda _: begun.set(), socket=runner.socket),
    )
    await asyncio.wait_for(begun.wait(), 10)
    writer = os.open(tmp_path / "alive", os.O_WRONLY | os.O_NONBLOCK)  # fails with ENXIO where nobody reads
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(BrokenPipeError):
        await asyncio.wait_for(asyncio.to_thread(_write_until_it_breaks, writer), 10)
    os.close(writer)


def _write_until_it_breaks(fd: int) -> None:
    os.set_blocking(fd, True)
    while True:
        os.write(fd, b"x" * 65536)


def test_malformed_requests_are_answered_and_survived(runner: Runner, tmp_path: Path) -> None:
    for wrong in (b"\0\0\0\5hello", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(runner.socket))
            connection.sendall(wrong)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(5)
            connection.recv(4096)
    with pytest.raises(Invalid):
        run_sync(["true"], Policy(tmp_path / "missing"), socket=runner.socket)
    with pytest.raises(Invalid):
        run_sync(["true"], Policy(tmp_path, cwd="../.."), socket=runner.socket)
    assert run_sync(["true"], Policy(tmp_path), socket=runner.socket).code == 0


def test_the_socket_is_closed_to_others(runner: Runner) -> None:
    assert runner.socket.stat().st_mode & 0o777 == 0o600


async def test_status_says_that_it_works(runner: Runner) -> None:
    assert (await status(runner.socket)).works
    assert status_sync(runner.socket).works


async def test_a_runner_that_is_down_is_told_and_not_worked_around(tmp_path: Path) -> None:
    nowhere = tmp_path / "no.sock"
    assert not (await status(nowhere)).works
    with pytest.raises(Unavailable) as caught:
        await run(["true"], Policy(tmp_path), socket=nowhere)
    assert caught.value.as_json()["code"] == "sandbox_unavailable"
    with pytest.raises(Unavailable):
        run_sync(["true"], Policy(tmp_path), socket=nowhere)


FAKES = {
    "exits 1": (
        "#!/bin/sh\necho 'bwrap: Creating new namespace failed' >&2\nexit 1\n",
        0o755,
        "Creating new namespace",
    ),
    "too old": ("#!/bin/sh\necho 'bwrap: Unknown option --size' >&2\nexit 1\n", 0o755, "Unknown option --size"),
    "setuid": ("#!/bin/sh\nexit 0\n", 0o4755, "setuid"),
    "does nothing": ("#!/bin/sh\nexit 0\n", 0o755, "does not confine"),
    "runs it bare": ('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n', 0o755, "does not confine"),
    "not a program": ("nonsense", 0o644, "cannot be started"),
}


@pytest.mark.parametrize("kind", [*FAKES, "missing"])
def test_where_the_sandbox_does_not_work_nothing_runs(kind: str, new_runner: type[Runner], tmp_path: Path) -> None:
    text, mode, words = FAKES.get(kind, ("", 0, "not installed"))
    fake = tmp_path / "bwrap"
    if kind != "missing":
        fake.write_text(text)
        fake.chmod(mode)
    started = new_runner("--bwrap", str(fake))  # type: ignore[arg-type]
    found = status_sync(started.socket)
    assert not found.works
    assert words in found.sentence
    assert "bubblewrap" in found.advice
    canary = tmp_path / "canary"
    with pytest.raises(Unavailable) as caught:
        run_sync(["touch", str(canary)], Policy(tmp_path), socket=started.socket)
    assert caught.value.as_json()["code"] == "sandbox_unavailable"
    assert not canary.exists()


def test_without_libseccomp_it_lives_and_says_so(new_runner: type[Runner], tmp_path: Path) -> None:
    (tmp_path / "pyseccomp.py").write_text("raise RuntimeError('Unable to find libseccomp')")
    started = new_runner(PYTHONPATH=str(tmp_path))  # type: ignore[call-arg]
    found = status_sync(started.socket)
    assert not found.works
    assert "libseccomp" in found.sentence
    with pytest.raises(Unavailable):
        run_sync(["true"], Policy(tmp_path), socket=started.socket)


async def test_sigterm_kills_its_children_within_two_seconds(new_runner: type[Runner], tmp_path: Path) -> None:
    started = new_runner()  # type: ignore[call-arg]
    begun = asyncio.Event()
    task = asyncio.create_task(
        run(
            ["sh", "-c", "echo begun; sleep 60"],
            Policy(tmp_path),
            on_output=lambda _: begun.set(),
            socket=started.socket,
        )
    )
    await asyncio.wait_for(begun.wait(), 10)
    assert await asyncio.to_thread(started.stop) < 2
    with pytest.raises(Unavailable):
        await task
    assert not started.socket.exists()


def test_one_that_stands_still_ends_and_says_where(new_runner: type[Runner], tmp_path: Path) -> None:
    started = new_runner("--hung-after", "1")  # type: ignore[arg-type]
    assert run_sync(["true"], Policy(tmp_path), socket=started.socket).code == 0
    started.process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    started.process.send_signal(signal.SIGCONT)
    said = started.process.communicate(timeout=10)[1]
    assert started.process.returncode == 1
    assert b"Timeout" in said
    assert b"ide/runner/__main__.py" in said


def test_it_ends_when_its_parent_dies(tmp_path: Path) -> None:
    place = tmp_path / "s"
    place.mkdir(mode=0o700)
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'ide.runner', '--socket', sys.argv[1]], "
        "stdout=sys.stdout); print(p.pid, flush=True); sys.stdin.read(1)"
    )
    argv = [sys.executable, "-c", script, str(place / "r.sock")]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) > 0
        while not (place / "r.sock").exists():
            assert parent.poll() is None
        parent.kill()
        assert parent.stdout.read() == b""  # end of file: the runner held the other end of this pipe
