"""What an endpoint can do, found out by asking it: small real requests, each with one question.

A probe costs a few hundred tokens. What cannot be told stays unknown (None), and the adapters then take the safe way.
"""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import aiohttp
import msgspec

from agents.endpoints import abilities, addresses, pool
from agents.endpoints.abilities import Abilities
from agents.endpoints.keys import decrypt
from agents.engine.messages import (
    Event,
    Image,
    Message,
    Provider,
    ReasoningDelta,
    Request,
    TextDelta,
    Tool,
    ToolDelta,
    ToolEnd,
    Usage,
)
from agents.models import Endpoint
from agents.providers.fill import Fill, Way
from agents.providers.http import Patience, bearer, new_session
from agents.providers.protocol import ProviderError

PATIENCE = Patience(connect=10, idle=30, retries=0)
ANSWER_SECONDS = 10.0
NOTE = Tool(
    "note",
    "Keep a note.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": False},
)


def _picture(red: int, green: int, blue: int, side: int = 32) -> Image:
    """A square of one colour, as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((red, green, blue)) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return Image("image/png", png)


RED = _picture(255, 0, 0)
COUNT = "Count from one to forty in words, separated by commas."


@dataclass(frozen=True)
class Trial:
    """One call as a person tries it: seconds to the first token, tokens a second, and what was said."""

    ttft_ms: float | None
    tokens_per_s: float | None
    tokens: int
    read: int
    text: str
    limits: dict[str, str]


async def trial(endpoint: Endpoint) -> Trial:
    """Ask for a short text. Raises ProviderError, Refused."""
    async with _opened(endpoint) as provider:
        asked = time.perf_counter()
        first = last = None
        events: list[Event] = []
        async for arrived in provider.stream(_ask(endpoint, COUNT)):
            last = time.perf_counter()
            first = first or last
            events += arrived
        text = "".join(e.text for e in events if isinstance(e, TextDelta | ReasoningDelta))
        used = next((e for e in reversed(events) if isinstance(e, Usage)), Usage())
        tokens = used.output_tokens or len(text) // 4
        span = (last - first) if first is not None and last is not None else 0.0
        speed = tokens / span if span > 0.02 else None
        ttft = (first - asked) * 1000 if first is not None else None
        return Trial(ttft, speed, tokens, used.input_tokens, text[:400], dict(getattr(provider, "limits", {})))


@dataclass
class Used:
    """Tokens of a probe's answers, as their provider counts them."""

    read: int = 0
    written: int = 0

    def add(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Usage):
                self.read += event.input_tokens
                self.written += event.output_tokens


async def probe(endpoint: Endpoint, used: Used) -> Abilities:
    """What the endpoint can do. `used` is what that takes, also when it fails. Raises ProviderError or Refused when it
    does not answer at all."""
    found = abilities.of(endpoint)
    async with _opened(endpoint) as provider:
        plain = await _events(provider, _ask(endpoint, "Answer with the word yes."), used)
        found.usage = "none" if any(isinstance(e, Usage) and e.estimated for e in plain) else "end"
        if any(isinstance(e, ReasoningDelta) for e in plain):
            found.reasoning = "streamed"
        found.tools, found.streamed_tools = await _tools(provider, endpoint, used)
        found.images = await _sees(provider, endpoint, used)
    if endpoint.dialect == Endpoint.Dialect.RESPONSES:
        await _responses(endpoint, found)
    if endpoint.dialect == Endpoint.Dialect.CHAT:
        found.fim = await _fim(endpoint)
        found.prediction = await _takes(endpoint, used, prediction="yes")
    return found


@asynccontextmanager
async def _opened(endpoint: Endpoint) -> AsyncIterator[Provider]:
    """A provider of its own, so that a trial disturbs nobody."""
    provider = pool.fresh(endpoint, PATIENCE)
    try:
        yield provider
    finally:
        await provider.close()


def _ask(endpoint: Endpoint, text: str, *tools: Tool, prediction: str = "") -> Request:
    return Request(endpoint.model, (Message("user", text),), tools, max_tokens=400, prediction=prediction)


async def _events(provider: Provider, request: Request, used: Used) -> list[Event]:
    answer = [event async for events in provider.stream(request) for event in events]
    used.add(answer)
    return answer


async def _tools(provider: Provider, endpoint: Endpoint, used: Used) -> tuple[bool, bool | None]:
    """Whether it calls a tool it is told to, and whether the input comes in pieces."""
    try:
        said = "Call the tool note once. Its text is the numbers from one to thirty in words."
        events = await _events(provider, _ask(endpoint, said, NOTE), used)
    except ProviderError:
        return False, None
    calls = [event.call for event in events if isinstance(event, ToolEnd) and event.call.name == NOTE.name]
    if not calls:
        return False, None
    return True, sum(isinstance(event, ToolDelta) for event in events) > 2


async def _sees(provider: Provider, endpoint: Endpoint, used: Used) -> bool | None:
    """Whether it tells the colour of a picture. One that answers something else may have been sent it or not."""
    said = Message("user", "Which colour is this picture? Answer with one word.", images=(RED,))
    try:
        events = await _events(provider, Request(endpoint.model, (said,), max_tokens=400), used)
    except ProviderError as error:
        return None if error.passing else False
    return True if "red" in "".join(e.text for e in events if isinstance(e, TextDelta)).lower() else None


async def _takes(endpoint: Endpoint, used: Used, prediction: str) -> bool:
    try:
        async with _opened(endpoint) as provider:
            await _events(provider, _ask(endpoint, "Answer with the word yes.", prediction=prediction), used)
            return "prediction" not in getattr(provider, "renamed", {})
    except ProviderError:
        return False


async def _fim(endpoint: Endpoint) -> Literal[""] | Way:
    key = decrypt(bytes(endpoint.key_encrypted))
    ways: tuple[Way, ...] = ("suffix", "infill")
    for way in ways:
        fill = Fill(endpoint.base_url, key, way, patience=PATIENCE, resolver=addresses.resolver_of(endpoint))
        try:
            if await fill.honoured(endpoint.model):
                return way
        except ProviderError:
            continue
        finally:
            await fill.close()
    return ""


# --- Responses: what only a look at the socket tells --------------------------------------------------------------


class _Told(msgspec.Struct):
    type: str = ""
    stream_id: str | None = None


async def _responses(endpoint: Endpoint, found: Abilities) -> None:
    """Socket, lanes, steering and freeform tools. Warm-ups generate nothing."""
    url = "ws" + endpoint.base_url.rstrip("/").removeprefix("http") + "/responses"
    session = new_session(PATIENCE, addresses.resolver_of(endpoint))
    async with session:
        try:
            headers = bearer(decrypt(bytes(endpoint.key_encrypted)))
            async with session.ws_connect(url, headers=headers, compress=0) as ws:
                found.socket = True
                warm = {"type": "response.create", "model": endpoint.model, "generate": False, "store": False}
                asked = {**warm, "input": "hello"}
                found.lanes = any(
                    told.stream_id == "probe" for told in await _said(ws, {**asked, "stream_id": "probe"})
                )
                nobody = {"type": "response.steer", "previous_response_id": "resp_nobody", "input": "hello"}
                found.steer = any(told.type == "response.steer.failed" for told in await _said(ws, nobody))
                grammar = {"type": "grammar", "syntax": "lark", "definition": 'start: "a"'}
                custom = {"type": "custom", "name": "free", "description": "Free text.", "format": grammar}
                answers = await _said(ws, {**asked, "tools": [custom]})
                found.freeform = any(told.type == "response.completed" for told in answers)
        except (aiohttp.ClientError, TimeoutError, OSError):
            found.socket = bool(found.socket)


async def _said(ws: aiohttp.ClientWebSocketResponse, request: Mapping[str, object]) -> list[_Told]:
    """What comes in answer, up to an end or an error."""
    await ws.send_str(msgspec.json.encode(request).decode())
    heard: list[_Told] = []
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                message = await ws.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return heard
                heard.append(msgspec.json.decode(message.data, type=_Told))
                if heard[-1].type in ("response.completed", "response.failed", "error", "response.steer.failed"):
                    return heard
    except (TimeoutError, msgspec.MsgspecError):
        return heard
