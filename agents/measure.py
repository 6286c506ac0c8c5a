"""A provider whose calls are timed, counted and entered in the ledger, whoever calls it: turn or job."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import cast

from agents import endpoints, pool
from agents.engine.messages import Event, Provider, ReasoningDelta, Request, TextDelta, ToolDelta, Usage
from agents.models import Endpoint
from agents.providers.protocol import ProviderError
from ide import metrics
from ide.db import in_db
from ide.usage import meter

CHARACTERS_PER_TOKEN = 4  # for what is shown while it streams; the provider's own count replaces it at the end


@dataclass
class Speed:
    """Time to first token and tokens a second, over all calls of one turn or job. Seconds by a monotonic clock."""

    clock: Callable[[], float] = time.perf_counter
    input_tokens: int = 0
    output_tokens: int = 0
    ttft_ms: float | None = None
    seconds: float = 0.0  # streamed, from first to last token of each call
    _asked: float = 0.0
    _first: float | None = None
    _characters: int = 0
    _counted: Usage | None = field(default=None, repr=False)

    def ask(self) -> None:
        """A call begins."""
        self._asked, self._first, self._characters, self._counted = self.clock(), None, 0, None

    def hear(self, characters: int) -> None:
        now = self.clock()
        if self._first is None:
            self._first = now
            if self.ttft_ms is None:
                self.ttft_ms = (now - self._asked) * 1000
        self._characters += characters

    def count(self, usage: Usage) -> None:
        """An answer that was steered has several parts."""
        before = self._counted or Usage()
        self._counted = Usage(
            before.input_tokens + usage.input_tokens,
            before.output_tokens + usage.output_tokens,
            before.cached_tokens + usage.cached_tokens,
            before.estimated or usage.estimated,
        )

    def end(self) -> Usage:
        """The call is over: what it used, added to the sums."""
        used = self._counted or Usage(0, self._characters // CHARACTERS_PER_TOKEN, estimated=True)
        self.seconds += self._running()
        self.input_tokens += used.input_tokens
        self.output_tokens += used.output_tokens
        self._first, self._characters, self._counted = None, 0, None
        return used

    def _running(self) -> float:
        return self.clock() - self._first if self._first is not None else 0.0

    @property
    def total_seconds(self) -> float:
        return self.seconds + self._running()

    @property
    def tokens(self) -> int:
        return self.output_tokens + self._characters // CHARACTERS_PER_TOKEN

    @property
    def tokens_per_s(self) -> float | None:
        seconds = self.total_seconds
        return self.tokens / seconds if seconds > 0.02 else None


def sent_bytes(request: Request) -> int:
    """UTF-8 bytes of everything the model reads: messages, calls and the tools' descriptions."""
    said = sum(len(m.text.encode()) + sum(len(c.arguments.encode()) for c in m.calls) for m in request.messages)
    return said + sum(len(tool.description) + len(json.dumps(tool.schema)) for tool in request.tools)


@dataclass(frozen=True)
class Purpose:
    """For whom a call is made and why; `subject` is `turn:<id>` or `job:<id>`."""

    user_id: int | None
    workspace_id: str
    kind: str
    subject: str


class Measured:
    """An engine.messages.Provider over the endpoints of a role. `told` is called whenever the speed has new figures.

    The first endpoint is asked; when it fails before it has shown anything, in a way that may pass, the next one is,
    and `moved(from, to, why)` says so. `endpoint` is the one that is asked now.
    """

    def __init__(
        self,
        candidates: Sequence[Endpoint],
        purpose: Purpose,
        told: Callable[[Speed], None] = lambda _: None,
        moved: Callable[[Endpoint, Endpoint, ProviderError], None] = lambda *_: None,
    ) -> None:
        self.endpoint, *self._others = candidates
        self._purpose = purpose
        self._told = told
        self._moved = moved
        self._inner: tuple[Endpoint, Provider] | None = None  # of `endpoint`, for as long as it is the one
        self.speed = Speed()

    async def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        while True:
            shown = False
            asked = replace(request, model=self.endpoint.model)
            try:
                async with aclosing(self._once(asked)) as stream:
                    async for events in stream:
                        shown = True
                        yield events
                return
            except ProviderError as error:
                if shown or not error.passing or not self._others:
                    raise
                before, self.endpoint = self.endpoint, self._others.pop(0)
                self._moved(before, self.endpoint, error)

    async def _once(self, request: Request) -> AsyncGenerator[list[Event], None]:
        endpoint = self.endpoint
        entry = await in_db(self._reserve, request)
        self.speed.ask()
        had_first = self.speed.ttft_ms is not None
        answered = False
        try:
            source = cast(AsyncGenerator[list[Event], None], self._opened(endpoint).stream(request))
            async with aclosing(source) as stream:
                async for events in stream:
                    self._hear(events)
                    yield events
            answered = True
        except ProviderError as error:
            metrics.provider_errors.labels(endpoint.name, error.code).inc()
            if error.passing:
                await in_db(endpoints.failed, endpoint.pk, error.sentence, error.retry_after)
            raise
        finally:
            used = self.speed.end()
            self._told(self.speed)
            self._count(used, first=not had_first)
            await in_db(meter.settle, entry, used.input_tokens, used.output_tokens, self.speed.ttft_ms)
            if answered:
                await in_db(self._learn, endpoint, request, used)

    def _opened(self, endpoint: Endpoint) -> Provider:
        if self._inner is None or self._inner[0] is not endpoint:
            self._inner = (endpoint, pool.provider(endpoint))
        return self._inner[1]

    def _learn(self, endpoint: Endpoint, request: Request, used: Usage) -> None:
        endpoints.worked(endpoint.pk)
        if not used.estimated:
            endpoints.learn(endpoint, sent_bytes(request), used.input_tokens)

    async def close(self) -> None:
        """Providers are shared, and closed with their loop (pool.py): there is nothing to close here."""

    def _reserve(self, request: Request) -> int:
        size = int(sent_bytes(request) / self.endpoint.bytes_per_token) + request.max_tokens
        why = self._purpose
        return meter.reserve(
            why.user_id,
            why.workspace_id,
            endpoint=self.endpoint.name,
            model=request.model,
            kind=why.kind,
            subject=why.subject,
            tokens=size,
        )

    def _hear(self, events: list[Event]) -> None:
        characters = 0
        for event in events:
            if isinstance(event, TextDelta | ReasoningDelta | ToolDelta):
                characters += len(event.text)
            elif isinstance(event, Usage):
                self.speed.count(event)
        if characters:
            self.speed.hear(characters)
            self._told(self.speed)

    def _count(self, used: Usage, *, first: bool) -> None:
        name = self.endpoint.name
        metrics.model_tokens.labels(name, "input").inc(used.input_tokens)
        metrics.model_tokens.labels(name, "output").inc(used.output_tokens)
        if first and self.speed.ttft_ms is not None:
            metrics.first_token_seconds.labels(name).observe(self.speed.ttft_ms / 1000)
