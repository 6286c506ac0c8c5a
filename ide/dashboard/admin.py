"""What was announced to everyone, and which hosts take no more workspaces, in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from ide.dashboard.models import Announcement, Drained
from ide.desk import History


@admin.register(Announcement)
class AnnouncementAdmin(History):
    list_display = ("text", "by", "at", "ended_at")
    list_filter = ("at",)
    search_fields = ("text", "by__username")
    list_select_related = ("by",)


@admin.register(Drained)
class DrainedAdmin(History):
    list_display = ("host", "by", "at")
    search_fields = ("host",)
    list_select_related = ("by",)
