"""The ledger counts a call once, whatever its caller repeats, and whoever dies in the middle of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from ide.usage import meter
from ide.usage.meter import Prices, Spent
from ide.usage.models import LedgerEntry

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
PRICES = Prices(Decimal("2.5"), Decimal("0.25"), Decimal(10))


def _reserve(tokens: int = 500) -> int:
    return meter.reserve(None, None, endpoint="builtin", model="small", kind="turn", subject="turn:abc", tokens=tokens)


def _row(entry: int) -> LedgerEntry:
    return LedgerEntry.objects.get(pk=entry)


def _counted() -> tuple[int, int]:
    totals = LedgerEntry.objects.totals()
    return totals.input_tokens + totals.output_tokens, totals.held


def test_settling_replaces_the_reservation_by_what_was_used() -> None:
    entry = _reserve()
    assert meter.settle(entry, PRICES.spent(120, 30, 100), 85.0, 0.5)
    row = _row(entry)
    assert (row.state, row.reserved_tokens, row.input_tokens, row.output_tokens) == ("settled", 0, 120, 30)
    assert (row.cached_tokens, row.cost) == (100, Decimal("0.000375")), "20 read anew, 100 from the cache, 30 written"


def test_a_second_settlement_changes_nothing() -> None:
    entry = _reserve()
    assert meter.settle(entry, Spent(120, 30))
    assert not meter.settle(entry, Spent(999, 999))
    assert not meter.release(entry)
    assert not meter.draw(entry, Spent(999, 999))
    row = _row(entry)
    assert (row.state, row.input_tokens) == ("settled", 120)


def test_releasing_gives_the_reservation_back() -> None:
    entry = _reserve()
    assert meter.release(entry)
    assert not meter.settle(entry, Spent(1, 1)), "a released call used nothing"
    row = _row(entry)
    assert (row.state, row.reserved_tokens, row.output_tokens) == ("released", 0, 0)


def test_what_is_drawn_leaves_the_reservation_and_is_never_counted_twice() -> None:
    entry = _reserve(500)
    assert _counted() == (0, 500)
    assert meter.draw(entry, Spent(100, 50))
    assert _counted() == (150, 350)
    assert not meter.draw(entry, Spent(100, 40)), "an older figure that comes late"
    assert not meter.draw(entry, Spent(100, 50)), "the same once more"
    assert meter.draw(entry, Spent(100, 450))
    assert _counted() == (550, 0), "more than was reserved holds nothing, and never less than nothing"
    meter.settle(entry, Spent(90, 460))
    assert _counted() == (550, 0)


def test_a_reservation_nobody_ends_lapses_and_keeps_what_was_drawn() -> None:
    dead, running = _reserve(), _reserve(300)
    meter.draw(dead, Spent(100, 20, cost=Decimal("0.5")))
    assert meter.sweep() == 0, "its time has not passed"
    LedgerEntry.objects.filter(pk=dead).update(held_until=timezone.now() - timedelta(seconds=1))
    assert meter.sweep() == 1
    row = _row(dead)
    assert (row.state, row.reserved_tokens, row.output_tokens, row.cost) == ("expired", 0, 20, Decimal("0.5"))
    assert _counted() == (120, 300)
    assert [one.pk for one in LedgerEntry.objects.used()] == [dead]
    assert not meter.draw(dead, Spent(100, 30))
    assert meter.settle(dead, Spent(100, 40)), "it was only slow: what it used stands"
    assert not meter.settle(dead, Spent(100, 40))
    assert _counted() == (140, 300)
    assert _row(running).state == "reserved"


def test_drawing_is_a_sign_of_life() -> None:
    entry = _reserve()
    LedgerEntry.objects.filter(pk=entry).update(held_until=timezone.now() - timedelta(seconds=1))
    meter.draw(entry, Spent(1, 1))
    assert meter.sweep() == 0


def test_prices_that_are_not_known_cost_nothing_and_say_so() -> None:
    assert not Prices().known
    assert Prices().spent(1000, 1000).cost == 0
    assert Prices(input=Decimal(1)).spent(1_000_000, 0, 400_000).cost == 1, "no price of its own for cached ones"


@pytest.mark.django_db(transaction=True)
def test_one_of_many_threads_ends_an_entry() -> None:
    entry = _reserve()

    def end(number: int) -> bool:
        try:
            meter.draw(entry, Spent(0, number))
            return meter.settle(entry, Spent(10, number)) if number % 2 else meter.release(entry)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(end, range(1, 17))) == 1
    assert _row(entry).state in ("settled", "released")
    assert _counted()[1] == 0


OTHER = """
import sys
import django
django.setup()
from ide.usage import meter
from ide.usage.meter import Spent
entry = meter.reserve(None, None, endpoint="e", model="m", kind="turn", subject="turn:x", tokens=1000)
meter.draw(entry, Spent(300, 40))
print(entry, flush=True)
sys.stdin.readline()
print(int(meter.settle(entry, Spent(300, 60))), flush=True)
"""


def _other_process() -> subprocess.Popen[str]:
    name = connections["default"].settings_dict["NAME"]
    env = os.environ | {"DATABASE_URL": f"sqlite:///{name}", "DJANGO_SETTINGS_MODULE": "ide.settings"}
    argv = [sys.executable, "-c", OTHER]
    return subprocess.Popen(argv, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _said(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_leaves_what_it_had_drawn() -> None:
    if connections["default"].vendor != "sqlite":
        pytest.skip("the other process is given the database file")
    with _other_process() as process:
        entry = _said(process)
        assert _counted() == (340, 660)
        process.send_signal(signal.SIGKILL)
    LedgerEntry.objects.filter(pk=entry).update(held_until=timezone.now() - timedelta(seconds=1))
    assert meter.sweep() == 1
    assert _counted() == (340, 0)


@pytest.mark.django_db(transaction=True)
def test_two_processes_settle_an_entry_once() -> None:
    if connections["default"].vendor != "sqlite":
        pytest.skip("the other process is given the database file")
    with _other_process() as process:
        entry = _said(process)
        assert meter.settle(entry, Spent(300, 50))
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert _said(process) == 0
    assert _counted() == (350, 0)
