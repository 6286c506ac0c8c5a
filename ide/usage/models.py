"""Ledger: one row for each call to a model: a reservation while it runs, what it used when it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import models
from django.db.models import Q, Sum
from django.utils import timezone

from ide.accounts.models import User
from ide.workspaces.models import Workspace

HELD = timedelta(minutes=15)  # a reservation without a sign of life; the longest wait for a first token is far shorter


@dataclass(frozen=True)
class Totals:
    """`held`: tokens that running calls may still use; what they have drawn is among the others already."""

    input_tokens: int
    output_tokens: int
    held: int
    cost: Decimal


class Ledger(models.QuerySet["LedgerEntry"]):
    def used(self) -> Ledger:
        """Calls that have ended with something to pay for, also those whose process died in the middle."""
        return self.filter(state__in=[LedgerEntry.State.SETTLED, LedgerEntry.State.EXPIRED])

    def lapsed(self) -> Ledger:
        """Reservations whose time has passed: their process died."""
        now = timezone.now()
        unsaid = Q(held_until=None, created_at__lt=now - HELD)
        return self.filter(unsaid | Q(held_until__lt=now), state=LedgerEntry.State.RESERVED)

    def totals(self) -> Totals:
        """Each token once: what is drawn from a reservation is no longer held by it."""
        columns = {"read": "input_tokens", "written": "output_tokens", "held": "reserved_tokens", "cost": "cost"}
        sums = self.exclude(state=LedgerEntry.State.RELEASED).aggregate(
            **{name: Sum(column) for name, column in columns.items()}
        )
        return Totals(sums["read"] or 0, sums["written"] or 0, sums["held"] or 0, sums["cost"] or Decimal(0))


class LedgerEntry(models.Model):
    """Tokens of one provider call. `kind`: turn, think, inline, ghost, commit, job, warm (read ahead) or test.

    RESERVED → SETTLED, RELEASED (nothing came) or EXPIRED (nobody said how it ended; what was drawn counts).
    """

    class State(models.TextChoices):
        RESERVED = "reserved"
        SETTLED = "settled"
        RELEASED = "released"
        EXPIRED = "expired"

    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="ledger")
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.SET_NULL, related_name="ledger")
    endpoint = models.CharField(max_length=80)
    model = models.CharField(max_length=200)
    kind = models.CharField(max_length=12)
    subject = models.CharField(max_length=40, blank=True, help_text="turn:<id> or job:<id>")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RESERVED)
    reserved_tokens = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0, help_text="Among the input.")
    cost = models.DecimalField(
        max_digits=14, decimal_places=8, default=0, help_text="US dollars, by the endpoint's prices at that time."
    )
    held_until = models.DateTimeField(null=True, blank=True, help_text="When the reservation lapses.")
    ttft_ms = models.FloatField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = Ledger.as_manager()

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.input_tokens} in, {self.output_tokens} out"
