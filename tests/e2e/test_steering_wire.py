"""The journey of test_steering.py once more, with the model at the other end of a real wire: Responses over a
WebSocket, spoken by `manage.py simulate-model`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Person
from tests.e2e.test_journey import Picture
from tests.e2e.test_steering import (
    ESSAY,
    SCRIPT,
    begin,
    die_in_the_middle,
    queue,
    reload_in_the_middle,
    steer,
    stop_by_the_second,
    type_to_redirect,
)
from tests.site import ROOT, Site, free_port

pytestmark = pytest.mark.e2e

CONNECT = """
from agents.models import Endpoint
Endpoint.objects.create(
    name="Simulated", dialect="responses", base_url="http://127.0.0.1:{port}/v1", model="simulated-fast",
    own_network=True, rank=1, abilities={{"steer": True, "lanes": True}},
)
"""


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[int]:
    """The port of a running simulator. It cannot stop in mid-answer, so what the script waits in is long."""
    steps = [{name: step[name] for name in ("when", "text", "calls") if name in step} for step in SCRIPT["steps"]]
    steps[0]["text"] = ESSAY + " and goes on" * 2000
    steps[3]["text"] += " word" * 400
    steps.append(next(step for step in steps if step["when"] == "typed in"))  # behind the answer of the patch's tool
    script = tmp_path / "steps.json"
    script.write_text(json.dumps({"steps": steps}))
    port = free_port()
    argv = [sys.executable, "manage.py", "simulate-model", "--port", str(port), "--script", str(script), "--rate", "20"]
    process = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE)
    assert process.stdout
    assert b"/v1" in process.stdout.readline()
    yield port
    process.terminate()
    process.wait(10)
    process.stdout.close()


def test_two_people_steer_a_model_over_the_wire(
    tmp_path: Path, provider: int, new_person: Callable[[], Person], picture: Picture
) -> None:
    data = tmp_path / "data"
    with Site(data, TANDEM_BUILTIN_MODEL="false") as site:
        words = [sys.executable, "manage.py", "shell", "-v", "0", "-c", CONNECT.format(port=provider)]
        subprocess.run(words, cwd=ROOT, env={**os.environ, "TANDEM_DATA": str(data)}, check=True, timeout=60)
        ana, ben = new_person().page, new_person().page
        begin(site, ana, ben)
        queue(ana, ben, picture)
        stop_by_the_second(ana, ben, picture)
        steer(ana, ben)
        type_to_redirect(site, ana, ben, picture)
        reload_in_the_middle(ana, ben)
        die_in_the_middle(site, ana, ben, picture)
