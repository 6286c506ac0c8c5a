"""One turn taken back in all its files, for everybody, with every later human edit kept; and brought back."""

from __future__ import annotations

from typing import Any

import pytest

from ide.db import in_db
from ide.documents.history import timeline as history
from ide.documents.models import Document
from ide.documents.text import Edit
from tests.agents.conftest import CODE, Follower, Site
from tests.agents.test_turns import text_of

PATCH = [
    "*** Begin Patch",
    "*** Update File: a.py",
    " def two(b):",
    "-    return b",
    "+    return b * 2",
    "*** Add File: b.py",
    "+# new 🎈",
    "+B = 1",
    "*** End Patch",
]


@pytest.fixture
async def turn(site: Site, ada: Follower) -> str:
    """A finished turn that wrote in two files."""
    await in_db(site.script, {"calls": [{"name": "apply_patch", "arguments": {"patch": PATCH}}]}, {"text": "Done."})
    await ada.opened(site.document.pk)
    started = await ada.ask("turn.start", session=await ada.session(), text="go", mentions=[])
    assert (await ada.ended(started["turn"]))["state"] == "completed"
    return str(started["turn"])


async def typed(site: Site, before: str, text: str) -> None:
    """Bob types in front of `before`."""
    room = await (await site.host()).open_room(site.document.pk)
    at = room.text().index(before)
    await room.edit([Edit(at, at, text)], f"person:{site.bob.pk}")


async def other(site: Site) -> str:
    document = await in_db(lambda: Document.objects.get(path="b.py").pk)
    return (await (await site.host()).open_room(document)).text()


async def test_a_turn_goes_and_what_people_typed_since_stays(site: Site, ada: Follower, turn: str) -> None:
    await typed(site, "import os", "# first\n")
    await typed(site, "* 2", "+ 1 ")
    shown: Any = (await ada.ask("turn.preview", turn=turn))["files"]
    assert {file["path"] for file in shown} == {"a.py", "b.py"}
    paths = (await ada.ask("turn.undo", turn=turn))["paths"]
    assert sorted(paths) == ["a.py", "b.py"]
    ends = ("return b+ 1 \n", "return b\n+ 1 ")  # which of the two ends of the line is the turn's depends on its pace
    assert await text_of(site) in ["# first\n" + CODE.replace("return b\n", end) for end in ends]
    assert await other(site) == ""
    note = ada.items("note")[-1]["data"]
    assert note["text"].endswith("took back what this turn wrote.")


async def test_it_comes_back_and_can_go_again(site: Site, ada: Follower, turn: str) -> None:
    wrote = await text_of(site)
    await ada.ask("turn.undo", turn=turn)
    await typed(site, "import os", "# later\n")
    await ada.ask("turn.redo", turn=turn)
    assert await text_of(site) == "# later\n" + wrote
    assert await other(site) == "# new 🎈\nB = 1\n"
    await ada.ask("turn.undo", turn=turn)
    assert await text_of(site) == "# later\n" + CODE


async def test_twice_is_refused_and_so_is_what_is_not_there(site: Site, ada: Follower, turn: str) -> None:
    assert (await ada.refused("turn.redo", turn=turn))["code"] == "conflict"
    await ada.ask("turn.undo", turn=turn)
    assert (await ada.refused("turn.undo", turn=turn))["code"] == "conflict"
    assert (await ada.refused("turn.undo", turn="nothing"))["code"] == "not_found"


async def test_the_history_names_who_took_it_back(site: Site, ada: Follower, turn: str) -> None:
    await ada.ask("turn.undo", turn=turn)
    await in_db(history.trace, site.document.pk)
    rows, _ = await in_db(history.timeline, site.document.pk, None, 10)
    assert rows[0]["author"]["label"] == site.ada.shown_name  # type: ignore[index]


async def names(site: Site) -> list[str]:
    await (await site.host()).flush()
    return sorted(path.name for path in site.folder.glob("*.py"))


async def test_a_file_the_turn_made_goes_and_comes_again(site: Site, ada: Follower, turn: str) -> None:
    shown = (await ada.ask("turn.preview", turn=turn))["files"]
    assert {file["path"]: file["act"] for file in shown} == {"a.py": "", "b.py": "removed"}
    await ada.ask("turn.undo", turn=turn)
    assert await names(site) == ["a.py"]
    await ada.ask("turn.redo", turn=turn)
    assert await names(site) == ["a.py", "b.py"]
    await (await site.host()).flush()
    assert (site.folder / "b.py").read_text() == "# new 🎈\nB = 1\n"


async def test_a_file_it_made_stays_if_somebody_else_wrote_in_it(site: Site, ada: Follower, turn: str) -> None:
    room = await (await site.host()).open_path("b.py")
    await room.edit([Edit(0, 0, "# bob's\n")], f"person:{site.bob.pk}")
    await ada.ask("turn.undo", turn=turn)
    assert await names(site) == ["a.py", "b.py"]
    assert (site.folder / "b.py").read_text() == "# bob's\n"


async def test_deleted_and_moved_files_come_back(site: Site, ada: Follower) -> None:
    (site.folder / "gone.py").write_text("gone = 1\n")
    (site.folder / "gone.bin").write_bytes(b"\x00\xff")
    (site.folder / "here.py").write_text("here = 1\n")
    patch = ["*** Begin Patch", "*** Delete File: gone.py", "*** Delete File: gone.bin", "*** Update File: here.py"]
    patch += ["*** Move to: there.py", "@@", "-here = 1", "+here = 2", "*** End Patch"]
    await in_db(site.script, {"calls": [{"name": "apply_patch", "arguments": {"patch": patch}}]}, {"text": "Done."})
    started = await ada.ask("turn.start", session=await ada.session(), text="go", mentions=[])
    assert (await ada.ended(started["turn"]))["state"] == "completed"
    assert await names(site) == ["a.py", "there.py"]
    await ada.ask("turn.undo", turn=started["turn"])
    assert await names(site) == ["a.py", "gone.py", "here.py"]
    assert (site.folder / "here.py").read_text() == "here = 1\n"
    assert (site.folder / "gone.py").read_text() == "gone = 1\n"
    assert (site.folder / "gone.bin").read_bytes() == b"\x00\xff"
    await ada.ask("turn.redo", turn=started["turn"])
    assert await names(site) == ["a.py", "there.py"]
    assert (site.folder / "there.py").read_text() == "here = 2\n"


async def test_what_comes_back_is_to_be_decided_on_again(site: Site, ada: Follower, turn: str) -> None:
    await ada.ask("turn.undo", turn=turn)
    assert (await ada.ask("workspace.open"))["proposals"] == []
    await ada.ask("turn.redo", turn=turn)
    back = (await ada.ask("workspace.open"))["proposals"]
    assert {proposal["path"] for proposal in back} == {"a.py", "b.py"}
    for proposal in back:
        await ada.ask("proposal.reject", proposal=proposal["id"], hunks="all")
    assert await text_of(site) == CODE


BOTH = [
    "*** Begin Patch",
    "*** Update File: a.py",
    " def one(a):",
    "-    return a",
    "+    return a + 1",
    " ",
    " ",
    " def two(b):",
    "-    return b",
    "+    return b * 2",
    "*** End Patch",
]


async def reject_the_first(ada: Follower) -> None:
    (proposal,) = (await ada.ask("workspace.open"))["proposals"]
    await ada.ask("proposal.reject", proposal=proposal["id"], hunks=[proposal["hunks"][0]["id"]])


async def test_what_a_rejected_hunk_has_brought_back_does_not_come_back_twice(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"calls": [{"name": "apply_patch", "arguments": {"patch": BOTH}}]}, {"text": "Done."})
    await ada.opened(site.document.pk)
    turn = (await ada.ask("turn.start", session=await ada.session(), text="go", mentions=[]))["turn"]
    await ada.ended(turn)
    await reject_the_first(ada)
    await typed(site, "return a", "yield or ")  # into what came back
    await ada.ask("turn.undo", turn=turn)
    mine = CODE.replace("return a", "yield or return a")
    assert await text_of(site) == mine
    await ada.ask("turn.redo", turn=turn)
    assert await text_of(site) == mine.replace("return b", "return b * 2")
    await ada.ask("turn.undo", turn=turn)
    assert await text_of(site) == mine


async def test_a_turn_of_which_all_was_rejected_leaves_nothing_to_undo(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"calls": [{"name": "apply_patch", "arguments": {"patch": BOTH}}]}, {"text": "Done."})
    await ada.opened(site.document.pk)
    turn = (await ada.ask("turn.start", session=await ada.session(), text="go", mentions=[]))["turn"]
    await ada.ended(turn)
    await ada.ask("turn.undo", turn=turn)
    await ada.ask("turn.redo", turn=turn)
    for proposal in (await ada.ask("workspace.open"))["proposals"]:
        await ada.ask("proposal.reject", proposal=proposal["id"], hunks="all")
    assert await text_of(site) == CODE
    assert (await ada.refused("turn.undo", turn=turn))["code"] == "conflict"
    assert await text_of(site) == CODE
