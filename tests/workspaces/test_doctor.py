"""The runner as `up` starts it, and what the doctor finds."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from pytest_django import Settings

from ide.parts import checks, parts
from ide.workspaces import doctor


def test_the_runner_is_a_part_without_the_servers_environment() -> None:
    runner = next(part for part in parts() if part.name == "runner")
    assert (runner.order, runner.inherit_env, set(runner.env)) == (20, False, {"PYTHONPATH"})
    assert "--socket" in runner.argv()
    assert {"git", "sandbox"} <= {check.name for check in checks()}


def test_the_runner_is_ready_when_it_answers_even_if_it_can_confine_nothing(
    settings: Settings, new_runner: type, tmp_path: Path
) -> None:
    settings.RUNNER_SOCKET = tmp_path / "none.sock"
    assert doctor.RUNNER.ready() is not None
    settings.RUNNER_SOCKET = new_runner("--bwrap", str(tmp_path / "missing")).socket
    assert doctor.RUNNER.ready() is None
    state, finding, advice = doctor.check_sandbox()
    assert (state, "not installed" in finding, "bubblewrap" in advice) == ("warn", True, True)


@pytest.mark.usefixtures("unconfined")
def test_without_a_runner_the_doctor_starts_one_to_ask() -> None:
    state, finding, advice = doctor.check_sandbox()
    assert (state, advice) == ("ok", "")
    assert finding.startswith("The sandbox works: ")
    assert "user id" in finding
    assert "control group" in finding or "cgroup v" in finding


def test_git_is_found_with_its_version_and_place() -> None:
    state, finding, _ = doctor.check_git()
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    assert state == "ok"
    assert re.search(r"\d+\.\d+", version)[0] in finding  # type: ignore[index]
