"""A map job over two real workers: both take items, and one limit of the endpoint holds over both of them."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.chaos.jobplant import JobPlant, Json, Model, jobplant
from tests.chaos.machines import until

AT_ONCE, A_MINUTE, ITEMS = 1, 20, 22
FILES = {f"item-{number}.txt": f"item-{number}\n" for number in range(ITEMS)}
SPOILED = "item-3"
DONE = dict.fromkeys(FILES, "changed\n")


class Counted(Model):
    """Answers while `open`; the first answer for one item holds nothing. Knows when each request came, for which item,
    and how many were there at once (one that is about to be answered is none any more)."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts = {"spoiled": ["```\n\n```"], "good": ["```\nchanged\n```"]}
        self.open = threading.Event()
        self.came: list[float] = []
        self.items: Counter[str] = Counter()
        self.now = self.most = 0
        self._counting = threading.Lock()

    def reply(self, body: Json) -> str:
        found = re.search(
            r"item-\d+(?=\n)", "\n".join(str(m["content"]) for m in body["messages"] if m["role"] == "user")
        )
        item = found.group() if found else ""
        with self._counting:
            self.came.append(time.monotonic())
            self.items[item] += 1
            self.now += 1
            self.most = max(self.most, self.now)
            first = self.items[item] == 1
        self.open.wait(60)
        with self._counting:
            self.now -= 1
        word = "spoiled" if item == SPOILED and first else "good"
        return super().reply({"messages": [{"role": "user", "content": word}]})


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[JobPlant]:
    with jobplant(tmp_path) as one:
        yield one


@pytest.fixture
def model() -> Iterator[Counted]:
    one = Counted()
    yield one
    one.stop()


class Person:
    """Who asks for the job, and looks at it."""

    def __init__(self, plant: JobPlant, place: Json) -> None:
        self._plant, self._place, self.job = plant, place, ""

    def ask(self, path: str, body: Json | None = None) -> Json:
        status, told = self._plant.http(f"/api/{path}", body, cookies=self._place["cookies"])
        assert status in (200, 201), told
        return dict(told)

    def request(self) -> None:
        order = {"kind": "map", "instruction": "Change it.", "paths": list(FILES)}
        self.job = self.ask(f"workspaces/{self._place['workspace']}/jobs", order)["id"]

    def ready(self, done: int) -> Json:
        def look() -> Json | None:
            told = self.ask(f"jobs/{self.job}")
            assert told["state"] != "failed", (told["error"], self._plant.logs())
            states = Counter(step["state"] for step in told["steps"])
            return told if told["state"] == "review" and states["done"] == done else None

        found: Json = until(look, f"{done} items are ready for review", 90, self._plant.logs)
        return found


def test_two_workers_share_the_items_and_one_limit(plant: JobPlant, model: Counted) -> None:
    place = plant.ask("ground", 1, model.url, FILES)[0]
    plant.ask("limit", AT_ONCE, A_MINUTE)
    for _ in range(2):
        plant.worker(wait=False)
    ada, began = Person(plant, place), time.monotonic()
    ada.request()
    # The first item's answer is held back until the other worker has an item too and stands in line for the endpoint.
    until(lambda: len(set(plant.ask("at_items", ada.job))) == 2, "both workers have an item", logs=plant.logs)
    valkey = Redis(port=plant.redis)
    until(
        lambda: sum(valkey.zcard(key) for key in valkey.scan_iter("tandem:limits:*:waiting")) == 1,
        "one of them stands in line",
        logs=plant.logs,
    )
    valkey.close()
    assert len(model.came) == 1
    model.open.set()

    told = ada.ready(ITEMS - 1)
    assert model.items == Counter({path.removesuffix(".txt"): 1 for path in FILES}), "an item was asked twice"
    failed = [step for step in told["steps"] if step["state"] == "failed"]
    assert [(step["name"], bool(step["error"])) for step in failed] == [(f"{SPOILED}.txt", True)]

    ada.ask(f"jobs/{ada.job}/retry", {})
    ada.ready(ITEMS)
    assert model.items.pop(SPOILED) == 2
    assert set(model.items.values()) == {1}, "what was done was done again"
    assert model.most == AT_ONCE
    # A bucket of that size which fills in a minute: sooner than this the limit of both together was exceeded.
    late = [came - began >= (number - A_MINUTE) * 60 / A_MINUTE for number, came in enumerate(model.came, 1)]
    assert all(late), [came - began for came in model.came]

    review = ada.ask(f"jobs/{ada.job}/review")
    assert {file["path"] for file in review["files"]} == set(FILES)
    ada.ask(f"jobs/{ada.job}/merge", {"head": review["head"], "branch": "main", "message": "Merged"})
    found = {path: Path(place["folder"], path).read_text() for path in FILES}
    assert found == DONE
    assert ada.ask(f"jobs/{ada.job}")["state"] == "merged"
