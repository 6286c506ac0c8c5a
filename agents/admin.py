"""Models, sessions, turns, jobs and proposals in Django's admin: endpoints to configure, the rest to read."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from agents.endpoints.keys import encrypt
from agents.models import (
    Compaction,
    Endpoint,
    FileAct,
    Item,
    Job,
    JobEvent,
    Merge,
    Picture,
    Proposal,
    QueueEntry,
    RoleEndpoint,
    Session,
    SessionRules,
    Step,
    Takeover,
    Turn,
    Wake,
    WorktreeRules,
)
from ide.desk import History, HistoryInline, Sealed, Table


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The key can be written, never read: it is not sent back, and an empty field leaves it as it is."""

    key = forms.CharField(
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text="Stored encrypted and never shown again. Leave empty to keep the present one.",
    )

    class Meta:
        model = Endpoint
        fields = (
            "name",
            "dialect",
            "team",
            "person",
            "base_url",
            "own_network",
            "model",
            "drives_tools",
            "window",
            "price_input",
            "price_cached",
            "price_output",
            "extra",
            "abilities",
            "enabled",
            "rank",
        )

    def save(self, commit: bool = True) -> Endpoint:
        if self.cleaned_data.get("key"):
            self.instance.key_encrypted = encrypt(self.cleaned_data["key"])
        return super().save(commit)  # type: ignore[no-any-return]


@admin.register(Endpoint)
class EndpointAdmin(Table):
    form = EndpointForm
    list_display = (
        "name",
        "model",
        "dialect",
        "base_url",
        "enabled",
        "rank",
        "drives_tools",
        "has_key",
        "failures",
        "resting_until",
    )
    list_filter = ("enabled", "dialect", "drives_tools")
    list_editable = ("enabled", "rank")
    search_fields = ("name", "model", "base_url")

    @admin.display(boolean=True, description="key")
    def has_key(self, row: Endpoint) -> bool:
        return bool(row.key_encrypted)


@admin.register(RoleEndpoint)
class RoleEndpointAdmin(Table):
    list_display = ("role", "team", "rank", "endpoint", "fall_over")
    list_filter = ("role",)
    list_editable = ("rank", "fall_over")


class TurnsOfSession(HistoryInline):
    model = Turn
    fields = (
        "kind",
        "state",
        "owner",
        "endpoint",
        "input_tokens",
        "output_tokens",
        "ttft_ms",
        "started_at",
        "ended_at",
    )


class ItemsOfTurn(HistoryInline):
    model = Item
    fields = ("position", "kind", "author", "created_at")


class StepsOfJob(HistoryInline):
    model = Step
    fields = ("position", "name", "state", "error", "started_at", "ended_at")


@admin.register(Session)
class SessionAdmin(History):
    list_display = ("__str__", "workspace", "created_by", "created_at", "active_at")
    list_filter = ("created_at",)
    search_fields = ("id", "title", "workspace__name", "created_by__username")
    list_select_related = ("workspace", "created_by")
    inlines = (TurnsOfSession,)


@admin.register(Turn)
class TurnAdmin(History):
    list_display = (
        *("id", "kind", "state", "owner", "endpoint", "input_tokens", "output_tokens", "ttft_ms", "seconds"),
        *("started_at", "error"),
    )
    list_filter = ("state", "kind", "endpoint")
    search_fields = ("id", "session__title", "owner__username", "error")
    date_hierarchy = "started_at"
    list_select_related = ("owner", "endpoint")
    inlines = (ItemsOfTurn,)


@admin.register(Item)
class ItemAdmin(Sealed):
    sealed = ("data",)
    list_display = ("id", "kind", "turn", "position", "author", "created_at")
    list_filter = ("kind",)
    search_fields = ("id", "turn__id")
    list_select_related = ("turn", "author")


@admin.register(Job)
class JobAdmin(Sealed):
    sealed = ("instruction", "question", "plan")
    list_display = (
        *("id", "kind", "state", "workspace", "owner", "endpoint", "phase", "done", "total", "attempt"),
        *("input_tokens", "output_tokens", "lease_owner", "created_at", "ended_at"),
    )
    list_filter = ("state", "kind", "endpoint")
    search_fields = ("id", "workspace__name", "owner__username", "error")
    date_hierarchy = "created_at"
    list_select_related = ("workspace", "owner", "endpoint")
    inlines = (StepsOfJob,)


@admin.register(Step)
class StepAdmin(Sealed):
    sealed = ("data",)
    list_display = ("job", "position", "name", "state", "started_at", "ended_at", "error")
    list_filter = ("state",)
    search_fields = ("job__id", "name", "error")
    list_select_related = ("job",)


@admin.register(JobEvent)
class JobEventAdmin(Sealed):
    sealed = ("data",)
    list_display = ("id", "job", "kind", "created_at")
    list_filter = ("kind",)
    search_fields = ("job__id",)
    list_select_related = ("job",)


@admin.register(Proposal)
class ProposalAdmin(Sealed):
    sealed = ("base", "proposed")
    list_display = ("id", "document", "workspace", "state", "accepted", "rejected", "turn", "job", "created_at")
    list_filter = ("state",)
    search_fields = ("id", "document__path", "workspace__name")
    list_select_related = ("document", "workspace", "turn", "job")


@admin.register(FileAct)
class FileActAdmin(History):
    list_display = ("id", "kind", "state", "path", "to", "workspace", "turn", "created_at")
    list_filter = ("kind", "state")
    search_fields = ("id", "path", "workspace__name")
    list_select_related = ("workspace", "turn")
    exclude = ("data",)


@admin.register(QueueEntry)
class QueueEntryAdmin(Sealed):
    sealed = ("data",)
    list_display = ("id", "session", "author", "created_at")
    search_fields = ("id", "session__title", "author__username")
    list_select_related = ("session", "author")


@admin.register(Compaction)
class CompactionAdmin(Sealed):
    sealed = ("summary",)
    list_display = ("id", "session", "created_at")
    search_fields = ("id", "session__title")
    list_select_related = ("session",)


@admin.register(Picture)
class PictureAdmin(History):
    list_display = ("id", "workspace", "media_type", "width", "height", "created_at")
    search_fields = ("id", "workspace__name")
    list_select_related = ("workspace",)
    exclude = ("data",)


@admin.register(SessionRules)
class SessionRulesAdmin(Table):
    list_display = ("workspace", "wait", "compact_at", "ghost")
    search_fields = ("workspace__name", "workspace__id")
    autocomplete_fields = ("workspace",)


@admin.register(WorktreeRules)
class WorktreeRulesAdmin(Table):
    list_display = ("workspace", "setup_command", "egress")
    search_fields = ("workspace__name", "workspace__id")
    autocomplete_fields = ("workspace",)
    exclude = ("setup_env",)


@admin.register(Merge)
class MergeAdmin(History):
    list_display = ("job", "by", "state", "head", "branch", "old", "new", "created_at")
    list_filter = ("state", "created_at")
    search_fields = ("job__id", "head", "new", "branch")
    list_select_related = ("job", "by")
    exclude = ("wish", "places")


@admin.register(Takeover)
class TakeoverAdmin(History):
    list_display = ("job", "by", "head", "created_at")
    search_fields = ("job__id", "by__username")
    list_select_related = ("job", "by")


@admin.register(Wake)
class WakeAdmin(History):
    """Wake-ups for workers that were not sent yet."""

    list_display = ("job", "due_at", "sent")
    list_select_related = ("job",)
