"""Open proposals of a live workspace: what models left for people to decide on, followed while people go on typing.

One Tracked for each turn (or job) and document, all of one document together in an Undecided. Lives on the host's
loop; `Proposals` is a part of what agents keep on the host.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from agents import wire
from agents.engine.edits.target import AnchorLike
from agents.models import Job, Proposal, Turn
from agents.proposals import rows
from agents.proposals.spared import spared
from agents.proposals.undecided import Tracked, Undecided
from agents.proposals.waiting_acts import WaitingActs
from ide.db import in_db, new_id
from ide.documents.history.authors import rejected
from ide.documents.history.undo import Since, since
from ide.documents.room import Edit, Room
from ide.errors import Conflict, NotFound, Refused
from ide.live.host import WorkspaceHost

__all__ = ["Proposals", "Tracked"]

log = logging.getLogger(__name__)

FOLD = 0.15  # seconds until what a person typed is folded in
SHOW = 0.1  # seconds between two events about one proposal
SAVE = 2.0  # seconds until what people moved is saved
PENNED = "The model is still writing this change."


@dataclass
class _Kept:
    """A document's proposals, and who watches its room for them."""

    undecided: Undecided
    observer: Callable[[str], None]


class Proposals:
    """All open proposals of one host."""

    def __init__(self, host: WorkspaceHost) -> None:
        self._host = host
        self._documents: dict[str, _Kept] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._saving = asyncio.Lock()  # one write after the other
        self._saves: set[asyncio.Task[None]] = set()
        self.acts = WaitingActs(host, self._soon)

    # --- coming and going -----------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take up what was open when the workspace was last live; the text may have changed since."""
        found: dict[str, list[Proposal]] = {}
        for row in await in_db(rows.open_rows, self._host.workspace_id):
            found.setdefault(row.document_id, []).append(row)
        for document, mine in found.items():
            try:
                room = await self._host.open_room(document)
                written = await in_db(since, document, room.epoch, min(row.seq for row in mine))
            except Refused as error:  # it waits until its document can be opened again
                log.info("proposals of %s: the document cannot be opened: %s", document, error)
                continue
            self._restore(room, mine, written)
        await self.acts.load()

    def _restore(self, room: Room, mine: Sequence[Proposal], written: Since | None) -> None:
        undecided = self._at(room)
        told = written is not None and all(row.epoch == room.epoch for row in mine)
        if told and written is not None:
            undecided.layers.text = written.text
        for row in mine:
            origin = f"turn:{row.turn_id}" if row.turn_id else f"job:{row.job_id}"
            owner = (row.turn and row.turn.owner) or (row.job and row.job.owner) or None
            tracked = Tracked(row, undecided, origin, wire.person(owner), proposed=row.proposed)
            undecided.add(tracked, row.base)
            if row.job is not None and row.waiting and row.job.state != Job.State.MERGED:
                tracked.ground = (row.base, row.proposed)
                tracked.merge()
        if told and written is not None:
            undecided.replay([*written.runs, ("", room.text())])
        for tracked in list(undecided.all.values()):
            self._settle(tracked)

    def begin(self, room: Room, origin: str, owner: wire.Json | None, *, waiting: bool = False) -> Tracked:
        """The proposal of `origin` in this room, open for writing; its base is the text as it is now.

        Call it right before the first edit: nothing may be awaited in between. It is saved in the background.
        """
        undecided = self._at(room)
        undecided.settle()
        known = self.of(origin, room.id)
        if known is not None:
            known.writing = True
            return known
        kind, _, subject = origin.partition(":")
        row = Proposal(id=new_id(), workspace_id=self._host.workspace_id, document_id=room.id, base=room.text())
        row.turn_id, row.job_id = (subject, None) if kind == "turn" else (None, subject)
        row.waiting = waiting
        tracked = Tracked(row, undecided, origin, owner, writing=True, proposed=row.base if waiting else "")
        undecided.add(tracked)
        self._save(undecided)
        return tracked

    def of(self, origin: str, document_id: str) -> Tracked | None:
        kept = self._documents.get(document_id)
        found = (one for one in kept.undecided.all.values() if one.origin == origin) if kept is not None else ()
        return next(iter(found), None)

    def of_turn(self, turn_id: str) -> list[Tracked]:
        return [one for one in self._all() if one.row.turn_id == turn_id]

    def pen(self, origin: str, document_id: str, at: AnchorLike | None) -> None:
        """Where a turn writes in a document now; None: it has left it."""
        tracked = self.of(origin, document_id)
        if tracked is not None:
            tracked.pen = at

    def stop_writing(self, origin: str) -> list[Tracked]:
        """The turn is over: its proposals stay, for people to decide. Returns them, those now closed included."""
        mine = [one for one in self._all() if one.origin == origin]
        self.acts.stop_writing(origin.partition(":")[2])
        for tracked in mine:
            tracked.doc.settle()
            tracked.writing, tracked.pen = False, None
            self._save(tracked.doc)
            self._settle(tracked)
        return mine

    def suggest(self, room: Room, origin: str, owner: wire.Json | None, ground: tuple[str, str]) -> Tracked:
        """Lay a job's result out in a document: (the text it began with, what it made of it). Again: in its place."""
        tracked = self.begin(room, origin, owner, waiting=True)
        tracked.ground, tracked.writing = ground, False
        tracked.merge()
        self._save(tracked.doc)
        self._settle(tracked)
        return tracked

    def leave(self, room: Room, origin: str, owner: wire.Json | None, proposed: str) -> None:
        """What a merged job would have here, where people changed the same lines: for them to take or leave."""
        tracked = self.begin(room, origin, owner, waiting=True)
        tracked.ground, tracked.writing, tracked.stale = None, False, 0
        tracked.become(proposed)
        self._save(tracked.doc)
        self._settle(tracked)

    def withdraw(self, origin: str) -> None:
        """A job's result is not to be decided on here any more."""
        for tracked in [one for one in self._all() if one.origin == origin and one.ground is not None]:
            tracked.doc.settle()
            tracked.ground = (tracked.doc.layers.text, tracked.doc.layers.text)
            tracked.merge()
            self._settle(tracked)

    def wire(self) -> list[wire.Json]:
        return [*(tracked.wire() for tracked in self._all()), *self.acts.wire()]

    def _all(self) -> list[Tracked]:
        return [one for kept in self._documents.values() for one in kept.undecided.all.values()]

    def _at(self, room: Room) -> Undecided:
        kept = self._documents.get(room.id)
        if kept is None:
            undecided = Undecided(room)

            def changed(origin: str) -> None:
                self._changed(undecided, origin)

            kept = self._documents[room.id] = _Kept(undecided, changed)
            room.observe(changed)
        return kept.undecided

    def _drop(self, tracked: Tracked) -> None:
        tracked.doc.drop(tracked)
        if not tracked.doc.all:
            kept = self._documents.pop(tracked.room.id)
            tracked.room.unobserve(kept.observer)

    # --- what is written ------------------------------------------------------------------------------------------

    def _changed(self, undecided: Undecided, origin: str) -> None:
        own = undecided.writer(origin)
        undecided.changed(origin)
        if own is not None:
            self.wrote(own)
        if own is None or len(undecided.all) > 1:
            self._later(f"fold {undecided.room.id}", FOLD, lambda: self._fold(undecided))

    def wrote(self, tracked: Tracked) -> None:
        """Its turn has written: everybody is told within a tenth of a second, in a large text a little later."""
        self._later(f"show {tracked.row.pk}", SHOW, lambda: self._show(tracked))

    def _fold(self, undecided: Undecided) -> None:
        undecided.settle()
        for tracked in list(undecided.all.values()):
            self._settle(tracked)
        self._later(f"save {undecided.room.id}", SAVE, lambda: self._save(undecided))

    def _later(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        if name in self._timers:
            return

        def run() -> None:
            self._timers.pop(name, None)
            began = time.thread_time()
            act()
            spared.took(name, seconds, time.thread_time() - began)

        self._timers[name] = asyncio.get_running_loop().call_later(spared.wait(name, seconds), run)

    def _show(self, tracked: Tracked) -> None:
        if tracked.row.pk in tracked.doc.all:
            self._host.publish({"type": "proposal", "proposal": tracked.news()})

    def _settle(self, tracked: Tracked) -> None:
        """Close the proposal if nothing is left to decide, tell everyone."""
        if tracked.row.pk not in tracked.doc.all:
            return
        tracked.doc.settle()
        base, text = tracked.texts
        if not tracked.writing and base == text:
            tracked.row.state, tracked.row.closed_at = Proposal.State.CLOSED, timezone.now()
        self._show(tracked)
        if tracked.row.state == Proposal.State.CLOSED:
            tracked.row.base, tracked.row.proposed = base, ""
            self._soon(self._save_closed(tracked))
            self._drop(tracked)

    async def _save_closed(self, tracked: Tracked) -> None:
        async with self._saving:
            await in_db(tracked.row.save)

    # --- a whole turn back ----------------------------------------------------------------------------------------

    def take_back(self, room: Room, turns: Sequence[str], edits: Sequence[Edit], origin: str) -> asyncio.Future[None]:
        """Make the edits that take turns out of a document: they have nothing to decide there then."""
        undecided = self._documents[room.id].undecided if room.id in self._documents else None
        if undecided is None:
            return room.edit(edits, origin)
        undecided.settle()
        done = room.edit(edits, origin)
        mine = {f"turn:{turn}" for turn in turns}
        over = [one for one in undecided.all.values() if one.origin in mine and not one.waiting]
        undecided.back(over, room.text())
        self._fold(undecided)
        return done

    def bring_back(self, room: Room, turn: Turn, edits: Sequence[Edit], origin: str) -> asyncio.Future[None]:
        """Make the edits that bring a turn's writing back: it is to be decided on anew."""
        tracked = self.begin(room, f"turn:{turn.pk}", wire.person(turn.owner))
        tracked.aliases.add(origin)
        done = room.edit(edits, origin)
        tracked.doc.settle()
        tracked.writing = False
        self._fold(tracked.doc)
        return done

    # --- saving ---------------------------------------------------------------------------------------------------

    def _save(self, undecided: Undecided) -> None:
        self._soon(self.save(undecided))

    def _soon(self, save: Coroutine[Any, Any, None]) -> None:
        task = self._host.owned(save, "proposals saved")
        self._saves.add(task)
        task.add_done_callback(self._saves.discard)

    async def saved(self) -> None:
        """Return when what was told is in the database."""
        if self._saves:
            await asyncio.wait(set(self._saves))

    async def save(self, undecided: Undecided) -> None:
        """Write the rows as they are now, with the place in the log they speak of."""
        async with self._saving:
            undecided.settle()
            room = undecided.room
            pending, seq = room.pending, room.seq
            for tracked in undecided.all.values():
                row = tracked.row
                row.base = "" if tracked.waiting else undecided.layers.base(row.pk)
                row.proposed, row.epoch = tracked.proposed, room.epoch
                if tracked.ground is not None:
                    row.base, row.proposed = tracked.ground
            mine = [tracked.row for tracked in undecided.all.values()]
            if pending:
                await asyncio.wait(pending)
            done = [p.result() for p in pending if not p.cancelled() and p.exception() is None]
            await in_db(rows.save, mine, max([seq, *done]))

    # --- decisions ------------------------------------------------------------------------------------------------

    async def accept(self, proposal_id: str, chosen: Sequence[str] | None) -> None:
        """Keep hunks (None: all): they are nobody's to decide any more. Raises NotFound, or Conflict when a hunk is not
        as it was shown."""
        if self.acts.knows(proposal_id):
            await self.acts.accept(proposal_id)
            return
        await self._named(proposal_id, chosen)[0].room.whole()
        tracked, ids = self._named(proposal_id, chosen)
        tracked.doc.accept(tracked, ids)
        tracked.row.accepted += len(ids)
        await self._decided(tracked)

    async def reject(self, proposal_id: str, chosen: Sequence[str] | None, user_id: int) -> None:
        """Take hunks (None: all) away again, out of the text as an edit of that person. Raises as `accept`."""
        if self.acts.knows(proposal_id):
            await self.acts.reject(proposal_id)
            return
        await self._named(proposal_id, chosen)[0].room.whole()
        tracked, ids = self._named(proposal_id, chosen)
        tracked.doc.reject(tracked, ids, rejected(user_id, tracked.origin))
        tracked.row.rejected += len(ids)
        await self._decided(tracked)

    async def decide_turn(self, turn_id: str, user_id: int, *, accept: bool) -> int:
        """All that is open of a turn, but for what it is still writing; how many files that were."""
        if accept:  # a file must be there before it can be moved, and what moves it comes last
            ids = [one.row.pk for one in self.of_turn(turn_id)]
            ids += [act.row.pk for act in self.acts.of_turn(turn_id)]
        else:
            ids = [act.row.pk for act in self.acts.of_turn(turn_id)]
            ids += [one.row.pk for one in reversed(self.of_turn(turn_id))]
        done = 0
        for one in ids:
            try:
                await (self.accept(one, None) if accept else self.reject(one, None, user_id))
                done += 1
            except (Conflict, NotFound) as error:
                log.info("turn %s: %s is not decided: %s", turn_id, one, error)
        return done

    async def drop_waiting(self, turn_id: str, user_id: int) -> list[str]:
        """Reject what waits of a turn; the paths."""
        mine = [(one.row.pk, one.room.path) for one in self.of_turn(turn_id) if one.waiting]
        mine += [(act.row.pk, act.row.path) for act in self.acts.of_turn(turn_id)]
        for one, _ in mine:
            await self.reject(one, None, user_id)
        return [path for _, path in mine]

    def _named(self, proposal_id: str, chosen: Sequence[str] | None) -> tuple[Tracked, set[str]]:
        tracked = next((one for one in self._all() if one.row.pk == proposal_id), None)
        if tracked is None:
            raise NotFound("This proposal is closed: everything in it is decided.", "Nothing is left to do.")
        tracked.doc.settle()
        penned = tracked.penned()
        present = {hunk.id for hunk in tracked.hunks()}
        ids = present - penned if chosen is None else set(chosen)
        if not ids <= present:
            self._show(tracked)
            raise Conflict("This change is not there any more as it was shown.", "Look at it again and decide then.")
        if ids & penned or (chosen is None and penned and not ids):
            raise Conflict(PENNED, "Decide when it has left these lines, or interrupt the turn.")
        return tracked, ids

    async def _decided(self, tracked: Tracked) -> None:
        undecided = tracked.doc
        saved = self.save(undecided)
        for one in list(undecided.all.values()):
            self._settle(one)
        await saved
        if tracked.row.state == Proposal.State.CLOSED:
            await self._save_closed(tracked)

    async def close(self) -> None:
        """The host goes: save everything as it is."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for kept in list(self._documents.values()):
            await self.save(kept.undecided)
            kept.undecided.room.unobserve(kept.observer)
        self._documents.clear()
        await self.acts.close()
