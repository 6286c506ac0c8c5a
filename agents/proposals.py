"""Open proposals of a live workspace: what models left in documents, followed while people go on typing.

One Tracked for each turn (or job) and document. Its base is kept true by watching the room: what anyone but its own
turn writes is folded into the base. Lives on the host's loop; `Proposals` is an extension of the host.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from agents import hunks, wire
from agents.models import Proposal
from ide.db import in_db, new_id
from ide.documents.room import Room
from ide.documents.text import lines
from ide.errors import Conflict, NotFound, Refused
from ide.live.host import WorkspaceHost

log = logging.getLogger(__name__)

FOLD = 0.15  # seconds until what a person typed is folded in
SHOW = 0.1  # seconds between two events about one proposal
SAVE = 2.0  # seconds until a base that people moved is saved


@dataclass
class Tracked:
    """A proposal and its room. `known` is the text up to which `base` is true; `writing`: its turn still streams."""

    row: Proposal
    room: Room
    origin: str
    owner: wire.Json | None
    base: str
    known: str
    writing: bool = False
    behind: bool = False  # others have written since `known`
    save_due: bool = False
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def save(self) -> None:
        """Write the row as it is now; one write after the other."""
        async with self.saving:
            self.save_due = False
            self.row.base = self.base
            await in_db(self.row.save)

    def catch_up(self) -> None:
        """Fold what others wrote into the base."""
        if self.behind:
            now = self.room.text()
            self.base = hunks.fold(self.base, self.known, now)
            self.known, self.behind = now, False
            self.save_due = True

    def counts(self) -> tuple[int, int]:
        """Lines added and removed."""
        return hunks.counts(self.base, self.known)

    def wire(self) -> wire.Json:
        self.room.flush()
        self.catch_up()  # anchors are made against the text as it is now
        text = self.known
        old, starts = lines(self.base), hunks.line_starts(text)
        shown = [
            {
                "id": hunk.id,
                "from": self.room.anchor_wire(starts[hunk.b_from], 0),
                "to": self.room.anchor_wire(starts[hunk.b_to], -1),
                "removed": [line.removesuffix("\n") for line in old[hunk.a_from : hunk.a_to]],
                "added": hunk.b_to - hunk.b_from,
            }
            for hunk in (hunks.hunks(self.base, text) if self.row.state == Proposal.State.OPEN else [])
        ]
        return {
            "id": self.row.pk,
            "path": self.room.path,
            "document": self.room.id,
            "turn": self.row.turn_id,
            "job": self.row.job_id,
            "owner": self.owner,
            "state": self.row.state,
            "writing": self.writing,
            "hunks": shown,
        }


class Proposals:
    """All open proposals of one host."""

    def __init__(self, host: WorkspaceHost) -> None:
        self._host = host
        self._open: dict[str, Tracked] = {}
        self._watched: dict[str, tuple[Room, Callable[[str], None]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unshown: set[str] = set()

    # --- coming and going -----------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take up what was open when the workspace was last live; the text may have changed since."""
        for row in await in_db(_open_rows, self._host.workspace_id):
            try:
                room = await self._host.open_room(row.document_id)
            except Refused as error:  # it waits until its document can be opened again
                log.info("proposal %s: its document cannot be opened: %s", row.pk, error)
                continue
            origin = f"turn:{row.turn_id}" if row.turn_id else f"job:{row.job_id}"
            owner = (row.turn and row.turn.owner) or (row.job and row.job.owner) or None
            text = room.text()
            self._track(Tracked(row, room, origin, wire.person(owner), row.base, text))

    def begin(self, room: Room, origin: str, owner: wire.Json | None) -> Tracked:
        """The proposal of `origin` in this room, open for writing; its base is the text as it is now.

        Call it right before the first edit: nothing may be awaited in between. It is saved in the background.
        """
        known = self.of(origin, room.id)
        if known is not None:
            known.catch_up()
            known.writing = True
            return known
        kind, _, subject = origin.partition(":")
        row = Proposal(id=new_id(), workspace_id=self._host.workspace_id, document_id=room.id, base=room.text())
        row.turn_id, row.job_id = (subject, None) if kind == "turn" else (None, subject)
        tracked = Tracked(row, room, origin, owner, row.base, row.base, writing=True)
        self._track(tracked)
        self._save(tracked)
        return tracked

    def of(self, origin: str, document_id: str) -> Tracked | None:
        found = (t for t in self._open.values() if t.origin == origin and t.room.id == document_id)
        return next(found, None)

    def stop_writing(self, origin: str) -> list[Tracked]:
        """The turn is over: its proposals stay, for people to decide. Returns them, those now closed included."""
        mine = [t for t in self._open.values() if t.origin == origin]
        for tracked in mine:
            tracked.catch_up()
            tracked.writing = False
            tracked.save_due = True
            self._settle(tracked)
        return mine

    def wire(self) -> list[wire.Json]:
        return [tracked.wire() for tracked in self._open.values()]

    def _track(self, tracked: Tracked) -> None:
        self._open[tracked.row.pk] = tracked
        room = tracked.room
        if room.id not in self._watched:

            def changed(origin: str) -> None:
                self._changed(room.id, origin)

            room.observe(changed)
            self._watched[room.id] = (room, changed)

    def _drop(self, tracked: Tracked) -> None:
        self._open.pop(tracked.row.pk, None)
        if not any(t.room.id == tracked.room.id for t in self._open.values()):
            room, changed = self._watched.pop(tracked.room.id)
            room.unobserve(changed)

    # --- what others write ----------------------------------------------------------------------------------------

    def _changed(self, document_id: str, origin: str) -> None:
        for tracked in [t for t in self._open.values() if t.room.id == document_id]:
            if tracked.writing and tracked.origin == origin:
                tracked.known = tracked.room.text()
                self._later(f"show {tracked.row.pk}", SHOW, self._show, tracked)
                continue
            tracked.behind = True
            if tracked.writing:
                tracked.catch_up()  # before its next frame: else both would look like its own
            self._later(f"fold {tracked.row.pk}", FOLD, self._settle, tracked)

    def _later(self, name: str, seconds: float, act: Callable[[Tracked], None], tracked: Tracked) -> None:
        if name in self._timers:
            return

        def run() -> None:
            self._timers.pop(name, None)
            act(tracked)

        self._timers[name] = asyncio.get_running_loop().call_later(seconds, run)

    def _show(self, tracked: Tracked) -> None:
        if tracked.row.pk in self._open:
            self._host.publish({"type": "proposal", "proposal": tracked.wire()})

    def _settle(self, tracked: Tracked) -> None:
        """Make the base true, close the proposal if nothing is left to decide, tell everyone, save."""
        if tracked.row.pk not in self._open:
            return
        tracked.catch_up()
        if not tracked.writing and tracked.base == tracked.known:
            tracked.row.state, tracked.row.closed_at = Proposal.State.CLOSED, timezone.now()
            tracked.save_due = True
        self._show(tracked)
        if tracked.row.state == Proposal.State.CLOSED:
            self._save(tracked)
            self._drop(tracked)
        elif tracked.save_due:
            self._later(f"save {tracked.row.pk}", SAVE, self._save, tracked)

    def _save(self, tracked: Tracked) -> None:
        self._host.owned(tracked.save(), f"proposal {tracked.row.pk}")

    # --- decisions ------------------------------------------------------------------------------------------------

    async def accept(self, proposal_id: str, chosen: Sequence[str] | None) -> None:
        """Take hunks (None: all) into the base. Raises NotFound, or Conflict when a hunk is not as it was shown."""
        tracked, ids = self._named(proposal_id, chosen)
        tracked.base = hunks.accept(tracked.base, tracked.known, ids)
        tracked.row.accepted += len(ids)
        await self._decided(tracked)

    async def reject(self, proposal_id: str, chosen: Sequence[str] | None, user_id: int) -> None:
        """Put the base's lines back in place of hunks (None: all), as an edit of that person. Raises as `accept`."""
        await self._named(proposal_id, chosen)[0].room.whole()
        tracked, ids = self._named(proposal_id, chosen)
        edits = hunks.reject(tracked.base, tracked.known, ids)
        if edits:
            tracked.room.edit(edits, f"person:{user_id}")
        tracked.row.rejected += len(ids)
        tracked.known = tracked.room.text()  # a decision moves the text towards the base: nothing is to be folded
        tracked.behind = False
        await self._decided(tracked)

    def _named(self, proposal_id: str, chosen: Sequence[str] | None) -> tuple[Tracked, set[str]]:
        tracked = self._open.get(proposal_id)
        if tracked is None:
            raise NotFound("This proposal is closed: everything in it is decided.", "Nothing is left to do.")
        tracked.behind = True  # what arrived in this loop turn counts too
        tracked.catch_up()
        present = {hunk.id for hunk in hunks.hunks(tracked.base, tracked.known)}
        ids = present if chosen is None else set(chosen)
        if not ids <= present:
            self._show(tracked)
            raise Conflict("This change is not there any more as it was shown.", "Look at it again and decide then.")
        return tracked, ids

    async def _decided(self, tracked: Tracked) -> None:
        tracked.save_due = True
        self._settle(tracked)
        await tracked.save()

    async def close(self) -> None:
        """The host goes: save the bases as they are."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for tracked in list(self._open.values()):
            tracked.catch_up()
            self._drop(tracked)
            await tracked.save()


def _open_rows(workspace_id: str) -> list[Proposal]:
    rows = Proposal.objects.filter(workspace_id=workspace_id, state=Proposal.State.OPEN)
    return list(rows.select_related("turn__owner", "job__owner").order_by("created_at"))
