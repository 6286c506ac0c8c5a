"""Ledger: one row for each call to a model, written when the call ends; reservations while it runs."""

from __future__ import annotations

from django.db import models

from ide.accounts.models import User
from ide.workspaces.models import Workspace


class LedgerEntry(models.Model):
    """Tokens of one provider call. `kind` is what it was for: turn, inline or job."""

    class State(models.TextChoices):
        RESERVED = "reserved"
        SETTLED = "settled"
        RELEASED = "released"

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
    ttft_ms = models.FloatField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.input_tokens} in, {self.output_tokens} out"
