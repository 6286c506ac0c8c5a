"""The proxy a sandbox without a network is given on a unix socket: HTTP and CONNECT, to allowed hosts only.

It resolves names itself, once, and connects to the address it checked: an answer that changes afterwards changes
nothing. Addresses of the server's own network are refused, whatever names them, unless an administrator listed the
host. Each decision is told. What goes through an allowed connection is not looked at (it is TLS): an allowed host that
serves as a front for others lets them through.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ide import fetch
from ide.runner.wire import Egress

HEAD_BYTES = 32 << 10
HEAD_SECONDS, CONNECT_SECONDS = 20.0, 20.0
CONNECTIONS = 128  # of one sandbox at once
PIECE = 64 << 10
PORTS = (80, 443)  # where an entry of the list names none
_NOT_SENT_ON = (b"proxy-", b"connection:", b"host:", b"keep-alive:")
_REASONS = {400: "Bad Request", 403: "Forbidden", 429: "Too Many Requests", 502: "Bad Gateway"}


class Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def allows(entries: Collection[str], host: str, port: int) -> bool:
    """Whether one of `host`, `host:port`, `*.host`, `*.host:port` names this address. A star is at least one label."""
    host = host.lower().rstrip(".")
    for entry in entries:
        name, _, given = entry.strip().lower().partition(":") if entry.count(":") == 1 else (entry.lower(), "", "")
        if given != str(port) if given else port not in PORTS:
            continue
        name = name.strip("[]").rstrip(".")
        if host == name or (name.startswith("*.") and host.endswith(name[1:]) and host != name[2:]):
            return True
    return False


@dataclass
class Proxy:
    """One sandbox's door. `tell` gets every decision."""

    allowed: Collection[str]
    internal: Collection[str]
    tell: Callable[[Egress], None]
    _server: asyncio.Server | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def listen(self, path: Path) -> None:
        """Raises OSError. The socket may be used by all who reach it: the folder decides who does."""
        self._server = await asyncio.start_unix_server(self._serve, str(path), limit=HEAD_BYTES)
        os.chmod(path, 0o666)  # noqa: S103 (its folder is closed)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (start_unix_server runs this in a task)
        self._open.add(task)
        try:
            if len(self._open) > CONNECTIONS:
                raise Refused(429, "too many connections at once")
            await self._answer(reader, writer)
        except Refused as no:
            body = f"Tandem's egress proxy: {no}\n".encode()
            head = f"HTTP/1.1 {no.status} {_REASONS[no.status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # one end is gone, or the sandbox is
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        method, target, rest = await _head(reader)
        if method == "CONNECT":
            host, port = _place(f"//{target}", 0)
            near, first = await self._connected(host, port), b""
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            parts = urlsplit(target)
            if parts.scheme != "http":
                raise Refused(400, "only whole http:// addresses and CONNECT are understood")
            host, port = _place(target, 80)
            path = parts._replace(scheme="", netloc="").geturl() or "/"
            near = await self._connected(host, port)
            shown = f"{host}:{port}" if port != 80 else host
            first = f"{method} {path} HTTP/1.1\r\nHost: {shown}\r\nConnection: close\r\n".encode() + rest + b"\r\n"
        await _joined((reader, writer), near, first)

    async def _connected(self, host: str, port: int) -> tuple[StreamReader, StreamWriter]:
        shown = f"[{host}]" if ":" in host else host
        if not allows(self.allowed, host, port):
            raise self._refused(host, port, 403, f"{shown}:{port} is not among the hosts this workspace allows")
        try:
            checked = await fetch.check_url(f"https://{shown}:{port}/", ("https",), internal_hosts=self.internal)
        except fetch.Refusal as no:
            raise self._refused(host, port, 403, no.what) from no
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await asyncio.open_connection(checked.address, port)
        except (OSError, TimeoutError) as error:
            raise self._refused(host, port, 502, f"{shown}:{port} does not answer") from error
        self.tell(Egress(host, port, allowed=True))
        return connection

    def _refused(self, host: str, port: int, status: int, why: str) -> Refused:
        self.tell(Egress(host, port, allowed=False, why=why))
        return Refused(status, why)


async def _head(reader: StreamReader) -> tuple[str, str, bytes]:
    """Method, target, and the header lines to send on: none that are meant for a proxy, none that we set."""
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise Refused(400, "the request's head is too long") from error
    except (asyncio.IncompleteReadError, TimeoutError) as error:
        raise ConnectionError("no request") from error
    first, *lines = head[:-4].split(b"\r\n")
    words = first.decode("latin-1").split(" ")
    is_one = len(words) == 3 and words[2].startswith("HTTP/1.") and words[0].isalpha()
    if not is_one or b"\n" in head.replace(b"\r\n", b""):
        raise Refused(400, "this is not a request of HTTP/1.1")
    kept = [line for line in lines if not line.lower().startswith(_NOT_SENT_ON)]
    return words[0].upper(), words[1], b"".join(line + b"\r\n" for line in kept)


def _place(target: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(target)
        host, given = parts.hostname or "", parts.port or port
    except ValueError as error:
        raise Refused(400, "this is not an address") from error
    if not host or not given or parts.username is not None:
        raise Refused(400, "the address names no host and port")
    return host, given


async def _joined(
    far: tuple[StreamReader, StreamWriter], near: tuple[StreamReader, StreamWriter], first: bytes
) -> None:
    """Pass bytes both ways until both ends have ended."""
    near[1].write(first)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pass(far[0], near[1]))
            both.create_task(_pass(near[0], far[1]))
    except* ConnectionError:
        pass
    finally:
        near[1].close()


async def _pass(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
