"""Ledger, dashboard, accounts of limits and the simulator's own count agree after 200 turns and jobs on real parts,
with interruptions and failures; Valkey killed in the middle spends nothing beyond a cap.

What a call that came to its end has used is told by the provider, and is the same to the token everywhere. Of one that
was broken off, the provider has generated what we read and what was on its way to us: at its pace, for as long as this
loaded machine took to hear of it.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from yarl import URL

from agents.simulator.plan import Tally
from tests.agents.simulated import simulator
from tests.chaos.jobplant import JobPlant, Json, jobplant
from tests.client import Person, Refusal, Tab, eventually

TURNS, JOBS, TOGETHER, CAP = 170, 30, 6, 30_000
PACE = 100  # tokens a second of an answer that is broken off
LATE = 3 * PACE  # tokens: what may be on its way when it is
SAID = ("sim: tokens=30 rate=0", "sim: tokens=300 rate=0", "sim: tokens=40 rate=0 fault=error_200 at=9")
SLOW = f"sim: tokens=4000 rate={PACE}"


def person(plant: JobPlant, cookies: Json) -> Person:
    one = Person(f"http://127.0.0.1:{plant.port}")
    one.http.cookie_jar.update_cookies({**cookies, "tandem_csrf": "c" * 32}, URL(one.url))
    return one


async def turn(tab: Tab, said: str) -> str:
    """How a turn ends that is told this; one that goes on for long is broken off, if it may begin."""
    since = len(tab.events)
    session = (await tab.call("session.create"))["session"]["id"]
    made = (await tab.call("turn.start", session=session, text=f"Say so.\n{said}", mentions=[]))["turn"]

    def kinds() -> set[str]:
        return {event["type"] for event in tab.events[since:] if event.get("session") == session}

    if said == SLOW:
        await tab.until(lambda: {"item.delta", "turn.ended"} & kinds(), "it answers, or may not", 60)
        with suppress(Refusal):
            await tab.call("turn.interrupt", turn=made)
    ended = await tab.event("turn.ended", lambda e: e["turn"]["id"] == made, since, 60)
    return str(ended["turn"]["state"])


async def job(who: Person, tab: Tab, said: str) -> None:
    """One that is cancelled in its answer, if that goes on for long."""
    order = {"kind": "agent", "instruction": f"Say so.\n{said}"}
    made = (await who.post(f"/workspaces/{tab.workspace}/jobs", order))["id"]
    if said == SLOW:

        async def answers() -> bool:
            told = await who.get(f"/jobs/{made}")
            return bool(told["output_tokens"]) or told["state"] == "waiting"

        await eventually(answers, "the job's model answers, or has no tokens left", 120)
        await who.post(f"/jobs/{made}/cancel")


async def settled(plant: JobPlant) -> None:
    async with asyncio.timeout(120):
        while await asyncio.to_thread(plant.ask, "under_way"):
            await asyncio.sleep(0.2)


async def work(plant: JobPlant, people: list[tuple[Person, Tab]]) -> Counter[str]:
    """All of it, some at a time; how the turns ended. Half-way Valkey is killed, and started again later."""
    chance, gate, ends = random.Random(7), asyncio.Semaphore(TOGETHER), Counter[str]()
    kinds = ["turn"] * TURNS + ["job"] * JOBS
    chance.shuffle(kinds)

    async def one(number: int, kind: str, who: tuple[Person, Tab], said: str) -> None:
        async with gate:
            if number == len(kinds) // 2:
                await asyncio.to_thread(plant.broker.stop)
            if number == len(kinds) * 3 // 4:
                plant.valkey()
            if kind == "job":
                await job(*who, said)
                return
            try:
                ends[await turn(who[1], said)] += 1
            except Refusal as refusal:
                ends[str(refusal.problem.get("code"))] += 1

    async with asyncio.TaskGroup() as all_of_it:
        for number, kind in enumerate(kinds):
            said = SLOW if chance.random() < 0.15 else chance.choice(SAID[: 2 if kind == "job" else 3])
            all_of_it.create_task(one(number, kind, people[number % 2], said))
    return ends


def compare(told: Json, tallies: list[Tally], cut: int) -> None:
    entries = Counter((read, written) for _, read, written in told["calls"])
    played = Counter((tally.asked, tally.written) for tally in tallies if tally.written)
    used = sum(read + written for _, read, written in told["calls"])
    assert told["history"] == {"hour": used, "month": used}
    assert told["site"] == used
    assert entries.total() == played.total(), "an entry for each call that said something"
    ours, theirs = entries - played, played - entries
    assert ours.total() <= cut, "a call that came to its end differs"
    written = sum(n * count for (_, n), count in theirs.items()) - sum(n * count for (_, n), count in ours.items())
    assert 0 <= written <= cut * LATE


async def test_all_counts_agree_and_no_cap_is_passed(tmp_path: Path) -> None:
    async with simulator(ttft=0.0) as (url, simulated):
        with jobplant(tmp_path) as plant:
            ground: Any = plant.ask("ground", 1, url, {"README.md": "There.\n"})[0]
            capped = plant.ask("capped", "bob", CAP)
            for _ in range(2):
                plant.worker()
            people = []
            for cookies in (ground["cookies"], capped["cookies"]):
                one = person(plant, cookies)
                people.append((one, await one.tab(ground["workspace"])))
            try:
                ends = await work(plant, people)
                await settled(plant)
                told = plant.ask("used", capped["user"])
            finally:
                for who, tab in people:
                    await tab.close()
                    await who.close()
            print(dict(ends), told["history"], told["person"], f"of {CAP}")
            cut = sum(count for state, count in ends.items() if state != "completed") + JOBS
            compare(told, simulated.brain.tallies, cut)
            # What one late read of a socket brings beyond the cap has been generated, and counts.
            assert CAP * 2 / 3 < told["person"] <= CAP * 1.01, "as much as may be, and no more"
