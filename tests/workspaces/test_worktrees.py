"""Worktrees of jobs on real repositories: what comes back is checked, what is hostile stays inside, what people hold
stays."""

from __future__ import annotations

import inspect
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ide.errors import Invalid, Refused
from ide.runner.client import Policy, run
from ide.workspaces import exchange, git, trees, worktrees
from tests.runner.conftest import Runner
from tests.workspaces.test_git import ENV, TRAPS, plain, root, trapped

__all__ = ["root"]  # a fixture


async def made(root: Path, tmp_path: Path) -> tuple[Path, str]:
    base = await git.head(root)
    tree = tmp_path / "trees" / "w"
    await git.clone_shared(root, tree, base)
    return tree, base


async def test_what_a_worktree_made_comes_back_whole(sandbox: bool, root: Path, tmp_path: Path) -> None:
    tree, base = await made(root, tmp_path)
    (tree / "b.txt").write_text("b\n")
    first = await git.commit_all(tree, "one")
    (tree / "a.txt").unlink()
    (tree / "link").symlink_to("b.txt")
    second = await git.commit_all(tree, "two")
    await git.fetch_objects(root, tree, second, "refs/tandem/jobs/x")
    assert plain(root, "rev-parse", "refs/tandem/jobs/x") == second
    assert plain(root, "rev-list", second).split() == [second, first, base]
    assert plain(root, "fsck", "--strict", "--no-dangling") == ""
    await git.fetch_objects(root, tree, second, "refs/tandem/jobs/x")


async def test_a_worktree_that_made_nothing_brings_its_ground(sandbox: bool, root: Path, tmp_path: Path) -> None:
    tree, base = await made(root, tmp_path)
    await git.fetch_objects(root, tree, base, "refs/tandem/jobs/x")
    assert plain(root, "rev-parse", "refs/tandem/jobs/x") == base


def packed(tree: Path, data: bytes, kind: str = "commit") -> str:
    words = ["git", "hash-object", "-t", kind, "-w", "--literally", "--stdin"]
    return subprocess.run(words, cwd=tree, input=data, env=ENV, check=True, capture_output=True).stdout.decode().strip()


def objects(root: Path) -> list[Path]:
    """All that has bytes where objects are: git may leave an empty file, which it removes in time."""
    return sorted(path for path in (root / ".git" / "objects").rglob("*") if path.is_file() and path.stat().st_size)


def bad_objects(tree: Path, base: str) -> dict[str, str]:
    """Commits no honest git makes, by what is wrong with them."""
    line = "a <a@b.c> 1 +0000"
    whole = plain(tree, "rev-parse", f"{base}^{{tree}}")
    blob = packed(tree, b"../../outside", "blob")
    entry = bytes.fromhex(blob)

    def commit(folder: str, author: str = line) -> str:
        said = f"tree {folder}\nparent {base}\nauthor {author}\ncommitter {line}\n\nbad\n"
        return packed(tree, said.encode())

    return {
        "no e-mail": commit(whole, "a 1 +0000"),
        "a .git inside": commit(packed(tree, b"40000 .git\0" + bytes.fromhex(whole), "tree")),
        "a link as .gitmodules": commit(packed(tree, b"120000 .gitmodules\0" + entry, "tree")),
        "a way up": commit(packed(tree, b"100644 ..\0" + entry, "tree")),
        "a slash in a name": commit(packed(tree, b"100644 a/../b\0" + entry, "tree")),
        "twice the same name": commit(packed(tree, (b"100644 a\0" + entry) * 2, "tree")),
    }


@pytest.mark.parametrize(
    "kind",
    [
        *("no e-mail", "a .git inside", "a link as .gitmodules", "a way up", "a slash in a name"),
        "twice the same name",
    ],
)
async def test_an_object_that_is_not_as_it_should_be_is_not_taken(
    kind: str, sandbox: bool, root: Path, tmp_path: Path
) -> None:
    tree, base = await made(root, tmp_path)
    oid = bad_objects(tree, base)[kind]
    (tree / ".git" / "HEAD").write_text(f"{oid}\n")
    before = objects(root)
    with pytest.raises(git.GitFailed):
        await git.fetch_objects(root, tree, oid, "refs/tandem/jobs/x")
    assert objects(root) == before
    assert plain(root, "for-each-ref", "refs/tandem") == ""


async def test_a_commit_whose_files_are_missing_is_not_taken(confined: None, root: Path, tmp_path: Path) -> None:
    tree, base = await made(root, tmp_path)
    line = "a <a@b.c> 1 +0000"
    oid = packed(tree, f"tree {'1' * 40}\nparent {base}\nauthor {line}\ncommitter {line}\n\nhollow\n".encode())
    bundle = hollow(tree, oid)
    with pytest.raises(git.GitFailed):
        await worktrees.import_bundle(root, bundle, oid)
    with pytest.raises(subprocess.CalledProcessError):
        plain(root, "cat-file", "-e", oid)


def hollow(tree: Path, oid: str) -> bytes:
    """A bundle with one object only, as git itself would refuse to make it."""
    words = ["git", "pack-objects", "--stdout", "-q"]
    pack = subprocess.run(words, cwd=tree, input=f"{oid}\n".encode(), env=ENV, check=True, capture_output=True).stdout
    return b"# v2 git bundle\n" + f"{oid} HEAD\n\n".encode() + pack


async def test_a_bundle_of_something_else_is_refused(confined: None, root: Path, tmp_path: Path) -> None:
    tree, base = await made(root, tmp_path)
    (tree / "b.txt").write_text("b\n")
    oid = await git.commit_all(tree, "one")
    with pytest.raises(Invalid):
        await git.fetch_objects(root, tree, base, "refs/tandem/jobs/x")
    whole = hollow(tree, oid)
    for wrong in (
        b"",
        b"PACK",
        whole.replace(b"# v2", b"# v9"),
        whole.replace(b" HEAD\n", f" HEAD\n{base} x\n".encode()),
    ):
        with pytest.raises(Invalid):
            worktrees.pack_of(wrong, oid)
    with pytest.raises(Invalid):
        await git.fetch_objects(root, tmp_path, oid, "refs/tandem/jobs/x")


@pytest.mark.parametrize("kind", TRAPS)
async def test_a_hostile_worktree_changes_nothing_of_the_workspace(
    kind: str, confined: None, runner: Runner, root: Path, tmp_path: Path
) -> None:
    """Its configuration was written by a job's command, and starts programs whenever git looks at it."""
    tree, _ = await made(root, tmp_path)
    log = tmp_path / "log"
    trapped(tree, kind, log)
    places = f"{root} {root}/.git {root}/.git/objects {root}/.git/refs"
    harm = f"for d in {places}; do echo x >$d/evil; done; rm -rf {root}/.git"
    for key, value in (("uploadpack.packObjectsHook", "sh -c evil"), ("core.alternateRefsCommand", "sh -c evil")):
        plain(tree, "config", key, value)
    script = f"{harm}; git config core.pager 'sh -c evil'; git config filter.t.clean '{harm}; cat'; true"
    await run(["sh", "-c", script], Policy(tree, extra_ro=(root / ".git",)), socket=runner.socket)
    before = sorted(str(path) for path in root.rglob("*"))
    oid = await git.commit_all(tree, "work")
    assert sorted(str(path) for path in root.rglob("*")) == before
    await git.fetch_objects(root, tree, oid, "refs/tandem/jobs/x")
    await git.diff_files(root, await git.head(root), oid)
    assert not log.exists()
    assert not list(root.rglob("evil*"))


async def _fetched(root: Path, oid: str, out: Path) -> None:
    await git.clone_shared(root, out / "w", oid)
    await git.fetch_objects(root, out / "w", oid, "refs/tandem/w")


async def _checked(root: Path, oid: str, out: Path) -> None:
    bundle = out / "bundle"
    bundle.write_bytes(hollow(root, oid))
    await exchange.checked(root, bundle, oid)


ACTS: dict[str, Callable[[Path, str, Path], Awaitable[object]]] = {
    "head": lambda root, oid, out: git.head(root),
    "branch": lambda root, oid, out: git.branch(root),
    "status": lambda root, oid, out: git.status(root),
    "snapshot": lambda root, oid, out: git.snapshot(root, "refs/tandem/y", "y"),
    "tree_with": lambda root, oid, out: git.tree_with(root, oid, ["a.txt"]),
    "tree_of": lambda root, oid, out: git.tree_of(root, oid),
    "commit_tree": lambda root, oid, out: git.commit_tree(
        root, plain(root, "rev-parse", f"{oid}^{{tree}}"), oid, "m", git.Author("a", "b")
    ),
    "unstage": lambda root, oid, out: git.unstage(root, ["a.txt"]),
    "add_note": lambda root, oid, out: git.add_note(root, "refs/notes/x", oid, "note"),
    "commit_all": lambda root, oid, out: git.commit_all(root, "m"),
    "set_head": lambda root, oid, out: git.set_head(root, oid),
    "diff_files": lambda root, oid, out: git.diff_files(root, oid, oid),
    "differing": lambda root, oid, out: git.differing(root, oid, oid),
    "diff_work": lambda root, oid, out: git.diff_work(root),
    "messages": lambda root, oid, out: git.messages(root, 5),
    "show": lambda root, oid, out: git.show(root, oid, "a.txt"),
    "update_ref": lambda root, oid, out: git.update_ref(root, "refs/tandem/z", oid, ""),
    "clone_shared": lambda root, oid, out: git.clone_shared(root, out / "w", oid),
    "clone_local": lambda root, oid, out: git.clone_local(root, out),
    "fetch_objects": _fetched,
    "modes": lambda root, oid, out: trees.modes(root, oid, ["a.txt"]),
    "with_files": lambda root, oid, out: trees.with_files(root, oid, {"b.txt": b"b"}, {}),
    "committed": lambda root, oid, out: trees.committed(
        root, plain(root, "rev-parse", f"{oid}^{{tree}}"), oid, "m", git.Author("a", "b")
    ),
    "at": lambda root, oid, out: trees.at(root, "refs/heads/main"),
    "is_ancestor": lambda root, oid, out: trees.is_ancestor(root, oid, oid),
    "put": lambda root, oid, out: trees.put(root, "refs/heads/other", oid),
    "advertised": lambda root, oid, out: exchange.advertised(root, ["refs/heads/main"], out),
    "packed": lambda root, oid, out: exchange.packed(
        root, ["refs/heads/main"], out, f"0032want {oid}\n00000009done\n".encode()
    ),
    "bundled": lambda root, oid, out: exchange.bundled(root, "refs/heads/main", (), out),
    "checked": _checked,
    "taken": lambda root, oid, out: exchange.taken(root, oid, "refs/tandem/v"),
    "import_bundle": lambda root, oid, out: worktrees.import_bundle(root, hollow(root, oid), oid),
}
# They begin in an empty folder, or a worker's mirror, with nothing of a repository's own.
NOT_HERE = {"init", "clone", "mirrored"}
ASKING_A_PERSONS_GIT = {"commit_tree", "committed", "checked", "import_bundle"}  # to make what they are given


def test_every_act_of_git_is_tried() -> None:
    acts = {
        name
        for module in (git, worktrees, trees, exchange)
        for name, act in vars(module).items()
        if inspect.iscoroutinefunction(act) and not name.startswith("_")
    }
    assert acts - {"outcome_of", "output_of"} - NOT_HERE == set(ACTS)


@pytest.mark.parametrize("where", ["sandbox", "direct"])
async def test_no_act_starts_anything_of_the_repository_outside(
    where: str, request: pytest.FixtureRequest, root: Path, tmp_path: Path
) -> None:
    """With a sandbox all acts work, and what the repository starts stays in it; without one none is done."""
    request.getfixturevalue("confined" if where == "sandbox" else "unconfined")
    log = tmp_path / "log"
    for kind in TRAPS:
        for key, value in TRAPS[kind]:
            plain(root, "config", key, value.replace("{run}", f"echo ran >>{log}"))
    (root / ".gitattributes").write_text("* filter=t diff=t\n")
    oid = plain(root, "rev-parse", "HEAD")
    log.unlink(missing_ok=True)  # `plain` is a person's own git, which may run what it likes
    for name, act in ACTS.items():
        out = tmp_path / f"out-{name}"
        out.mkdir()
        try:
            await act(root, oid, out)
        except Refused:
            assert where == "direct", name
        if name not in ASKING_A_PERSONS_GIT:
            assert not log.exists(), name
        log.unlink(missing_ok=True)


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_a_worktree_is_removed_with_all_that_commands_left_in_it(
    confined: None, runner: Runner, root: Path, tmp_path: Path
) -> None:
    tree, _ = await made(root, tmp_path)
    (tmp_path / "kept").write_text("a person's")
    script = f"mkdir -p shut/in; touch shut/in/x; chmod 0 shut/in shut; ln -s {tmp_path} out; ln -s {tmp_path}/kept k"
    await run(["sh", "-c", f"{script}; mkfifo f"], Policy(tree), socket=runner.socket)
    assert worktrees.remove(tree)
    assert not tree.exists()
    assert os.listdir(tree.parent) == []
    assert (tmp_path / "kept").read_text() == "a person's"
    assert (root / "a.txt").exists()


async def test_what_a_person_holds_is_not_removed(unconfined: None, root: Path, tmp_path: Path) -> None:
    tree, _ = await made(root, tmp_path)
    (tree / "mine.txt").write_text("typed by a person")
    worktrees.hold(tree, "Ada")
    assert worktrees.held_by(tree) == "Ada"
    assert not worktrees.remove(tree)
    assert (tree / "mine.txt").read_text() == "typed by a person"
    assert git.shared_base(tree) == root / ".git"
    worktrees.let_go(tree)
    assert worktrees.remove(tree)


def test_a_link_in_a_worktrees_place_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_text("x")
    (tmp_path / "w").symlink_to(tmp_path / "elsewhere")
    worktrees.remove(tmp_path / "w")
    assert (tmp_path / "elsewhere" / "a").exists()
    assert not (tmp_path / "w").is_symlink()
