"""The kinds of tables Django's admin is made of here: to change, to look at, and sealed.

Two roles of staff: who is staff looks, who is a superuser changes. What people wrote stays out of every page: it is
read one row at a time, with a reason that goes into the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from ide.audit.log import Where, record

MOST_SHOWN = 200_000  # characters of one field


class Table(ModelAdmin):  # type: ignore[misc]  # without types
    """Rows that administrators change and other staff see."""

    compressed_fields = True
    list_filter_submit = False
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_staff

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_staff

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser


class History(Table):
    """What happened: nobody adds, changes or deletes it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class HistoryInline(TabularInline):  # type: ignore[misc]  # without types
    """Rows of a row, to look at."""

    extra = 0
    can_delete = False
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        return tuple(self.fields or ())

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_staff

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Reason(forms.Form):
    reason = forms.CharField(
        min_length=10,
        max_length=300,
        label="Why do you need to read this?",
        help_text="It is kept in the audit log with your name; owners of the workspace can be shown it.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class Sealed(History):
    """What people and models wrote: its fields in `sealed` are on no page but one, which asks for a reason."""

    sealed: ClassVar[tuple[str, ...]] = ()

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return (*(super().get_exclude(request, obj) or ()), *self.sealed)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        return (*super().get_readonly_fields(request, obj), "content")

    def content(self, row: Model) -> SafeString:
        door = reverse(self._door(), args=[row.pk])
        return format_html('<a class="text-primary-600 underline" href="{}">Read it, with a reason</a>', door)

    def get_urls(self) -> list[URLPattern]:
        door = path("<path:key>/read/", self.admin_site.admin_view(self.read), name=self._door().removeprefix("admin:"))
        return [door, *super().get_urls()]

    def _door(self) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_read"

    def passages(self, row: Any) -> list[tuple[str, str]]:
        """What is read: headings and texts."""
        return [(name, str(getattr(row, name))[:MOST_SHOWN]) for name in self.sealed]

    def read(self, request: HttpRequest, key: str) -> HttpResponse:
        """Ask for the reason; with one, record it and show the row's content, this once."""
        if not request.user.is_superuser:
            raise PermissionDenied
        row = self.get_object(request, key)
        if row is None:
            raise Http404
        form = Reason(request.POST or None)
        passages = None
        if request.method == "POST" and form.is_valid():
            thing = f"{self.opts.model_name} {row.pk}"
            record("staff.read", request.user, Where(thing=thing), reason=form.cleaned_data["reason"])
            passages = self.passages(row)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Read {self.opts.verbose_name}",
        }
        shown = {**context, "form": form, "row": row, "passages": passages}
        return render(request, "admin/read.html", shown, status=422 if form.errors else 200)
