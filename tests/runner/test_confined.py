"""The ends of a sandbox's pipes: what the loop still reads by its number may be somebody else's by then."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from ide.runner.client import Policy, run
from ide.runner.confined import Confined
from tests.runner.conftest import Runner

HELD = "sleep 60 & echo begun"  # its output stays open after its end


async def test_no_pipe_is_read_any_more_when_it_has_ended() -> None:
    process = subprocess.Popen(
        ["sh", "-c", HELD],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    confined = Confined(process, -1, None)
    out = await confined.reading("stdout")
    await confined.reading("stderr")
    typed = await confined.writing()
    assert process.stdin
    assert process.stdout
    assert process.stderr
    numbers = [pipe.fileno() for pipe in (process.stdin, process.stdout, process.stderr)]
    assert await out.readline() == b"begun\n"
    await confined.wait()
    await confined.end()
    assert typed.is_closing()
    loop = asyncio.get_running_loop()
    assert not any(loop.remove_reader(number) or loop.remove_writer(number) for number in numbers)
    await asyncio.sleep(0)
    for number in numbers:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)
    os.killpg(process.pid, signal.SIGKILL)


async def test_after_many_that_were_broken_off_the_next_are_answered(runner: Runner, tmp_path: Path) -> None:
    """Those that follow have sandboxes that stood before, whose pipes nobody reads yet."""
    for _ in range(40):
        begun = asyncio.Event()
        argv = ["sh", "-c", "while :; do echo x; done"]
        talks = run(argv, Policy(tmp_path), on_output=lambda _, begun=begun: begun.set(), socket=runner.socket)  # type: ignore[misc]
        task = asyncio.create_task(talks)
        await asyncio.wait_for(begun.wait(), 10)
        task.cancel()
        async with asyncio.timeout(10):
            assert (await run(["true"], Policy(tmp_path), socket=runner.socket)).code == 0
