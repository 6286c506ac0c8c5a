"""Files that others change while they are open: merged, told, and never overwritten unseen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bad_input.conftest import World
from tests.client import Document, Json, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

TEXT = "one 😀\ntwo\nthree\nfour\n"


async def opened(world: World) -> tuple[Document, Document]:
    path = f"{world.name()}.txt"
    (world.root / path).write_text(TEXT)
    return await world.tab.open(path), await world.other.open(path)


async def notice(document: Document, since: int, part: str) -> Json:
    return await document.tab.event(
        "document.notice", lambda e: e["document"] == document.id and part in e["text"], since
    )


async def test_a_change_on_disk_is_merged_with_what_is_typed_at_the_same_time(world: World) -> None:
    mine, others = await opened(world)
    file = world.root / mine.path
    before, before_other = len(world.tab.events), len(world.other.events)
    await mine.edit(len(TEXT), len(TEXT), "typed\n")
    file.write_text("from outside\n" + TEXT)
    for document, since in ((mine, before), (others, before_other)):
        await notice(document, since, "changed on disk")
        await document.shows("from outside\none 😀\n")
        await document.shows("four\ntyped\n")
    await eventually(lambda: _is(world, mine, "from outside\n" + TEXT + "typed\n"), "both are in the file")
    assert mine.text == others.text


async def _is(world: World, document: Document, text: str) -> bool:
    return (world.root / document.path).read_text() == text


async def test_where_both_changed_a_line_the_text_here_is_kept_and_people_are_told(world: World) -> None:
    mine, others = await opened(world)
    before = len(world.other.events)
    await mine.edit(6, 9, "TYPED")
    await others.shows("TYPED")
    (world.root / mine.path).write_text(TEXT.replace("two", "outside").replace("four", "FOUR"))
    told = await notice(others, before, "the text here was kept")
    assert told["tone"] == "warn"
    await others.shows("one 😀\nTYPED\nthree\nFOUR\n")
    await eventually(lambda: _is(world, mine, "one 😀\nTYPED\nthree\nFOUR\n"), "the merged text is in the file")


async def test_a_file_deleted_on_disk_is_told_and_its_text_kept(world: World) -> None:
    mine, others = await opened(world)
    file = world.root / mine.path
    before = len(world.other.events)
    file.unlink()
    told = await notice(others, before, "deleted on disk")
    assert told["tone"] == "warn"
    await mine.edit(0, 0, "still here\n")
    await mine.saved()
    await others.shows("still here\n" + TEXT)
    assert not file.exists(), "it is not made again behind anybody's back"
    tab = await world.ben.tab(world.home)
    assert (await tab.open(mine.path)).text == "still here\n" + TEXT, "who opens it now sees all of it"
    await tab.close()
    before = len(world.other.events)
    file.write_text(TEXT + "back\n")
    await notice(others, before, "disk")
    await eventually(lambda: _is(world, mine, "still here\n" + TEXT + "back\n"), "it is written again once it is back")


def link(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/hostname")


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


BECOMES: dict[str, tuple[Callable[[Path], object], str]] = {
    "binary": (lambda file: file.write_bytes(b"\0binary\0"), "binary"),
    "latin-1": (lambda file: file.write_bytes("caf\u00e9\n".encode("latin-1")), "not valid UTF-8"),
    "huge": (lambda file: file.write_bytes(bytes((5 << 20) + 1)), "larger than 5 MiB"),
    "a link": (link, "This is a link"),
    "a pipe": (pipe, "not a regular file"),
    "a folder": (folder, "This is a folder"),
}


def standing(file: Path) -> tuple[int, ...]:
    """What writing or replacing it would change; reading it may."""
    now = os.lstat(file)
    return now.st_ino, now.st_mode, now.st_size, now.st_mtime_ns


@pytest.mark.parametrize("kind", list(BECOMES))
async def test_a_file_that_becomes_unreadable_is_told_and_left_alone(kind: str, world: World) -> None:
    become, why = BECOMES[kind]
    mine, others = await opened(world)
    file = world.root / mine.path
    before = len(world.other.events)
    become(file)
    was = standing(file)
    told = await notice(others, before, why)
    assert told["tone"] == "bad"
    await mine.append("typed meanwhile\n")
    await mine.saved()
    await others.shows("typed meanwhile\n")
    assert standing(file) == was, "it is neither read through nor written"
    file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
    file.write_text(TEXT)
    await eventually(lambda: _is(world, mine, TEXT + "typed meanwhile\n"), "what was typed is in the file")
    assert others.text == TEXT + "typed meanwhile\n"


async def test_a_folder_swapped_for_a_link_is_not_followed(world: World, tmp_path: Path) -> None:
    """Nothing outside the workspace is read into it or written from it."""
    inside = world.root / "swapped"
    inside.mkdir()
    (inside / "a.txt").write_text(TEXT)
    (tmp_path / "a.txt").write_text("outside\n")
    mine, others = await world.tab.open("swapped/a.txt"), await world.other.open("swapped/a.txt")
    before = len(world.other.events)
    inside.rename(world.root / "kept")
    inside.symlink_to(tmp_path)
    await mine.append("typed\n")
    await mine.saved()
    await notice(others, before, "")
    await others.shows("typed\n")
    assert (tmp_path / "a.txt").read_text() == "outside\n"
    inside.unlink()
    (world.root / "kept").rename(inside)
    await eventually(lambda: _is(world, mine, TEXT + "typed\n"), "what was typed is in the file")
    assert (tmp_path / "a.txt").read_text() == "outside\n"


async def test_a_file_that_becomes_read_only_is_told_and_written_when_it_may_be(world: World) -> None:
    mine, others = await opened(world)
    file = world.root / mine.path
    file.chmod(0o444)
    before = len(world.other.events)
    await mine.append("typed\n")
    await mine.saved()
    told = await notice(others, before, "could not be written")
    assert "read-only" in told["text"]
    assert file.read_text() == TEXT
    before = len(world.tab.events)
    file.chmod(0o644)
    await mine.on_disk(before)
    assert file.read_text() == TEXT + "typed\n"
