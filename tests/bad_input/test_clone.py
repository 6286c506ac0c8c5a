"""Addresses to clone: what cannot be cloned says why and leaves nothing; what can be cloned is cloned."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import provider_server
from tests.bad_input.conftest import World
from tests.bad_input.git_server import GitServer, git
from tests.client import Refusal, eventually
from tests.provider_server import ProviderServer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

CODE = b"def greet():\n    return 'hello'\n"


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def served(git_server: GitServer) -> GitServer:
    git_server.add("good", {"greet.py": CODE, "docs/read me.md": b"# Hello\n"}, {"outside": "/etc/passwd"})
    git_server.add_unsafe("unsafe")
    git(git_server.folder, "init", "-q", "--bare", "empty")
    return git_server


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def unlisted(git_server: GitServer) -> AsyncIterator[GitServer]:
    """The same repositories at an address of this machine that nobody has allowed."""
    async with GitServer(git_server.folder) as server:
        yield server


async def test_a_listed_internal_host_is_cloned_end_to_end(world: World, served: GitServer) -> None:
    made = await world.ada.workspace(world.name(), "git", served.url("good"))
    assert (made["state"], made["problem"]) == ("ready", "")
    tree = {entry["path"]: entry for entry in (await world.ada.get(f"/workspaces/{made['id']}/tree"))["entries"]}
    assert set(tree) == {"docs", "docs/read me.md", "greet.py", "outside"}
    status = await world.ada.get(f"/workspaces/{made['id']}/git")
    assert (status["branch"], status["changes"]) == ("main", [])
    tab = await world.ada.tab(made["id"])
    document = await tab.open("greet.py")
    before = len(tab.events)
    await document.append("# more\n")
    await document.on_disk(before)
    assert (world.folder(made["id"]) / "greet.py").read_bytes() == CODE + b"# more\n"
    with pytest.raises(Refusal) as caught:
        await tab.open("outside")
    assert "link" in caught.value.words
    await tab.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing", ("There is no repository at", "Check the address")),
        ("private/good", ("asks for a sign-in: it is private, or it does not exist", "upload an archive instead")),
        ("moved/good", ("sends on to another address", "Give the address it leads to")),
        ("broken/good", ("The server of", "has a fault (status 500)", "Try again later")),
        ("page/good", ("There is no repository at", "Check the address")),
        ("unsafe", ("holds something git refuses as unsafe", "hasDotgit", "Upload an archive of its files instead")),
        ("gone/good", ("The server of", "does not answer", "try again")),
    ],
)
async def test_a_clone_that_fails_says_why_and_can_be_thrown_away(
    path: str, words: tuple[str, ...], world: World, served: GitServer
) -> None:
    name = world.name()
    made = await world.ada.workspace(name, "git", served.url(path))
    assert made["state"] == "failed"
    for part in (served.url(path), *words):
        assert part in made["problem"]
    assert not world.folder(made["id"]).exists()
    await eventually(lambda: _nothing(world), "nothing left in staging")
    with pytest.raises(Refusal) as caught:
        await world.ada.get(f"/workspaces/{made['id']}/tree")
    assert made["problem"] in caught.value.words, "whoever opens it is told too"
    await world.ada.delete(f"/workspaces/{made['id']}")
    assert name not in await world.names()


async def _nothing(world: World) -> bool:
    return not world.staged()


async def test_a_repository_that_appears_later_is_cloned_by_a_retry(world: World, served: GitServer) -> None:
    made = await world.ada.workspace(world.name(), "git", served.url("later"))
    assert made["state"] == "failed"
    served.add("later", {"a.txt": b"here\n"})
    await world.ada.post(f"/workspaces/{made['id']}/retry")
    assert (await world.ada.settled(made["id"]))["state"] == "ready"
    assert (world.folder(made["id"]) / "a.txt").read_bytes() == b"here\n"


async def test_a_private_address_nobody_has_listed_is_not_even_asked(
    world: World, served: GitServer, unlisted: GitServer
) -> None:
    made = await world.ada.workspace(world.name(), "git", unlisted.url("good"))
    assert made["state"] == "failed"
    assert "inside the server's own network (127.0.0.1)" in made["problem"]
    assert "TANDEM_INTERNAL_HOSTS" in made["problem"]
    assert unlisted.asked == []
    assert not world.folder(made["id"]).exists()


async def test_a_host_that_does_not_exist_is_told_by_its_name(world: World) -> None:
    made = await world.ada.workspace(world.name(), "git", "https://nowhere.invalid/x")
    assert made["state"] == "failed"
    assert "The host nowhere.invalid cannot be found. Check its spelling" in made["problem"]


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("file:///etc", ("of the kind “file:” are not used", "https://")),
        ("ext::sh -c touch% /tmp/x", ("spaces or control characters", "https://")),
        ("ext::true", ("of the kind “ext:” are not used", "https://")),
        ("ssh://-oProxyCommand=true/x", ("of the kind “ssh:” are not used", "https://")),
        ("git://127.0.0.1/x", ("of the kind “git:” are not used", "https://")),
        ("--upload-pack=true", ("are not used", "https://")),
        ("https://--upload-pack=true/x", ("names no host", "https://")),
        ("https://me:secret@127.0.0.1/x", ("has a name or password in it", "before @")),
        ("/etc", ("are not used", "https://")),
        ("", ("not an address", "https://")),
        ("http://127.0.0.1:99999/x", ("not an address", "https://")),
    ],
)
async def test_what_is_no_web_address_is_refused_at_once(origin: str, words: tuple[str, ...], world: World) -> None:
    name = world.name()
    with pytest.raises(Refusal) as caught:
        await world.ada.post("/workspaces", {"name": name, "source": "git", "origin": origin})
    assert caught.value.status == 422
    for word in words:
        assert word in caught.value.words
    assert "secret" not in caught.value.words
    assert name not in await world.names()


async def test_a_clone_that_never_answers_can_be_thrown_away(world: World, served: GitServer) -> None:
    row = await world.ada.post("/workspaces", {"name": world.name(), "source": "git", "origin": served.url("stuck/x")})
    await eventually(lambda: _asked(served, "/stuck/x"), "git asks the server")
    await world.ada.delete(f"/workspaces/{row['id']}")
    with pytest.raises(Refusal):
        await world.ada.get(f"/workspaces/{row['id']}")
    await eventually(lambda: _nothing(world), "nothing left in staging")


async def _asked(server: GitServer, path: str) -> bool:
    return any(one.startswith(path) for one in server.asked)


async def test_a_local_path_is_for_administrators(world: World, served: GitServer) -> None:
    origin = str(served.folder / "good")
    with pytest.raises(Refusal) as caught:
        await world.ben.post("/workspaces", {"name": "x", "source": "local", "origin": origin})
    assert caught.value.status == 403
    made = await world.ada.workspace(world.name(), "local", origin)
    assert made["state"] == "ready"
    assert git(world.folder(made["id"]), "log", "--format=%s") == "first"


async def test_an_empty_repository_is_a_workspace_one_can_work_in(
    world: World, served: GitServer, provider: ProviderServer, models: dict[str, int]
) -> None:
    made = await world.ada.workspace(world.name(), "git", served.url("empty"))
    assert (made["state"], made["problem"]) == ("ready", "")
    status = await world.ada.get(f"/workspaces/{made['id']}/git")
    assert (status["head"], status["changes"]) == ("", [])
    await world.ada.post(f"/workspaces/{made['id']}/files", {"path": "a.py", "kind": "file"})
    tab = await world.ada.tab(made["id"])
    document = await tab.open("a.py")
    before = len(tab.events)
    await document.append("def one():\n    return 1\n")
    await document.on_disk(before)
    provider.reply = "```python\ndef one() -> int:\n    return 1\n```\n"
    order = {"kind": "map", "instruction": "Type it.", "paths": ["a.py"], "endpoint": models[provider_server.OK]}
    job = await world.ada.post(f"/workspaces/{made['id']}/jobs", order)
    await tab.event("job", lambda e: e["job"]["id"] == job["id"] and e["job"]["state"] == "review", seconds=30)
    seen = await world.ada.get(f"/jobs/{job['id']}/review")
    await world.ada.post(f"/jobs/{job['id']}/merge", {"head": seen["head"]})
    await document.shows("def one() -> int:")
    await tab.close()
