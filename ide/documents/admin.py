"""Documents in Django's admin: which there are and how they grow. Their content is never loaded, let alone shown."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest

from ide.documents.models import Document, DocumentUpdate, Snapshot


class History(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Rows the leased host writes; people only look."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Document)
class DocumentAdmin(History):
    list_display = ("path", "workspace", "id", "epoch", "seq", "on_disk", "updates", "detached", "created_at")
    list_filter = ("detached", "encoding", "created_at")
    list_select_related = ("workspace",)
    search_fields = ("path", "id", "workspace__name", "workspace__id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        found: QuerySet[Document] = super().get_queryset(request)
        return found.annotate(update_count=Count("updates"))

    @admin.display(boolean=True)
    def on_disk(self, document: Document) -> bool:
        return document.disk_seq >= document.seq

    @admin.display(ordering="update_count")
    def updates(self, document: Document) -> int:
        return int(getattr(document, "update_count", 0))


class Sized(History):
    """Rows with bytes: their number is shown, the bytes stay in the database."""

    exclude: ClassVar[tuple[str, ...]] = ("data",)
    list_select_related = ("document", "document__workspace")
    search_fields: ClassVar[tuple[str, ...]] = ("document__path", "document__id", "document__workspace__name")
    show_full_result_count = False
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)
        sized: QuerySet[Any] = found.defer("data").annotate(byte_count=Length("data"))
        return sized

    @admin.display(description="bytes", ordering="byte_count")
    def size(self, row: Any) -> int:
        return int(row.byte_count)


@admin.register(DocumentUpdate)
class DocumentUpdateAdmin(Sized):
    list_display = ("document", "epoch", "seq", "origin", "size", "created_at")
    list_filter = ("created_at",)
    search_fields = (*Sized.search_fields, "origin")
    readonly_fields = ("size",)


@admin.register(Snapshot)
class SnapshotAdmin(Sized):
    list_display = ("document", "epoch", "seq", "size", "created_at")
    list_filter = ("created_at",)
    exclude = ("data", "sha")
    readonly_fields = ("size",)
