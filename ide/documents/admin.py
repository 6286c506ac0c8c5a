"""Documents in Django's admin: which there are and how they grow. Their content is never loaded, let alone shown."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest

from ide.desk import History, Sealed
from ide.documents.log import past
from ide.documents.models import (
    Attribution,
    ClientId,
    Comment,
    CommentThread,
    Document,
    DocumentUpdate,
    Quarantined,
    Snapshot,
    Version,
)


@admin.register(Document)
class DocumentAdmin(Sealed):
    list_display = ("path", "workspace", "id", "epoch", "seq", "on_disk", "updates", "detached", "created_at")
    list_filter = ("detached", "encoding", "created_at")
    list_select_related = ("workspace",)
    search_fields = ("path", "id", "workspace__name", "workspace__id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        found: QuerySet[Document] = super().get_queryset(request)
        return found.annotate(update_count=Count("updates"))

    def passages(self, row: Document) -> list[tuple[str, str]]:
        return [(row.path, past.text_at(row.pk, row.epoch, row.seq) or "")]

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


@admin.register(Quarantined)
class QuarantinedAdmin(Sized):
    list_display = ("document", "epoch", "seq", "origin", "reason", "size", "created_at")
    list_filter = ("created_at",)
    readonly_fields = ("size",)


@admin.register(Version)
class VersionAdmin(History):
    list_display = ("document", "epoch", "first_seq", "last_seq", "origin", "added", "removed", "began_at", "ended_at")
    list_filter = ("began_at",)
    list_select_related = ("document", "document__workspace")
    search_fields = ("document__path", "document__id", "origin")
    exclude = ("text", "note")


@admin.register(ClientId)
class ClientIdAdmin(History):
    list_display = ("document", "epoch", "client", "origin", "relayed_by", "created_at")
    list_select_related = ("document", "document__workspace")
    search_fields = ("document__path", "document__id", "origin")


@admin.register(Attribution)
class AttributionAdmin(History):
    list_display = ("document", "epoch", "client", "clock", "length", "origin", "seq")
    list_select_related = ("document", "document__workspace")
    search_fields = ("document__path", "document__id", "origin")


@admin.register(CommentThread)
class CommentThreadAdmin(Sealed):
    sealed = ("quote",)
    list_display = ("id", "document", "created_by", "created_at", "resolved_by", "resolved_at")
    list_filter = ("created_at", "resolved_at")
    list_select_related = ("document", "document__workspace", "created_by", "resolved_by")
    search_fields = ("id", "document__path", "created_by__username")


@admin.register(Comment)
class CommentAdmin(Sealed):
    sealed = ("text",)
    list_display = ("id", "thread", "author", "created_at", "edited_at")
    list_filter = ("created_at",)
    list_select_related = ("thread", "author")
    search_fields = ("id", "thread__id", "author__username")
