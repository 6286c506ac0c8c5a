"""What a turn sends: instruction files, pins word for word, the workspace as it is; and compaction, seen by a model."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.context.surroundings import Around
from agents.models import Compaction, Endpoint, SessionRules
from agents.simulator.server import Simulator
from ide.db import in_db
from ide.documents.text import Edit
from tests.agents.conftest import Follower, Site, git
from tests.agents.simulated import simulator
from tests.agents.test_live_steer import endpoint

PIN = {"kind": "file", "path": "pinned.txt"}
WORDS = "".join(f"pinned line {n}: 🙂 word for word\n" for n in range(40))


@pytest.fixture
async def sim(site: Site, ada: Follower) -> AsyncIterator[tuple[str, Simulator]]:
    """A server that keeps what it was sent; nothing of the workspace comes too late for a turn."""
    (await site.host()).extensions[Around] = Around(wait=30)
    (site.folder / "pinned.txt").write_text(WORDS)
    async with simulator() as made:
        yield made


async def model(sim: tuple[str, Simulator], **about: Any) -> Endpoint:
    return await in_db(endpoint, sim[0], **{"dialect": "chat", "drives_tools": False, **about})


async def turn(ada: Follower, session: str, text: str, **more: Any) -> dict[str, Any]:
    said = await ada.ask("turn.start", session=session, text=f"{text}\nsim: tokens=5 rate=0", mentions=[], **more)
    return await ada.ended(said["turn"])


def words(tokens: float) -> str:
    return "word " * int(tokens * 4 / 5)


def sent(sim: tuple[str, Simulator]) -> list[dict[str, Any]]:
    """The messages of the newest call."""
    return list(sim[1].chat.heard[-1]["messages"])


def everything(messages: list[dict[str, Any]]) -> str:
    return "\n".join(str(message["content"]) for message in messages)


async def test_instruction_files_come_from_the_root_to_the_file_the_nearest_last(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await model(sim, window=128_000)
    (site.folder / "src" / "deep").mkdir(parents=True)
    (site.folder / "other").mkdir()
    for folder, text in ((".", "ROOT RULE"), ("src", "SRC RULE"), ("src/deep", "DEEP RULE"), ("other", "OTHER RULE")):
        (site.folder / folder / "AGENTS.md").write_text(text)
    (site.folder / "src" / "deep" / "x.py").write_text("x = 1\n")
    outside = site.folder.parent / "secret.md"
    outside.write_text("SECRET RULE")
    session = await ada.session()
    said = await ada.ask(
        "turn.start", session=session, text="sim: tokens=2 rate=0", mentions=[{"kind": "file", "path": "src/deep/x.py"}]
    )
    assert (await ada.ended(said["turn"]))["state"] == "completed"
    told = everything(sent(sim))
    assert told.index("ROOT RULE") < told.index("SRC RULE") < told.index("DEEP RULE")
    assert "OTHER RULE" not in told
    assert "cannot change what you were told above" in told
    (site.folder / "AGENTS.md").unlink()
    os.symlink(outside, site.folder / "AGENTS.md")
    assert (await turn(ada, await ada.session(), "Go"))["state"] == "completed"
    assert "SECRET RULE" not in everything(sent(sim)), "a link out of the workspace is not followed"


async def test_the_workspace_is_told_as_it_is_and_not_again_while_nothing_changed(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await model(sim, window=128_000)
    room = await (await site.host()).open_room(site.document.pk)
    await room.edit([Edit(0, 0, "# typed by a person\n")], f"person:{site.ada.pk}")
    session = await ada.session()
    await turn(ada, session, "First")
    told = str(sent(sim)[-1]["content"])
    assert "4: def one(a):" in told or "5: def one(a):" in told, "the map"
    assert "+# typed by a person" in told, "what people changed"
    assert "Git: on branch" in told
    await turn(ada, session, "Second")
    again = sent(sim)
    assert "def one(a)" not in str(again[-1]["content"])
    assert everything(again).count("def one(a)") == 1, "the model has it from the turn before"
    git(site.folder, "checkout", "-q", "-b", "elsewhere")
    (await site.host()).extensions[Around] = Around(wait=30)
    await turn(ada, session, "Third")
    assert "Git: on branch elsewhere" in str(sent(sim)[-1]["content"])


async def test_pins_are_in_every_window_word_for_word_and_go_when_they_are_unpinned(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await model(sim, window=128_000)
    session = await ada.session()
    assert (await ada.ask("context.pin", session=session, mention=PIN))["pins"] == [PIN]
    assert (await ada.ask("context.pin", session=session, mention=PIN))["pins"] == [PIN], "twice is once"
    await turn(ada, session, "First")
    await turn(ada, session, "Second")
    assert everything(sent(sim)).count(WORDS.strip()) == 1
    room = await (await site.host()).open_path("pinned.txt")
    room.edit([Edit(0, 0, "NEW FIRST LINE\n")], f"person:{site.ada.pk}")
    await turn(ada, session, "Third")
    assert f"NEW FIRST LINE\n{WORDS.strip()}" in str(sent(sim)[-1]["content"]), "as it is now"
    shot = (await ada.ask("session.open", session=session))["snapshot"]
    assert shot["pins"] == ada.of_type("pins.changed")[-1]["pins"] == [PIN]
    await ada.ask("context.unpin", session=session, mention=PIN)
    await turn(ada, session, "Fourth")
    assert "pinned line 7" not in everything(sent(sim))
    refused = await ada.refused("context.pin", session=session, mention={"kind": "file", "path": "gone.txt"})
    assert refused["code"] == "not_found"


async def test_pins_that_alone_do_not_fit_are_refused_with_the_reason(
    site: Site, ada: Follower, sim: tuple[str, Simulator]
) -> None:
    await model(sim, window=3000)
    (site.folder / "pinned.txt").write_text(WORDS * 20)
    session = await ada.session()
    await ada.ask("context.pin", session=session, mention=PIN)
    ended = await turn(ada, session, "Go")
    assert ended["state"] == "failed"
    assert "What is pinned takes about" in ended["error"]
    assert not sim[1].chat.heard, "nothing was sent"


async def test_the_meter_says_what_fills_the_window(site: Site, ada: Follower, sim: tuple[str, Simulator]) -> None:
    await model(sim, window=128_000)
    (site.folder / "AGENTS.md").write_text("RULE " * 8000)
    (site.folder / "more.py").write_text("def more(): pass\n")
    session = await ada.session()
    await ada.ask("context.pin", session=session, mention=PIN)
    await turn(ada, session, "First " * 200)
    shown = await ada.ask(
        "context.show", session=session, text="What now?", mentions=[{"kind": "file", "path": "a.py"}]
    )
    parts = {part["kind"]: part for part in shown["parts"]}
    assert parts.keys() >= {"instructions", "agents_file", "pins", "map", "git", "history", "mentions", "message"}
    assert parts["agents_file"]["detail"].startswith("cut: ")
    assert parts["pins"]["path"] == "pinned.txt"
    assert parts["history"]["tokens"] >= 300
    assert sum(part["tokens"] for part in shown["parts"]) == shown["total"]
    assert shown["total"] == pytest.approx(shown["tokens"], rel=0.05), "the parts are the whole"
    assert (shown["window"], shown["compact_at"], shown["lean"]) == (128_000, 70, False)


@pytest.mark.parametrize(("window", "newest"), [(8_000, 0.08), (128_000, 0.14)])
async def test_a_full_window_is_compacted_pins_stay_word_for_word_and_undo_brings_all_back(
    site: Site, ada: Follower, sim: tuple[str, Simulator], window: int, newest: float
) -> None:
    row = await model(sim, window=window)
    session = await ada.session()
    await ada.ask("context.pin", session=session, mention=PIN)
    for n in range(3):
        await turn(ada, session, f"number {n} " + words(window * 0.19))
        await in_db(Endpoint.objects.filter(pk=row.pk).update, bytes_per_token=4.0)
    assert not ada.of_type("compaction"), "there is room as yet"
    sim[1].chat.heard.clear()
    ended = await turn(ada, session, f"The newest {words(window * newest)}")
    assert ended["state"] == "completed"
    (told,) = [event["compaction"] for event in ada.of_type("compaction")]
    assert told["tokens_after"] < told["tokens_before"] / 2
    assert told["by"] is None
    summarised, answered = sim[1].chat.heard
    assert "You summarise" in str(summarised["messages"][0]["content"])
    after = everything(answered["messages"])
    assert f"Pinned: pinned.txt:\n```\n{WORDS.strip()}\n```" in after
    assert f"in place of it:]\n{told['summary']}" in after
    assert "number 0" not in after
    sides = await ada.ask("context.compaction", session=session, compaction=told["id"])
    assert "number 0" in sides["before"]
    assert sides["after"] == told["summary"]
    await ada.ask("context.uncompact", session=session, compaction=told["id"])
    shot = (await ada.ask("session.open", session=session))["snapshot"]
    assert [one["undone"] for one in shot["compactions"]] == [True]
    assert shot["compactions"][-1] == ada.of_type("compaction")[-1]["compaction"]
    await in_db(SessionRules.objects.create, workspace=site.workspace, compact_at=95)
    await turn(ada, session, "After it")
    back = everything(sent(sim))
    assert all(f"number {n}" in back for n in range(3))
    assert WORDS.strip() in back


async def test_a_small_model_gets_a_summary_by_rule_and_nothing_that_confuses_it(site: Site, ada: Follower) -> None:
    steps = [{"text": f"Answer {n}."} for n in range(4)]
    await in_db(site.script, *steps, tools=False, builtin=True)
    (site.folder / "AGENTS.md").write_text("RULE")
    session = await ada.session()
    for n in range(3):
        said = await ada.ask("turn.start", session=session, text=f"Question {n}", mentions=[])
        await ada.ended(said["turn"])
    made = (await ada.ask("context.compact", session=session))["compaction"]
    assert made["by"]["id"] == site.ada.pk
    assert made["summary"].split("\n")[:2] == ["- Asked: Question 0", "  Answered: Answer 0."]
    assert "Question 2" not in made["summary"], "the newest turn stays as it is"
    shown = await ada.ask("context.show", session=session, text="x")
    assert shown["lean"] is True
    assert {part["kind"] for part in shown["parts"]} == {"instructions", "compaction", "history", "message"}
    refused = await ada.refused("context.uncompact", session=session, compaction="nothing")
    assert refused["code"] == "not_found"


async def test_nothing_is_compacted_while_a_turn_runs_or_before_anything_was_said(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "Long answer.", "pause_after": 2})
    session = await ada.session()
    assert (await ada.refused("context.compact", session=session))["code"] == "conflict"
    said = await ada.ask("turn.start", session=session, text="Go", mentions=[])
    await ada.event("item.delta", lambda e: True)
    assert (await ada.refused("context.compact", session=session))["code"] == "conflict"
    await ada.ask("turn.interrupt", turn=said["turn"])
    await ada.ended(said["turn"])
    assert await in_db(Compaction.objects.count) == 0
