"""Going back to before a turn: previewed, one act in every file that it and later turns wrote in; taken back again."""

from __future__ import annotations

from tests.agents.conftest import CODE, Follower, Site
from tests.agents.test_proposals import UPDATE, patched, proposals, typed
from tests.agents.test_turns import text_of


async def two_turns(site: Site, ada: Follower) -> tuple[str, str]:
    (site.folder / "old.py").write_text("old = 1\n")
    await typed(site, "import os", "# before\n")
    first = await patched(site, ada, *UPDATE, "*** Add File: b.py", "+B = 1", "*** Delete File: old.py")
    second = await patched(site, ada, "*** Begin Patch", "*** Update File: b.py", "@@", "-B = 1", "+B = 2")
    return first, second


async def test_everything_goes_back_to_the_beginning_of_the_turn(site: Site, ada: Follower) -> None:
    first, _ = await two_turns(site, ada)
    await typed(site, "import os", "# after\n")
    shown = {file["path"]: file for file in (await ada.ask("checkpoint.preview", turn=first))["files"]}
    assert {path: file["act"] for path, file in shown.items()} == {"a.py": "", "b.py": "removed", "old.py": "made"}
    assert shown["a.py"]["then"] == "# before\n" + CODE
    assert "# after\n" in shown["a.py"]["now"]
    paths = (await ada.ask("checkpoint.restore", turn=first))["paths"]
    assert sorted(paths) == ["a.py", "b.py", "old.py"]
    await (await site.host()).flush()
    assert await text_of(site) == "# before\n" + CODE
    assert sorted(p.name for p in site.folder.glob("*.py")) == ["a.py", "old.py"]
    assert (site.folder / "old.py").read_text() == "old = 1\n"
    assert await proposals(ada) == [], "nothing of it is left to decide"
    assert ada.items("note")[-1]["data"]["text"].endswith("went back to before this turn.")


async def test_going_back_is_taken_back_and_what_was_typed_since_stays(site: Site, ada: Follower) -> None:
    first, _ = await two_turns(site, ada)
    there = await text_of(site)
    await ada.ask("checkpoint.restore", turn=first)
    await typed(site, "import os", "# since\n")
    await ada.ask("checkpoint.unrestore", turn=first)
    await (await site.host()).flush()
    assert await text_of(site) == there.replace("import os", "# since\nimport os")
    assert sorted(p.name for p in site.folder.glob("*.py")) == ["a.py", "b.py"]
    assert (site.folder / "b.py").read_text() == "B = 2\n"
    assert (await ada.refused("checkpoint.unrestore", turn=first))["code"] == "conflict"


async def test_only_what_came_later_goes(site: Site, ada: Follower) -> None:
    _, second = await two_turns(site, ada)
    await ada.ask("checkpoint.restore", turn=second)
    await (await site.host()).flush()
    assert "return b * 2" in await text_of(site)
    assert (site.folder / "b.py").read_text() == "B = 1\n"
    assert {p["path"] for p in await proposals(ada)} == {"a.py", "b.py"}


async def test_where_nothing_would_change_nothing_is_done(site: Site, ada: Follower) -> None:
    _, second = await two_turns(site, ada)
    await ada.ask("turn.undo", turn=second)
    assert (await ada.refused("checkpoint.restore", turn=second))["code"] == "conflict"
    assert (await ada.refused("checkpoint.preview", turn="nothing"))["code"] == "not_found"
