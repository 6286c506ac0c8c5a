"""The history agrees with the ledger to the token, whenever it was rolled up, and how often."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from ide.accounts.models import Team, User
from ide.usage import hours
from ide.usage.models import LedgerEntry, Used
from ide.workspaces.models import Workspace

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 10, 40, tzinfo=UTC)


def call(ago: float, **more: Any) -> LedgerEntry:
    """A call that began so many hours before NOW."""
    fields = {"endpoint": "fast", "model": "m", "kind": "session", "subject": "", "state": "settled", **more}
    return LedgerEntry.objects.create(created_at=NOW - timedelta(hours=ago), **fields)


def filled() -> None:
    chance = random.Random(3)
    teams = [Team.objects.create(name=f"team {n}") for n in range(3)]
    people = [User.objects.create_user(username=f"p{n}") for n in range(12)]
    rooms = [Workspace.objects.create(name="w", team=team, source="empty", state="ready") for team in teams]
    for _ in range(300):
        state = chance.choice(["settled"] * 6 + ["expired", "released", "reserved"])
        amounts = {"input_tokens": chance.randrange(5000), "output_tokens": chance.randrange(900)}
        who = {"user": chance.choice([*people, None]), "workspace": chance.choice([*rooms, None])}
        if state == "released":
            amounts = {"error": "model_overloaded"}
        call(chance.random() * 24 * 40, state=state, cost=Decimal(chance.randrange(1000)) / 1000, **who, **amounts)
    LedgerEntry.objects.filter(state="released").update(cost=0)


def sums(span: str, by: str) -> tuple[int, int, int, Decimal, int]:
    whole = hours.history(span, by, NOW).total()
    return whole.calls, whole.read, whole.written, whole.cost, whole.errors


def ledger(since: datetime) -> tuple[int, int, int, Decimal, int]:
    rows = list(LedgerEntry.objects.filter(created_at__gte=since).exclude(state="reserved"))
    used = [row for row in rows if row.state != "released"]
    tokens = sum(row.input_tokens for row in used), sum(row.output_tokens for row in used)
    return len(used), *tokens, sum((row.cost for row in used), Decimal(0)), sum(bool(row.error) for row in rows)


@pytest.mark.parametrize("rolled", [0, 1, 3])
def test_every_view_of_the_history_is_what_the_ledger_says(rolled: int) -> None:
    filled()
    for _ in range(rolled):
        hours.roll(NOW)
    for span in hours.SPANS if rolled else ("hour",):
        since = hours.buckets(span, NOW)[0]
        for by in hours.BY:
            assert sums(span, by) == ledger(since), f"{span} by {by} after {rolled} rounds"


def test_a_call_that_ends_after_its_hour_was_rolled_up_is_counted_at_once() -> None:
    late = call(1.2, state="reserved", reserved_tokens=100)
    call(0.1, input_tokens=5)
    hours.roll(NOW)
    assert sums("hour", "all")[1:3] == (5, 0)
    LedgerEntry.objects.filter(pk=late.pk).update(state="settled", input_tokens=70, output_tokens=7)
    assert sums("hour", "all")[1:3] == (75, 7)
    hours.roll(NOW)
    assert sums("hour", "all")[1:3] == (75, 7)
    assert sums("day", "person")[1:3] == (75, 7)


def test_rolling_up_again_changes_nothing() -> None:
    filled()
    hours.roll(NOW)
    before = list(
        Used.objects.order_by("unit", "hour", "endpoint", "user", "team", "kind").values("hour", "calls", "cost")
    )
    hours.roll(NOW)
    hours.roll(NOW + timedelta(minutes=10))
    after = list(
        Used.objects.order_by("unit", "hour", "endpoint", "user", "team", "kind").values("hour", "calls", "cost")
    )
    assert [row for row in after if row["calls"]] == [row for row in before if row["calls"]]


def test_only_the_greatest_have_a_line_of_their_own() -> None:
    people = [User.objects.create_user(username=f"p{n}", display_name="Same") for n in range(11)]
    for n, person in enumerate(people):
        call(1, user=person, input_tokens=n)
    found = hours.history("day", "person", NOW)
    assert len(found.series) == 9
    assert sum(amount.read for amount in found.series["others"]) == 0 + 1 + 2


def test_each_amount_stands_in_its_hour_day_and_month() -> None:
    call(0.5, input_tokens=1)
    call(12, input_tokens=2)
    call(24 * 25, input_tokens=4)
    hours.roll(NOW)
    (row,) = hours.history("hour", "all", NOW).series.values()
    assert [amount.read for amount in row][-13:] == [2, *[0] * 11, 1]
    (row,) = hours.history("day", "all", NOW).series.values()
    assert [(n, amount.read) for n, amount in enumerate(row) if amount.read] == [(5, 4), (29, 2), (30, 1)]
    found = hours.history("month", "all", NOW)
    assert [amount.read for amount in found.series["everything"]][-2:] == [4, 3]
    assert (found.times[-1].month, found.times[0].month) == (11, 12)


def test_an_empty_ledger_has_an_empty_history() -> None:
    assert hours.roll(timezone.now()) == 0
    assert hours.history("day", "team").series == {}
