"""Workspaces over HTTP, by people of every role, with real git."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient
from django.utils import timezone
from pytest_django import Settings

from ide.accounts.models import Membership, Role, Team, User
from ide.workspaces import create
from ide.workspaces.create import SAMPLE
from ide.workspaces.figures import FileChange, on_file_change
from ide.workspaces.models import Workspace
from tests.workspaces.test_archive import zipped

pytestmark = pytest.mark.django_db(transaction=True)


class Web:
    """A browser signed in as someone."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.client = AsyncClient()

    async def ask(self, method: str, path: str, body: object = None, **form: object) -> tuple[int, Any]:
        await self.client.aforce_login(self.user)
        if form:
            answer = await self.client.post(f"/api{path}", form)
        elif body is None:
            answer = await getattr(self.client, method)(f"/api{path}")
        else:
            data = json.dumps(body)
            answer = await getattr(self.client, method)(f"/api{path}", data, content_type="application/json")
        kind = answer.headers.get("Content-Type", "")
        return answer.status_code, json.loads(answer.content) if "json" in kind and answer.content else answer.content


@sync_to_async
def _user(name: str, staff: bool = False) -> User:
    return User.objects.create_user(name, password=None, is_staff=staff, is_superuser=staff)


@pytest.fixture
async def ada(settings: Settings, tmp_path: Path) -> Web:
    settings.DATA_DIR = tmp_path / "data"
    settings.STATIC_ROOT = tmp_path  # servestatic warns where there is none
    settings.INTERNAL_HOSTS = []
    return Web(await _user("ada"))


async def finished(web: Web, workspace: str) -> dict[str, Any]:
    """The workspace once its creation ended."""
    await asyncio.gather(*[task for key, task in create._tasks.items() if key == workspace])
    return (await web.ask("get", f"/workspaces/{workspace}"))[1]


async def made(web: Web, **body: str) -> dict[str, Any]:
    status, card = await web.ask("post", "/workspaces", {"name": "Shop", **body})
    assert status == 201, card
    assert card["state"] == "creating"
    return await finished(web, card["id"])


async def test_the_sample_is_a_repository_whose_tests_pass(confined: None, ada: Web) -> None:
    card = await made(ada, source="sample")
    assert (card["state"], card["problem"], card["role"]) == ("ready", "", "owner")
    assert (card["people_now"], card["jobs_running"], card["to_review"]) == ([], 0, 0)
    _, tree = await ada.ask("get", f"/workspaces/{card['id']}/tree")
    paths = [entry["path"] for entry in tree["entries"]]
    assert {"README.md", "AGENTS.md", "shop/basket.py", "tests/test_shop.py"} <= set(paths)
    _, git = await ada.ask("get", f"/workspaces/{card['id']}/git")
    assert (git["branch"], len(git["head"]), git["changes"]) == ("main", 40, [])
    argv = ["python3", "-B", "-m", "unittest", "-q"]
    assert subprocess.run(argv, cwd=SAMPLE, capture_output=True, check=False).returncode == 0
    assert [row["id"] for row in (await ada.ask("get", "/workspaces"))[1]] == [card["id"]]


async def test_an_empty_workspace_and_an_upload_become_repositories(unconfined: None, ada: Web, tmp_path: Path) -> None:
    empty = await made(ada, source="empty")
    assert (await ada.ask("get", f"/workspaces/{empty['id']}/tree"))[1] == {"entries": [], "truncated": False}
    data = zipped(tmp_path / "x.zip", {"top/a.txt": b"a", "top/.git/config": b"[core]"}).read_bytes()
    status, card = await ada.ask("post", "/workspaces/upload", name="Up", file=SimpleUploadedFile("x.zip", data))
    assert status == 201, card
    card = await finished(ada, card["id"])
    assert (card["state"], card["source"]) == ("ready", "upload")
    _, tree = await ada.ask("get", f"/workspaces/{card['id']}/tree")
    assert [entry["path"] for entry in tree["entries"]] == ["a.txt"]


async def test_a_bad_upload_is_refused_and_leaves_nothing(unconfined: None, ada: Web, tmp_path: Path) -> None:
    data = zipped(tmp_path / "x.zip", {"ok": b"", "../x": b""}).read_bytes()
    status, problem = await ada.ask("post", "/workspaces/upload", name="Up", file=SimpleUploadedFile("x.zip", data))
    assert (status, problem["code"]) == (422, "bad_archive")
    assert (await ada.ask("get", "/workspaces"))[1] == []
    assert not list((tmp_path / "data" / "staging").iterdir())


async def test_a_clone_that_fails_says_why_and_can_be_retried(
    confined: None, ada: Web, settings: Settings, web: tuple[str, Path]
) -> None:
    address, folder = web
    card = await made(ada, source="git", origin=f"{address}/repo")
    assert card["state"] == "failed"
    assert "TANDEM_INTERNAL_HOSTS" in card["problem"]
    settings.INTERNAL_HOSTS = ["127.0.0.1"]
    subprocess.run(["git", "init", "-q", "--bare", folder / "repo"], check=True)
    subprocess.run(["git", "-C", folder / "repo", "update-server-info"], check=True)
    assert (await ada.ask("post", f"/workspaces/{card['id']}/retry"))[1]["state"] == "creating"
    card = await finished(ada, card["id"])
    assert (card["state"], card["problem"]) == ("ready", "")
    assert (await ada.ask("post", f"/workspaces/{card['id']}/retry"))[0] == 409


@pytest.mark.parametrize("origin", ["file:///etc", "ext::sh -c x", "https://a:b@example.com/x", "", "git@host:x"])
async def test_addresses_that_are_none_are_refused_at_once(unconfined: None, ada: Web, origin: str) -> None:
    status, problem = await ada.ask("post", "/workspaces", {"name": "x", "source": "git", "origin": origin})
    assert (status, problem["code"]) == (422, "address_refused")
    assert (await ada.ask("get", "/workspaces"))[1] == []


async def test_only_administrators_clone_from_the_servers_disk(unconfined: None, ada: Web, tmp_path: Path) -> None:
    body = {"name": "x", "source": "local", "origin": str(tmp_path / "r")}
    assert (await ada.ask("post", "/workspaces", body))[0] == 403
    subprocess.run(["git", "init", "-q", tmp_path / "r"], check=True)
    admin = Web(await _user("root", staff=True))
    assert (await made(admin, source="local", origin=str(tmp_path / "r")))["state"] == "ready"
    assert "not a git repository" in (await made(admin, source="local", origin=str(tmp_path / "none")))["problem"]


async def test_a_creation_whose_process_is_gone_is_failed_with_a_word_on_retrying(unconfined: None, ada: Web) -> None:
    row = await sync_to_async(create.request)(ada.user, "Lost", "sample")
    await Workspace.objects.filter(pk=row.pk).aupdate(host_until=timezone.now())
    card = (await ada.ask("get", "/workspaces"))[1][0]
    assert card["state"] == "failed"
    assert "restarted" in card["problem"]


async def test_stopping_the_process_ends_what_it_creates(unconfined: None, ada: Web) -> None:
    row = await sync_to_async(create.request)(ada.user, "Stopped", "sample")
    create.begin(row.pk)
    await create.stop()
    await row.arefresh_from_db()
    assert row.state in ("failed", "creating")
    assert not row.folder.exists()


async def test_files_are_made_moved_read_and_deleted_and_listeners_hear_of_it(unconfined: None, ada: Web) -> None:
    heard: list[FileChange] = []

    async def listen(change: FileChange) -> None:
        heard.append(change)

    on_file_change(listen)
    key = (await made(ada, source="empty"))["id"]
    here = f"/workspaces/{key}/files"
    assert (await ada.ask("post", here, {"path": "src/a b.py", "kind": "file"}))[0] == 201
    assert (await ada.ask("post", here, {"path": "src/a b.py", "kind": "file"}))[0] == 409
    assert (await ada.ask("post", here, {"path": "../x", "kind": "file"}))[0] == 422
    assert (await ada.ask("patch", here, {"path": "src/a b.py", "to": "😀.py"}))[0] == 200
    file = SimpleUploadedFile("pic.png", b"\x89PNG\0")
    assert (await ada.ask("post", f"{here}/upload", folder="img", file=file))[1] == {
        "path": "img/pic.png",
        "kind": "file",
    }
    assert (await ada.ask("get", f"/workspaces/{key}/raw?path=img/pic.png")) == (200, b"\x89PNG\0")
    answer = await ada.client.get(f"/api/workspaces/{key}/raw?path=img/pic.png")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="pic.png"'
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    _, git = await ada.ask("get", f"/workspaces/{key}/git")
    assert git["changes"] == [{"path": "img/pic.png", "status": "?"}, {"path": "😀.py", "status": "?"}]
    assert (await ada.ask("delete", f"{here}?path=img"))[0] == 204
    assert (await ada.ask("get", f"/workspaces/{key}/raw?path=img/pic.png"))[0] == 404
    assert [(c.kind, c.path, c.to) for c in heard if c.workspace_id == key] == [
        ("made", "src/a b.py", ""),
        ("moved", "src/a b.py", "😀.py"),
        ("made", "img/pic.png", ""),
        ("deleted", "img", ""),
    ]


async def test_search_finds_words_and_says_what_is_wrong_with_a_pattern(sandbox: bool, ada: Web) -> None:
    key = (await made(ada, source="sample"))["id"]
    _, found = await ada.ask("get", f"/workspaces/{key}/search?q=DEF%20total&glob=*.py")
    assert [(hit["path"], hit["column"]) for hit in found["hits"]] == [("shop/basket.py", 1)]
    assert (await ada.ask("get", f"/workspaces/{key}/search?q=DEF%20total&case=true"))[1]["hits"] == []
    status, problem = await ada.ask("get", f"/workspaces/{key}/search?q=(&regex=true")
    assert (status, problem["code"]) == (422, "invalid")


MAY = {
    "owner": (200, 201, 204),
    "editor": (200, 201, 403),
    "viewer": (200, 403, 403),
    "stranger": (404, 404, 404),
}


@pytest.mark.parametrize("role", MAY)
async def test_each_role_may_what_the_table_says(unconfined: None, ada: Web, role: str) -> None:
    key = (await made(ada, source="empty"))["id"]
    other = Web(await _user("bob"))
    team = await Team.objects.aget(workspaces=key)
    if role != "stranger":
        await Membership.objects.acreate(team=team, user=other.user, role=Role(role))
    seen = (await other.ask("get", f"/workspaces/{key}/tree"))[0]
    edited = (await other.ask("post", f"/workspaces/{key}/files", {"path": "x", "kind": "file"}))[0]
    deleted = (await other.ask("delete", f"/workspaces/{key}"))[0]
    assert (seen, edited, deleted) == MAY[role]


async def test_a_deleted_workspace_leaves_no_folder_and_no_team(unconfined: None, ada: Web, tmp_path: Path) -> None:
    key = (await made(ada, source="sample"))["id"]
    assert (await ada.ask("delete", f"/workspaces/{key}"))[0] == 204
    assert not list((tmp_path / "data" / "workspaces").iterdir())
    assert not list((tmp_path / "data" / "staging").iterdir())
    assert not await Team.objects.aexists()


async def test_nobody_signed_out_gets_anything(ada: Web) -> None:
    assert (await AsyncClient().get("/api/workspaces")).status_code == 401
