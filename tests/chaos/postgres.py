"""A PostgreSQL of the run's own: a fresh cluster in a temporary folder, on a unix socket, durable as by default."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote


def binaries() -> Path | None:
    """Where the server's programs lie; None if there is no PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).parent if named else None


@contextmanager
def cluster() -> Iterator[str]:
    """A database's URL. The server refuses to run as root, so root hands it to the user `postgres`."""
    programs = binaries()
    assert programs is not None, "there is no PostgreSQL here: install its server, or run with SQLite"
    as_root = os.geteuid() == 0
    owner = pwd.getpwnam("postgres") if as_root else pwd.getpwuid(os.geteuid())
    with tempfile.TemporaryDirectory(prefix="tandem-pg-") as folder:
        os.chown(folder, owner.pw_uid, owner.pw_gid)

        def run(*argv: str) -> None:
            who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if as_root else {}
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)  # type: ignore[call-overload]

        data = f"{folder}/data"
        run(str(programs / "initdb"), "-D", data, "-U", "tandem", "-A", "trust", "-E", "UTF8", "--no-locale")
        control = (str(programs / "pg_ctl"), "-D", data, "-w", "-l", f"{folder}/log")
        run(*control, "-o", f"-k {folder} -c listen_addresses=''", "start")
        try:
            run(str(programs / "createdb"), "-h", folder, "-U", "tandem", "tandem")
            yield f"postgres://tandem@{quote(folder, safe='')}/tandem"
        finally:
            run(*control, "-m", "immediate", "stop")
