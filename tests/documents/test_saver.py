"""File work that goes to one thread in one go."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from ide.documents.file.saver import Saver
from ide.workspaces.files import Files
from ide.workspaces.replace import Folders


async def test_what_is_asked_in_one_turn_goes_in_one_call_and_folders_are_synced_once(tmp_path: Path) -> None:
    saver, seen = Saver(), []
    files = Files(tmp_path)

    def save(name: str) -> None:
        def job(folders: Folders) -> str:
            seen.append((threading.get_ident(), id(folders)))
            return files.write(name, name.encode(), folders=folders).sha

        asked.append(saver.run(job))

    asked: list[asyncio.Future[str]] = []
    for name in ("a/one", "a/two", "b/three"):
        save(name)
    assert len(set(await asyncio.gather(*asked))) == 3
    assert len(set(seen)) == 1
    assert [(tmp_path / name).read_text() for name in ("a/one", "b/three")] == ["a/one", "b/three"]


async def test_one_that_fails_fails_alone() -> None:
    saver = Saver()

    def bad(_: Folders) -> None:
        raise OSError("full")

    failing, working = saver.run(bad), saver.run(lambda _: 1)
    with pytest.raises(OSError, match="full"):
        await failing
    assert await working == 1


def test_a_folder_is_kept_once_and_let_go(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    before = len(os.listdir("/proc/self/fd"))
    with Folders() as folders:
        folders.add(fd)
        folders.add(fd)
        assert len(os.listdir("/proc/self/fd")) == before + 1
        folders.sync()
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(fd)
