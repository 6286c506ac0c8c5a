"""Committing chosen files on real repositories, in the sandbox and directly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ide.accounts.models import User
from ide.errors import Conflict, Invalid
from ide.workspaces import commits, git
from ide.workspaces.commits import Changed, Credit, commit, with_trailers
from tests.workspaces.test_git import plain, root  # noqa: F401 (fixture)

ADA = git.Author("Ada 😀 <x>", "ada@example.com")


async def nobody(files: Sequence[Changed]) -> Credit:
    return Credit((), "")


async def test_a_commit_has_exactly_the_chosen_paths_and_is_the_persons(sandbox: bool, root: Path) -> None:  # noqa: F811
    (root / "a.txt").write_text("two\n")
    (root / "new 😀 file").write_text("new\n")
    (root / "left.txt").write_text("left\n")
    (root / ".gitignore").unlink()
    chosen = ["a.txt", "new 😀 file", ".gitignore"]
    made = await commit(root, ADA, "Change\n\nthings", chosen, nobody)
    assert plain(root, "rev-parse", "main") == made.oid == await git.head(root)
    assert plain(root, "log", "-1", "--format=%an <%ae> %cn <%ce>%n%B") == (
        "Ada 😀 x <ada@example.com> Ada 😀 x <ada@example.com>\nChange\n\nthings"
    )
    shown = plain(root, "-c", "core.quotePath=false", "show", "--name-status", "--format=", "HEAD").split("\n")
    assert sorted(shown) == ["A\tnew 😀 file", "D\t.gitignore", "M\ta.txt"]
    assert plain(root, "status", "--porcelain") == "?? left.txt"
    assert made.notes_ref == ""


async def test_what_else_is_staged_stays_staged_and_uncommitted(sandbox: bool, root: Path) -> None:  # noqa: F811
    (root / "staged.txt").write_text("mine\n")
    plain(root, "add", "staged.txt")
    (root / "a.txt").write_text("two\n")
    await commit(root, ADA, "Only a", ["a.txt"], nobody)
    assert plain(root, "status", "--porcelain") == "A  staged.txt"
    await commit(root, ADA, "The rest", None, nobody)
    assert plain(root, "status", "--porcelain") == ""
    assert plain(root, "log", "--format=%s") == "The rest\nOnly a\nfirst"


async def test_the_first_commit_of_a_repository(sandbox: bool, tmp_path: Path) -> None:
    await git.init(tmp_path)
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "a.txt").write_text("one\n")
    made = await commit(tmp_path, ADA, "first", None, nobody)
    assert plain(tmp_path, "rev-parse", "main") == made.oid
    assert plain(tmp_path, "status", "--porcelain") == ""


async def test_trailers_and_a_note_go_with_it(sandbox: bool, root: Path) -> None:  # noqa: F811
    seen: list[Changed] = []

    async def both(files: Sequence[Changed]) -> Credit:
        seen.extend(files)
        return Credit(["Co-authored-by: Bob <bob@example.com>"], '{"version": 1}\n')

    (root / "a.txt").write_bytes(b"one\r\ntwo\r\n")
    (root / "image").write_bytes(b"\x00\x01")
    made = await commit(root, ADA, "Change", None, both)
    assert seen == [Changed("a.txt", "one\n", "one\ntwo\n"), Changed("image", None, None)]
    trailers = plain(root, "log", "-1", "--format=%(trailers:key=Co-authored-by,valueonly)")
    assert trailers == "Bob <bob@example.com>"
    assert made.notes_ref == "refs/notes/authorship"
    assert plain(root, "notes", "--ref=authorship", "show", made.oid) == '{"version": 1}'


async def test_nothing_to_commit_is_said_and_nothing_moves(sandbox: bool, root: Path) -> None:  # noqa: F811
    before = plain(root, "rev-parse", "HEAD")
    with pytest.raises(Conflict, match="Nothing has changed"):
        await commit(root, ADA, "x", None, nobody)
    (root / "a.txt").write_text("two\n")
    with pytest.raises(Conflict, match=r"b\.txt: nothing to commit there"):
        await commit(root, ADA, "x", ["a.txt", "b.txt"], nobody)
    with pytest.raises(Invalid):
        await commit(root, ADA, "x", [], nobody)
    with pytest.raises(Invalid):
        await commit(root, ADA, " \n ", None, nobody)
    with pytest.raises(Conflict, match=r"\.git/config|:\(top\)"):
        await commit(root, ADA, "x", [".git/config", ":(top)"], nobody)
    assert plain(root, "rev-parse", "HEAD") == before


async def test_a_branch_that_moves_meanwhile_is_not_overwritten(sandbox: bool, root: Path) -> None:  # noqa: F811
    async def meanwhile(files: Sequence[Changed]) -> Credit:
        plain(root, "commit", "-q", "--allow-empty", "-m", "from a terminal")
        return Credit((), "")

    (root / "a.txt").write_text("two\n")
    with pytest.raises(Conflict, match="branch changed"):
        await commit(root, ADA, "x", None, meanwhile)
    assert plain(root, "log", "--format=%s") == "from a terminal\nfirst"


async def test_in_the_middle_of_a_merge_nothing_is_committed(sandbox: bool, root: Path) -> None:  # noqa: F811
    plain(root, "checkout", "-q", "-b", "side")
    (root / "b.txt").write_text("b\n")
    plain(root, "add", "b.txt")
    plain(root, "commit", "-qm", "side")
    plain(root, "checkout", "-q", "main")
    plain(root, "merge", "-q", "--no-commit", "--no-ff", "side")
    with pytest.raises(Conflict, match="A merge is under way"):
        await commit(root, ADA, "x", None, nobody)


async def test_a_hook_of_the_repository_does_not_run(sandbox: bool, root: Path) -> None:  # noqa: F811
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction"):
        hook = root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {root}/ran\nexit 1\n")
        hook.chmod(0o755)
    (root / "a.txt").write_text("two\n")
    made = await commit(root, ADA, "x", None, nobody)
    assert await git.head(root) == made.oid
    assert not (root / "ran").exists()


async def test_an_index_that_somebody_holds_does_not_undo_the_commit(sandbox: bool, root: Path) -> None:  # noqa: F811
    (root / "a.txt").write_text("two\n")
    lock = root / ".git" / "index.lock"
    lock.touch()
    made = await commit(root, ADA, "x", None, nobody)
    assert plain(root, "rev-parse", "HEAD") == made.oid
    os.unlink(lock)
    plain(root, "reset", "-q")
    assert plain(root, "status", "--porcelain") == ""


def test_trailers_join_those_that_are_there() -> None:
    new = ["Co-authored-by: B <b@x>"]
    assert with_trailers("Subject", new) == "Subject\n\nCo-authored-by: B <b@x>\n"
    assert with_trailers("Subject", []) == "Subject\n"
    assert with_trailers("Fix: this", new) == "Fix: this\n\nCo-authored-by: B <b@x>\n"
    signed = "Subject\n\nSigned-off-by: A <a@x>"
    assert with_trailers(signed, new) == signed + "\nCo-authored-by: B <b@x>\n"
    assert with_trailers("Subject\n\n" + new[0], new) == "Subject\n\n" + new[0] + "\n"


def test_a_person_without_an_address_gets_one_that_is_nobodys() -> None:
    assert commits.identity(User(username="ada", display_name="Ada")) == git.Author("Ada", "ada@users.tandem.invalid")
    assert commits.identity(User(username="ada@x.org")).email == "ada@x.org"
    assert commits.identity(User(username="ada", email="a@x.org")).email == "a@x.org"
