"""Turns on a live workspace: inline edits, talk, tools, steers, interrupts, decisions. Real rooms, scripted model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents.engine.messages import ToolCall
from agents.live import of
from agents.models import Endpoint, Item, Proposal, Session, Turn
from agents.sessions import talk
from ide.accounts.models import Membership
from ide.db import in_db
from ide.usage.models import LedgerEntry
from ide.workspaces.models import Workspace
from tests.agents.conftest import CODE, Follower, Site

NEW = "def one(a):\n    return a + 1\n"


async def inline(site: Site, tab: Follower, instruction: str = "add one", **more: Any) -> str:
    """Ask for a rewrite of the function `one`."""
    room = await (await site.host()).open_room(site.document.pk)
    start = room.text().index("def one")
    anchors = {"from": room.anchor_wire(start, 0), "to": room.anchor_wire(start + 24, -1)}
    answer = await tab.ask("turn.inline", document=site.document.pk, instruction=instruction, **anchors, **more)
    return str(answer["turn"])


async def text_of(site: Site) -> str:
    return (await (await site.host()).open_room(site.document.pk)).text()


async def test_an_inline_edit_streams_into_the_document_and_stays_as_a_proposal(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": f"```python\n{NEW}```\n"}, tools=False)
    await ada.opened(site.document.pk)
    turn = await ada.ended(await inline(site, ada))
    assert turn["state"] == "completed", turn
    assert await text_of(site) == CODE.replace("def one(a):\n    return a\n", NEW)
    assert ada.text(site.document.pk) == await text_of(site)
    proposal = (await ada.event("proposal", lambda e: not e["proposal"]["writing"]))["proposal"]
    assert [h["removed"] for h in proposal["hunks"]] == [["    return a"]]
    assert turn["ttft_ms"] is not None
    assert ada.items("edit")[-1]["data"]["added"] == 1
    assert [one["inline"] for one in (await ada.ask("workspace.open"))["sessions"]] == [True]


async def test_a_proposal_is_rejected_and_the_text_is_as_before(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": f"```python\n{NEW}```\n"}, tools=False)
    await ada.ended(await inline(site, ada))
    proposal = (await ada.event("proposal", lambda e: not e["proposal"]["writing"]))["proposal"]
    await ada.ask("proposal.reject", proposal=proposal["id"], hunks=[proposal["hunks"][0]["id"]])
    assert await text_of(site) == CODE
    closed = await ada.event("proposal", lambda e: e["proposal"]["state"] == "closed")
    assert closed["proposal"]["hunks"] == []
    row = await in_db(Proposal.objects.get, pk=proposal["id"])
    assert (row.state, row.rejected) == ("closed", 1)


async def test_a_proposal_is_accepted_and_the_text_stays(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": f"```python\n{NEW}```\n"}, tools=False)
    await ada.ended(await inline(site, ada))
    proposal = (await ada.event("proposal", lambda e: not e["proposal"]["writing"]))["proposal"]
    assert (await ada.refused("proposal.accept", proposal=proposal["id"], hunks=["gone"]))["code"] == "conflict"
    await ada.ask("proposal.accept", proposal=proposal["id"], hunks="all")
    assert "return a + 1" in await text_of(site)
    assert (await ada.ask("workspace.open"))["proposals"] == []


async def test_an_interrupt_keeps_what_is_written_and_lets_nothing_land_afterwards(site: Site, ada: Follower) -> None:
    reply = "```python\ndef one(a):\n    b = a\n    return b\n```\n"
    await in_db(site.script, {"text": reply, "pause_after": reply.index("    return b")}, tools=False)
    await ada.opened(site.document.pk)
    turn = await inline(site, ada)
    await ada.until(lambda: "b = a" in ada.text(site.document.pk))
    assert (await ada.ask("turn.interrupt", turn=turn))["state"] == "interrupted"
    after = await text_of(site)
    assert "    b = a\n" in after
    assert "    return a\n" in after, "old lines that were not reached stay"
    assert (await ada.ended(turn))["state"] == "interrupted"
    proposals = (await ada.ask("workspace.open"))["proposals"]
    assert [(p["turn"], p["writing"]) for p in proposals] == [(turn, False)]
    assert (await ada.refused("turn.interrupt", turn=turn))["code"] == "conflict", "a stale name is refused"
    assert (await ada.refused("turn.steer", turn=turn, text="more"))["code"] == "conflict"
    assert await text_of(site) == after


async def test_what_a_turn_that_was_broken_off_has_cost_is_told_with_it(site: Site, ada: Follower) -> None:
    reply = f"```python\n{NEW}```\n"
    await in_db(site.script, {"text": reply, "pause_after": reply.index("1\n`")}, tools=False)
    await in_db(Endpoint.objects.update, price_input=2, price_output=8)
    await ada.opened(site.document.pk)
    turn = await inline(site, ada)
    await ada.until(lambda: "a + " in ada.text(site.document.pk))
    await ada.ask("turn.interrupt", turn=turn)
    told = await ada.ended(turn)
    session = (await in_db(Turn.objects.get, pk=turn)).session_id
    await (await of(await site.host()).sessions.session(session)).settled()
    [entry] = await in_db(lambda: list(LedgerEntry.objects.filter(subject=f"turn:{turn}")))
    assert entry.state == "settled"
    assert told["cost"] == float(entry.cost) > 0
    assert told["input_tokens"] == entry.input_tokens > 0


async def test_a_model_that_thinks_in_silence_hears_a_steer_at_once(site: Site, ada: Follower) -> None:
    late = {"when": "count", "delay": 600, "text": "late"}
    await in_db(site.script, late, {"when": "shorter", "text": "ok"})
    turn = str((await ada.ask("turn.start", session=await ada.session(), text="count", mentions=[]))["turn"])
    running = of(await site.host()).sessions.running(turn)
    async with asyncio.timeout(10):
        while running.provider is None or not running.provider.speed.silent:
            await asyncio.sleep(0.01)
    steered = await ada.ask("turn.steer", turn=turn, text="shorter")
    assert steered["outcome"] == "pending"
    assert (await ada.ended(turn))["state"] == "completed"
    assert [one["data"]["text"] for one in ada.items("model")] == ["ok"]
    assert next(one["data"] for one in ada.items("person") if one["id"] == steered["item"])["taken"]


async def test_what_a_person_types_meanwhile_is_not_part_of_the_proposal(site: Site, ada: Follower) -> None:
    reply = f"```python\n{NEW}```\n"
    await in_db(site.script, {"text": reply, "pause_after": reply.index("1\n`") + 2}, tools=False)
    await ada.opened(site.document.pk)
    turn = await inline(site, ada)
    await ada.until(lambda: "a + 1" in ada.text(site.document.pk))
    ada.type(site.document.pk, 0, "# mine\n")
    await ada.ask("turn.interrupt", turn=turn)
    proposal = (await ada.ask("workspace.open"))["proposals"][0]
    assert all("# mine" not in line for hunk in proposal["hunks"] for line in hunk["removed"])
    await ada.ask("proposal.reject", proposal=proposal["id"], hunks="all")
    assert await text_of(site) == f"# mine\n{CODE}"


async def test_a_broken_stream_fails_the_turn_and_keeps_the_text(site: Site, ada: Follower) -> None:
    reply = "```python\ndef one(a):\n    b = a\n    return b\n```\n"
    await in_db(site.script, {"text": reply, "error": "broken", "after": 40}, tools=False)
    turn = await ada.ended(await inline(site, ada))
    assert turn["state"] == "failed"
    assert "stopped in the middle" in turn["error"]
    assert "b = a" in await text_of(site)
    assert len((await ada.ask("workspace.open"))["proposals"]) == 1


async def test_a_refused_key_is_told_in_words(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"error": "auth"}, tools=False)
    session = await ada.session()
    turn = await ada.ended((await ada.ask("turn.start", session=session, text="Hi", mentions=[]))["turn"])
    assert turn["state"] == "failed"
    assert "key" in turn["error"]
    assert ada.items("note")[-1]["data"]["tone"] == "bad"


async def test_talk_is_streamed_saved_and_numbered(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "It adds nothing to its argument."}, tools=False, rate=2000)
    session = await ada.session()
    mentions = [{"kind": "file", "path": "a.py"}]
    turn = (await ada.ask("turn.start", session=session, text="What is one?", mentions=mentions))["turn"]
    await ada.ended(turn)
    told = "".join(e["text"] for e in ada.of_type("item.delta"))
    assert told == "It adds nothing to its argument."
    numbers = [e["seq"] for e in ada.events if e.get("session") == session]
    assert numbers == list(range(1, len(numbers) + 1))
    shot = (await ada.ask("session.open", session=session))["snapshot"]
    assert [i["kind"] for i in shot["items"]] == ["person", "model"]
    assert shot["seq"] == numbers[-1]
    tail = (await ada.ask("session.open", session=session, after=numbers[-3]))["events"]
    assert [e["seq"] for e in tail] == numbers[-2:]


async def test_a_second_turn_in_a_busy_session_is_refused(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "wait for me", "pause_after": 4}, tools=False)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Hi", mentions=[]))["turn"]
    assert (await ada.refused("turn.start", session=session, text="Again", mentions=[]))["code"] == "conflict"
    await ada.ask("turn.interrupt", turn=turn)


async def test_a_redirect_goes_on_from_what_was_said(site: Site, ada: Follower) -> None:
    steps = [{"when": "left", "text": "going left", "pause_after": 8}, {"when": "right", "text": "going right"}]
    await in_db(site.script, *steps, tools=False)
    session = await ada.session()
    first = (await ada.ask("turn.start", session=session, text="Go left", mentions=[]))["turn"]
    await ada.event("item.delta")
    second = (await ada.ask("turn.redirect", turn=first, text="No, right"))["turn"]
    assert (await ada.ended(first))["state"] == "interrupted"
    assert (await ada.ended(second))["state"] == "completed"
    assert [i["data"]["text"] for i in ada.items("model")] == ["going le", "going right"]


PATCH = [
    "*** Begin Patch",
    "*** Update File: a.py",
    " def two(b):",
    "-    return b",
    "+    return b * 2",
    "*** End Patch",
]


async def test_tools_read_and_edit_the_open_document(site: Site, ada: Follower) -> None:
    await in_db(
        site.script,
        {"text": "I look.", "calls": [{"name": "read_file", "arguments": {"path": "a.py"}}]},
        {"calls": [{"name": "apply_patch", "arguments": {"patch": PATCH}}]},
        {"text": "Done."},
    )
    await ada.opened(site.document.pk)
    session = await ada.session()
    turn = await ada.ended((await ada.ask("turn.start", session=session, text="Double two", mentions=[]))["turn"])
    assert turn["state"] == "completed", turn
    assert await text_of(site) == CODE.replace("return b", "return b * 2")
    assert [(i["data"]["name"], i["data"]["ok"]) for i in ada.items("tool")] == [
        ("read_file", True),
        ("apply_patch", True),
    ]
    assert len((await ada.ask("workspace.open"))["proposals"]) == 1
    kinds = await in_db(lambda: list(Item.objects.filter(turn_id=turn["id"]).values_list("kind", flat=True)))
    assert kinds.count("tool") == 2


async def test_a_steer_is_read_at_the_next_boundary_or_makes_one(site: Site, ada: Follower) -> None:
    await in_db(
        site.script,
        {"when": "begin", "text": "One moment."},
        {"when": "shorter", "text": "Shorter it is."},
        rate=20,
    )
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="begin", mentions=[]))["turn"]
    await ada.event("item.delta")
    item = (await ada.ask("turn.steer", turn=turn, text="shorter please"))["item"]
    assert (await ada.ended(turn))["state"] == "completed"
    steer = next(i for i in ada.items("person") if i["id"] == item)
    assert steer["data"].pop("taken_at")
    assert steer["data"] == {"text": "shorter please", "steer": True, "taken": True}
    begun, answer = (i["data"]["text"] for i in ada.items("model"))
    assert begun
    assert "One moment.".startswith(begun)  # it only talked, and was broken off
    assert answer == "Shorter it is."


async def test_a_code_block_is_applied_to_its_function(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": f"Like this:\n```python\n{NEW}```\n"}, tools=False)
    session = await ada.session()
    await ada.ended((await ada.ask("turn.start", session=session, text="How?", mentions=[]))["turn"])
    item = ada.items("model")[-1]["id"]
    applied = await ada.ask("block.apply", session=session, item=item, block=0, path="a.py")
    assert (await ada.ended(applied["turn"]))["state"] == "completed"
    assert await text_of(site) == CODE.replace("def one(a):\n    return a\n", NEW)
    assert (await ada.refused("block.apply", session=session, item=item, block=7, path="a.py"))["code"] == "not_found"


async def test_a_turn_of_a_host_that_died_is_marked(site: Site) -> None:
    session = await in_db(Session.objects.create, workspace=site.workspace)
    turn = await in_db(Turn.objects.create, session=session, owner=site.ada)
    tab = Follower(site.workspace.pk, site.bob)
    await tab.ask("workspace.open")
    row = await in_db(Turn.objects.get, pk=turn.pk)
    assert row.state == "failed"
    assert "restarted" in row.error
    assert of(await site.host()).sessions.regions() == []
    await tab.leave()


async def test_an_open_proposal_survives_a_restart_of_the_host(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": f"```python\n{NEW}```\n"}, tools=False)
    await ada.ended(await inline(site, ada))
    host = await site.host()
    await host.close()
    tab = Follower(site.workspace.pk, site.bob)
    proposals = (await tab.ask("workspace.open"))["proposals"]
    assert [h["removed"] for h in proposals[0]["hunks"]] == [["    return a"]]
    await tab.ask("proposal.reject", proposal=proposals[0]["id"], hunks="all")
    assert await text_of(site) == CODE
    await tab.leave()


async def test_a_read_only_file_is_not_written_by_a_model(site: Site, ada: Follower) -> None:
    (site.folder / "a.py").chmod(0o444)
    await in_db(site.script, {"text": f"```python\n{NEW}```\n"}, tools=False)
    room = await (await site.host()).open_room(site.document.pk)
    anchors = {"from": room.anchor_wire(0, 0), "to": room.anchor_wire(5, -1)}
    refusal = await ada.refused("turn.inline", document=site.document.pk, instruction="x", **anchors)
    assert "read-only" in refusal["message"]
    assert (site.folder / "a.py").read_text() == CODE


async def test_two_models_in_one_document_keep_their_proposals_apart(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": f"```python\n{NEW}```\n", "repeat": True}, tools=False)
    first = await ada.ended(await inline(site, ada))
    room = await (await site.host()).open_room(site.document.pk)
    start = room.text().index("def two")
    anchors = {"from": room.anchor_wire(start, 0), "to": room.anchor_wire(start + 5, -1)}
    answer = await ada.ask("turn.inline", document=site.document.pk, instruction="rename", **anchors)
    second = await ada.ended(answer["turn"])
    proposals = {p["turn"]: p for p in (await ada.ask("workspace.open"))["proposals"]}
    assert [h["removed"] for h in proposals[first["id"]]["hunks"]] == [["    return a"]]
    assert [h["removed"] for h in proposals[second["id"]]["hunks"]] == [["def two(b):"]]
    await ada.ask("proposal.reject", proposal=proposals[second["id"]]["id"], hunks="all")
    assert await text_of(site) == CODE.replace("def one(a):\n    return a\n", NEW)


async def test_an_inline_edit_is_redirected_in_mid_sentence(site: Site, ada: Follower) -> None:
    reply = "```python\ndef one(a):\n    b = a\n    return b\n```\n"
    steps = [
        {"when": "slowly", "text": reply, "pause_after": reply.index("    return b")},
        {"when": "at once", "text": "```python\ndef one(a):\n    return a + a\n```\n"},
    ]
    await in_db(site.script, *steps, tools=False)
    await ada.opened(site.document.pk)
    first = await inline(site, ada, "slowly")
    await ada.until(lambda: "b = a" in ada.text(site.document.pk))
    second = (await ada.ask("turn.redirect", turn=first, text="at once"))["turn"]
    assert (await ada.ended(second))["state"] == "completed"
    assert await text_of(site) == CODE.replace("return a\n", "return a + a\n", 1)


async def test_a_closing_host_ends_and_saves_its_turns(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "for ever and ever", "pause_after": 8}, tools=False)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Hi", mentions=[]))["turn"]
    await ada.event("item.delta")
    await (await site.host()).close()
    row = await in_db(Turn.objects.get, pk=turn)
    assert row.state == "failed"
    assert "restarted" in row.error
    texts = await in_db(lambda: list(Item.objects.filter(turn_id=turn, kind="model").values_list("data", flat=True)))
    assert texts == [{"text": "for ever"}]


async def test_a_person_may_edit_in_two_places_at_once(site: Site, ada: Follower) -> None:
    reply = f"```python\n{NEW}```\n"
    await in_db(site.script, {"text": reply, "pause_after": reply.index("1\n`") + 2, "repeat": True}, tools=False)
    await ada.opened(site.document.pk)
    first, second = await inline(site, ada), await inline(site, ada)
    sessions = {event["turn"]["session"] for event in ada.of_type("turn.started")}
    assert len(sessions) == 2
    for turn in (first, second):
        await ada.ask("turn.interrupt", turn=turn)
    third = await inline(site, ada)
    await ada.ask("turn.interrupt", turn=third)
    assert {event["turn"]["session"] for event in ada.of_type("turn.started")} == sessions, "a free one is used again"


async def test_a_turn_ends_when_its_owner_may_not_have_one_any_more(site: Site, ada: Follower) -> None:
    reply = "```python\ndef one(a):\n    b = a\n    return b\n```\n"
    await in_db(site.script, {"text": reply, "pause_after": reply.index("    return b")}, tools=False)
    await ada.opened(site.document.pk)
    turn = await inline(site, ada)
    await ada.until(lambda: "b = a" in ada.text(site.document.pk))
    await of(await site.host()).sessions.recheck()
    assert of(await site.host()).sessions.busy(), "nothing has changed"
    await in_db(lambda: Membership.objects.filter(user=site.ada).update(role="viewer"))
    await of(await site.host()).sessions.recheck()
    assert (await ada.ended(turn))["state"] == "interrupted"


async def test_a_block_of_another_workspace_is_not_read_and_no_file_is_made_for_it(site: Site, ada: Follower) -> None:
    other = await in_db(lambda: Workspace.objects.create(name="x", team=site.workspace.team, source="empty"))
    session = await in_db(lambda: Session.objects.create(workspace=other))
    turn = await in_db(lambda: Turn.objects.create(session=session))
    data = {"text": "```\nsecret\n```"}
    item = await in_db(lambda: Item.objects.create(turn=turn, position=0, kind="model", data=data))
    asked = {"session": session.pk, "item": item.pk, "block": 0, "path": "new.py"}
    assert (await ada.refused("block.apply", **asked))["code"] == "not_found"
    assert not (site.folder / "new.py").exists()


def test_a_call_names_the_first_file_of_its_patch() -> None:
    patch = "*** Begin Patch\n*** Update File: shop/till.py\n@@\n-a\n+b\n*** Add File: b.py\n+x\n*** End Patch"
    assert talk.path_of(ToolCall("1", "apply_patch", json.dumps({"patch": patch}))) == "shop/till.py"
    assert talk.path_of(ToolCall("1", "read_file", json.dumps({"path": "a.py"}))) == "a.py"
    assert talk.path_of(ToolCall("1", "apply_patch", "{")) == ""


async def test_where_the_time_went_is_told(site: Site, ada: Follower) -> None:
    step = {"calls": [{"name": "list_files", "arguments": {}}]}
    await in_db(site.script, step, {"text": "A long way off.", "pause_after": 6}, rate=40)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Hi", mentions=[]))["turn"]
    await ada.event("item.delta")
    await ada.ask("turn.interrupt", turn=turn)
    times = (await ada.ended(turn))["times"]
    assert set(times) == {"provider", "server", "tools"}
    assert times["provider"] > 25, "a token comes every 25 ms"
    assert times["tools"] > 0
