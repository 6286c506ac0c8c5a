"""Living suggestions: the result of a job that waits for review, as hunks in the documents people have open.

While they type on, a hunk stays one click away from being in the text. One whose lines they have changed themselves is
not shown there: it needs a rebase, which the review is for.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from agents import wire
from agents.jobs.result import review, takeover
from agents.jobs.result.file_suggestions import FileSuggestions
from agents.jobs.rows import life as jobs
from agents.models import Job
from agents.proposals.live import Proposals
from ide.db import in_db
from ide.errors import NotFound, Refused
from ide.live.host import WorkspaceHost

log = logging.getLogger(__name__)

MOST_FILES = 50  # of one job: each is an open document


@dataclass
class Suggestions:
    """Those of one host."""

    host: WorkspaceHost
    proposals: Proposals
    files: FileSuggestions

    async def take_up(self) -> None:
        """Lay out what was finished while the workspace was not live."""
        for job_id in await in_db(_unseen, self.host.workspace_id):
            await self.follow(job_id)

    async def follow(self, job_id: str) -> None:
        """The job's state has changed: lay out what it has made, if it waits for people, or take it away again."""
        try:
            job = await in_db(jobs.get, job_id)
        except NotFound:
            return
        head = await in_db(takeover.laid_out, job)
        if not head:
            self.proposals.withdraw(f"job:{job_id}")
            self.files.withdraw(job_id)
            return
        told = await review.changes(self.host, job, head)
        plain = [one for one in told if one.status == "changed" and one.is_text]
        for change in plain[:MOST_FILES]:
            await self._suggest(job, change)
        await self.files.lay(job, [one for one in told if one not in plain][:MOST_FILES])

    async def _suggest(self, job: Job, change: review.Change) -> None:
        try:
            room = await self.host.open_path(change.path)
            await room.whole()
        except Refused as error:
            log.info("job %s: %s is shown in its review only: %s", job.pk, change.path, error)
            return
        ground = (change.base or "", change.proposed or "")
        self.proposals.suggest(room, f"job:{job.pk}", wire.person(job.owner), ground)


def _unseen(workspace_id: str) -> list[str]:
    """Jobs that wait for people. What is laid out of them already is taken up with its proposals, but for files."""
    waiting = Job.objects.filter(workspace_id=workspace_id, state__in=[Job.State.REVIEW, Job.State.WAITING])
    return list(waiting.order_by("created_at").values_list("pk", flat=True))
