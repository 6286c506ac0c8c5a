"""What people are told of their jobs when they look elsewhere: it asks, it is ready, it failed, somebody merged it."""

from __future__ import annotations

from agents.models import Job, Merge
from ide.notices.tell import News, seen, write

PLAN = "its plan waits for approval"  # the phase of a job that waits for nothing else
TITLES = {
    Job.State.WAITING: "A job waits for you",
    Job.State.REVIEW: "A job is ready for review",
    Job.State.FAILED: "A job failed",
}
KINDS = {Job.State.WAITING: "question", Job.State.REVIEW: "review", Job.State.FAILED: "failed"}


def ended(job: Job, state: str, question: object = "", phase: object = "") -> None:
    """A worker has let go of the job in that state. Within its transaction; synchronous ORM. Sub-agents tell their
    parent, and people only where they ask them."""
    asks = state == Job.State.WAITING and (question or phase == PLAN)
    if job.owner_id is None or state not in KINDS or (state == Job.State.WAITING and not asks):
        return
    if job.parent_id is not None and not asks:
        return
    place = "review" if state == Job.State.REVIEW else "jobs"
    write([job.owner_id], _news(job, KINDS[Job.State(state)], TITLES[Job.State(state)], f"{place}/{job.pk}"))


def merged(row: Merge) -> None:
    """To whose job it was, where somebody else has merged it; who merges has seen that it was ready."""
    job = row.job
    if row.by_id is not None:
        seen(row.by_id, "review", _address(job, f"review/{job.pk}"))
    if job.owner_id is not None and row.by_id != job.owner_id:
        who = row.by.shown_name if row.by else "Somebody"
        write([job.owner_id], _news(job, "ended", f"{who} merged your job", f"review/{job.pk}"))


def _news(job: Job, kind: str, title: str, place: str) -> News:
    """`lease_fence` tells one of the job's runs from the next."""
    said = job.instruction.strip().split("\n", maxsplit=1)[0]
    key = f"job:{job.pk}:{kind}:{job.lease_fence}"
    return News(kind, title, said, _address(job, place), key, job.workspace_id)


def _address(job: Job, place: str) -> str:
    return f"/w/{job.workspace_id}/{place}"
