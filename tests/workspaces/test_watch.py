"""What is told about changes on disk."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ide.workspaces import watch
from ide.workspaces.files import Files


class Told:
    """Changes until everything awaited was told."""

    def __init__(self, changes: AsyncIterator[set[str]]) -> None:
        self._changes = changes

    async def until(self, wanted: set[str]) -> set[str]:
        seen: set[str] = set()
        async with asyncio.timeout(30):
            while not wanted <= seen:
                seen |= await anext(self._changes)
        return seen


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Callable[[], Told]]:
    stop = asyncio.Event()
    opened: list[AsyncIterator[set[str]]] = []

    async def start() -> Told:
        changes = watch.changes(tmp_path, stop)
        opened.append(changes)
        assert await anext(changes) == set()
        return Told(changes)

    yield start  # type: ignore[misc]
    stop.set()
    for changes in opened:
        with pytest.raises(StopAsyncIteration):
            await anext(changes)


async def test_writes_moves_and_deletions_are_told(told: Callable[[], object], tmp_path: Path) -> None:
    changes: Told = await told()  # type: ignore[misc]
    (tmp_path / "a b 😀").write_text("x")
    assert await changes.until({"a b 😀"}) == {"a b 😀"}
    os.rename(tmp_path / "a b 😀", tmp_path / "c")
    await changes.until({"a b 😀", "c"})
    os.unlink(tmp_path / "c")
    assert await changes.until({"c"}) == {"c"}


async def test_new_folders_are_watched_with_what_is_in_them(told: Callable[[], object], tmp_path: Path) -> None:
    changes: Told = await told()  # type: ignore[misc]
    (tmp_path / "x/y").mkdir(parents=True)
    (tmp_path / "x/y/z").write_text("1")
    await changes.until({"x", "x/y/z"})
    os.rename(tmp_path / "x", tmp_path / "w")
    await changes.until({"x", "w", "w/y/z"})
    (tmp_path / "w/y/z").write_text("2")
    assert await changes.until({"w/y/z"}) == {"w/y/z"}


async def test_of_git_only_the_current_commit_is_told(told: Callable[[], object], tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    changes: Told = await told()  # type: ignore[misc]
    (tmp_path / ".git/config").write_text("")
    (tmp_path / ".git/objects/aa").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/other\n")
    (tmp_path / "last").write_text("")
    assert await changes.until({".git/HEAD", "last"}) == {".git/HEAD", "last"}


async def test_links_are_not_followed_and_unfinished_writes_not_told(
    told: Callable[[], object], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (tmp_path / "link").symlink_to(outside)
    changes: Told = await told()  # type: ignore[misc]
    (outside / "x").write_text("")
    Files(tmp_path).write("a", b"x")
    assert await changes.until({"a"}) == {"a"}


async def test_a_look_that_goes_on_after_its_end_keeps_its_descriptor(tmp_path: Path) -> None:
    watcher = watch.Watcher(tmp_path)
    begun, go = threading.Event(), threading.Event()

    def look() -> set[str]:
        begun.set()
        go.wait(30)
        return set()

    looks = asyncio.create_task(watcher.in_thread(look))
    await asyncio.to_thread(begun.wait, 30)
    looks.cancel()
    await asyncio.gather(looks, return_exceptions=True)
    watcher.close()
    assert is_open(watcher.fd), "else its number could be anybody's"
    go.set()
    async with asyncio.timeout(30):
        while is_open(watcher.fd):
            await asyncio.sleep(0.01)


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
