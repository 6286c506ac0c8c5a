"""What the adapters share of HTTP: sessions, patience, and how a failed connection is told.

The caller passes a base URL it has checked (and a resolver that pins the address, where the address was named by a
person); redirects are not followed, proxies and cookies of the environment not used.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver

from agents.engine.messages import Event
from agents.providers.protocol import ProviderError, Sse, StreamBroken

ERROR_BYTES = 64 << 10
EVENTS = "text/event-stream"
DRAIN = 0.05  # seconds


@dataclass(frozen=True)
class Patience:
    """Seconds and tries before a provider is given up. Only a call without any output yet is tried again."""

    connect: float = 15.0
    idle: float = 60.0
    retries: int = 2
    first_wait: float = 0.5
    longest_wait: float = 20.0

    def before(self, attempt: int, error: ProviderError) -> float | None:
        """Seconds to wait before try `attempt` (from 1), or None when it is not worth another."""
        if not error.passing or attempt > self.retries:
            return None
        wait = self.first_wait * 2.0 ** (attempt - 1)
        if error.retry_after is not None:
            if error.retry_after > self.longest_wait:
                return None
            wait = error.retry_after
        return wait * random.uniform(1.0, 1.25)  # noqa: S311


async def retried(
    patience: Patience, attempt: Callable[[], AsyncGenerator[list[Event], None]]
) -> AsyncGenerator[list[Event], None]:
    """The events of `attempt()`, made anew while its errors may pass and nothing of it has been shown."""
    tries = 0
    while True:
        tries += 1
        shown = False
        try:
            async with aclosing(attempt()) as answer:
                async for events in answer:
                    shown = True
                    yield events
            return
        except ProviderError as error:
            wait = None if shown else patience.before(tries, error)
            if wait is None:
                raise
        await asyncio.sleep(wait)


def new_session(patience: Patience, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(resolver=resolver, limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience.connect, sock_read=patience.idle)
    return aiohttp.ClientSession(
        connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
    )


async def payloads(response: aiohttp.ClientResponse) -> AsyncGenerator[list[bytes], None]:
    """The `data` payloads of a server-sent-event answer: one list for each read of the socket. Raises StreamBroken."""
    sse = Sse()
    try:
        while piece := await response.content.readany():
            if ready := sse.feed(piece):
                yield ready
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StreamBroken(why(error)) from error
    if ready := sse.end():
        yield ready


def put_back(response: aiohttp.ClientResponse) -> None:
    """An answer left half-read is not put back into the pool: closing it is what tells the server to stop."""
    response.close() if not response.content.at_eof() else response.release()


async def drain(response: aiohttp.ClientResponse) -> None:
    """Read the few bytes after the last event, so that the connection can serve the next call."""
    try:
        async with asyncio.timeout(DRAIN):
            while await response.content.readany():
                pass
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass  # it is closed instead


def bearer(key: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": f"{EVENTS}, application/json"}
    return headers | {"Authorization": f"Bearer {key}"} if key else headers


async def read_some(response: aiohttp.ClientResponse, limit: int = ERROR_BYTES) -> bytes:
    """At most `limit` bytes of the body; the connection is closed after."""
    read = bytearray()
    try:
        while len(read) < limit and (piece := await response.content.readany()):
            read += piece
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass  # the status alone says enough
    finally:
        response.close()
    return bytes(read[:limit])


def retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Seconds asked for by the server; dates are not read."""
    try:
        return max(0.0, float(response.headers.get("retry-after", "")))
    except ValueError:
        return None


def why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"Nobody answers at {error.host}:{error.port}."
    return "The connection failed."


def limits_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The provider's own rate limits as its headers tell them, without their common prefixes."""
    marks = ("x-ratelimit-", "anthropic-ratelimit-")
    told = {name.lower(): value for name, value in headers.items()}
    return {n.removeprefix(m): v for n, v in told.items() for m in marks if n.startswith(m)}
