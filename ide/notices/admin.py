"""Notices and browsers in Django's admin. What was said is sealed; addresses and keys of browsers are on no page."""

from __future__ import annotations

from django.contrib import admin

from ide.desk import History, Sealed, Table
from ide.notices.models import Browser, Notice, PushKey, Wishes


@admin.register(Notice)
class NoticeAdmin(Sealed):
    sealed = ("title", "body")
    list_display = ("created_at", "person", "kind", "workspace", "read_at", "pushed_at")
    list_filter = ("kind",)
    list_select_related = ("person",)
    date_hierarchy = "created_at"


@admin.register(Browser)
class BrowserAdmin(Table):
    """To forget one."""

    fields = readonly_fields = ("person", "name", "failures", "created_at", "told_at")
    list_display = ("name", "person", "failures", "created_at", "told_at")
    list_select_related = ("person",)


@admin.register(Wishes)
class WishesAdmin(History):
    list_display = ("person", "not_shown", "not_pushed")
    list_select_related = ("person",)


@admin.register(PushKey)
class PushKeyAdmin(History):
    fields = ("public", "created_at")
    list_display = ("public", "created_at")
