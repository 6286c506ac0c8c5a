"""A workspace with a real repository, a person and a scripted model; tabs that follow it over the real socket code."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents.models import Endpoint
from ide.accounts.models import Membership, Team, User
from ide.documents.models import Document
from ide.live.host import WorkspaceHost, close_all, host_of
from ide.workspaces.models import Workspace
from tests.live.tab import Tab

CODE = "import os\n\n\ndef one(a):\n    return a\n\n\ndef two(b):\n    return b\n"


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass
class Site:
    """`script` makes the scripted model play these steps, with or without tools."""

    workspace: Workspace
    document: Document
    ada: User
    bob: User
    folder: Path
    scripts: Path

    def script(self, *steps: dict[str, Any], tools: bool = True, rate: float = 0, builtin: bool = False) -> Endpoint:
        path = self.scripts / f"{Endpoint.objects.count()}.json"
        path.write_text(json.dumps({"steps": list(steps), "rate": rate}))
        return Endpoint.objects.create(
            name=f"scripted {path.stem}",
            dialect="scripted",
            base_url=str(path),
            model="script",
            drives_tools=tools,
            builtin=builtin,
        )

    async def host(self) -> WorkspaceHost:
        return await host_of(self.workspace.pk)


@pytest.fixture
def site(transactional_db: None, tmp_path: Path) -> Site:
    team = Team.objects.create(name="t")
    ada, bob = (User.objects.create_user(username=name) for name in ("ada", "bob"))
    for user in (ada, bob):
        Membership.objects.create(team=team, user=user, role="editor")
    workspace = Workspace.objects.create(name="w", team=team, source="empty", state="ready")
    workspace.folder.mkdir(parents=True)
    (workspace.folder / "a.py").write_text(CODE)
    git(workspace.folder, "init", "-q", "-b", "main")
    git(workspace.folder, "add", ".")
    git(workspace.folder, "commit", "-q", "-m", "first")
    document = Document.objects.create(workspace=workspace, path="a.py")
    return Site(workspace, document, ada, bob, workspace.folder, tmp_path)


class Follower(Tab):
    """A tab that knows the events and ops of agents."""

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    async def event(self, kind: str, fits: Callable[[dict[str, Any]], Any] = lambda _: True) -> dict[str, Any]:
        """The newest event of that type that fits, waited for."""
        return await self.until(lambda: next((e for e in reversed(self.of_type(kind)) if fits(e)), None))

    async def ask(self, method: str, **params: Any) -> Any:
        answer = await self.call(method, params)
        assert "result" in answer, answer
        return answer["result"]

    async def refused(self, method: str, **params: Any) -> dict[str, Any]:
        answer = await self.call(method, params)
        assert "error" in answer, answer
        return answer["error"]["data"]

    async def ended(self, turn: str) -> dict[str, Any]:
        event = await self.event("turn.ended", lambda e: e["turn"]["id"] == turn)
        return event["turn"]

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Completed items of a kind, each once, as they are at last."""
        done = [e["item"] for e in self.of_type("item.completed") if e["item"]["kind"] == kind]
        return list({item["id"]: item for item in done}.values())

    async def session(self) -> str:
        return (await self.ask("session.create"))["session"]["id"]


@pytest.fixture
async def ada(site: Site) -> AsyncIterator[Follower]:
    tab = Follower(site.workspace.pk, site.ada)
    await tab.until(lambda: tab.frames or tab.closed or True)
    await tab.ask("workspace.open")
    yield tab
    await tab.leave()
    await close_all()
