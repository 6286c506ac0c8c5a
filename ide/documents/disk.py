"""DiskCopy: one document and its file. Saves, and merges what changed on disk into the live text.

The file is written only over the bytes this process last saw there; anything else is merged first (base = the text last
in the file, theirs = the file, ours = the document). A deleted file is not made again behind the person's back.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from ide.db import in_db
from ide.documents.author import ModelClient
from ide.documents.models import Document
from ide.documents.replica import Replica, fenced
from ide.documents.room import Room
from ide.documents.store import Store
from ide.documents.text import Edit, clean, merge3, minimal_edits
from ide.errors import NotFound, Refused, Unavailable
from ide.workspaces.files import Files, FileText, Format, encode

SEED_CLIENT = 1  # the same bytes whoever seeds, so two seeds of one file are one


Notice = Callable[[str, str], None]  # (tone: info | warn | bad, sentence)


class DiskCopy:
    """`notice(tone, text)` reaches the people who have the document open. All methods are for the room's loop."""

    def __init__(self, row: Document, files: Files, notice: Notice) -> None:
        self.path = row.path
        self.detached = row.detached
        self.access, self.reason = "edit", ""  # as the file permits: edit or read, and why it is read-only
        self._id = row.pk
        self._files = files
        self._notice = notice
        self._sha = row.disk_sha
        self._seq = row.disk_seq
        self._base: str | None = None  # the text in the file when it was last read or written
        self._format = Format(row.encoding, row.bom, row.newline)
        self._lock = asyncio.Lock()
        self._problem = ""

    async def first(self, room: Room) -> None:
        """Seed a document without history from its file. Raises Refused if the file cannot be a document."""
        async with self._lock:
            found = await asyncio.to_thread(self._files.read, self.path)
            self._adopt(found)
            if found.text:
                await room.edit([Edit(0, 0, found.text)], "seed", client=ModelClient(SEED_CLIENT))
            self._seq = room.seq
            await self._record()

    async def opened(self, room: Room, store: Store) -> bool:
        """Reconcile a document that has a history with a file that may have changed while it was closed; whether the
        file lacks something now."""
        if self._seq >= room.seq:
            self._base = room.text()
        else:
            self._base = await self._text_at(store, self._seq)
        await self.reconcile(room)
        return not self.detached and self._base != room.text()

    async def _text_at(self, store: Store, seq: int) -> str | None:
        """The text as it was when the file was last written; None if the log does not reach back that far."""
        try:
            loaded = await store.load(self._id, seq)
        except LookupError:
            return None
        return fenced(lambda: Replica(loaded.updates).text())

    async def save(self, room: Room) -> int:
        """Bring everything saved so far to disk; the sequence number that is there now.

        Waits for commits under way: the file never has what the log has not. Raises OSError, Refused.
        """
        async with self._lock:
            await self._merge_outside_change(room)
            text = room.text()
            pending = room.pending
            if pending:
                await asyncio.wait(pending)
            if room.broken:
                raise Unavailable("The document is being loaded again.", "Try again in a moment.")
            seq = max([room.seq, *(p.result() for p in pending if not p.cancelled() and p.exception() is None)])
            if self.detached or (text == self._base and self._seq >= seq):
                return self._seq
            if text != self._base:
                await self._write(text)
            self._seq = seq
            await self._record()
            return seq

    async def reconcile(self, room: Room) -> None:
        """Merge what changed on disk into the document. Own writes are recognised by their hash."""
        async with self._lock:
            await self._merge_outside_change(room)

    async def moved(self, path: str) -> None:
        """The file has another path now; what is in it did not change."""
        async with self._lock:
            self.path = path

    async def _merge_outside_change(self, room: Room) -> None:
        found = await self._read()
        if room.broken or found is None or (found.sha == self._sha and not self.detached):
            return
        was_detached, self.detached = self.detached, False
        ours, theirs = room.text(), clean(found.text)
        base = self._base if self._base is not None else ("" if self._seq < room.seq else ours)
        merged = merge3(base, ours, theirs)
        self._adopt(found)
        edits = minimal_edits(ours, merged.text)
        if edits:
            await room.edit(edits, "disk")
        await self._record()
        if merged.conflicts:
            self._notice("warn", "The file changed on disk where it was also edited here; the text here was kept.")
        elif edits:
            self._notice("info", "The file changed on disk; the change was merged.")
        elif was_detached:
            self._notice("info", "The file is back on disk.")

    async def _read(self) -> FileText | None:
        """The file, or None (and a notice, once) if it is gone or cannot be read as text."""
        try:
            found = await asyncio.to_thread(self._files.read, self.path)
        except (NotFound, FileNotFoundError):
            if not self.detached:
                self.detached = True
                await self._record()
                self._notice("warn", "The file was deleted on disk. The text lives on here, but is not in a file.")
            return None
        except Refused as error:
            if self._problem != error.what:
                self._problem = error.what
                self._notice("bad", f"The file on disk cannot be merged: {error.what}")
            raise
        self._problem = ""
        self.access, self.reason = found.access, found.reason
        return found

    async def _write(self, text: str) -> None:
        data = encode(text, self._format)
        await asyncio.to_thread(self._files.write, self.path, data)
        self._sha, self._base = hashlib.sha256(data).hexdigest(), text

    def _adopt(self, found: FileText) -> None:
        self._sha, self._base = found.sha, clean(found.text)
        self._format = Format(found.encoding, found.bom, found.newline)
        self.access, self.reason = found.access, found.reason

    async def _record(self) -> None:
        await in_db(_record, self._id, self._facts())

    def _facts(self) -> dict[str, object]:
        form = self._format
        return {
            "disk_seq": self._seq,
            "disk_sha": self._sha,
            "detached": self.detached,
            "encoding": form.encoding,
            "bom": form.bom,
            "newline": form.newline,
        }


def _record(document: str, facts: dict[str, object]) -> None:
    Document.objects.filter(pk=document).update(**facts)
