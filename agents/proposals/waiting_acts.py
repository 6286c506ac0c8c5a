"""Files that a turn would make, delete or move and that wait for acceptance: told and decided on like proposals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from weakref import WeakSet

from django.utils import timezone

from agents import wire
from agents.engine.edits.target import PlainAnchor
from agents.models import FileAct, Turn
from agents.proposals import file_acts
from agents.wire import Json
from ide.db import in_db
from ide.documents.room import Edit
from ide.documents.text import clean, lines
from ide.errors import Conflict, NotFound
from ide.live.host import WorkspaceHost

SHOW = 0.1  # seconds between two events about one file
HUNK = "file"


@dataclass(eq=False)
class WaitingAct:
    """`text` is that of a file to be made; `writing`: its turn still streams into it."""

    row: FileAct
    owner: Json | None
    text: str = ""
    writing: bool = False
    anchors: WeakSet[PlainAnchor] = field(default_factory=WeakSet)
    told: list[str] = field(default_factory=list)

    def put(self, edits: Sequence[tuple[int, int, str]]) -> None:
        for start, end, text in sorted(edits, reverse=True):
            new = clean(text)
            self.text = self.text[:start] + new + self.text[end:]
            for anchor in self.anchors:
                anchor.moved(start, end, len(new))

    def wire(self) -> Json:
        return self._wire([line.removesuffix("\n") for line in lines(self.text)], 0)

    def news(self) -> Json:
        """As `wire`, for those who have the last one: only the lines behind the first `keep`."""
        now = [line.removesuffix("\n") for line in lines(self.text)]
        size = min(len(self.told), len(now))
        keep = next((n for n in range(size) if self.told[n] != now[n]), size)
        self.told = now
        return self._wire(now[keep:], keep)

    def _wire(self, shown: list[str], keep: int) -> Json:
        hunk = {"id": HUNK, "from": "", "to": "", "removed": [], "taken": 0, "pen": self.writing}
        hunk |= {"added": keep + len(shown), "keep": keep, "lines": shown}
        is_open = self.row.state == FileAct.State.WAITING
        return {
            "id": self.row.pk,
            "path": self.row.path,
            "document": "",
            "turn": self.row.turn_id,
            "job": None,
            "owner": self.owner,
            "state": "open" if is_open else "closed",
            "writing": self.writing,
            "waiting": True,
            "act": self.row.kind,
            "to": self.row.to,
            "hunks": [hunk] if is_open else [],
        }


class WaitingActs:
    """Those of one host. `soon` runs a save and is awaited by whoever asks for what is saved."""

    def __init__(self, host: WorkspaceHost, soon: Callable[[Coroutine[None, None, None]], None]) -> None:
        self._host = host
        self._soon = soon
        self._open: dict[str, WaitingAct] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._saving = asyncio.Lock()

    async def load(self) -> None:
        for row in await in_db(_waiting, self._host.workspace_id):
            owner = wire.person(row.turn.owner)
            self._open[row.pk] = WaitingAct(row, owner, bytes(row.data).decode())

    def begin(self, turn: Turn, kind: str, path: str, to: str = "") -> WaitingAct:
        row = FileAct(workspace_id=self._host.workspace_id, turn=turn, kind=kind, path=path, to=to)
        row.state, row.created_at = FileAct.State.WAITING, timezone.now()
        act = WaitingAct(row, wire.person(turn.owner), writing=kind == FileAct.Kind.CREATE)
        self._open[row.pk] = act
        self._soon(self._save(act))
        self._show(act)
        return act

    def wrote(self, act: WaitingAct) -> None:
        if act.row.pk not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[act.row.pk] = loop.call_later(SHOW, self._show, act)

    def left(self, act: WaitingAct) -> None:
        """Its turn has written it to the end, or leaves it so."""
        if act.writing:
            act.writing = False
            self._soon(self._save(act))
            self._show(act)

    def stop_writing(self, turn_id: str) -> None:
        for act in self.of_turn(turn_id):
            self.left(act)

    def of_turn(self, turn_id: str) -> list[WaitingAct]:
        return [act for act in self._open.values() if act.row.turn_id == turn_id]

    def knows(self, act_id: str) -> bool:
        return act_id in self._open

    def wire(self) -> list[Json]:
        return [act.wire() for act in self._open.values()]

    async def accept(self, act_id: str) -> None:
        """Do it. Raises NotFound, Conflict and what keeps a file from being changed."""
        act = self._named(act_id)
        row, kind = act.row, act.row.kind
        if kind == FileAct.Kind.DELETE:
            row.document_id, row.data = await file_acts.put_away(self._host, row.path)
        elif kind == FileAct.Kind.MOVE:
            await file_acts.rename(self._host, row.path, row.to)
        else:
            await self._make(act)
        await self._decided(act, FileAct.State.DONE)

    async def reject(self, act_id: str) -> None:
        await self._decided(self._named(act_id), FileAct.State.REJECTED)

    async def _make(self, act: WaitingAct) -> None:
        room = await self._host.open_path(act.row.path, create=True)
        await room.whole()
        if room.text():
            raise Conflict(
                f"“{act.row.path}” is there by now, and is not empty.", "Reject this one, or move that file."
            )
        act.row.document_id = room.id
        if act.text:
            await room.edit([Edit(0, 0, act.text)], f"turn:{act.row.turn_id}")

    def _named(self, act_id: str) -> WaitingAct:
        act = self._open.get(act_id)
        if act is None:
            raise NotFound("This proposal is closed: everything in it is decided.", "Nothing is left to do.")
        if act.writing:
            raise Conflict("The model is still writing this file.", "Decide when it is done, or interrupt the turn.")
        return act

    async def _decided(self, act: WaitingAct, state: FileAct.State) -> None:
        act.row.state = state
        self._open.pop(act.row.pk, None)
        self._show(act)
        await self._save(act)

    def _show(self, act: WaitingAct) -> None:
        timer = self._timers.pop(act.row.pk, None)
        if timer is not None:
            timer.cancel()
        self._host.publish({"type": "proposal", "proposal": act.news()})

    async def _save(self, act: WaitingAct) -> None:
        async with self._saving:
            if act.row.kind == FileAct.Kind.CREATE:
                act.row.data = act.text.encode()
            await in_db(act.row.save)

    async def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for act in list(self._open.values()):
            await self._save(act)


def _waiting(workspace_id: str) -> list[FileAct]:
    rows = FileAct.objects.filter(workspace_id=workspace_id, state=FileAct.State.WAITING)
    return list(rows.select_related("turn__owner").order_by("created_at"))
