"""Terminals in the sandbox: keys, job control, sizes, floods; as a browser's terminal will use them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ide.errors import Invalid, Unavailable
from ide.runner.client import Policy, Terminal, alive, run, terminal
from tests.runner.conftest import Runner

SECONDS = 10


class Shell:
    """bash in a terminal, read until what is expected has come."""

    def __init__(self, shown: Terminal) -> None:
        self._shown = shown
        self.seen = b""

    async def until(self, pattern: bytes) -> re.Match[bytes]:
        try:
            return await asyncio.wait_for(self._until(pattern), SECONDS)
        except TimeoutError:
            raise AssertionError(f"no {pattern!r} in {self.seen!r}") from None

    async def _until(self, pattern: bytes) -> re.Match[bytes]:
        while not (found := re.search(pattern, self.seen)):
            data = await self._shown.read()
            assert data, f"it ended: {self.seen!r}"
            self.seen += data
        self.seen = self.seen[found.end() :]
        return found

    async def does(self, line: str, pattern: bytes) -> re.Match[bytes]:
        await self._shown.write(line.encode() + b"\r")
        return await self.until(pattern)


@asynccontextmanager
async def shell(runner: Runner, root: Path, **policy: object) -> AsyncIterator[tuple[Shell, Terminal]]:
    argv = ["bash", "--norc", "-i"]
    env = {"PS1": "ready> "}
    asked = Policy(root, **policy)  # type: ignore[arg-type]
    async with terminal(argv, asked, size=(30, 100), env=env, socket=runner.socket) as shown:
        read = Shell(shown)
        await read.until(b"ready> ")
        yield read, shown


async def test_a_shell_has_a_terminal_of_its_size_and_colours(runner: Runner, tmp_path: Path) -> None:
    async with shell(runner, tmp_path) as (sh, shown):
        await sh.does("tty; stty size; tput colors", rb"/dev/(pts/\d+|console)\r\n30 100\r\n256\r\n")
        await shown.write(b"exit 7\r")
        while await shown.read():
            pass
        assert shown.code == 7


async def test_ctrl_c_ends_what_is_in_front_and_not_the_shell(runner: Runner, tmp_path: Path) -> None:
    async with shell(runner, tmp_path) as (sh, shown):
        await sh.does("sh -c 'echo go$((1+1)); exec sleep 60'", b"go2")
        await shown.write(b"\x03")
        await sh.until(b"ready> ")
        await sh.does("echo code=$?", rb"[\r\n]code=130\r\n")


async def test_ctrl_z_stops_and_fg_goes_on(runner: Runner, tmp_path: Path) -> None:
    async with shell(runner, tmp_path) as (sh, shown):
        await sh.does("sh -c 'echo go$((1+1)); read word; echo got $word'", b"go2")
        await shown.write(b"\x1a")
        await sh.until(b"Stopped")
        await sh.does("jobs", b"Stopped .*sh -c")
        await sh.does("fg", b"sh -c")
        await sh.does("hello", b"got hello")


async def test_a_new_size_is_told_to_the_program(runner: Runner, tmp_path: Path) -> None:
    async with shell(runner, tmp_path) as (sh, shown):
        await sh.does("trap 'stty size' WINCH; echo set$((1+1))", b"set2")
        await shown.resize(11, 22)
        await sh.does("", b"11 22")


async def test_a_flood_that_is_not_read_stops_and_loses_nothing(runner: Runner, tmp_path: Path) -> None:
    """What nobody reads waits in the program: it prints numbers and says in a file how far it is."""
    code = (
        "import os, sys\nprogress = os.open('at', os.O_CREAT | os.O_WRONLY)\n"
        "for i in range(400_000):\n    print(i)\n    if i % 1000 == 0: os.pwrite(progress, b'%07d' % i, 0)\n"
    )
    argv = ["python3", "-uc", code]
    async with terminal(argv, Policy(tmp_path), socket=runner.socket) as shown:
        first = await shown.read()
        stood = await standing(tmp_path / "at")
        assert stood < 300_000
        seen, last = bytearray(first), b""
        async with asyncio.timeout(120):
            while data := await shown.read():
                seen += data
                last = data or last
    numbers = seen.split(b"\r\n")
    assert [int(n) for n in numbers[:-1]] == list(range(400_000))


async def standing(file: Path) -> int:
    """Where it stands when it does not move any more."""
    before = -1
    async with asyncio.timeout(SECONDS):
        while True:
            now = await asyncio.to_thread(lambda: int(file.read_bytes() or b"0") if file.exists() else 0)
            if now and now == before:
                return now
            before = now
            await asyncio.sleep(0.3)  # no event tells that nothing happens


async def test_much_typed_at_a_program_that_does_not_read_waits(runner: Runner, tmp_path: Path) -> None:
    argv = ["sh", "-c", "stty raw -echo; echo go; read -r _ <slow; head -c 3000000 | md5sum"]
    (tmp_path / "go").touch()
    await run(["mkfifo", "slow"], Policy(tmp_path), socket=runner.socket)
    async with terminal(argv, Policy(tmp_path), socket=runner.socket) as shown:
        read = Shell(shown)
        await read.until(b"go")
        typing = asyncio.create_task(shown.write(b"x" * 3_000_000))
        reading = asyncio.create_task(read.until(rb"([0-9a-f]{32})"))
        done, _ = await asyncio.wait({typing}, timeout=0.5)
        assert not done
        await asyncio.to_thread((tmp_path / "slow").write_text, "on\n")
        assert (await reading)[1] == b"8e32e22642bddc89698e25a4e9bf528b"
        await typing


async def test_leaving_a_terminal_ends_everything_in_it(runner: Runner, tmp_path: Path) -> None:
    async with shell(runner, tmp_path, job="t-left") as (sh, _):
        await sh.does("setsid sleep 60 & echo off$((1+1))", b"off2")
        assert await alive("t-left", runner.socket) >= 2
    async with asyncio.timeout(SECONDS):
        while await alive("t-left", runner.socket):
            await asyncio.sleep(0.01)


async def test_its_time_is_limited_only_where_a_limit_is_given(runner: Runner, tmp_path: Path) -> None:
    async with terminal(["sleep", "60"], Policy(tmp_path, seconds=0.3), socket=runner.socket) as shown:
        assert await shown.read() == b""
        assert shown.code is None
    async with terminal(["true"], Policy(tmp_path, seconds=0), socket=runner.socket) as shown:
        assert await shown.read() == b""
        assert shown.code == 0
    with pytest.raises(Invalid):
        await run(["true"], Policy(tmp_path, seconds=0), socket=runner.socket)


async def test_a_terminal_whose_runner_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        async with terminal(["sh"], Policy(tmp_path), socket=tmp_path / "none"):
            pass
