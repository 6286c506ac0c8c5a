"""Budget: the most a job may use before it has to ask. Minutes of work, steps, tokens read and written, US dollars.

Only finished attempts and what a running one has told count; 0 is no limit. A job at a cap waits, and asks for as much
again: `times` says how often it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from django.db.models import Q, Sum
from django.utils import timezone

from agents.models import Job
from ide.errors import Invalid
from ide.usage.meter import Share

MOST_MINUTES, MOST_STEPS = 24 * 60, 2000


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    minutes: float = 30
    steps: int = 200
    tokens: int = 0
    dollars: float = 0
    times: int = 1

    def cap(self, name: str) -> float:
        return float(getattr(self, name)) * self.times

    def again(self) -> Budget:
        """As much once more."""
        return msgspec.structs.replace(self, times=self.times + 1)


def asked(given: Mapping[str, object]) -> Budget:
    """What a person wants, the rest as usual. Raises Invalid."""
    try:
        budget = msgspec.convert(dict(given), Budget)
    except msgspec.ValidationError as error:
        raise Invalid(f"This budget cannot be used: {error}.", "Give minutes, steps, tokens or dollars.") from error
    if min(budget.minutes, budget.steps, budget.tokens, budget.dollars) < 0 or budget.times != 1:
        raise Invalid("A budget is never less than nothing.", "Give 0 for no limit.")
    if budget.minutes > MOST_MINUTES or budget.steps > MOST_STEPS:
        raise Invalid("That is more than one job may use.", f"{MOST_MINUTES} minutes and {MOST_STEPS} steps at most.")
    return budget


def of(job: Job) -> Budget:
    return msgspec.convert(job.budget, Budget)


def minutes(job: Job) -> float:
    """Of work, until now."""
    running = job.state in Job.HELD and job.started_at is not None
    now = (timezone.now() - job.started_at).total_seconds() if running and job.started_at else 0.0
    return (job.worked_seconds + now) / 60


@dataclass(frozen=True)
class _Meter:
    used: Callable[[Job], float]
    said: Callable[[float], str]


def _delegated(job: Job) -> tuple[float, float, float]:
    """Steps, tokens and dollars its sub-agents have used, and theirs: it is one budget."""
    below = Job.objects.filter(Q(parent=job) | Q(parent__parent=job)).order_by()
    told = below.aggregate(steps=Sum("done"), read=Sum("input_tokens"), written=Sum("output_tokens"), cost=Sum("cost"))
    return told["steps"] or 0, (told["read"] or 0) + (told["written"] or 0), float(told["cost"] or 0)


def _steps(job: Job) -> float:
    return job.done + _delegated(job)[0] if job.kind == Job.Kind.AGENT else 0


def _tokens(job: Job) -> float:
    return job.input_tokens + job.output_tokens + _delegated(job)[1]


METERS: dict[str, _Meter] = {
    "minutes": _Meter(minutes, lambda n: f"{n:g} minutes of work"),
    "steps": _Meter(_steps, lambda n: f"{n:g} steps"),
    "tokens": _Meter(_tokens, lambda n: f"{n:,.0f} tokens"),
    "dollars": _Meter(lambda job: float(job.cost) + _delegated(job)[2], lambda n: f"{n:,.2f} dollars"),
}


def share(job: Job, parts: int) -> dict[str, float]:
    """What each of so many sub-agents may use at most, carved out of what is left; a part is kept for the job."""
    given = of(job)
    out: dict[str, float] = {}
    for name, meter in METERS.items():
        cap = given.cap(name)
        left = max(0.0, cap - meter.used(job)) / (parts + 1 if name != "minutes" else 1)
        out[name] = (max(1, int(left)) if name in ("steps", "tokens") else max(0.01, left)) if cap else 0
    return out


USED = "its budget is used"  # a job's phase while it waits for more


def shares(job: Job) -> tuple[Share, ...]:
    """The job and those that delegated it, each with its budget: a call of the job is reserved from all of them."""
    found, one = [], job
    while True:
        given = of(one)
        found.append(Share(f"job:{one.pk}", int(given.cap("tokens")), given.cap("dollars")))
        if one.parent is None:
            return tuple(found)
        one = one.parent


def question(job: Job) -> str:
    """What the job asks at a cap; empty below all of them."""
    budget = of(job)
    for name, meter in METERS.items():
        cap = budget.cap(name)
        if cap and meter.used(job) >= cap:
            more = meter.said(float(getattr(budget, name)))
            return f"It has used what it was given: {meter.said(cap)}. Resume it to give it {more} more, or stop it."
    return ""
