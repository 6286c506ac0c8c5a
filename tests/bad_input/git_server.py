"""git repositories over HTTP on the loopback address: git's own server behind a few lines of CGI."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from aiohttp import web

_PLAIN = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_HTTP_EXPORT_ALL": "1",
}


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    """A person's own git, with nothing configured."""
    identity = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**_PLAIN, **identity}
    done = subprocess.run(["git", *words], cwd=folder, env=env, input=stdin, check=True, capture_output=True)
    return done.stdout.decode().strip()


class GitServer:
    """Serves the bare repositories in `folder`: `/name` openly, `/private/name` never (401), `/moved/name` by a
    redirection, `/broken/name` with status 500, `/page/name` as a web page, `/gone/name` by hanging up, `/stuck/name`
    not at all: the connection stays open. `asked` are the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.host = ""

    def add(self, name: str, files: dict[str, bytes], links: dict[str, str] | None = None) -> None:
        """A repository of one commit."""
        work = self.folder / f"{name}.work"
        work.mkdir(parents=True)
        git(work, "init", "-q", "-b", "main")
        for path, data in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(data)
        for path, to in (links or {}).items():
            (work / path).symlink_to(to)
        git(work, "add", "--all")
        git(work, "commit", "-q", "-m", "first")
        git(self.folder, "clone", "-q", "--bare", str(work), name)

    def add_unsafe(self, name: str) -> None:
        """A repository whose commit has a folder `.git`, which no honest git makes."""
        self.add(name, {"a.txt": b"x\n"})
        bare = self.folder / name
        inside = git(bare, "rev-parse", "HEAD^{tree}")
        raw = b"40000 .git\0" + bytes.fromhex(inside)
        tree = git(bare, "hash-object", "-t", "tree", "--literally", "-w", "--stdin", stdin=raw)
        git(bare, "update-ref", "refs/heads/main", git(bare, "commit-tree", "-m", "second", tree))

    def url(self, path: str) -> str:
        return f"http://{self.host}/{path}"

    async def __aenter__(self) -> GitServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.asked.append(path)
        if path.startswith("/private/"):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        if path.startswith("/moved/"):
            return web.Response(status=302, headers={"Location": str(request.rel_url).replace("/moved/", "/", 1)})
        if path.startswith("/broken/"):
            return web.Response(status=500)
        if path.startswith("/page/"):
            return web.Response(
                text="<!doctype html>\n<title>A project</title>\n<p>Hello</p>\n", content_type="text/html"
            )
        if path.startswith("/gone/") and request.transport is not None:
            request.transport.abort()
        if path.startswith("/stuck/"):
            await asyncio.Event().wait()
        return await self._git(request)

    async def _git(self, request: web.Request) -> web.Response:
        env = {
            **_PLAIN,
            "GIT_PROJECT_ROOT": str(self.folder),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        pipe = asyncio.subprocess.PIPE
        server = await asyncio.create_subprocess_exec(
            "git", "http-backend", stdin=pipe, stdout=pipe, stderr=pipe, env=env
        )
        out, _ = await server.communicate(await request.read())
        head, _, body = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, headers=headers, body=body)
