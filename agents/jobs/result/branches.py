"""A job's result as one commit on a branch: the object first, then the branch, by compare-and-swap. No hook runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.jobs.result import review
from agents.jobs.result.review import Change
from agents.models import Job, Merge
from ide.accounts.models import User
from ide.db import in_db
from ide.documents.history import credit
from ide.errors import Conflict, Invalid, NotFound
from ide.workspaces import commits, git, trees
from ide.workspaces.files import decode, encode

TITLE = 70


async def prepared(root: Path, job: Job, wanted: Sequence[Change], who: User, onto: tuple[str, str]) -> tuple[str, str]:
    """(where the branch is, the commit to come). `onto`: branch and message. Raises NotFound, Conflict, Invalid."""
    branch, message = onto
    try:
        old = await trees.at(root, trees.branch_ref(branch))
    except Invalid as error:
        raise Invalid(f"“{branch}” is no usable name of a branch.") from error
    if not old:
        raise NotFound(f"There is no branch “{branch}” with a commit.", "Choose one that is there.")
    files = {change.path: await _onto(root, old, change) for change in wanted}
    clashing = [path for path, one in files.items() if isinstance(one, _Clash)]
    if clashing:
        raise Conflict(
            f"{', '.join(clashing)}: not the same on {branch}. Nothing was merged.",
            "Commit what was changed in these files first, or leave them out.",
            files=clashing,
        )
    like = await trees.modes(root, job.head, [change.path for change in wanted if change.status != "deleted"])
    bytes_of = {path: one for path, one in files.items() if not isinstance(one, _Clash)}
    tree = await trees.with_files(root, old, bytes_of, like)
    text = commits.with_trailers(_message(job, message), await in_db(_trailers, job, who))
    return old, await trees.committed(root, tree, old, text, commits.identity(who))


class _Clash:
    """The branch has other lines where the job has changed some."""


async def _onto(root: Path, tip: str, change: Change) -> bytes | _Clash | None:
    """The file as it will be on the branch."""
    there = await git.show(root, tip, change.path)
    if change.status == "deleted":
        return None if there is None or review.text_of(there) == change.base else _Clash()
    text = review.text_of(there)
    if there is None or change.proposed is None:
        return change.data
    if text is None:
        return _Clash()
    if change.status == "added":
        return there if text == change.proposed else _Clash()
    merged = review.merged(change, text)
    return _Clash() if merged.conflicts else encode(merged.text, decode(there))


def _message(job: Job, message: str) -> str:
    given = message.replace("\r\n", "\n").replace("\0", "").strip()
    return given or job.instruction.strip().splitlines()[0][:TITLE]


def _trailers(job: Job, who: User) -> list[str]:
    origins = [f"job:{job.pk}", *([f"person:{job.owner_id}"] if job.owner_id else [])]
    return [*credit.named(who, origins), f"Tandem-Job: {job.pk}"]


async def moved(root: Path, row: Merge) -> None:
    """The branch is at the commit, or beyond it; a second time changes nothing. Raises Conflict."""
    ref = trees.branch_ref(row.branch)
    if not await trees.is_ancestor(root, row.new, await trees.at(root, ref)):
        await git.update_ref(root, ref, row.new, row.old)
