"""Living suggestions: the result of a job that waits for review, as hunks in the documents people have open.

While they type on, a hunk stays one click away from being in the text. One whose lines they have changed themselves is
not shown there: it needs a rebase, which the review is for.
"""

from __future__ import annotations

import logging

from agents import wire
from agents.jobs import life as jobs
from agents.jobs import review
from agents.models import Job
from agents.proposals.live import Proposals
from ide.db import in_db
from ide.errors import NotFound, Refused
from ide.live.host import WorkspaceHost

log = logging.getLogger(__name__)

MOST_FILES = 50  # of one job: each is an open document


async def take_up(host: WorkspaceHost, proposals: Proposals) -> None:
    """Lay out what was finished while the workspace was not live."""
    for job_id in await in_db(_unseen, host.workspace_id):
        await follow(host, proposals, job_id)


def _unseen(workspace_id: str) -> list[str]:
    waiting = Job.objects.filter(workspace_id=workspace_id, state=Job.State.REVIEW, proposals=None)
    return list(waiting.order_by("created_at").values_list("pk", flat=True))


async def follow(host: WorkspaceHost, proposals: Proposals, job_id: str) -> None:
    """The job's state has changed: lay out what it made, or take it away again. Files it adds or deletes, and what is
    no text, are for the review alone."""
    try:
        job = await in_db(jobs.get, job_id)
    except NotFound:
        return
    origin = f"job:{job_id}"
    if job.state != Job.State.REVIEW or not job.head:
        proposals.withdraw(origin)
        return
    told = [one for one in await review.changes(host, job) if one.status == "changed" and one.is_text]
    for change in told[:MOST_FILES]:
        try:
            room = await host.open_path(change.path)
            await room.whole()
        except Refused as error:
            log.info("job %s: %s is shown in its review only: %s", job_id, change.path, error)
            continue
        ground = (change.base or "", change.proposed or "")
        proposals.suggest(room, origin, wire.person(job.owner), ground)
