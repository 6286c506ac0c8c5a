"""A real PostgreSQL server of the machine, in a folder of its own, with fsync on; gone without a trace afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from tests.site import free_port

START_SECONDS = 60


def programs() -> Path:
    """The folder of initdb and postgres. Raises FileNotFoundError with what to do."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise FileNotFoundError("PostgreSQL is missing; on Debian: apt-get install postgresql")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


class Postgres:
    """Use as a context manager. `url` names its one database, as `DATABASE_URL` wants it; `settings` adds lines to
    postgresql.conf."""

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.folder = Path(tempfile.mkdtemp(prefix="tandem-postgres-"))
        self._settings = settings
        self._user = {"user": "postgres"} if os.getuid() == 0 else {}  # the server refuses to be root

    def __enter__(self) -> Postgres:
        bin = programs()
        if self._user:
            entry = pwd.getpwnam("postgres")
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        data = self.folder / "data"
        self._run([bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"])
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "on",
            "shared_buffers": "32MB",
            **self._settings,
        }
        argv = [bin / "postgres", "-D", data, *(word for k, v in options.items() for word in ("-c", f"{k}={v}"))]
        self._log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            argv, cwd=self.folder, stdout=self._log, stderr=subprocess.STDOUT, env=_env(), **self._user
        )
        try:
            self._wait(bin)
        except BaseException:
            self.stop()
            raise
        return self

    def _run(self, argv: list[str | Path]) -> None:
        done = subprocess.run(
            argv, cwd=self.folder, capture_output=True, text=True, env=_env(), check=False, **self._user
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _wait(self, bin: Path) -> None:
        until = time.monotonic() + START_SECONDS
        ask = [bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ask, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError("no PostgreSQL:\n" + (self.folder / "log").read_text())
            time.sleep(0.1)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.terminate()  # "smart": it waits for open connections
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.send_signal(2)  # "fast"
            self.process.wait(30)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
