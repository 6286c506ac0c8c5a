"""The Responses API: over a persistent WebSocket where the server offers one, over HTTP where it does not.

One provider an endpoint and loop, shared by its conversations: the socket, the lanes and what the server has cached
outlive a turn. A conversation's next call sends only what is new, if everything before is exactly what the server has
(same fields, same messages); the history is the truth, the chain only a cache. Source: reference "protocols" §1, §2.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Literal

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from agents.engine.messages import Done, Event, Message, Request, SteerCommitted, Usage
from agents.providers.chunks import failure
from agents.providers.http import (
    EVENTS,
    Patience,
    bearer,
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
from agents.providers.responses_chain import Chain, Live
from agents.providers.responses_pool import NoSocket, Sockets
from agents.providers.responses_request import Abilities, fields, items
from agents.providers.responses_socket import Socket
from agents.providers.responses_steer import RECEIPTS, Steers
from agents.providers.responses_wire import NOT_FOUND, Answer, Frame, Reported, decode_frame

CHAINS = 256  # conversations whose last response is remembered
SUCCESSOR_SECONDS = 10.0  # a steered response's successor begins within

Transport = Literal["auto", "socket", "http"]


class ResponsesProvider:
    """An engine.messages.Provider. `base_url` ends before `/responses`; `key` may be empty.

    `transport` auto uses the socket and falls back to HTTP for ten minutes when the server refuses the upgrade or
    three connects in a row have failed.
    """

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        abilities: Abilities | None = None,
        transport: Transport = "auto",
        patience: Patience | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._url = base_url.rstrip("/") + "/responses"
        self._key = key
        self._transport = transport
        self._patience = patience or Patience()
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._chains: OrderedDict[str, Chain] = OrderedDict()
        self._live: dict[str, Live] = {}
        self.abilities = abilities or Abilities()
        self._sockets = Sockets(
            self._url,
            key,
            self._opened,
            self._forget,
            lanes=self.abilities.lanes,
            required=transport == "socket",
            connect_seconds=self._patience.connect,
        )
        self.limits: dict[str, str] = {}  # the provider's own, of its last answer

    # --- the seam -----------------------------------------------------------------------------------------------------

    def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        """Lists of events: all that had arrived at each look."""
        return retried(self._patience, lambda: self._attempt(request))

    async def connect(self) -> None:
        """Open the socket now, so that the first call need not wait for it. Raises ProviderError."""
        if self.uses_socket and not self._sockets.ready:
            with contextlib.suppress(NoSocket):
                await self._sockets.connect()

    async def prewarm(self, request: Request) -> Usage | None:
        """Let the server read the instructions, tools and messages now; the conversation's next call starts from there.

        Nothing is generated; returns what it counted. Does nothing over HTTP. Raises ProviderError.
        """
        used: Usage | None = None
        if self.uses_socket:
            async with aclosing(self._over_socket(request, warm=True)) as answer:
                async for events in answer:
                    used = next((event for event in events if isinstance(event, Usage)), used)
        return used

    async def steer(self, conversation: str, text: str) -> bool:
        """Say something to the running response of a conversation; whether it was sent.

        What becomes of it is told in the stream: SteerCommitted, or SteerFailed.
        """
        live = self._live.get(conversation)
        if live is None or not self.abilities.steer or not live.answer.id or live.answer.done:
            return False
        payload = {"type": "response.steer", "previous_response_id": live.answer.id, "input": text}
        live.steers.sent.append(text)
        try:
            await live.socket.send(msgspec.json.encode(payload).decode())
        except StreamBroken:
            live.steers.sent.remove(text)
            return False
        return True

    def forget(self, conversation: str) -> None:
        """A turn was given up: steers the server has accepted and not used must not reach the conversation's next one,
        so what they wait on is left behind."""
        chain = self._chains.get(conversation)
        if chain is not None and chain.steers.open:
            del self._chains[conversation]
            self._leave_lane(chain)

    def sockets(self) -> list[Socket]:
        """Those that are open now."""
        return self._sockets.all()

    async def renew(self) -> None:
        """Move to a new socket, as happens by itself before the old one's hour is over."""
        await self._sockets.renew()

    async def close(self) -> None:
        """Close every socket; streams still open end with StreamBroken."""
        await self._sockets.close()
        self._chains.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    # --- which way ----------------------------------------------------------------------------------------------------

    @property
    def uses_socket(self) -> bool:
        return self._transport != "http" and self._sockets.offered

    async def _attempt(self, request: Request) -> AsyncGenerator[list[Event], None]:
        way = self._over_http(request)
        if self.uses_socket:
            await way.aclose()
            way = self._over_socket(request)
        async with aclosing(way) as answer:
            async for events in answer:
                yield events

    # --- HTTP ---------------------------------------------------------------------------------------------------------

    async def _over_http(self, request: Request) -> AsyncGenerator[list[Event], None]:
        body = fields(request, self.abilities) | {"input": items(request.messages, self.abilities), "stream": True}
        response = await self._post(msgspec.json.encode(body))
        answer = Answer(request.messages)
        try:
            if response.content_type != EVENTS:
                raise BadResponse(f"it sent {response.content_type} that is no stream of events")
            async with aclosing(payloads(response)) as pieces:
                async for ready in pieces:
                    events: list[Event] = []
                    try:
                        for one in ready:
                            if one.strip() != b"[DONE]":
                                answer.feed(decode_frame(one), events)
                    finally:  # what came in front of an error was said
                        answer.flush(events)
                        if events:
                            yield events
                    if answer.done:
                        return
            raise StreamBroken("The connection ended before the answer did.")
        except Reported as told:
            raise BadResponse(told.code) from told
        finally:
            put_back(response)

    async def _post(self, data: bytes) -> aiohttp.ClientResponse:
        try:
            response = await self._opened().post(self._url, data=data, headers=bearer(self._key), allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(why(error)) from error
        self.limits = limits_of(response.headers) or self.limits
        if response.status != 200:
            raise failure(response.status, await read_some(response), retry_after(response))
        return response

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = new_session(self._patience, self._resolver)
        return self._session

    # --- the socket ---------------------------------------------------------------------------------------------------

    async def _over_socket(self, request: Request, *, warm: bool = False) -> AsyncGenerator[list[Event], None]:
        try:
            socket, lane, chain, lost = await self._place(request)
        except NoSocket:
            if warm:
                return
            async with aclosing(self._over_http(request)) as plain:
                async for events in plain:
                    yield events
            return
        if lost:
            yield lost
        while True:
            try:
                payload = self._payload(request, lane, chain, warm=warm)
                steers = chain.steers if chain is not None else Steers()
                async with aclosing(self._run(request, socket, lane, payload, steers)) as answer:
                    async for events in answer:
                        yield events
                return
            except Reported as told:
                self._chains.pop(request.conversation, None)
                if told.code != NOT_FOUND or chain is None:
                    socket.retire()  # its lanes or its hour are used up: a new one is opened for the next try
                    raise StreamBroken("The provider ended the connection.") from told
                chain = None  # the server no longer has it: everything is sent, once

    def _payload(self, request: Request, lane: str, chain: Chain | None, *, warm: bool) -> str:
        known = fields(request, self.abilities)
        begun = len(chain.messages) if chain is not None else 0
        body = {"type": "response.create", **known, "input": items(request.messages[begun:], self.abilities)}
        if chain is not None:
            body["previous_response_id"] = chain.response
        if lane:
            body["stream_id"] = lane
        if warm:
            body["generate"] = False
        return msgspec.json.encode(body).decode()

    async def _run(
        self, request: Request, socket: Socket, lane: str, payload: str, steers: Steers
    ) -> AsyncGenerator[list[Event], None]:
        """The run's events, its successors' too. Raises Reported for errors with a meaning of their own."""
        run = await socket.start(lane, payload)
        live = Live(socket, run, Answer(request.messages), steers)
        if request.conversation:
            self._live[request.conversation] = live
        asked: Sequence[Message] = request.messages
        try:
            while not live.answer.done or live.awaits_successor:
                events: list[Event] = []
                try:
                    for frame in await self._next(live, events):
                        asked = self._take(live, asked, frame, events)
                finally:
                    live.answer.flush(events)
                    if events:
                        yield events
            self._chained(request, live, asked)
        finally:
            if self._live.get(request.conversation) is live:
                del self._live[request.conversation]
            socket.leave(run, for_good=live.steers.open and not live.answer.done)

    async def _next(self, live: Live, events: list[Event]) -> list[Frame]:
        """The frames that have come. A successor that never begins ends the wait, and its steers are told as lost."""
        waiting = live.answer.done
        try:
            return await live.run.take(SUCCESSOR_SECONDS if waiting else self._patience.idle)
        except StreamBroken:
            if not waiting:
                raise
            events += live.steers.lost()
            live.steers, live.answer.steered = Steers(), False
            events.append(Done())
            return []

    def _take(self, live: Live, asked: Sequence[Message], frame: Frame, events: list[Event]) -> Sequence[Message]:
        """One frame; returns what the answer under way answers, which a steer makes longer."""
        if frame.type in RECEIPTS:
            live.steers.receipt(frame, events)
        elif frame.type == "response.created" and live.steers.open:
            live.answer.flush(events)
            said = live.steers.texts()
            before = (live.answer.message(),) if live.answer.done else ()
            asked = (*asked, *before, *(Message("user", text) for text in said))
            live.steers, live.answer, live.run.ended = Steers(), Answer(asked), False
            events.append(SteerCommitted(said))
            live.answer.feed(frame, events)
        else:
            live.answer.feed(frame, events)
        return asked

    def _chained(self, request: Request, live: Live, asked: Sequence[Message]) -> None:
        if not request.conversation or not live.answer.id:
            return
        told = live.answer.message()
        said = (told,) if told.text or told.calls else ()
        known = fields(request, self.abilities)
        chain = Chain(live.socket, live.run.lane, live.answer.id, known, (*asked, *said), live.steers)
        self._chains[request.conversation] = chain
        self._chains.move_to_end(request.conversation)
        while len(self._chains) > CHAINS:
            self._chains.popitem(last=False)

    async def _place(self, request: Request) -> tuple[Socket, str, Chain | None, list[Event]]:
        """Where the call runs, the chain it continues, and the steers that a broken chain loses.

        Raises NoSocket, ProviderError.
        """
        chain = self._chains.pop(request.conversation, None) if request.conversation else None
        if chain is not None and chain.socket.idle(chain.lane):
            if _follows(request, chain, fields(request, self.abilities)):
                return chain.socket, chain.lane, chain, []
            if not chain.steers.open:
                return chain.socket, chain.lane, None, []
            self._leave_lane(chain)
        socket, lane = await self._sockets.place()
        return socket, lane, None, chain.steers.lost() if chain is not None else []

    def _leave_lane(self, chain: Chain) -> None:
        """The server puts accepted steers before whatever comes next on a lane. Named lanes are not given out twice."""
        if not self.abilities.lanes:
            chain.socket.retire()

    def _forget(self, socket: Socket) -> None:
        for conversation in [key for key, chain in self._chains.items() if chain.socket is socket]:
            del self._chains[conversation]


def _follows(request: Request, chain: Chain, known: dict[str, object]) -> bool:
    """Whether the server has exactly the beginning of this request, and less than all of it."""
    begun = len(chain.messages)
    same = tuple(request.messages[:begun]) == chain.messages and known == chain.fields
    return same and len(request.messages) > begun
