"""A turn whose edits wait for acceptance: it works in texts of its own and reads them; the files stay as they are.

OverlayTarget       a proposed text as a Target of engine.edits
WaitingEnvironment  tools that act on proposed texts and files, and on the live workspace for all else
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from agents import wire
from agents.engine.edits.apply import LiveApplier
from agents.engine.edits.target import PlainAnchor
from agents.engine.tools import Hit, Ran, ToolFailed
from agents.environments.ground import MOST_HITS, MOST_PATHS, exists, matches
from agents.environments.live import LiveEnvironment, writable
from agents.environments.room_target import RoomTarget
from agents.models import Endpoint, FileAct
from agents.proposals.undecided import Tracked
from agents.proposals.waiting_acts import WaitingAct
from agents.sessions.pauses import Span, Typed
from agents.sessions.turns import LiveTurn
from ide.db import in_db
from ide.documents.room import Anchor, Room
from ide.documents.text import lines

NOT_THERE = "(The edits of this turn wait for acceptance: commands see the files without them.)\n"


class OverlayAnchor(PlainAnchor):
    """A place in a proposed text that moves with it, and as others see it: the place in the document it stands for."""

    def __init__(self, target: OverlayTarget, index: int, assoc: int) -> None:
        super().__init__(index, assoc)
        self._target = target

    def wire(self) -> str:
        return self._target.outside(self.at, self.assoc).wire()


class OverlayTarget:
    """Every edit is refused once the turn is closed. Holds the room open as long as it is kept: `close` lets go."""

    def __init__(self, turn: LiveTurn, room: Room) -> None:
        turn.check()
        self.room = room
        self._turn = turn
        self._known = turn.proposals.begin(room, turn.origin, wire.person(turn.owner), waiting=True)
        self._hold = room.hold()

    def _tracked(self) -> Tracked:
        self._known.doc.settle()
        return self._known

    def watch(self, span: Callable[[], Span | None], typed: Callable[[Typed], None]) -> None:
        """Nobody types into a text that is not in the document yet."""

    def close(self) -> None:
        self._hold.release()

    def busy(self) -> bool:
        self.room.flush()
        return self.room.broken

    async def ready(self) -> None:
        await self.room.whole()

    def text(self) -> str:
        return self._tracked().proposed

    def anchor(self, index: int, assoc: int) -> OverlayAnchor:
        made = OverlayAnchor(self, index, assoc)
        self._tracked().anchors.add(made)
        return made

    def outside(self, index: int, assoc: int) -> Anchor:
        """The place in the document: within what is not there yet, where that would begin."""
        tracked = self._tracked()
        base, text = tracked.texts
        line = text.count("\n", 0, index)
        old = lines(base)
        for hunk in reversed(tracked.hunks()):
            if hunk.b_to <= line:
                line += hunk.a_to - hunk.b_to
                break
            if hunk.b_from <= line:
                line = hunk.a_from
                break
        return self.room.anchor(sum(map(len, old[:line])), assoc)

    def edit(self, edits: Sequence[tuple[int, int, str]]) -> None:
        tracked = self._turn.writes(self.room)
        tracked.put(edits)
        self._turn.proposals.wrote(tracked)

    @contextmanager
    def frame(self) -> Iterator[None]:
        yield


class NewFileTarget:
    """The text of a file that is not made yet."""

    def __init__(self, turn: LiveTurn, act: WaitingAct) -> None:
        self.act = act
        self._turn = turn

    def busy(self) -> bool:
        return False

    async def ready(self) -> None:
        pass

    def text(self) -> str:
        return self.act.text

    def anchor(self, index: int, assoc: int) -> PlainAnchor:
        made = PlainAnchor(index, assoc)
        self.act.anchors.add(made)
        return made

    def edit(self, edits: Sequence[tuple[int, int, str]]) -> None:
        self._turn.check()
        self.act.put(edits)
        self._turn.proposals.acts.wrote(self.act)

    @contextmanager
    def frame(self) -> Iterator[None]:
        yield


def target_of(turn: LiveTurn, room: Room) -> RoomTarget | OverlayTarget:
    """Where a turn writes what it has for a document."""
    return OverlayTarget(turn, room) if turn.row.waits else RoomTarget(turn, room)


@dataclass
class WaitingEnvironment(LiveEnvironment):
    """What this turn would do to files is in its acts; `_texts` are the proposed texts it has begun."""

    _written: dict[str, OverlayTarget | NewFileTarget] = field(default_factory=dict)

    def _acts(self, kind: str) -> list[WaitingAct]:
        return [act for act in self.turn.proposals.acts.of_turn(self.turn.row.pk) if act.row.kind == kind]

    def _new(self, path: str) -> WaitingAct | None:
        return next((act for act in self._acts(FileAct.Kind.CREATE) if act.row.path == path), None)

    def _there(self, path: str) -> str:
        """The path as it is on disk. Raises ToolFailed for what this turn has deleted or moved away."""
        moved = next((act for act in self._acts(FileAct.Kind.MOVE) if act.row.to == path), None)
        if moved is not None:
            return moved.row.path
        if path in self._gone():
            raise ToolFailed(f"{path} is not there any more.")
        return path

    def _gone(self) -> set[str]:
        return {act.row.path for act in (*self._acts(FileAct.Kind.DELETE), *self._acts(FileAct.Kind.MOVE))}

    def _proposed(self) -> dict[str, str]:
        """The texts that differ from the documents, by the path this turn knows them by."""
        moved = {act.row.path: act.row.to for act in self._acts(FileAct.Kind.MOVE)}
        found = {}
        for one in self.turn.proposals.of_turn(self.turn.row.pk):
            one.doc.settle()
            found[moved.get(one.room.path, one.room.path)] = one.proposed
        return found | {act.row.path: act.text for act in self._acts(FileAct.Kind.CREATE)}

    async def _text(self, path: str) -> str:
        mine = self._proposed().get(path)
        return mine if mine is not None else await super()._text(self._there(path))

    async def list(self, glob: str) -> Sequence[str]:
        gone = self._gone()
        more = [act.row.path for act in self._acts(FileAct.Kind.CREATE)]
        more += [act.row.to for act in self._acts(FileAct.Kind.MOVE)]
        there = [path for path in await super().list(glob) if path not in gone]
        return [*there, *(path for path in more if matches(path, glob))][:MOST_PATHS]

    async def search(self, query: str, *, regex: bool, glob: str) -> Sequence[Hit]:
        mine, gone = self._proposed(), self._gone()
        found = await super().search(query, regex=regex, glob=glob)
        kept = [hit for hit in found if hit.path not in mine and hit.path not in gone]
        try:
            pattern = re.compile(query if regex else re.escape(query), re.IGNORECASE)
        except re.error:
            return kept
        for path, text in mine.items():
            if matches(path, glob):
                rows = enumerate(text.split("\n"), 1)
                kept += [replace(_HIT, path=path, line=n, text=row) for n, row in rows if pattern.search(row)]
        return kept[:MOST_HITS]

    async def run(self, command: str, seconds: float) -> Ran:
        ran = await super().run(command, seconds)
        return replace(ran, output=NOT_THERE + ran.output) if self._proposed() else ran

    # --- the place of a patch -------------------------------------------------------------------------------------

    async def open(self, path: str) -> OverlayTarget | NewFileTarget:  # type: ignore[override]
        self.turn.check()
        new = self._new(path)
        target: OverlayTarget | NewFileTarget
        if new is not None:
            new.writing = True
            target = NewFileTarget(self.turn, new)
        else:
            room = await self.turn.host.open_path(self._there(path))
            target = OverlayTarget(self.turn, writable(self.turn.host, room))
        self._written[path] = target
        return target

    async def create(self, path: str) -> NewFileTarget:  # type: ignore[override]
        self.turn.check()
        known = self._new(path) is not None or any(act.row.to == path for act in self._acts(FileAct.Kind.MOVE))
        if known or (path not in self._gone() and await in_db(exists, self.turn.host.files, path)):
            raise ToolFailed("This file exists already; change it with '*** Update File:'.")
        act = self.turn.proposals.acts.begin(self.turn.row, FileAct.Kind.CREATE, path)
        target = self._written[path] = NewFileTarget(self.turn, act)
        return target

    async def delete(self, path: str) -> None:
        self.turn.check()
        new, acts = self._new(path), self.turn.proposals.acts
        if new is not None:
            await acts.reject(new.row.pk)
        else:
            there = self._there(path)
            if not await in_db(exists, self.turn.host.files, there):
                raise ToolFailed(f"{path} is not there.")
            acts.begin(self.turn.row, FileAct.Kind.DELETE, there)

    async def move(self, path: str, to: str) -> None:
        self.turn.check()
        if await in_db(exists, self.turn.host.files, to) or self._new(to) is not None:
            raise ToolFailed(f"{to} exists already.")
        new = self._new(path)
        if new is not None:
            new.row.path = to
            self.turn.proposals.acts.wrote(new)
        else:
            self.turn.proposals.acts.begin(self.turn.row, FileAct.Kind.MOVE, self._there(path), to)

    def follow(self, path: str, applier: LiveApplier) -> None:
        """Nobody types into what is not in the document yet."""

    def wrote(self, path: str, applier: LiveApplier) -> None:
        target = self._written[path]
        if isinstance(target, OverlayTarget):
            start, cursor = applier.region
            self.turn.region(target.room, cast(Anchor, start), cast(Anchor, cursor))

    async def close(self, path: str) -> None:
        target = self._written.pop(path)
        if isinstance(target, OverlayTarget):
            target.close()
            self.turn.left(target.room)
        else:
            self.turn.proposals.acts.left(target.act)


_HIT = Hit("", 0, "")


def environment_of(turn: LiveTurn, *, sandbox: bool, thinkers: Sequence[Endpoint] = ()) -> LiveEnvironment:
    return (WaitingEnvironment if turn.row.waits else LiveEnvironment)(turn, sandbox, thinkers)
