"""Undecided: what turns left in one live document for people to decide on, kept true while everybody writes on.

A proposal's hunks are in the text (layers.py says whose is which), or, where they wait for acceptance, in a text of
its own beside it, into which everything is folded that is written in the document meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakSet

from agents.engine.edits.target import AnchorLike, PlainAnchor
from agents.models import Proposal
from agents.proposals import hunks
from agents.proposals.differ import Differ
from agents.proposals.hunks import Hunk
from agents.proposals.layers import Layers, Placed
from agents.proposals.surely import applied
from agents.wire import Json
from ide.documents.room import Edit, Room
from ide.documents.text import LineHunk, apply, clean, diff_lines, lines


@dataclass(eq=False)
class Tracked:
    """A proposal in its document. `writing`: its turn still streams; `pen`: where; `aliases`: other origins whose
    writing is this turn's. `proposed` is for those that wait."""

    row: Proposal
    doc: Undecided
    origin: str
    owner: Json | None
    writing: bool = False
    proposed: str = ""
    pen: AnchorLike | None = None
    aliases: set[str] = field(default_factory=set)
    anchors: WeakSet[PlainAnchor] = field(default_factory=WeakSet)
    told: dict[str, list[str]] = field(default_factory=dict)  # lines of the waiting hunks, as people have them
    ground: tuple[str, str] | None = None  # a job's: the text it began with, and what it made of it
    stale: int = 0  # changes of that which do not fit the text as it is
    _differ: Differ = field(default_factory=Differ, repr=False)
    _known: tuple[str, str, list[Hunk]] = field(default=("", "", []), repr=False)  # two texts, and their hunks

    @property
    def room(self) -> Room:
        return self.doc.room

    @property
    def waiting(self) -> bool:
        return self.row.waiting

    @property
    def texts(self) -> tuple[str, str]:
        """Without its hunks, and with them."""
        if self.waiting:
            return self.doc.layers.text, self.proposed
        if self.row.pk not in self.doc.all:
            return "", ""  # closed: everything is decided
        return self.doc.layers.base(self.row.pk), self.doc.layers.over(self.row.pk)

    def hunks(self) -> list[Hunk]:
        """Of the texts as they are; asked for several times of the same ones."""
        base, text = self.texts
        if base is not self._known[0] or text is not self._known[1]:
            self._known = (base, text, hunks.hunks(base, text, self._parts(base, text)))
        return self._known[2]

    def _parts(self, base: str, text: str) -> list[LineHunk]:
        if not self.waiting and self.row.pk in self.doc.all:
            return self.doc.layers.parts(self.row.pk)
        return self._differ.between(base, text)

    def counts(self) -> tuple[int, int]:
        """Lines added and removed."""
        found = self.hunks()
        return sum(one.b_to - one.b_from for one in found), sum(one.a_to - one.a_from for one in found)

    def penned(self) -> set[str]:
        """The hunk its turn writes in at this moment: nobody can know yet what it will be."""
        at = self.pen.index() if self.pen is not None and self.writing else None
        if at is None:
            return set()
        if self.waiting:
            line = self.proposed.count("\n", 0, at)
            return {hunk.id for hunk in self.hunks() if hunk.b_from <= line <= hunk.b_to}
        line = self.doc.layers.text.count("\n", 0, at)
        return {hunk.id for hunk, start, end in self._placed() if start <= line <= end}

    def _placed(self) -> list[Placed]:
        return self.doc.layers.place(self.row.pk, self.hunks())

    # --- the text of one that waits -------------------------------------------------------------------------------

    def put(self, edits: Sequence[tuple[int, int, str]]) -> None:
        for start, end, text in sorted(edits, reverse=True):
            new = clean(text)
            self.proposed = self.proposed[:start] + new + self.proposed[end:]
            for anchor in self.anchors:
                anchor.moved(start, end, len(new))

    def become(self, text: str) -> None:
        """The same, given the text then; by line."""
        old, new, starts = self.proposed, lines(text), hunks.line_starts(self.proposed)
        parts = diff_lines(old, text)
        self.put([(starts[p.a_from], starts[p.a_to], "".join(new[p.b_from : p.b_to])) for p in parts])

    def merge(self) -> None:
        """What of a job's result surely fits the document now. Where people changed the same lines, theirs stay."""
        if self.ground is not None:
            found = applied(self.ground[0], self.doc.layers.text, self.ground[1])
            self.stale = found.stale
            self.become(found.text)

    # --- as it is told --------------------------------------------------------------------------------------------

    def wire(self) -> Json:
        self.doc.settle()  # anchors are made against the text as it is now
        is_open = self.row.state == Proposal.State.OPEN
        shown = (self._waiting_hunks() if self.waiting else self._hunks()) if is_open else []
        return {
            "id": self.row.pk,
            "path": self.room.path,
            "document": self.room.id,
            "turn": self.row.turn_id,
            "job": self.row.job_id,
            "owner": self.owner,
            "state": self.row.state,
            "writing": self.writing,
            "waiting": self.waiting,
            "stale": self.stale,
            "hunks": shown,
        }

    def _hunks(self) -> list[Json]:
        old, starts, penned = lines(self.texts[0]), hunks.line_starts(self.doc.layers.text), self.penned()
        return [
            {
                **self._ends(starts[start], starts[end]),
                "id": hunk.id,
                "removed": [line.removesuffix("\n") for line in old[hunk.a_from : hunk.a_to]],
                "added": end - start,
                "pen": hunk.id in penned,
            }
            for hunk, start, end in self._placed()
        ]

    def _waiting_hunks(self) -> list[Json]:
        """What they would take out is in the document between the anchors."""
        new, starts, penned = lines(self.proposed), hunks.line_starts(self.doc.layers.text), self.penned()
        return [
            {
                **self._ends(starts[hunk.a_from], starts[hunk.a_to]),
                "id": hunk.id,
                "removed": [],
                "taken": hunk.a_to - hunk.a_from,
                "added": hunk.b_to - hunk.b_from,
                "lines": [line.removesuffix("\n") for line in new[hunk.b_from : hunk.b_to]],
                "pen": hunk.id in penned,
            }
            for hunk in self.hunks()
        ]

    def _ends(self, start: int, end: int) -> Json:
        return {"from": self.room.anchor_wire(start, 0), "to": self.room.anchor_wire(end, -1)}

    def news(self) -> Json:
        """As `wire`, for those who have the last one: of a waiting hunk only the lines behind the first `keep`."""
        whole = self.wire()
        if not self.waiting:
            return whole
        had, self.told, found = self.told, {}, []
        for hunk in whole["hunks"]:  # type: ignore[attr-defined]
            now = self.told[hunk["id"]] = hunk["lines"]
            keep = _common(had.get(hunk["id"], []), now)
            found.append({**hunk, "keep": keep, "lines": now[keep:]})
        return {**whole, "hunks": found}


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    size = min(len(a), len(b))
    return next((n for n in range(size) if a[n] != b[n]), size)


class Undecided:
    """One document. `changed` is the room's observer; everything else settles first what it was told of."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.layers = Layers(room.text())
        self.all: dict[str, Tracked] = {}
        self._behind = False
        self._run: str | None = None  # whose writing has not been taken in yet: a layer's, or somebody else's
        self._latest = ""  # the text after it, kept while a turn writes

    def add(self, tracked: Tracked, base: str | None = None) -> None:
        self.all[tracked.row.pk] = tracked
        if not tracked.waiting:
            self.layers.push(tracked.row.pk, base)

    def drop(self, tracked: Tracked) -> None:
        del self.all[tracked.row.pk]
        if not tracked.waiting:
            self.layers.drop(tracked.row.pk)

    def changed(self, origin: str) -> None:
        own = self.writer(origin)
        name = own.row.pk if own is not None else None
        if self._behind and name != self._run:
            self._take(self._latest)
        self._run, self._behind = name, True
        if any(one.writing and not one.waiting for one in self.all.values()):
            self._latest = self.room.text()

    def writer(self, origin: str) -> Tracked | None:
        """Whose hunks what this origin writes in the document becomes."""
        found = (one for one in self.all.values() if one.origin == origin or origin in one.aliases)
        return next((one for one in found if one.writing and not one.waiting), None)

    def settle(self) -> bool:
        """Take in what was written since; whether there was anything."""
        text = self.room.text()
        if not self._behind:
            return False
        self._take(text)
        return True

    def _take(self, text: str, but: Tracked | None = None) -> None:
        self._behind = False
        before = self.layers.text
        self.layers.wrote(text, self._run)
        self._fold(before, text, but)

    def _fold(self, before: str, after: str, but: Tracked | None = None) -> None:
        for one in self.all.values():
            if one.ground is not None and one is not but:
                one.merge()
            elif one.waiting and one is not but:
                one.become(hunks.fold(one.proposed, before, after))

    def replay(self, runs: Sequence[tuple[str, str]]) -> None:
        """Take in what was written while nobody watched: origins, and the text after each."""
        for origin, text in runs:
            own = next((one for one in self.all.values() if one.origin == origin and not one.waiting), None)
            self._run = own.row.pk if own is not None else None
            self._take(text)

    # --- decisions ------------------------------------------------------------------------------------------------

    def accept(self, tracked: Tracked, chosen: set[str]) -> None:
        """Hunks that wait are written, as the turn's; others are in the text already."""
        if not tracked.waiting:
            self.layers.accept(tracked.row.pk, chosen)
            return
        starts, new = hunks.line_starts(self.layers.text), lines(tracked.proposed)
        edits = [
            Edit(starts[hunk.a_from], starts[hunk.a_to], "".join(new[hunk.b_from : hunk.b_to]))
            for hunk in tracked.hunks()
            if hunk.id in chosen
        ]
        self.room.edit(edits, tracked.origin)
        self._take(self.room.text(), tracked)
        self._reground(tracked)

    def reject(self, tracked: Tracked, chosen: set[str], origin: str) -> None:
        if tracked.waiting:
            base, text = tracked.texts
            tracked.become(apply(text, hunks.reject(base, text, chosen, tracked._parts(base, text))))
            self._reground(tracked)
            return
        before = self.layers.text
        after = self.layers.reject(tracked.row.pk, chosen)
        self._write(before, after, origin)

    def _reground(self, tracked: Tracked) -> None:
        """Somebody has decided on a job's result: what is left of it is what it makes of the text as it is now."""
        if tracked.ground is not None:
            tracked.ground = (self.layers.text, tracked.proposed)

    def back(self, over: Sequence[Tracked], text: str) -> None:
        """The document reads `text` now, which is how it would be without these turns."""
        before = self.layers.text
        if len(over) == 1:
            self.layers.back(over[0].row.pk, text)
        elif over:
            names = {one.row.pk for one in over}
            self.layers.ground(min(self.layers.names.index(name) for name in names), text)
        else:
            self.layers.wrote(text)
        self._behind = False
        self._fold(before, text)

    def _write(self, before: str, after: str, origin: str) -> None:
        """Bring a text that the layers know already into the document."""
        starts, new = hunks.line_starts(before), lines(after)
        parts = diff_lines(before, after)
        edits = [Edit(starts[p.a_from], starts[p.a_to], "".join(new[p.b_from : p.b_to])) for p in parts]
        if edits:
            self.room.edit(edits, origin)
        self._behind = False
        self._fold(before, after)
