"""Anthropic messages over server-sent events. Source: reference "protocols" §4."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from agents.engine.messages import Event, Request
from agents.providers.anthropic_wire import Answer, body
from agents.providers.chunks import failure
from agents.providers.http import (
    EVENTS,
    Patience,
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

VERSION = "2023-06-01"


class AnthropicProvider:
    """An engine.messages.Provider. `base_url` ends before `/messages`; `extra` are fields of this endpoint, such as
    thinking or a service tier."""

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        patience: Patience | None = None,
        resolver: AbstractResolver | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self._url = base_url.rstrip("/") + "/messages"
        self._headers = {"anthropic-version": VERSION, "Content-Type": "application/json", "Accept": EVENTS}
        if key:
            self._headers["x-api-key"] = key
        self._patience = patience or Patience()
        self._resolver = resolver
        self._extra = dict(extra or {})
        self._eager = True
        self._session: aiohttp.ClientSession | None = None
        self.limits: dict[str, str] = {}  # the provider's own, of its last answer

    def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        """Lists of events, one for each read of the socket."""
        return retried(self._patience, lambda: self._attempt(request))

    async def connect(self) -> None:
        """Nothing to open ahead: HTTP connections are made by the first call and kept."""

    async def close(self) -> None:
        """Close the session; streams still open end with Unreachable or StreamBroken."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, request: Request) -> AsyncGenerator[list[Event], None]:
        response = await self._open(request)
        answer = Answer(request)
        try:
            if response.content_type != EVENTS:
                raise BadResponse(f"it sent {response.content_type} that is no stream of events")
            async with aclosing(payloads(response)) as pieces:
                async for ready in pieces:
                    events: list[Event] = []
                    try:
                        for payload in ready:
                            answer.feed(payload, events)
                    finally:  # what came in front of an error was said
                        if events:
                            yield events
                    if answer.done:
                        return
            raise StreamBroken("The connection ended before the answer did.")
        finally:
            put_back(response)

    async def _open(self, request: Request) -> aiohttp.ClientResponse:
        """The answer's head; a server that does not know eager tool streaming is asked again without."""
        while True:
            response = await self._post(msgspec.json.encode(body(request, eager=self._eager, extra=self._extra)))
            self.limits = limits_of(response.headers) or self.limits
            if response.status == 200:
                return response
            raw = await read_some(response)
            if not (self._eager and response.status == 400 and b"eager_input_streaming" in raw):
                raise failure(response.status, raw, retry_after(response))
            self._eager = False

    async def _post(self, data: bytes) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = new_session(self._patience, self._resolver)
        try:
            return await self._session.post(self._url, data=data, headers=self._headers, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(why(error)) from error
