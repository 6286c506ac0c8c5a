"""What can be mentioned, as the model reads it: bounded, labelled, of this workspace only, gone things told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agents.context.mentions import Found, Passage, cut, looked_up
from agents.models import Item, Job, Session, Turn
from ide.accounts.models import Team
from ide.db import in_db
from ide.documents.text import Edit
from ide.workspaces.models import Workspace
from tests.agents.conftest import CODE, Follower, Site, git

Look = Callable[..., Awaitable[Found]]


@pytest.fixture
def look(site: Site, ada: Follower) -> Look:
    """Look up one mention on the live workspace."""

    async def one(kind: str, **about: Any) -> Found:
        return await looked_up(await site.host(), [{"kind": kind, **about}])

    return one


def elsewhere() -> tuple[Job, Turn, Item]:
    """A job, a turn and a command of another workspace."""
    team = Team.objects.create(name="other")
    there = Workspace.objects.create(name="other", team=team, source="empty", state="ready")
    job = Job.objects.create(workspace=there, kind="agent", instruction="secret work")
    turn = Turn.objects.create(session=Session.objects.create(workspace=there, title="secret"))
    ran = {"name": "run_command", "input": "cat secret", "output": "secret", "ok": True}
    return job, turn, Item.objects.create(turn=turn, position=0, kind="tool", data=ran)


def here(site: Site, *items: tuple[str, dict[str, Any]]) -> Turn:
    session = Session.objects.create(workspace=site.workspace, title="Earlier")
    turn = Turn.objects.create(session=session, owner=site.ada, state="completed")
    for n, (kind, data) in enumerate(items):
        Item.objects.create(turn=turn, position=n, kind=kind, data=data, author=site.ada if kind == "person" else None)
    return turn


async def test_a_file_is_given_as_it_is_typed(site: Site, ada: Follower, look: Look) -> None:
    await ada.opened(site.document.pk)
    ada.type(site.document.pk, 0, "# typed\n")
    await ada.until(lambda: ada.text(site.document.pk).startswith("# typed"))
    found = await look("file", path="a.py")
    assert [(file.path, file.text) for file in found.files] == [("a.py", f"# typed\n{CODE}")]


async def test_a_selection_moves_with_the_text_and_a_deleted_one_is_told(site: Site, look: Look) -> None:
    room = await (await site.host()).open_room(site.document.pk)
    start = room.text().index("def two")
    anchors = {"from": room.anchor_wire(start, 0), "to": room.anchor_wire(start + 10, -1)}
    room.edit([Edit(0, 0, "# 🙂 above\n")], "person:1")
    (file,) = (await look("selection", path="a.py", **anchors)).files
    assert file.text[file.start : file.end] == "def two(b)"
    room.edit([Edit(file.start, file.end, "")], "person:1")
    found = await look("selection", path="a.py", **anchors)
    assert "was deleted" in found.missing[0]
    assert found.files[0].start == found.files[0].end


async def test_a_folder_is_listed_with_sizes_and_the_heads_of_small_files(site: Site, look: Look) -> None:
    (site.folder / "src").mkdir()
    (site.folder / "src" / "small.py").write_text("x = 1\n")
    (site.folder / "src" / "big.txt").write_text("y" * 20_000)
    (site.folder / "src" / "shot.png").write_bytes(b"\x89PNG")
    (site.folder / "srcs.py").write_text("no = 1\n")
    found = await look("folder", path="src")
    listing, *heads = found.texts
    assert listing.label == "Folder src, 3 files, 20,010 bytes"
    assert "src/big.txt  20,000 bytes" in listing.text
    assert "src/shot.png  4 bytes (binary)" in listing.text
    assert "srcs.py" not in listing.text
    assert [(head.label, head.text) for head in heads] == [("src/small.py, lines 1 to 1 of 1", "x = 1\n")]


async def test_a_symbol_is_given_where_it_is_now(site: Site, look: Look) -> None:
    room = await (await site.host()).open_room(site.document.pk)
    room.edit([Edit(0, 0, "# 🙂\n" * 3)], "person:1")
    (text,) = (await look("symbol", name="two", path="a.py", line=8)).texts
    assert text.label == "function two in a.py, lines 11 to 12"
    assert text.text == "def two(b):\n    return b\n"
    assert "not defined there" in (await look("symbol", name="three", path="a.py", line=1)).missing[0]
    assert "not defined there" in (await look("symbol", name="two", path="b.py", line=1)).missing[0]


async def test_syntax_errors_of_open_files_are_told_and_counted(site: Site, ada: Follower, look: Look) -> None:
    assert await ada.ask("mention.offers") == {"commands": 0, "problems": 0}
    room = await (await site.host()).open_room(site.document.pk)
    assert "no open file" in (await look("problems")).missing[0]
    room.edit([Edit(room.text().index("(b)"), room.text().index("(b)") + 3, "(b")], "person:1")
    (text,) = (await look("problems")).texts
    assert text.label == "Syntax errors in a.py"
    assert "line 8" in text.text
    assert "def two(b" in text.text
    offers = await ada.ask("mention.offers")
    assert (offers["commands"], offers["problems"] > 0) == (0, True)


async def test_what_is_not_committed_is_told_with_what_was_just_typed(site: Site, look: Look) -> None:
    assert "everything is committed" in (await look("diff")).missing[0]
    room = await (await site.host()).open_room(site.document.pk)
    room.edit([Edit(0, 0, "# just typed\n")], "person:1")
    (site.folder / "new.py").write_text("fresh = 1\n")
    known, new = (await look("diff")).texts
    assert "+# just typed" in known.text
    assert (new.label, new.text) == ("New file new.py, lines 1 to 1 of 1", "fresh = 1\n")
    git(site.folder, "add", "new.py")
    (staged,) = (await look("diff")).texts
    assert "+fresh = 1" in staged.text


async def test_the_newest_commands_are_told_with_the_end_of_long_output(site: Site, look: Look) -> None:
    assert (await look("terminal")).missing == ["Last commands: no turn has run any here."]
    output = "".join(f"line {n}\n" for n in range(5000))
    ran = [("tool", {"name": "run_command", "input": f"make {n}", "output": output, "ok": n == 4}) for n in range(5)]
    await in_db(here, site, *ran, ("tool", {"name": "read_file", "input": "a.py", "output": "", "ok": True}))
    texts = (await look("terminal")).texts
    assert [text.text.split("\n")[0] for text in texts] == ["$ make 2", "$ make 3", "$ make 4"]
    assert "lines left out" in texts[0].text
    assert texts[0].text.endswith("line 4999\n")
    assert ["failed" in texts[1].label, "succeeded" in texts[2].label] == [True, True]


async def test_a_job_is_told_with_its_state_and_the_size_of_its_result(site: Site, look: Look) -> None:
    base = git(site.folder, "rev-parse", "HEAD")
    (site.folder / "made.py").write_text("x = 1\n")
    git(site.folder, "add", ".")
    git(site.folder, "commit", "-q", "-m", "job")
    about = {"instruction": "Add docstrings", "state": "review", "base": base}
    about["head"] = git(site.folder, "rev-parse", "HEAD")
    size = {"files": 1, "added": 4, "removed": 2}
    job = await in_db(Job.objects.create, workspace=site.workspace, kind="agent", result=size, **about)
    (text,) = (await look("job", id=job.pk)).texts
    for said in ("Asked: Add docstrings", "State: review", "1 files, +4 −2 lines", "A made.py"):
        assert said in text.text


async def test_an_earlier_turn_is_told_as_it_was_said_and_done(site: Site, look: Look) -> None:
    said = [("person", {"text": "Why?"}), ("model", {"text": "Because."})]
    searched = {"name": "search", "input": "one", "ok": False}
    did = [("tool", searched), ("edit", {"path": "a.py", "added": 1, "removed": 0})]
    turn = await in_db(here, site, *said, *did)
    (text,) = (await look("turn", id=turn.pk)).texts
    assert text.label == "Earlier turn of ada in “Earlier”, completed"
    assert text.text.split("\n") == [
        "ada: Why?",
        "Model: Because.",
        "[search one (failed)]",
        "[edited a.py: +1 −0 lines]",
    ]


async def test_nothing_of_another_workspace_is_given(site: Site, look: Look) -> None:
    job, turn, item = await in_db(elsewhere)
    outside = site.folder.parent / "outside.txt"
    outside.write_text("secret")
    for mention in (
        {"kind": "job", "id": job.pk},
        {"kind": "turn", "id": turn.pk},
        {"kind": "terminal", "id": item.pk},
        {"kind": "terminal"},
        {"kind": "file", "path": "../outside.txt"},
        {"kind": "folder", "path": ".."},
        {"kind": "folder", "path": ".git"},
        {"kind": "selection", "path": str(outside), "from": "", "to": ""},
    ):
        found = await look(**mention)
        assert len(found.missing) == 1, mention
        assert "secret" not in f"{found}", mention
        assert (found.files, found.texts) == ([], []), mention


async def test_what_is_gone_is_told_and_the_rest_is_given(site: Site, ada: Follower) -> None:
    gone = [{"kind": "file", "path": "gone.py"}, {"kind": "folder", "path": "gone"}, {"kind": "job", "id": "gone"}]
    found = await looked_up(await site.host(), [*gone, {"kind": "file", "path": "a.py"}])
    assert [text.split(":")[0] for text in found.missing] == ["gone.py", "gone", "job"]
    assert [file.path for file in found.files] == ["a.py"]


async def test_a_turn_reads_what_is_mentioned_and_notes_what_is_gone(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "Yes."}, tools=False)
    job = await in_db(Job.objects.create, workspace=site.workspace, kind="agent", instruction="Add docstrings")
    mentions = [{"kind": "job", "id": job.pk}, {"kind": "folder", "path": "gone"}]
    turn = (await ada.ask("turn.start", session=await ada.session(), text="Is it done?", mentions=mentions))["turn"]
    assert (await ada.ended(turn))["state"] == "completed"
    assert [item["data"]["text"].split(":")[0] for item in ada.items("note")] == ["gone"]
    assert ada.items("person")[0]["data"]["mentions"] == mentions


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = "".join(f"line {n}\n" for n in range(1000))
    short = cut(text, 100)
    assert short.startswith("line 0\n")
    assert short.endswith("line 999\n")
    left = 1000 - (short.count("\n") - 1)
    assert f"… ({left} lines left out) …\n" in short
    assert len(short) < 500
    assert cut(text, 10_000) == text
    assert "characters left out" in cut("x" * 1000, 10)


def test_passages_share_the_room_and_short_ones_leave_theirs_to_others() -> None:
    long = "".join(f"line {n}\n" for n in range(1000))
    found = Found(texts=[Passage("Long", long), Passage("Short", "```\nx\n"), Passage("Other", long)])
    first, short, other = found.told(500)
    assert short == "Short:\n````\n```\nx\n````"
    assert "left out" in first
    assert abs(len(first) - len(other)) < 60
    assert 1600 < len(first) + len(other) < 2200
    whole = Found(texts=[Passage("One", "a\n"), Passage("Two", "b\n")]).told(100)
    assert whole == ["One:\n```\na\n```", "Two:\n```\nb\n```"]
