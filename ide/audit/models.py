"""AuditEntry, a row of the log that is never changed; AuditHead, where its chain ends.

People and things are named by value and not by key: a row says the same when they are gone.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.db import models

GENESIS = "0" * 64


class Readable(json.JSONEncoder):
    """JSON with its letters as they are, so that a search in it finds them."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**{**how, "ensure_ascii": False})


class AuditEntry(models.Model):
    """One act. `hash` covers every other column and the hash before it (`ide.audit.chain`)."""

    seq = models.PositiveBigIntegerField(primary_key=True, help_text="1, 2, 3 … without a gap.")
    at = models.DateTimeField(db_index=True)
    act = models.CharField(max_length=60, db_index=True, help_text="What was done: login, role.change, invite.make …")
    actor_id = models.BigIntegerField(null=True, db_index=True, help_text="The person's number; none: the server.")
    actor = models.CharField(max_length=150, blank=True, help_text="The person's username then.")
    behalf = models.CharField(max_length=120, blank=True, help_text="What acted for them: a turn, a job, a token.")
    team = models.CharField(max_length=16, blank=True, db_index=True)
    thing = models.CharField(max_length=200, blank=True, help_text="What it was done to: a kind and an id.")
    place = models.CharField(max_length=64, blank=True, help_text="Address it came from.")
    detail = models.JSONField(default=dict, encoder=Readable)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar = ["-seq"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.seq} {self.act}"


class AuditHead(models.Model):
    """The newest entry's number and hash, in one row: appending takes its lock, and a log cut at its end is found.

    `seal` is made with the server's own key: who can write the database alone cannot make a chain that fits it.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)
    seal = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"after {self.seq}"
