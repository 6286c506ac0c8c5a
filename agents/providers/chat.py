"""Chat completions with streaming and tools, over any server that speaks them.

One aiohttp session an instance, opened on first use in the loop that uses it. The caller passes a base URL it has
checked (and a resolver that pins the address, where the address was named by a person); redirects are not followed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from agents.engine.messages import Event, Request
from agents.providers.chunks import Chunks, body, failure
from agents.providers.http import (
    EVENTS,
    Patience,
    bearer,
    drain,
    limits_of,
    new_session,
    payloads,
    put_back,
    read_some,
    retried,
    retry_after,
    why,
)
from agents.providers.protocol import BadResponse, StreamBroken, Unreachable

# A 400 that names one of these is answered by sending the request again under the other name, or without it.
OTHER_NAME: dict[str, str | None] = {
    "max_tokens": "max_completion_tokens",
    "stream_options": None,
    "temperature": None,
    "stop": None,
    "continue_final_message": None,
    "add_generation_prompt": None,
    "prediction": None,
}


class ChatProvider:
    """An engine.messages.Provider. `base_url` ends before `/chat/completions`; `key` may be empty; `extra` are fields
    of this endpoint, such as a service tier."""

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        patience: Patience | None = None,
        resolver: AbstractResolver | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self._extra = dict(extra or {})
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._headers = bearer(key)
        self._patience = patience or Patience()
        self._resolver = resolver
        self.renamed: dict[str, str | None] = {}  # parameters this server calls otherwise, or does not take
        self._session: aiohttp.ClientSession | None = None
        self.limits: dict[str, str] = {}  # the provider's own, of its last answer

    def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        """Lists of events, one for each read of the socket; the first one comes as soon as a token does."""
        return retried(self._patience, lambda: self._attempt(request))

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
            await drain(response)
        finally:
            put_back(response)

    async def _open(self, request: Request) -> aiohttp.ClientResponse:
        """The answer's head, after trying other parameter names if the server asks for them."""
        while True:
            response = await self._post(msgspec.json.encode(body(request, self.renamed, self._extra)))
            self.limits = limits_of(response.headers) or self.limits
            if response.status == 200:
                return response
            raw = await read_some(response)
            renamed = self._unwanted(raw) if response.status in (400, 422) else None
            if renamed is None:
                raise failure(response.status, raw, retry_after(response))
            self.renamed[renamed] = OTHER_NAME.get(renamed)

    async def _post(self, data: bytes) -> aiohttp.ClientResponse:
        try:
            return await self._opened().post(self._url, data=data, headers=self._headers, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(why(error)) from error

    def _unwanted(self, raw: bytes) -> str | None:
        """The optional parameter this refusal is about, unless it was already renamed."""
        text = raw.decode("utf-8", "replace").replace('\\"', '"')
        names = (name for name in (*OTHER_NAME, *self._extra) if name in text and name not in self.renamed)
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
            async with session.get(base_url.rstrip("/") + "/models", headers=bearer(key), allow_redirects=False) as got:
                raw = await read_some(got, 4 << 20)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(why(error)) from error
    if got.status != 200:
        raise failure(got.status, raw, retry_after(got))
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


async def _events(response: aiohttp.ClientResponse, chunks: Chunks) -> AsyncGenerator[list[Event], None]:
    if response.content_type == "application/json":
        events: list[Event] = []
        chunks.feed(await _whole(response), events)
        if events:
            yield events
        return
    async with aclosing(payloads(response)) as pieces:
        async for ready in pieces:
            events = []
            try:
                for payload in ready:
                    chunks.feed(payload, events)
            finally:  # what came in front of an error was said
                if events:
                    yield events
            if chunks.done:
                return


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StreamBroken(why(error)) from error
