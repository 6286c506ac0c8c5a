"""The audit log in Django's admin: to read and to search."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from ide.audit.models import AuditEntry, AuditHead
from ide.desk import History


@admin.register(AuditEntry)
class AuditEntryAdmin(History):
    list_display = ("seq", "at", "act", "actor", "behalf", "team", "thing", "place", "detail")
    list_filter = ("act",)
    search_fields = ("act", "actor", "thing", "team", "place")
    date_hierarchy = "at"
    ordering: ClassVar = ("-seq",)


@admin.register(AuditHead)
class AuditHeadAdmin(History):
    list_display = ("seq", "hash")
    exclude = ("seal",)
