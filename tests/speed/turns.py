"""One turn that streams into a document: its pace, its first token, its cost when it is long, coming back to it."""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from agents.simulator.plan import Brain, Call, Pace, Script, Step
from agents.simulator.server import Simulator
from tests.speed.clocked import left_at
from tests.speed.turns_stage import TYPED, Seen, Stage, Written, code, cpu, ended, patch, provider, stage, timed
from tests.tab import Document

FIGURES = (
    "turn-4000-delivered",
    "turn-server-adds-p99-ms",
    "turn-first-token-vs-keystroke",
    "long-stream-cost",
    "rejoin-ms",
)
FAST, PACED = 4000, 1000  # tokens a second
PEOPLE = 10
LINES = 5000
RUNS = 20
THINK = 0.05  # seconds before the simulator's first token
WINDOW = 16_000  # bytes over which the cost of a token is taken
AWAY = 60.0
Figure = dict[str, Any]


def told(name: str, value: float | None, unit: str, conditions: str, **more: object) -> Figure:
    load = f"{conditions}; load average {os.getloadavg()[0]:.1f}"
    return {"name": name, "value": value, "unit": unit, "conditions": load, **more}


async def tabs(on: Stage, path: str, count: int) -> list[Document]:
    return [await (await on.ours.person.tab(on.ours.workspace["id"])).open(path) for _ in range(count)]


async def through_tandem(writer: Document, reader: Document, count: int) -> list[float]:
    """Milliseconds from a tab's send of a keystroke to the other tab's text having it."""
    took = []
    for _ in range(count):
        seen, began = Seen(reader), time.perf_counter()
        await writer.append("x")  # no line that does not count
        await reader.tab.until(lambda seen=seen: seen.at, "a keystroke")  # type: ignore[misc]
        took.append((seen.at[0][0] - began) * 1000)
        await asyncio.sleep(0.02)
    return took


async def leave(documents: list[Document]) -> None:
    for document in documents:
        await document.tab.close()


# --- 4,000 tokens a second --------------------------------------------------------------------------------------------


async def delivered() -> list[Figure]:
    text = code(LINES)
    made = patch("large.py", text, 20_000, 40)
    written = Written.by(text, made)
    with timed([("large", made)], FAST) as (url, times):
        async with stage(url) as on:
            (on.folder() / "large.py").write_text(text)
            people = await tabs(on, "large.py", PEOPLE)
            seen, used, own = await _streamed(on, people, written)
            await leave(people)
        left = left_at(times)
    share = min(_share(one, written) for one in seen)
    lags = sorted(lag for one in seen for lag in _added(one, written, left))
    uses = f"uvicorn used {used:.0%} of its core, the tabs {own:.0%} of the other"
    about = (
        f"{len(written.lengths):,} tokens in 40 hunks into a file of {LINES:,} lines, {PEOPLE} tabs that have it open, "
        f"one of which types 5 lines/s"
    )
    conditions = f"{about}; share at the slowest tab, all texts alike and right at the end; {uses}"
    later = (
        f"{about}; of every token and tab, from the moment the simulator sends it to the tab's text having it, so with "
        f"both wires and the tab; p50 {statistics.median(lags):.1f} ms; {uses}"
    )
    return [
        told("turn-4000-delivered", share * FAST, "tok/s", conditions, ratio=share, against="the provider's pace"),
        told("turn-server-adds-p99-ms", lags[int(len(lags) * 0.99)], "ms", later),
    ]


async def _streamed(on: Stage, people: list[Document], written: Written) -> tuple[list[Seen], float, float]:
    """What all tabs but the typist's saw; the use of the server's core and of ours."""
    seen = [Seen(document) for document in people[1:]]
    began, used, own = time.perf_counter(), cpu(on.ours.pid), time.process_time()
    typing = asyncio.create_task(_types(people[0]))
    await ended(people[0].tab, await on.start(people[0].tab, "large"))
    took, used, own = time.perf_counter() - began, cpu(on.ours.pid) - used, time.process_time() - own
    typing.cancel()
    await asyncio.gather(typing, return_exceptions=True)
    await people[0].saved()
    end = people[0].text
    assert "".join(line for line in end.splitlines(True) if not line.startswith(TYPED)) == written.end
    for one in people:
        await one.tab.until(lambda one=one: one.text == end, "the same text")  # type: ignore[misc]
    return seen, used / took, own / took


def _added(seen: Seen, written: Written, left: list[float]) -> list[float]:
    """Milliseconds from each visible token's leaving the provider until a tab had it."""
    lags, next_one = [], written.first
    for at, newest in written.followed(seen):
        for token in range(next_one, newest + 1):
            if written.lengths[token] != written.lengths[token - 1]:
                lags.append((at - left[token]) * 1000)
        next_one = max(next_one, newest + 1)
    return lags


def _share(seen: Seen, written: Written) -> float:
    """Of the pace, from the frame with the first token to that with the last."""
    frames = written.followed(seen)
    (start, first), (end, last) = frames[0], frames[-1]
    return (last - first) / (end - start) / FAST


async def _types(document: Document) -> None:
    for number in range(10_000):
        await document.append(f"{TYPED} {number}\n")
        await asyncio.sleep(0.2)


# --- the first token --------------------------------------------------------------------------------------------------


async def first_token() -> list[Figure]:
    """Of lines that are put in, and (in the conditions) of one that is replaced, whose old words wait for new ones."""
    text = code(400)
    names = {"first": " ", "anew": "-"}
    made = {name: patch("first.py", text, 40, 1, sign=sign) for name, sign in names.items()}
    visible = {name: Written.by(text, patched).first for name, patched in made.items()}
    steps = [Step(when=f"do {name} now", calls=[Call("apply_patch", patched)]) for name, patched in made.items()]
    simulator = Simulator(Brain(Pace(PACED, THINK), 20, Script(steps)))
    port = await simulator.start()
    left: list[tuple[float, int]] = []
    simulator.responses.leaving = lambda plan, count: left.append((time.perf_counter(), count))
    took: dict[str, list[float]] = {name: [] for name in names}
    keys: list[float] = []
    async with stage(f"http://127.0.0.1:{port}/v1") as on:
        (on.folder() / "first.py").write_text(text)
        writer, reader = await tabs(on, "first.py", 2)
        for name in [*names] * RUNS:
            left.clear()
            seen = Seen(reader)
            turn = await on.start(writer.tab, name)
            await ended(writer.tab, turn)
            sent = next(at for at, count in left if count > visible[name])
            took[name].append((seen.at[0][0] - sent) * 1000)
            keys += await through_tandem(writer, reader, 5)
            await writer.tab.call("turn.undo", turn=turn)
            await reader.tab.until(lambda: "checked(value, 0)" not in reader.text, "taken back")
        await leave([writer, reader])
    await simulator.stop()
    key, token = statistics.median(keys), statistics.median(took["first"])
    conditions = (
        f"of a stream of {PACED:,} tokens/s the first token that can be seen, a new line's, from the moment the "
        f"simulator sends it to the other tab's text having it, {RUNS} turns, and {len(keys)} keystrokes of the same "
        f"tabs between them, {key:.2f} ms p50; the first of a line that replaces another, which waits for its "
        f"words: {statistics.median(took['anew']):.1f} ms; uvicorn; simulator and tabs in one process, timers on time"
    )
    found = told("turn-first-token-vs-keystroke", token, "ms", conditions, ratio=token / key)
    return [{**found, "against": "a keystroke's p50 between the same tabs", "runs": [took, keys]}]


# --- a long stream ----------------------------------------------------------------------------------------------------


async def long_stream() -> list[Figure]:
    """CPU of the server per token where 200 KB have been streamed into a document, and where 2 KB have."""
    text = code(40)
    made = patch("long.py", text, 60_000, 1)
    written = Written.by(text, made)
    costs: list[list[float]] = [[], []]
    with provider([("long", made)], "--rate", str(FAST)) as url:
        for _ in range(3):
            async with stage(url) as on:
                (on.folder() / "long.py").write_text(text)
                people = await tabs(on, "long.py", 3)
                found = await _costs(on, people, written, len(text))
                for cost, new in zip(costs, found, strict=True):
                    cost.append(new)
                await leave(people)
    short, long = (statistics.median(one) for one in costs)
    ratios = [b / a for a, b in zip(*costs, strict=True)]
    conditions = (
        f"CPU of the whole server process while {WINDOW // 1000} KB come at {FAST:,} tokens/s, from 2 KB and from "
        f"200 KB on, {short:.1f} µs at 2 KB; one hunk, 3 tabs, uvicorn; medians of 3 turns in new sites"
    )
    against = {"against": "the same turn at 2 KB", "spread": [min(ratios), max(ratios)], "runs": costs}
    return [told("long-stream-cost", long, "µs", conditions, ratio=long / short, **against)]


async def _costs(on: Stage, people: list[Document], written: Written, before: int) -> list[float]:
    seen = Seen(people[-1])
    turn = await on.start(people[0].tab, "long")
    found = []
    for begin in (2_000, 200_000):
        marks = []
        for edge in (begin, begin + WINDOW):
            await people[-1].tab.until(lambda edge=edge: seen.length - before >= edge, f"{edge} bytes", 120)  # type: ignore[misc]
            marks.append((cpu(on.ours.pid), written.token(seen.length)))
        (cpu_1, token_1), (cpu_2, token_2) = marks
        found.append((cpu_2 - cpu_1) / (token_2 - token_1) * 1e6)
    await ended(people[0].tab, turn)
    return found


# --- coming back ------------------------------------------------------------------------------------------------------


async def rejoin() -> list[Figure]:
    """A tab comes back in mid-turn after a minute without a connection."""
    text = code(400)
    made = patch("back.py", text, 80_000, 20)
    written = Written.by(text, made)
    with provider([("back", made)], "--rate", "1000") as url:
        async with stage(url) as on:
            (on.folder() / "back.py").write_text(text)
            stays, goes = await tabs(on, "back.py", 2)
            session = (await stays.tab.call("session.create"))["session"]["id"]
            turn = (await stays.tab.call("turn.start", session=session, text="Please do back now.", mentions=[]))[
                "turn"
            ]
            await goes.shows("measure(value, limit=3)", 30)
            seq = max(event["seq"] for event in goes.tab.events if event.get("session") == session)
            await goes.tab.close()
            await asyncio.sleep(AWAY)
            ms, tail = await _back(goes, stays, session, seq)
            await ended(stays.tab, turn, 200)
            for one in (stays, goes):
                await one.tab.until(lambda one=one: one.text == written.end, "the right end", 30)  # type: ignore[misc]
            last = max(e["seq"] for e in stays.tab.events if e.get("session") == session)
            await goes.tab.until(lambda: any(e.get("seq") == last for e in goes.tab.events), "the last event")
            _check([e for e in [*goes.tab.events, *tail] if e.get("session") == session], last)
            await leave([stays, goes])
    conditions = (
        f"{AWAY:.0f} s away from a turn of 1,000 tokens/s, which goes on: from `connect` to the text another tab had "
        f"by then and all {len(tail)} events of the session, none missing; right text at the end; uvicorn"
    )
    return [told("rejoin-ms", ms, "ms", conditions)]


def _check(events: list[dict[str, Any]], last: int) -> None:
    """Every event came. Those of the time between the connection and the answer come in both, as the same."""
    by_number: dict[int, dict[str, Any]] = {}
    for event in events:
        assert by_number.setdefault(event["seq"], event) == event
    assert sorted(by_number) == list(range(min(by_number), last + 1)), "an event is missing"


async def _back(goes: Document, stays: Document, session: str, seq: int) -> tuple[float, list[dict[str, Any]]]:
    """Milliseconds until it has what the other tab had when it came back, and the events it had missed."""
    wanted, began = len(stays.text), time.perf_counter()
    await goes.tab.connect()
    opened = await goes.tab.call("session.open", session=session, after=seq)
    await goes.tab.until(lambda: len(goes.text) >= wanted, "caught up")
    return (time.perf_counter() - began) * 1000, opened["events"]


MEASURES: dict[Callable[[], Awaitable[list[Figure]]], tuple[str, ...]] = {
    delivered: FIGURES[:2],
    first_token: FIGURES[2:3],
    long_stream: FIGURES[3:4],
    rejoin: FIGURES[4:],
}


def on_time() -> asyncio.AbstractEventLoop:
    """A loop whose timers are not rounded up to the next millisecond, as epoll's are: the simulator is one of them."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def main(names: list[str]) -> None:
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)  # what else runs on the machine counts less, for all we start too
    wanted = set(names or FIGURES)
    for measure, gives in MEASURES.items():
        if wanted & set(gives):
            with asyncio.Runner(loop_factory=on_time) as runner:
                figures: list[Figure] = runner.run(measure())  # type: ignore[arg-type]
            for figure in figures:
                print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
