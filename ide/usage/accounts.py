"""Accounts: locked, looked at and charged within the transaction of the ledger entry they are a sum of.

Every function wants a transaction. Accounts are locked in the order of their numbers, an entry before its accounts; so
no two transactions wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.utils import timezone

from ide.usage.caps import MEASURE, SPAN, Cap
from ide.usage.models import Account

UNITS = Decimal(100_000_000)  # of a dollar
AWAITED = timedelta(seconds=1)

_CHARGE = """
UPDATE usage_account SET
  running = running + %s, tokens = tokens + %s, cost = cost + %s,
  day_tokens = CASE WHEN day = %s THEN day_tokens + %s WHEN day < %s THEN %s ELSE day_tokens END,
  day_cost = CASE WHEN day = %s THEN day_cost + %s WHEN day < %s THEN %s ELSE day_cost END,
  month_tokens = CASE WHEN month = %s THEN month_tokens + %s WHEN month < %s THEN %s ELSE month_tokens END,
  month_cost = CASE WHEN month = %s THEN month_cost + %s WHEN month < %s THEN %s ELSE month_cost END,
  day = CASE WHEN day < %s THEN %s ELSE day END,
  month = CASE WHEN month < %s THEN %s ELSE month END
WHERE id IN ({})
"""


@dataclass(frozen=True)
class Change:
    """What is added to accounts; `at` says to which day and month: those in which the call began."""

    at: datetime
    tokens: int = 0
    cost: Decimal = Decimal(0)
    running: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.tokens or self.cost or self.running)


def day_of(at: datetime) -> int:
    return at.year * 10_000 + at.month * 100 + at.day


def month_of(at: datetime) -> int:
    return at.year * 100 + at.month


class Unopened(Exception):
    """Not all of these accounts are there."""


def locked(keys: Sequence[str]) -> dict[str, Account]:
    """The accounts of these keys, by key. Raises Unopened: `open_all`, in a transaction that holds none, and again."""
    rows = Account.objects.select_for_update().filter(key__in=keys).order_by("pk")
    found = {row.key: row for row in rows}
    if len(found) < len(set(keys)):
        raise Unopened
    return found


def open_all(keys: Sequence[str]) -> None:
    """Those that are missing. A new account is held until its transaction ends, whatever its number: who had others
    locked meanwhile, or opened them in another order, would wait for one that waits for them."""
    Account.objects.bulk_create([Account(key=key) for key in sorted(set(keys))], ignore_conflicts=True)


def charge(ids: Iterable[int], change: Change) -> None:
    """Add to them all at once."""
    numbers = sorted(ids)
    if change.nothing or not numbers:
        return
    if connection.vendor != "sqlite":  # one UPDATE locks in an order of its own
        list(Account.objects.select_for_update().filter(pk__in=numbers).order_by("pk").values_list("pk"))
    day, month = day_of(change.at), month_of(change.at)
    tokens, cost = change.tokens, units(change.cost)
    values: list[int] = [change.running, tokens, cost]
    values += [day, tokens, day, tokens, day, cost, day, cost]
    values += [month, tokens, month, tokens, month, cost, month, cost, day, day, month, month]
    with connection.cursor() as cursor:
        cursor.execute(_CHARGE.format(", ".join(["%s"] * len(numbers))), [*values, *numbers])


def units(dollars: Decimal) -> int:
    """The ledger's smallest amount of money, counted."""
    return int((dollars * UNITS).to_integral_value())


def used(row: Account, cap: Cap, now: datetime) -> Decimal:
    """What counts against the cap."""
    if cap.measure == MEASURE.CALLS:
        return Decimal(row.running)
    money = cap.measure == MEASURE.DOLLARS
    if cap.span == SPAN.DAY:
        found = (row.day_cost if money else row.day_tokens) if row.day == day_of(now) else 0
    elif cap.span == SPAN.MONTH:
        found = (row.month_cost if money else row.month_tokens) if row.month == month_of(now) else 0
    else:
        found = row.cost if money else row.tokens
    return Decimal(found) / UNITS if money else Decimal(found)


def await_call(row: Account) -> None:
    """Somebody waits for its next free call: nobody else takes it in the next moment."""
    Account.objects.filter(pk=row.pk).update(awaited_until=timezone.now() + AWAITED)
