"""What others do to the files of an open workspace, with real git and a real watcher, and what its people are told."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ide.db import in_db
from ide.documents import protocol
from ide.documents.models import Document, Version
from ide.documents.text import Edit
from ide.errors import Refused
from ide.live.host import WorkspaceHost, live_host
from tests.live.conftest import World
from tests.live.tab import Tab

pytestmark = pytest.mark.usefixtures("closed_hosts")

TEXT = "".join(f"line {n} 😀\n" for n in range(20))


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


class Desk:
    """A repository with `a.py` and `dir/b.py`, and the owner's tab with a document open."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.root: Path = world.workspace.folder
        self.file = self.root / "a.py"
        self.tab = Tab(world.workspace.pk, world.owner)
        self.id = world.document.pk

    async def open(self, path: str = "a.py") -> None:
        self.id = (await in_db(lambda: Document.objects.get_or_create(workspace=self.world.workspace, path=path)[0])).pk
        self.file = self.root / path
        await self.tab.opened(self.id)
        await self.tab.until(lambda: "document.disk" in self.tab.order)

    @property
    def host(self) -> WorkspaceHost:
        found = live_host(self.world.workspace.pk)
        assert found is not None
        return found

    @property
    def text(self) -> str:
        return self.tab.text(self.id)

    async def shows(self, condition: Callable[[], Any]) -> None:
        await self.tab.until(condition)

    async def event(self, kind: str, condition: Callable[[dict[str, Any]], bool] = lambda e: True) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [e for e in self.tab.events if e["type"] == kind and condition(e)]

        return (await self.tab.until(found))[-1]

    async def notice(self, word: str) -> None:
        await self.event("document.notice", lambda e: word in e["text"])

    def is_on_disk(self) -> bool:
        told = [e for e in self.tab.events if e["type"] == "document.disk" and e["document"] == self.id]
        return bool(told[-1]["on_disk"])

    async def type(self, text: str, at: int = 0) -> None:
        self.tab.type(self.id, at, text)

    async def written(self) -> None:
        """All of the text is in the file, and said to be."""
        await self.tab.until(lambda: self.is_on_disk() and self.file.read_text() == self.text)


@pytest.fixture
async def desk(world: World) -> Desk:
    (world.workspace.folder / "a.py").write_text(TEXT)
    (world.workspace.folder / "dir").mkdir()
    (world.workspace.folder / "dir" / "b.py").write_text("b 😀\n")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "one"]):
        git(world.workspace.folder, *words)
    return Desk(world)


# --- changes that are merged ------------------------------------------------------------------------------------------


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def rename_over(file: Path, text: str) -> None:
    other = file.with_name(file.name + "~")
    other.write_text(text)
    other.rename(file)


def slowly(file: Path, text: str) -> None:
    """As a shell does: the file is empty until the command has something to say."""
    with file.open("wb") as out:
        subprocess.run(["sh", "-c", 'sleep 0.3; printf %s "$1"', "sh", text], stdout=out, check=True)


@pytest.mark.parametrize("save", [in_place, rename_over, slowly])
async def test_an_editor_saves_and_what_is_typed_here_stays(desk: Desk, save: Callable[[Path, str], None]) -> None:
    await desk.open()
    await desk.type("typed ")
    await asyncio.to_thread(save, desk.file, TEXT.replace("line 9 ", "LINE NINE "))
    await desk.shows(lambda: desk.text == "typed " + TEXT.replace("line 9 ", "LINE NINE "))
    await desk.written()
    assert "deleted" not in str(desk.tab.events)


async def test_git_checkout_stash_and_stash_pop(desk: Desk) -> None:
    git(desk.root, "checkout", "-q", "-b", "other")
    desk.file.write_text(TEXT.replace("line 5 ", "five of other "))
    git(desk.root, "commit", "-q", "-am", "two")
    git(desk.root, "checkout", "-q", "main")
    await desk.open()
    await asyncio.to_thread(git, desk.root, "checkout", "-q", "other")
    await desk.shows(lambda: "five of other" in desk.text)
    await asyncio.to_thread(git, desk.root, "checkout", "-q", "main")
    await desk.shows(lambda: desk.text == TEXT)
    await desk.type("typed ")
    await desk.written()
    await asyncio.to_thread(git, desk.root, "stash")
    await desk.shows(lambda: desk.text == TEXT)
    await asyncio.to_thread(git, desk.root, "stash", "pop")
    await desk.shows(lambda: desk.text == "typed " + TEXT)
    await desk.written()
    assert "deleted" not in str(desk.tab.events)


async def test_a_formatter_runs_while_people_type(desk: Desk) -> None:
    await desk.open()
    await desk.type("new line\n", len(TEXT.encode()))
    await asyncio.to_thread(subprocess.run, ["sed", "-i", "s/line/Line/", str(desk.file)], check=True)
    await desk.shows(lambda: desk.text.startswith("Line 0") and desk.text.endswith("new line\n"))
    await desk.written()


# --- conflicts --------------------------------------------------------------------------------------------------------


async def conflict(desk: Desk) -> dict[str, Any]:
    """Line 3 is changed here and on disk, line 15 on disk only."""
    await desk.open()
    desk.host.files.write("a.py", TEXT.replace("line 3 ", "theirs ").replace("line 15 ", "fifteen ").encode())
    await desk.type("ours ", TEXT.encode().index(b"line 3"))
    return await desk.event("document.conflict", lambda e: bool(e["hunks"]))


async def test_a_conflict_is_shown_and_both_texts_are_kept_in_the_history(desk: Desk) -> None:
    event = await conflict(desk)
    (hunk,) = event["hunks"]
    assert (hunk["base"], hunk["ours"], hunk["theirs"]) == ("line 3 😀\n", "ours line 3 😀\n", "theirs 😀\n")
    room = desk.host.rooms[desk.id]
    start, end = room.index_of(hunk["start"]), room.index_of(hunk["end"])
    assert start is not None
    assert room.text()[start:end] == hunk["ours"]
    await desk.shows(lambda: "fifteen" in desk.text)
    assert not any(mark in desk.text for mark in ("<<<<", "====", ">>>>"))
    await desk.notice("Choose")
    texts = await in_db(lambda: [bytes(v.text or b"") for v in Version.objects.filter(note__contains="onflict")])
    assert len(texts) == 2
    await desk.written()
    late = Tab(desk.world.workspace.pk, desk.world.editor)  # who comes later is shown it, too
    await late.opened(desk.id)
    await late.until(lambda: [e for e in late.events if e["type"] == "document.conflict" and e["hunks"]])
    await late.leave()


async def test_one_person_decides_a_conflict_and_all_are_told(desk: Desk) -> None:
    (hunk,) = (await conflict(desk))["hunks"]
    params = {"document": desk.id, "conflict": hunk["id"]}
    assert "result" in await desk.tab.call("document.settle", params)
    await desk.event("document.conflict", lambda e: not e["hunks"])
    assert (await desk.tab.call("document.settle", params))["error"]["data"]["code"] == "conflict"


async def test_a_merge_is_taken_back_and_what_was_typed_since_stays(desk: Desk) -> None:
    await conflict(desk)
    await desk.shows(lambda: "fifteen" in desk.text)
    await desk.type("since ")
    assert (await desk.tab.call("document.unmerge", {"document": desk.id}))["result"] == {"changed": True}
    await desk.shows(lambda: desk.text == "since " + TEXT.replace("line 3", "ours line 3"))
    await desk.event("document.conflict", lambda e: not e["hunks"])
    await desk.written()
    assert (await desk.tab.call("document.unmerge", {"document": desk.id}))["result"] == {"changed": False}


# --- deleted, renamed -------------------------------------------------------------------------------------------------


async def test_a_deleted_file_detaches_its_document_and_comes_back_when_git_restores_it(desk: Desk) -> None:
    await desk.open()
    await asyncio.to_thread(git, desk.root, "rm", "-q", "a.py")
    await desk.notice("deleted")
    assert not desk.is_on_disk()
    await desk.type("typed ")
    await desk.tab.call("ping")
    assert not desk.file.exists()
    await asyncio.to_thread(git, desk.root, "checkout", "HEAD", "--", "a.py")
    await desk.notice("back")
    await desk.written()
    assert desk.text == "typed " + TEXT


async def test_a_person_makes_a_deleted_file_anew(desk: Desk) -> None:
    await desk.open()
    desk.file.unlink()
    await desk.event("document.access", lambda e: e["detached"])
    await desk.type("typed ")
    assert (await desk.tab.call("document.attach", {"document": desk.id}))["result"] == {"made": True}
    await desk.event("document.access", lambda e: not e["detached"])
    await desk.written()
    assert desk.file.read_text() == "typed " + TEXT
    assert (await desk.tab.call("document.attach", {"document": desk.id}))["result"] == {"made": False}


@pytest.mark.parametrize(
    ("path", "words", "to"),
    [
        ("a.py", ["mv", "a.py", "new.py"], "new.py"),
        ("a.py", ["git", "mv", "a.py", "dir/new.py"], "dir/new.py"),
        ("dir/b.py", ["git", "mv", "dir", "folder"], "folder/b.py"),
    ],
)
async def test_a_document_follows_its_renamed_file(desk: Desk, path: str, words: list[str], to: str) -> None:
    await desk.open(path)
    await desk.type("before ")
    await desk.written()
    await asyncio.to_thread(subprocess.run, words, cwd=desk.root, check=True, capture_output=True)
    moved = await desk.event("document.moved")
    assert moved == {"type": "document.moved", "document": desk.id, "path": to}
    desk.file = desk.root / to
    await desk.type("after ")
    await desk.written()
    assert desk.file.read_text().startswith("after before ")
    assert not (desk.root / path).exists()
    assert (await in_db(lambda: Document.objects.get(pk=desk.id))).path == to
    assert "deleted" not in str(desk.tab.events)


async def test_another_file_with_the_same_text_is_not_taken_for_a_renamed_one(desk: Desk) -> None:
    await desk.open()
    text = desk.file.read_text()
    desk.file.with_name("copy.py").write_text(text)
    desk.file.unlink()
    await desk.notice("deleted")
    assert not [e for e in desk.tab.events if e["type"] == "document.moved"]


async def test_a_file_moved_over_another_open_one_is_merged_there(desk: Desk) -> None:
    await desk.open()
    second = Desk(desk.world)
    await second.open("dir/b.py")
    os.rename(desk.root / "a.py", desk.root / "dir" / "b.py")
    await second.shows(lambda: second.text == TEXT)
    await desk.notice("deleted")
    await second.tab.leave()


# --- what is no file to write -----------------------------------------------------------------------------------------


def a_link(file: Path) -> None:
    outside = file.parent.parent / "outside.txt"
    outside.write_text("secret")
    file.unlink()
    file.symlink_to(outside)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def binary(file: Path) -> None:
    file.write_bytes(b"\0\1\2")


def latin_1(file: Path) -> None:
    file.write_bytes("é\n".encode("latin-1"))


def huge(file: Path) -> None:
    file.write_bytes(b"x" * (6 << 20))


@pytest.mark.parametrize("turn", [a_link, a_folder, binary, latin_1, huge])
async def test_what_is_no_text_file_any_more_is_left_alone_until_it_is_one(
    desk: Desk, turn: Callable[[Path], None]
) -> None:
    await desk.open()
    await asyncio.to_thread(turn, desk.file)
    await desk.notice("cannot be merged")
    assert not desk.is_on_disk()
    before = None if desk.file.is_dir() else desk.file.read_bytes()
    await desk.type("typed ")
    with pytest.raises(Refused):
        await desk.host.document(desk.id).save()  # type: ignore[union-attr]
    assert before == (None if desk.file.is_dir() else desk.file.read_bytes())
    if desk.file.is_dir():
        desk.file.rmdir()
    else:
        desk.file.unlink()
    desk.file.write_text(TEXT)
    await desk.notice("can be read again")
    await desk.written()
    assert desk.text == "typed " + TEXT


async def test_a_folder_swapped_for_a_link_leads_nowhere(desk: Desk, tmp_path: Path) -> None:
    await desk.open("dir/b.py")
    (tmp_path / "b.py").write_text("outside")
    os.rename(desk.root / "dir", tmp_path / "old")
    (desk.root / "dir").symlink_to(tmp_path)
    await desk.notice("link")
    await desk.type("typed ")
    with pytest.raises(Refused, match="link"):
        await desk.host.document(desk.id).save()  # type: ignore[union-attr]
    assert (tmp_path / "b.py").read_text() == "outside"
    (desk.root / "dir").unlink()
    os.rename(tmp_path / "old", desk.root / "dir")
    await desk.written()


# --- modes ------------------------------------------------------------------------------------------------------------


async def test_a_file_made_read_only_and_writable_again(desk: Desk) -> None:
    await desk.open()
    scopes = lambda: [f.scope for f in desk.tab.of(protocol.Access) if f.document == desk.id]  # noqa: E731
    desk.file.chmod(0o444)
    event = await desk.event("document.access", lambda e: e["access"] == "read")
    assert event["reason"]
    await desk.shows(lambda: scopes()[-1] == "readonly")
    desk.file.chmod(0o755)
    await desk.event("document.access", lambda e: e["access"] == "edit" and not e["reason"])
    await desk.shows(lambda: scopes()[-1] == "read-write")
    await desk.type("typed ")
    await desk.written()
    assert desk.file.stat().st_mode & 0o777 == 0o755


async def test_a_viewer_stays_a_reader_whatever_the_file_permits(desk: Desk) -> None:
    desk.tab = Tab(desk.world.workspace.pk, desk.world.viewer)
    await desk.open()
    desk.file.chmod(0o444)
    await desk.event("document.access", lambda e: e["access"] == "read")
    desk.file.chmod(0o644)
    await desk.event("document.access", lambda e: e["access"] == "edit" and not e["reason"])
    assert {f.scope for f in desk.tab.of(protocol.Access) if f.document == desk.id} == {"readonly"}


async def test_typed_text_waits_while_the_file_is_read_only(desk: Desk) -> None:
    await desk.open()
    await desk.type("typed ")
    desk.file.chmod(0o444)
    await desk.notice("could not be written")
    assert not desk.is_on_disk()
    desk.file.chmod(0o644)
    await desk.written()


async def test_what_a_killed_process_left_is_removed_at_the_start(desk: Desk) -> None:
    left = [desk.root / ".tandem-write-0123", desk.root / "dir" / ".tandem-write-4567"]
    for file in left:
        file.write_text("half")
    await desk.open()
    desk.file.write_text(TEXT + "more\n")
    await desk.shows(lambda: desk.text.endswith("more\n"))  # the watcher runs, so the start is over
    assert not any(file.exists() for file in left)


async def test_text_that_the_disk_does_not_take_waits_and_is_not_said_to_be_there(desk: Desk) -> None:
    """The disk is full as far as this process goes: no file may grow beyond 3 MiB."""
    long = "x" * 99 + "\n"
    desk.file.write_text(long * 33_000)
    await desk.open()
    desk.file.chmod(0o444)
    await desk.event("document.access", lambda e: e["access"] == "read")
    room = desk.host.rooms[desk.id]
    await room.edit([Edit(0, 0, "typed ")], f"person:{desk.world.owner.pk}")
    await desk.notice("could not be written")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, before[1]))
    try:
        desk.file.chmod(0o644)
        await desk.notice("File too large")
        assert not desk.is_on_disk()
        assert desk.file.read_text() == long * 33_000
        assert [f for f in os.listdir(desk.root) if f.startswith(".tandem")] == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await desk.written()
    assert desk.file.read_text().startswith("typed ")
