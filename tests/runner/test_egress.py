"""What a sandbox with a list of hosts reaches, and what not: through the real proxy, from real clients inside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ide.runner.client import Egress, Outcome, Policy, run, run_sync, terminal
from ide.runner.egress import allows
from tests.runner.conftest import Runner

GET = (
    "import sys, urllib.request, urllib.error\n"
    "for url in sys.argv[1:]:\n"
    "    try:\n"
    "        print(urllib.request.urlopen(url, timeout=10).read().decode())\n"
    "    except urllib.error.HTTPError as error:\n"
    "        print(error.code, error.read().decode().strip())\n"
)
RAW = (
    "import socket, sys\n"
    "with socket.create_connection(('127.0.0.1', 3128)) as one:\n"
    "    one.settimeout(10)\n"
    "    one.sendall(sys.argv[1].encode('latin-1').decode('unicode_escape').encode('latin-1'))\n"
    "    said = b''\n"
    "    while data := one.recv(65536):\n"
    "        said += data\n"
    "        if b'Connection established' in said and len(sys.argv) > 2:\n"
    "            one.sendall(sys.argv.pop().encode('latin-1').decode('unicode_escape').encode('latin-1'))\n"
    "print(said.decode('latin-1'))\n"
)


class _Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        size = int(self.path.removeprefix("/size/")) if self.path.startswith("/size/") else 0
        seen = ",".join(sorted(name.lower() for name in self.headers))
        body = b"x" * size or f"{self.path} of {self.headers['Host']} with {seen}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(str(size))))
        self.end_headers()
        self.wfile.write(str(size).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """host:port of a web server on this machine, by the name `localhost`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


async def asked(
    runner: Runner, root: Path, code: str, words: list[str], allowed: tuple[str, ...]
) -> tuple[Outcome, list[tuple[str, int, bool]]]:
    decisions: list[Egress] = []
    policy = Policy(root, egress=allowed, internal=("127.0.0.1",))
    argv = ["python3", "-c", code, *words]
    env = {"no_proxy": ""}  # the servers of these tests are on loopback, which else is the sandbox's own
    outcome = await run(argv, policy, env=env, on_egress=decisions.append, socket=runner.socket)
    return outcome, [(one.host, one.port, one.allowed) for one in decisions]


async def test_an_allowed_host_is_reached_and_no_other(runner: Runner, tmp_path: Path, web: str) -> None:
    port = int(web.rpartition(":")[2])
    urls = [f"http://{web}/a?b=c", "http://other.invalid/", f"http://127.0.0.1:{port + 1}/"]
    outcome, told = await asked(runner, tmp_path, GET, urls, (web,))
    first, second, third = outcome.stdout.decode().splitlines()
    assert first.startswith(f"/a?b=c of {web} with ")
    assert "proxy" not in first
    assert second.startswith("403 Tandem's egress proxy: other.invalid:80 is not among the hosts")
    assert third.startswith("403 ")
    assert told == [("127.0.0.1", port, True), ("other.invalid", 80, False), ("127.0.0.1", port + 1, False)]


async def test_a_tunnel_leads_to_allowed_hosts_only(runner: Runner, tmp_path: Path, web: str) -> None:
    get = f"GET /t HTTP/1.1\\r\\nHost: {web}\\r\\nConnection: close\\r\\n\\r\\n"
    outcome, told = await asked(runner, tmp_path, RAW, [f"CONNECT {web} HTTP/1.1\\r\\n\\r\\n", get], (web,))
    assert "200 Connection established" in outcome.stdout.decode()
    assert f"/t of {web}" in outcome.stdout.decode()
    assert told[0][2]
    outcome, told = await asked(runner, tmp_path, RAW, ["CONNECT example.com:443 HTTP/1.1\\r\\n\\r\\n"], (web,))
    assert outcome.stdout.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert told == [("example.com", 443, False)]


PRIVATE = ["127.0.0.1:80", "localhost:80", "169.254.169.254:80", "10.0.0.1:443", "[::1]:80", "0x7f.1:80", "0:80"]


@pytest.mark.parametrize("place", PRIVATE)
async def test_a_listed_address_of_the_servers_own_network_is_refused(
    runner: Runner, tmp_path: Path, place: str
) -> None:
    """Maintainers list hosts; only administrators may list internal ones."""
    decisions: list[Egress] = []
    policy = Policy(tmp_path, egress=(place, place.rpartition(":")[0]))
    argv = ["python3", "-c", RAW, f"CONNECT {place} HTTP/1.1\\r\\n\\r\\n"]
    outcome = await run(argv, policy, on_egress=decisions.append, socket=runner.socket)
    assert outcome.stdout.startswith(b"HTTP/1.1 403 Forbidden\r\n"), outcome.stdout
    assert b"inside the server's own network" in outcome.stdout
    assert [one.allowed for one in decisions] == [False]


WRONG = {
    "no proxy request": "GET / HTTP/1.1\\r\\n\\r\\n",
    "another scheme": "GET ftp://a/ HTTP/1.1\\r\\n\\r\\n",
    "a name in it": "CONNECT a@b:443 HTTP/1.1\\r\\n\\r\\n",
    "no port": "CONNECT a HTTP/1.1\\r\\n\\r\\n",
    "an odd port": "CONNECT a:99999999 HTTP/1.1\\r\\n\\r\\n",
    "a bare newline": "GET http://a/ HTTP/1.1\\nX: y\\r\\n\\r\\n",
    "nonsense": "\\x16\\x03\\x01 \\r\\n\\r\\n",
    "a long head": "GET http://a/ HTTP/1.1\\r\\nX: " + "y" * 40_000 + "\\r\\n\\r\\n",
}


@pytest.mark.parametrize("kind", WRONG)
async def test_what_is_no_request_is_refused_and_decides_nothing(kind: str, runner: Runner, tmp_path: Path) -> None:
    outcome, told = await asked(runner, tmp_path, RAW, [WRONG[kind]], ("a", "a:443"))
    assert outcome.stdout.startswith(b"HTTP/1.1 400 Bad Request\r\n"), outcome
    assert told == []


async def test_much_goes_both_ways(runner: Runner, tmp_path: Path, web: str) -> None:
    code = (
        "import sys, urllib.request as u\n"
        "print(len(u.urlopen(sys.argv[1] + '/size/20000000').read()))\n"
        "print(u.urlopen(sys.argv[1], data=b'y' * 20_000_000).read().decode())\n"
    )
    outcome, _ = await asked(runner, tmp_path, code, [f"http://{web}"], (web,))
    assert outcome.stdout == b"20000000\n20000000\n", outcome.stderr.decode()


async def test_past_the_proxy_there_is_nothing(runner: Runner, tmp_path: Path, web: str) -> None:
    code = (
        "import errno, socket, sys\n"
        "for place in (('192.0.2.1', 80), ('127.0.0.1', int(sys.argv[1]))):\n"
        "    try:\n        socket.create_connection(place, 2)\n"
        "    except OSError as error:\n        print(errno.errorcode[error.errno])\n"
    )
    outcome, told = await asked(runner, tmp_path, code, [web.rpartition(":")[2]], (web,))
    assert outcome.stdout == b"ENETUNREACH\nECONNREFUSED\n"
    assert told == []


def test_the_command_has_the_proxys_address_its_code_and_its_signals(runner: Runner, tmp_path: Path) -> None:
    script = "echo $http_proxy $HTTPS_PROXY $ALL_PROXY; yes | head -1; echo ${PIPESTATUS[0]}; exit 5"
    outcome = run_sync(["bash", "-c", script], Policy(tmp_path, egress=("a",)), socket=runner.socket)
    proxy = "http://127.0.0.1:3128"
    assert outcome.stdout.decode() == f"{proxy} {proxy} {proxy}\ny\n141\n"
    assert outcome.code == 5
    missing = run_sync(["no-such-program"], Policy(tmp_path, egress=("a",)), socket=runner.socket)
    assert missing.code != 0
    assert b"no-such-program" in missing.stderr


async def test_a_terminal_may_have_it_too(runner: Runner, tmp_path: Path, web: str) -> None:
    decisions: list[Egress] = []
    policy = Policy(tmp_path, egress=(web,), internal=(web,))
    argv = ["python3", "-c", GET, f"http://{web}/in-terminal"]
    said = b""
    env = {"no_proxy": ""}
    async with terminal(argv, policy, env=env, on_egress=decisions.append, socket=runner.socket) as shown:
        while data := await shown.read():
            said += data
    assert b"/in-terminal of" in said
    assert [one.allowed for one in decisions] == [True]


@pytest.mark.parametrize(
    ("entries", "host", "port", "expected"),
    [
        (("packages.example",), "packages.example", 443, True),
        (("packages.example",), "Packages.Example.", 80, True),
        (("packages.example",), "packages.example", 22, False),
        (("packages.example:22",), "packages.example", 22, True),
        (("packages.example:22",), "packages.example", 443, False),
        (("packages.example",), "evil-packages.example", 443, False),
        (("packages.example",), "packages.example.evil.net", 443, False),
        (("packages.example",), "files.packages.example", 443, False),
        (("*.packages.example",), "files.packages.example", 443, True),
        (("*.packages.example",), "a.b.packages.example", 443, True),
        (("*.packages.example",), "packages.example", 443, False),
        (("*.packages.example",), "evilpackages.example", 443, False),
        (("*",), "packages.example", 443, False),
        (("",), "packages.example", 443, False),
        ((), "packages.example", 443, False),
    ],
)
def test_which_hosts_a_list_names(entries: tuple[str, ...], host: str, port: int, expected: bool) -> None:
    assert allows(entries, host, port) is expected
