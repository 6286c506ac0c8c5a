"""`manage.py new_epoch` and servers: one that is gone is waited for, one that runs is not disturbed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.utils import timezone

from ide.accounts.models import Team
from ide.workspaces.models import Workspace

pytestmark = pytest.mark.django_db(transaction=True)


def claim(seconds: float) -> None:
    until = timezone.now() + timedelta(seconds=seconds)
    Workspace.objects.update(host="h1", host_until=until)


@pytest.fixture
def _workspace() -> None:
    Workspace.objects.create(team=Team.objects.create(name="t"), name="w")


@pytest.fixture
def _renewing(_workspace: None) -> Iterator[None]:
    """A server that keeps its claim."""
    claim(60)
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(0.1):
            claim(60)
        connections.close_all()

    server = threading.Thread(target=renew)
    server.start()
    yield
    ended.set()
    server.join()


@pytest.mark.usefixtures("_workspace")
def test_the_claim_of_a_server_that_is_gone_runs_out() -> None:
    claim(0.5)
    out = StringIO()
    call_command("new_epoch", "--all", stdout=out, stderr=StringIO())
    assert "0 documents have a new epoch." in out.getvalue()


@pytest.mark.usefixtures("_renewing")
def test_a_server_that_runs_is_to_be_stopped_first() -> None:
    with pytest.raises(CommandError, match="“w” is live"):
        call_command("new_epoch", "--all", stderr=StringIO())
