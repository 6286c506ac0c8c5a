"""Reserve tokens before a model is called, draw them down while it answers, settle them after, release them unused.

Synchronous ORM; asynchronous callers go through `in_db`. Each change is one conditional UPDATE, so an entry ends once,
whichever processes ask: a caller that was fenced out or retries cannot count twice. A process that dies leaves a
reservation, which lapses; what had been drawn from it stays counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from ide.usage.models import HELD, LedgerEntry

MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Spent:
    """Tokens of one call so far; the cached ones are among the input."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal = Decimal(0)


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens. All zero: not known."""

    input: Decimal = Decimal(0)
    cached: Decimal = Decimal(0)
    output: Decimal = Decimal(0)

    @property
    def known(self) -> bool:
        return bool(self.input or self.cached or self.output)

    def spent(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Spent:
        """With its cost. Cached tokens without a price of their own cost what others cost."""
        cached = min(cached_tokens, input_tokens)
        read = (input_tokens - cached) * self.input + cached * (self.cached or self.input)
        return Spent(input_tokens, output_tokens, cached, (read + output_tokens * self.output) / MILLION)


def reserve(
    user_id: int | None, workspace_id: str | None, *, endpoint: str, model: str, kind: str, subject: str, tokens: int
) -> int:
    """Note that a call is about to use up to `tokens`; returns the entry's id."""
    entry = LedgerEntry.objects.create(
        user_id=user_id,
        workspace_id=workspace_id,
        endpoint=endpoint[:80],
        model=model[:200],
        kind=kind,
        subject=subject,
        reserved_tokens=max(0, tokens),
        held_until=timezone.now() + HELD,
    )
    return entry.pk


def draw(entry_id: int, spent: Spent) -> bool:
    """What the call has used so far leaves the reservation. Totals so far, not differences: a late or repeated figure
    changes nothing. False when the entry has ended or knows as much."""
    running = LedgerEntry.objects.filter(pk=entry_id, state=LedgerEntry.State.RESERVED)
    before = F("input_tokens") + F("output_tokens")
    total = spent.input_tokens + spent.output_tokens
    grown = running.alias(drawn=before).filter(drawn__lt=total)
    return bool(
        grown.update(
            reserved_tokens=Greatest(Value(0), F("reserved_tokens") + before - total),
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cached_tokens=spent.cached_tokens,
            cost=spent.cost,
            held_until=timezone.now() + HELD,
        )
    )


def settle(entry_id: int, spent: Spent, ttft_ms: float | None = None, seconds: float | None = None) -> bool:
    """Replace a reservation, also one that has lapsed meanwhile, by what was used. False when it was settled or
    released before."""
    open_states = [LedgerEntry.State.RESERVED, LedgerEntry.State.EXPIRED]
    return bool(
        LedgerEntry.objects.filter(pk=entry_id, state__in=open_states).update(
            state=LedgerEntry.State.SETTLED,
            reserved_tokens=0,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cached_tokens=spent.cached_tokens,
            cost=spent.cost,
            held_until=None,
            ttft_ms=ttft_ms,
            seconds=seconds,
        )
    )


def release(entry_id: int) -> bool:
    """Give a reservation back: the call used nothing."""
    running = LedgerEntry.objects.filter(pk=entry_id, state=LedgerEntry.State.RESERVED)
    nothing: dict[str, object] = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost": 0}
    return bool(running.update(state=LedgerEntry.State.RELEASED, reserved_tokens=0, held_until=None, **nothing))


def sweep() -> int:
    """End the reservations whose time has passed: their process died. What was drawn stays. Returns how many."""
    return LedgerEntry.objects.lapsed().update(state=LedgerEntry.State.EXPIRED, reserved_tokens=0, held_until=None)


def used(team_id: str, since: datetime, user_id: int | None = None) -> list[tuple[str, int, Decimal]]:
    """What a team's calls have used since then, or one person's among them: (endpoint's name, tokens, US dollars)."""
    rows = LedgerEntry.objects.filter(workspace__team=team_id, created_at__gte=since)
    if user_id is not None:
        rows = rows.filter(user=user_id)
    rows = rows.exclude(state=LedgerEntry.State.RELEASED).order_by()
    sums = rows.values("endpoint").annotate(tokens=Sum(F("input_tokens") + F("output_tokens")), paid=Sum("cost"))
    return list(sums.values_list("endpoint", "tokens", "paid"))


def running(team_id: str) -> list[tuple[str, int]]:
    """How many calls of a team run now, by the endpoint's name."""
    rows = LedgerEntry.objects.filter(workspace__team=team_id, state=LedgerEntry.State.RESERVED)
    alive = rows.filter(held_until__gt=timezone.now()).order_by()
    return list(alive.values("endpoint").annotate(count=Count("pk")).values_list("endpoint", "count"))
