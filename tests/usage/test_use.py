"""What the table of limits says is used of each: to the token what accounts count, and the ledger beside them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ide.accounts.models import Membership, Team, User
from ide.usage import meter, use
from ide.usage.caps import Call, Share
from ide.usage.held import rows_of
from ide.usage.meter import Prices, Spent
from ide.usage.models import Account, LedgerEntry, Limit
from ide.workspaces.models import Workspace

pytestmark = pytest.mark.django_db
PRICES = Prices(Decimal(1), Decimal(0), Decimal(10))
ADA = "Ada L."


class Place:
    def __init__(self) -> None:
        self.team = Team.objects.create(name="ours")
        self.ada = User.objects.create_user(username="ada", display_name=ADA)
        self.bob = User.objects.create_user(username="bob", display_name="Bob")
        for user in (self.ada, self.bob):
            Membership.objects.create(team=self.team, user=user, role="editor")
        self.workspace = Workspace.objects.create(name="w", team=self.team, source="empty", state="ready")

    def call(self, user: User, pool: str = "fast", **more: Any) -> Call:
        return Call(user.pk, self.workspace.pk, "e", "m", "turn", "turn:x", pool=pool, endpoint_id=1, **more)

    def used(self, user: User, tokens: int, pool: str = "fast", **more: Any) -> None:
        grant = meter.hold(self.call(user, pool, **more), read=10, write=tokens, prices=PRICES)
        meter.settle(grant.entry, PRICES.spent(10, tokens))

    def running(self, user: User, tokens: int, drawn: int, pool: str = "fast") -> None:
        grant = meter.hold(self.call(user, pool), read=0, write=tokens, prices=PRICES)
        meter.draw(grant.entry, PRICES.spent(0, drawn))


@pytest.fixture
def place() -> Place:
    return Place()


def limit(of: str, amount: float | None, measure: str = "tokens", span: str = "day", **more: Any) -> Limit:
    return Limit.objects.create(of=of, amount=amount, measure=measure, span=span, **more)


def line(of: str, measure: str, span: str, pool: str = "fast", name: object = "", own: str = "", kind: str = "") -> Any:
    """Of a limit, by its row in the table; None where nothing is used."""
    keys = {one["key"] for one in rows_of(None)}
    key = f"{of}:{name}|{own}|{kind}|{measure}|{span}"
    assert key in keys, f"the table has no row {key}"
    return next((one for one in use.now()["uses"].get(key, []) if one["pool"] == pool), None)


def test_used_and_reserved_are_what_the_account_counts_pool_by_pool(place: Place) -> None:
    limit("site", 100_000)
    limit("site", 9, measure="dollars", span="month")
    place.used(place.ada, 300)
    place.used(place.bob, 50, pool="deep")
    place.running(place.bob, 1000, drawn=400)
    fast, deep = line("site", "tokens", "day"), line("site", "tokens", "day", "deep")
    assert (fast["used"], fast["reserved"]) == (310 + 400, 600)
    assert (deep["used"], deep["reserved"]) == (60, 0)
    account = Account.objects.get(key="site|fast|")
    assert fast["used"] + fast["reserved"] == account.day_tokens
    ledger = LedgerEntry.objects.filter(pool="fast").aggregate(
        drawn=Sum(F("input_tokens") + F("output_tokens")), held=Sum("reserved_tokens"), cost=Sum("cost")
    )
    assert (fast["used"], fast["reserved"]) == (ledger["drawn"], ledger["held"])
    paid = line("site", "dollars", "month")
    assert paid["used"] == pytest.approx(float(ledger["cost"]), abs=1e-9)
    assert paid["used"] + paid["reserved"] == pytest.approx(account.month_cost / 1e8, abs=1e-9)


def test_of_each_person_the_one_who_has_used_most_is_named(place: Place) -> None:
    limit("person", 500)
    place.used(place.ada, 490)
    place.used(place.bob, 100)
    assert line("person", "tokens", "day") == {"pool": "fast", "who": ADA, "used": 500, "reserved": 0, "met": 1}
    place.running(place.bob, 4000, drawn=1)  # as many as are left to him: 390
    found = line("person", "tokens", "day")
    assert found["met"] == 2
    calls = line("person", "calls", "", kind="turn")
    assert (calls["who"], calls["used"], calls["met"]) == ("Bob", 1, 0)


def test_one_with_a_limit_by_name_counts_there_and_not_among_the_others(place: Place) -> None:
    limit("person", 500)
    limit("person", 2000, person=place.ada)
    limit("person", None, pool="deep")
    place.used(place.ada, 490)
    place.used(place.bob, 100)
    place.used(place.bob, 700, pool="deep")
    assert line("person", "tokens", "day")["who"] == "Bob"
    hers = line("person", "tokens", "day", name=place.ada.pk)
    assert (hers["who"], hers["used"]) == ("", 500)
    assert line("person", "tokens", "day", "deep") is None, "a pool has a row of its own"
    free = line("person", "tokens", "day", "deep", own="deep")
    assert (free["used"], free["met"]) == (710, 0), "no limit, but use"


def test_what_was_yesterday_is_not_used_today(place: Place) -> None:
    limit("team", 1000)
    limit("team", 1000, span="month")
    now = timezone.now()
    yesterday, this = now - timedelta(days=1), now.year * 100 + now.month
    day = yesterday.year * 10_000 + yesterday.month * 100 + yesterday.day
    key = f"team:{place.team.pk}|fast|"
    Account.objects.create(key=key, tokens=80, day=day, day_tokens=80, month=this, month_tokens=80)
    assert line("team", "tokens", "day") is None
    month = line("team", "tokens", "month")
    assert (month["used"], month["who"]) == (80, "ours")
    assert set(use.now()["frees"]) == {"day", "month"}


def test_the_newest_minute_and_jobs_with_what_they_delegate(place: Place) -> None:
    limit("endpoint", 3, measure="requests", span="minute")
    limit("endpoint", 900, span="minute", endpoint=1)
    limit("job", 5000, span="ever")
    place.used(place.ada, 100, shares=(Share("job:abc"),))
    place.used(place.bob, 200)
    LedgerEntry.objects.filter(user=place.bob).update(created_at=timezone.now() - timedelta(minutes=2))
    place.running(place.ada, 50, drawn=20)
    requests = line("endpoint", "requests", "minute")
    assert (requests["used"], requests["reserved"]) == (2, 0)
    tokens = line("endpoint", "tokens", "minute", name=1)
    assert (tokens["used"], tokens["reserved"]) == (130, 30)
    job = line("job", "tokens", "ever", pool="")
    assert (job["who"], job["used"]) == ("job abc", 110)


def test_a_thousand_limits_take_no_more_queries_than_one(place: Place) -> None:
    limit("person", 500)
    place.used(place.ada, 10)
    place.running(place.bob, 10, drawn=1)
    with CaptureQueriesContext(
        connection,
    ) as few:
        use.now()
    people = User.objects.bulk_create(User(username=f"p{n}") for n in range(1000))
    Limit.objects.bulk_create(Limit(of="person", person=one, amount=9, measure="tokens", span="day") for one in people)
    for one in people[:50]:
        Account.objects.create(key=f"person:{one.pk}|fast|", day=0, month=0, running=1)
    with CaptureQueriesContext(connection) as many:
        found = use.now()
    assert len(many) == len(few) <= 5
    assert found["set"].startswith("1001 ")


def test_the_stamp_changes_with_what_is_set() -> None:
    before = use.now()["set"]
    row = limit("site", 5)
    made = use.now()["set"]
    row.amount = Decimal(6)
    row.save()
    assert len({before, made, use.now()["set"]}) == 3


def test_more_written_than_reserved_is_shown_when_the_call_has_ended(place: Place) -> None:
    limit("site", 1000)
    grant = meter.hold(place.call(place.ada), read=0, write=100, prices=PRICES)
    meter.settle(grant.entry, Spent(0, 130))
    assert line("site", "tokens", "day")["used"] == 130
