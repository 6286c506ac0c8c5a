"""Two worker machines, one database, one Redis, no shared folder: one is cut off in mid-job, the other finishes it."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.machines import Plant, plant, until

CODE = "def one(a):\n    return a\n\n\ndef two(b):\n    return b\n"
ONE, TWO = ["    return a", "    return a + 1"], ["    return b", "    return b * 2"]


def patch(head: str, change: list[str]) -> dict[str, Any]:
    text = ["*** Begin Patch", "*** Update File: a.py", f"@@ def {head}:", f"-{change[0]}", f"+{change[1]}"]
    return {"calls": [{"name": "apply_patch", "arguments": {"patch": [*text, "*** End Patch"]}}]}


class Person:
    """Whoever is signed in with these cookies, over HTTP."""

    def __init__(self, site: Plant, cookies: dict[str, str]) -> None:
        self._url = f"http://127.0.0.1:{site.port}"
        token = "c" * 32
        told = {**cookies, "tandem_csrf": token}
        self._headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in told.items()),
            "X-CSRFToken": token,
            "Content-Type": "application/json",
        }

    def ask(self, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._url + path, data, self._headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def git(folder: str, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are root's")
def test_one_machine_is_cut_off_in_mid_job_and_the_other_finishes(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    hangs = {"steps": [patch("one(a)", ONE), {"text": "I think about two.", "pause_after": 6}]}
    script.write_text(json.dumps(hangs))
    with plant(tmp_path / "plant") as site:
        made = site.ask("ground", CODE, str(script))
        ada = Person(site, made["cookies"])
        order = {"kind": "agent", "instruction": "Change both"}
        job_id = ada.ask(f"/api/workspaces/{made['workspace']}/jobs", order)["id"]

        def job(fits: Any, what: str, seconds: float = 30) -> dict[str, Any]:
            def look() -> dict[str, Any] | None:
                row: dict[str, Any] = ada.ask(f"/api/jobs/{job_id}")
                assert row["state"] != "failed", (row["error"], site.logs())
                return row if fits(row) else None

            found: dict[str, Any] = until(look, what, seconds, site.logs)
            return found

        job(lambda row: row["done"] == 1 and row["phase"] == "thinking", "the first step is durable")
        first = site.ask("job", job_id)
        (one,) = [machine for machine in site.machines if first["lease_owner"].startswith(machine.name)]
        (other,) = [machine for machine in site.machines if machine is not one]
        step = git(made["folder"], "rev-parse", f"refs/tandem/steps/{job_id}")
        assert "return a + 1" in git(made["folder"], "show", f"{step}:a.py"), "it came as a bundle"
        assert not (one.folder / "workspaces").exists(), "the machine has no folder of the site"

        script.write_text(json.dumps({"steps": [patch("two(b)", TWO), {"text": "Both are done."}]}))
        one.cut()
        job(lambda row: row["state"] == "review", "the other machine has finished it")
        done = site.ask("job", job_id)
        assert done["lease_fence"] > first["lease_fence"]
        assert done["steps"] == ["apply_patch", "apply_patch", "answer"], "the first step was not done again"
        assert (other.folder / "mirrors").is_dir()
        wanted = CODE.replace(ONE[0], ONE[1]).replace(TWO[0], TWO[1])
        assert git(made["folder"], "show", f"{done['head']}:a.py") == wanted.strip()

        one.mend()  # it hears of the world again, and finds that the job is another's
        until(lambda: " succeeded in " in one.said("worker"), "its task has ended", 30, site.logs)
        assert site.ask("job", job_id) == done
        ada.ask(f"/api/jobs/{job_id}/merge", {"head": done["head"]})
        assert Path(made["folder"], "a.py").read_text() == wanted
