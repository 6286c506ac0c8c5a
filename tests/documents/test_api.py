"""GET /api/workspaces/{id}/documents?path=: who gets which document, and why not."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from ide.accounts.models import Membership, User
from ide.documents.models import Document
from ide.workspaces.models import Workspace


def get(workspace: Workspace, path: str, role: str | None = "editor") -> tuple[int, dict[str, Any]]:
    user, _ = User.objects.get_or_create(username=f"as {role}")
    if role is not None:
        Membership.objects.get_or_create(team=workspace.team, user=user, role=role)
    client = Client()
    client.force_login(user)
    answer = client.get(f"/api/workspaces/{workspace.pk}/documents", {"path": path})
    return answer.status_code, answer.json()


def test_the_first_opening_makes_the_document_and_the_next_finds_it(workspace: Workspace) -> None:
    (workspace.folder / "a 😀.py").write_text("x")
    status, first = get(workspace, "a 😀.py")
    assert (status, first["path"], first["access"], first["reason"]) == (200, "a 😀.py", "edit", "")
    assert get(workspace, "a 😀.py")[1]["id"] == first["id"] == Document.objects.get().pk


def test_a_viewer_gets_it_read_only_with_the_reason(workspace: Workspace) -> None:
    (workspace.folder / "a.py").write_text("x")
    answer = get(workspace, "a.py", "viewer")[1]
    assert answer["access"] == "read"
    assert "role" in answer["reason"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("missing.py", "not_found"), ("image.png", "unreadable"), ("../a.py", "invalid"), (".git/config", "unreadable")],
)
def test_what_cannot_be_a_document_is_refused_with_the_reason_and_makes_no_row(
    workspace: Workspace, path: str, code: str
) -> None:
    (workspace.folder / "image.png").write_bytes(b"\x89PNG\0\0")
    status, problem = get(workspace, path)
    assert 400 <= status < 500
    assert problem["code"] == code
    assert problem["message"]
    assert not Document.objects.exists()


def test_a_stranger_cannot_tell_that_it_is_there(workspace: Workspace) -> None:
    (workspace.folder / "a.py").write_text("x")
    assert get(workspace, "a.py", None)[0] == 404
    assert Client().get(f"/api/workspaces/{workspace.pk}/documents", {"path": "a.py"}).status_code == 401
