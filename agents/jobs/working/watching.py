"""Watching: people see a file of a job's worktree grow while it works, wherever its worker is. Read-only.

The worker's events (`written`) come with the job's feed. A text is put together once when somebody begins to watch, and
goes on from there; a new attempt begins in a worktree as it was after the newest durable step, and so does the text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from django.db.models import Max
from django.db.models.fields.json import KT

from agents import wire
from agents.jobs.working import trail, written
from agents.models import Job, JobEvent
from ide.db import in_db
from ide.documents.text import to_utf16
from ide.errors import NotFound
from ide.live.host import WorkspaceHost
from ide.workspaces import git
from ide.workspaces.files import Unreadable, decode

FILES_SHOWN = 200
NOT_SHOWN = "(This file is not shown: it is too large, or no text.)\n"


class Viewer(Protocol):
    """A participant, as far as it matters here."""

    @property
    def id(self) -> str: ...

    def notify(self, event: Mapping[str, object]) -> None: ...


@dataclass
class _File:
    text: str = ""
    seq: int = 0
    last: int = 0  # newest event of the feed that is in it
    gone: bool = False
    viewers: dict[str, Viewer] = field(default_factory=dict)
    early: list[JobEvent] | None = None  # what came while it was read


class Watching:
    """A part of what agents keep on the host."""

    def __init__(self, host: WorkspaceHost) -> None:
        self._host = host
        self._files: dict[tuple[str, str], _File] = {}
        self._reading = asyncio.Lock()

    async def watch(self, viewer: Viewer, job: Job, path: str) -> wire.Json:
        """From now on this viewer is told. Raises NotFound where there is no such file."""
        key = (job.pk, path)
        async with self._reading:
            file = self._files.get(key)
            if file is None or not self._here(file):
                file = await self._begun(key, job)
            file.viewers[viewer.id] = viewer
            return self._whole(key, file)

    async def _begun(self, key: tuple[str, str], job: Job) -> _File:
        waiting = self._files[key] = _File(early=[])
        try:
            file = await self._read(job, key[1])
        except BaseException:
            del self._files[key]
            raise
        self._files[key] = file
        for event in waiting.early or ():
            self._write(key, event)
        return file

    def leave(self, viewer: Viewer, job_id: str, path: str) -> None:
        file = self._files.get((job_id, path))
        if file is not None:
            file.viewers.pop(viewer.id, None)
            if not file.viewers:
                del self._files[job_id, path]

    async def take(self, event: JobEvent) -> None:
        """An event of the feed, in its order."""
        if event.kind == written.KIND:
            self._write((event.job_id, str(event.data.get("path"))), event)
        elif event.kind == "state" and "attempt" in event.data:
            for key in [key for key in self._files if key[0] == event.job_id]:
                await self._anew(key)

    def _write(self, key: tuple[str, str], event: JobEvent) -> None:
        file = self._files.get(key)
        if file is not None and file.early is not None:
            file.early.append(event)
            return
        if file is None or event.pk <= file.last:
            return
        told: dict[str, object] = {}
        given = event.data.get("splice")
        if given is not None and not file.gone:
            at, gone, put = given
            start, end = to_utf16(file.text, at), to_utf16(file.text, at + gone)
            told["splice"] = [start, end - start, put]
        file.last, file.seq = event.pk, file.seq + 1
        file.gone = bool(event.data.get("gone"))
        file.text = NOT_SHOWN if "large" in event.data else written.taken(file.text, event.data)
        self._tell(key, file, told or {"text": file.text})

    async def _anew(self, key: tuple[str, str]) -> None:
        fresh, file = await in_db(_job, key[0]), self._files.get(key)
        if fresh is None or file is None or file.early is not None or not self._here(file):
            return
        try:
            now = await self._read(fresh, key[1])
        except NotFound:
            now = _File(gone=True, last=file.last)
        changed = now.text != file.text
        file.text, file.last, file.gone = now.text, max(now.last, file.last), now.gone
        if changed:
            file.seq += 1
            self._tell(key, file, {"text": file.text})

    def _here(self, file: _File) -> bool:
        """Whether somebody still watches it; who has left is forgotten."""
        file.viewers = {id: viewer for id, viewer in file.viewers.items() if id in self._host.participants}
        return bool(file.viewers)

    def _tell(self, key: tuple[str, str], file: _File, told: Mapping[str, object]) -> None:
        event = {"type": "job.file", "job": key[0], "path": key[1], "seq": file.seq, **told}
        for viewer in file.viewers.values():
            viewer.notify({**event, **({"gone": True} if file.gone else {})})

    def _whole(self, key: tuple[str, str], file: _File) -> wire.Json:
        told: wire.Json = {"job": key[0], "path": key[1], "seq": file.seq, "text": file.text}
        return {**told, **({"gone": True} if file.gone else {})}

    async def _read(self, job: Job, path: str) -> _File:
        """As the worker's worktree has it now."""
        events, last = await in_db(_events, job.pk, path)
        if not events:
            data = await git.show(self._host.root, await in_db(trail.start_of, job), path)
            if data is None:
                raise NotFound(f"There is no {path} in the job's files.", "Choose another one.")
            return _File(_shown(data), last=last)
        file = _File(last=last)
        for told in events:
            file.gone = bool(told.get("gone"))
            file.text = NOT_SHOWN if "large" in told else written.taken(file.text, told)
        return file


def _shown(data: bytes) -> str:
    try:
        text = decode(data).text
    except Unreadable:
        return NOT_SHOWN
    return text if len(text) <= written.LARGEST else NOT_SHOWN


def _job(job_id: str) -> Job | None:
    return Job.objects.filter(pk=job_id).first()


def _events(job_id: str, path: str) -> tuple[list[dict[str, object]], int]:
    """What was told of a file in the attempt that is under way, and the newest event of the job."""
    rows = JobEvent.objects.filter(job_id=job_id).order_by("id")
    last = rows.values_list("id", flat=True).last() or 0
    begun = rows.filter(kind="state", data__has_key="attempt").values_list("id", flat=True).last() or 0
    mine = rows.filter(kind=written.KIND, id__gt=begun, id__lte=last, data__path=path)
    return [dict(data) for data in mine.values_list("data", flat=True)], last


def files(job_id: str) -> list[wire.Json]:
    """What the job has written, newest first. Synchronous ORM."""
    rows = JobEvent.objects.filter(job_id=job_id, kind=written.KIND)
    newest = rows.values(path=KT("data__path")).annotate(last=Max("id")).order_by("-last")[:FILES_SHOWN]
    events = JobEvent.objects.in_bulk([row["last"] for row in newest])
    return [
        {
            "path": row["path"],
            "at": wire.time(events[row["last"]].created_at),
            "gone": "gone" in events[row["last"]].data,
        }
        for row in newest
    ]


def forget(job_id: str) -> None:
    """Nobody watches a job that is decided on. Synchronous ORM."""
    JobEvent.objects.filter(job_id=job_id, kind=written.KIND).delete()
