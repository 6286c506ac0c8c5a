"""Which limits hold for a call, that they are never passed, and that accounts are what the ledger says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.db.models import Sum
from django.utils import timezone

from ide.accounts.models import Membership, Team, User
from ide.errors import QuotaExceeded
from ide.usage import meter
from ide.usage.accounts import UNITS, day_of
from ide.usage.caps import Call, Share, caps_for
from ide.usage.held import holding, rows_of
from ide.usage.meter import Full, Prices, Spent
from ide.usage.models import Account, LedgerEntry, Limit
from ide.workspaces.models import Workspace

pytestmark = pytest.mark.django_db
FREE = Prices()
PRICES = Prices(Decimal(1), Decimal(0), Decimal(10))


class Place:
    def __init__(self) -> None:
        self.team = Team.objects.create(name="t")
        self.ada, self.bob = (User.objects.create_user(username=name) for name in ("ada", "bob"))
        for user in (self.ada, self.bob):
            Membership.objects.create(team=self.team, user=user, role="editor")
        self.workspace = Workspace.objects.create(name="w", team=self.team, source="empty", state="ready")

    def call(self, user: User | None = None, kind: str = "session", pool: str = "fast", **more: Any) -> Call:
        who = user or self.ada
        return Call(who.pk, self.workspace.pk, "e", "m", kind, "turn:x", pool=pool, endpoint_id=1, **more)


@pytest.fixture
def place() -> Place:
    return Place()


def use(call: Call, tokens: int) -> int:
    grant = meter.hold(call, read=0, write=tokens, prices=FREE)
    meter.settle(grant.entry, Spent(0, grant.tokens))
    return grant.tokens


def limit(of: str, amount: float | None, measure: str = "tokens", span: str = "day", **more: Any) -> Limit:
    return Limit.objects.create(of=of, amount=amount, measure=measure, span=span, **more)


def test_an_answer_gets_what_is_left_and_the_next_call_nothing(place: Place) -> None:
    limit("person", 1000)
    assert use(place.call(), 700) == 700
    assert use(place.call(), 700) == 300
    with pytest.raises(QuotaExceeded) as refused:
        meter.hold(place.call(), read=10, write=100, prices=FREE)
    assert refused.value.what == "You have used the 1,000 tokens of fast models you may use today."
    assert "Go on with a deep model" in refused.value.do
    assert refused.value.limit["of"] == "person"
    assert 0 < (refused.value.retry_after or 0) <= 24 * 3600
    assert LedgerEntry.objects.count() == 2, "a refused call leaves no entry"


@pytest.mark.parametrize("of", ["site", "team", "person", "endpoint"])
def test_the_pools_are_counted_apart_whatever_is_limited(place: Place, of: str) -> None:
    limit(of, 500)
    assert use(place.call(pool="fast"), 500) == 500
    with pytest.raises(QuotaExceeded):
        use(place.call(pool="fast"), 500)
    assert use(place.call(pool="deep"), 500) == 500


def test_each_person_has_their_own_and_a_team_one_for_all(place: Place) -> None:
    limit("person", 500)
    limit("team", 800)
    assert use(place.call(place.ada), 500) == 500
    assert use(place.call(place.bob), 500) == 300, "the team's is used up"


def test_kinds_of_use_are_limited_apart_and_thinking_is_part_of_a_turn(place: Place) -> None:
    limit("person", 500, kind="turn")
    assert use(place.call(kind="session"), 300) == 300
    assert use(place.call(kind="think"), 300) == 200
    assert use(place.call(kind="job"), 900) == 900
    assert use(place.call(kind="ghost"), 900) == 900


def test_what_is_particular_takes_the_place_of_what_is_general(place: Place) -> None:
    limit("person", 500)
    limit("person", 900, person=place.ada)
    limit("person", None, person=place.bob)
    limit("person", 200, pool="deep")
    assert use(place.call(place.ada), 2000) == 900
    assert use(place.call(place.bob), 2000) == 2000
    assert {cap.amount for cap in caps_for(place.call(place.ada, pool="deep")) if cap.measure == "tokens"} >= {900}


def test_a_team_may_be_stricter_with_itself_not_more_generous(place: Place) -> None:
    limit("person", 1000)
    limit("person", 5000, by=place.team)
    assert use(place.call(), 9000) == 1000
    limit("team", 1200, by=place.team)
    assert use(place.call(place.bob), 9000) == 200


def test_money_is_kept_as_tokens_are(place: Place) -> None:
    limit("person", 1, measure="dollars")
    grant = meter.hold(place.call(), read=100_000, write=500_000, prices=PRICES)
    assert grant.tokens == 100_000 + 90_000, "0.10 for what is read, 0.90 for what is written"
    with pytest.raises(QuotaExceeded, match=r"\$1\.00"):
        meter.hold(place.call(), read=1, write=1000, prices=PRICES)
    meter.settle(grant.entry, PRICES.spent(100_000, 10_000))
    assert meter.hold(place.call(), read=0, write=1_000_000, prices=PRICES).tokens == 80_000


def test_a_job_and_what_it_delegates_share_a_budget(place: Place) -> None:
    parent, child = Share("job:p", tokens=1000), Share("job:c", tokens=600)
    assert use(place.call(kind="job", shares=(child, parent)), 5000) == 600
    with pytest.raises(QuotaExceeded, match="This job has used the 600 tokens"):
        use(place.call(kind="job", shares=(child, parent)), 5000)
    assert use(place.call(kind="job", shares=(Share("job:d", tokens=600), parent)), 5000) == 400
    limit("job", 100, span="ever")
    assert use(place.call(kind="job", shares=(Share("job:e"),)), 5000) == 100


def test_a_call_under_way_gets_more_until_nothing_is_left(place: Place) -> None:
    limit("person", 1000)
    call = place.call()
    grant = meter.hold(call, read=100, write=200, prices=FREE)
    meter.draw(grant.entry, Spent(100, 150))
    assert meter.extend(grant.entry, call, 500, FREE) == 500
    assert meter.extend(grant.entry, call, 500, FREE) == 200
    with pytest.raises(QuotaExceeded):
        meter.extend(grant.entry, call, 500, FREE)
    meter.settle(grant.entry, Spent(100, 400))
    assert use(place.call(), 5000) == 500


def test_more_calls_than_may_run_at_once_are_full_until_one_ends(place: Place) -> None:
    limit("person", 2, measure="calls", span="", kind="turn")
    first, second = (meter.hold(place.call(), read=1, write=1, prices=FREE) for _ in range(2))
    with pytest.raises(Full) as full:
        meter.hold(place.call(), read=1, write=1, prices=FREE)
    assert full.value.retry_after > 0
    meter.hold(place.call(pool="deep"), read=1, write=1, prices=FREE)
    meter.hold(place.call(kind="inline"), read=1, write=1, prices=FREE)
    meter.hold(place.call(place.bob), read=1, write=1, prices=FREE)
    meter.release(first.entry)
    meter.hold(place.call(), read=1, write=1, prices=FREE)
    with pytest.raises(Full):  # the head of the line asks while nothing is free …
        meter.hold(place.call(), read=1, write=1, prices=FREE, first=True)
    meter.settle(second.entry, Spent(1, 1))
    with pytest.raises(Full):  # … so what becomes free is not for whoever comes by
        meter.hold(place.call(), read=1, write=1, prices=FREE)
    meter.hold(place.call(), read=1, write=1, prices=FREE, first=True)


def test_by_default_a_person_has_four_calls_of_a_kind_at_once(place: Place) -> None:
    for _ in range(4):
        meter.hold(place.call(), read=1, write=1, prices=FREE)
    with pytest.raises(Full, match="as many calls of fast models at once as allowed"):
        meter.hold(place.call(), read=1, write=1, prices=FREE)
    assert any(row["default"] and row["measure"] == "calls" for row in rows_of(None))


def test_what_a_dead_process_held_is_given_back(place: Place) -> None:
    limit("person", 1000)
    grant = meter.hold(place.call(), read=100, write=900, prices=FREE)
    meter.draw(grant.entry, Spent(100, 50))
    LedgerEntry.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    assert meter.sweep() == 1
    assert use(place.call(), 5000) == 850


def test_people_see_what_holds_for_them_and_what_they_have_used(place: Place) -> None:
    limit("person", 1000, pool="fast")
    use(place.call(), 300)
    held = {(one["of"], one["pool"], one["measure"]): one for one in holding(place.ada.pk, place.workspace.pk)}
    assert held["person", "fast", "tokens"]["used"] == 300
    assert held["person", "fast", "tokens"]["amount"] == 1000
    assert held["person", "deep", "tokens"]["amount"] == 200_000_000, "the default"


def counted() -> Iterator[tuple[str, int, int, int, int]]:
    """Of each account: its key, and by the ledger what it should hold: ever, today, calls, cost."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for account in Account.objects.all():
        rows = [row for row in LedgerEntry.objects.all() if account.pk in row.charged]
        over = [row for row in rows if row.state != "reserved"]
        assert all(row.granted_tokens == row.input_tokens + row.output_tokens for row in over)
        tokens = {row.pk: row.granted_tokens for row in rows}
        cost = sum((row.granted_cost for row in rows), Decimal(0))
        now = sum(tokens[row.pk] for row in rows if row.created_at >= today)
        running = sum(row.state == "reserved" for row in rows)
        yield account.key, sum(tokens.values()), now, running, int((cost * UNITS).to_integral_value())


def test_accounts_are_what_the_ledger_says_whatever_happens(place: Place) -> None:
    chance = random.Random(7)
    open_calls: list[tuple[Call, int]] = []
    for _ in range(150):
        act = chance.choice(["hold", "hold", "draw", "extend", "settle", "release", "lapse"])
        if act == "hold" or not open_calls:
            kinds, pools = ("session", "inline", "job"), ("fast", "deep")
            shares = (Share("job:1"),) if chance.random() < 0.3 else ()
            call = place.call(
                chance.choice([place.ada, place.bob]), chance.choice(kinds), chance.choice(pools), shares=shares
            )
            try:
                grant = meter.hold(call, read=chance.randrange(500), write=chance.randrange(2000), prices=PRICES)
            except Full:
                continue
            open_calls.append((call, grant.entry))
            continue
        call, entry = chance.choice(open_calls)
        spent = PRICES.spent(chance.randrange(700), chance.randrange(3000), 0)
        if act == "draw":
            meter.draw(entry, spent)
        elif act == "extend":
            meter.extend(entry, call, chance.randrange(1000), PRICES)
        elif act == "lapse":
            LedgerEntry.objects.filter(pk=entry, state="reserved").update(held_until=timezone.now() - timedelta(1))
            meter.sweep()
        else:
            meter.settle(entry, spent) if act == "settle" else meter.release(entry)
    found = {row.key: (row.key, row.tokens, row.day_tokens, row.running, row.cost) for row in Account.objects.all()}
    assert [found[one[0]] for one in counted()] == list(counted())
    assert {row.day for row in Account.objects.all()} == {day_of(timezone.now())}


def test_yesterdays_calls_do_not_count_today(place: Place) -> None:
    limit("person", 1000)
    grant = meter.hold(place.call(), read=0, write=1000, prices=FREE)
    yesterday = timezone.now() - timedelta(days=1)
    LedgerEntry.objects.update(created_at=yesterday)
    Account.objects.update(day=day_of(yesterday))
    other = meter.hold(place.call(), read=0, write=400, prices=FREE)
    meter.settle(grant.entry, Spent(0, 100))
    meter.settle(other.entry, Spent(0, 400))
    assert use(place.call(), 5000) == 600


@pytest.mark.django_db(transaction=True)
def test_no_race_passes_a_cap() -> None:
    place = Place()
    limit("person", 10_000)
    for kind in ("turn", "job"):
        limit("person", None, measure="calls", span="", kind=kind)

    def work(number: int) -> int:
        try:
            return use(place.call(kind="job" if number % 2 else "session"), 900)
        except QuotaExceeded:
            return 0
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        given = sum(threads.map(work, range(24)))
    assert given == 10_000
    assert LedgerEntry.objects.aggregate(sum=Sum("output_tokens"))["sum"] == 10_000


@pytest.mark.django_db(transaction=True)
def test_no_race_of_nested_reservations_passes_a_cap_or_loses_a_token() -> None:
    """Many connections at once: parts of one job and their parent, both pools, more asked for in mid-call, given back,
    settled late, and lapsed."""
    place = Place()
    limit("person", 60_000)
    limit("team", 90_000, pool="deep")
    for kind in ("turn", "job"):
        limit("person", None, measure="calls", span="", kind=kind)
    parent = Share("job:p", tokens=40_000)
    parts = [Share(f"job:{number}", tokens=9_000) for number in range(6)]

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            for _ in range(6):
                shares = chance.choice([(), (parent,), (chance.choice(parts), parent)])
                who, pool = chance.choice([place.ada, place.bob]), chance.choice(["fast", "deep"])
                one_call(place.call(who, "job" if shares else "session", pool, shares=shares), chance)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(work, range(24)))
    while LedgerEntry.objects.filter(state="reserved").exists():
        LedgerEntry.objects.filter(state="reserved").update(held_until=timezone.now() - timedelta(1))
        meter.sweep()
    found = {row.key: (row.key, row.tokens, row.day_tokens, row.running, row.cost) for row in Account.objects.all()}
    assert [found[one[0]] for one in counted()] == list(counted())
    tokens = {row.key: row.tokens for row in Account.objects.all()}
    assert 30_000 < tokens["job:p||"] <= 40_000, "the budget was fought for, and held"
    assert max(tokens.get(f"{share.subject}||", 0) for share in parts) <= 9_000
    assert (
        max(tokens[f"person:{who.pk}|{pool}|"] for who in (place.ada, place.bob) for pool in ("fast", "deep")) <= 60_000
    )
    assert tokens[f"team:{place.team.pk}|deep|"] <= 90_000


def one_call(call: Call, chance: random.Random) -> None:
    """It reads, writes, asks for more until refused or content, and ends in one of the ways there are."""
    try:
        grant = meter.hold(call, read=100, write=chance.randrange(500, 2500), prices=FREE)
    except QuotaExceeded:
        return
    granted = grant.tokens
    try:
        for _ in range(chance.randrange(3)):
            meter.draw(grant.entry, Spent(100, (granted - 100) // 2))
            granted += meter.extend(grant.entry, call, 700, FREE)
    except QuotaExceeded:
        pass
    end = chance.random()
    if end < 0.1:
        meter.release(grant.entry)
    elif end < 0.2:  # its process died
        LedgerEntry.objects.filter(pk=grant.entry).update(held_until=timezone.now() - timedelta(1))
        meter.sweep()
    elif end < 0.95:
        meter.settle(grant.entry, Spent(100, granted - 100))
