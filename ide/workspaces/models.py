"""Workspace: a repository on the server, its team, and the lease of the host that holds it live."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models

from ide.accounts.models import Team, User
from ide.db import new_id


class Workspace(models.Model):
    """A git repository people share. Its files lie in `folder`; the name of that folder is the random id."""

    class State(models.TextChoices):
        CREATING = "creating"
        READY = "ready"
        FAILED = "failed"

    class Source(models.TextChoices):
        GIT = "git", "clone URL"
        LOCAL = "local", "path on the server"
        UPLOAD = "upload", "uploaded archive"
        SAMPLE = "sample", "sample repository"
        EMPTY = "empty", "empty folder"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="workspaces")
    source = models.CharField(max_length=8, choices=Source.choices)
    origin = models.CharField(max_length=2000, blank=True, help_text="Clone URL or path, without credentials.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.CREATING)
    progress = models.CharField(max_length=200, blank=True, help_text="What creation is doing now.")
    problem = models.TextField(blank=True, help_text="Why creation failed, and what to do.")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    active_at = models.DateTimeField(auto_now_add=True)
    host = models.CharField(max_length=200, blank=True, help_text="Process that holds it live.")
    host_epoch = models.PositiveIntegerField(default=0)
    host_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        return Path(settings.DATA_DIR) / "workspaces" / self.id
