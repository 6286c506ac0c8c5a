"""What is used now of each limit that holds for the site, by the accounts it is held against.

A limit of each person (team, model, job) is shown by the one who has used most of it, pool by pool. What is used and
what is reserved are together what the account counts, to the token. What may be done in a minute is held back in
Redis; here it is what the ledger knows of the newest minute.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from ide.accounts.models import Team, User
from ide.usage import accounts, subjects
from ide.usage.caps import DEFAULTS, FIELDS, MEASURE, OF, SPAN, Cap, Row, frees_at
from ide.usage.models import Account, LedgerEntry, Limit

Json = dict[str, Any]
MINUTE = timedelta(minutes=1)
LONGEST = timedelta(days=2)  # no call runs for so long
CALL = ("charged", "state", "reserved_tokens", "granted_cost", "input_tokens", "output_tokens", "cost", "created_at")
Place = tuple[str, str]  # whose it is by name, or of each; pool, or each
Families = dict[tuple[str, str], dict[Place, Row]]  # by measure and span


def now() -> Json:
    """The `LimitUses` of wire-limits.ts. Synchronous ORM; as many queries for a thousand limits as for one."""
    moment = timezone.now()
    found = list(Limit.objects.filter(by=None).values_list(*FIELDS, "changed_at"))
    most = _most(_families([Row(*values[:-1]) for values in found]), moment)
    names = _names(most)
    newest = max((values[-1] for values in found), default=None)
    frees = {span: frees_at(Cap("", "", "", span, Decimal(0)), moment) for span in (SPAN.DAY, SPAN.MONTH)}
    return {
        "set": f"{len(found)} {newest.isoformat() if newest is not None else ''}",
        "frees": {str(span): at.isoformat() for span, at in frees.items() if at is not None},
        "uses": {
            key_of(row): [_wire(row, pool, one, names) for pool, one in sorted(pools.items())]
            for row, pools in most.items()
        },
    }


def key_of(row: Row) -> str:
    """The name of a limit's place, by which the table finds its use."""
    return f"{row.of}:{_whose(row)}|{row.pool}|{row.kind}|{row.measure}|{row.span}"


def _whose(row: Row) -> str:
    named = row.team if row.of == OF.TEAM else row.person if row.of == OF.PERSON else row.endpoint
    return "" if named is None else str(named)


@dataclass
class _Most:
    """Who has used most of a limit in one pool, and how many have reached it."""

    who: str
    used: Decimal = Decimal(-1)
    reserved: Decimal = Decimal(0)
    met: int = 0


@dataclass
class _Calls:
    """Calls that count in one account: what those that run may still use, as (began, tokens, dollars); and those of
    the newest minute."""

    held: list[tuple[datetime, int, Decimal]] = field(default_factory=list)
    requests: int = 0
    tokens: int = 0
    reserved: int = 0


def _families(rows: Sequence[Row]) -> dict[tuple[str, str], Families]:
    """By whom it is for and the kind of use. Of one family the most particular place holds, as in `caps`."""
    plain = [Row(None, d.of, None, None, None, "", d.kind, d.measure, d.span, d.amount) for d in DEFAULTS]
    found: dict[tuple[str, str], Families] = defaultdict(lambda: defaultdict(dict))
    for row in (*plain, *rows):
        found[row.of, row.kind][row.measure, row.span][_whose(row), row.pool] = row
    return found


def _most(families: dict[tuple[str, str], Families], moment: datetime) -> dict[Row, dict[str, _Most]]:
    most: dict[Row, dict[str, _Most]] = defaultdict(dict)
    spans = {span for family in families.values() for _, span in family}
    rows = list(_charged({of for of, _ in families}, SPAN.MONTH in spans, moment))
    calls = _calls(moment) if SPAN.MINUTE in spans or any(row.running for row in rows) else {}
    for account in rows:
        subject, pool, kind = account.key.split("|")
        of, _, who = subject.partition(":")
        for (measure, span), places in families.get((of, kind), {}).items():
            row = _holds(places, who, pool)
            if row is None:
                continue
            cap = Cap(account.key, of, measure, span, row.amount or Decimal(0))
            used, reserved = _used(account, cap, calls.get(account.pk, _Calls()), moment)
            if used or reserved:
                _add(most[row].setdefault(pool, _Most("")), row, who, used, reserved)
    return most


def _charged(ofs: set[str], month: bool, moment: datetime) -> Iterator[Account]:
    """The accounts that can have used something of a limit of today (or this month, or now)."""
    named = Q()
    for of in ofs:
        named |= Q(key__startswith=f"{of}|" if of == OF.SITE else f"{of}:")
    since = Q(month=accounts.month_of(moment)) if month else Q(day=accounts.day_of(moment))
    return Account.objects.filter(named, since | Q(running__gt=0)).iterator()


def _calls(moment: datetime) -> dict[int, _Calls]:
    """By account."""
    reserved = Q(state=LedgerEntry.State.RESERVED, created_at__gte=moment - LONGEST)
    rows = LedgerEntry.objects.filter(reserved | Q(created_at__gte=moment - MINUTE)).values_list(*CALL)
    found: dict[int, _Calls] = defaultdict(_Calls)
    for charged, state, held, granted, read, written, cost, began in rows:
        for number in charged:
            one = found[number]
            if state == LedgerEntry.State.RESERVED:
                one.held.append((began, held, max(Decimal(0), granted - cost)))
            if began >= moment - MINUTE:
                one.requests, one.tokens, one.reserved = (
                    one.requests + 1,
                    one.tokens + read + written,
                    one.reserved + held,
                )
    return found


def _holds(places: dict[Place, Row], who: str, pool: str) -> Row | None:
    """What is set for one by name takes the place of what is set for each, one for a pool that for both."""
    for place in ((who, pool), (who, ""), ("", pool), ("", "")):
        if place in places:
            return places[place]
    return None


def _used(account: Account, cap: Cap, calls: _Calls, moment: datetime) -> tuple[Decimal, Decimal]:
    """Used, and reserved beside it."""
    if cap.span == SPAN.MINUTE:
        if cap.measure == MEASURE.REQUESTS:
            return Decimal(calls.requests), Decimal(0)
        return Decimal(calls.tokens), Decimal(calls.reserved)
    counted = accounts.used(account, cap, moment)
    if cap.measure == MEASURE.CALLS:
        return counted, Decimal(0)
    unit = {SPAN.DAY: accounts.day_of, SPAN.MONTH: accounts.month_of}.get(Limit.Span(cap.span))
    mine = [one for one in calls.held if unit is None or unit(one[0]) == unit(moment)]
    money = cap.measure == MEASURE.DOLLARS
    held = sum((dollars if money else Decimal(tokens) for _, tokens, dollars in mine), Decimal(0))
    reserved = min(counted, held)
    return counted - reserved, reserved


def _add(most: _Most, row: Row, who: str, used: Decimal, reserved: Decimal) -> None:
    total = used + reserved
    if row.amount is not None and total >= row.amount:
        most.met += 1
    if total > most.used + most.reserved:
        most.who, most.used, most.reserved = who, used, reserved


def _names(most: dict[Row, dict[str, _Most]]) -> dict[tuple[str, str], str]:
    """Of those who have used most of what holds for each of them."""
    wanted = {(row.of, one.who) for row, pools in most.items() for one in pools.values() if not _whose(row)}
    of = {kind: [who for known, who in wanted if known == kind] for kind in (OF.PERSON, OF.TEAM, OF.ENDPOINT)}
    found = {(row, who): f"{row} {who}" for row, who in wanted if row != OF.SITE}
    if of[OF.PERSON]:
        people = User.objects.filter(pk__in=of[OF.PERSON])
        found |= {(OF.PERSON.value, str(user.pk)): user.shown_name for user in people}
    if of[OF.TEAM]:
        found |= {(OF.TEAM.value, team.pk): team.name for team in Team.objects.filter(pk__in=of[OF.TEAM])}
    if of[OF.ENDPOINT]:
        found |= {(OF.ENDPOINT.value, str(number)): name for number, name in subjects.models(None).items()}
    return found


def _wire(row: Row, pool: str, one: _Most, names: dict[tuple[str, str], str]) -> Json:
    who = "" if _whose(row) else names.get((row.of, one.who), "")
    return {"pool": pool, "who": who, "used": float(one.used), "reserved": float(one.reserved), "met": one.met}
