"""The ledger in Django's admin: to read, filter and search; never to change."""

from __future__ import annotations

from django.contrib import admin

from ide.desk import History
from ide.usage.models import Account, LedgerEntry, Limit, Used


@admin.register(LedgerEntry)
class LedgerEntryAdmin(History):
    list_display = (
        *("created_at", "user", "workspace", "endpoint", "model", "kind", "state"),
        *("input_tokens", "cached_tokens", "output_tokens", "cost", "ttft_ms", "seconds"),
    )
    list_filter = ("state", "kind", "endpoint")
    search_fields = ("subject", "user__username", "workspace__name", "model")
    date_hierarchy = "created_at"
    list_select_related = ("user", "workspace")


@admin.register(Limit)
class LimitAdmin(History):
    """To look at: they are set on the dashboard and in a team's meters, where what they mean is checked."""

    list_display = ("__str__", "by", "of", "team", "person", "pool", "kind", "measure", "span", "amount", "changed_by")
    list_filter = ("of", "measure", "span", "pool", "kind")
    list_select_related = ("by", "team", "person", "changed_by")


@admin.register(Account)
class AccountAdmin(History):
    list_display = ("key", "running", "tokens", "cost", "day", "day_tokens", "day_cost", "month", "month_tokens")
    search_fields = ("key",)


@admin.register(Used)
class UsedAdmin(History):
    list_display = (
        *("hour", "team", "user", "endpoint", "model", "pool", "kind", "calls"),
        *("input_tokens", "output_tokens", "cached_tokens", "cost"),
    )
    list_filter = ("endpoint", "kind", "pool")
    date_hierarchy = "hour"
    list_select_related = ("team", "user")
