"""Endpoints of models, and which of them serves what."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from ide.accounts.models import Team, User


class Endpoint(models.Model):
    """A configured provider, key and model: of the whole site, or of one team or person."""

    class Dialect(models.TextChoices):
        RESPONSES = "responses", "Responses (OpenAI, Open Responses)"
        CHAT = "chat", "chat completions"
        ANTHROPIC = "anthropic", "Anthropic messages"
        SCRIPTED = "scripted", "scripted (tests and demos)"

    class Pool(models.TextChoices):
        FAST = "fast", "fast: turns at the speed of typing"
        DEEP = "deep", "deep: slower, for longer work"

    name = models.CharField(max_length=80)
    dialect = models.CharField(max_length=12, choices=Dialect.choices, default=Dialect.CHAT)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="endpoints", help_text="Only for this team."
    )
    person = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="endpoints",
        help_text="Only for this person.",
    )
    base_url = models.CharField(max_length=500, blank=True)
    model = models.CharField(max_length=200)
    key_encrypted = models.BinaryField(blank=True, default=b"", editable=False)
    drives_tools = models.BooleanField(default=True, help_text="Whether it can call tools reliably.")
    builtin = models.BooleanField(default=False, help_text="The small model that ships with Tandem.")
    own_network = models.BooleanField(
        default=False, help_text="May lie inside the server's own network: found or configured by its operator."
    )
    window = models.PositiveIntegerField(default=128_000, help_text="Tokens.")
    abilities = models.JSONField(default=dict, blank=True, help_text="As probed; see agents/endpoints/abilities.py.")
    probed_at = models.DateTimeField(null=True, blank=True)
    extra = models.JSONField(default=dict, blank=True, help_text="Fields of every request, such as service_tier.")
    price_input = models.DecimalField(
        max_digits=10, decimal_places=4, default=0, help_text="US dollars for a million tokens."
    )
    price_cached = models.DecimalField(
        max_digits=10, decimal_places=4, default=0, help_text="The same, read from a cache."
    )
    price_output = models.DecimalField(max_digits=10, decimal_places=4, default=0)
    bytes_per_token = models.FloatField(default=4.0, help_text="Learned from what the provider counts.")
    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row.")
    resting_until = models.DateTimeField(null=True, blank=True, help_text="Not asked before: it has failed too often.")
    problem = models.TextField(blank=True, help_text="What went wrong last.")
    pool = models.CharField(
        max_length=4,
        choices=Pool.choices,
        default=Pool.DEEP,
        help_text="What its use counts against, apart from others.",
    )
    limit_concurrent = models.PositiveSmallIntegerField(default=0, help_text="Calls at once; 0: no limit.")
    limit_requests = models.PositiveIntegerField(default=0, help_text="A minute; 0: no limit.")
    limit_tokens = models.PositiveIntegerField(default=0, help_text="A minute, read and written; 0: no limit.")
    enabled = models.BooleanField(default=True)
    rank = models.IntegerField(default=100, help_text="The enabled endpoint with the lowest rank is the default.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["rank", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "name", Coalesce("team", Value("")), Coalesce("person", Value(0)), name="one_endpoint_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def resting(self) -> bool:
        return self.resting_until is not None and self.resting_until > timezone.now()


class RoleEndpoint(models.Model):
    """Which endpoint serves a role: of the site, or of one team. Several are tried in the order of their rank."""

    class Role(models.TextChoices):
        TURN = "turn", "turns in a session"
        INLINE = "inline", "inline edits"
        GHOST = "ghost", "suggestions at the cursor"
        JOB = "job", "delegated jobs"
        REVIEW = "review", "reviews"
        THINK = "think", "a deep look within a turn"

    role = models.CharField(max_length=8, choices=Role.choices)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="model_roles")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="roles")
    rank = models.PositiveSmallIntegerField(default=0)
    fall_over = models.BooleanField(default=False, help_text="Go on to the next endpoint when this one fails.")

    class Meta:
        ordering: ClassVar = ["role", "rank", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "role", Coalesce("team", Value("")), "endpoint", name="one_rank_per_role_and_endpoint"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.endpoint}"
