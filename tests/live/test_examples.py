"""The examples of the README, taken from it and run as a reader would, against a whole Tandem and with a real token."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.client import Person
from tests.live.test_provider import PACKAGES, node
from tests.site import ROOT, Site

LONGEST = {"js": 10, "python": 20}  # lines of an example


def example(language: str) -> str:
    """The one block of that language in the README."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return str(code)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("examples"), TANDEM_BUILTIN_MODEL="false") as running:
        yield running
    assert running.left() == []


@pytest.mark.parametrize("language", LONGEST)
def test_an_example_is_short(language: str) -> None:
    assert len(example(language).strip().splitlines()) <= LONGEST[language]


async def run(command: list[str], folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = ""
    try:
        async with asyncio.timeout(30):
            said = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said


def commands(folder: Path) -> dict[str, list[str]]:
    """The examples as files, beside the packages a reader would have installed."""
    (folder / "hello.mjs").write_text(example("js"))
    (folder / "hello.py").write_text(example("python"))
    (folder / "node_modules").symlink_to(os.path.realpath(PACKAGES.parent / "node_modules"))
    return {"Node": [node(), "hello.mjs"], "Python": [sys.executable, "hello.py"]}


async def test_the_examples_write_into_a_document_in_their_persons_name(site: Site, tmp_path: Path) -> None:
    ana = await Person.new(site.link, "ana")
    workspace: str = (await ana.workspace("w"))["id"]
    ben = await Person.new(await ana.invite(workspace), "ben")
    me = await ben.get("/me")
    made = await ben.post("/me/tokens", {"name": "example", "scope": "write", "days": 1})
    tab = await ana.tab(workspace)
    document = await tab.open("README.md")
    for name, command in commands(tmp_path).items():
        await run([*command, site.url, workspace, "README.md", made["secret"]], tmp_path)
        await document.shows(f"Hello from {name} 👋\n")
    assert set(writers(site, document.id)) == {"seed", f"person:{me['id']}"}
    assert any(b"Ben" in one for one in document.awareness)  # the Node client shows itself; its name is the server's
    await tab.close()
    await ana.close()
    await ben.close()


def writers(site: Site, document: str) -> list[str]:
    with closing(sqlite3.connect(site.data / "tandem.sqlite3")) as database:
        found = database.execute(
            "SELECT DISTINCT origin FROM documents_documentupdate WHERE document_id = ?", [document]
        )
        return [row[0] for row in found]


@pytest.mark.parametrize("name", ["Node", "Python"])
async def test_an_example_with_a_revoked_token_writes_nothing(site: Site, tmp_path: Path, name: str) -> None:
    person = await Person.sign_in(site.url, "ana")
    made = await person.post("/me/tokens", {"name": "revoked", "scope": "write", "days": 1})
    await person.delete(f"/me/tokens/{made['id']}")
    (workspace,) = await person.get("/workspaces")
    with pytest.raises(AssertionError):
        await run([*commands(tmp_path)[name], site.url, workspace["id"], "README.md", made["secret"]], tmp_path)
    await person.close()
