"""The ledger counts a call once, whatever its caller repeats."""

from __future__ import annotations

import pytest

from ide.usage import meter
from ide.usage.models import LedgerEntry

pytestmark = pytest.mark.django_db


def _reserve() -> int:
    return meter.reserve(None, None, endpoint="builtin", model="small", kind="turn", subject="turn:abc", tokens=500)


def test_settling_replaces_the_reservation_by_what_was_used() -> None:
    entry = _reserve()
    meter.settle(entry, 120, 30, 85.0, 0.5)
    row = LedgerEntry.objects.get(pk=entry)
    assert (row.state, row.reserved_tokens, row.input_tokens, row.output_tokens) == ("settled", 0, 120, 30)


def test_a_second_settlement_changes_nothing() -> None:
    entry = _reserve()
    meter.settle(entry, 120, 30)
    meter.settle(entry, 999, 999)
    meter.release(entry)
    row = LedgerEntry.objects.get(pk=entry)
    assert (row.state, row.input_tokens) == ("settled", 120)


def test_releasing_gives_the_reservation_back() -> None:
    entry = _reserve()
    meter.release(entry)
    row = LedgerEntry.objects.get(pk=entry)
    assert (row.state, row.reserved_tokens, row.output_tokens) == ("released", 0, 0)
