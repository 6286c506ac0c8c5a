"""A whole Tandem as a user starts it: `manage.py up` in a data folder of its own, on a free port."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, user and system, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Site:
    """Use as a context manager; `link` is what a person would open, `url` the site's address without a slash."""

    def __init__(self, data: Path, *, argv: list[str] | None = None, cwd: Path = ROOT, **env: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.link = ""
        self.seconds = 0.0  # from the start to the link
        self.lines: list[str] = []
        self._cwd = cwd
        self._argv = argv or [sys.executable, "manage.py", "up"]
        self._env = {**os.environ, "TANDEM_DATA": str(data), "PORT": str(self.port), "PYTHONUNBUFFERED": "1", **env}
        self._env.pop("DJANGO_SETTINGS_MODULE", None)

    def __enter__(self) -> Site:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def start(self, seconds: float = 600) -> None:
        """Returns when the link was printed; raises with all output when it was not."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            self._argv,
            cwd=self._cwd,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(ready,), daemon=True)
        self._reader.start()
        if not ready.wait(seconds) or not self.link:
            self.stop()
            raise AssertionError("no link:\n" + "".join(self.lines))
        self.seconds = time.monotonic() - began

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"Open (http\S+)", line)
            if found:
                self.link = found.group(1)
                ready.set()
        ready.set()

    def stop(self) -> None:
        """SIGTERM; killed after 30 s."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()

    def cpu(self) -> float:
        """CPU seconds the web server has used so far, by the scheduler's account."""
        (web,) = (words for words in self._processes() if b"ide.asgi:application" in words[1])
        return cpu_of(web[0])

    def left(self) -> list[str]:
        """Command lines of processes of this site: its data folder in their environment, its sockets in their words."""
        return [words.replace(b"\0", b" ").decode() for _, words in self._processes()]

    def _processes(self) -> list[tuple[int, bytes]]:
        mark = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()[:10]
        own = {f"TANDEM_DATA={self.data}".encode()}
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes()
                environment = set((folder / "environ").read_bytes().split(b"\0"))
            except OSError:
                continue
            if environment & own or f"tandem-{os.getuid()}-{mark}".encode() in words:
                found.append((int(folder.name), words))
        return found
