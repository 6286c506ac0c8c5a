"""A job's result against the workspace as it is: shown file by file, and merged on the host, once.

Objects come first (fetched when the job ended, kept under a ref), then texts enter the open documents as edits of the
job, then everything goes to disk. Merging the same result again changes nothing, so a crash in between is healed by
repeating it; only the last step, the job's state, is taken by exactly one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agents import wire
from agents.jobs import life as jobs
from agents.models import Job
from ide.db import in_db
from ide.documents.room import Room
from ide.documents.text import Merged, merge3, minimal_edits
from ide.errors import Conflict, Invalid, NotFound, Refused
from ide.live.host import WorkspaceHost
from ide.workspaces import git
from ide.workspaces.files import Unreadable, decode

STATUS = {"A": "added", "M": "changed", "D": "deleted"}
HOOKS = (".github/", ".gitlab-ci", ".circleci/", ".husky/", ".githooks/", ".pre-commit-config", "Jenkinsfile", ".ci/")
LOCKS = (
    *("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock", "uv.lock", "Pipfile.lock", "Cargo.lock"),
    *("go.sum", "Gemfile.lock", "composer.lock"),
)


@dataclass(frozen=True)
class Change:
    """One file of a job's result. Texts have LF only; None where the file is not there or is no text."""

    path: str
    status: str
    base: str | None
    proposed: str | None
    data: bytes | None  # the proposed file as it is in git

    @property
    def is_text(self) -> bool:
        return self.proposed is not None or self.status == "deleted"


def merged_ref(job_id: str) -> str:
    return f"refs/tandem/merged/{job_id}"


async def changes(host: WorkspaceHost, job: Job) -> list[Change]:
    found = []
    for letter, path in await git.diff_files(host.root, job.base, job.head):
        before = await git.show(host.root, job.base, path) if letter != "A" else None
        after = await git.show(host.root, job.head, path) if letter != "D" else None
        found.append(Change(path, STATUS.get(letter, "changed"), _text(before), _text(after), after))
    return found


def _text(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        return decode(data).text
    except Unreadable:
        return None


async def review(host: WorkspaceHost, job: Job) -> wire.Json:
    """The Review of wire.ts. Raises Conflict when the job has no result yet."""
    if not job.head:
        raise Conflict("This job has no result to look at yet.", "Wait until it is done.")
    told = await changes(host, job)
    shown = []
    for change in told:
        current = await _current(host, change.path)
        shown.append(
            {
                "path": change.path,
                "status": change.status,
                "base": change.base or "",
                "proposed": change.proposed or "",
                "current": current or "",
                "conflict": _conflicts(change, current),
            }
        )
    return {"job": jobs.as_wire(job), "files": shown, "warnings": warnings(told)}


async def _current(host: WorkspaceHost, path: str) -> str | None:
    """The open document, else the file; None where there is none, or no text."""
    room = open_room(host, path)
    if room is not None:
        return room.text()
    try:
        return (await in_db(host.files.read, path)).text
    except Refused:
        return None


def open_room(host: WorkspaceHost, path: str) -> Room | None:
    return next((room for room in host.rooms_open() if room.path == path), None)


def _conflicts(change: Change, current: str | None) -> bool:
    if change.status == "deleted":
        return current is not None and current != change.base
    if not change.is_text:
        return False
    if change.status == "added":
        return current is not None and current != change.proposed
    return current is None or bool(_merge(change, current).conflicts)


def _merge(change: Change, current: str) -> Merged:
    return merge3(change.base or "", current, change.proposed or "")


def warnings(told: Sequence[Change]) -> list[str]:
    """What a reader of the difference should look at twice."""
    out = []
    for change in told:
        name = change.path.rsplit("/", 1)[-1]
        if change.path.startswith(HOOKS):
            out.append(f"{change.path} can make code run elsewhere (hooks, continuous integration).")
        if name in LOCKS:
            out.append(f"{change.path} is a lock file: it decides what is installed.")
        if name in (".gitattributes", ".gitmodules"):
            out.append(f"{change.path} changes how git treats files.")
        if not change.is_text:
            out.append(f"{change.path} is not text; it is taken as it is.")
    return out


async def merge(host: WorkspaceHost, job: Job, chosen: Collection[str] | None) -> None:
    """Bring the result into the workspace: all of it, or the chosen files. Raises Conflict (nothing is changed then).

    The caller makes sure that one job is merged once at a time.
    """
    if job.state != Job.State.REVIEW:
        raise Conflict(f"This job is {job.state}; there is nothing to merge.", "Reload to see where it stands.")
    told = await changes(host, job)
    unknown = set(chosen or ()) - {change.path for change in told}
    if unknown:
        raise Invalid(f"The job did not change {', '.join(sorted(unknown))}.")
    wanted = [change for change in told if chosen is None or change.path in chosen]
    rooms = {c.path: await host.open_path(c.path) for c in wanted if c.status == "changed" and c.is_text}
    clashing = [c.path for c in wanted if c.path not in rooms and _conflicts(c, await _current(host, c.path))]
    for room in rooms.values():
        await room.whole()
    # From here to the last edit nothing is awaited: what is checked is what is merged.
    merged = {c.path: _merge(c, rooms[c.path].text()) for c in wanted if c.path in rooms}
    _refuse(clashing + [path for path, result in merged.items() if result.conflicts])
    origin = f"job:{job.pk}"
    for path, result in merged.items():
        rooms[path].edit(minimal_edits(rooms[path].text(), result.text), origin)
    for change in wanted:
        if change.path not in rooms:
            await _file(host, change, origin)
    await host.flush(change.path for change in wanted)
    await _mark_merged(host, job)
    await in_db(jobs.move, job.pk, Job.State.MERGED, merged_as=job.head, phase="")
    host.publish({"type": "files.changed", "paths": [change.path for change in wanted]})


async def _mark_merged(host: WorkspaceHost, job: Job) -> None:
    """Set the job's mark in the repository; that it is there already means a merge before was cut off."""
    try:
        await git.update_ref(host.root, merged_ref(job.pk), job.head, "")
    except Conflict:
        await git.update_ref(host.root, merged_ref(job.pk), job.head, job.head)


def _refuse(clashing: Sequence[str]) -> None:
    if clashing:
        raise Conflict(
            f"{', '.join(clashing)}: changed meanwhile in the same places. Nothing was merged.",
            "Leave these files out, or bring their changes over by hand.",
            files=list(clashing),
        )


async def _file(host: WorkspaceHost, change: Change, origin: str) -> None:
    """A new, deleted or binary file. New text comes as an edit of a document, so that it is known who wrote it."""
    if change.status == "deleted":
        await in_db(_delete, host, change.path)
        host.moved(change.path, None)
        return
    room = open_room(host, change.path)
    if room is None and change.proposed is not None and change.data == change.proposed.encode():
        room = await host.open_path(change.path, create=True)
    if room is not None and change.proposed is not None:
        await room.whole()
        room.edit(minimal_edits(room.text(), change.proposed), origin)
        return
    await in_db(host.files.write, change.path, change.data or b"")


def _delete(host: WorkspaceHost, path: str) -> None:
    try:
        host.files.delete(path)
    except NotFound:
        pass
