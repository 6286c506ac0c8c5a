"""One running Tandem for all of these tests, with two people, their workspace, and others who must not notice."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bad_input.git_server import GitServer
from tests.client import Document, Person, Tab
from tests.provider_server import ProviderServer
from tests.site import ROOT, Site, free_port

NOTICED = 5.0  # seconds an edit of others may take at most, however busy the machine is
DOWN = "down"  # a model whose server is not there
REST = 0.1  # seconds between two rounds of theirs
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def git_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GitServer]:
    async with GitServer(tmp_path_factory.mktemp("repositories")) as server:
        yield server


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def provider() -> AsyncIterator[ProviderServer]:
    async with ProviderServer() as server:
        yield server


@pytest.fixture(scope="package")
def site(git_server: GitServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The git server is listed as an internal host, by its port; nothing else on this machine is."""
    data = tmp_path_factory.mktemp("data")
    with Site(data, TANDEM_INTERNAL_HOSTS=git_server.host, TANDEM_BUILTIN_MODEL="false") as running:
        yield running
    assert running.left() == []


@dataclass
class World:
    """`ada` administers, `ben` edits what she shares; both have `home` open."""

    site: Site
    ada: Person
    ben: Person
    home: str
    tab: Tab  # ada's, on `home`
    other: Tab  # ben's, on `home`

    def folder(self, workspace: str) -> Path:
        return self.site.data / "workspaces" / workspace

    @property
    def root(self) -> Path:
        return self.folder(self.home)

    def name(self) -> str:
        """One nothing else has."""
        return f"thing {next(_numbers)}"

    async def names(self) -> set[str]:
        return {row["name"] for row in await self.ada.get("/workspaces")}

    def staged(self) -> list[Path]:
        """What unfinished creations have left."""
        return list(self.site.data.glob("staging/*"))

    @contextlib.contextmanager
    def frozen(self, program: str) -> Iterator[None]:
        """The site's processes of that program are there and do nothing."""
        pids = self._pids(program)
        assert pids, f"no {program} runs"
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def _pids(self, program: str) -> list[int]:
        """Descendants of `up` whose command line names the program. (Valkey writes over what /proc says of its
        environment, so that does not tell whose it is.)"""
        parents: dict[int, int] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        mine = {self.site.process.pid}
        while grown := {pid for pid, parent in parents.items() if parent in mine} - mine:
            mine |= grown
        return [pid for pid in mine if program.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]

    async def django(self, code: str) -> str:
        """Run code in the site's Django shell; the last line it prints."""
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
        env = {**os.environ, "TANDEM_DATA": str(self.site.data)}
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return str(done.stdout).strip().splitlines()[-1]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def world(site: Site) -> AsyncIterator[World]:
    ada = await Person.new(site.link, "ada")
    home = await ada.workspace("Home")
    assert home["state"] == "ready", home["problem"]
    ben = await Person.new(await ada.invite(home["id"]), "ben")
    tab, other = await ada.tab(home["id"]), await ben.tab(home["id"])
    for one in (tab, other):
        await one.call("workspace.open")
    await ada.post(f"/workspaces/{home['id']}/files", {"path": "neighbours.txt", "kind": "file"})
    yield World(site, ada, ben, home["id"], tab, other)
    for one in (tab, other):
        await one.close()
    for person in (ada, ben):
        await person.close()


ENDPOINTS = """
import json
from agents.endpoints.keys import encrypt
from agents.models import Endpoint
fields = dict(key_encrypted=encrypt("k3y"), rank=500, own_network=True)
rows = {{name: Endpoint.objects.create(name=name, model=name, base_url=url, **fields)
        for name, url in json.loads('''{}''').items()}}
print(json.dumps({{name: row.pk for name, row in rows.items()}}))
"""


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def models(world: World, provider: ProviderServer) -> dict[str, int]:
    """Endpoints by the manners of their model."""
    urls = dict.fromkeys(provider.models, provider.url) | {DOWN: f"http://127.0.0.1:{free_port()}/v1"}
    made: dict[str, int] = json.loads(await world.django(ENDPOINTS.format(json.dumps(urls))))
    return made


class Neighbours:
    """Ada and Ben writing into one file in turns, each waiting to see what the other wrote."""

    def __init__(self, documents: tuple[Document, Document]) -> None:
        self._documents = documents
        self._stop = asyncio.Event()
        self.rounds = 0

    async def write(self) -> None:
        while not self._stop.is_set():
            for writer, reader in (self._documents, self._documents[::-1]):
                mark = f"line {next(_numbers)}\n"
                await writer.edit(0, len(writer.text), mark)
                await reader.shows(mark, NOTICED)
                await writer.saved()
                self.rounds += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), REST)

    async def another_round(self) -> None:
        """From now on, both have written and seen."""
        until = self.rounds + 4
        await self._documents[0].tab.until(lambda: self.rounds >= until, "the neighbours' next lines", 2 * NOTICED)

    def stop(self) -> None:
        self._stop.set()


@pytest_asyncio.fixture(autouse=True, loop_scope="package")
async def neighbours(world: World) -> AsyncIterator[Neighbours]:
    """While a test runs others edit undisturbed, or it fails."""
    pair = Neighbours((await world.tab.open("neighbours.txt"), await world.other.open("neighbours.txt")))
    writing = asyncio.create_task(pair.write(), name="neighbours")
    yield pair
    pair.stop()
    await writing
    assert pair.rounds
