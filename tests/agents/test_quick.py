"""Quick actions and commit messages over the socket, with the scripted model."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.assist import commit_message
from agents.assist.commit_message import cleaned, compared
from agents.models import Item, Turn
from ide.db import in_db
from ide.usage.models import LedgerEntry
from tests.agents.conftest import CODE, Follower, Site, git

NEW = "def one(a):\n    return a + 1\n"
DOCUMENTED = 'def one(a):\n    """Returns what it is given."""\n    return a\n'


async def quick(site: Site, tab: Follower, kind: str, **more: Any) -> dict[str, Any]:
    room = await (await site.host()).open_room(site.document.pk)
    start = room.text().index("def one")
    anchors = {"from": room.anchor_wire(start, 0), "to": room.anchor_wire(start + 24, -1)}
    answer: dict[str, Any] = await tab.ask("quick.start", kind=kind, document=site.document.pk, **anchors, **more)
    return answer


async def text_of(site: Site) -> str:
    return (await (await site.host()).open_room(site.document.pk)).text()


@pytest.mark.parametrize("kind", ["explain", "tests"])
async def test_explaining_and_testing_are_turns_with_the_code_as_a_mention(
    site: Site, ada: Follower, kind: str
) -> None:
    await in_db(site.script, {"when": "lines 4 to 5 of a.py", "text": "It is so."}, tools=False)
    session = await ada.session()
    answer = await quick(site, ada, kind, session=session)
    assert answer["session"] == session
    assert (await ada.ended(answer["turn"]))["state"] == "completed"
    said = ada.items("person")[-1]["data"]
    assert "lines 4 to 5 of a.py" in said["text"]
    assert [(one["kind"], one["path"]) for one in said["mentions"]] == [("selection", "a.py")]
    assert ada.items("model")[-1]["data"]["text"] == "It is so."
    assert await text_of(site) == CODE


async def test_a_busy_session_is_left_alone(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"when": "wait", "text": "Once.", "pause_after": 2}, {"text": "It is so."}, tools=False)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="wait", mentions=[]))["turn"]
    answer = await quick(site, ada, "explain", session=session)
    assert answer["session"] != session
    assert (await ada.ended(answer["turn"]))["state"] == "completed"
    await ada.ask("turn.interrupt", turn=turn)


async def test_documenting_and_fixing_rewrite_the_lines(site: Site, ada: Follower) -> None:
    steps = ({"when": "docstring", "text": f"```python\n{DOCUMENTED}```"}, {"text": f"```python\n{NEW}```"})
    await in_db(site.script, *steps, tools=False)
    turn = await ada.ended((await quick(site, ada, "document"))["turn"])
    assert (turn["state"], turn["kind"]) == ("completed", "inline")
    assert await text_of(site) == CODE.replace("def one(a):\n    return a\n", DOCUMENTED)
    fixed = await ada.ended((await quick(site, ada, "fix", problem="unexpected indent"))["turn"])
    assert fixed["state"] == "completed"
    assert "return a + 1" in await text_of(site)
    said = await in_db(lambda: [item.data for item in Item.objects.filter(kind="person").order_by("created_at")])
    assert [one["text"] for one in said] == ["Document this", "Fix this problem"]
    assert await in_db(Turn.objects.filter(kind="inline").count) == 2


# --- commit messages ----------------------------------------------------------------------------------------------


async def test_a_message_is_streamed_from_the_chosen_changes(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"when": "+    return a + 1", "text": "Count one more in `one`"}, tools=False)
    (site.folder / "a.py").write_text(CODE.replace("return a\n", "return a + 1\n"))
    (site.folder / "secret.pem").write_text("zebra\n")
    answer = await ada.ask("commit.write", request=3, paths=["a.py"])
    assert answer == {"text": "Count one more in `one`", "files": 1, "cut": False}
    pieces = ada.of_type("commit.message")
    assert len(pieces) > 1
    assert "".join(piece["text"] for piece in pieces if piece["request"] == 3) == answer["text"]
    entry = await in_db(LedgerEntry.objects.get)
    assert (entry.kind, entry.state) == ("commit", "settled")


async def test_a_message_that_is_stopped_comes_to_an_end(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "Count one more in `one`", "pause_after": 8}, tools=False)
    (site.folder / "a.py").write_text("x = 1\n")
    writing = asyncio.ensure_future(ada.refused("commit.write", request=1))
    await ada.event("commit.message")
    await ada.ask("commit.stop", request=1)
    assert (await writing)["code"] == "conflict"


async def test_nothing_is_asked_where_nothing_has_changed(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "x"}, tools=False)
    assert (await ada.refused("commit.write", request=1))["code"] == "conflict"
    assert not await in_db(LedgerEntry.objects.exists)


async def test_what_is_sent_is_bounded_shared_and_keeps_secrets(site: Site) -> None:
    (site.folder / "a.py").write_text("".join(f"line_{n} = {n}\n" for n in range(9_000)))
    (site.folder / "b.py").write_text("short = 1\n")
    (site.folder / ".env").write_text("KEY=zebra\n")
    (site.folder / "c.bin").write_bytes(b"\0\1")
    found = await commit_message.difference(await site.host(), None, 2_000)
    assert (found.files, found.cut) == (4, True)
    assert "+short = 1" in found.text
    assert "zebra" not in found.text
    assert "line_1 = 1" in found.text
    assert len(found.text) < 2_200
    git(site.folder, "checkout", "-q", "--", ".")


def test_a_difference_tells_the_fate_of_a_file() -> None:
    assert compared(b"", b"a\n", "?") == "(new file)\n@@ -0,0 +1 @@\n+a"
    assert compared(b"a\n", b"", "D") == "(deleted)\n@@ -1 +0,0 @@\n-a"
    assert compared(b"a\0", b"b", "M") == "(changed; it is no text, or too large)"


@pytest.mark.parametrize(
    "text", ["Add a test", "```\nAdd a test\n```", '"Add a test"', "Commit message: Add a test", " `Add a test`\n"]
)
def test_what_models_put_around_a_message_is_taken_off(text: str) -> None:
    assert cleaned(text) == "Add a test"
