"""Symbols of a workspace as people look for them: of what is typed, of what is on disk, never of what is ignored."""

from __future__ import annotations

import asyncio
import os
import threading

from agents.context import symbols
from agents.engine.repomap import About, drawn, ranked
from ide.documents.text import Edit
from tests.agents.conftest import CODE, Follower, Site


async def found(site: Site, query: str, path: str = "") -> list[tuple[str, str, str, int]]:
    rows = await symbols.symbols(await site.host(), query, path)
    return [(one.name, one.kind, one.path, one.line) for one in rows]


async def test_definitions_are_found_by_parts_of_their_names_the_closest_first(site: Site, ada: Follower) -> None:
    (site.folder / "more.ts").write_text("export class Stone {}\nexport const one = () => 1\ninterface Oneness {}\n")
    assert await found(site, "ONE") == [
        ("one", "function", "a.py", 4),
        ("one", "function", "more.ts", 2),
        ("Oneness", "interface", "more.ts", 3),
        ("Stone", "class", "more.ts", 1),
    ]
    assert await found(site, "one", "a.py") == [("one", "function", "a.py", 4)]


async def test_what_is_typed_counts_and_what_changes_on_disk_is_looked_at_again(site: Site, ada: Follower) -> None:
    host = await site.host()
    host.extensions[symbols.Index] = symbols.Index(fresh=0)
    room = await host.open_room(site.document.pk)
    room.edit([Edit(0, 0, "def 🙂(): pass\ndef fresh(): pass\n")], "person:1")
    assert await found(site, "fresh") == [("fresh", "function", "a.py", 2)]
    (site.folder / "b.py").write_text("def on_disk(): pass\n")
    symbols.index(await site.host())._listed_at = float("-inf")
    assert await found(site, "on_disk") == [("on_disk", "function", "b.py", 1)]
    (site.folder / "b.py").write_text("\ndef on_disk_too(): pass\n")
    assert await found(site, "on_disk") == [("on_disk_too", "function", "b.py", 2)]
    (site.folder / "b.py").unlink()
    assert await found(site, "on_disk") == []


async def test_ignored_files_links_and_git_are_left_out(site: Site, ada: Follower) -> None:
    (site.folder / ".gitignore").write_text("ignored/\n")
    (site.folder / "ignored").mkdir()
    (site.folder / "ignored" / "x.py").write_text("def hidden_one(): pass\n")
    outside = site.folder.parent / "outside.py"
    outside.write_text("def hidden_two(): pass\n")
    os.symlink(outside, site.folder / "link.py")
    (site.folder / ".git" / "hook.py").write_text("def hidden_three(): pass\n")
    assert await found(site, "hidden") == []


async def test_symbols_are_asked_for_over_the_socket(site: Site, ada: Follower) -> None:
    answer = await ada.ask("symbols.find", query="two")
    two = {"name": "two", "kind": "function", "path": "a.py", "line": 8, "end": 9}
    assert answer == {"symbols": [two], "complete": True}
    host = await site.host()
    host.extensions[symbols.Index] = symbols.Index(fresh=0, seconds=0.0)
    assert (await ada.ask("symbols.find", query="two"))["complete"] is False, "there was no time to look"


async def test_tags_are_kept_by_their_bytes(site: Site, ada: Follower) -> None:
    (site.folder / "copy.py").write_text(CODE)
    index = symbols.index(await site.host())
    tags = await index.look(await site.host())
    assert tags["copy.py"] is tags["a.py"]
    assert index.complete


async def test_work_that_nobody_waits_for_is_told_to_stop(site: Site, ada: Follower) -> None:
    host = await site.host()
    begun = threading.Event()

    def work(stop: threading.Event) -> bool:
        begun.set()
        return stop.wait(30)

    task = host.owned(symbols.in_thread(work), "map")
    await asyncio.get_running_loop().run_in_executor(None, begun.wait, 10)
    task.cancel()
    assert await symbols.in_thread(lambda stop: True), "the thread is free again"


async def test_a_folder_that_was_away_for_a_look_is_found_again(site: Site, ada: Follower) -> None:
    (site.folder / "tests").mkdir()
    (site.folder / "tests" / "test_shop.py").write_text("class Total:\n    def test_the_total(self): pass\n")
    host = await site.host()
    host.extensions[symbols.Index] = symbols.Index(fresh=3600)
    there = [("test_the_total", "method", "tests/test_shop.py", 2)]
    assert await found(site, "test_the_total") == there
    (site.folder / "tests").rename(site.folder / "away")
    assert await found(site, "test_the_total") == []
    (site.folder / "away").rename(site.folder / "tests")
    assert await found(site, "test_the_total") == there


async def test_files_that_could_not_all_be_listed_are_not_all(site: Site, ada: Follower) -> None:
    """What is open is found; of the rest nobody says that it is not there, and what was known of it holds."""
    (site.folder / "b.py").write_text("def on_disk(): pass\n")
    host = await site.host()
    room = await host.open_room(site.document.pk)
    room.edit([Edit(0, 0, "def fresh(): pass\n")], "person:1")
    index = host.extensions[symbols.Index] = symbols.Index(fresh=0, listing=0.0)
    assert await found(site, "fresh") == [("fresh", "function", "a.py", 1)]
    assert (await ada.ask("symbols.find", query="on_disk")) == {"symbols": [], "complete": False}
    index.listing = 30.0
    answer = await ada.ask("symbols.find", query="on_disk")
    assert ([one["path"] for one in answer["symbols"]], answer["complete"]) == (["b.py"], True)
    index.listing = 0.0
    answer = await ada.ask("symbols.find", query="on_disk")
    assert ([one["path"] for one in answer["symbols"]], answer["complete"]) == (["b.py"], False)


async def test_broken_syntax_is_told_by_line() -> None:
    assert [(one.line, one.text) for one in symbols.problems("a.py", "x = 1\ndef f(:\n  pass\n")] == [
        (2, "“)” is missing")
    ]
    assert symbols.problems("a.py", CODE) == []
    assert symbols.problems("notes.txt", "def f(:") == []


async def test_a_map_ranks_what_the_files_in_question_use(site: Site, ada: Follower) -> None:
    for name in ("near", "far"):
        (site.folder / f"{name}.py").write_text(f"def used_{name}():\n    pass\n\n\ndef unused_{name}():\n    pass\n")
    (site.folder / "b.py").write_text("from near import used_near\n\nused_near()\n")
    (site.folder / "c.py").write_text("from far import used_far\n\nused_far()\n")
    tags = await symbols.index(await site.host()).look(await site.host())
    order = ranked(tags, About({"b.py": 1.0}))
    assert [one.name for _, one in order][:2] == ["used_near", "unused_near"]
    asked = ranked(tags, About({}, frozenset({"used_far"})))
    assert asked[0][1].name == "used_far"
    drawn_small = drawn(order, 12, lambda text: len(text.encode()) // 4)
    assert drawn_small == "near.py\n  1: def used_near():"


async def test_a_big_repository_is_looked_into_piece_by_piece(site: Site, ada: Follower) -> None:
    for n in range(300):
        (site.folder / f"m{n}.py").write_text(f"def of_{n}():\n    return {n}\n")
    index = symbols.Index(fresh=0, seconds=0.0)
    host = await site.host()
    assert not (await index.look(host)).keys() - {"a.py"}
    assert not index.complete
    index.seconds = 30
    assert len(await index.look(host)) == 301
    assert index.complete
