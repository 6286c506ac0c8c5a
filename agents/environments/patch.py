"""The edits of one call, file by file, whatever place they go to. Implements engine.tools.EditStream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.engine.edits.apply import LiveApplier
from agents.engine.edits.ops import (
    Close,
    CreateFile,
    Delete,
    DeleteFile,
    EditError,
    Insert,
    MoveFile,
    Op,
    Open,
    ended_lines,
)
from agents.engine.edits.target import Target
from agents.engine.edits.writer import Summary
from agents.engine.messages import ToolResult
from agents.engine.tools import ToolFailed
from ide.errors import Refused


class Place(Protocol):
    """Files a patch may change. Each method raises ToolFailed, Refused or OSError where it cannot."""

    async def open(self, path: str) -> Target: ...

    async def create(self, path: str) -> Target: ...

    async def delete(self, path: str) -> None: ...

    async def move(self, path: str, to: str) -> None: ...

    def follow(self, path: str, applier: LiveApplier) -> None:
        """A file begins; people may stop its change by typing into it, where they can."""
        ...

    async def settled(self) -> None:
        """Return when nobody types into what was written."""
        ...

    def wrote(self, path: str, applier: LiveApplier) -> None:
        """Called after each frame. Synchronous."""
        ...

    async def close(self, path: str) -> None:
        """The file is complete, or was left half-way."""
        ...


@dataclass
class _File:
    path: str
    target: Target
    applier: LiveApplier
    move_to: str = ""


@dataclass
class PatchEdits:
    """`frame`: seconds between two applications of what has arrived (the first comes at once); 0 = no waiting. `rest`
    is called when there is more to see; who gives it feeds no sooner than a frame later, and has it applied at once.
    """

    place: Place
    frame: float = 0.0
    rest: Callable[[], None] | None = None
    _file: _File | None = None
    _pending: list[Op] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None
    _due_at: float = 0.0
    _applied_at: float = 0.0
    _seen: bool = True  # what was applied then
    _told: list[str] = field(default_factory=list)
    _ok: bool = True
    _changed: list[str] = field(default_factory=list)
    _fault: BaseException | None = None

    async def feed(self, ops: Sequence[Op]) -> None:
        for op in ops:
            if isinstance(op, Open | CreateFile | DeleteFile | MoveFile | Close):
                await self._ready()
                self._apply()
                await self._turn(op)
            elif self._file is not None:
                self._pending.append(op)
        await self._ready()
        if self._soon() and self.rest is None:
            await asyncio.sleep(0)  # it leaves before what has arrived behind it is read

    async def finish(self) -> ToolResult:
        await self._ready()
        self._apply()
        await self._complete(aborted=False)
        await self.place.settled()
        data: dict[str, object] = {"paths": self._changed}
        return ToolResult("\n".join(self._told) or "The patch changed nothing.", self._ok, data)

    async def abort(self) -> None:
        self._pending.clear()
        await self._complete(aborted=True)

    async def _ready(self) -> None:
        if self._file is not None:
            await self._file.target.ready()

    async def _turn(self, op: Op) -> None:
        """A file begins or ends. What cannot be done is told to the model; the other files of the patch go on."""
        try:
            await self._carry_out(op)
        except (ToolFailed, Refused, OSError, EditError) as error:
            path = getattr(op, "path", "") or getattr(op, "to", "")
            self._ok = False
            self._told.append(f"{path}: not done. {error}")

    async def _carry_out(self, op: Op) -> None:
        if isinstance(op, Open | CreateFile):
            await self._complete(aborted=False)
            new = isinstance(op, CreateFile)
            target = await (self.place.create(op.path) if new else self.place.open(op.path))
            self._file = _File(op.path, target, LiveApplier(target, fresh=new))
            self.place.follow(op.path, self._file.applier)
        elif isinstance(op, DeleteFile):
            await self._complete(aborted=False)
            await self.place.delete(op.path)
            self._changed.append(op.path)
            self._told.append(f"{op.path}: deleted")
        elif isinstance(op, MoveFile) and self._file is not None:
            self._file.move_to = op.to
        elif isinstance(op, Close) and self._file is not None:
            await self._complete(aborted=False)

    async def _complete(self, *, aborted: bool) -> None:
        """Leave the open file, if there is one."""
        self._stop()
        file, self._file = self._file, None
        if file is None:
            return
        summary = file.applier.abort() if aborted else file.applier.finish()
        self.place.wrote(file.path, file.applier)
        await self.place.close(file.path)
        self._tell(file.path, summary)
        if file.move_to and not aborted:
            await self.place.move(file.path, file.move_to)
            self._told.append(f"{file.path}: moved to {file.move_to}")

    def _tell(self, path: str, summary: Summary) -> None:
        self._changed.append(path)
        self._told.append(f"{path}: {summary.added} lines added, {summary.removed} removed")
        self._told += [f"{path}: not done. {reason}" for reason in summary.failed]
        self._told += [f"{path}: {reason}" for reason in summary.conflicts]
        if summary.shown:
            self._told.append(f"{path} is here now:\n{summary.shown}")
        self._ok = self._ok and summary.ok

    # --- frames ---------------------------------------------------------------------------------------------------

    def _soon(self) -> bool:
        """Apply what is due now, and whether any of it can be seen; the rest comes with the next frame."""
        if not self._pending:
            return False
        now, seen = time.monotonic(), False
        due = self._due() if self._timer is None else min(self._due(), self._due_at)
        if due <= now:
            self._stop()
            seen = self._apply(by_line=True)
            due = now + 2 * self.frame  # a line that has begun goes with the next frame; if none comes, by itself
        if self._pending and self._timer is None:
            self._wait(due)
        return seen

    def _due(self) -> float:
        """When what has arrived is to be applied. Old lines wait for new ones, for their words."""
        if any(isinstance(op, Delete) for op in self._pending):
            return self._applied_at + 0.75 * self.frame  # timers go by milliseconds: no later than the next feed
        at_once = self.rest is not None or (not self._seen and isinstance(self._pending[0], Insert))
        return 0.0 if at_once else self._applied_at + self.frame

    def _wait(self, until: float) -> None:
        self._due_at = until
        self._timer = asyncio.get_running_loop().call_later(until - time.monotonic(), self._tick)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        if self._file is not None and self._file.target.busy():
            self._wait(time.monotonic() + self.frame)
            return
        try:
            self._apply(by_line=True)
        except Exception as error:  # raised again to who feeds next: a timer has nobody to tell
            self._fault = error
            return
        if self._pending:
            self._wait(time.monotonic() + self.frame)

    def _apply(self, *, by_line: bool = False) -> bool:
        """Apply what has arrived; whether there is more to see than before. `by_line`: where it is a line or more, a
        line that has only begun waits."""
        if self._fault is not None:
            raise self._fault
        pending, self._pending = ended_lines(self._pending) if by_line and self.frame else (self._pending, [])
        if not pending or self._file is None:
            return False
        self._file.applier.feed(pending)
        self.place.wrote(self._file.path, self._file.applier)
        self._seen = any(isinstance(op, Insert | Delete) for op in pending)  # of a place alone nothing is
        self._applied_at = time.monotonic()
        if self._seen and self.rest is not None:
            self.rest()
        return self._seen
