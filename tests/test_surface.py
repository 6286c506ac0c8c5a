"""What every page tells the browser about what may run in it, and what a site behind TLS tells it about itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from ide.accounts.models import User

ROOT = Path(__file__).resolve().parent.parent


def _policy(client: Client, path: str) -> dict[str, list[str]]:
    response = client.get(path)
    assert response.status_code == 200, path
    parts = [part.split() for part in response.headers["Content-Security-Policy"].split(";")]
    return {name: sources for name, *sources in parts}


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("ana", password="a long enough phrase"))
    return client


@pytest.mark.parametrize(
    "path",
    ["/", "/w/aaaaaaaaaaaaaaaa", "/dashboard/", "/accounts/password/change/", "/admin/", "/admin/accounts/user/"],
)
def test_nothing_in_line_runs_on_any_page(staff: Client, path: str) -> None:
    policy = _policy(staff, path)
    said = " ".join(source for sources in policy.values() for source in sources)
    assert "unsafe-inline" not in said
    assert "http:" not in said
    assert "*" not in said
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    assert ("'unsafe-eval'" in policy["script-src"]) == path.startswith("/admin/")


def test_a_nonce_is_of_one_answer(staff: Client) -> None:
    nonces = {re.findall(r"'nonce-([^']+)'", str(_policy(staff, "/")))[0] for _ in range(3)}
    assert len(nonces) == 3
    page = staff.get("/")
    (nonce,) = re.findall(r'name="nonce" content="([^"]+)"', page.content.decode())
    assert f"'nonce-{nonce}'" in page.headers["Content-Security-Policy"]


def test_style_elements_of_the_admin_bear_it(staff: Client) -> None:
    page = staff.get("/admin/").content.decode()
    assert not re.findall(r"<style(?![^>]*nonce=)", page)
    assert not re.findall(r"<script(?![^>]*src=)[^>]*>\s*\S", page)


def test_a_site_behind_tls_passes_the_check_for_deployment(tmp_path: Path) -> None:
    surroundings = {**os.environ, "TANDEM_URL": "https://tandem.example", "TANDEM_DATA": str(tmp_path)}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME)"
    told = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", names],
        cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == ["__Host-session", "__Host-csrf"]
