"""The host's questions to the database, as functions for a database thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ide.accounts import tokens
from ide.accounts.models import Membership, User
from ide.documents.models import Document
from ide.workspaces.models import Workspace


def workspace(workspace_id: str) -> Workspace | None:
    return Workspace.objects.filter(pk=workspace_id).first()


def document(workspace_id: str, document_id: str) -> Document | None:
    return Document.objects.filter(workspace_id=workspace_id, pk=document_id).first()


def id_of(workspace_id: str, path: str) -> str | None:
    """The id of the document of a path."""
    return Document.objects.filter(workspace_id=workspace_id, path=path).values_list("pk", flat=True).first()


def make(workspace_id: str, path: str) -> str:
    return str(Document.objects.get_or_create(workspace_id=workspace_id, path=path)[0].pk)


def has_room_for(workspace_id: str, document_id: str, path: str) -> bool:
    """Whether no other document has its file at a path; one that lost its file makes room."""
    others = Document.objects.filter(workspace_id=workspace_id, path=path, detached=False).exclude(pk=document_id)
    return not others.exists()


def move(workspace_id: str, path: str, to: str) -> None:
    """Documents follow a file or a folder that was renamed."""
    rows = Document.objects.filter(workspace_id=workspace_id)
    for row in [*rows.filter(path=path), *rows.filter(path__startswith=path + "/")]:
        target = to + row.path[len(path) :]
        # A move never replaces a file, so a document of that path lost its file before: it makes room.
        for stale in rows.filter(path=target):
            rows.filter(pk=stale.pk).update(path=f"{target}#{stale.pk}", detached=True)
        rows.filter(pk=row.pk).update(path=target)


def roles(team_id: str, users: set[int]) -> dict[int, str]:
    members = Membership.objects.filter(team_id=team_id, user_id__in=users, user__is_active=True)
    return dict(members.values_list("user_id", "role"))


def ended(sessions: Mapping[str, int]) -> set[str]:
    """Of browser sessions (key → user): those signed out, expired, or from before the password was changed."""
    users = User.objects.filter(is_active=True).in_bulk(set(sessions.values()))
    found = Session.objects.filter(session_key__in=sessions, expire_date__gt=timezone.now())
    good = {row.session_key for row in found if _is_of(users.get(sessions[row.session_key]), row.get_decoded())}
    return set(sessions) - good


def _is_of(user: User | None, data: Mapping[str, Any]) -> bool:
    if user is None or data.get(SESSION_KEY) != str(user.pk):
        return False
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(str(data.get(HASH_SESSION_KEY, "")), one) for one in hashes)


def ended_tokens(ids: set[str]) -> set[str]:
    """Of access tokens: those revoked or expired."""
    return tokens.ended(ids) if ids else set()


def workspaces_of_person(user_id: int) -> list[str]:
    teams = Membership.objects.filter(user_id=user_id).values("team_id")
    return list(Workspace.objects.filter(team_id__in=teams).values_list("pk", flat=True))


def workspaces_of(team_id: str) -> list[str]:
    return list(Workspace.objects.filter(team_id=team_id).values_list("pk", flat=True))
