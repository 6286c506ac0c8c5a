"""What a workspace's maintainers set for the worktrees of its jobs."""

from __future__ import annotations

from django.db import models

from ide.workspaces.models import Workspace


class WorktreeRules(models.Model):
    """How a worktree is set up, and what its commands may reach. No row: nothing is, and nothing."""

    workspace = models.OneToOneField(
        Workspace, primary_key=True, on_delete=models.CASCADE, related_name="worktree_rules"
    )
    setup_command = models.TextField(blank=True, help_text="Run in a new worktree before a job's first step.")
    setup_env = models.TextField(blank=True, help_text="Variables of its commands, encrypted: values may be secrets.")
    egress = models.JSONField(default=list, blank=True, help_text="Hosts its commands may reach.")

    class Meta:
        verbose_name_plural = "worktree rules"

    def __str__(self) -> str:
        return f"worktrees of {self.workspace_id}"

    @property
    def team_id(self) -> str:
        return self.workspace.team_id
