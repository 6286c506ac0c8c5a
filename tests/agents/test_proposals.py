"""Proposals: who owns which hunk, what waits for acceptance, what is decided while a turn still writes, restarts."""

from __future__ import annotations

from typing import Any

from agents.live import of
from agents.models import FileAct, Proposal, SessionRules
from ide.db import in_db
from ide.documents.models import Document
from ide.documents.text import Edit
from tests.agents.conftest import CODE, Follower, Site
from tests.agents.test_turns import NEW, inline, text_of

UPDATE = ["*** Begin Patch", "*** Update File: a.py", " def two(b):", "-    return b", "+    return b * 2"]


async def waits(site: Site) -> None:
    await in_db(SessionRules.objects.create, workspace=site.workspace, wait=True)


async def patched(site: Site, ada: Follower, *lines: str) -> str:
    """A finished turn that applied this patch."""
    patch = [*lines, "*** End Patch"]
    call = {"name": "apply_patch", "arguments": {"patch": patch}}
    endpoint = await in_db(site.script, {"calls": [call]}, {"text": "."})
    await ada.opened(site.document.pk)
    asked = {"session": await ada.session(), "text": "go", "mentions": [], "endpoint": endpoint.pk}
    started = await ada.ask("turn.start", **asked)
    ended = await ada.ended(started["turn"])
    assert ended["state"] == "completed", ended
    return str(started["turn"])


async def proposals(tab: Follower) -> list[dict[str, Any]]:
    return list((await tab.ask("workspace.open"))["proposals"])


async def typed(site: Site, before: str, text: str, cut: int = 0) -> None:
    """Bob types in front of `before`."""
    room = await (await site.host()).open_room(site.document.pk)
    at = room.text().index(before)
    await room.edit([Edit(at, at + cut, text)], f"person:{site.bob.pk}")


# --- while it writes, restarts, later turns ---------------------------------------------------------------------------


async def test_hunks_are_decided_while_the_turn_still_writes_but_for_the_one_under_its_pen(
    site: Site, ada: Follower
) -> None:
    reply = "```python\nimport re\n\n\ndef one(a):\n    b = a\n    return b\n```\n"
    script = {"text": reply, "pause_after": reply.index("    return b") + 8}
    await in_db(site.script, script, tools=False)
    await ada.opened(site.document.pk)
    room = await (await site.host()).open_room(site.document.pk)
    anchors = {"from": room.anchor_wire(0, 0), "to": room.anchor_wire(room.text().index("def two"), -1)}
    answer = await ada.ask("turn.inline", document=site.document.pk, instruction="go", **anchors)
    event = await ada.event("proposal", lambda e: [h["pen"] for h in e["proposal"]["hunks"]] == [False, True])
    first, second = event["proposal"]["hunks"]
    proposal = event["proposal"]["id"]
    assert (await ada.refused("proposal.reject", proposal=proposal, hunks=[second["id"]]))["code"] == "conflict"
    await ada.ask("proposal.reject", proposal=proposal, hunks=[first["id"]])
    assert (await text_of(site)).startswith("import os\n")
    await ada.ask("turn.interrupt", turn=answer["turn"])
    await ada.ended(answer["turn"])
    await ada.ask("proposal.reject", proposal=proposal, hunks="all")
    assert await text_of(site) == CODE


async def test_a_later_turn_owns_only_what_it_changed_of_an_earlier_ones_lines(site: Site, ada: Follower) -> None:
    second_text = "```python\ndef one(a):\n    return a + 2\n```\n"
    steps = [{"when": "first", "text": f"```python\n{NEW}```\n"}, {"when": "second", "text": second_text}]
    await in_db(site.script, *steps, tools=False)
    first = (await ada.ended(await inline(site, ada, "first")))["id"]
    second = (await ada.ended(await inline(site, ada, "second")))["id"]
    by_turn = {p["turn"]: p for p in await proposals(ada)}
    assert [h["removed"] for h in by_turn[first]["hunks"]] == [["    return a"]]
    assert [h["removed"] for h in by_turn[second]["hunks"]] == [["    return a + 1"]]
    await ada.ask("proposal.reject", proposal=by_turn[first]["id"], hunks="all")
    assert await text_of(site) == CODE, "what was built on the earlier change goes with it"
    assert await proposals(ada) == []


async def test_what_people_wrote_before_a_crash_is_not_in_a_hunk_after_it(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": f"```python\n{NEW}```\n"}, tools=False)
    await ada.ended(await inline(site, ada))
    host = await site.host()
    await of(host).proposals.saved()
    await in_db(lambda: Proposal.objects.exclude(seq=0).get())
    row = await in_db(Proposal.objects.get)
    await typed(site, "import os", "# bob was here\n")
    await host.close()
    await in_db(row.save)  # as if the host had died before it saved what Bob typed
    tab = Follower(site.workspace.pk, site.bob)
    shown = await proposals(tab)
    assert [h["removed"] for h in shown[0]["hunks"]] == [["    return a"]]
    await tab.ask("proposal.reject", proposal=shown[0]["id"], hunks="all")
    assert await text_of(site) == "# bob was here\n" + CODE
    await tab.leave()


async def test_a_line_a_person_puts_into_a_hunk_outlives_its_rejection(site: Site, ada: Follower) -> None:
    await patched(site, ada, *UPDATE[:-1], "+    b = b + 1", "+    b = b + 2", "+    return b * 2")
    await typed(site, "    b = b + 2", "    # why?\n")
    proposal = (await proposals(ada))[0]
    await ada.ask("proposal.reject", proposal=proposal["id"], hunks="all")
    assert await text_of(site) == CODE + "    # why?\n"


# --- waiting ----------------------------------------------------------------------------------------------------------


async def test_edits_that_wait_are_not_in_the_text_before_they_are_accepted(site: Site, ada: Follower) -> None:
    await waits(site)
    turn = await patched(site, ada, *UPDATE)
    assert await text_of(site) == CODE
    (proposal,) = await proposals(ada)
    assert (proposal["waiting"], proposal["turn"]) == (True, turn)
    assert [(h["lines"], h["taken"], h["removed"]) for h in proposal["hunks"]] == [(["    return b * 2"], 1, [])]
    await typed(site, "import os", "# first\n")
    await ada.ask("proposal.accept", proposal=proposal["id"], hunks=[proposal["hunks"][0]["id"]])
    assert await text_of(site) == "# first\n" + CODE.replace("return b\n", "return b * 2\n")
    assert await proposals(ada) == []
    origins = await in_db(lambda: set(site.document.updates.values_list("origin", flat=True)))
    assert f"turn:{turn}" in origins


async def test_rejected_edits_that_wait_leave_nothing(site: Site, ada: Follower) -> None:
    await waits(site)
    await patched(site, ada, *UPDATE)
    (proposal,) = await proposals(ada)
    await ada.ask("proposal.reject", proposal=proposal["id"], hunks="all")
    assert await text_of(site) == CODE
    assert await proposals(ada) == []


async def test_what_waits_survives_a_restart_and_people_who_type(site: Site, ada: Follower) -> None:
    await waits(site)
    await patched(site, ada, *UPDATE)
    await typed(site, "def one", "# bob\n")
    await (await site.host()).close()
    tab = Follower(site.workspace.pk, site.bob)
    (proposal,) = await proposals(tab)
    assert [h["lines"] for h in proposal["hunks"]] == [["    return b * 2"]]
    await tab.ask("proposal.accept", proposal=proposal["id"], hunks="all")
    assert await text_of(site) == CODE.replace("return b\n", "return b * 2\n").replace("def one", "# bob\ndef one")
    await tab.leave()


async def test_a_turn_that_waits_reads_its_own_edits(site: Site, ada: Follower) -> None:
    await waits(site)
    read = {"calls": [{"name": "read_file", "arguments": {"path": "a.py"}}]}
    patch = [*UPDATE, "*** Add File: b.py", "+B = 1", "*** End Patch"]
    again = {"calls": [{"name": "read_file", "arguments": {"path": "b.py"}}]}
    first = {"calls": [{"name": "apply_patch", "arguments": {"patch": patch}}]}
    await in_db(site.script, first, read, again, {"text": "Done."})
    started = await ada.ask("turn.start", session=await ada.session(), text="go", mentions=[])
    assert (await ada.ended(started["turn"]))["state"] == "completed"
    outputs = [item["data"]["output"] for item in ada.items("tool")]
    assert "return b * 2" in outputs[1]
    assert "B = 1" in outputs[2]
    assert await text_of(site) == CODE
    assert not (site.folder / "b.py").exists()


async def test_files_to_make_delete_and_move_wait_too(site: Site, ada: Follower) -> None:
    await waits(site)
    (site.folder / "old.py").write_text("old = 1\n")
    (site.folder / "here.py").write_text("here = 1\n")
    turn = await patched(
        site, ada, "*** Begin Patch", "*** Add File: b.py", "+B = 1", "*** Delete File: old.py",
        "*** Update File: here.py", "*** Move to: there.py", "@@", "-here = 1", "+here = 2",
    )  # fmt: skip
    assert sorted(p.name for p in site.folder.glob("*.py")) == ["a.py", "here.py", "old.py"]
    shown = {(p.get("act"), p["path"]) for p in await proposals(ada)}
    assert shown == {("create", "b.py"), ("delete", "old.py"), ("move", "here.py"), (None, "here.py")}
    assert (await ada.ask("turn.accept", turn=turn))["files"] == 4
    await (await site.host()).flush()
    assert sorted(p.name for p in site.folder.glob("*.py")) == ["a.py", "b.py", "there.py"]
    assert (site.folder / "there.py").read_text() == "here = 2\n"
    assert (site.folder / "b.py").read_text() == "B = 1\n"
    await ada.ask("turn.undo", turn=turn)
    await (await site.host()).flush()
    assert sorted(p.name for p in site.folder.glob("*.py")) == ["a.py", "here.py", "old.py"]
    assert (site.folder / "here.py").read_text() == "here = 1\n"


async def test_what_waits_is_streamed_in_pieces(site: Site, ada: Follower) -> None:
    """Whoever has the last event needs only what is new, not the whole hunk again."""
    await waits(site)
    lines = [f"+line {n} of a long new function that goes on and on" for n in range(120)]
    patch = "\n".join(
        ["*** Begin Patch", "*** Update File: a.py", "@@ def two(b):", "     return b", *lines, "*** End Patch"]
    )
    step = {"calls": [{"name": "apply_patch", "arguments": {"patch": patch.split("\n")}}]}
    await in_db(site.script, step, {"text": "."}, rate=4000)
    await ada.opened(site.document.pk)
    started = await ada.ask("turn.start", session=await ada.session(), text="go", mentions=[])
    await ada.ended(started["turn"])
    told = [e["proposal"] for e in ada.of_type("proposal")]
    sent = sum(len(h["lines"]) for p in told for h in p["hunks"])
    assert len(told) > 3
    assert sent < 2 * 120
    have: list[str] = []
    for one in told:
        for hunk in one["hunks"]:
            have = [*have[: hunk["keep"]], *hunk["lines"]]
    assert have == [line[1:] for line in lines]


async def test_undoing_a_turn_drops_what_waits_of_it(site: Site, ada: Follower) -> None:
    await waits(site)
    turn = await patched(site, ada, *UPDATE, "*** Add File: b.py", "+B = 1")
    await ada.ask("turn.undo", turn=turn)
    assert await proposals(ada) == []
    assert await text_of(site) == CODE
    states = await in_db(lambda: set(FileAct.objects.values_list("state", flat=True)))
    assert states == {"rejected"}


async def test_proposals_keep_their_file_when_it_is_renamed(site: Site, ada: Follower) -> None:
    await patched(site, ada, *UPDATE)
    host = await site.host()
    await host.flush()
    await in_db(host.files.move, "a.py", "z.py")
    await host.follow("a.py", "z.py")
    (proposal,) = await proposals(ada)
    assert proposal["path"] == "z.py"
    await ada.ask("proposal.reject", proposal=proposal["id"], hunks="all")
    assert await text_of(site) == CODE
    assert (await in_db(Document.objects.get, pk=site.document.pk)).path == "z.py"
