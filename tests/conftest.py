"""Ground of all tests: a data folder, a runtime folder and a database file of their own for each run.

Nothing is patched: these are settings, set before the first test.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections

from ide.db import threads


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    settings.DATA_DIR = tmp_path_factory.mktemp("data")
    settings.RUNTIME_DIR = Path(tempfile.mkdtemp(prefix="tandem-test-"))  # short: unix sockets live here
    settings.RUNNER_SOCKET = settings.RUNTIME_DIR / "runner.sock"
    yield
    shutil.rmtree(settings.RUNTIME_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A database in a file: live code works in threads of its own, which cannot share one in memory."""
    if connections["default"].vendor == "sqlite":
        connections["default"].settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("db") / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """No database can be dropped that somebody is connected to."""
    yield
    threads.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps its event loop in this thread until the session's end."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))
