"""Two web servers with runtime folders of their own, as two machines have: the dashboard adds up what each of them
alone knows, whichever is asked, and forgets one that is killed."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from yarl import URL

from tests.chaos.jobplant import Json, jobplant
from tests.client import Person, Tab, eventually

FILES = {"a.txt": "one\n", "b.txt": "two\n"}


def person(port: int, cookies: Json) -> Person:
    one = Person(f"http://127.0.0.1:{port}")
    one.http.cookie_jar.update_cookies({**cookies, "tandem_csrf": "c" * 32}, URL(one.url))
    return one


def rows(shown: Json, key: str) -> list[list[Any]]:
    return [list(row[:4]) for row in shown["now"]["panels"][key]]


def told(shown: Json) -> Json:
    return {key: shown["now"]["figures"][key] for key in ("people", "sockets", "rooms", "workspaces")}


async def typed(tab: Tab, path: str) -> None:
    document = await tab.open(path)
    await document.append("more")
    await document.saved()


async def test_the_figures_of_two_servers_add_up_on_both(tmp_path: Path) -> None:
    with jobplant(tmp_path) as plant:
        ground = plant.ask("ground", 2, plant.model.url, FILES)
        bob, sue = plant.ask("capped", "bob", 1000), plant.ask("observer", "sue")
        ports = [plant.port, plant.web(TANDEM_RUNTIME=str(tmp_path / "elsewhere"))]
        other = plant.armed
        people = [person(ports[at], who["cookies"]) for at, who in ((0, ground[0]), (1, ground[0]), (1, bob))]
        staff = [person(port, sue["cookies"]) for port in ports]
        tabs = []
        try:
            for one, at in zip(people, (0, 1, 1), strict=True):  # ada on both servers, bob on the second
                tabs.append(await one.tab(ground[at]["workspace"]))
            await typed(tabs[0], "a.txt")
            await typed(tabs[1], "a.txt")
            await typed(tabs[2], "b.txt")
            for one in staff:
                await both(one)
            other.signal(signal.SIGKILL)
            await eventually(lambda: alone(staff[0]), "the dead server is not counted any more", 20)
        finally:
            for tab in tabs:
                await tab.close()
            for one in (*people, *staff):
                await one.close()


async def both(one: Person) -> None:
    async def look() -> Json | None:
        shown: Json = await one.get("/dashboard")
        return shown if told(shown) == {"people": 2, "sockets": 3, "rooms": 3, "workspaces": 2} else None

    shown = await eventually(look, "figures of both servers")
    assert shown is not None
    assert sorted(rows(shown, "workspaces")) == [["w0", "t", 1, 1], ["w1", "t", 2, 2]]
    servers = shown["now"]["panels"]["hosts"]
    assert len({row[1] for row in servers}) == 2, "two processes"
    assert sorted(row[3:7] for row in servers) == [[1, 1, 1, 1], [1, 2, 2, 2]]
    assert shown["now"]["figures"]["commit.p50"] is not None


async def alone(one: Person) -> bool:
    shown = await one.get("/dashboard")
    figures = told(shown) | {"workspaces": 1}  # a dead host's lease runs out by itself
    return figures == {"people": 1, "sockets": 1, "rooms": 1, "workspaces": 1}
