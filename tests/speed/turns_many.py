"""Many turns at once on one core: how many keep their pace, and how soon one that is interrupted stands still."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ide.documents import protocol
from tests.speed.turns import Figure, told
from tests.speed.turns_stage import Seen, Stage, Written, code, cpu, ended, late, patch, provider, stage
from tests.tab import Document, Tab

FIGURES = ("turns-per-core", "interrupt-p95-ms", "tokens-after-interrupt", "redirect-first-token-ms")
RATE = 1000
TOGETHER = 3  # turns, documents and tabs of one workspace
LEVELS = (18, 30, 36, 45, 60)
TOKENS = 4000  # of each turn
UNDER = 30  # turns that run while some are interrupted
STOPS, REDIRECTS = 20, 12
TTFT = 0.02  # seconds, the simulator's
LATEST = 100.0  # ms
PACE = 0.97
LATER = 0.05  # seconds


class Marking(Tab):
    """Notes how long each document was when an answer came, before anything that came behind it."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.seen: dict[str, Seen] = {}
        self.marks: dict[int, dict[str, int]] = {}
        self._words: dict[int, tuple[str, float]] = {}  # in which session a model said something, and when, by event

    def first_words(self, session: str, since: int) -> float | None:
        """When a model said something first in that session, of the events behind that number."""
        found = (at for place, (of, at) in self._words.items() if place >= since and of == session)
        return next(found, None)

    async def _take(self, message: protocol.Message) -> None:
        await super()._take(message)
        if not isinstance(message, protocol.Stateless):
            return
        if "id" in (answer := json.loads(message.payload)):
            self.marks[answer["id"]] = {name: one.length for name, one in self.seen.items()}
        elif answer["params"]["type"] == "item.delta":
            session = answer["params"]["session"]
            self._words[len(self.events) - 1] = (session, time.perf_counter())


@dataclass
class Turn:
    """One of many: its document in each of the tabs."""

    name: str
    documents: list[Document]
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen = [Seen(document) for document in self.documents]
        for one, document in zip(self.seen, self.documents, strict=True):
            assert isinstance(document.tab, Marking)
            document.tab.seen[document.id] = one

    @property
    def tab(self) -> Tab:
        return self.documents[0].tab


def patches(rounds: dict[str, int]) -> dict[str, tuple[str, str, Written]]:
    """Of each round's files, by name: the text, the patch (so many tokens), and what it does."""
    found = {}
    for name, tokens in rounds.items():
        for k in range(TOGETHER):
            text = code(300, k)
            made = patch(f"{name}{k}.py", text, tokens, 10, sign=" ")
            found[f"{name}{k}"] = (text, made, Written.by(text, made))
    return found


async def gathered(on: Stage, count: int) -> list[list[Marking]]:
    """So many workspaces with their tabs."""
    person, out = on.ours.person, []
    for number in range(count):
        workspace = await person.workspace(f"many {number}")
        tabs = [Marking(person.http, person.url, workspace["id"], person.get) for _ in range(TOGETHER)]
        for tab in tabs:
            await tab.connect()
        out.append(tabs)
    return out


async def prepared(on: Stage, tabs: list[Marking], name: str, made: dict[str, tuple[str, str, Written]]) -> list[Turn]:
    """A round's turns in one workspace."""
    turns = []
    for k in range(TOGETHER):
        (on.folder(tabs[0].workspace) / f"{name}{k}.py").write_text(made[f"{name}{k}"][0])
        turns.append(Turn(f"{name}{k}", [await tab.open(f"{name}{k}.py") for tab in tabs]))
    return turns


# --- how many keep their pace -----------------------------------------------------------------------------------------


async def capacity() -> list[Figure]:
    made = patches({f"round{level}x": TOKENS for level in LEVELS})
    steps = [(name, patched) for name, (_, patched, _) in made.items()]
    best, notes, runs = 0, "", []
    with provider(steps, "--rate", str(RATE), "--ttft", "0.5") as url:
        async with stage(url) as on:
            places = await gathered(on, LEVELS[-1] // TOGETHER)
            for level in LEVELS:
                share, p99, note = await _level(on, places[: level // TOGETHER], f"round{level}x", made)
                runs.append([level, share, p99])
                print(f"{level} turns: {share:.3f} of the pace, p99 {p99:.0f} ms, {note}", file=sys.stderr)
                told_here = f"{level} had {share:.1%} of their pace, p99 {p99:.0f} ms, {note}"
                if share < PACE or p99 > LATEST:
                    notes = f"{notes}; {told_here}, which is too late" if notes else f"none did: {told_here}"
                    break
                best, notes = level, told_here
            await _leave(places)
    conditions = (
        f"turns of {RATE:,} tokens/s at once in {TOGETHER}s of a workspace, each document open in {TOGETHER} tabs; "
        f"the most that had {PACE:.0%} of the pace and p99 ≤ {LATEST:.0f} ms later than the earliest: {notes}; uvicorn"
    )
    return [told("turns-per-core", best, "turns", conditions, runs=runs)]


async def _level(
    on: Stage, places: list[list[Marking]], name: str, made: dict[str, tuple[str, str, Written]]
) -> tuple[float, float, str]:
    """The median turn's share of the pace, the p99 of all frames in ms, and who used how much."""
    turns = [turn for tabs in places for turn in await prepared(on, tabs, name, made)]
    began, used, own = time.perf_counter(), cpu(on.ours.pid), time.process_time()
    ids = await asyncio.gather(*(on.start(turn.tab, turn.name) for turn in turns))
    await asyncio.gather(*(ended(turn.tab, running) for turn, running in zip(turns, ids, strict=True)))
    took = time.perf_counter() - began
    used, own = (cpu(on.ours.pid) - used) / took, (time.process_time() - own) / took
    lags, shares = [], []
    for turn in turns:
        written = made[turn.name][2]
        for one, document in zip(turn.seen, turn.documents, strict=True):
            await document.tab.until(lambda d=document, w=written: d.text == w.end, "the right text")  # type: ignore[misc]
            lags += late(one, written, RATE)
            tokens = written.token(one.at[-1][1]) - written.token(one.at[0][1])
            shares.append(tokens / (one.at[-1][0] - one.at[0][0]) / RATE)
    lags.sort()
    note = f"p50 {statistics.median(lags):.0f} ms, uvicorn used {used:.0%} of its core, the tabs {own:.0%} of the other"
    note += f" (by that use {0.8 * len(turns) / used:.0f} turns fill 80% of a core)"
    return statistics.median(shares), lags[int(len(lags) * 0.99)], note


# --- stopping one -----------------------------------------------------------------------------------------------------


async def interrupts() -> list[Figure]:
    """Turns are stopped and redirected while as many others run all the time."""
    made = patches({"stopped": 25_000})
    stops: list[tuple[float, int]] = []
    with provider([(name, patched) for name, (_, patched, _) in made.items()], "--rate", str(RATE)) as url:
        async with stage(url) as on:
            places = await gathered(on, UNDER // TOGETHER)
            turns = [turn for tabs in places for turn in await prepared(on, tabs, "stopped", made)]
            ids = list(await asyncio.gather(*(on.start(turn.tab, turn.name) for turn in turns)))
            used, began = cpu(on.ours.pid), time.perf_counter()
            for number in range(STOPS):
                stops.append(await _stopped(turns[number % UNDER], ids[number % UNDER]))
                ids[number % UNDER] = await on.start(turns[number % UNDER].tab, turns[number % UNDER].name)
            redirected = [await _redirected(on, turns[-1 - number], ids[-1 - number]) for number in range(REDIRECTS)]
            used = (cpu(on.ours.pid) - used) / (time.perf_counter() - began)
            await _leave(places)
    took = sorted(ms for ms, _ in stops)
    conditions = (
        f"{UNDER} turns of {RATE:,} tokens/s, {TOGETHER} tabs each, that are stopped one after the other by another "
        f"tab and begun anew; uvicorn used {used:.0%} of its core"
    )
    about = f"{conditions}; from the request to the last frame in any tab, p50 {statistics.median(took):.1f} ms"
    told_after = f"{conditions}; characters that came behind the answer on the same socket, all turns together"
    first = sorted(redirected)
    more = (
        f"{conditions}; {REDIRECTS} are redirected: from the request to the first words of the answer in another tab, "
        f"less the simulator's own {TTFT * 1000:.0f} ms, p95; p50 {statistics.median(first):.1f} ms"
    )
    return [
        told("interrupt-p95-ms", took[int(len(took) * 0.95)], "ms", about, runs=took),
        told("tokens-after-interrupt", sum(after for _, after in stops), "chars", told_after),
        told("redirect-first-token-ms", first[int(len(first) * 0.95)], "ms", more, runs=first),
    ]


async def _stopped(turn: Turn, running: str) -> tuple[float, int]:
    """How long it wrote on after it was asked to stop, in ms, and how much came behind the answer."""
    await _writes(turn)
    document = turn.documents[-1]
    tab = document.tab
    assert isinstance(tab, Marking)
    asked, number = time.perf_counter(), tab._number + 1
    await tab.call("turn.interrupt", turn=running)
    told_at, length = len(turn.seen[-1].at), tab.marks[number][document.id]
    await asyncio.sleep(LATER)  # what was late would come now
    last = max(at for one in turn.seen for at, _ in one.at)
    after = sum(abs(now - before) for (_, before), (_, now) in pairwise([(0.0, length), *turn.seen[-1].at[told_at:]]))
    return max(0.0, last - asked) * 1000, after


async def _redirected(on: Stage, turn: Turn, running: str) -> float:
    """Milliseconds until another tab had the first words of the answer, less the model's own time."""
    await _writes(turn)
    asks, sees = turn.documents[-1].tab, turn.documents[0].tab
    session = next(e["session"] for e in sees.events if e["type"] == "turn.started" and e["turn"]["id"] == running)
    since, asked = len(sees.events), time.perf_counter()
    await asks.call("turn.redirect", turn=running, text="Please say so.", mentions=[])
    assert isinstance(sees, Marking)
    at = await sees.until(lambda: sees.first_words(session, since), "the answer", 60)
    return (float(at) - asked - TTFT) * 1000


async def _writes(turn: Turn) -> None:
    """It writes at this moment."""
    began = len(turn.seen[0].at)
    await turn.tab.until(lambda: len(turn.seen[0].at) > began + 5, "it writes", 60)


async def _leave(places: list[list[Marking]]) -> None:
    for tabs in places:
        for tab in tabs:
            await tab.close()


def main(names: list[str]) -> None:
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)  # what else runs on the machine counts less, for all we start too
    wanted = set(names or FIGURES)
    for measure, gives in ((capacity, FIGURES[:1]), (interrupts, FIGURES[1:])):
        if wanted & set(gives):
            for figure in asyncio.run(measure()):
                print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
