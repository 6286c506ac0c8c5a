"""A document and its file: seeding, saving, and merging what changed on disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading

import pytest

from ide.db import in_db
from ide.documents.file.disk import DiskCopy
from ide.documents.log.store import Store
from ide.documents.models import Document
from ide.documents.room import Edit
from ide.workspaces.files import Files, Unreadable
from ide.workspaces.models import Workspace
from ide.workspaces.replace import Changed
from tests.documents.keeper import StoreKeeper

TEXT = "one 😀\ntwo\nthree\nfour\n"


class Desk:
    """A room, its log and its file."""

    def __init__(self, workspace: Workspace, row: Document, store: Store) -> None:
        self.file = workspace.folder / row.path
        self.row = row
        self.store = store
        self.notices: list[str] = []
        self.keeper = StoreKeeper(row.pk, row.path, store)
        self.room = self.keeper.room
        self.files = Files(workspace.folder)
        self.disk = DiskCopy(row, self.files, store, lambda tone, text: self.notices.append(text))

    async def open(self) -> bool:
        await self.keeper.load()
        if self.room.seq == 0:
            await self.disk.first(self.room)
            return False
        return await self.disk.opened(self.room)


@pytest.fixture
def desk(workspace: Workspace, document: Document, store: Store) -> Desk:
    one = Desk(workspace, document, store)
    one.file.parent.mkdir()
    one.file.write_bytes(TEXT.encode())
    return one


async def reopened(desk: Desk, workspace: Workspace) -> tuple[Desk, bool]:
    await desk.store.drain()
    row = await in_db(lambda: Document.objects.get(pk=desk.row.pk))
    again = Desk(workspace, row, desk.store)
    return again, await again.open()


async def test_the_first_opening_seeds_from_the_file_the_same_bytes_each_time(desk: Desk) -> None:
    await desk.open()
    assert desk.room.text() == TEXT
    assert (await desk.store.load(desk.row.pk)).updates[0][:3] == b"\x01\x01\x01"  # one client, one item, client id 1


async def test_a_save_writes_what_was_typed_and_keeps_bom_and_line_ends(desk: Desk) -> None:
    desk.file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    await desk.open()
    assert desk.room.text() == "one\ntwo\n"
    desk.room.edit([Edit(3, 3, " 😀")], "person:1")
    assert await desk.disk.save(desk.room) == 2
    assert desk.file.read_bytes() == "\ufeffone 😀\r\ntwo\r\n".encode()


async def test_a_change_on_disk_is_merged_with_what_was_typed(desk: Desk) -> None:
    await desk.open()
    desk.room.edit([Edit(0, 3, "ONE")], "person:1")
    desk.file.write_bytes(TEXT.replace("four", "FOUR 🎉").encode())
    await desk.disk.save(desk.room)
    assert desk.room.text() == "ONE 😀\ntwo\nthree\nFOUR 🎉\n"
    assert desk.file.read_text() == desk.room.text()


async def test_where_both_changed_a_line_the_document_stays_and_people_are_told(desk: Desk) -> None:
    await desk.open()
    desk.room.edit([Edit(0, 3, "ours")], "person:1")
    desk.file.write_bytes(TEXT.replace("one", "theirs").encode())
    await desk.disk.reconcile(desk.room)
    assert desk.room.text().startswith("ours 😀\n")
    assert "kept" in desk.notices[-1]


async def test_an_own_write_is_no_change(desk: Desk) -> None:
    await desk.open()
    desk.room.edit([Edit(0, 0, "x")], "person:1")
    await desk.disk.save(desk.room)
    version = desk.room.version
    await desk.disk.reconcile(desk.room)
    assert (desk.room.version, desk.notices) == (version, [])


async def test_a_deleted_file_is_not_made_again_and_the_text_lives_on(desk: Desk, workspace: Workspace) -> None:
    await desk.open()
    desk.file.unlink()
    desk.room.edit([Edit(0, 0, "still ")], "person:1")
    await desk.disk.save(desk.room)
    assert not desk.file.exists()
    assert desk.disk.detached
    assert "deleted" in desk.notices[-1]
    again, behind = await reopened(desk, workspace)
    assert (again.room.text(), behind) == ("still " + TEXT, False)


async def test_a_file_that_comes_back_is_merged(desk: Desk) -> None:
    await desk.open()
    desk.file.unlink()
    await desk.disk.reconcile(desk.room)
    desk.file.write_text(TEXT + "five\n")
    await desk.disk.reconcile(desk.room)
    assert desk.room.text() == TEXT + "five\n"
    assert not desk.disk.detached


async def test_a_file_that_is_no_text_any_more_is_left_alone_and_told(desk: Desk) -> None:
    await desk.open()
    desk.file.write_bytes(b"\0\xff\0")
    with pytest.raises(Unreadable):
        await desk.disk.reconcile(desk.room)
    with pytest.raises(Unreadable):
        await desk.disk.save(desk.room)
    assert desk.room.text() == TEXT
    assert desk.file.read_bytes() == b"\0\xff\0"
    assert len(desk.notices) == 1


async def test_a_document_with_history_keeps_it_and_merges_a_file_changed_while_closed(
    desk: Desk, workspace: Workspace
) -> None:
    await desk.open()
    await desk.room.edit([Edit(0, 3, "typed")], "person:1")  # saved in the log, not yet on disk
    desk.file.write_bytes(TEXT.replace("four", "4").encode())
    again, behind = await reopened(desk, workspace)
    assert again.room.text() == TEXT.replace("one", "typed").replace("four", "4")
    assert behind
    await again.disk.save(again.room)
    assert desk.file.read_text() == again.room.text()


async def test_a_save_never_writes_what_the_log_does_not_have(desk: Desk) -> None:
    held, go = threading.Event(), threading.Event()

    def hold(size: int) -> None:
        held.set()
        assert go.wait(10)

    await desk.open()
    desk.store.before_commit = hold
    desk.room.edit([Edit(0, 0, "x😀")], "person:1")
    saving = asyncio.ensure_future(desk.disk.save(desk.room))
    try:
        await asyncio.to_thread(held.wait, 10)
        await asyncio.wait([saving], timeout=0.1)
        assert desk.file.read_text() == TEXT
    finally:
        go.set()
    assert await saving == 2
    assert desk.file.read_text() == "x😀" + TEXT


async def test_what_is_typed_while_a_save_waits_for_the_log_is_not_said_to_be_in_the_file(
    desk: Desk, workspace: Workspace
) -> None:
    held, go = threading.Event(), threading.Event()

    def hold(size: int) -> None:
        held.set()
        assert go.wait(10)

    await desk.open()
    desk.store.before_commit = hold
    desk.room.edit([Edit(0, 0, "a😀")], "person:1")
    await asyncio.to_thread(held.wait, 10)
    desk.room.edit([Edit(0, 0, "b😀")], "person:1")
    saving = asyncio.ensure_future(desk.disk.save(desk.room))
    await asyncio.wait([saving], timeout=0.1)
    desk.room.edit([Edit(0, 0, "late ")], "person:1")  # committed in one group with the second
    go.set()
    assert await saving == 3
    assert desk.file.read_text() == "b😀a😀" + TEXT
    again, behind = await reopened(desk, workspace)  # the process died before the next save
    assert behind
    desk.file.write_text("b😀a😀" + TEXT + "five\n")
    await again.disk.save(again.room)
    assert desk.file.read_text() == "late b😀a😀" + TEXT + "five\n"


async def test_a_read_only_file_is_not_written(desk: Desk) -> None:
    desk.file.chmod(0o444)
    await desk.open()
    assert (desk.disk.access, bool(desk.disk.reason)) == ("read", True)


async def test_a_file_changed_without_another_size_or_time_is_still_merged(desk: Desk) -> None:
    await desk.open()
    before = desk.file.stat()
    desk.file.write_bytes(TEXT.replace("four", "FOUR").encode())
    os.utime(desk.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    await desk.disk.reconcile(desk.room)
    assert "FOUR" in desk.room.text()


async def test_what_stands_in_the_file_is_compared_before_a_write_whatever_its_times_say(desk: Desk) -> None:
    await desk.open()
    theirs = TEXT.replace("four", "FOUR").encode()
    with pytest.raises(Changed):
        desk.files.write(desk.row.path, b"ours", expect=hashlib.sha256(TEXT.encode()).hexdigest()[::-1])
    desk.file.write_bytes(theirs)
    with pytest.raises(Changed):
        desk.files.write(desk.row.path, b"ours", expect=hashlib.sha256(TEXT.encode()).hexdigest())
    assert desk.file.read_bytes() == theirs


async def test_a_save_notes_what_is_in_the_file_and_tells_it_from_others_writes(desk: Desk) -> None:
    await desk.open()
    assert not desk.disk.written
    desk.room.edit([Edit(0, 0, "x")], "person:1")
    seq = await desk.disk.save(desk.room)
    row = await Document.objects.aget(pk=desk.row.pk)
    assert (row.disk_seq, row.disk_sha) == (seq, hashlib.sha256(desk.file.read_bytes()).hexdigest())
    assert desk.disk.written
    assert desk.disk.as_left()
    desk.file.write_bytes(b"others")
    assert not desk.disk.as_left()
    await desk.disk.reconcile(desk.room)
    assert desk.disk.as_left()
    assert not desk.disk.written


async def test_the_text_a_merge_starts_from_is_kept_packed_while_nobody_types(desk: Desk) -> None:
    text = "".join(f"line {number} 😀\n" for number in range(2000))
    desk.file.write_text(text)
    await desk.open()
    desk.disk.rest()
    desk.room.edit([Edit(0, 0, "ours\n")], "person:1")
    desk.file.write_text(text + "theirs\n")
    await desk.disk.save(desk.room)
    assert desk.room.text() == f"ours\n{text}theirs\n"
    assert desk.file.read_text() == desk.room.text()
