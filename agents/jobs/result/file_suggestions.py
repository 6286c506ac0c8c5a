"""Files that a finished job adds or deletes, as suggestions beside the hunks of those it changes: taken or left by one
click, told like the files of a turn that wait. Made anew from the result whenever the workspace is opened; what people
have left is remembered with the job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents import wire
from agents.environments.ground import exists
from agents.jobs.result.review import Change, current
from agents.models import FileAct, Job
from agents.proposals import file_acts
from agents.wire import Json
from ide.db import in_db, new_id
from ide.documents.text import lines, minimal_edits
from ide.errors import Conflict, NotFound
from ide.live.host import WorkspaceHost

HUNK = "file"
DECLINED = "declined"  # in Job.result


@dataclass(eq=False)
class Suggested:
    id: str
    job: Job
    change: Change
    is_open: bool = True

    @property
    def kind(self) -> str:
        return FileAct.Kind.DELETE if self.change.status == "deleted" else FileAct.Kind.CREATE

    def wire(self) -> Json:
        shown = [line.removesuffix("\n") for line in lines(self.change.proposed or "")]
        hunk = {"id": HUNK, "from": "", "to": "", "removed": [], "taken": 0, "pen": False}
        hunk |= {"added": len(shown), "keep": 0, "lines": shown}
        return {
            "id": self.id,
            "path": self.change.path,
            "document": "",
            "turn": None,
            "job": self.job.pk,
            "owner": wire.person(self.job.owner),
            "state": "open" if self.is_open else "closed",
            "writing": False,
            "waiting": True,
            "act": self.kind,
            "to": "",
            "hunks": [hunk] if self.is_open else [],
        }


class FileSuggestions:
    """Those of one host."""

    def __init__(self, host: WorkspaceHost) -> None:
        self._host = host
        self._open: dict[str, Suggested] = {}

    async def lay(self, job: Job, changes: Sequence[Change]) -> None:
        """What of a result is to be taken or left, in place of what was told of it before."""
        self.withdraw(job.pk)
        declined = job.result.get(DECLINED, [])
        for change in changes:
            there = await in_db(exists, self._host.files, change.path)  # a deleted file's document may live on
            same = there and change.proposed is not None and await current(self._host, change.path) == change.proposed
            if (there if change.status == "deleted" else not same) and change.path not in declined:
                one = Suggested(new_id(), job, change)
                self._open[one.id] = one
                self._show(one)

    def withdraw(self, job_id: str) -> None:
        for one in [one for one in self._open.values() if one.job.pk == job_id]:
            self._close(one)

    def wire(self) -> list[Json]:
        return [one.wire() for one in self._open.values()]

    def knows(self, id: str) -> bool:
        return id in self._open

    def left(self, job_id: str) -> dict[str, Change]:
        """What nobody has decided on, by path."""
        return {one.change.path: one.change for one in self._open.values() if one.job.pk == job_id}

    async def accept(self, id: str) -> None:
        """Do it, as the job's. Raises NotFound, Conflict where somebody has made such a file meanwhile."""
        one = self._named(id)
        path, change = one.change.path, one.change
        if change.status == "deleted":
            if await current(self._host, path) != change.base:
                raise Conflict(f"“{path}” was changed since the job began.", "Leave it, or delete it yourself.")
            await file_acts.put_away(self._host, path)
        elif change.proposed is None:
            await in_db(self._host.files.write, path, change.data or b"")
            self._host.publish({"type": "files.changed", "paths": [path]})
        else:
            room = await self._host.open_path(path, create=True)
            await room.whole()
            if room.text():
                raise Conflict(f"“{path}” is there by now, and is not empty.", "Leave it, or move that file.")
            await room.edit(minimal_edits("", change.proposed), f"job:{one.job.pk}")
        self._close(one)

    async def reject(self, id: str) -> None:
        one = self._named(id)
        self._close(one)
        await in_db(_decline, one.job.pk, one.change.path)

    def _named(self, id: str) -> Suggested:
        if id not in self._open:
            raise NotFound("This proposal is closed: everything in it is decided.", "Nothing is left to do.")
        return self._open[id]

    def _close(self, one: Suggested) -> None:
        one.is_open = False
        self._open.pop(one.id, None)
        self._show(one)

    def _show(self, one: Suggested) -> None:
        self._host.publish({"type": "proposal", "proposal": one.wire()})


def _decline(job_id: str, path: str) -> None:
    job = Job.objects.get(pk=job_id)
    Job.objects.filter(pk=job_id).update(result={**job.result, DECLINED: [*job.result.get(DECLINED, []), path]})
