"""Workspaces in Django's admin: where they come from, where they are live. Deleting is left to the app (files)."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from ide.desk import Table
from ide.workspaces.models import Workspace


@admin.register(Workspace)
class WorkspaceAdmin(Table):
    list_display = ("name", "id", "team", "source", "state", "live", "created_by", "active_at")
    list_filter = ("state", "source", "created_at", "active_at")
    list_select_related = ("team", "created_by")
    search_fields = ("name", "id", "origin", "team__name", "created_by__username")
    readonly_fields = (
        "id",
        "team",
        "source",
        "origin",
        "state",
        "progress",
        "problem",
        "created_by",
        "created_at",
        "active_at",
        "host",
        "host_epoch",
        "host_until",
    )
    date_hierarchy = "created_at"

    @admin.display(boolean=True)
    def live(self, workspace: Workspace) -> bool:
        return workspace.host_until is not None and workspace.host_until > timezone.now()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        return False
