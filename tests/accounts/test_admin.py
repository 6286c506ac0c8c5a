"""Django's admin: every list opens, no secret and no content is shown, history is not edited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pycrdt import Doc, Text

from ide.accounts import tokens
from ide.accounts.invites import make_invite
from ide.accounts.members import on_membership_change
from ide.accounts.models import AccessToken, FirstLink, Invite, Membership, User
from ide.audit.models import AuditEntry
from ide.documents.models import Document, DocumentUpdate, Snapshot
from ide.workspaces.models import Workspace

ClientOf = Callable[..., Client]
Person = Callable[..., User]
SECRET_TEXT = b"print('nobody may read this here')"
PAGES = [
    "audit_auditentry accounts_accesstoken",
    "accounts_user accounts_team accounts_membership accounts_invite accounts_firstlink workspaces_workspace",
    "documents_document documents_documentupdate documents_snapshot admin_logentry",
]
NAMES = " ".join(PAGES).split()


@pytest.fixture
def admin(client_of: ClientOf, person: Person, workspace: Workspace) -> Client:
    """A superuser's browser, with at least one row of everything."""
    root = person("root", "owner")
    root.is_staff = root.is_superuser = True
    root.set_password("a long enough phrase")
    root.save()
    make_invite(root, workspace.team_id, "editor")
    tokens.make(root, "laptop", "read", 1, None)
    FirstLink.objects.create(token_hash="f" * 64)
    document = Document.objects.create(workspace=workspace, path="app.py", seq=2)
    now = timezone.now()
    DocumentUpdate.objects.create(document=document, epoch=1, seq=1, data=SECRET_TEXT, origin="seed", created_at=now)
    Snapshot.objects.create(document=document, epoch=1, seq=1, data=SECRET_TEXT, sha="a" * 64)
    LogEntry.objects.create(user=root, object_repr="something", action_flag=2, change_message="looked")
    return client_of(root)


def secrets() -> list[str]:
    hashes = [
        *Invite.objects.values_list("token_hash", flat=True),
        *FirstLink.objects.values_list("token_hash", flat=True),
        *AccessToken.objects.values_list("token_hash", flat=True),
    ]
    password = User.objects.get(username="root").password
    return [*hashes, password, password.rsplit("$", 1)[1][:6], SECRET_TEXT.decode()[7:20], "argon2"]


@pytest.mark.parametrize("name", NAMES)
def test_lists_and_rows_open_without_secrets(admin: Client, name: str) -> None:
    path = reverse(f"admin:{name}_changelist")
    listed = admin.get(path, {"q": "a"} if name != "accounts_firstlink" else {})
    assert listed.status_code == 200
    pages = [listed, admin.get(path)]
    rows = list(admin.get(path).context["cl"].result_list)
    assert rows
    pages += [admin.get(reverse(f"admin:{name}_change", args=[row.pk])) for row in rows]
    for page in pages:
        assert page.status_code == 200
        text = page.content.decode()
        assert not [secret for secret in secrets() if secret in text]


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("documents_") or n == "admin_logentry"])
def test_histories_cannot_be_edited(admin: Client, name: str) -> None:
    row = admin.get(reverse(f"admin:{name}_changelist")).context["cl"].result_list[0]
    assert admin.post(reverse(f"admin:{name}_change", args=[row.pk]), {"origin": "forged"}).status_code == 403
    assert admin.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert admin.get(reverse(f"admin:{name}_add")).status_code == 403


def test_invites_can_be_withdrawn(admin: Client, client_of: ClientOf, person: Person, workspace: Workspace) -> None:
    path, invite = make_invite(User.objects.get(username="root"), workspace.team_id, "viewer")
    form = {"action": "withdraw", "_selected_action": [invite.pk]}
    admin.post(reverse("admin:accounts_invite_changelist"), form)
    assert client_of().get(path).status_code == 409


@pytest.mark.parametrize("state", ["open", "used", "revoked", "expired"])
def test_invites_are_filtered_by_state(admin: Client, workspace: Workspace, state: str) -> None:
    root, now = User.objects.get(username="root"), timezone.now()
    changes = {"used": {"used_at": now}, "revoked": {"revoked_at": now}, "expired": {"expires_at": now - timedelta(1)}}
    Invite.objects.all().delete()
    made = {key: make_invite(root, workspace.team_id, "viewer")[1].pk for key in ("open", *changes)}
    for key, change in changes.items():
        Invite.objects.filter(pk=made[key]).update(**change)
    found = admin.get(reverse("admin:accounts_invite_changelist"), {"state": state}).context["cl"].result_list
    assert [invite.pk for invite in found] == [made[state]]


def test_a_role_changed_here_is_announced(
    admin: Client, person: Person, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    heard: list[tuple[str, int, str | None]] = []
    on_membership_change(lambda *change: heard.append(change))
    ben = person("ben", "editor")
    row = Membership.objects.get(user=ben)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        admin.post(reverse("admin:accounts_membership_change", args=[row.pk]), {"role": "viewer"})
        admin.post(reverse("admin:accounts_membership_delete", args=[row.pk]), {"post": "yes"})
    assert heard == [(row.team_id, ben.pk, "viewer"), (row.team_id, ben.pk, None)]


def test_a_new_password_can_be_set_for_a_person(admin: Client, client_of: ClientOf, person: Person) -> None:
    ben = person("ben", "editor")
    page = admin.get(reverse("admin:accounts_user_change", args=[ben.pk])).content.decode()
    door = reverse("admin:auth_user_password_change", args=[ben.pk])
    assert door in page
    new = "quite another phrase"
    admin.post(door, {"password1": new, "password2": new, "usable_password": "true"})
    ben.refresh_from_db()
    assert ben.check_password(new)


def test_the_admin_uses_the_one_sign_in_page(client_of: ClientOf, person: Person) -> None:
    assert client_of().get("/admin/login/")["Location"].startswith("/accounts/login/")
    assert client_of(person("ben", "owner")).get("/admin/login/").status_code == 403


OURS = {config.label for config in apps.get_app_configs() if config.name.split(".")[0] in ("ide", "agents")}


def test_every_table_of_ours_has_its_pages(admin: Client) -> None:
    ours = [model for model in apps.get_models() if model._meta.app_label in OURS]
    missing = [model._meta.label for model in ours if model not in site._registry]
    assert not missing
    for model in ours:
        page = admin.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        assert page.status_code == 200, model


def test_a_text_is_read_with_a_reason_only_and_that_is_recorded(admin: Client, person: Person) -> None:
    document = Document.objects.get()
    door = reverse("admin:documents_document_read", args=[document.pk])
    text = Text("nobody may read this here")
    replica = Doc({"text": text})
    Document.objects.update(seq=1)
    DocumentUpdate.objects.filter(document=document).delete()
    Snapshot.objects.all().delete()
    DocumentUpdate.objects.create(
        document=document, epoch=1, seq=1, data=replica.get_update(), origin="seed", created_at=timezone.now()
    )
    assert door in admin.get(reverse("admin:documents_document_change", args=[document.pk])).content.decode()
    assert "nobody may read" not in admin.get(door).content.decode()
    refused = admin.post(door, {"reason": "because"})
    assert refused.status_code == 422
    assert not AuditEntry.objects.filter(act="staff.read").exists()
    assert "nobody may read this here" in admin.post(door, {"reason": "A customer asked for it"}).content.decode()
    entry = AuditEntry.objects.get(act="staff.read")
    assert entry.actor == "root"
    assert entry.detail == {"reason": "A customer asked for it"}
    assert entry.thing == f"document {document.pk}"


def test_staff_look_and_administrators_change(client_of: ClientOf, admin: Client, person: Person) -> None:
    olga = person("olga")
    olga.is_staff = True
    olga.save()
    looks = client_of(olga)
    assert looks.get(reverse("admin:accounts_user_changelist")).status_code == 200
    page = reverse("admin:accounts_user_change", args=[olga.pk])
    assert looks.get(page).status_code == 200
    assert looks.post(page, {"username": "olga", "is_superuser": "on"}).status_code == 403
    assert looks.get(reverse("admin:accounts_user_add")).status_code == 403
    assert looks.get(reverse("admin:documents_document_read", args=[Document.objects.get().pk])).status_code == 403
    olga.refresh_from_db()
    assert not olga.is_superuser
