"""What a commit would bring, before it is made: each changed file as in the last commit and on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ide.errors import Conflict
from ide.workspaces.commits import Changed, pending
from tests.workspaces.test_git import plain, root  # noqa: F401 (fixture)


async def test_changed_new_and_deleted_files_are_told_with_both_texts(sandbox: bool, root: Path) -> None:  # noqa: F811
    before = (root / "a.txt").read_text()
    (root / "a.txt").write_text("two 😀\r\n")
    (root / "new.txt").write_text("new\n")
    (root / ".gitignore").unlink()
    (root / "picture.bin").write_bytes(b"\x89\0\0")
    found = {one.path: one for one in await pending(root, None)}
    assert found["a.txt"] == Changed("a.txt", before, "two 😀\n")
    assert found["new.txt"] == Changed("new.txt", None, "new\n")
    assert found[".gitignore"].after is None
    assert found[".gitignore"].before
    assert found["picture.bin"] == Changed("picture.bin", None, None)
    assert plain(root, "log", "--format=%s") == "first"


async def test_a_file_that_has_not_changed_is_refused(sandbox: bool, root: Path) -> None:  # noqa: F811
    (root / "new.txt").write_text("new\n")
    with pytest.raises(Conflict):
        await pending(root, ["a.txt"])
