"""Git as Tandem runs it, on real repositories: in the sandbox and directly."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ide.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from ide.workspaces import git

ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "PATH": os.environ["PATH"],
    **{f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def plain(root: Path, *words: str) -> str:
    """The person's own git, as in a terminal."""
    return subprocess.run(["git", *words], cwd=root, env=ENV, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    plain(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("one\n")
    (folder / ".gitignore").write_text("*.log\n")
    plain(folder, "add", "-A")
    plain(folder, "commit", "-qm", "first")
    return folder


async def test_what_two_commits_do_not_have_alike(root: Path, sandbox: bool) -> None:
    """The contents are those of `show`, read at once or one by one: no text, nothing, odd names, a link."""
    (root / "gone").write_text("x")
    (root / "same").write_text("same\n")
    plain(root, "add", "-A")
    plain(root, "commit", "-qm", "before")
    before = plain(root, "rev-parse", "HEAD")
    (root / "gone").unlink()
    for name, data in {"a.txt": b"two", "none": b"", "b\nin": bytes(range(256)) * 9, 'ü "': b"1\n\n2"}.items():
        (root / name).write_bytes(data)
    (root / "link").symlink_to("a.txt")
    plain(root, "add", "-A")
    plain(root, "commit", "-qm", "after")
    after = plain(root, "rev-parse", "HEAD")
    found = await git.differing(root, before, after)
    assert [(one.letter, one.path) for one in found] == await git.diff_files(root, before, after)
    for one in found:
        assert one.before == (None if one.letter == "A" else await git.show(root, before, one.path))
        assert one.after == (None if one.letter == "D" else await git.show(root, after, one.path))
    assert {one.path: one.after for one in found}["b\nin"] == bytes(range(256)) * 9
    assert await git.differing(root, after, after) == []
    assert await git.differing(root, before, after, at_once=100) == found


async def test_a_new_repository_has_a_branch_and_no_commit(sandbox: bool, tmp_path: Path) -> None:
    await git.init(tmp_path)
    assert (await git.branch(tmp_path), await git.head(tmp_path)) == ("main", "")
    oid = await git.commit_all(tmp_path, "empty")
    assert await git.head(tmp_path) == oid


async def test_status_tells_changes_by_letter_and_any_name(sandbox: bool, root: Path) -> None:
    (root / "a.txt").write_text("two\n")
    (root / "new\n😀 file").write_text("x")
    (root / "x.log").write_text("ignored")
    (root / ".gitignore").unlink()
    plain(root, "update-index", "--add", "new\n😀 file")
    found = await git.status(root)
    assert sorted(found) == [(".gitignore", "D"), ("a.txt", "M"), ("new\n😀 file", "A"), ("x.log", "?")]


async def test_a_snapshot_holds_everything_and_moves_nothing(sandbox: bool, root: Path) -> None:
    (root / "a.txt").write_text("two\n")
    (root / "new").write_text("new\n")
    (root / "x.log").write_text("ignored")
    before = (plain(root, "rev-parse", "HEAD"), plain(root, "status", "--porcelain"))
    oid = await git.snapshot(root, "refs/tandem/jobs/abc", "before the job")
    assert (plain(root, "rev-parse", "HEAD"), plain(root, "status", "--porcelain")) == before
    assert plain(root, "rev-parse", "refs/tandem/jobs/abc") == oid
    assert plain(root, "ls-tree", "-r", "--name-only", oid).split() == [".gitignore", "a.txt", "new"]
    assert await git.show(root, oid, "a.txt") == b"two\n"
    assert await git.show(root, oid, "x.log") is None
    assert not [name for name in os.listdir(root / ".git") if name.startswith("tandem-index")]
    assert await git.diff_files(root, before[0], oid) == [("M", "a.txt"), ("A", "new")]


async def test_a_job_works_in_a_worktree_of_its_own_and_its_commit_comes_back(
    sandbox: bool, root: Path, tmp_path: Path
) -> None:
    base = await git.snapshot(root, "refs/tandem/jobs/j", "base")
    worktree = tmp_path / "jobs" / "j"
    await git.clone_shared(root, worktree, base)
    assert git.shared_base(worktree) == root / ".git"
    assert await git.commit_all(worktree, "nothing") == base
    (worktree / "b.txt").write_text("b\n")
    oid = await git.commit_all(worktree, "work", git.Author("Ada <x>\n", "a@example.com"))
    assert plain(root, "cat-file", "-t", base) == "commit"
    with pytest.raises(subprocess.CalledProcessError):
        plain(root, "cat-file", "-t", oid)
    await git.fetch_objects(root, worktree, oid, "refs/tandem/jobs/j-done")
    assert plain(root, "log", "-1", "--format=%an|%s", oid) == "Ada x|work"
    assert await git.diff_files(root, base, oid) == [("A", "b.txt")]


async def test_a_ref_moves_only_from_where_it_was(sandbox: bool, root: Path) -> None:
    first = await git.head(root)
    (root / "a.txt").write_text("2\n")
    second = await git.commit_all(root, "second")
    await git.update_ref(root, "refs/tandem/x", first, "")
    with pytest.raises(Conflict):
        await git.update_ref(root, "refs/tandem/x", second, "")
    with pytest.raises(Conflict):
        await git.update_ref(root, "refs/tandem/x", second, second)
    await git.update_ref(root, "refs/tandem/x", second, first)
    assert plain(root, "rev-parse", "refs/tandem/x") == second


@pytest.mark.parametrize("ref", ["HEAD", "--all", "refs/../x", "refs/heads/-x", "refs/heads/a b", "refs/heads/x.lock"])
async def test_odd_refs_and_ids_never_become_arguments(unconfined: None, root: Path, ref: str) -> None:
    with pytest.raises(Invalid):
        await git.snapshot(root, ref, "x")
    with pytest.raises(Invalid):
        await git.show(root, ref, "a.txt")


TRAPS = {
    "filter": (["filter.t.clean", "{run}; cat"], ["filter.t.smudge", "{run}; cat"]),
    "hooks": (["core.hooksPath", "traps"],),
    "fsmonitor": (["core.fsmonitor", "{run}; false"],),
    "diff": (["diff.external", "{run}"], ["diff.t.textconv", "{run}; cat"]),
}


def trapped(root: Path, kind: str, log: Path) -> None:
    run = f"echo ran >>{log}"
    (root / ".gitattributes").write_text("* filter=t diff=t\n")
    hooks = root / "traps"
    hooks.mkdir()
    for name in ("pre-commit", "post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\n{run}\n")
        (hooks / name).chmod(0o755)
    for key, value in TRAPS[kind]:
        plain(root, "config", key, value.replace("{run}", run))
    (root / "a.txt").write_text("changed\n")


@pytest.mark.parametrize("kind", TRAPS)
async def test_what_a_hostile_repository_starts_reaches_nothing_outside(
    kind: str, confined: None, root: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    trapped(root, kind, log)
    first = await git.head(root)
    await git.status(root)
    oid = await git.snapshot(root, "refs/tandem/x", "x")
    await git.diff_files(root, first, oid)
    await git.show(root, oid, "a.txt")
    await git.clone_shared(root, tmp_path / "w", oid)
    assert not log.exists()


@pytest.mark.parametrize("kind", TRAPS)
async def test_without_a_sandbox_git_is_not_run_in_a_hostile_repository(
    kind: str, unconfined: None, root: Path, tmp_path: Path
) -> None:
    trapped(root, kind, tmp_path / "log")
    with pytest.raises(Unavailable) as caught:
        await git.status(root)
    assert caught.value.as_json()["code"] == "sandbox_unavailable"
    assert not (tmp_path / "log").exists()


@pytest.fixture
def served(web: tuple[str, Path], root: Path) -> str:
    address, folder = web
    plain(folder, "clone", "-q", "--bare", str(root), "repo")
    plain(folder / "repo", "update-server-info")
    return address


async def test_a_listed_internal_address_is_cloned_with_progress(sandbox: bool, served: str, tmp_path: Path) -> None:
    target = tmp_path / "clone"
    target.mkdir()
    lines: list[bytes] = []
    host = served.removeprefix("http://")
    await git.clone(f"{served}/repo", target, internal_hosts=(host,), on_output=lines.append)
    assert (target / "a.txt").read_text() == "one\n"
    assert await git.status(target) == []
    assert b"Cloning" in b"".join(lines)


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/missing", NotFound, "no repository"),
        ("/private", NotFound, "private"),
        ("/moved", Invalid, "another address"),
    ],
)
async def test_a_clone_that_fails_says_why(
    path: str, kind: type[Refused], words: str, confined: None, served: str, tmp_path: Path
) -> None:
    target = tmp_path / "clone"
    target.mkdir()
    with pytest.raises(kind) as caught:
        await git.clone(f"{served}{path}", target, internal_hosts=("127.0.0.1",))
    assert words in caught.value.what
    assert caught.value.do


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "ext::sh -c touch% /tmp/x",
        "ext::true",
        "git://example.com/x",
        "ssh://-oProxyCommand=x/y",
        "-oProxyCommand=x:y",
        "git@example.com:x/y",
        "--upload-pack=x",
        "/etc",
        "https://user:secret@example.com/x",
        "https://token@example.com/x",
        "https://",
        "https://-x/",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://2130706433/x",
        "http://127.0.0.1:1/x",
        "https://exa mple.com/",
        "https://example.com/\nx",
    ],
)
async def test_addresses_that_are_no_public_repository_are_refused(url: str, unconfined: None, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        await git.clone(url, tmp_path)
    assert caught.value.what
    assert caught.value.do
    assert "secret" not in caught.value.what


async def test_a_local_repository_is_copied_and_shares_nothing(sandbox: bool, root: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    await git.clone_local(root, target)
    assert (target / "a.txt").read_text() == "one\n"
    assert not (target / ".git/objects/info/alternates").exists()
    assert await git.head(target) == await git.head(root)
    for wrong in (tmp_path / "nothing", Path("relative"), tmp_path):
        with pytest.raises(Invalid):
            await git.clone_local(wrong, target)
