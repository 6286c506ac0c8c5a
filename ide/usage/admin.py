"""The ledger in Django's admin: to read, filter and search; never to change."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from ide.usage.models import LedgerEntry


@admin.register(LedgerEntry)
class LedgerEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    list_display = (
        *("created_at", "user", "workspace", "endpoint", "model", "kind", "state"),
        *("input_tokens", "cached_tokens", "output_tokens", "cost", "ttft_ms", "seconds"),
    )
    list_filter = ("state", "kind", "endpoint")
    search_fields = ("subject", "user__username", "workspace__name", "model")
    date_hierarchy = "created_at"
    list_select_related = ("user", "workspace")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LedgerEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LedgerEntry | None = None) -> bool:
        return False
