"""A workspace with one document, and a store of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings

from ide.accounts.models import Team
from ide.documents.log.store import Store
from ide.documents.models import Document
from ide.workspaces.models import Workspace


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    row = Workspace.objects.create(name="w", team=Team.objects.create(name="t"), source="empty", state="ready")
    assert str(row.folder).startswith(str(django_settings.DATA_DIR))
    row.folder.mkdir(parents=True)
    return row


@pytest.fixture
def document(workspace: Workspace) -> Document:
    return Document.objects.create(workspace=workspace, path="dir/a 😀.py")


@pytest.fixture
def store() -> Iterator[Store]:
    one = Store()
    yield one
    one.close()
