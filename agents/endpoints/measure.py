"""A provider whose calls are timed, counted and entered in the ledger, whoever calls it: turn or job."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import cast

from agents.context import counting
from agents.endpoints import abilities, limits, pool
from agents.endpoints import choice as endpoints
from agents.endpoints.spend import Spend
from agents.engine.messages import Event, Provider, ReasoningDelta, Request, TextDelta, ToolDelta, Usage
from agents.models import Endpoint
from agents.providers.protocol import NoImages, ProviderError
from agents.providers.responses import ResponsesProvider
from ide import metrics
from ide.db import in_db
from ide.usage import meter

CHARACTERS_PER_TOKEN = 4  # for what is shown while it streams; the provider's own count replaces it at the end
LONGEST_TOKEN = 7  # characters, on an average: pieces that are no longer are tokens, as most providers send them
IMPATIENT = frozenset({"ghost"})  # kinds of calls whose answer is of no use later


@dataclass
class Speed:
    """Time to first token and tokens a second, over all calls of one turn or job. Seconds by a monotonic clock."""

    clock: Callable[[], float] = time.perf_counter
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None  # US dollars; None while no call had a price
    ttft_ms: float | None = None
    seconds: float = 0.0  # streamed, from first to last token of each call
    call_seconds: float | None = None  # of the call that ended last
    _asked: float = 0.0
    _first: float | None = None
    _characters: int = 0
    _pieces: int = 0
    _counted: Usage | None = field(default=None, repr=False)
    _sent: int = 0
    parts: int = 0  # of the call's answer, each counted by the provider
    silent: bool = False  # asked, and nothing has come

    def ask(self, sent: int = 0) -> None:
        """A call begins; `sent` tokens of input, as far as we can tell."""
        self._asked, self._first, self._characters, self._counted = self.clock(), None, 0, None
        self._sent, self._pieces, self.parts, self.silent = sent, 0, 0, True

    def hear(self, characters: int, pieces: int = 0) -> None:
        now, self.silent = self.clock(), False
        if self._first is None:
            self._first = now
            if self.ttft_ms is None:
                self.ttft_ms = (now - self._asked) * 1000
        self._characters += characters
        self._pieces += pieces

    def count(self, usage: Usage) -> None:
        """An answer that was steered has several parts."""
        before = self._counted or Usage()
        self._counted = Usage(
            before.input_tokens + usage.input_tokens,
            before.output_tokens + usage.output_tokens,
            before.cached_tokens + usage.cached_tokens,
            before.estimated or usage.estimated,
        )
        self.parts += 1

    def so_far(self) -> Usage | None:
        """What the call has used until now, counted or estimated; None while nothing has come."""
        if self._counted is not None:
            return self._counted
        if self._first is None:
            return None
        return Usage(self._sent, self._written, estimated=True)

    @property
    def _written(self) -> int:
        """Tokens of the answer under way, as far as we can tell."""
        if self._characters <= self._pieces * LONGEST_TOKEN:
            return self._pieces
        return self._characters // CHARACTERS_PER_TOKEN

    @property
    def used(self) -> int:
        """Tokens of the call under way, read and written, as far as we can tell."""
        return self._sent + self._written

    @property
    def counted(self) -> bool:
        """Whether the provider has said what the call has used: its end is near."""
        return self._counted is not None

    def end(self) -> Usage | None:
        """The call is over: what it used, added to the sums; None when nothing came."""
        used, self.silent = self.so_far(), False
        self.call_seconds = self._running() if self._first is not None else None
        self.seconds += self._running()
        if used is None:
            return None
        self.input_tokens += used.input_tokens
        self.output_tokens += used.output_tokens
        self._first, self._characters, self._pieces, self._counted = None, 0, 0, None
        return used

    def _running(self) -> float:
        return self.clock() - self._first if self._first is not None else 0.0

    @property
    def total_seconds(self) -> float:
        return self.seconds + self._running()

    @property
    def tokens(self) -> int:
        return self.output_tokens + self._written

    @property
    def tokens_per_s(self) -> float | None:
        seconds = self.total_seconds
        return self.tokens / seconds if seconds > 0.02 else None


@dataclass(frozen=True)
class Purpose:
    """For whom a call is made and why; `subject` is `turn:<id>` or `job:<id>`. `shares`: the job, and those that have
    delegated it, each with its budget: the call counts against all of them."""

    user_id: int | None
    workspace_id: str | None
    kind: str
    subject: str
    shares: tuple[meter.Share, ...] = ()


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
        *,
        opened: Callable[[Endpoint], Provider] = pool.provider,
    ) -> None:
        self.endpoint, *self._others = candidates
        self._purpose = purpose
        self._told = told
        self._moved = moved
        self._open = opened
        self._inner: tuple[Endpoint, Provider] | None = None  # of `endpoint`, for as long as it is the one
        self._conversation = ""
        self.in_line: limits.Told = lambda *_: None
        self.beat: Callable[[], Awaitable[None]] | None = None  # what `rest` waits for
        self._resting = False
        self.speed = Speed()
        self._waited = 0.0
        self._waits_since: float | None = None

    @property
    def waited(self) -> float:
        """Seconds its callers have spent waiting for what comes next, the wait under way included."""
        return self._waited + (time.monotonic() - self._waits_since if self._waits_since is not None else 0.0)

    @property
    def sums(self) -> tuple[int, Decimal | None]:
        """Tokens read and US dollars spent, over all calls, the one under way included."""
        read, cost, used = self.speed.input_tokens, self.speed.cost, self.speed.so_far()
        if used is None:
            return read, cost
        price = endpoints.prices(self.endpoint)
        return read + used.input_tokens, (cost or Decimal(0)) + _spent(price, used).cost if price.known else cost

    def rest(self) -> None:
        """What came last can be seen now: give out what comes next with the next beat, all of it at once."""
        self._resting = self.beat is not None

    def _waits(self, now: bool) -> None:
        self._waited, self._waits_since = self.waited, time.monotonic() if now else None

    async def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        self._conversation = request.conversation
        while True:
            shown = False
            asked = replace(request, model=self.endpoint.model)
            self._waits(True)
            try:
                async with aclosing(self._once(asked)) as stream:
                    async for events in stream:
                        shown = True
                        self._waits(False)
                        yield events
                        self._waits(True)
                        if self._resting and self.beat is not None:
                            self._resting = False
                            await self.beat()
                return
            except ProviderError as error:
                if shown or not error.passing or not self._others:
                    raise
                before, self.endpoint = self.endpoint, self._others.pop(0)
                self._moved(before, self.endpoint, error)
            finally:
                self._waits(False)

    async def steer(self, text: str) -> bool:
        """Say something to the running answer, where the provider takes it in mid-sentence; whether it was sent."""
        inner = self._inner[1] if self._inner is not None else None
        return isinstance(inner, ResponsesProvider) and await inner.steer(self._conversation, text)

    def forget(self) -> None:
        """Nobody waits for an answer any more: what was said to it and not taken is not carried into the next turn."""
        inner = self._inner[1] if self._inner is not None else None
        if isinstance(inner, ResponsesProvider):
            inner.forget(self._conversation)

    async def warm(self, request: Request) -> None:
        """Let the provider read ahead what the conversation's next call will begin with. Does nothing where there is
        no socket. Raises ProviderError, Refused."""
        inner = self._opened(self.endpoint)
        if not isinstance(inner, ResponsesProvider) or not inner.uses_socket:
            return
        request = replace(request, model=self.endpoint.model)
        call = self._call(request, waits=False)
        async with limits.admit(call) as permit:
            spend = self._spend(self.endpoint)
            await spend.begin(call, call.tokens - request.max_tokens, 0, self.in_line)
            used: Usage | None = None
            try:
                used = await inner.prewarm(request)
            finally:
                permit.used = used.input_tokens + used.output_tokens if used is not None else 0
                await spend.end(used)

    def _call(self, request: Request, *, waits: bool = True) -> limits.Call:
        why = self._purpose
        tokens = counting.tokens(self.endpoint, request) + request.max_tokens
        return limits.Call(self.endpoint, why.user_id, tokens, waits=waits and why.kind not in IMPATIENT)

    def _spend(self, endpoint: Endpoint) -> Spend:
        why = self._purpose
        what = (endpoint.name, endpoint.model, why.kind, why.subject, endpoint.pool, endpoint.pk)
        call = meter.Call(why.user_id, why.workspace_id, *what, why.shares)
        return Spend(call, endpoints.prices(endpoint))

    async def _once(self, request: Request) -> AsyncGenerator[list[Event], None]:
        """One call. Every token passes through here: no more layers than needed."""
        endpoint, speed = self.endpoint, self.speed
        _check_images(endpoint, request)
        call, had_first, answered = self._call(request), speed.ttft_ms is not None, False
        failed = ""
        async with limits.admit(call, self.in_line) as permit:
            spend, read = self._spend(endpoint), call.tokens - request.max_tokens
            await spend.begin(call, read, request.max_tokens, self.in_line)
            speed.ask(read)
            try:
                source = cast(AsyncGenerator[list[Event], None], self._opened(endpoint).stream(request))
                async with aclosing(source) as stream:
                    async for events in stream:
                        before = speed.used
                        self._hear(events)
                        used = speed.used
                        spend.note(used, speed.so_far)
                        yield events
                        next_one = 2 * used - before  # as much once more would be too much: what comes, comes at once
                        if next_one > spend.granted and not speed.counted:
                            await spend.covered(next_one)
                answered = True
            except ProviderError as error:
                failed = error.code
                metrics.provider_errors.labels(endpoint.name, error.code).inc()
                if error.passing:
                    await in_db(endpoints.failed, endpoint.pk, error.sentence, error.retry_after)
                raise
            finally:
                ended = speed.end()
                permit.used = ended.input_tokens + ended.output_tokens if ended is not None else 0
                self._told(speed)
                self._count(endpoint, ended, first=not had_first)
                await spend.end(ended, speed.ttft_ms, speed.call_seconds, failed)
                if answered:
                    await in_db(self._learn, endpoint, request, ended)

    def _opened(self, endpoint: Endpoint) -> Provider:
        if self._inner is None or self._inner[0] is not endpoint:
            self._inner = (endpoint, self._open(endpoint))
        return self._inner[1]

    def _learn(self, endpoint: Endpoint, request: Request, used: Usage | None) -> None:
        endpoints.worked(endpoint.pk)
        if used is not None and not used.estimated and self.speed.parts == 1:
            endpoints.learn(endpoint, counting.sent_bytes(request), used.input_tokens)

    async def close(self) -> None:
        """Providers are shared, and closed with their loop (pool.py): there is nothing to close here."""

    def _hear(self, events: list[Event]) -> None:
        characters = pieces = 0
        for event in events:
            if isinstance(event, TextDelta | ReasoningDelta | ToolDelta):
                characters += len(event.text)
                pieces += 1
            elif isinstance(event, Usage):
                self.speed.count(event)
        if characters:
            self.speed.hear(characters, pieces)
            self._told(self.speed)

    def _count(self, endpoint: Endpoint, used: Usage | None, *, first: bool) -> None:
        if used is not None:
            price = endpoints.prices(endpoint)
            if price.known:
                self.speed.cost = (self.speed.cost or Decimal(0)) + _spent(price, used).cost
            metrics.model_tokens.labels(endpoint.name, "input").inc(used.input_tokens)
            metrics.model_tokens.labels(endpoint.name, "output").inc(used.output_tokens)
        if first and self.speed.ttft_ms is not None:
            metrics.first_token_seconds.labels(endpoint.name).observe(self.speed.ttft_ms / 1000)


def _spent(price: meter.Prices, used: Usage) -> meter.Spent:
    return price.spent(used.input_tokens, used.output_tokens, used.cached_tokens)


def _check_images(endpoint: Endpoint, request: Request) -> None:
    """Raises NoImages before anything is sent that this model cannot see."""
    if abilities.of(endpoint).images is False and any(message.images for message in request.messages):
        raise NoImages(f"{endpoint.name} reads text only")
