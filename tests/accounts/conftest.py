"""People, a team and a workspace; a person is signed in by session, as a browser would be after the sign-in page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from ide.accounts.models import Membership, Team, User
from ide.workspaces.models import Workspace

PASSWORD = "a long enough phrase"


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    """Limits on guessing are counted in the cache; each test starts from zero."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="Shop")


@pytest.fixture
def workspace(team: Team) -> Workspace:
    return Workspace.objects.create(name="shop-api", team=team, source="empty", state="ready")


@pytest.fixture
def person(team: Team) -> Callable[..., User]:
    """person("ana", "owner") → a user with that role in the team; no role: nobody here."""

    def make(name: str, role: str | None = None) -> User:
        user = User.objects.create(username=name, display_name=name.title())
        if role is not None:
            Membership.objects.create(team=team, user=user, role=role)
        return user

    return make


@pytest.fixture
def client_of() -> Callable[..., Client]:
    """A browser of its own, signed in as the person given; it checks CSRF as the server does for real ones."""

    def make(user: User | None = None, *, csrf: bool = False) -> Client:
        client = Client(enforce_csrf_checks=csrf)
        if user is not None:
            client.force_login(user)
        return client

    return make
