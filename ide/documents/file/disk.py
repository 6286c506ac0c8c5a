"""DiskCopy: one document and its file. Saves, and merges what changed on disk into the live text.

The file is written only over the bytes this process last saw there; anything else is merged first (base = the text
last in the file, theirs = the file, ours = the document). A file whose inode, size, mode and times are as we left them
is not read again: that only decides whether to look. A write compares the bytes it takes the place of by their hash,
whatever the times say, and so does the save before a document is let go. A deleted file is not made again behind the
person's back; what is no text any more (a link, a folder, binary) is not written over: the document stays and the
people are told.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection

from ide import faults
from ide.db import in_db
from ide.documents.file.conflicts import Conflicts
from ide.documents.file.kept import Kept
from ide.documents.file.saver import saver
from ide.documents.history.timeline import keep_conflict
from ide.documents.log.rows import OnDisk
from ide.documents.log.store import Fenced, Store
from ide.documents.models import Document
from ide.documents.room import Room
from ide.documents.room.author import ModelClient
from ide.documents.text import Edit, clean, merge3, minimal_edits
from ide.documents.yjs.replica import Replica, fenced
from ide.errors import Busy, NotFound, Refused, Unavailable
from ide.workspaces.files import Files, FileText, Format, Mark, Stat, encode
from ide.workspaces.replace import Changed, Folders

SEED_CLIENT = 1  # the same bytes whoever seeds, so two seeds of one file are one
# Others write in steps: git unlinks and makes anew, a shell truncates before its command has run. What is missing or
# empty is looked at until it stays so, together less than a second; other changes until they are the same twice.
LOOKS = (0.05, 0.1, 0.2, 0.4)
TRIES = 5  # of a save whose file is changed by others each time

Notice = Callable[[str, str], None]  # (tone: info | warn | bad, sentence)
Seen = FileText | Refused


class DiskCopy:
    """`notice(tone, text)` reaches the people who have the document open; `changed()` follows every change of `access`,
    `detached`, `problem` and `conflicts`. All methods are for the room's loop."""

    def __init__(
        self, row: Document, files: Files, store: Store, notice: Notice, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.path = row.path
        self.detached = row.detached
        self.access, self.reason = "edit", ""  # as the file permits: edit or read, and why it is read-only
        self.problem = ""  # why the file cannot be merged or written now; ''
        self.conflicts = Conflicts()
        self._id = row.pk
        self._files = files
        self._store = store
        self._notice = notice
        self._changed = changed
        self._sha = row.disk_sha
        self._seq = row.disk_seq
        self._ident = (0, 0)
        self._left: Mark = ()  # of the file when we last knew its bytes; () = look
        self.written = False  # whether we knew them by writing them
        self._base = Kept()  # the text in the file when it was last read or written
        self._format = Format(row.encoding, row.bom, row.newline)
        self._recorded = True  # whether the database knows the above
        self._lock = asyncio.Lock()

    async def first(self, room: Room) -> None:
        """Seed a document without history from its file. Raises Refused if the file cannot be a document."""
        async with self._lock:
            found = await asyncio.to_thread(self._files.read, self.path)
            self._adopt(found)
            if found.text:
                await room.edit([Edit(0, 0, found.text)], "seed", client=ModelClient(SEED_CLIENT))
            self._seq = room.seq
            await self._record()

    async def opened(self, room: Room) -> bool:
        """Reconcile a document that has a history with a file that may have changed while it was closed; whether the
        file lacks something now."""
        if self._seq >= room.seq:
            self._base.put(room.text())
        else:
            self._base.put(await self._text_at(self._seq))
        await self.reconcile(room)
        return self.behind(room)

    async def _text_at(self, seq: int) -> str | None:
        """The text as it was when the file was last written; None if the log does not reach back that far."""
        try:
            loaded = await self._store.load(self._id, seq)
        except LookupError:
            return None
        return fenced(lambda: Replica(loaded.updates).text())

    async def save(self, room: Room, sure: bool = False) -> int:
        """Bring everything saved so far to disk; the sequence number that is there now. `sure`: look at the bytes there
        even if nothing says that they have changed.

        Waits for commits under way: the file never has what the log has not. Raises OSError, Refused.
        """
        async with self._lock:
            look = sure or self.detached or bool(self.problem)
            for _ in range(TRIES):
                if look:
                    await self._merge_outside_change(room)
                try:
                    return await self._bring(room)
                except Changed:  # it is merged first
                    look = True
            raise Busy("The file on disk is changed all the time.")

    async def _bring(self, room: Room) -> int:
        text = room.text()
        pending, seq = room.pending, room.seq  # as they are with this text: what comes later is not in the file
        if pending:
            await asyncio.wait(pending)
        if room.broken:
            raise Unavailable("The document is being loaded again.", "Try again in a moment.")
        seq = max([seq, *(p.result() for p in pending if not p.cancelled() and p.exception() is None)])
        if self.detached:
            return self._seq
        if not self._base.says(text):
            await self._write(text)
        elif not await saver.run(lambda _: self.as_left()):
            raise Changed("The file has changed on disk.")
        elif self._seq >= seq and self._recorded:
            return self._seq
        self._seq = seq
        await self._record()
        return seq

    async def reconcile(self, room: Room) -> None:
        """Merge what changed on disk into the document."""
        async with self._lock:
            if self.detached or self.problem or not await asyncio.to_thread(self.as_left):
                await self._merge_outside_change(room)

    def as_left(self) -> bool:
        """Whether the file is as we last knew it, as far as the file system tells. Blocks; for a thread."""
        try:
            return bool(self._left) and self._files.stat(self.path).mark == self._left
        except (FileNotFoundError, Refused):
            return False

    def rest(self) -> None:
        """Nobody types: hold little."""
        self._base.pack()

    async def attach(self, room: Room) -> bool:
        """Make the deleted file anew, since a person asks for it; whether it was gone. What is there by now is merged.

        Raises OSError, Refused.
        """
        async with self._lock:
            await self._merge_outside_change(room)
            if not self.detached:
                return False
            text = room.text()
            data = encode(text, self._format)
            await asyncio.to_thread(self._files.make_file, self.path, data)
            self._sha, self._left, self.detached = hashlib.sha256(data).hexdigest(), (), False
            self._base.put(text)
            self._ident = (await asyncio.to_thread(self._files.stat, self.path)).ident
            await self._record()
        self._notice("info", "The file was made again.")
        self._changed()
        return True

    async def moved(self, path: str) -> None:
        """The file has another path now; what is in it did not change."""
        async with self._lock:
            self.path = path

    async def moved_to(self, paths: Collection[str]) -> str | None:
        """Which of these paths is our file, if it is not where it was: the same inode with the same bytes."""
        others = [path for path in paths if path != self.path]
        if not others or not self._ident[1]:
            return None
        return await asyncio.to_thread(self._followed, others)

    def _followed(self, others: list[str]) -> str | None:
        try:
            self._files.stat(self.path)
        except NotFound:
            return self._files.same_file(self._ident, self._sha, others)
        except Refused:
            pass
        return None

    def behind(self, room: Room) -> bool:
        """Whether the file lacks something and could be written."""
        return not self.detached and not self.problem and not self._base.says(room.text())

    def unmerge(self, room: Room, origin: str) -> asyncio.Future[None] | None:
        """Take the last merge from disk out of the text, as an edit of `origin`; what was written since stays. None if
        there is nothing to take back."""
        undone = self.conflicts.undone(room.text())
        if undone is None:
            return None
        done = room.edit(minimal_edits(room.text(), undone), origin)
        self._changed()
        return done

    async def _merge_outside_change(self, room: Room) -> None:
        found = await self._read()
        if room.broken or found is None or (found.sha == self._sha and not self.detached):
            return
        was_detached, self.detached = self.detached, False
        ours, theirs = room.text(), clean(found.text)
        base = self._base.text()
        if base is None:
            base = "" if self._seq < room.seq else ours
        merged = merge3(base, ours, theirs)
        self._adopt(found)
        edits = minimal_edits(ours, merged.text)
        seq = room.seq
        done = room.edit(edits, "disk") if edits else None
        self.conflicts.found(room, ours, merged)
        if done is not None:
            await done
        if merged.conflicts:
            await in_db(keep_conflict, self._id, seq, ours, theirs)
        await self._record()
        if merged.conflicts:
            what = "The file changed on disk where it was also edited here; the text here was kept."
            self._notice("warn", f"{what} Choose what stays.")
        elif edits:
            self._notice("info", "The file changed on disk; the change was merged.")
        elif was_detached:
            self._notice("info", "The file is back on disk.")
        self._changed()

    async def _read(self) -> FileText | None:
        """The file, or None (and a notice, once) if it is gone. Raises Refused (told once) if it cannot be merged."""
        seen = await self._settled()
        if isinstance(seen, NotFound):
            if not self.detached:
                self.detached, self.problem, self._left = True, "", ()
                await self._record()
                self._notice("warn", "The file was deleted on disk. The text lives on here, but is not in a file.")
                self._changed()
            return None
        if isinstance(seen, Refused):
            if self.problem != seen.what:
                self.problem = seen.what
                self._notice("bad", f"The file on disk cannot be merged: {seen.what} {seen.do}".rstrip())
                self._changed()
            raise seen
        self._can_be_read(seen)
        return seen

    def _can_be_read(self, seen: FileText) -> None:
        had, self.problem = self.problem, ""
        before, now = (self.access, self.reason), (seen.access, seen.reason)
        self.access, self.reason = now
        first = not self._ident[1]
        if seen.sha == self._sha:
            self._ident = seen.ident
            self.written, self._left = self.written and self._left == seen.mark, seen.mark
        if had:
            self._notice("info", "The file on disk can be read again.")
        elif before != now and not first:
            self._notice("info", seen.reason or "The file may be written again.")
        if had or before != now:
            self._changed()

    async def _settled(self) -> Seen:
        """The file as it is when nobody is in the middle of writing it."""
        seen = await asyncio.to_thread(self._look)
        for wait in LOOKS:
            if self._known(seen):
                break
            await asyncio.sleep(wait)
            before, seen = seen, await asyncio.to_thread(self._look)
            half = isinstance(seen, NotFound) or (isinstance(seen, FileText) and not seen.size)
            if not half and _mark(before) == _mark(seen):
                break
        return seen

    def _known(self, seen: Seen) -> bool:
        if isinstance(seen, FileText):
            return seen.sha == self._sha
        return self.detached if isinstance(seen, NotFound) else self.problem == seen.what

    def _look(self) -> Seen:
        try:
            return self._files.read(self.path)
        except FileNotFoundError:
            return NotFound("The workspace's folder is not there.")
        except Refused as error:
            return error

    async def _write(self, text: str) -> None:
        data = encode(text, self._format)
        expect = self._sha

        def write(folders: Folders) -> Stat:
            if not self.as_left():
                raise Changed("The file has changed on disk.")
            faults.hit("disk.compared")
            return self._files.write(self.path, data, expect, folders)

        left = await saver.run(write)
        self._sha, self._ident, self._left, self.written = left.sha, left.ident, left.mark, True
        self._base.put(text)

    def _adopt(self, found: FileText) -> None:
        self._sha, self._ident, self._left, self.written = found.sha, found.ident, found.mark, False
        self._base.put(clean(found.text))
        self._format = Format(found.encoding, found.bom, found.newline)
        self.access, self.reason = found.access, found.reason

    async def _record(self) -> None:
        """Note in the log's database what is in the file. Raises DatabaseError, Unavailable."""
        self._recorded = False
        form = self._format
        facts = OnDisk(self._id, self._seq, self._sha, self.detached, form.encoding, form.bom, form.newline)
        try:
            await self._store.record(facts)
        except (Fenced, LookupError) as error:
            raise Unavailable("The document has changed hands.", "Open it again.") from error
        self._recorded = True


def _mark(seen: Seen) -> str:
    return seen.sha if isinstance(seen, FileText) else seen.what
