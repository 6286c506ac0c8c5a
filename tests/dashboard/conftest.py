"""People for the dashboard's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ide.accounts.models import User


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    def make(name: str, *, staff: bool = False) -> User:
        return User.objects.create(username=name, display_name=name.title(), is_staff=staff, is_superuser=staff)

    return make
