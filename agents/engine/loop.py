"""One turn: ask the model, carry out its calls, ask again, until it calls nothing.

Nothing here knows where the turn runs (a live session or a job) or how its events are shown and saved.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Protocol

from agents.engine.events import (
    Answered,
    Finished,
    Prose,
    Reason,
    Reasoning,
    Steered,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnEvent,
)
from agents.engine.messages import (
    Done,
    Event,
    Kept,
    Message,
    Provider,
    ReasoningDelta,
    Request,
    SteerCommitted,
    SteerFailed,
    TextDelta,
    Tool,
    ToolCall,
    ToolDelta,
    ToolEnd,
    ToolResult,
    ToolStart,
    Usage,
)
from agents.engine.textedits import TextEdits
from agents.engine.tools import EDITING, READ_ONLY, Environment, PatchCall, call, offered

REPAIRS = 2  # times a model is told in one turn that a block of its text could not be applied


class Inbox(Protocol):
    """What people say while the turn runs."""

    def take(self) -> list[str]:
        """Everything said since the last call, which empties it."""
        ...


BeforeStep = Callable[[Sequence[Message]], Awaitable[Sequence[Message] | None]]
"""What of the history a step is sent, so that it fits the window; None when not even the newest does."""


@dataclass
class Silence:
    """`lasts` while a step waits for the first of its answer. Who then sets `broken` and cancels the turn's task breaks
    that off: the step is begun anew, with what the inbox holds."""

    lasts: bool = False
    broken: bool = False

    def begin(self) -> None:
        self.lasts, self.broken = True, False

    def is_broken(self) -> bool:
        """Of a task that was cancelled: whether it goes on, since only this was meant."""
        task = asyncio.current_task()
        if not (self.lasts and self.broken) or task is None or task.cancelling() > 1:
            return False
        task.uncancel()
        return True


@dataclass(frozen=True)
class Settings:
    """What every step of a turn asks for. `use_tools` False: a model that cannot drive them; `blocks`: it writes its
    edits as SEARCH/REPLACE blocks instead."""

    model: str
    max_tokens: int = 4096
    temperature: float | None = None
    stop: Sequence[str] = ()
    max_steps: int = 50
    use_tools: bool = True
    blocks: bool = False
    continue_last: bool = False  # of the first step only
    conversation: str = ""
    budget: int = 0  # tokens, read and written, that its steps may take together; 0: no limit
    before_step: BeforeStep | None = None
    steered: Callable[[], bool] = lambda: False  # whether somebody waits in the inbox who is not to wait for its end
    silence: Silence = field(default_factory=Silence)


@dataclass
class _Step:
    """What one answer brought."""

    started: float
    heard: Callable[[], bool]
    text: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    patches: dict[str, PatchCall] = field(default_factory=dict)
    blocks: TextEdits | None = None
    unsaid: list[str] = field(default_factory=list)  # steers the provider did not take
    usage: Usage = field(default_factory=Usage)
    reason: str = "stop"
    calling: bool = False
    first: float | None = None
    last: float | None = None
    tools: float = 0.0

    def message(self) -> Message:
        return Message("assistant", "".join(self.text), tuple(self.calls), kept=tuple(self.kept))

    def steered(self, history: list[Message], texts: Sequence[str]) -> None:
        """What was answered so far and what people said to it go into the history; a new answer begins."""
        if self.text or self.kept:
            history.append(self.message())
        history.extend(Message("user", text) for text in texts)
        self.text, self.kept = [], []

    def broken_off(self) -> bool:
        """Whether it ends here, since somebody waits to be heard: not within a call or a block, which would be lost."""
        if self.calling or self.calls or not (self.blocks is None or self.blocks.between) or not self.heard():
            return False
        self.kept.clear()  # without all that it led to, it cannot be sent again
        return True

    def spent(self, usage: Usage) -> None:
        """An answer that is steered has several parts, each counted by the provider."""
        before = self.usage
        self.usage = Usage(
            before.input_tokens + usage.input_tokens,
            before.output_tokens + usage.output_tokens,
            before.cached_tokens + usage.cached_tokens,
            before.estimated or usage.estimated,
            before.reasoning_tokens + usage.reasoning_tokens,
        )

    async def abort(self) -> None:
        for patch in self.patches.values():
            await patch.abort()
        if self.blocks is not None:
            await self.blocks.abort()

    def finished(self) -> StepFinished:
        message = self.message()
        if self.first is None or self.last is None:
            return StepFinished(self.usage, None, 0.0, message, self.tools)
        ttft = (self.first - self.started) * 1000
        return StepFinished(self.usage, ttft, self.last - self.first, message, self.tools)


async def run_turn(
    provider: Provider, environment: Environment, history: list[Message], inbox: Inbox, settings: Settings
) -> AsyncGenerator[TurnEvent, None]:
    """The turn's events. `history` is extended in place, only at its end.

    Raises ProviderError from the provider; edits and prose already told stand. Cancelling or closing it closes the
    provider's stream and aborts edits that still stream; the history then lacks the unfinished step. Iterate it
    within contextlib.aclosing, so that it is closed when you leave it early.
    """
    tools = offered(environment.abilities) if settings.use_tools else []
    reason: Reason = "steps"
    repairs, spent = REPAIRS, 0
    for number in range(1, settings.max_steps + 1):
        if said := inbox.take():
            history.extend(Message("user", text) for text in said)
            yield Steered(said)
        if settings.budget and spent >= settings.budget:
            reason = "budget"
            break
        sent = await settings.before_step(history) if settings.before_step is not None else history
        if sent is None:
            reason = "window"
            break
        yield StepStarted(number)
        step = _Step(time.perf_counter(), settings.steered)
        step.blocks = TextEdits(environment, f"text-{number}") if settings.blocks else None
        try:
            request = request_of(sent, tools, settings, first=number == 1)
            answer = provider.stream(request)
            async with aclosing(_stream(answer, environment, settings.silence, step, history)) as events:
                async for event in events:
                    yield event
            for told_of in await _written(step):
                yield told_of
            yield Answered(step.message())
            async with aclosing(_call_all(environment, step)) as finished:
                results: dict[str, ToolResult] = {}
                async for done in finished:
                    results[done.call.id] = done.result
                    yield done
        finally:
            await step.abort()
        told = step.finished()
        spent += told.usage.input_tokens + told.usage.output_tokens
        _remember(history, told.message, results, continued=request.continue_last)
        yield told
        late = step.unsaid
        if not step.calls:
            late += inbox.take()
            repairs -= 1
            if not late and not (repairs >= 0 and _refused(step, history)):
                reason = step.reason if step.reason in ("length", "filter") else "stop"  # type: ignore[assignment]
                break
        if late:
            history.extend(Message("user", text) for text in late)
            yield Steered(late)
    yield Finished(reason)


def request_of(history: Sequence[Message], tools: Sequence[Tool], settings: Settings, *, first: bool) -> Request:
    """What a step asks, the first or a later one."""
    return Request(
        model=settings.model,
        messages=tuple(history),
        tools=tools,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        stop=settings.stop,
        continue_last=settings.continue_last and first and history[-1].role == "assistant",
        conversation=settings.conversation,
    )


def _remember(history: list[Message], message: Message, results: dict[str, ToolResult], *, continued: bool) -> None:
    """Append the answer and its calls' results; what continues a prefilled reply stays a message of its own."""
    if message.text or message.calls or continued:
        history.append(message)
    for made in message.calls:
        history.append(Message("tool", results[made.id].text, call_id=made.id, name=made.name))


async def _stream(
    answer: AsyncIterator[list[Event]], environment: Environment, silence: Silence, step: _Step, history: list[Message]
) -> AsyncGenerator[TurnEvent, None]:
    silence.begin()
    try:
        async for events in answer:
            silence.lasts = False
            step.last = time.perf_counter()
            step.first = step.first or step.last
            for event in _joined(events):
                if isinstance(event, SteerCommitted):
                    step.steered(history, event.texts)
                    yield Steered(list(event.texts))
                elif (told := await _take(environment, step, event)) is not None:
                    yield told
                    if step.broken_off():  # what is there stays; the next step answers
                        return
    except asyncio.CancelledError:
        if not silence.is_broken():
            raise
    finally:
        silence.lasts = False
        close = getattr(answer, "aclose", None)  # an async generator must be closed to close its connection now
        if close is not None:
            await close()


def _joined(events: Sequence[Event]) -> Iterator[Event]:
    """The same events with neighbouring deltas made one: what comes behind costs by the event, not by the letter."""
    for _, group in groupby(events, lambda event: (type(event), getattr(event, "id", ""))):
        first, *more = group
        if more and isinstance(first, TextDelta | ReasoningDelta | ToolDelta):
            text = "".join(one.text for one in more if isinstance(one, type(first)))
            yield replace(first, text=first.text + text)
        else:
            yield from (first, *more)


async def _written(step: _Step) -> list[TurnEvent]:
    """What is left of a reply with edits in its text, and what became of them."""
    if step.blocks is None:
        return []
    began = time.perf_counter()
    rest = await step.blocks.finish()
    events: list[TurnEvent] = [Prose(rest)] if rest else []
    if step.blocks.result is not None:
        events.append(ToolFinished(step.blocks.call, step.blocks.result, time.perf_counter() - began))
    return events


def _refused(step: _Step, history: list[Message]) -> bool:
    """Whether edits in the text could not be made; the model is told then."""
    result = step.blocks.result if step.blocks is not None else None
    if result is None or result.ok:
        return False
    history.append(Message("user", f"[What became of your blocks. Correct those that were not done.]\n{result.text}"))
    return True


async def _take(environment: Environment, step: _Step, event: Event) -> TurnEvent | None:
    match event:
        case TextDelta(text):
            step.text.append(text)
            shown = text if step.blocks is None else await step.blocks.feed(text)
            return Prose(shown) if shown else None
        case ReasoningDelta(text):
            return Reasoning(text)
        case ToolStart(call_id, name):
            step.calling = True
            if name == EDITING and EDITING in environment.abilities:
                step.patches[call_id] = PatchCall(environment, call_id)
            return ToolStarted(call_id, name)
        case ToolDelta(call_id, text):
            if call_id in step.patches:
                await step.patches[call_id].feed(text)
        case ToolEnd(made):
            step.calls.append(made)
        case Usage():
            step.spent(event)
        case Kept(item):
            step.kept.append(item)
        case SteerFailed(text):
            step.unsaid.append(text)
        case Done(reason):
            step.reason = reason
    return None


async def _call_all(environment: Environment, step: _Step) -> AsyncGenerator[ToolFinished, None]:
    """Carry out the calls in order; neighbours that only read run at the same time."""
    at = 0
    while at < len(step.calls):
        group = [step.calls[at]]
        while group[0].name in READ_ONLY and at + len(group) < len(step.calls):
            following = step.calls[at + len(group)]
            if following.name not in READ_ONLY:
                break
            group.append(following)
        at += len(group)
        began = time.perf_counter()
        together = await _together(environment, step, group)
        step.tools += time.perf_counter() - began
        for done in together:
            yield done


async def _together(environment: Environment, step: _Step, group: list[ToolCall]) -> list[ToolFinished]:
    if len(group) == 1:
        return [await _one(environment, step, group[0])]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_one(environment, step, made)) for made in group]
    return [task.result() for task in running]


async def _one(environment: Environment, step: _Step, made: ToolCall) -> ToolFinished:
    started = time.perf_counter()
    patch = step.patches.get(made.id)
    if patch is None:
        result = await call(environment, made)
    else:
        result = await patch.finish(made.arguments)
        del step.patches[made.id]  # finished: not to be aborted any more
    return ToolFinished(made, result, time.perf_counter() - started)
