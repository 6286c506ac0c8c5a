"""The history: what was used hour by hour, rolled up from the ledger, and asked for by hour, day or month.

An hour is rolled up again and again until nothing in it can change; the newest hours are always read from the ledger
itself. So the history agrees with the ledger to the token at every moment, whoever rolls, how often, or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.utils import timezone

from ide.accounts.models import Team, User
from ide.usage.meter import writing
from ide.usage.models import HELD, LedgerEntry, Used

OPEN = max(timedelta(hours=2), 2 * HELD)  # an hour so long ago has no call that still runs
KEYS = ("team", "user", "endpoint", "model", "pool", "kind")
COLUMNS = ("calls", "errors", "input_tokens", "output_tokens", "cost")
HOUR = Used.Unit.HOUR
NOTHING = Q(calls=0, errors=0, kind="")  # it only says how far the hours are rolled up
MOST_SERIES = 8
NOBODY = "–"


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def roll(now: datetime | None = None) -> int:
    """Roll up every hour that may have changed since it was last rolled up, and the days and months they are in;
    returns how many hours. Idempotent."""
    now = now or timezone.now()
    last = Used.objects.filter(unit=HOUR).aggregate(last=Max("hour"))["last"]
    first = LedgerEntry.objects.aggregate(first=Min("created_at"))["first"] if last is None else last - OPEN
    if first is None:
        return 0
    hours = []
    at = hour_of(first)
    while at <= now:
        _roll(at)
        hours.append(at)
        at += timedelta(hours=1)
    for day in sorted({begin_of(Used.Unit.DAY, one) for one in hours}):
        _fold(HOUR, Used.Unit.DAY, day)
    for month in sorted({begin_of(Used.Unit.MONTH, one) for one in hours}):
        _fold(Used.Unit.DAY, Used.Unit.MONTH, month)
    return len(hours)


def begin_of(unit: str, at: datetime) -> datetime:
    """The hour, day or month, UTC, that a moment is in."""
    hour = hour_of(at)
    if unit == HOUR:
        return hour
    return hour.replace(hour=0) if unit == Used.Unit.DAY else hour.replace(hour=0, day=1)


def _end(unit: str, begin: datetime) -> datetime:
    return begin + timedelta(days=1) if unit == Used.Unit.DAY else (begin + timedelta(days=32)).replace(day=1)


def _roll(hour: datetime) -> None:
    within = {"created_at__gte": hour, "created_at__lt": hour + timedelta(hours=1)}
    groups = _summed(LedgerEntry.objects.filter(**within), "workspace__team", *KEYS[1:])
    rows = [
        Used(unit=HOUR, hour=hour, team_id=one.pop("workspace__team"), user_id=one.pop("user"), **one) for one in groups
    ]
    with writing(), transaction.atomic():
        Used.objects.filter(unit=HOUR, hour=hour).delete()
        Used.objects.bulk_create(rows)
        if not rows and not Used.objects.filter(unit=HOUR, hour__gt=hour).exists():
            Used.objects.create(hour=hour, kind="")  # how far it is rolled up


def _fold(small: str, large: str, begin: datetime) -> None:
    """A day from its hours, a month from its days."""
    parts = Used.objects.filter(unit=small, hour__gte=begin, hour__lt=_end(large, begin)).exclude(NOTHING).order_by()
    groups = list(parts.values(*KEYS).annotate(**{name: Sum(name) for name in (*COLUMNS, "cached_tokens")}))
    with writing(), transaction.atomic():
        Used.objects.filter(unit=large, hour=begin).delete()
        Used.objects.bulk_create(
            Used(unit=large, hour=begin, team_id=one.pop("team"), user_id=one.pop("user"), **one) for one in groups
        )


def _summed(rows: QuerySet[LedgerEntry], *keys: str) -> Iterable[dict[str, Any]]:
    ended = rows.exclude(state=LedgerEntry.State.RESERVED).order_by()
    summed: Iterable[dict[str, Any]] = ended.values(*keys).annotate(
        calls=Count("pk", filter=~Q(state=LedgerEntry.State.RELEASED)),
        errors=Count("pk", filter=~Q(error="")),
        **{column: Sum(column) for column in ("input_tokens", "output_tokens", "cached_tokens", "cost")},
    )
    return summed


# --- asking -----------------------------------------------------------------------------------------------------------


@dataclass
class Amount:
    calls: int = 0
    errors: int = 0
    read: int = 0
    written: int = 0
    cost: Decimal = Decimal(0)

    def add(self, one: dict[str, Any]) -> None:
        self.calls += one["calls"]
        self.errors += one["errors"]
        self.read += one["input_tokens"] or 0
        self.written += one["output_tokens"] or 0
        self.cost += one["cost"] or Decimal(0)

    def merge(self, other: Amount) -> None:
        self.calls, self.errors = self.calls + other.calls, self.errors + other.errors
        self.read, self.written = self.read + other.read, self.written + other.written
        self.cost += other.cost

    @property
    def tokens(self) -> int:
        return self.read + self.written


@dataclass
class History:
    """`times`: where each bucket begins; `series`: by name, an amount for each bucket, the greatest first."""

    times: list[datetime]
    series: dict[str, list[Amount]] = field(default_factory=dict)

    def total(self) -> Amount:
        whole = Amount()
        for one in (amount for row in self.series.values() for amount in row):
            whole.merge(one)
        return whole


SPANS = {"hour": 48, "day": 31, "month": 12}  # how many buckets are shown
BY = {"all": (), "team": ("team",), "person": ("user",), "model": ("endpoint", "model"), "kind": ("kind",)}


def history(span: str, by: str, now: datetime | None = None) -> History:
    """The newest hours, days or months, UTC, with what was used in them. At most eight series; the rest is one more."""
    now = now or timezone.now()
    times = buckets(span, now)
    last = Used.objects.filter(unit=HOUR).aggregate(last=Max("hour"))["last"]
    edge = max(times[0], last - OPEN) if last is not None else times[0]
    keys = BY[by]
    ledger = tuple("workspace__team" if key == "team" else key for key in keys)
    found: dict[tuple[Any, ...], list[Amount]] = defaultdict(lambda: [Amount() for _ in times])
    for row in _rolled(span, times[0], edge, keys):
        found[tuple(row[key] for key in keys)][_place(times, row["hour"])].add(row)
    tail = LedgerEntry.objects.filter(created_at__gte=edge)
    for hour, rows in _by_hour(tail, edge, now, ledger):
        for row in rows:
            found[tuple(row[key] for key in ledger)][_place(times, hour)].add(row)
    return History(times, _named(by, found, len(times)))


def _rolled(span: str, since: datetime, edge: datetime, keys: Sequence[str]) -> Iterable[dict[str, Any]]:
    """Whole months, then the days before the edge's, then its hours: as few rows as there are."""
    for unit in (Used.Unit.MONTH, Used.Unit.DAY, Used.Unit.HOUR):
        if (unit == Used.Unit.MONTH and span != "month") or (unit == Used.Unit.DAY and span == "hour"):
            continue
        until = begin_of(unit, edge)
        if until > since:
            rows = Used.objects.filter(unit=unit, hour__gte=since, hour__lt=until).exclude(NOTHING).order_by()
            yield from rows.values("hour", *keys).annotate(**{name: Sum(name) for name in COLUMNS})
            since = until


def _by_hour(
    tail: QuerySet[LedgerEntry], edge: datetime, now: datetime, keys: Sequence[str]
) -> Iterable[tuple[datetime, Iterable[dict[str, Any]]]]:
    first = tail.aggregate(first=Min("created_at"))["first"]
    hour = hour_of(first) if first is not None else now + timedelta(hours=1)
    while hour <= now:
        yield hour, _summed(tail.filter(created_at__gte=hour, created_at__lt=hour + timedelta(hours=1)), *keys)
        hour += timedelta(hours=1)


def buckets(span: str, now: datetime) -> list[datetime]:
    """Where the newest hours, days or months begin, oldest first."""
    count = SPANS[span]
    if span == "hour":
        return [hour_of(now) - timedelta(hours=n) for n in range(count - 1, -1, -1)]
    midnight = hour_of(now).replace(hour=0)
    if span == "day":
        return [midnight - timedelta(days=n) for n in range(count - 1, -1, -1)]
    months = [now.year * 12 + now.month - 1 - n for n in range(count - 1, -1, -1)]
    return [midnight.replace(year=n // 12, month=n % 12 + 1, day=1) for n in months]


def _place(times: Sequence[datetime], at: datetime) -> int:
    return max(n for n, begin in enumerate(times) if begin <= at) if at >= times[0] else 0


def _named(by: str, found: dict[tuple[Any, ...], list[Amount]], length: int) -> dict[str, list[Amount]]:
    ordered = sorted(found.items(), key=lambda one: -sum(amount.tokens for amount in one[1]))
    names = _names(by, [key for key, _ in ordered[:MOST_SERIES]])
    series = {name: row for name, (_, row) in zip(names, ordered[:MOST_SERIES], strict=True)}
    others = [Amount() for _ in range(length)]
    for _, row in ordered[MOST_SERIES:]:
        for whole, one in zip(others, row, strict=True):
            whole.merge(one)
    return {**series, "others": others} if len(ordered) > MOST_SERIES else series


def _names(by: str, keys: Sequence[tuple[Any, ...]]) -> list[str]:
    """What people read, each once."""
    known: dict[Any, str] = {}
    ids = [key[0] for key in keys if key]
    if by == "team":
        known = dict(Team.objects.filter(pk__in=[one for one in ids if one]).values_list("pk", "name"))
    elif by == "person":
        known = {row.pk: row.shown_name for row in User.objects.filter(pk__in=[one for one in ids if one])}
    names: list[str] = []
    for key in keys:
        name = known.get(key[0], NOBODY) if by in ("team", "person") else " · ".join(map(str, key)) or "everything"
        while name in names:
            name += " "
        names.append(name)
    return names
