"""For every op: what a tab knew of a session, and the events since, equal what a tab that comes now is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ide.db import in_db
from ide.live import ops
from tests.agents.conftest import Follower, Site
from tests.agents.test_turns import NEW, PATCH, inline

Json = dict[str, Any]
FIGURES = ("ttft_ms", "output_tokens", "tokens_per_s")  # of a running turn: told by turn.speed, kept at its end
WAIT = {"when": "wait", "text": "I wait here, for ever", "pause_after": 6, "repeat": True}
REMARKS = [f"+    # remark {number} of many" for number in range(150)]
LONG = ["*** Begin Patch", "*** Update File: a.py", " def one(a):", *REMARKS, "*** End Patch"]


class View:
    """What static/src/sessions/state.ts makes of a snapshot and events, in as few words."""

    def __init__(self, shot: Json) -> None:
        self.shot = shot
        self.turns = {turn["id"]: turn for turn in shot.pop("turns")}
        self.items = {item["id"]: item for item in shot.pop("items")}
        self.paused = {(one["turn"], one["document"]): one for one in shot.pop("paused")}
        self.compactions = {one["id"]: one for one in shot.pop("compactions")}

    def take(self, event: Json) -> None:
        assert event["seq"] == self.shot["seq"] + 1, "an event is missing"
        self.shot["seq"] = event["seq"]
        kind = event["type"]
        if kind == "session.changed":
            self.shot["session"] = event["summary"]
        elif kind in ("turn.started", "turn.ended"):
            self.turns[event["turn"]["id"]] = event["turn"]
        elif kind in ("item.started", "item.completed"):
            self.items[event["item"]["id"]] = event["item"]
        elif kind == "item.delta":
            item = self.items[event["item"]]
            key = "output" if item["kind"] == "tool" else "text"
            self.items[event["item"]] = {**item, "data": {**item["data"], key: item["data"][key] + event["text"]}}
        elif kind == "queue.changed":
            self.shot["queue"] = event["queue"]
        elif kind == "pins.changed":
            self.shot["pins"] = event["pins"]
        elif kind == "compaction":
            self.compactions[event["compaction"]["id"]] = event["compaction"]
        elif kind == "region.paused":
            about = {name: value for name, value in event.items() if name not in ("session", "seq", "type")}
            self.paused.pop((event["turn"], event["document"]), None)
            if event["state"] == "typing":
                self.paused[event["turn"], event["document"]] = about
        else:
            assert kind in ("turn.speed", "turn.waiting"), f"nobody folds {kind}"

    def told(self) -> Json:
        turns = {name: self._steady(turn) for name, turn in self.turns.items()}
        paused = sorted(self.paused.items())
        return {**self.shot, "turns": turns, "items": self.items, "paused": paused, "compactions": self.compactions}

    @staticmethod
    def _steady(turn: Json) -> Json:
        return {k: v for k, v in turn.items() if turn["state"] != "running" or k not in FIGURES}


@dataclass
class Place:
    """A session with a finished turn that left a proposal."""

    site: Site
    ada: Follower
    session: str
    turn: str = ""

    @property
    def document(self) -> str:
        return str(self.site.document.pk)

    async def start(self, text: str) -> str:
        answer = await self.ada.ask("turn.start", session=self.session, text=text, mentions=[])
        return str(answer["turn"])

    async def waiting(self) -> str:
        """A turn that runs and says no more."""
        turn = await self.start("wait")
        await self.ada.event("item.delta")
        return turn

    async def queued(self, *texts: str) -> list[str]:
        turn = await self.waiting()
        made = [(await self.ada.ask("queue.add", session=self.session, text=text))["entry"] for text in texts]
        assert turn
        return made

    async def typed(self) -> str:
        """A turn that somebody has typed into."""
        turn = await self.start("remark")
        await self.ada.until(lambda: "# remark 12" in self.ada.text(self.document))
        at = self.ada.text(self.document).index("# remark 2 ")
        self.ada.type(self.document, at, "MINE ")
        await self.ada.event("region.paused")
        return turn

    def proposal(self) -> str:
        return str(self.ada.of_type("proposal")[-1]["proposal"]["id"])

    async def read(self) -> Json:
        return dict((await self.ada.ask("session.open", session=self.session))["snapshot"])


Act = Callable[[Place], Awaitable[object]]
ACTS: dict[str, Act] = {}


def act(name: str) -> Callable[[Act], Act]:
    def keep(fn: Act) -> Act:
        ACTS[name] = fn
        return fn

    return keep


def simple(name: str, **params: Any) -> None:
    """An op that names the session, the turn or the proposal there is."""

    async def fn(place: Place) -> None:
        known = {"session": place.session, "turn": place.turn, "document": place.document}
        known["proposal"] = place.proposal()
        given = {key: known.get(value, value) if isinstance(value, str) else value for key, value in params.items()}
        await place.ada.ask(name, **given)

    ACTS[name] = fn


simple("session.rename", session="session", title="Another name")
simple("session.archive", session="session", archived=True)
simple("session.fork", session="session", turn="turn")
simple("session.open", session="session")
simple("session.estimate", session="session", text="x")
simple("turn.start", session="session", text="hello")
simple("turn.undo", turn="turn")
simple("turn.preview", turn="turn")
simple("turn.accept", turn="turn")
simple("turn.reject", turn="turn")
simple("checkpoint.preview", turn="turn")
simple("checkpoint.restore", turn="turn")
simple("proposal.accept", proposal="proposal", hunks="all")
simple("proposal.reject", proposal="proposal", hunks="all")
simple("context.show", session="session", text="x")
simple("context.pin", session="session", mention={"kind": "file", "path": "a.py"})
simple("queue.add", session="session", text="at once")
simple("queue.resume", session="session")


@act("session.create")
async def _(place: Place) -> None:
    await place.ada.ask("session.create")


@act("session.older")
async def _(place: Place) -> None:
    items = (await place.read())["items"]
    await place.ada.ask("session.older", session=place.session, before=items[-1]["id"])


@act("turn.redo")
async def _(place: Place) -> None:
    await place.ada.ask("turn.undo", turn=place.turn)
    await place.ada.ask("turn.redo", turn=place.turn)


@act("checkpoint.unrestore")
async def _(place: Place) -> None:
    await place.ada.ask("checkpoint.restore", turn=place.turn)
    await place.ada.ask("checkpoint.unrestore", turn=place.turn)


@act("turn.inline")
async def _(place: Place) -> None:
    await place.ada.ended(await inline(place.site, place.ada, "add one", session=place.session))


@act("turn.steer")
async def _(place: Place) -> None:
    turn = await place.waiting()
    await place.ada.ask("turn.steer", turn=turn, text="Hear me.")


@act("turn.interrupt")
async def _(place: Place) -> None:
    turn = await place.waiting()
    await place.ada.ask("turn.steer", turn=turn, text="Too late.")
    await place.ada.ask("turn.interrupt", turn=turn)


@act("turn.redirect")
async def _(place: Place) -> None:
    await place.ada.ask("turn.redirect", turn=await place.waiting(), text="wait elsewhere")


@act("queue.edit")
async def _(place: Place) -> None:
    (entry,) = await place.queued("one")
    await place.ada.ask("queue.edit", entry=entry, text="one, better")


@act("queue.move")
async def _(place: Place) -> None:
    one, two = await place.queued("one", "two")
    await place.ada.ask("queue.move", entry=two, before=one)


@act("queue.remove")
async def _(place: Place) -> None:
    one, _ = await place.queued("one", "two")
    await place.ada.ask("queue.remove", entry=one)


@act("queue.send")
async def _(place: Place) -> None:
    one, two = await place.queued("one", "wait again")
    await place.ada.ask("queue.send", entry=one, **{"as": "steer"})
    await place.ada.ask("queue.send", entry=two, **{"as": "redirect"})


@act("pause.go")
async def _(place: Place) -> None:
    await place.ada.ask("pause.go", turn=await place.typed(), document=place.document)


@act("pause.leave")
async def _(place: Place) -> None:
    await place.ada.ask("pause.leave", turn=await place.typed(), document=place.document)


@act("block.apply")
async def _(place: Place) -> None:
    await place.ada.ended(await place.start("block"))
    item = place.ada.items("model")[-1]["id"]
    done = await place.ada.ask("block.apply", session=place.session, item=item, block=0, path="a.py")
    await place.ada.ended(done["turn"])


@act("context.unpin")
async def _(place: Place) -> None:
    pin = {"kind": "file", "path": "a.py"}
    await place.ada.ask("context.pin", session=place.session, mention=pin)
    await place.ada.ask("context.unpin", session=place.session, mention=pin)


async def compacted(place: Place) -> str:
    for _ in range(6):
        await place.ada.ended(await place.start("hello"))
    await place.ada.ask("context.compact", session=place.session)
    return str((await place.read())["compactions"][-1]["id"])


@act("context.compact")
async def _(place: Place) -> None:
    await compacted(place)


@act("context.compaction")
async def _(place: Place) -> None:
    await place.ada.ask("context.compaction", session=place.session, compaction=await compacted(place))


@act("context.uncompact")
async def _(place: Place) -> None:
    await place.ada.ask("context.uncompact", session=place.session, compaction=await compacted(place))


# Ops that say nothing of a session, by the first part of their names.
ELSEWHERE = {"workspace", "job", "ping", "document", "ghost", "quick", "commit", "mention", "symbols", "test"}


def test_every_op_about_sessions_has_a_case() -> None:
    assert {name for name in ops.names() if name.split(".")[0] not in ELSEWHERE} == set(ACTS)


@pytest.fixture
async def place(site: Site, ada: Follower) -> Place:
    steps = [
        WAIT,
        {"when": "double", "calls": [{"name": "apply_patch", "arguments": {"patch": PATCH}}]},
        {"when": "double", "text": "Done."},
        {"when": "remark", "calls": [{"name": "apply_patch", "arguments": {"patch": LONG}}]},
        {"when": "block", "text": f"So:\n```python\n{NEW}```\n"},
        {"when": "add one", "text": f"```python\n{NEW}```\n"},
        {"text": "Yes, indeed.", "repeat": True},
    ]
    await in_db(site.script, *steps, rate=200)
    await ada.opened(site.document.pk)
    made = Place(site, ada, await ada.session())
    made.turn = await made.start("double")
    await ada.ended(made.turn)
    return made


@pytest.mark.parametrize("name", sorted(ACTS))
async def test_an_old_snapshot_and_the_events_since_are_a_fresh_snapshot(place: Place, name: str) -> None:
    view = View(await place.read())
    await ACTS[name](place)
    fresh = View(await place.read())
    for event in place.ada.events:
        if event.get("session") == place.session and view.shot["seq"] < event["seq"] <= fresh.shot["seq"]:
            view.take(event)
    assert view.told() == fresh.told()
