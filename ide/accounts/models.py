"""User, Team, Membership, Invite and the one-time sign-in link of the first administrator."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from ide.db import new_id

PRESENCE_COLOURS = 10


class Role(models.TextChoices):
    """Ordered from most to least; `permissions.py` has what each may do."""

    OWNER = "owner"
    MAINTAINER = "maintainer"
    EDITOR = "editor"
    COMMENTER = "commenter"
    VIEWER = "viewer"


class User(AbstractUser):
    """A person. `username` is the e-mail address or a short login; `display_name` is what others see."""

    display_name = models.CharField(max_length=80, blank=True)
    colour = models.PositiveSmallIntegerField(default=0, help_text="Presence colour, 0 to 9.")
    token: AccessToken | None = None  # no column: what they act through here, if not a browser (`tokens.person_of`)

    @property
    def shown_name(self) -> str:
        return self.display_name or self.get_full_name() or self.username

    def save(self, *args: object, **kwargs: object) -> None:
        if self._state.adding and not self.colour:
            self.colour = User.objects.count() % PRESENCE_COLOURS
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class Team(models.Model):
    """People who share workspaces."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a team, and so in all its workspaces."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.EDITOR)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["team", "user"], name="one_role_per_team")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}: {self.role}"


def hash_token(token: str) -> str:
    """Tokens are stored as SHA-256 only: they have 192 random bits, so no salt or stretching is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    return secrets.token_urlsafe(24)


class Invite(models.Model):
    """A single-use link into a team; only its hash is stored."""

    LIFETIME = timedelta(days=7)

    token_hash = models.CharField(max_length=64, unique=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invites")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.EDITOR)
    goes_to = models.CharField(max_length=200, blank=True, help_text="Path opened after joining.")
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invites_made")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="invites_used")
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Invite to {self.team} as {self.role}"

    def is_open(self, now: datetime | None = None) -> bool:
        now = now or timezone.now()
        return self.used_at is None and self.revoked_at is None and now < self.expires_at


class FirstLink(models.Model):
    """The one-time link `manage.py up` prints while no administrator exists; only its hash is stored."""

    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return "used" if self.used_at else "open"


class AccessToken(models.Model):
    """Lets a client that is no browser act as a person, with no more than the person may. Stored as a hash."""

    class Scope(models.TextChoices):
        READ = "read", "Read documents"
        WRITE = "write", "Read and write documents"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_tokens")
    name = models.CharField(max_length=80, help_text="What it is for, in the person's words.")
    token_hash = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.WRITE)
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="access_tokens",
        help_text="Only there, if set.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    def is_live(self, now: datetime | None = None) -> bool:
        return self.revoked_at is None and (now or timezone.now()) < self.expires_at
