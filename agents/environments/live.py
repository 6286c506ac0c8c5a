"""Tools of a turn act on the live workspace: open rooms first, files on disk where nothing is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from agents.engine.edits.apply import LiveApplier
from agents.engine.messages import ToolCall, ToolResult
from agents.engine.toolbox import HAND_OVER
from agents.engine.tools import LINES, THINK, EditStream, Hit, Ran, Slice, ToolFailed
from agents.environments import handing
from agents.environments.ground import MOST_HITS, MOST_PATHS, OUTPUT, exists, matches, run_confined
from agents.environments.patch import PatchEdits
from agents.environments.room_target import RoomTarget
from agents.models import Endpoint
from agents.proposals import file_acts
from agents.sessions.pace import FRAME
from agents.sessions.pauses import Span
from agents.sessions.think import think
from agents.sessions.turns import LiveTurn
from ide.accounts.members import TeamThing
from ide.accounts.models import User
from ide.accounts.permissions import Action, agent_may
from ide.db import in_db
from ide.documents.room import Anchor, Room
from ide.documents.text import lines
from ide.errors import Invalid, Refused
from ide.live.host import WorkspaceHost
from ide.runner import client as runner
from ide.workspaces.search import search

MOST_FILES = 8  # a question to the deep model may name


def abilities(*, sandbox: bool, thinks: bool = False) -> frozenset[str]:
    """The tools a turn has on a live workspace."""
    tools = {"read_file", "list_files", "search", "apply_patch", HAND_OVER}
    return frozenset(tools | ({"run_command"} if sandbox else set()) | ({THINK} if thinks else set()))


@dataclass
class LiveEnvironment:
    """`sandbox`: whether commands can be confined, so that there is a tool to run them; `thinkers`: who can be asked by
    the tool `think`."""

    turn: LiveTurn
    sandbox: bool
    thinkers: Sequence[Endpoint] = ()
    _targets: dict[str, RoomTarget] = field(default_factory=dict)

    @property
    def abilities(self) -> frozenset[str]:
        return abilities(sandbox=self.sandbox, thinks=bool(self.thinkers))

    async def read(self, path: str, first: int, last: int) -> Slice:
        text = await self._text(path)
        shown = [line.removesuffix("\n") for line in lines(text)]
        return Slice(shown[max(0, first - 1) : last], max(1, first), len(shown))

    async def _text(self, path: str) -> str:
        open_now = self._open_now(path)
        if open_now is not None:
            return open_now.text()
        try:
            return (await in_db(self.turn.host.files.read, path)).text
        except (Refused, OSError) as error:
            raise ToolFailed(f"{path} cannot be read: {error}") from error

    def _open_now(self, path: str) -> Room | None:
        return next((room for room in self.turn.host.rooms_open() if room.path == path), None)

    async def list(self, glob: str) -> Sequence[str]:
        entries, _ = await in_db(self.turn.host.files.tree)
        paths = [entry.path for entry in entries if entry.kind == "file"]
        return [path for path in paths if matches(path, glob)][:MOST_PATHS]

    async def search(self, query: str, *, regex: bool, glob: str) -> Sequence[Hit]:
        try:
            await self.turn.host.flush()
            found = await search(self.turn.host.root, query, regex=regex, case=False, glob=glob, limit=MOST_HITS)
        except Refused as error:
            raise ToolFailed(str(error)) from error
        return [Hit(hit.path, hit.line, hit.text) for hit in found.hits]

    async def run(self, command: str, seconds: float) -> Ran:
        """Confined to the workspace's folder, with what people have typed; no network."""
        await self._may(Action.EXECUTE)
        await self.turn.host.flush()
        return await run_confined(command, runner.Policy(self.turn.host.root, seconds=seconds, output_bytes=OUTPUT))

    async def _may(self, action: Action) -> None:
        """What cannot be taken back is asked about at each use; edits stop with the turn, whose owner the host looks
        after. Raises ToolFailed, Ended."""
        self.turn.check()
        owner, workspace = self.turn.owner, TeamThing(self.turn.host.team_id)
        if not await in_db(lambda: agent_may(User.objects.get(pk=owner.pk), action, workspace)):
            raise ToolFailed(f"{owner.shown_name}, for whom you work, may not do this here any more ({action.value}).")

    async def think(self, question: str, paths: Sequence[str]) -> ToolResult:
        texts = []
        for path in paths[:MOST_FILES]:
            part = await self.read(path, 1, LINES)
            more = f"\n({part.total - len(part.lines)} more lines)" if part.total > len(part.lines) else ""
            texts.append(f"File {path}:\n" + "\n".join(part.lines) + more)
        return await think(self.turn, self.thinkers, question, texts)

    async def use(self, call: ToolCall) -> ToolResult:
        """Hand a task over to a job; the turn goes on."""
        await self._may(Action.JOB)
        try:
            return await handing.hand_over(self.turn, msgspec.json.decode(call.arguments or "{}", type=handing.Task))
        except Refused as error:
            raise ToolFailed(f"{error.what} {error.do}".strip()) from error

    def edits(self, call_id: str) -> EditStream:
        return PatchEdits(self, FRAME, self.turn.rest)

    # --- the place of a patch -------------------------------------------------------------------------------------

    async def open(self, path: str) -> RoomTarget:
        self.turn.check()
        host = self.turn.host
        room = self._open_now(path) or await host.open_path(path)  # no query before what it writes is seen
        return self._target(path, writable(host, room))

    async def create(self, path: str) -> RoomTarget:
        await self._may(Action.EDIT)
        if await in_db(exists, self.turn.host.files, path):
            raise ToolFailed("This file exists already; change it with '*** Update File:'.")
        room = await self.turn.host.open_path(path, create=True)
        await file_acts.created(self.turn.host, self.turn.row.pk, room)
        return self._target(path, room)

    def _target(self, path: str, room: Room) -> RoomTarget:
        target = self._targets[path] = RoomTarget(self.turn, room)
        return target

    async def delete(self, path: str) -> None:
        await self._may(Action.EDIT)
        await file_acts.delete(self.turn.host, self.turn.row.pk, path)

    async def move(self, path: str, to: str) -> None:
        await self._may(Action.EDIT)
        await file_acts.move(self.turn.host, self.turn.row.pk, path, to)

    def follow(self, path: str, applier: LiveApplier) -> None:
        def span() -> Span | None:
            start, end = applier.region
            return (start.index(), end.index()) if applier.writing else None

        target = self._targets[path]
        target.watch(span, lambda typed: self.turn.pauses.begin(typed, applier.leave))

    async def settled(self) -> None:
        await self.turn.pauses.settled()
        self.turn.check()

    def wrote(self, path: str, applier: LiveApplier) -> None:
        start, cursor = applier.region
        self.turn.region(self._targets[path].room, cast(Anchor, start), cast(Anchor, cursor))

    async def close(self, path: str) -> None:
        target = self._targets.pop(path)
        target.close()
        self.turn.left(target.room)


def writable(host: WorkspaceHost, room: Room) -> Room:
    """The room, if its file may be written. Raises Invalid with the reason where it is read-only."""
    document = host.document(room.id)
    if document is not None and document.access != "edit":
        raise Invalid(f"{room.path} is read-only. {document.disk.reason}".strip(), "Copy it, and change the copy.")
    return room
