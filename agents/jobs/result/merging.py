"""Merging a job's result, exactly once, on the host: approved by its object id, written down before anything moves.

Objects come first (a commit on a branch, by compare-and-swap), then texts enter the open documents as edits of the job,
so that it stays known who wrote them, then everything goes to disk. A host that dies on the way finds the row, sees
from the branch and from each document's log what was done, and does the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import msgspec
from django.db import transaction
from django.utils import timezone

from agents import wire
from agents.jobs.result import branches, flags, review
from agents.jobs.result.review import Change
from agents.jobs.rows import life as jobs
from agents.jobs.rows import news
from agents.jobs.working import watching
from agents.models import Job, Merge
from agents.proposals.live import Proposals
from ide import faults
from ide.accounts.models import User
from ide.db import in_db
from ide.documents.models import Document, DocumentUpdate
from ide.documents.room import Room
from ide.documents.text import Edit, Merged, apply, minimal_edits
from ide.errors import Conflict, Invalid, NotFound, Refused
from ide.live.host import WorkspaceHost
from ide.workspaces import git

log = logging.getLogger(__name__)


class Wish(msgspec.Struct, frozen=True):
    """What a person approves. `head`: the result they have seen; see MergeWish of wire-jobs.ts for the rest."""

    head: str
    files: tuple[str, ...] | None = None
    hunks: dict[str, tuple[str, ...]] = {}  # by path; a file that is not named is taken whole
    confirmed: tuple[str, ...] = ()
    branch: str = ""
    message: str = ""
    conflicts: Literal["refuse", "editor"] = "refuse"


@dataclass
class Scene:
    """Where a merge takes place. `changes`: what is to be merged."""

    host: WorkspaceHost
    proposals: Proposals
    job: Job
    changes: list[Change]
    row: Merge
    touched: bool = False  # something has moved: from here on it is brought to its end

    @property
    def origin(self) -> str:
        return f"job:{self.job.pk}"


def merged_ref(job_id: str) -> str:
    return f"refs/tandem/merged/{job_id}"


async def merge(host: WorkspaceHost, proposals: Proposals, job: Job, who: User, wish: Wish) -> None:
    """Raises Conflict and Invalid; then nothing was changed. One merge at a time in a workspace: the caller's lock."""
    approved(job, wish.head)
    told = await review.changes(host, job)
    wanted = review.chosen(told, wish.files, wish.hunks)
    _check(told, wanted, wish)
    row = Merge(job=job, by=who, head=job.head, branch=wish.branch, wish=msgspec.to_builtins(wish))
    scene = Scene(host, proposals, job, wanted, row)
    here = await _is_here(scene)
    if here and wish.conflicts == "refuse":
        refuse(await _clashing(scene))
    if wish.branch:
        row.old, row.new = await branches.prepared(host.root, job, wanted, who, (wish.branch, wish.message))
    proposals.withdraw(scene.origin)  # from here on nobody takes a hunk of it by itself
    try:
        row.places = await _places(host, wanted) if here else {}
        await in_db(_begin, row)
        faults.hit("merge.recorded")
        await _carry_out(scene)
    except Conflict:
        if not scene.touched:
            await in_db(_forget, job.pk)
        raise


def approved(job: Job, head: str) -> None:
    """Raises Conflict where the result is not the one that was looked at."""
    if job.state != Job.State.REVIEW:
        raise Conflict(f"This job is {job.state}; there is nothing to merge.", "Reload to see where it stands.")
    if head != job.head:
        raise Conflict(
            "The result has changed since you looked at it; nothing was merged.",
            "Look at it as it is now, then approve that.",
            code="changed",
            head=job.head,
        )


def _check(told: Sequence[Change], wanted: Sequence[Change], wish: Wish) -> None:
    unknown = set(wish.files or ()) - {change.path for change in told}
    if unknown:
        raise Invalid(f"The job did not change {', '.join(sorted(unknown))}.")
    open_flags = [c.path for c in wanted if flags.TO_CONFIRM & set(c.flags) and c.path not in wish.confirmed]
    if open_flags:
        raise Conflict(
            f"{', '.join(open_flags)}: merged only when somebody says so for each by name. Nothing was merged.",
            "Look at these files twice, then confirm them, or leave them out.",
            code="unconfirmed",
            files=open_flags,
        )


def refuse(clashing: Sequence[str]) -> None:
    if clashing:
        raise Conflict(
            f"{', '.join(clashing)}: changed meanwhile in the same places. Nothing was merged.",
            "Leave these files out, or decide on these places in the editor.",
            files=list(clashing),
        )


async def _is_here(scene: Scene) -> bool:
    """Whether it enters the documents: not where it only goes onto a branch that is not checked out."""
    return not scene.row.branch or scene.row.branch == await git.branch(scene.host.root)


async def _clashing(scene: Scene) -> list[str]:
    return [c.path for c in scene.changes if review.conflicts(c, await review.current(scene.host, c.path))]


# --- the row ----------------------------------------------------------------------------------------------------------


async def _places(host: WorkspaceHost, wanted: Sequence[Change]) -> dict[str, list[object]]:
    """Where the log of each document there is stands, everything written so far in it."""
    for change in wanted:
        room = review.open_room(host, change.path)
        if room is not None and room.pending:
            await asyncio.wait(room.pending)
    return await in_db(_rows_of, host.workspace_id, [change.path for change in wanted])


def _rows_of(workspace_id: str, paths: Sequence[str]) -> dict[str, list[object]]:
    rows = Document.objects.filter(workspace_id=workspace_id, path__in=paths)
    return {row.path: [row.pk, row.epoch, row.seq] for row in rows}


def _begin(row: Merge) -> None:
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=row.job_id)
        approved(job, row.head)
        row.save(force_insert=True)


def _forget(job_id: str) -> None:
    Merge.objects.filter(pk=job_id, state=Merge.State.STARTED).delete()


def _written(job_id: str, workspace_id: str, places: dict[str, list[object]]) -> set[str]:
    """Paths whose documents have this merge's edits in their log."""
    rows = DocumentUpdate.objects.filter(document__workspace_id=workspace_id, origin=f"job:{job_id}")
    found = set()
    for path, epoch, seq in rows.values_list("document__path", "epoch", "seq"):
        _, then_epoch, then_seq = places.get(path, ("", 0, -1))
        if (epoch, seq) > (then_epoch, then_seq):
            found.add(path)
    return found


def _end(row: Merge) -> None:
    with transaction.atomic():
        Merge.objects.filter(pk=row.pk).update(state=Merge.State.DONE, ended_at=timezone.now())
        news.merged(row)
        jobs.move(row.job_id, Job.State.MERGED, merged_as=row.new or row.head, phase="")
        watching.forget(row.job_id)


# --- the merge --------------------------------------------------------------------------------------------------------


async def _carry_out(scene: Scene, *, again: bool = False) -> None:
    host, row = scene.host, scene.row
    if row.new:
        await branches.moved(host.root, row)
        scene.touched = True
        faults.hit("merge.moved")
    if await _is_here(scene):
        await _into_documents(scene, again=again)
        faults.hit("merge.written")
        if row.new:
            await git.unstage(host.root, [change.path for change in scene.changes])
    await _mark(host, scene.job)
    faults.hit("merge.marked")
    await in_db(_end, row)
    host.publish({"type": "files.changed", "paths": [change.path for change in scene.changes]})


async def _into_documents(scene: Scene, *, again: bool) -> None:
    """`again`: a merge that was cut off; what its edits are in already is left as people have it now."""
    host, wanted = scene.host, scene.changes
    there = await in_db(_written, scene.job.pk, host.workspace_id, scene.row.places) if again else set()
    left = [change for change in wanted if change.path not in there]
    rooms = {c.path: await host.open_path(c.path) for c in left if c.status == "changed" and c.is_text}
    for room in rooms.values():
        await room.whole()
    decide = bool(scene.row.new) or again or scene.row.wish.get("conflicts") == "editor"
    clashing = [c.path for c in left if c.path not in rooms and await _clashes(host, c)]
    if not decide:
        refuse(clashing)
    # From here to the last edit nothing is awaited: what is checked is what is merged.
    merged = {c.path: review.merged(c, rooms[c.path].text()) for c in left if c.path in rooms}
    if not decide:
        refuse([path for path, result in merged.items() if result.conflicts])
    scene.touched = True
    edits = [
        rooms[path].edit(minimal_edits(rooms[path].text(), one.text), scene.origin) for path, one in merged.items()
    ]
    for path, one in merged.items():
        if one.conflicts:
            _ask(scene, rooms[path], one)
    await asyncio.gather(*edits)
    faults.hit("merge.edited")
    for change in left:
        if change.path not in rooms and change.path not in clashing:
            await _file(host, change, scene.origin)
    for path in there:  # in the log, but perhaps not on disk: only what is open is saved
        with suppress(Refused):  # gone meanwhile, by somebody's own wish
            await host.open_path(path)
    await host.flush(change.path for change in wanted if change.path not in clashing)


async def _clashes(host: WorkspaceHost, change: Change) -> bool:
    return review.conflicts(change, await review.current(host, change.path))


def _ask(scene: Scene, room: Room, one: Merged) -> None:
    """Where people changed the same lines theirs stay; the job's stand beside them as changes to take or leave."""
    edits = [Edit(c.at, c.at + len(c.ours), c.theirs) for c in one.conflicts]
    scene.proposals.leave(room, scene.origin, wire.person(scene.job.owner), apply(one.text, edits))


async def _mark(host: WorkspaceHost, job: Job) -> None:
    """Set the job's mark in the repository; that it is there already means a merge before was cut off."""
    try:
        await git.update_ref(host.root, merged_ref(job.pk), job.head, "")
    except Conflict:
        await git.update_ref(host.root, merged_ref(job.pk), job.head, job.head)


async def _file(host: WorkspaceHost, change: Change, origin: str) -> None:
    """A new, deleted or binary file. New text comes as an edit of a document, so that it is known who wrote it."""
    if change.status == "deleted":
        await in_db(_delete, host, change.path)
        host.moved(change.path, None)
        return
    room = review.open_room(host, change.path)
    if room is None and change.proposed is not None and change.data == change.proposed.encode():
        room = await host.open_path(change.path, create=True)
    if room is not None and change.proposed is not None:
        await room.whole()
        await room.edit(minimal_edits(room.text(), change.proposed), origin)
        return
    await in_db(host.files.write, change.path, change.data or b"")


def _delete(host: WorkspaceHost, path: str) -> None:
    try:
        host.files.delete(path)
    except NotFound:
        pass


# --- after a crash ----------------------------------------------------------------------------------------------------


async def take_up(host: WorkspaceHost, proposals: Proposals) -> list[str]:
    """Bring the merges that were cut off to their end; the ids of their jobs."""
    rows = await in_db(_started, host.workspace_id)
    for row in rows:
        told = await review.changes(host, row.job)
        wish = msgspec.convert(row.wish, Wish)
        scene = Scene(host, proposals, row.job, review.chosen(told, wish.files, wish.hunks), row)
        try:
            await _carry_out(scene, again=True)
        except Conflict as error:  # its branch has gone elsewhere before it moved: as if it had not been asked for
            log.warning("job %s: its merge was cut off and is not made: %s", row.job_id, error)
            if not scene.touched:
                await in_db(_forget, row.job_id)
    return [row.job_id for row in rows]


def _started(workspace_id: str) -> list[Merge]:
    rows = Merge.objects.filter(job__workspace_id=workspace_id, state=Merge.State.STARTED)
    return list(rows.select_related("job__workspace", "job__owner", "job__endpoint", "by"))
