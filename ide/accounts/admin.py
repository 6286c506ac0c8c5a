"""People, teams, roles and links in Django's admin. No hash is shown; roles changed here are announced as anywhere."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from ide.accounts.members import announce_membership
from ide.accounts.models import AccessToken, FirstLink, Invite, Membership, Team, User
from ide.audit.log import Where, record
from ide.desk import History, HistoryInline, Table

admin.site.site_header = admin.site.site_title = "Tandem administration"
admin.site.index_title = "Everything that is stored"
# One door: the sign-in page, with its limits on guessing. The admin's own form has none.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.unregister(Group)  # rights hang on teams and roles
admin.site.unregister(EmailAddress)  # not used: people sign in by username


class TeamsOfPerson(HistoryInline):
    model = Membership
    fields = ("team", "role", "created_at")


@admin.register(User)
class PersonAdmin(UserAdmin, Table):  # type: ignore[type-arg]
    form, add_form, change_password_form = UserChangeForm, UserCreationForm, AdminPasswordChangeForm
    list_display = ("username", "display_name", "is_staff", "is_active", "teams", "last_login", "date_joined")
    list_filter = ("is_staff", "is_superuser", "is_active", "date_joined")
    search_fields = ("username", "display_name", "email")
    readonly_fields = ("set_password", "last_login", "date_joined")
    inlines = (TeamsOfPerson,)
    fieldsets = (
        (None, {"fields": ("username", "display_name", "email", "colour", "set_password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    filter_horizontal = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request)
        return found.annotate(team_count=Count("memberships"))

    @admin.display(ordering="team_count")
    def teams(self, person: User) -> int:
        return int(getattr(person, "team_count", 0))

    @admin.display(description="Password")
    def set_password(self, person: User) -> SafeString:
        """A door to a new password instead of the parts of the hash that Django shows."""
        if person.pk is None:
            return format_html("–")
        return format_html(
            '<a class="text-primary-600 underline" href="{}">Set a new password</a>',
            reverse("admin:auth_user_password_change", args=[person.pk]),
        )


class PeopleOfTeam(HistoryInline):
    model = Membership
    fields = ("user", "role", "created_at")


@admin.register(Team)
class TeamAdmin(Table):
    list_display = ("name", "id", "people", "created_at")
    search_fields = ("name", "id")
    readonly_fields = ("id", "created_at")
    inlines = (PeopleOfTeam,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        found: QuerySet[Team] = super().get_queryset(request)
        return found.annotate(people_count=Count("memberships"))

    @admin.display(ordering="people_count")
    def people(self, team: Team) -> int:
        return int(getattr(team, "people_count", 0))

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return False  # its workspaces have files on disk, which deleting rows would leave behind


@admin.register(Membership)
class MembershipAdmin(Table):
    list_display = ("user", "team", "role", "created_at")
    list_filter = ("role", "created_at")
    list_select_related = ("user", "team")
    search_fields = ("user__username", "user__display_name", "team__name", "team__id")
    autocomplete_fields = ("user", "team")
    readonly_fields = ("created_at",)

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        # Another person or team is another membership: that must not slip past those who hold roles in memory.
        return ("user", "team", "created_at") if obj else ("created_at",)

    def save_model(self, request: HttpRequest, obj: Membership, form: ModelForm[Membership], change: bool) -> None:
        super().save_model(request, obj, form, change)
        announce_membership(obj.team_id, obj.user_id, obj.role)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        announce_membership(obj.team_id, obj.user_id, None)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            self.delete_model(request, membership)


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("used", "used"), ("revoked", "withdrawn"), ("expired", "expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invite]) -> QuerySet[Invite]:
        now = timezone.now()
        match self.value():
            case "open":
                return queryset.filter(used_at=None, revoked_at=None, expires_at__gt=now)
            case "used":
                return queryset.exclude(used_at=None)
            case "revoked":
                return queryset.exclude(revoked_at=None)
            case "expired":
                return queryset.filter(used_at=None, revoked_at=None, expires_at__lte=now)
        return queryset


@admin.register(Invite)
class InviteAdmin(History):
    list_display = ("team", "role", "created_by", "created_at", "expires_at", "used_by", "used_at", "revoked_at")
    list_filter = (OpenFilter, "role", "created_at")
    list_select_related = ("team", "created_by", "used_by")
    search_fields = ("team__name", "created_by__username", "used_by__username")
    exclude = ("token_hash",)
    actions = ("withdraw",)

    @admin.action(description="Withdraw the chosen invites")
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Invite]) -> None:
        for invite in queryset.filter(used_at=None, revoked_at=None):
            record("invite.withdraw", request.user, Where(invite.team_id, f"invite {invite.pk}"))
        done = queryset.filter(used_at=None, revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"{done} withdrawn; used ones stay as they are.", messages.SUCCESS)


@admin.register(AccessToken)
class AccessTokenAdmin(History):
    list_display = ("name", "user", "scope", "team", "created_at", "used_at", "expires_at", "revoked_at")
    list_filter = ("scope", "created_at", "expires_at")
    list_select_related = ("user", "team")
    search_fields = ("name", "user__username", "team__name")
    exclude = ("token_hash",)


@admin.register(FirstLink)
class FirstLinkAdmin(History):
    list_display = ("created_at", "used_at")
    exclude = ("token_hash",)


@admin.register(LogEntry)
class LogEntryAdmin(History):
    """What administrators did in this admin."""

    list_display = ("action_time", "user", "content_type", "object_repr", "action_flag", "said")
    list_filter = ("action_flag", "content_type", "action_time")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "user__username")
    ordering: ClassVar = ("-action_time",)

    @admin.display(description="What")
    def said(self, entry: LogEntry) -> str:
        return entry.get_change_message()
