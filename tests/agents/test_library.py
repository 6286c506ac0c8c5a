"""The library of sessions: names, archive, forks, pages, search, downloads; and late readers of a running turn."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import AsyncClient
from django.utils import timezone

from agents.models import Item, Session, Turn
from agents.sessions import export, library
from agents.sessions.transcript import TAIL
from ide.accounts.models import User
from ide.db import in_db
from tests.agents.conftest import Follower, Site
from tests.live.test_provider import node

TICKS = "```"


def past(site: Site, *said: str, title: str = "Old talk", author: User | None = None) -> Session:
    """A session of a turn for each thing said, with an answer each."""
    session = Session.objects.create(workspace=site.workspace, title=title, created_by=author or site.ada)
    began = timezone.now() - timedelta(days=1)
    for at, text in enumerate(said):
        turn = Turn.objects.create(session=session, owner=site.ada, state="completed", output_tokens=7)
        Turn.objects.filter(pk=turn.pk).update(started_at=began + timedelta(minutes=at))
        Item.objects.create(turn=turn, position=0, kind="person", author=site.ada, data={"text": text})
        Item.objects.create(turn=turn, position=1, kind="model", data={"text": f"About {text}: yes."})
    return session


@pytest.fixture
async def bob(site: Site, ada: Follower) -> AsyncIterator[Follower]:
    tab = Follower(site.workspace.pk, site.bob)
    await tab.ask("workspace.open")
    yield tab
    if not tab.closed:
        await tab.leave()


async def listed(site: Site, user: User | None = None, **query: Any) -> dict[str, Any]:
    client = AsyncClient()
    await client.aforce_login(user or site.ada)
    answer = await client.get(f"/api/workspaces/{site.workspace.pk}/sessions", query)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def titles(found: dict[str, Any]) -> list[str]:
    return [hit["session"]["title"] for hit in found["sessions"]]


# --- names, archive, forks ------------------------------------------------------------------------------------------


async def test_a_new_title_is_told_to_everybody_and_stays(site: Site, ada: Follower, bob: Follower) -> None:
    session = await ada.session()
    told = (await ada.ask("session.rename", session=session, title="  Basket \n rules "))["session"]
    assert (told["title"], told["owner"]["name"], told["turns"]) == ("Basket rules", "ada", 0)
    heard = await bob.event("session.changed", lambda e: e["summary"]["title"])
    assert heard["summary"] == told
    assert (await bob.ask("session.open", session=session))["snapshot"]["session"] == told
    row = await in_db(Session.objects.get, pk=session)
    assert (row.title, row.seq) == ("Basket rules", heard["seq"]), "a restarted host goes on behind this number"
    assert (await ada.refused("session.rename", session=session, title=" "))["code"] == "invalid"
    assert (await ada.refused("session.rename", session=session, title="x" * 121))["code"] == "invalid"


async def test_an_archived_session_leaves_the_list_and_is_found_by_a_search(site: Site, ada: Follower) -> None:
    old = await in_db(past, site, "wholesale prices")
    await ada.ask("session.archive", session=old.pk, archived=True)
    assert (await ada.ask("workspace.open"))["sessions"] == []
    assert titles(await listed(site)) == []
    assert titles(await listed(site, archived="true")) == ["Old talk"]
    assert titles(await listed(site, query="wholesale")) == ["Old talk"]
    assert titles(await listed(site, query="wholesale", archived="false")) == []
    await ada.ask("session.archive", session=old.pk, archived=False)
    assert titles(await listed(site)) == ["Old talk"]


async def test_a_fork_has_everything_up_to_its_turn_and_names_where_it_came_from(site: Site, ada: Follower) -> None:
    old = await in_db(past, site, "first", "second", "third")
    turns = await in_db(lambda: list(old.turns.order_by("started_at")))
    edit = {"path": "a.py", "document": "d", "added": 1, "removed": 0, "proposal": "p"}
    await in_db(Item.objects.create, turn=turns[1], position=2, kind="edit", data=edit)
    made = (await ada.ask("session.fork", session=old.pk, turn=turns[1].pk))["session"]
    assert made["forked_from"] == {"session": old.pk, "title": "Old talk"}
    assert (made["title"], made["turns"], made["owner"]["name"]) == ("Old talk", 2, "ada")
    shot = (await ada.ask("session.open", session=made["id"]))["snapshot"]
    assert [i["data"].get("text") for i in shot["items"]] == [
        *("first", "About first: yes.", "second", "About second: yes.", None)
    ]
    assert "proposal" not in shot["items"][-1]["data"], "what it wrote is the first session's to take back"
    assert [t["started_at"] for t in shot["turns"]] == [t.started_at.isoformat() for t in turns[:2]]
    assert {t["id"] for t in shot["turns"]}.isdisjoint(t.pk for t in turns)
    assert await in_db(old.turns.count) == 3
    await in_db(site.script, {"text": "And so on."}, tools=False)
    turn = await ada.ended((await ada.ask("turn.start", session=made["id"], text="Go on", mentions=[]))["turn"])
    assert turn["state"] == "completed", turn


async def test_a_turn_can_be_forked_from_as_soon_as_it_has_ended(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "wait for me", "pause_after": 4})
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Hi", mentions=[]))["turn"]
    await ada.event("item.delta")
    assert (await ada.refused("session.fork", session=session, turn=turn))["code"] == "conflict"
    await ada.ask("turn.interrupt", turn=turn)
    made = (await ada.ask("session.fork", session=session, turn=turn))["session"]
    shot = (await ada.ask("session.open", session=made["id"]))["snapshot"]
    assert [i["kind"] for i in shot["items"]] == ["person", "model", "note"]


# --- pages ----------------------------------------------------------------------------------------------------------


async def test_a_long_session_comes_in_pages_that_fit_together(site: Site, ada: Follower) -> None:
    old = await in_db(past, site, *(f"question {n}" for n in range(250)))
    shot = (await ada.ask("session.open", session=old.pk))["snapshot"]
    items, turns = shot["items"], {turn["id"] for turn in shot["turns"]}
    assert (len(items), len(turns), shot["more"]) == (library.PAGE, library.PAGE // 2, True)
    more = True
    while more:
        page = await ada.ask("session.older", session=old.pk, before=items[0]["id"])
        items, more = [*page["items"], *items], page["more"]
        assert {item["turn"] for item in page["items"]} <= {turn["id"] for turn in page["turns"]}
    said = [item["data"]["text"] for item in items if item["kind"] == "person"]
    assert said == [f"question {n}" for n in range(250)]
    assert (await ada.refused("session.older", session=old.pk, before="nothing"))["code"] == "not_found"
    some = await ada.ask("session.older", session=old.pk, before=items[-1]["id"], most=3)
    assert [item["id"] for item in some["items"]] == [item["id"] for item in items[-4:-1]]
    assert (await ada.refused("session.older", session=old.pk, before="x", most=library.PAGE + 1))["code"] == "invalid"
    wanted = next(item["turn"] for item in items if item["data"]["text"] == "question 20")
    far = await ada.ask("session.older", session=old.pk, before=items[-1]["id"], most=5, to=wanted)
    assert far["more"] is True
    assert (
        0 < [item["turn"] for item in far["items"]].index(wanted) <= 5 + 1
    )  # and what is not before it of its own turn
    assert far["items"][-1]["id"] == items[-2]["id"]
    assert (await ada.refused("session.older", session=old.pk, before=items[-1]["id"], to="x"))["code"] == "not_found"


async def test_older_items_of_a_turn_that_still_runs_come_from_memory(site: Site, ada: Follower) -> None:
    calls = [{"name": "list_files", "arguments": {"glob": f"{n}*"}} for n in range(library.PAGE + 5)]
    await in_db(site.script, {"calls": calls}, {"text": "done waiting", "pause_after": 4})
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Look", mentions=[]))["turn"]
    await ada.event("item.delta")
    shot = (await ada.ask("session.open", session=session))["snapshot"]
    assert (len(shot["items"]), shot["more"]) == (library.PAGE, True)
    page = await ada.ask("session.older", session=session, before=shot["items"][0]["id"])
    assert page["more"] is False
    together = [*page["items"], *shot["items"]]
    assert [item["position"] for item in together] == list(range(len(together)))
    assert together[0]["data"]["text"] == "Look"
    await ada.ask("turn.interrupt", turn=turn)


# --- late readers ---------------------------------------------------------------------------------------------------


def folded(*cases: tuple[dict[str, Any], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Each snapshot with the events after it, as the browser folds them."""
    told = subprocess.run(
        [node(), str(Path(__file__).with_name("fold.mjs"))],
        input=json.dumps([{"snapshot": shot, "events": events} for shot, events in cases]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert not any(one["gap"] for one in found), "an event is missing"
    return [one["view"] for one in found]


def view(shot: dict[str, Any]) -> dict[str, Any]:
    """A fresh snapshot as the browser has it."""
    return folded((shot, []))[0]


async def test_an_old_snapshot_and_the_events_since_are_a_fresh_snapshot(site: Site, ada: Follower) -> None:
    """Tools, edits, a steer, a queue, a stop, a rename, an undo: a snapshot is taken now and then on the way."""
    patch = "*** Begin Patch\n*** Update File: a.py\n@@\n-    return a\n+    return a + 1\n*** End Patch"
    calls = [
        {"name": "read_file", "arguments": {"path": "a.py"}},
        {"name": "apply_patch", "arguments": {"patch": patch}},
        {"name": "read_file", "arguments": {"path": "nowhere"}},
    ]
    await in_db(
        site.script,
        {"when": "begin", "text": "First.", "calls": calls},
        {"when": "begin", "text": "Then a pause, and no end", "pause_after": 12},
        {"when": "once more", "text": "Well."},
        rate=800,
    )
    session = await ada.session()
    shots = [(await ada.ask("session.open", session=session))["snapshot"]]

    async def look() -> None:
        shots.append((await ada.ask("session.open", session=session))["snapshot"])

    turn = (await ada.ask("turn.start", session=session, text="Begin", mentions=[]))["turn"]
    await look()
    await ada.event("item.completed", lambda e: e["item"]["kind"] == "tool")
    await look()
    await ada.until(lambda: "Then a" in "".join(e["text"] for e in ada.of_type("item.delta")))
    await ada.ask("turn.steer", turn=turn, text="Rather so")
    await look()
    await ada.ask("queue.add", session=session, text="And then this", mentions=[])
    await look()
    await ada.ask("turn.interrupt", turn=turn)
    await look()
    await ada.ask("session.rename", session=session, title="Renamed")
    again = (await ada.ask("turn.start", session=session, text="Once more", mentions=[]))["turn"]
    await ada.ended(again)
    await look()
    await ada.ask("turn.undo", turn=turn)
    fresh = (await ada.ask("session.open", session=session))["snapshot"]
    events = [e for e in ada.events if e.get("session") == session]
    for number, shown in enumerate(folded(*((shot, events) for shot in shots))):
        assert shown == view(fresh), f"from snapshot {number}"


async def test_who_joins_in_mid_turn_gets_the_snapshot_and_exactly_what_follows(
    site: Site, ada: Follower, bob: Follower
) -> None:
    text = "".join(f"line {n} of the answer\n" for n in range(60))
    await in_db(site.script, {"text": text}, tools=False, rate=2000)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Tell", mentions=[]))["turn"]
    await ada.event("item.delta")
    shot = (await bob.ask("session.open", session=session))["snapshot"]
    assert shot["turns"][0]["state"] == "running"
    await bob.ended(turn)
    await bob.event("session.changed", lambda e: not e["summary"]["running"])
    tail = [e for e in bob.events if e.get("session") == session and e["seq"] > shot["seq"]]
    assert [e["seq"] for e in tail] == list(range(shot["seq"] + 1, tail[-1]["seq"] + 1))
    (late,) = folded((shot, tail))
    fresh = (await ada.ask("session.open", session=session))["snapshot"]
    assert late == view(fresh)
    assert late["items"][-1]["data"]["text"] == text


async def test_who_was_away_for_a_part_of_a_turn_catches_up_without_a_duplicate(
    site: Site, ada: Follower, bob: Follower
) -> None:
    text = "".join(f"line {n} of the answer\n" for n in range(60))
    await in_db(site.script, {"text": text}, tools=False, rate=2000)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Tell", mentions=[]))["turn"]
    await bob.event("item.delta")
    known = (await bob.ask("session.open", session=session))["snapshot"]
    await bob.leave()
    await ada.ended(turn)
    back = Follower(site.workspace.pk, site.bob)
    missed = (await back.ask("session.open", session=session, after=known["seq"]))["events"]
    fresh = (await ada.ask("session.open", session=session))["snapshot"]
    assert len(missed) < TAIL
    assert [e["seq"] for e in missed] == list(range(known["seq"] + 1, fresh["seq"] + 1)), "each once"
    assert folded((known, missed))[0] == view(fresh)
    await back.leave()


# --- the search -----------------------------------------------------------------------------------------------------


async def test_a_search_finds_what_was_said_and_marks_it(site: Site, ada: Follower) -> None:
    await in_db(past, site, "How do I price wholesale baskets?", "Grüße aus Köln", title="Shop")
    await in_db(past, site, "Something else", title="Other")
    found = await listed(site, query="WHOLESALE price")
    assert titles(found) == ["Shop"]
    newest, first = found["sessions"][0]["excerpts"]
    assert (newest["kind"], first["kind"]) == ("model", "person")
    assert [p["text"] for p in first["pieces"] if p["hit"]] == ["price", "wholesale"]
    assert "".join(p["text"] for p in first["pieces"]) == "How do I price wholesale baskets?"
    assert first["who"]["name"] == "ada"
    assert titles(await listed(site, query="KÖLN")) == ["Shop"], "beyond ASCII too, whatever the case"
    assert titles(await listed(site, query="oth")) == ["Other"], "titles are searched as well"
    assert titles(await listed(site, query="100%")) == []


def test_an_excerpt_is_short_and_shows_the_match() -> None:
    cut = library.pieces(f"{'word ' * 200}needle{' more' * 200}", ["Needle"])
    assert [piece["text"] for piece in cut if piece["hit"]] == ["needle"]
    text = "".join(str(piece["text"]) for piece in cut)
    assert (text[:2], text[-2:]) == ("… ", " …")
    assert len(text) <= library.LONGEST + 4


async def test_thousands_of_sessions_come_in_pages(site: Site, ada: Follower) -> None:
    began = timezone.now()
    rows = [Session(workspace=site.workspace, title=f"s{n}", created_by=site.ada) for n in range(library.PAGE + 50)]
    await in_db(Session.objects.bulk_create, rows)
    for n, row in enumerate(rows):
        row.active_at = began - timedelta(minutes=n)
    await in_db(Session.objects.bulk_update, rows, ["active_at"])
    first = await listed(site)
    rest = await listed(site, before=first["sessions"][-1]["session"]["id"])
    assert titles(first) + titles(rest) == [f"s{n}" for n in range(library.PAGE + 50)]
    assert (first["more"], rest["more"]) == (True, False)
    assert len((await ada.ask("workspace.open"))["sessions"]) == 200


async def test_the_list_says_what_runs(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "wait for me", "pause_after": 4}, tools=False)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Hi", mentions=[]))["turn"]
    told = (await listed(site))["sessions"][0]["session"]
    assert (told["running"], told["by"]["name"]) == (True, "ada")
    await ada.ask("turn.interrupt", turn=turn)


# --- downloads ------------------------------------------------------------------------------------------------------


async def test_a_session_is_downloaded_as_markdown_and_as_json(site: Site, ada: Follower) -> None:
    old = await in_db(past, site, "Which files?", title="Größe & Co. <b>")
    turn = await in_db(old.turns.get)
    told = {"name": "run_command", "input": f"echo {TICKS}", "output": f"{TICKS}\n", "ok": False, "seconds": 0.2}
    await in_db(Item.objects.create, turn=turn, position=2, kind="tool", data=told)
    client = AsyncClient()
    await client.aforce_login(site.bob)
    base = f"/api/workspaces/{site.workspace.pk}/sessions/{old.pk}/export"
    answer = await client.get(base, {"format": "markdown"})
    assert answer["Content-Disposition"] == 'attachment; filename="gr-e-co-b.md"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    text = answer.content.decode()
    assert text.startswith("# Größe & Co. <b>\n\n## ada · ")
    assert "````\necho ```\n````" in text, "a fence is longer than what it encloses"
    assert "**run_command** · failed · 0.2 s" in text
    answer = await client.get(base, {"format": "json"})
    found = json.loads(answer.content)
    assert found["format"] == export.FORMAT
    assert [item["kind"] for item in found["turns"][0]["items"]] == ["person", "model", "tool"]
    assert found["turns"][0]["output_tokens"] == 7
    assert (await client.get(base, {"format": "html"})).status_code == 422
