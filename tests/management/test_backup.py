"""A running installation is backed up by the README's own commands, and restored by them into an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.client import Document, Person, Tab
from tests.site import ROOT, Site


def quiet(data: Path) -> Site:
    return Site(data, TANDEM_BUILTIN_MODEL="false", TANDEM_WORKERS="0")


def said(start: str) -> str:
    """The command of the README that begins so, with what it goes on with; without its remark and its `chown`."""
    found = re.search(rf"^    ({re.escape(start)}(?:.*\\\n)?.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert found, f"the README has no {start}"
    return re.split(r"  +#| && chown", found[1])[0]


def sh(folder: Path, data: Path, *commands: str) -> str:
    tandem = f'tandem() {{ (cd "{ROOT}" && "{sys.executable}" manage.py "$@"); }}\n'
    script = tandem + "".join(f"{command} || exit\n" for command in commands)
    env = {"TANDEM_DATA": str(data), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", script], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def told(tab: Tab, document: Document) -> bool:
    """Whether a conflict with the file shows what only the file has."""
    found = [e for e in tab.events if e["type"] == "document.conflict" and e["document"] == document.id]
    return any("between\n" in hunk["theirs"] for one in found for hunk in one["hunks"])


async def test_a_backup_of_a_running_installation_is_restored_and_goes_on(tmp_path: Path) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    kept.mkdir()
    fresh.mkdir(mode=0o700)
    with quiet(tmp_path / "data") as site:
        ana = await Person.new(site.link, "ana")
        workspace: str = (await ana.workspace("w"))["id"]
        tab = await ana.tab(workspace)
        document, other = await tab.open("README.md"), await tab.open("AGENTS.md")
        for one in (document, other):
            since = len(tab.events)
            await one.append("before 😀\n")
            await one.on_disk(since)
        sh(kept, site.data, said("python3 -c"))
        since = len(tab.events)
        await other.append("between\n")
        await other.on_disk(since)
        sh(kept, site.data, said('tar -C "$TANDEM_DATA" -czf'))
        await tab.close()
        await ana.close()
    (kept / "tandem.sqlite3").rename(fresh / "tandem.sqlite3")
    assert "is whole" in sh(kept, fresh, said('tar -C "$TANDEM_DATA" -xzf'), said("tandem migrate"))
    assert "2 documents have a new epoch" in sh(kept, fresh, said("tandem new_epoch"))
    with quiet(fresh) as site:
        ana = await Person.sign_in(site.url, "ana")
        tab = await ana.tab(workspace)
        document, other = await tab.open("README.md"), await tab.open("AGENTS.md")
        assert document.text.endswith("before 😀\n")
        await tab.until(lambda: "between\n" in other.text or told(tab, other), "what the file had later")
        since = len(tab.events)
        await document.append("after\n")
        await document.on_disk(since)
        assert (await ana.raw(workspace, "README.md")).decode().endswith("before 😀\nafter\n")
        await tab.close()
        await ana.close()
    assert "is whole" in sh(kept, fresh, "tandem verify_audit")
