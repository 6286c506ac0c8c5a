"""Fill in the middle: the text between a prefix and a suffix, for suggestions at the cursor.

Two ways are in use: `/completions` with a `suffix` beside `/chat/completions`, and llama.cpp's own `/infill` at the
server's root. Which one a server has is probed and kept with its endpoint. Source: reference "protocols" §3.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from agents.engine.messages import Done, Event, Request, TextDelta
from agents.providers.chunks import estimate, failure
from agents.providers.http import Patience, bearer, new_session, payloads, put_back, read_some, retry_after, why
from agents.providers.protocol import BadResponse, StreamBroken, Unreachable

Way = Literal["suffix", "infill"]


@dataclass(frozen=True)
class Gap:
    """What stands before and behind the cursor; `others` are (path, text) of files that belong to it."""

    before: str
    after: str
    max_tokens: int = 64
    stop: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Filling(Request):
    """A request to fill a gap; its messages are only counted."""

    gap: Gap = Gap("", "")


class _Choice(msgspec.Struct):
    text: str | None = None


class _Piece(msgspec.Struct):
    choices: list[_Choice] | None = None
    content: str | None = None
    stop: bool | None = None
    error: object = None


class _Spent(msgspec.Struct):
    prompt_tokens: int | None = None


class _Counted(msgspec.Struct):
    usage: _Spent = msgspec.field(default_factory=_Spent)


_decode = msgspec.json.Decoder(_Piece, strict=False).decode
_decode_counted = msgspec.json.Decoder(_Counted, strict=False).decode


class Fill:
    """`base_url` ends before `/chat/completions`, as for the chat adapter."""

    def __init__(
        self,
        base_url: str,
        key: str,
        way: Way,
        *,
        patience: Patience | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        root = base_url.rstrip("/")
        self._way = way
        self._url = root + "/completions" if way == "suffix" else root.removesuffix("/v1") + "/infill"
        self._headers = bearer(key)
        self._patience, self._resolver = patience or Patience(), resolver
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, model: str, gap: Gap) -> AsyncGenerator[str, None]:
        """The text as it comes. Closing the iterator stops the server. Raises ProviderError."""
        response = await self._post(msgspec.json.encode(self._body(model, gap)))
        try:
            async with aclosing(payloads(response)) as arriving:
                async for ready in arriving:
                    text, ended = _read(ready)
                    if text:
                        yield text
                    if ended:
                        return
        finally:
            put_back(response)

    async def honoured(self, model: str) -> bool:
        """Whether the server reads what stands behind the cursor: some take a suffix and ignore it.

        llama.cpp's own way refuses models that cannot; for `suffix` the counted input tells. Raises ProviderError.
        """
        if self._way == "infill":
            text = [piece async for piece in self.stream(model, Gap("def add(a, b):\n    return ", "\n", max_tokens=4))]
            return bool("".join(text).strip())
        short, long = [await self._counted(model, suffix) for suffix in ("\n", "\nprint(add(1, 2))" * 40)]
        return long - short > 40

    async def _counted(self, model: str, suffix: str) -> int:
        body = self._body(model, Gap("def add(a, b):\n    return ", suffix, max_tokens=1)) | {"stream": False}
        response = await self._post(msgspec.json.encode(body))
        try:
            return _decode_counted(await response.read()).usage.prompt_tokens or 0
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError) as error:
            raise BadResponse("it sent something that is no completion") from error
        finally:
            put_back(response)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _body(self, model: str, gap: Gap) -> dict[str, object]:
        if self._way == "suffix":
            body: dict[str, object] = {"model": model, "prompt": gap.before, "suffix": gap.after, "stream": True}
            return body | {"max_tokens": gap.max_tokens, "stop": list(gap.stop)}
        extra = [{"filename": path, "text": text} for path, text in gap.others]
        asked = {"input_prefix": gap.before, "input_suffix": gap.after, "input_extra": extra, "prompt": ""}
        return asked | {"n_predict": gap.max_tokens, "stop": list(gap.stop), "stream": True}

    async def _post(self, data: bytes) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = new_session(self._patience, self._resolver)
        try:
            response = await self._session.post(self._url, data=data, headers=self._headers, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(why(error)) from error
        if response.status != 200:
            raise failure(response.status, await read_some(response), retry_after(response))
        return response


class Filler:
    """A Fill as an engine.messages.Provider. Tokens are estimated: few of these servers count them."""

    def __init__(self, fill: Fill) -> None:
        self._fill = fill

    async def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        assert isinstance(request, Filling)  # noqa: S101 (it is asked for nothing else)
        size = 0
        async with aclosing(self._fill.stream(request.model, request.gap)) as texts:
            async for text in texts:
                size += len(text.encode())
                yield [TextDelta(text)]
        yield [estimate(request.messages, size), Done()]

    async def close(self) -> None:
        await self._fill.close()


def _read(ready: list[bytes]) -> tuple[str, bool]:
    """The text of these payloads, and whether they end it."""
    texts: list[str] = []
    for payload in ready:
        if payload.strip() == b"[DONE]":
            return "".join(texts), True
        try:
            piece = _decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadResponse("it sent something that is no completion") from error
        if piece.error:
            raise StreamBroken(str(piece.error))
        texts.append(piece.content or "".join(choice.text or "" for choice in piece.choices or ()))
        if piece.stop:
            return "".join(texts), True
    return "".join(texts), False
