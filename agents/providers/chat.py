"""Chat completions with streaming and tools, over any server that speaks them.

One aiohttp session an instance, opened on first use in the loop that uses it. The caller passes a base URL it has
checked (and a resolver that pins the address, where the address was named by a person); redirects are not followed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from agents.engine.messages import Event, Request
from agents.providers.chunks import Chunks, body, failure
from agents.providers.protocol import BadResponse, ProviderError, Sse, StreamBroken, Unreachable

# A 400 that names one of these is answered by sending the request again under the other name, or without it.
OTHER_NAME: dict[str, str | None] = {
    "max_tokens": "max_completion_tokens",
    "stream_options": None,
    "temperature": None,
    "stop": None,
    "continue_final_message": None,
    "add_generation_prompt": None,
}
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


class ChatProvider:
    """An engine.messages.Provider. `base_url` ends before `/chat/completions`; `key` may be empty."""

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        patience: Patience | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._headers = _headers(key)
        self._patience = patience or Patience()
        self._resolver = resolver
        self._renamed: dict[str, str | None] = {}
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        """Lists of events, one for each read of the socket; the first one comes as soon as a token does."""
        attempt = 0
        while True:
            attempt += 1
            shown = False
            try:
                async with aclosing(self._attempt(request)) as answer:
                    async for events in answer:
                        shown = True
                        yield events
                return
            except ProviderError as error:
                wait = None if shown else self._patience.before(attempt, error)
                if wait is None:
                    raise
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """Close the session; streams still open end with Unreachable or StreamBroken."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, request: Request) -> AsyncGenerator[list[Event], None]:
        response = await self._open(request)
        chunks = Chunks(request)
        try:
            async with aclosing(_events(response, chunks)) as pieces:
                async for events in pieces:
                    yield events
            closing = chunks.end()
            if not closing and response.content_type != EVENTS:
                raise BadResponse(f"it sent {response.content_type} that is not a chat completion")
            if not closing:
                raise StreamBroken("The connection ended before the answer did.")
            yield closing
            await _drain(response)
        finally:
            # An answer left half-read is not put back into the pool: closing it is what tells the server to stop.
            response.close() if not response.content.at_eof() else response.release()

    async def _open(self, request: Request) -> aiohttp.ClientResponse:
        """The answer's head, after trying other parameter names if the server asks for them."""
        while True:
            response = await self._post(msgspec.json.encode(body(request, self._renamed)))
            if response.status == 200:
                return response
            raw = await _read_some(response)
            renamed = self._unwanted(raw) if response.status in (400, 422) else None
            if renamed is None:
                raise failure(response.status, raw, _retry_after(response))
            self._renamed[renamed] = OTHER_NAME[renamed]

    async def _post(self, data: bytes) -> aiohttp.ClientResponse:
        try:
            return await self._opened().post(self._url, data=data, headers=self._headers, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(_why(error)) from error

    def _unwanted(self, raw: bytes) -> str | None:
        """The optional parameter this refusal is about, unless it was already renamed."""
        text = raw.decode("utf-8", "replace")
        names = (name for name in OTHER_NAME if name in text and name not in self._renamed)
        return next((name for name in names if f"'{name}'" in text or f'"{name}"' in text or f"`{name}`" in text), None)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = new_session(self._patience, self._resolver)
        return self._session


async def models(
    base_url: str, key: str = "", *, seconds: float = 15, resolver: AbstractResolver | None = None
) -> list[str]:
    """The model names the server lists. Raises ProviderError."""
    patience = Patience(connect=seconds, idle=seconds)
    async with new_session(patience, resolver) as session:
        try:
            async with session.get(
                base_url.rstrip("/") + "/models", headers=_headers(key), allow_redirects=False
            ) as got:
                raw = await _read_some(got, 4 << 20)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(_why(error)) from error
    if got.status != 200:
        raise failure(got.status, raw, _retry_after(got))
    return model_names(raw)


def model_names(raw: bytes) -> list[str]:
    """The names in an answer to GET /models. Raises BadResponse when it is not one."""
    try:
        answer = msgspec.json.decode(raw)
    except msgspec.MsgspecError as error:
        raise BadResponse("its list of models is not JSON") from error
    rows = answer.get("data", answer.get("models")) if isinstance(answer, dict) else answer
    if not isinstance(rows, list):
        raise BadResponse("it gave no list of models")
    names = [row.get("id") or row.get("name") for row in rows if isinstance(row, dict)]
    return [name for name in names if isinstance(name, str) and name]


def new_session(patience: Patience, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(resolver=resolver, limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience.connect, sock_read=patience.idle)
    return aiohttp.ClientSession(
        connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
    )


async def _events(response: aiohttp.ClientResponse, chunks: Chunks) -> AsyncGenerator[list[Event], None]:
    streamed = response.content_type != "application/json"
    sse, whole = Sse(), bytearray()
    try:
        while not chunks.done and (piece := await response.content.readany()):
            if not streamed:
                whole += piece
                continue
            events: list[Event] = []
            for payload in sse.feed(piece):
                chunks.feed(payload, events)
            if events:
                yield events
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StreamBroken(_why(error)) from error
    events = []
    for payload in sse.end() if streamed else [bytes(whole)]:
        chunks.feed(payload, events)
    if events:
        yield events


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read the few bytes after the last event, so that the connection can serve the next call."""
    try:
        async with asyncio.timeout(DRAIN):
            while await response.content.readany():
                pass
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass  # it is closed instead


def _headers(key: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": f"{EVENTS}, application/json"}
    return headers | {"Authorization": f"Bearer {key}"} if key else headers


async def _read_some(response: aiohttp.ClientResponse, limit: int = ERROR_BYTES) -> bytes:
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


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Seconds asked for by the server; dates are not read."""
    try:
        return max(0.0, float(response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"Nobody answers at {error.host}:{error.port}."
    return "The connection failed."
