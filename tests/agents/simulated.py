"""The simulator in a test's own loop, and what a stream gave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from agents.engine.messages import Event, Message, Provider, Request, TextDelta
from agents.simulator.plan import Brain, Pace, Script
from agents.simulator.server import Simulator


@asynccontextmanager
async def simulator(
    script: Script | None = None, *, rate: float = 0.0, ttft: float = 0.0, hour: float = 3600.0
) -> AsyncIterator[tuple[str, Simulator]]:
    """Its base URL (…/v1) and itself."""
    made = Simulator(Brain(Pace(rate, ttft), 20, script), hour)
    port = await made.start()
    try:
        yield f"http://127.0.0.1:{port}/v1", made
    finally:
        await made.stop()


def saying(text: str, conversation: str = "", *before: Message) -> Request:
    return Request("simulated", (*before, Message("user", text)), conversation=conversation)


async def events_of(provider: Provider, request: Request) -> list[Event]:
    return [event async for events in provider.stream(request) for event in events]


def text_of(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))
