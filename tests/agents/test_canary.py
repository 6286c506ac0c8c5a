"""A key goes to its provider, in a header, and nowhere else: a canary on a whole site, then everything is searched.

Asked is a server that records what arrives, calls a tool that prints the environment, and refuses with the key in its
message. Searched are what people are told, the log, every file of the site (the database among them), every command
that went through Redis, its keys, and the environment of each process.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import socket
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.client import Json, Person, Refusal, Tab, eventually
from tests.site import Site, free_port

CANARY = "sk-canary-7f3a91c2d5e84b60a1"
ENVIRONMENT = "env; echo the environment ends here"


@dataclass
class Recorder:
    """A chat completions server: /v1 works and calls the tool once, /refusing/v1 refuses."""

    port: int
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.headers.append(dict(request.headers))
        self.bodies.append(request.path_qs + body)
        if request.path.startswith("/refusing"):
            told = f"Incorrect API key provided: {CANARY}. (Authorization: {request.headers['Authorization']})"
            return web.json_response({"error": {"message": told, "code": "invalid_api_key"}}, status=401)
        asked: Json = json.loads(body)
        names = {tool["function"]["name"] for tool in asked.get("tools", [])}
        answered = any(message["role"] == "tool" for message in asked["messages"])
        call = {"index": 0, "id": "call_1", "function": {"name": "run_command", "arguments": _arguments()}}
        delta = {"tool_calls": [call]} if "run_command" in names and not answered else {"content": "All is well."}
        chunk = {"choices": [{"delta": delta, "finish_reason": "tool_calls" if "tool_calls" in delta else "stop"}]}
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())
        return response


def _arguments() -> str:
    return json.dumps({"command": ENVIRONMENT})


@asynccontextmanager
async def recording(port: int) -> AsyncIterator[Recorder]:
    recorder = Recorder(port)
    app = web.Application(client_max_size=16 << 20)
    app.router.add_post("/{path:.*}", recorder.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield recorder
    finally:
        await runner.cleanup()


class Tap:
    """Every command that goes through the site's Redis, as Redis itself tells (MONITOR), in a thread."""

    def __init__(self, path: Path) -> None:
        self.heard = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.sendall(b"MONITOR\r\n")
        assert self._socket.recv(5) == b"+OK\r\n"
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError):
            while piece := self._socket.recv(1 << 16):
                self.heard += piece

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def site(port: int, tmp_path: Path) -> Iterator[Site]:
    hosts = f"127.0.0.1:{port}"
    with Site(tmp_path / "site", TANDEM_BUILTIN_MODEL="false", TANDEM_INTERNAL_HOSTS=hosts) as running:
        yield running
    assert running.left() == []


async def test_a_key_reaches_its_provider_and_nothing_else(site: Site, port: int) -> None:
    tap = Tap(redis_of(site))
    told: list[str] = []
    async with recording(port) as recorder, await Person.new(site.link, "ana") as ana:
        workspace = (await ana.workspace("w"))["id"]
        good = await connected(ana, workspace, "Good", f"http://127.0.0.1:{port}/v1")
        bad = await connected(ana, workspace, "Bad", f"http://127.0.0.1:{port}/refusing/v1")
        tab = await ana.tab(workspace)
        told += [json.dumps(await ana.post(f"/endpoints/{good}/test"))]
        told += await refused(ana, bad)
        told += [await turn(tab, good, "completed"), await turn(tab, bad, "failed")]
        told += [await job(ana, workspace, good), await job(ana, workspace, bad)]
        told += [json.dumps(await ana.get(path)) for path in answers(workspace)]
        told += [await page(ana, path) for path in pages(workspace, good, bad)]
        told.append(json.dumps(tab.events))
        await tab.close()
        environments = processes(site)
        files = {path: await asyncio.to_thread(path.read_bytes) for path in site.data.rglob("*") if path.is_file()}
        columns = dump(site.data)
        tap.close()
    assert all(CANARY in head["Authorization"] for head in recorder.headers), "the key arrives at its provider"
    assert {head["Authorization"] for head in recorder.headers} == {f"Bearer {CANARY}"}
    assert not holds("\n".join(recorder.bodies)), "in a header, never in a prompt or in what a command has printed"
    assert any("PATH=" in body for body in recorder.bodies), "a command has printed its environment"
    assert not [text for text in told if holds(text)], "never told to people"
    assert not holds("".join(site.lines)), "never in the log"
    assert [path for path, data in files.items() if holds(data)] == [], "never in a file of the site"
    assert [name for name, data in columns if holds(data)] == [], "never in a column"
    assert b"celery" in bytes(tap.heard), "the tap has heard tasks go by"
    assert not holds(bytes(tap.heard)), "never in a task's arguments or anything else in Redis"
    assert environments, "the site's processes can be looked at"
    assert not [words for words, data in environments if holds(data)], "never in an environment"


def holds(text: str | bytes) -> bool:
    """The key, or the better part of it, plain or in base64."""
    data = text.encode() if isinstance(text, str) else text
    return CANARY.encode() in data or CANARY[10:].encode() in data or base64.b64encode(CANARY.encode())[:24] in data


def redis_of(site: Site) -> Path:
    """The socket of its embedded Redis; other sites may run beside it."""
    mark = hashlib.sha256(str(site.data.resolve()).encode()).hexdigest()[:10]
    return Path(tempfile.gettempdir(), f"tandem-{os.getuid()}-{mark}", "valkey.sock")


def processes(site: Site) -> list[tuple[str, bytes]]:
    """Command line and environment of every process of the site."""
    own = f"TANDEM_DATA={site.data}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (folder / "environ").read_bytes()
            if own in environment.split(b"\0"):
                found.append(((folder / "cmdline").read_text(), environment))
    return found


def dump(data: Path) -> list[tuple[str, bytes]]:
    """Every column of text or bytes of every table, by name."""
    (path,) = (p for p in data.rglob("*") if p.is_file() and p.read_bytes()[:15] == b"SQLite format 3")
    columns: list[tuple[str, bytes]] = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        for (table,) in base.execute("select name from sqlite_master where type = 'table'").fetchall():
            rows = base.execute(f'select * from "{table}"')
            names = [column[0] for column in rows.description]
            for row in rows:
                pairs = zip(names, row, strict=True)
                columns += [(f"{table}.{n}", v if isinstance(v, bytes) else str(v).encode()) for n, v in pairs]
    assert any(name == "agents_endpoint.key_encrypted" and data for name, data in columns)
    return columns


async def connected(ana: Person, workspace: str, name: str, base_url: str) -> int:
    body = {"name": name, "dialect": "chat", "base_url": base_url, "model": "m", "key": CANARY, "scope": "team"}
    row = await ana.post(f"/workspaces/{workspace}/endpoints", body)
    return int(row["id"])


async def refused(ana: Person, endpoint: int) -> list[str]:
    """What a test and a probe say whose provider refuses."""
    said = []
    for act in ("test", "probe"):
        with pytest.raises(Refusal) as caught:
            await ana.post(f"/endpoints/{endpoint}/{act}")
        said.append(str(caught.value.problem))
        assert "refused the key" in said[-1]
    return said


async def turn(tab: Tab, endpoint: int, state: str) -> str:
    session = (await tab.call("session.create"))["session"]["id"]
    asked = {"session": session, "text": "Are you well?", "mentions": [], "endpoint": endpoint}
    started = (await tab.call("turn.start", **asked))["turn"]
    ended = await tab.event("turn.ended", lambda e: e["turn"]["id"] == started)
    assert ended["turn"]["state"] == state, ended
    return json.dumps([ended, await tab.call("session.open", session=session)])


async def job(ana: Person, workspace: str, endpoint: int) -> str:
    """A job that prints the environment its command has, or that is refused."""
    body = {"kind": "agent", "instruction": "Look around.", "paths": [], "endpoint": endpoint}
    made = await ana.post(f"/workspaces/{workspace}/jobs", body)

    async def ended() -> Any:
        row = await ana.get(f"/jobs/{made['id']}")
        return row if row["state"] not in ("queued", "running") else None

    return json.dumps(await eventually(ended, "the end of the job", 60))


def answers(workspace: str) -> list[str]:
    here = f"/workspaces/{workspace}"
    return [f"{here}/endpoints", f"{here}/models", f"{here}/jobs", here, "/me", "/me/tokens"]


def pages(workspace: str, *endpoints: int) -> list[str]:
    rows = [f"/admin/agents/endpoint/{row}/change/" for row in endpoints]
    return ["/", f"/w/{workspace}", "/dashboard/", "/admin/agents/endpoint/", "/not-there", *rows]


async def page(ana: Person, path: str) -> str:
    async with ana.http.get(f"{ana.url}{path}") as shown:
        return await shown.text()
