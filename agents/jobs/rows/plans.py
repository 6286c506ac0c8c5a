"""A job's plan: made by the model, seen and edited by people, ticked off as it goes. Synchronous ORM.

Where the order says so, nothing is changed before somebody has approved a plan.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from agents import wire
from agents.jobs.rows import life as jobs
from agents.models import Job
from ide.accounts.models import User
from ide.errors import Conflict, Invalid

MOST_STEPS, LONGEST_STEP = 50, 500


def to_be_approved(job: Job) -> bool:
    return bool(job.plan.get("ask")) and job.plan.get("state") != "approved"


def told(job: Job, steps: Sequence[str], done: Sequence[int]) -> wire.Json:
    """The model's plan, or its ticks. What a person has decided on is only ticked. Raises Invalid, Fenced."""
    with transaction.atomic():
        row = jobs.mine(job).select_for_update().first()
        if row is None:
            raise jobs.Fenced(job.pk)
        plan = dict(row.plan)
        if steps and plan.get("by"):
            raise Invalid(f"{plan['by']} has decided on the plan: carry it out, and tick it off.")
        if steps:
            texts = _checked(steps)
            ticked = {one["text"] for one in plan.get("steps", ()) if one["done"]}
            plan["steps"] = [{"text": text, "done": text in ticked} for text in texts]
            plan["state"] = "proposed" if to_be_approved(row) else "approved"
        if not plan.get("steps"):
            raise Invalid("There is no plan yet: call plan with steps first.")
        for number in done:
            if not 1 <= number <= len(plan["steps"]):
                raise Invalid(f"The plan has no step {number}.")
            plan["steps"][number - 1]["done"] = True
        jobs.report(job, plan=plan)
        job.plan = plan
    return plan


def _checked(steps: Sequence[str]) -> list[str]:
    texts = [text.strip() for text in steps if text.strip()]
    if not texts or len(texts) > MOST_STEPS or any(len(text) > LONGEST_STEP for text in texts):
        raise Invalid(f"A plan has one to {MOST_STEPS} steps of at most {LONGEST_STEP} characters.")
    return texts


def approve(job_id: str, who: User) -> None:
    """Let a job that waits with its plan go on. Raises Conflict."""
    _decide(job_id, who, None)


def edit(job_id: str, who: User, steps: Sequence[str]) -> None:
    """Put other steps in the place of a job's plan. One that waits with it goes on with these; one at work hears of it
    before its next step. Raises Conflict, Invalid."""
    _decide(job_id, who, _checked(steps))


def _decide(job_id: str, who: User, texts: Sequence[str] | None) -> None:
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        plan = dict(job.plan)
        waits = plan.get("state") == "proposed" and job.state == Job.State.WAITING
        if not plan.get("steps") or (texts is None and not waits):
            raise Conflict("There is no plan that waits to be approved.", "Reload to see where it stands.")
        if texts is not None:
            if job.state not in jobs.HEARING:
                raise Conflict(f"This job is {job.state}: its plan cannot be changed.", "Delegate a new one.")
            ticked = {one["text"] for one in plan["steps"] if one["done"]}
            plan["steps"] = [{"text": text, "done": text in ticked} for text in texts]
        plan |= {"state": "approved", "by": who.shown_name} if waits or texts is not None else {}
        job.plan = plan
        job.save(update_fields=["plan"])
        heard = {"text": _words(texts), "by": who.shown_name, "person": who.pk}
        jobs.note(job, [("steer", heard), ("plan", {"plan": plan})])
        if waits:
            jobs.queue_again(job)


def _words(texts: Sequence[str] | None) -> str:
    """What the model hears."""
    if texts is None:
        return "The plan is approved. Carry it out."
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))
    return f"This is the plan now, carry it out:\n{numbered}"
