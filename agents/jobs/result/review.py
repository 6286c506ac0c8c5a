"""A job's result against its base and against the workspace as it is: file by file, hunk by hunk. Nothing is changed.

`Change` is one file of it. What merges it is `merging`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from agents import wire
from agents.jobs.result import flags
from agents.jobs.rows import life as jobs
from agents.models import Job, Merge
from agents.proposals import hunks
from ide.db import in_db
from ide.documents.room import Room
from ide.documents.text import LineHunk, Merged, diff_lines, lines, merge3
from ide.errors import Conflict, Invalid, Refused
from ide.live.host import WorkspaceHost
from ide.workspaces import git
from ide.workspaces.files import Unreadable, decode, encode

STATUS = {"A": "added", "M": "changed", "D": "deleted"}


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

    @property
    def flags(self) -> list[str]:
        return flags.of(self.path, text=self.is_text)


async def changes(host: WorkspaceHost, job: Job, head: str = "") -> list[Change]:
    """What differs between the job's base and its result, or another commit of it."""
    return [
        Change(one.path, STATUS.get(one.letter, "changed"), text_of(one.before), text_of(one.after), one.after)
        for one in await git.differing(host.root, job.base, head or job.head)
    ]


def text_of(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        return decode(data).text
    except Unreadable:
        return None


async def review(host: WorkspaceHost, job: Job) -> wire.Json:
    """The Review of wire-jobs.ts. Raises Conflict when the job has no result yet."""
    if not job.head:
        raise Conflict("This job has no result to look at yet.", "Wait until it is done.")
    told = await changes(host, job)
    now = await currents(host, [change.path for change in told])
    files = [_file(change, now[change.path]) for change in told]
    return {
        "job": jobs.as_wire(job),
        "head": job.head,
        "branch": await git.branch(host.root),
        "files": files,
        "warnings": [line for change in told for line in flags.sentences(change.path, change.flags)],
        "merge": await in_db(_merge_of, job.pk),
    }


def _file(change: Change, now: str | None) -> wire.Json:
    is_changed = change.status == "changed" and change.is_text and now is not None
    return {
        "path": change.path,
        "status": change.status,
        "base": change.base or "",
        "proposed": change.proposed or "",
        "current": now or "",
        "merged": merged(change, now).text if is_changed and now is not None else change.proposed or "",
        "conflict": conflicts(change, now),
        "flags": change.flags,
        "text": change.is_text,
        "hunks": placed(change.base or "", change.proposed or "", now or "") if change.is_text else [],
    }


def _merge_of(job_id: str) -> wire.Json | None:
    row = Merge.objects.filter(pk=job_id, state=Merge.State.DONE).select_related("by").first()
    return {"by": wire.person(row.by), "branch": row.branch, "commit": row.new} if row is not None else None


async def current(host: WorkspaceHost, path: str) -> str | None:
    """The open document, else the file; None where there is none, or no text."""
    return (await currents(host, [path]))[path]


async def currents(host: WorkspaceHost, paths: Sequence[str]) -> dict[str, str | None]:
    """`current` of each."""
    rooms = {room.path: room for room in host.rooms_open()}
    found = await in_db(_on_disk, host, [path for path in paths if path not in rooms])
    return {path: rooms[path].text() if path in rooms else found[path] for path in paths}


def _on_disk(host: WorkspaceHost, paths: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path in paths:
        try:
            found[path] = host.files.read(path).text
        except Refused:
            found[path] = None
    return found


def open_room(host: WorkspaceHost, path: str) -> Room | None:
    return next((room for room in host.rooms_open() if room.path == path), None)


def conflicts(change: Change, now: str | None) -> bool:
    """Whether it cannot be merged without a decision, the file being `now`."""
    if change.status == "deleted":
        return now is not None and now != change.base
    if not change.is_text:
        return False
    if change.status == "added":
        return now is not None and now != change.proposed
    return now is None or bool(merged(change, now).conflicts)


def merged(change: Change, now: str) -> Merged:
    return merge3(change.base or "", now, change.proposed or "")


# --- hunks ------------------------------------------------------------------------------------------------------------


def placed(base: str, proposed: str, now: str) -> list[wire.Json]:
    """The result's hunks, and what became of their lines since: `merge3` treats them just so."""
    ours, told = diff_lines(base, now), hunks.hunks(base, proposed)
    new, here = lines(proposed), lines(now)
    out: list[wire.Json] = []
    for hunk in told:
        met = [part for part in ours if _meet(hunk, part)]
        start = min([hunk.a_from, *(part.a_from for part in met)])
        end = max([hunk.a_to, *(part.a_to for part in met)])
        out_side, in_side = (-1, 1) if met else (1, -1)
        at = (hunks.carried(start, ours, out_side), hunks.carried(end, ours, in_side))
        wanted = [*lines(base)[start : hunk.a_from], *new[hunk.b_from : hunk.b_to], *lines(base)[hunk.a_to : end]]
        state = "applies" if not met else "there" if here[at[0] : at[1]] == wanted else "stale"
        out.append(
            {
                "id": hunk.id,
                "base": [hunk.a_from, hunk.a_to],
                "proposed": [hunk.b_from, hunk.b_to],
                "current": [at[0], max(at)],
                "state": state,
            }
        )
    return out


def _meet(hunk: hunks.Hunk, part: LineHunk) -> bool:
    """Whether both changed the same lines of the base, or put something in at the same place."""
    if hunk.a_from == hunk.a_to == part.a_from == part.a_to:
        return True
    return part.a_from < hunk.a_to and hunk.a_from < part.a_to


def chosen(
    told: Sequence[Change], paths: Sequence[str] | None, ids: Mapping[str, Collection[str]] | None = None
) -> list[Change]:
    """Those of these names; all, if none are named. `ids`: by path the hunks that are taken, where not all are.

    Raises Invalid where `ids` names what is not there: the same result always has the same hunks.
    """
    by_path = ids or {}
    wanted = [change for change in told if paths is None or change.path in paths]
    unknown = set(by_path) - {change.path for change in wanted}
    if unknown:
        raise Invalid(f"Hunks of {', '.join(sorted(unknown))} are named, and the file is not to be merged.")
    return [narrowed(one, by_path[one.path]) if one.path in by_path else one for one in wanted]


def narrowed(change: Change, ids: Collection[str]) -> Change:
    """The file as it would be, had the job made these of its hunks only."""
    base, proposed = change.base, change.proposed
    if change.status != "changed" or base is None or proposed is None or change.data is None:
        raise Invalid(f"“{change.path}” is taken whole or left out.")
    parts = diff_lines(base, proposed)
    wrong = set(ids) - {hunk.id for hunk in hunks.hunks(base, proposed, parts)}
    if wrong or not ids:
        raise Invalid(f"“{change.path}” has no such hunk.", "Look at it as it is now, and choose again.")
    text = hunks.accept(base, proposed, ids, parts)
    return replace(change, proposed=text, data=encode(text, decode(change.data)))
