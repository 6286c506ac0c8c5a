"""A person who types where a turn is writing stops it there; what is kept and typed is said to it, and it goes on."""

from __future__ import annotations

from typing import Any

from pycrdt import Text

from ide.accounts.models import Membership
from ide.db import in_db
from ide.documents import protocol
from tests.agents.conftest import CODE, Follower, Site
from tests.agents.test_turns import inline, text_of

PATCH = """*** Begin Patch
*** Update File: a.py
@@ def one(a):
 def one(a):
-    return a
+    first = a
+    second = first
+    third = second
+    return third
@@ def two(b):
 def two(b):
-    return b
+    return b * 2
*** End Patch
"""
AFTER = "I go on from your text."


async def writing(site: Site, ada: Follower, until: str, *steps: dict[str, Any], **more: Any) -> str:
    """A turn that writes into a.py, up to where that text is there."""
    await in_db(site.script, *steps, **more)
    await ada.opened(site.document.pk)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="begin", mentions=[]))["turn"]
    await ada.until(lambda: until in ada.text(site.document.pk))
    return str(turn)


def put(site: Site, tab: Follower, behind: str, text: str) -> None:
    tab.type(site.document.pk, tab.text(site.document.pk).index(behind) + len(behind), text)


def paused(tab: Follower, state: str) -> list[dict[str, Any]]:
    return [event for event in tab.of_type("region.paused") if event["state"] == state]


def steers(tab: Follower) -> list[dict[str, Any]]:
    return [item for item in tab.items("person") if item["data"].get("typed")]


async def test_typing_inside_stops_that_place_and_the_rest_of_the_patch_goes_on(site: Site, ada: Follower) -> None:
    step = {"when": "begin", "calls": [_call(PATCH)]}
    turn = await writing(site, ada, "second = first", step, {"when": "typed", "text": AFTER}, rate=25)
    put(site, ada, "first = a", "  # MINE")
    assert (await ada.ended(turn))["state"] == "completed"
    text = await text_of(site)
    assert "first = a  # MINE\n" in text
    assert "return third" not in text, "nothing more of that place is written"
    assert "return b * 2" in text, "the next place goes on"
    assert ada.text(site.document.pk) == text
    pause = paused(ada, "typing")[0]
    assert (pause["turn"], pause["document"], pause["by"]["name"]) == (turn, site.document.pk, "ada")
    (steer,) = steers(ada)
    assert steer["author"]["name"] == "ada"
    assert "# MINE" in steer["data"]["text"]
    assert "| " in steer["data"]["text"], "with numbered lines"
    assert steer["data"]["taken"] is True
    assert ada.items("model")[-1]["data"]["text"] == AFTER


async def test_the_steer_goes_at_once_when_somebody_says_so(site: Site, ada: Follower) -> None:
    step = {"when": "begin", "calls": [_call(PATCH)]}
    turn = await writing(site, ada, "second = first", step, {"when": "typed", "text": AFTER}, rate=25)
    put(site, ada, "first = a", "  # MINE")
    await ada.event("region.paused")
    await ada.ask("pause.go", turn=turn, document=site.document.pk)
    refusal = await ada.refused("pause.go", turn=turn, document=site.document.pk)
    assert refusal["code"] == "conflict"
    await ada.ended(turn)
    assert len(steers(ada)) == 1


async def test_it_can_be_left_without_a_word_to_the_turn(site: Site, ada: Follower) -> None:
    step = {"when": "begin", "calls": [_call(PATCH)]}
    turn = await writing(site, ada, "second = first", step, {"text": "Done."}, rate=25)
    put(site, ada, "first = a", "  # MINE")
    await ada.event("region.paused")
    await ada.ask("pause.leave", turn=turn, document=site.document.pk)
    assert (await ada.ended(turn))["state"] == "completed"
    assert steers(ada) == []
    assert "# MINE" in await text_of(site)
    assert "return third" not in await text_of(site)


async def test_typing_elsewhere_stops_nothing(site: Site, ada: Follower) -> None:
    step = {"when": "begin", "calls": [_call(PATCH)]}
    turn = await writing(site, ada, "second = first", step, {"text": "Done."}, rate=25)
    put(site, ada, "import os", "  # MINE")
    put(site, ada, "def two(b):", "  # THEIRS")
    assert (await ada.ended(turn))["state"] == "completed"
    assert ada.of_type("region.paused") == []
    assert "return third" in await text_of(site)


async def test_what_is_deleted_inside_stops_it_too_and_stays_deleted(site: Site, ada: Follower) -> None:
    step = {"when": "begin", "calls": [_call(PATCH)]}
    turn = await writing(site, ada, "second = first", step, {"when": "typed", "text": AFTER}, rate=25)
    text = ada.docs[site.document.pk].get("text", type=Text)
    before, at = ada.docs[site.document.pk].get_state(), str(text).index("    first = a\n")
    del text[at : at + len("    first = a\n")]
    ada.raw(protocol.update(site.document.pk, ada.docs[site.document.pk].get_update(before)))
    assert (await ada.ended(turn))["state"] == "completed"
    assert "first = a\n" not in await text_of(site)
    assert "became nothing" in steers(ada)[0]["data"]["text"]


async def test_an_inline_edit_starts_anew_from_what_was_typed(site: Site, ada: Follower) -> None:
    reply = "```python\ndef one(a):\n    first = a\n    second = first\n    return second\n```\n"
    again = "```python\ndef one(a):\n    first = a  # MINE\n    return first\n```\n"
    steps = [{"when": "typed", "text": again}, {"text": reply, "pause_after": reply.index("    return second")}]
    await in_db(site.script, *steps, tools=False)
    await ada.opened(site.document.pk)
    first = await inline(site, ada)
    await ada.until(lambda: "second = first" in ada.text(site.document.pk))
    put(site, ada, "first = a", "  # MINE")
    assert (await ada.ended(first))["state"] == "interrupted"
    started = await ada.event("turn.started", lambda e: e["turn"]["id"] != first)
    assert (await ada.ended(started["turn"]["id"]))["state"] == "completed"
    assert await text_of(site) == CODE.replace(
        "def one(a):\n    return a\n", "def one(a):\n    first = a  # MINE\n    return first\n"
    )


async def test_who_may_edit_but_not_give_a_model_work_stops_the_place_and_nothing_is_said(
    site: Site, ada: Follower
) -> None:
    bob = Follower(site.workspace.pk, site.bob)
    await bob.opened(site.document.pk)
    step = {"when": "begin", "calls": [_call(PATCH)]}
    turn = await writing(site, ada, "second = first", step, {"text": "Done."}, rate=25)
    await bob.until(lambda: "second = first" in bob.text(site.document.pk))
    put(site, bob, "first = a", "  # BOB")
    await ada.event("region.paused")
    await in_db(Membership.objects.filter(user=site.bob).update, role="viewer")
    assert (await ada.ended(turn))["state"] == "completed"
    assert steers(ada) == []
    assert "# BOB" in await text_of(site)
    await bob.leave()


async def test_a_late_joiner_sees_the_pause_and_an_interrupt_ends_it(site: Site, ada: Follower) -> None:
    turn = await writing(site, ada, "second = first", {"when": "begin", "calls": [_call(PATCH)]}, rate=25)
    put(site, ada, "first = a", "  # MINE")
    event = await ada.event("region.paused")
    shot = (await ada.ask("session.open", session=event["session"]))["snapshot"]
    assert [(p["turn"], p["document"], p["state"]) for p in shot["paused"]] == [(turn, site.document.pk, "typing")]
    await ada.ask("turn.interrupt", turn=turn)
    shot = (await ada.ask("session.open", session=event["session"]))["snapshot"]
    assert shot["paused"] == []
    assert paused(ada, "ended")


def _call(patch: str) -> dict[str, Any]:
    return {"name": "apply_patch", "arguments": {"patch": patch}}
