"""`manage.py up` as a user starts it: one link, ends clean, says what is wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client import Person
from tests.site import ROOT, Site

pytestmark = pytest.mark.e2e


def run_up(data: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`up` where it is expected to refuse."""
    plain = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={**plain, "TANDEM_DATA": str(data), **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_starts_prints_one_link_starts_again_quickly_and_leaves_nothing(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        assert "/welcome/" in site.link
        assert sum("Open http" in line for line in site.lines) == 1
    assert site.process.returncode == 0
    assert site.left() == []
    with Site(tmp_path) as again:
        assert "/welcome/" in again.link, "nobody has used the first link, so there is a new one"
        assert again.link.rsplit("/", 1)[1] != site.link.rsplit("/", 1)[1]
    assert again.left() == []


def test_uvicorn_serves_the_same_application(tmp_path: Path) -> None:
    async def two_tabs(site: Site) -> None:
        async with await Person.new(site.link, "ana") as ana:
            workspace = await ana.workspace("smoke")
            one, two = [await ana.tab(workspace["id"]) for _ in range(2)]
            mine, other = [await tab.open("shop/basket.py") for tab in (one, two)]
            await mine.append("# through uvicorn 🦄\n")
            await other.shows("# through uvicorn 🦄")
            await mine.saved()
            for tab in (one, two):
                await tab.close()

    with Site(tmp_path, TANDEM_SERVER="uvicorn", TANDEM_BUILTIN_MODEL="false") as site:
        asyncio.run(two_tabs(site))
    assert site.left() == []


def test_killed_outright_it_leaves_no_part_behind(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.start()
    os.kill(site.process.pid, signal.SIGKILL)
    site.stop()
    deadline = time.monotonic() + 15
    while site.left():
        assert time.monotonic() < deadline, site.left()
        time.sleep(0.1)


def test_a_second_one_on_the_same_data_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        second = run_up(tmp_path, PORT="0")
        assert second.returncode != 0
        assert "already runs" in second.stderr
        assert site.process.poll() is None


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_up(tmp_path, PORT=str(port))
    assert done.returncode != 0
    assert f":{port} is used by another program" in done.stderr
    assert f"PORT={port + 1} make run" in done.stderr


def test_a_broker_that_is_not_there_is_named_and_nothing_keeps_running(tmp_path: Path) -> None:
    done = run_up(tmp_path, PORT="0", REDIS_URL="redis://127.0.0.1:1/0", TANDEM_BUILTIN_MODEL="false")
    assert done.returncode != 0
    assert "redis://127.0.0.1:1/0" in done.stderr
    assert "REDIS_URL" in done.stderr
