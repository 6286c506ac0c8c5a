"""Ledger: one row for each call to a model: a reservation while it runs, what it used when it has ended.

Beside it what it adds up to: accounts, which limits are held against, and hours, which the history is drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from ide.accounts.models import Team, User
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
    subject = models.CharField(max_length=40, blank=True, db_index=True, help_text="turn:<id> or job:<id>")
    pool = models.CharField(max_length=4, blank=True, help_text="That of the endpoint then.")
    charged = models.JSONField(default=list, help_text="The accounts it counts in, by number.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RESERVED)
    reserved_tokens = models.PositiveIntegerField(default=0)
    granted_tokens = models.BigIntegerField(default=0, help_text="What its accounts count for it: until it has ended,")
    granted_cost = models.DecimalField(max_digits=14, decimal_places=8, default=0, help_text="all that it may use.")
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0, help_text="Among the input.")
    cost = models.DecimalField(
        max_digits=14, decimal_places=8, default=0, help_text="US dollars, by the endpoint's prices at that time."
    )
    held_until = models.DateTimeField(null=True, blank=True, help_text="When the reservation lapses.")
    error = models.CharField(max_length=24, blank=True, help_text="Its code, if the provider failed.")
    ttft_ms = models.FloatField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = Ledger.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.input_tokens} in, {self.output_tokens} out"


class Pool(models.TextChoices):
    """What a model's use counts against. The two are counted apart everywhere, so neither can spend the other."""

    FAST = "fast"
    DEEP = "deep"


class Kind(models.TextChoices):
    """Kinds of use, as limits and meters tell them apart."""

    TURN = "turn", "turns in sessions"
    INLINE = "inline", "inline edits"
    GHOST = "ghost", "suggestions at the cursor"
    JOB = "job", "delegated jobs"


def kind_of(entry_kind: str) -> str:
    """The kind of use an entry's kind belongs to: thinking, compacting, reading ahead and trials are part of turns."""
    return entry_kind if entry_kind in Kind.values else Kind.TURN.value


class Account(models.Model):
    """What one subject has used and holds in one pool, for one kind of use or for all: a sum of ledger entries.

    `key`: subject|pool|kind, such as `person:7|fast|` (all kinds). Reservations count in full, so that what is left is
    what may still be promised. Costs are whole hundred-millionths of a dollar. The columns of a day and a month belong
    to the ones named beside them, UTC; those of another one count as nothing.
    """

    key = models.CharField(max_length=80, unique=True)
    running = models.IntegerField(default=0, help_text="Calls under way.")
    tokens = models.BigIntegerField(default=0, help_text="Ever.")
    cost = models.BigIntegerField(default=0)
    day = models.PositiveIntegerField(default=0, help_text="As 20261123.")
    day_tokens = models.BigIntegerField(default=0)
    day_cost = models.BigIntegerField(default=0)
    month = models.PositiveIntegerField(default=0, help_text="As 202611.")
    month_tokens = models.BigIntegerField(default=0)
    month_cost = models.BigIntegerField(default=0)
    awaited_until = models.DateTimeField(
        null=True, blank=True, help_text="Somebody stands in line for its next free call."
    )

    def __str__(self) -> str:
        return self.key


class Limit(models.Model):
    """The most a subject may use: of tokens or dollars in a day or month, of tokens or requests in a minute, of calls
    at once. No amount: no limit; nothing (0): none may be made.

    `by` is the team whose maintainers have set it, or none: administrators. One for a person, team or endpoint by name
    takes the place of the same one for each of them. Both an administrator's and a team's hold.
    """

    class Of(models.TextChoices):
        SITE = "site", "the whole site"
        TEAM = "team", "each team"
        PERSON = "person", "each person"
        ENDPOINT = "endpoint", "each model"
        JOB = "job", "each job with what it delegates"

    class Measure(models.TextChoices):
        TOKENS = "tokens", "tokens read and written"
        DOLLARS = "dollars", "US dollars"
        REQUESTS = "requests", "requests"
        CALLS = "calls", "calls at once"

    class Span(models.TextChoices):
        NOW = "", "at once"
        MINUTE = "minute", "a minute"
        DAY = "day", "a day"
        MONTH = "month", "a month"
        EVER = "ever", "in all"

    by = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="own_limits")
    of = models.CharField(max_length=8, choices=Of.choices)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="limits")
    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="limits")
    endpoint = models.PositiveBigIntegerField(null=True, blank=True, help_text="Its number in the list of models.")
    pool = models.CharField(max_length=4, choices=Pool.choices, blank=True, help_text="Empty: each by itself.")
    kind = models.CharField(max_length=8, choices=Kind.choices, blank=True, help_text="Empty: all together.")
    measure = models.CharField(max_length=8, choices=Measure.choices)
    span = models.CharField(max_length=8, choices=Span.choices, blank=True)
    amount = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    changed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                *(Coalesce("by", Value("")), "of", Coalesce("team", Value("")), Coalesce("person", Value(0))),
                *(Coalesce("endpoint", Value(0)), "pool", "kind", "measure", "span"),
                name="one_limit_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.of}: {self.amount} {self.measure} {self.span}"


class Used(models.Model):
    """What calls that began in one hour (or day, or month) have used: a sum of ledger entries that have ended.

    Filled from the ledger, again and again until nothing of that hour can change; `people` have an empty user where
    the person is gone.
    """

    class Unit(models.TextChoices):
        HOUR = "hour"
        DAY = "day"
        MONTH = "month"

    unit = models.CharField(max_length=5, choices=Unit.choices, default=Unit.HOUR)
    hour = models.DateTimeField(help_text="When it begins.")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    endpoint = models.CharField(max_length=80)
    model = models.CharField(max_length=200)
    pool = models.CharField(max_length=4, blank=True)
    kind = models.CharField(max_length=12)
    calls = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cost = models.DecimalField(max_digits=16, decimal_places=8, default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["unit", "hour"], name="used_by_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}: {self.input_tokens} in, {self.output_tokens} out"
