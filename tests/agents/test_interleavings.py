"""Steer, queue, interrupt, redirect and restart in any order, by two people: nothing said is lost or said twice. And an
interrupt while a tool runs a command: its processes are gone."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from agents.models import Item, QueueEntry, Turn
from ide.db import in_db
from tests.agents.conftest import Follower, Site
from tests.runner.conftest import Runner

ACTS = 24
SEEDS = range(4)


@pytest.fixture
def runner(site: Site) -> Iterator[Runner]:
    """A runner where the server looks for it."""
    started = Runner(settings.RUNTIME_DIR)
    yield started
    started.stop()


class Walk:
    """One random course of acts. `said`: what was accepted by the host, each text once."""

    def __init__(self, site: Site, tabs: list[Follower], session: str, seed: int) -> None:
        self.site, self.tabs, self.session = site, tabs, session
        self.random = random.Random(seed)
        self.said: list[str] = []
        self.removed: list[str] = []
        self.number = 0

    def text(self) -> str:
        self.number += 1
        return f"message {self.number}"

    async def call(self, method: str, **params: Any) -> bool:
        """By either of the two. Only what is refused with a reason may fail."""
        answer = await self.random.choice(self.tabs).call(method, params)
        assert "result" in answer or answer["error"]["data"]["code"] in ("conflict", "not_found"), answer
        return "result" in answer

    async def shot(self) -> dict[str, Any]:
        return dict((await self.tabs[0].ask("session.open", session=self.session))["snapshot"])

    async def step(self) -> None:
        shot = await self.shot()
        running = [turn["id"] for turn in shot["turns"] if turn["state"] == "running"]
        assert len(running) <= 1, "one turn at a time"
        turn = running[0] if running else shot["turns"][-1]["id"] if shot["turns"] else "none"
        entry = self.random.choice(shot["queue"]) if shot["queue"] else None
        act = self.random.choice(
            ["say", "say", "queue", "queue", "queue", "stop", "redirect", "entry", "resume", "die"]
        )
        if act in ("say", "queue", "redirect"):
            await self.speak(act, turn, running=bool(running))
        elif act == "stop":
            await self.call("turn.interrupt", turn=turn)
        elif act == "resume":
            await self.call("queue.resume", session=self.session)
        elif act == "die" and self.random.random() < 0.4:
            await self.restart()
        elif entry is not None:
            await self.change(entry, turn)

    async def speak(self, act: str, turn: str, *, running: bool) -> None:
        text = self.text()
        if act == "queue":
            done = await self.call("queue.add", session=self.session, text=text)
        elif act == "redirect":
            done = await self.call("turn.redirect", turn=turn, text=text)
        elif running:
            done = await self.call("turn.steer", turn=turn, text=text)
        else:
            done = await self.call("turn.start", session=self.session, text=text, mentions=[])
        if done:
            self.said.append(text)

    async def change(self, entry: dict[str, Any], turn: str) -> None:
        how = self.random.choice(["steer", "redirect", "start", "remove", "move"])
        if how == "remove":
            if await self.call("queue.remove", entry=entry["id"]):
                self.removed.append(entry["text"])
        elif how == "move":
            await self.call("queue.move", entry=entry["id"], before=None)
        else:
            await self.call("queue.send", entry=entry["id"], turn=turn if how != "start" else "", **{"as": how})

    async def restart(self) -> None:
        await (await self.site.host()).close()
        users = [self.site.ada, self.site.bob]
        self.tabs[:] = [Follower(self.site.workspace.pk, user) for user in users]
        for tab in self.tabs:
            await tab.ask("workspace.open")

    async def look(self) -> None:
        """Everything said is there, once: in the transcript or in the queue. After a restart it is read from rows."""
        await self.restart()
        shot = await self.shot()
        there = [item["data"]["text"] for item in shot["items"] if item["kind"] == "person"]
        there += [entry["text"] for entry in shot["queue"]]
        assert Counter(there) == Counter(text for text in self.said if text not in self.removed)
        assert [turn["state"] for turn in shot["turns"] if turn["state"] == "running"] == []
        assert not shot["queue"] or shot["queue"][0]["held"], "a queue that nothing moves says why"
        rows = await in_db(lambda: list(Turn.objects.filter(state="running")))
        assert rows == []
        assert await in_db(QueueEntry.objects.count) == len(shot["queue"])
        kept = await in_db(lambda: Item.objects.filter(kind="person").count())
        assert kept == len(there) - len(shot["queue"])


@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_said_is_lost_or_said_twice(site: Site, ada: Follower, seed: int) -> None:
    step = {"text": "I have heard what you said, and I say so.", "repeat": True}
    await in_db(site.script, step, tools=False, rate=60)
    bob = Follower(site.workspace.pk, site.bob)
    walk = Walk(site, [ada, bob], await ada.session(), seed)
    for _ in range(ACTS):
        await walk.step()
    await walk.look()
    for tab in [*walk.tabs, bob]:
        if tab is not ada:
            await tab.leave()


@pytest.mark.usefixtures("runner")
async def test_who_interrupts_is_named_and_the_processes_of_a_command_are_gone(site: Site, ada: Follower) -> None:
    bob = Follower(site.workspace.pk, site.bob)
    mark = f"sleep 98{os.getpid()}"
    command = {"name": "run_command", "arguments": {"command": f"touch here; {mark}", "seconds": 60}}
    await in_db(site.script, {"calls": [command]})
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Hi", mentions=[]))["turn"]
    await until(lambda: mark in commands())
    await bob.ask("turn.interrupt", turn=turn)
    await ada.ended(turn)
    note = ada.items("note")[-1]["data"]
    assert (note["text"], note["by"]["name"]) == ("Interrupted by bob.", "bob")
    assert ada.items("tool")[-1]["data"]["ok"] is False, "it does not look as if it still ran"
    await until(lambda: mark not in commands())
    await bob.leave()


def commands() -> str:
    """The command lines of all processes here."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(found)


async def until(condition: Callable[[], bool]) -> None:
    """For what no event tells."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)
