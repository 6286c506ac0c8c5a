"""The ground of a run, seen from the test: a site's folder and database, its web processes, and one door to them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.site import ROOT, free_port

LEASE_SECONDS = 2.0
START_SECONDS = 30.0


async def until(condition: Any, what: str, seconds: float) -> Any:
    """Poll what gives no event (a process's state, a file); its first true value."""
    try:
        async with asyncio.timeout(seconds):
            while not (value := condition()):
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"after {seconds:g} s still not: {what}") from None
    return value


def state_of(pid: int) -> str:
    """The kernel's letter for a process: T while it is stopped; '' once it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@dataclass(eq=False)
class Web:
    """One web process, or a command under way."""

    pid: int
    port: int
    log: Path
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def signal(self, number: signal.Signals) -> None:
        if not self.ended.is_set():
            os.kill(self.pid, number)

    def paused(self) -> bool:
        return state_of(self.pid) == "T"

    def struck(self) -> list[int]:
        """Process ids (its own or a child's) in which the fault has struck."""
        return [int(pid) for pid in re.findall(r"^fault (\d+) ", self.log.read_text(), re.MULTILINE)]

    async def answers(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            while True:
                assert not self.ended.is_set(), f"a web process ended:\n{self.log.read_text()[-3000:]}"
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                return

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        async with asyncio.timeout(10):
            await self.ended.wait()


class Ground:
    """Made by `ground()`. `outright`: web processes are started by their own command line instead of being forked."""

    def __init__(self, data: Path, env: dict[str, str], outright: bool) -> None:
        self.data, self.env, self.outright = data, env, outright
        self.webs: list[Web] = []
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._by_pid: dict[int, Web] = {}
        self._ended: set[int] = set()
        self._waits: list[asyncio.Task[None]] = []

    @property
    def database(self) -> str:
        return "postgresql" if "DATABASE_URL" in self.env else "sqlite"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.chaos.nursery"),
            cwd=ROOT,
            env=self.env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=64 << 20,
        )
        self._reader = asyncio.create_task(self._read())
        await self.ask("migrate")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if "ended" in message:
                self._ended.add(message["ended"])
                if message["ended"] in self._by_pid:
                    self._by_pid[message["ended"]].ended.set()
                continue
            waiting = self._answers.pop(message["number"])
            if "result" in message:
                waiting.set_result(message["result"])
            else:
                waiting.set_exception(AssertionError(f"the nursery could not do {message}; its stderr says why"))
        for waiting in self._answers.values():
            waiting.set_exception(AssertionError("the nursery ended"))

    async def _order(self, **order: Any) -> Any:
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"number": number, **order}).encode() + b"\n")
        return await asyncio.wait_for(self._answers[number], 120)

    async def ask(self, what: str, *args: Any) -> Any:
        """The answer of a function of `tests.chaos.clerk`."""
        return await self._order(ask=what, args=args)

    async def command(self, *argv: str, fault: str = "") -> Web:
        """A `manage.py` command under way; its log has what it says."""
        log = self.data / "logs" / f"{argv[0]}-{next(self._numbers)}.log"
        log.parent.mkdir(exist_ok=True)
        if self.outright:
            one = await self._started((sys.executable, "manage.py", *argv), log, TANDEM_FAULT=fault)
        else:
            one = await self._forked(0, log, command=argv, fault=fault, log=str(log))
        self.webs.append(one)
        return one

    async def _forked(self, at: int, file: Path, **order: Any) -> Web:
        pid = await self._order(**order)
        one = self._by_pid[pid] = Web(pid, at, file)
        if pid in self._ended:  # sooner than we could note it
            one.ended.set()
        return one

    async def _started(self, argv: tuple[str, ...], log: Path, port: int = 0, **env: str) -> Web:
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *argv, cwd=ROOT, env={**self.env, **env}, stdout=out, stderr=out
            )
        one = Web(process.pid, port, log)

        async def wait() -> None:
            await process.wait()
            one.ended.set()

        self._waits.append(asyncio.create_task(wait()))
        return one

    async def web(self, fault: str = "") -> Web:
        """A web process that answers, armed with a fault."""
        port = free_port()
        log = self.data / "logs" / f"web-{port}.log"
        log.parent.mkdir(exist_ok=True)
        if self.outright:
            web = await self._outright(port, fault, log)
        else:
            web = await self._forked(port, log, port=port, fault=fault, log=str(log))
        self.webs.append(web)
        await web.answers()
        return web

    async def _outright(self, port: int, fault: str, log: Path) -> Web:
        argv = (
            *(sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0"),
            *("--websocket-max-message-size", str(16 << 20), "--websocket-max-frame-size", str(16 << 20)),
            *("--websocket_timeout", "-1", "--application-close-timeout", "5", "ide.asgi:application"),
        )
        return await self._started(argv, log, port, TANDEM_FAULT=fault, PORT=str(port))

    def logs(self) -> str:
        return "\n".join(f"--- {web.log.name}\n{web.log.read_text()[-4000:]}" for web in self.webs if web.log.exists())

    async def stop(self) -> None:
        for web in self.webs:
            await web.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 20)
        await self._reader
        await asyncio.gather(*self._waits)


@asynccontextmanager
async def ground(data: Path, database: str = "", outright: bool = False) -> AsyncIterator[Ground]:
    """A site in `data`, on its own SQLite file or the database of that URL."""
    data.mkdir(parents=True, exist_ok=True)
    runtime = data / "run"
    env = {
        **os.environ,
        "TANDEM_DATA": str(data),
        "TANDEM_RUNTIME": str(runtime),
        "TANDEM_LEASE_SECONDS": str(LEASE_SECONDS),
        "TANDEM_BUILTIN_MODEL": "false",
        "PYTHONUNBUFFERED": "1",
        **({"DATABASE_URL": database} if database else {}),
    }
    env.pop("TANDEM_FAULT", None)
    one = Ground(data, env, outright)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
        shutil.rmtree(runtime, ignore_errors=True)


class Door:
    """One address for all clients, as a load balancer has: new connections go to the first of `targets` that takes
    them; with `in_turn` each new one begins at the next."""

    def __init__(self) -> None:
        self.targets: list[int] = []
        self.in_turn = False
        self._open: dict[asyncio.Task[None], int] = {}

    async def __aenter__(self) -> Door:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._open, return_exceptions=True)

    def cut(self, share: float = 1.0) -> None:
        """Break that share of the connections there are now, the oldest first."""
        tasks = list(self._open)
        for task in tasks[: round(len(tasks) * share)]:
            task.cancel()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = 0
        try:
            if self.in_turn:
                self.targets = [*self.targets[1:], *self.targets[:1]]
            for port in self.targets:
                try:
                    inner, outer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    continue
                await self._pass(reader, writer, inner, outer)
                return
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._open.pop(task, None)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        inner: asyncio.StreamReader,
        outer: asyncio.StreamWriter,
    ) -> None:
        ways = [asyncio.create_task(_copy(reader, outer)), asyncio.create_task(_copy(inner, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            outer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
