"""Reserve tokens before a model is called, draw them down while it answers, settle them after, release them unused.

Synchronous ORM; asynchronous callers go through `in_db`. What is promised and what is used counts in accounts (site,
team, person, model, job and the job above it; each pool by itself), in the same transaction as the entry: whatever
races, no cap is passed. All of it is in the database, so it holds while Redis is away. An entry ends once, whichever
processes ask: a caller that was fenced out or retries cannot count twice. A process that dies leaves a reservation,
which lapses; what had been drawn from it stays counted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Sum
from django.utils import timezone

from ide import metrics
from ide.errors import Busy
from ide.usage import accounts
from ide.usage.accounts import Change
from ide.usage.caps import MEASURE, OF, Call, Cap, Share, caps_for, reached
from ide.usage.models import HELD, Account, LedgerEntry

__all__ = ["Call", "Cap", "Full", "Grant", "Prices", "Share", "Spent"]

MILLION, CENT = Decimal(1_000_000), Decimal("0.00000001")
LEAST = 64  # tokens of an answer: for fewer no call is begun
State = LedgerEntry.State
USED = (
    *("input_tokens", "output_tokens", "cached_tokens", "cost", "granted_tokens", "granted_cost"),
    *("reserved_tokens", "held_until", "state", "ttft_ms", "seconds", "error"),
)
_DRAW = """
UPDATE usage_ledgerentry SET
  reserved_tokens = CASE WHEN reserved_tokens + input_tokens + output_tokens > %s
    THEN reserved_tokens + input_tokens + output_tokens - %s ELSE 0 END,
  input_tokens = %s, output_tokens = %s, cached_tokens = %s, cost = %s, held_until = %s
WHERE id = %s AND state = 'reserved' AND input_tokens + output_tokens < %s
"""


@dataclass(frozen=True)
class Spent:
    """Tokens of one call so far; the cached ones are among the input."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal = Decimal(0)

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


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
        cost = ((read + output_tokens * self.output) / MILLION).quantize(CENT)
        return Spent(input_tokens, output_tokens, cached, cost)

    def written(self, dollars: Decimal) -> int:
        """How many tokens of an answer that pays for; a great many where they cost nothing."""
        return int((dollars * MILLION / self.output).to_integral_value(ROUND_DOWN)) if self.output else 1 << 40


@dataclass(frozen=True)
class Grant:
    """A reservation. `tokens`: what the call may read and write before it needs more (`extend`); `rates`: limits of
    what may be done in a minute, which are not counted here."""

    entry: int
    tokens: int
    rates: tuple[Cap, ...] = ()


class Full(Busy):
    """As many calls run as may run at once. `cap`: of which account."""

    code = "calls_at_once"

    def __init__(self, cap: Cap) -> None:
        whose = "This site has" if cap.of == OF.SITE else "Your team has" if cap.of == OF.TEAM else "You have"
        of = f" of {cap.pool} models" if cap.pool else ""
        super().__init__(f"{whose} as many calls{of} at once as allowed ({cap.amount:.0f}).", 1.0)
        self.cap = cap
        self.detail["limit"] = {"of": cap.of, "measure": cap.measure, "amount": float(cap.amount), "pool": cap.pool}


_lock = threading.Lock()


@contextmanager
def writing() -> Iterator[None]:
    """SQLite takes one writer at a time, and lets others try again after ever longer pauses: within a process they
    stand in line instead."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with _lock:
        yield


def reserve(
    user_id: int | None, workspace_id: str | None, *, endpoint: str, model: str, kind: str, subject: str, tokens: int
) -> int:
    """Note that a call is about to use up to `tokens`, all of them or none; returns the entry's id. Raises
    QuotaExceeded, Full."""
    call = Call(user_id, workspace_id, endpoint, model, kind, subject)
    return hold(call, read=tokens, write=0, prices=Prices()).entry


def hold(call: Call, *, read: int, write: int, prices: Prices, first: bool = False) -> Grant:
    """Reserve for a call that will read so many tokens, and write `write` or fewer where no more is left.

    `first`: it stands at the head of a line, and takes what becomes free. Raises QuotaExceeded, Full."""
    with writing():
        try:
            return _hold(call, read, write, prices, first=first)
        except accounts.Unopened:
            accounts.open_all(call.keys())
            return _hold(call, read, write, prices, first=first)


def _hold(call: Call, read: int, write: int, prices: Prices, *, first: bool) -> Grant:
    with transaction.atomic():
        caps = caps_for(call)
        found = accounts.locked(call.keys())
        full = _full(caps, found, first=first)
        if full is None:
            written = _left(caps, found, prices, read)
            least = min(write, LEAST)
            if written is not None and written[0] < least:
                metrics.limits_reached.labels(written[1].of, written[1].measure).inc()
                raise reached(written[1])
            granted = write if written is None else min(write, written[0])
            return _opened(call, found, prices.spent(max(0, read), granted), caps)
    metrics.limits_reached.labels(full.of, full.measure).inc()
    raise Full(full)


def _full(caps: Sequence[Cap], found: dict[str, Account], *, first: bool) -> Cap | None:
    """The limit of calls at once that keeps this one from beginning."""
    now = timezone.now()
    for cap in caps:
        if cap.measure != MEASURE.CALLS or cap.key not in found:
            continue
        row = found[cap.key]
        awaited = row.awaited_until is not None and row.awaited_until > now and not first
        if row.running >= cap.amount or awaited:
            if first:
                accounts.await_call(row)
            return cap
    return None


def _left(caps: Sequence[Cap], found: dict[str, Account], prices: Prices, read: int) -> tuple[int, Cap] | None:
    """How many tokens may be written after reading so many, and the limit that says so; None where none does. Less
    than nothing: not even the reading is covered."""
    now, least = timezone.now(), None
    for cap in caps:
        if cap.measure not in (MEASURE.TOKENS, MEASURE.DOLLARS) or not cap.counted_in_accounts or cap.key not in found:
            continue
        left = cap.amount - accounts.used(found[cap.key], cap, now)
        if cap.measure == MEASURE.DOLLARS:
            left -= prices.spent(read, 0).cost
            tokens = prices.written(left) if left >= 0 else -1
        else:
            tokens = int(left) - read
        if least is None or tokens < least[0]:
            least = (tokens, cap)
    return least


def _opened(call: Call, found: dict[str, Account], held: Spent, caps: Sequence[Cap]) -> Grant:
    now = timezone.now()
    ids = sorted(row.pk for row in found.values())
    accounts.charge(ids, Change(now, held.tokens, held.cost, running=1))
    entry = LedgerEntry.objects.create(
        user_id=call.user_id,
        workspace_id=call.workspace_id,
        endpoint=call.endpoint[:80],
        model=call.model[:200],
        pool=call.pool,
        kind=call.kind,
        subject=call.subject,
        reserved_tokens=held.tokens,
        granted_tokens=held.tokens,
        granted_cost=held.cost,
        held_until=now + HELD,
        created_at=now,
        charged=ids,
    )
    return Grant(entry.pk, held.tokens, tuple(cap for cap in caps if not cap.counted_in_accounts))


def extend(entry_id: int, call: Call, tokens: int, prices: Prices) -> int:
    """Reserve more for a call under way: how many tokens of the wanted ones it gets, perhaps none. Raises
    QuotaExceeded, which says why there is nothing, when there is nothing."""
    with writing(), transaction.atomic():
        entry = _locked(entry_id, State.RESERVED)
        if entry is None:
            return 0
        caps = caps_for(call)
        found = accounts.locked(call.keys())
        left = _left(caps, found, prices, 0)
        granted = tokens if left is None else max(0, min(tokens, left[0]))
        if granted:
            more = prices.spent(0, granted)
            entry.reserved_tokens += granted
            entry.granted_tokens += granted
            entry.granted_cost += more.cost
            entry.save(update_fields=["reserved_tokens", "granted_tokens", "granted_cost"])
            accounts.charge(entry.charged, Change(entry.created_at, granted, more.cost))
            return granted
    assert left is not None  # noqa: S101 (else everything was granted)
    metrics.limits_reached.labels(left[1].of, left[1].measure).inc()
    raise reached(left[1])


def draw(entry_id: int, spent: Spent) -> bool:
    """What the call has used so far leaves the reservation. Totals so far, not differences: a late or repeated figure
    changes nothing. False when the entry has ended or knows as much."""
    return bool(draw_all({entry_id: spent}))


def draw_all(spent: Mapping[int, Spent]) -> int:
    """The same for many calls, by their entries, in one transaction; returns how many entries have changed."""
    until = connection.ops.adapt_datetimefield_value(timezone.now() + HELD)
    changed = 0
    with writing(), transaction.atomic(), connection.cursor() as cursor:
        for entry, one in sorted(spent.items()):
            total = one.tokens
            values: list[Any] = [
                total,
                total,
                one.input_tokens,
                one.output_tokens,
                one.cached_tokens,
                one.cost.quantize(CENT),
            ]
            cursor.execute(_DRAW, [*values, until, entry, total])
            changed += cursor.rowcount
    return changed


def settle(
    entry_id: int, spent: Spent, ttft_ms: float | None = None, seconds: float | None = None, error: str = ""
) -> bool:
    """Replace a reservation, also one that has lapsed meanwhile, by what was used. False when it was settled or
    released before."""
    with writing(), transaction.atomic():
        entry = _locked(entry_id, State.RESERVED, State.EXPIRED)
        if entry is None:
            return False
        entry.ttft_ms, entry.seconds, entry.error = ttft_ms, seconds, error
        _end(entry, State.SETTLED, spent)
    return True


def release(entry_id: int, error: str = "") -> bool:
    """Give a reservation back: the call used nothing."""
    with writing(), transaction.atomic():
        entry = _locked(entry_id, State.RESERVED)
        if entry is None:
            return False
        entry.error = error
        _end(entry, State.RELEASED, Spent())
    return True


def sweep() -> int:
    """End the reservations whose time has passed: their process died. What was drawn stays. Returns how many."""
    ended = 0
    for entry_id in list(LedgerEntry.objects.lapsed().values_list("pk", flat=True)):
        with writing(), transaction.atomic():
            entry = LedgerEntry.objects.lapsed().select_for_update().filter(pk=entry_id).first()
            if entry is not None:
                drawn = Spent(entry.input_tokens, entry.output_tokens, entry.cached_tokens, entry.cost)
                _end(entry, State.EXPIRED, drawn)
                ended += 1
    return ended


def _locked(entry_id: int, *states: State) -> LedgerEntry | None:
    """The entry, if it is in one of these states; nobody else changes it before the transaction ends."""
    return LedgerEntry.objects.select_for_update().filter(pk=entry_id, state__in=states).first()


def _end(entry: LedgerEntry, state: State, spent: Spent) -> None:
    ran, cost = entry.state == State.RESERVED, spent.cost.quantize(CENT)
    change = Change(entry.created_at, spent.tokens - entry.granted_tokens, cost - entry.granted_cost, running=-int(ran))
    entry.input_tokens, entry.output_tokens = spent.input_tokens, spent.output_tokens
    entry.cached_tokens, entry.cost = spent.cached_tokens, cost
    entry.state, entry.held_until, entry.reserved_tokens = state, None, 0
    entry.granted_tokens, entry.granted_cost = spent.tokens, cost
    entry.save(update_fields=USED)
    accounts.charge(entry.charged, change)


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


def still_held(subject: str) -> int:
    """Calls of a turn or a job whose reservation is neither settled nor released."""
    return LedgerEntry.objects.filter(subject=subject, state=LedgerEntry.State.RESERVED).count()


def by_subject(subjects: Sequence[str]) -> dict[str, tuple[int, Decimal]]:
    """(tokens, US dollars) used so far for each of these turns or jobs."""
    rows = LedgerEntry.objects.filter(subject__in=subjects).exclude(state=LedgerEntry.State.RELEASED).order_by()
    sums = rows.values("subject").annotate(tokens=Sum(F("input_tokens") + F("output_tokens")), paid=Sum("cost"))
    return {subject: (tokens, paid) for subject, tokens, paid in sums.values_list("subject", "tokens", "paid")}
