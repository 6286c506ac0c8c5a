"""The stage of the turn figures: a Tandem on one core; simulator, people and clock on the other.

Files are Python-like; what a turn writes is a patch of which is known how long the text is after each token.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from pycrdt import TextEvent

from agents.engine.edits.apply import LiveApplier
from agents.engine.edits.ops import Open
from agents.engine.edits.target import PlainTarget
from agents.engine.edits.v4a import V4aParser
from agents.simulator.plan import pieces
from tests.site import ROOT
from tests.speed.clocked import clocked
from tests.speed.load import LOAD_CORE
from tests.speed.providers import simulated
from tests.speed.servers import Tandem, tandem
from tests.tab import Document, Tab

CONNECT = """
from agents.models import Endpoint, RoleEndpoint
row = Endpoint.objects.create(
    name="Simulated", dialect="responses", base_url="{url}", model="simulated-fast", own_network=True, rank=1,
    abilities={{"socket": True, "lanes": True, "freeform": True, "tools": True, "streamed_tools": True}},
)
RoleEndpoint.objects.create(role="turn", endpoint=row)
from ide.usage.models import Limit
Limit.objects.create(of="person", kind="turn", measure="calls", amount=None)  # one person is many here
"""
TYPED = "# key"  # how lines begin that people type meanwhile


def code(lines: int, seed: int = 0) -> str:
    """A file of so many lines, in functions of ten."""
    body = "    step_{0} = prepare(value, {0}) + {1}  # as the table of {0} says"
    made = [
        f"def task_{seed}_{n // 10}(value: int) -> int:"
        if n % 10 == 0
        else ""
        if n % 10 == 9
        else body.format(n, n % 7)
        for n in range(lines)
    ]
    return "\n".join(made) + "\n"


def patch(path: str, text: str, tokens: int, hunks: int, *, sign: str = "-") -> str:
    """About so many tokens that put lines below `hunks` functions of the file, each below two old lines, of which the
    second goes (or with " " stays: then the text only grows)."""
    lines, out = text.split("\n"), ["*** Begin Patch", f"*** Update File: {path}"]
    heads = [n for n, line in enumerate(lines) if line.startswith("def ")]
    each = max(1, tokens // hunks // 14)  # a new line has about 14 tokens
    for n in range(hunks):
        at = heads[n * len(heads) // hunks]
        out += ["@@", f" {lines[at]}", f"{sign}{lines[at + 1]}", f"+    value = checked(value, {n})"]
        out += [f"+    total_{n}_{k} = measure(value, limit={k}) or fallback({n})" for k in range(each)]
    return "\n".join([*out, "*** End Patch", ""])


@dataclass(frozen=True)
class Written:
    """What a patch does: the text at its end, and how long it is after each of its tokens."""

    end: str
    lengths: list[int]

    @classmethod
    def by(cls, text: str, patch: str) -> Written:
        target, parser = PlainTarget(text), V4aParser()
        applier: LiveApplier | None = None
        lengths = []
        for token in pieces(patch):
            for op in parser.feed(token):
                if isinstance(op, Open):
                    applier = LiveApplier(target)
                elif applier is not None:
                    applier.feed([op])
            lengths.append(len(target.text()))
        assert applier is not None
        assert applier.finish().ok
        return cls(target.text(), lengths)

    @property
    def first(self) -> int:
        """The first token that can be seen in the text."""
        return next(n for n, length in enumerate(self.lengths) if length != self.lengths[0])

    def token(self, length: int) -> int:
        """The last token that is in a text of this length; lengths rise but for the lines that are replaced."""
        return bisect_right(self.lengths, length) - 1

    def followed(self, seen: Seen) -> list[tuple[float, int]]:
        """When a tab had which token as its newest that can be seen."""
        at, found = 0, []
        for when, length in seen.at:
            while at < len(self.lengths) and self.lengths[at] != length:
                at += 1
            if at == len(self.lengths):
                raise AssertionError(f"{seen.document.path}: a text of {length} characters, which no token makes")
            found.append((when, at))
        return found


@dataclass
class Seen:
    """When a tab had how much of a document: (clock, length without what people typed). ASCII texts only."""

    document: Document
    at: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.length = len(self.document.text)
        self._watch = self.document._root.observe(self._note)

    def _note(self, event: TextEvent) -> None:
        written = [part for part in event.delta if not str(part.get("insert", TYPED)).startswith(TYPED)]
        taken = sum(part.get("delete", 0) for part in event.delta)
        if written or taken:
            self.length += sum(len(part["insert"]) for part in written) - taken
            self.at.append((time.perf_counter(), self.length))


def late(seen: Seen, written: Written, rate: float) -> list[float]:
    """Milliseconds each frame came later than its newest token was due, the earliest frame being on time."""
    offsets = [at - token / rate for at, token in written.followed(seen)]
    return [(offset - min(offsets)) * 1000 for offset in offsets]


@dataclass
class Stage:
    ours: Tandem

    def folder(self, workspace: str = "") -> Path:
        return Path(self.ours.site.data, "workspaces", workspace or str(self.ours.workspace["id"]))

    async def start(self, tab: Tab, about: str) -> str:
        """A turn in a session of its own that plays the step for `about`; its id."""
        session = (await tab.call("session.create"))["session"]["id"]
        return str((await tab.call("turn.start", session=session, text=f"Please do {about} now.", mentions=[]))["turn"])


async def ended(tab: Tab, turn: str, seconds: float = 120) -> None:
    """The turn has done all of it."""
    event = await tab.event("turn.ended", lambda e: e["turn"]["id"] == turn, 0, seconds)
    assert event["turn"]["state"] == "completed", event["turn"]


def scripted(steps: Sequence[tuple[str, str]]) -> str:
    """A script that plays patches by (name, patch) in a turn that names it, and says a few words for "say so"."""
    made: list[dict[str, object]] = [
        {"when": f"do {name} now", "calls": [{"name": "apply_patch", "arguments": text}]} for name, text in steps
    ]
    return json.dumps({"steps": [*made, {"when": "say so", "text": "It is so, and it stays so. " * 20}]})


@contextmanager
def provider(steps: Sequence[tuple[str, str]], *options: str) -> Iterator[str]:
    """The simulator, playing patches by (name, patch): in a turn that names it."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.json")
        script.write_text(scripted(steps))
        with simulated("--script", str(script), *options) as url:
            yield url


@contextmanager
def timed(steps: Sequence[tuple[str, str]], rate: float) -> Iterator[tuple[str, Path]]:
    """The same, and the file that tells when each token of the first turn left."""
    with tempfile.TemporaryDirectory() as folder:
        script, times = Path(folder, "script.json"), Path(folder, "times")
        script.write_text(scripted(steps))
        with clocked(script, rate, times) as url:
            yield url, times


@asynccontextmanager
async def stage(url: str, server: str = "uvicorn") -> AsyncIterator[Stage]:
    """A Tandem whose turns ask that provider."""
    env = {"TANDEM_SOCKETS_PER_PERSON": "1000", "TANDEM_SOCKETS_PER_WORKSPACE": "1000"}
    async with tandem(server, **env) as ours:
        words = [sys.executable, "manage.py", "shell", "-v", "0", "-c", CONNECT.format(url=url)]
        subprocess.run(words, cwd=ROOT, env={**os.environ, "TANDEM_DATA": str(ours.site.data)}, check=True, timeout=60)
        with suppress(aiohttp.ClientError):  # a connection that was idle for so long may be closed as it is used
            await ours.person.get(f"/workspaces/{ours.workspace['id']}")
        os.sched_setaffinity(0, {LOAD_CORE})  # only now: what the site starts would inherit it
        try:
            yield Stage(ours)
        finally:
            os.sched_setaffinity(0, range(os.cpu_count() or 1))


def cpu(pid: int) -> float:
    """CPU seconds of a process, its threads included, to the nanosecond."""
    ticks = (Path(f"/proc/{pid}/task/{thread}/schedstat") for thread in os.listdir(f"/proc/{pid}/task"))
    return sum(int(file.read_text().split()[0]) for file in ticks) / 1e9
