"""What administrators have said to everybody, and the servers they have emptied."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from ide.accounts.models import User


class Announcement(models.Model):
    """A message to everyone: a banner in the app until it is taken back. The newest one counts."""

    text = models.CharField(max_length=400)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.text


class Drained(models.Model):
    """A server process that opens no workspace: it is to be stopped."""

    host = models.CharField(max_length=200, unique=True, help_text="As in a workspace's lease.")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.host
