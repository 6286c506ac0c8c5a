"""Workspaces with real git: once in the sandbox of a real runner, once directly, as where no sandbox works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.runner.conftest import Runner, new_runner, runner  # noqa: F401 (fixtures)


@pytest.fixture(params=["sandbox", "direct"])
def sandbox(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> bool:
    """Whether commands run confined in this round of the test."""
    confined: bool = request.param == "sandbox"
    started: Runner = request.getfixturevalue("runner")
    settings.RUNNER_SOCKET = started.socket if confined else tmp_path / "none.sock"
    return confined


@pytest.fixture
def confined(request: pytest.FixtureRequest, settings: Settings) -> None:
    started: Runner = request.getfixturevalue("runner")
    settings.RUNNER_SOCKET = started.socket


@pytest.fixture
def unconfined(settings: Settings, tmp_path: Path) -> None:
    settings.RUNNER_SOCKET = tmp_path / "none.sock"


class _Served(SimpleHTTPRequestHandler):
    """Files of a folder; /private asks for a sign-in, /moved leads elsewhere."""

    def do_GET(self) -> None:
        if self.path.startswith("/private"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        elif self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", self.path.replace("/moved", "/repo", 1))
        else:
            super().do_GET()
            return
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """(address, folder) of a web server on loopback."""
    folder = tmp_path / "web"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: _Served(*a, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join()
