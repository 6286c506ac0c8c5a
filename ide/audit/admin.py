"""The audit log in Django's admin: to read and to search."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from ide.audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    list_display = ("seq", "at", "act", "actor", "behalf", "team", "thing", "place", "detail")
    list_filter = ("act",)
    search_fields = ("act", "actor", "thing", "team", "place")
    date_hierarchy = "at"
    ordering: ClassVar = ("-seq",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
