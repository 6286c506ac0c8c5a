"""The Responses dialect over both transports, against the simulator with its faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agents.engine.edits.v4a import GRAMMAR
from agents.engine.messages import (
    Done,
    Kept,
    Message,
    ReasoningDelta,
    Request,
    SteerCommitted,
    Tool,
    ToolCall,
    ToolDelta,
    ToolEnd,
    ToolStart,
    Usage,
)
from agents.providers.http import Patience
from agents.providers.protocol import BadResponse, Overloaded, ProviderError, RateLimited, StreamBroken
from agents.providers.responses import ResponsesProvider, Transport
from agents.providers.responses_request import Abilities, fields, items
from agents.simulator.plan import Call, Script, Step, words
from tests.agents.simulated import events_of, saying, simulator, text_of

HASTY = Patience(connect=2, idle=0.5, retries=1, first_wait=0.001)
FULL = Abilities(lanes=True, steer=True)
PATCH = "*** Begin Patch\n*** Add File: a.txt\n+é🎈\n*** End Patch\n"
BOTH: tuple[Transport, ...] = ("socket", "http")


@asynccontextmanager
async def opened(
    url: str, transport: Transport = "socket", abilities: Abilities = FULL
) -> AsyncIterator[ResponsesProvider]:
    provider = ResponsesProvider(url, "key", transport=transport, abilities=abilities, patience=HASTY)
    try:
        yield provider
    finally:
        await provider.close()


@pytest.mark.parametrize("transport", BOTH)
async def test_text_reasoning_and_usage_arrive_whole(transport: Transport) -> None:
    async with simulator() as (url, _), opened(url, transport) as provider:
        events = await events_of(provider, saying("sim: tokens=40 reason=5"))
    assert text_of(events) == "".join(words(40))
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "".join(words(5))
    assert next(e for e in events if isinstance(e, Usage)).output_tokens == 45
    assert len([e for e in events if isinstance(e, Kept)]) == 1
    assert events[-1] == Done("stop")


@pytest.mark.parametrize("transport", BOTH)
async def test_function_and_freeform_calls_stream_their_input(transport: Transport) -> None:
    script = Script([Step(text="I read.", calls=[Call("read_file", {"path": "a.py"}), Call("apply_patch", PATCH)])])
    async with simulator(script) as (url, _), opened(url, transport) as provider:
        events = await events_of(provider, saying("go"))
    ends = [e.call for e in events if isinstance(e, ToolEnd)]
    assert [(c.name, c.arguments, c.freeform) for c in ends] == [
        ("read_file", '{"path": "a.py"}', False),
        ("apply_patch", PATCH, True),
    ]
    for call in ends:
        assert "".join(e.text for e in events if isinstance(e, ToolDelta) and e.id == call.id) == call.arguments
    assert [e.freeform for e in events if isinstance(e, ToolStart)] == [False, True]
    assert events[-1] == Done("tools")


async def test_a_conversation_sends_only_what_is_new() -> None:
    async with simulator() as (url, _), opened(url) as provider:
        first = saying("sim: tokens=10", "talk")
        events = await events_of(provider, first)
        kept = tuple(e.item for e in events if isinstance(e, Kept))
        before = (*first.messages, Message("assistant", text_of(events), kept=kept))
        second = await events_of(provider, saying("and now?", "talk", *before))
        usage = next(e for e in second if isinstance(e, Usage))
        assert usage.cached_tokens > 0, "the simulator reports cached tokens for continued responses only"


async def test_a_changed_history_is_sent_in_full() -> None:
    async with simulator() as (url, _), opened(url) as provider:
        await events_of(provider, saying("sim: tokens=10", "talk"))
        other = await events_of(provider, saying("and now?", "talk", Message("user", "something else")))
        assert next(e for e in other if isinstance(e, Usage)).cached_tokens == 0


async def test_a_forgotten_response_is_sent_in_full_once() -> None:
    async with simulator() as (url, _), opened(url) as provider:
        first = saying("sim: tokens=10", "talk")
        answer = Message("assistant", text_of(await events_of(provider, first)))
        events = await events_of(provider, saying("sim: tokens=5 fault=not_found", "talk", *first.messages, answer))
        assert text_of(events) == "".join(words(5))


async def test_a_prewarmed_conversation_begins_from_what_the_server_has_read() -> None:
    system = Message("system", "Be brief.")
    async with simulator() as (url, _), opened(url) as provider:
        await provider.connect()
        await provider.prewarm(Request("simulated", (system,), conversation="talk"))
        events = await events_of(provider, saying("hello", "talk", system))
        assert next(e for e in events if isinstance(e, Usage)).cached_tokens > 0


async def test_what_is_said_to_a_running_response_is_answered_by_its_successor() -> None:
    async with simulator(rate=200) as (url, _), opened(url) as provider:
        seen = []
        async for events in provider.stream(saying("sim: tokens=400 rate=200", "talk")):
            seen += events
            if len(seen) == 3:
                assert await provider.steer("talk", "sim: tokens=7 rate=0")
        at = seen.index(SteerCommitted(("sim: tokens=7 rate=0",)))
        assert 3 <= len(text_of(seen[:at]).split()) < 400
        assert text_of(seen[at:]) == "".join(words(7))
        assert seen[-1] == Done("stop")


async def test_a_steer_while_tools_are_called_waits_for_their_outputs() -> None:
    script = Script([Step(when="go", calls=[Call("read_file", {"path": "x" * 400})]), Step(text="Done as you said.")])
    async with simulator(script, rate=100) as (url, _), opened(url) as provider:
        first, call = saying("go", "talk"), ToolCall("", "", "")
        async for events in provider.stream(first):
            for event in events:
                if isinstance(event, ToolStart):
                    assert await provider.steer("talk", "be quick")
                call = event.call if isinstance(event, ToolEnd) else call
        told = (Message("assistant", calls=(call,)), Message("tool", "text", call_id=call.id, name=call.name))
        after = await events_of(provider, Request("simulated", (*first.messages, *told), conversation="talk"))
        assert after[0] == SteerCommitted(("be quick",))


async def test_a_steer_nobody_takes_is_handed_back() -> None:
    async with simulator() as (url, _), opened(url) as provider:
        assert not await provider.steer("talk", "hello?")
    async with simulator(rate=200) as (url, _), opened(url, "http") as provider:
        async for _ in provider.stream(saying("sim: tokens=20 rate=200", "talk")):
            assert not await provider.steer("talk", "over HTTP nobody can")


async def test_nothing_of_an_interrupted_response_comes_after() -> None:
    async with simulator() as (url, _), opened(url) as provider:
        running = aiter(provider.stream(saying("sim: tokens=300 rate=300", "talk")))
        assert await anext(running)
        await running.aclose()  # type: ignore[attr-defined]
        events = await events_of(provider, saying("sim: tokens=5", "talk"))
        assert text_of(events) == "".join(words(5))


@pytest.mark.parametrize("awaits", range(6))
@pytest.mark.parametrize("transport", BOTH)
async def test_a_turn_may_be_cancelled_at_every_await(transport: Transport, awaits: int) -> None:
    async with simulator(rate=500, ttft=0.02) as (url, _), opened(url, transport) as provider:
        task = asyncio.create_task(events_of(provider, saying("sim: tokens=200 rate=500", "talk")))
        for _ in range(awaits * 3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert text_of(await events_of(provider, saying("sim: tokens=4", "talk"))) == "".join(words(4))
    assert not [t for t in asyncio.all_tasks() if t is not asyncio.current_task()], "no task is left"


async def test_lanes_run_side_by_side_on_one_socket() -> None:
    async with simulator() as (url, _), opened(url) as provider:
        asked = [saying(f"sim: tokens={n} rate=400", f"talk {n}") for n in range(20, 40)]
        answers = await asyncio.gather(*(events_of(provider, one) for one in asked))
        assert [len(text_of(events).split(" ")) - 1 for events in answers] == list(range(20, 40))
        assert len(provider.sockets()) == 2, "16 lanes are in flight on one socket"


async def test_without_lanes_each_response_has_a_socket_and_the_ninth_goes_over_http() -> None:
    async with simulator() as (url, _), opened(url, "auto", Abilities()) as provider:
        asked = [saying("sim: tokens=30 rate=300", f"talk {n}") for n in range(9)]
        answers = await asyncio.gather(*(events_of(provider, one) for one in asked))
        assert {text_of(events) for events in answers} == {"".join(words(30))}
        assert len(provider.sockets()) == 8


async def test_a_refused_upgrade_falls_back_to_http() -> None:
    async with simulator() as (url, sim), opened(url, "auto") as provider:
        sim.responses.refuse_upgrade = True
        await provider.connect()
        assert text_of(await events_of(provider, saying("sim: tokens=5", "talk"))) == "".join(words(5))
        assert provider.sockets() == []


async def test_a_socket_that_is_an_hour_old_is_replaced_between_two_turns() -> None:
    async with simulator(hour=0.2) as (url, _), opened(url) as provider:
        first = saying("sim: tokens=5", "talk")
        answer = Message("assistant", text_of(await events_of(provider, first)))
        (socket,) = provider.sockets()
        await socket.ended()
        events = await events_of(provider, saying("sim: tokens=6", "talk", *first.messages, answer))
        assert text_of(events) == "".join(words(6))


async def test_a_socket_is_renewed_before_its_hour_is_over() -> None:
    async with simulator() as (url, _), opened(url) as provider:
        await provider.connect()
        (old,) = provider.sockets()
        running = asyncio.create_task(events_of(provider, saying("sim: tokens=50 rate=400", "talk")))
        while not old.busy:
            await asyncio.sleep(0)
        await provider.renew()
        assert text_of(await running) == "".join(words(50)), "what runs ends where it began"
        await old.ended()
        (new,) = provider.sockets()
        assert new.fresh


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status_429", RateLimited),
        ("status_500", Overloaded),
        ("error_200", Overloaded),
        ("hang", StreamBroken),
        ("close", StreamBroken),
        ("garbage", BadResponse),
    ],
)
@pytest.mark.parametrize("transport", BOTH)
async def test_each_fault_is_told_as_what_it_is(transport: Transport, fault: str, error: type[ProviderError]) -> None:
    async with simulator() as (url, _), opened(url, transport) as provider:
        with pytest.raises(error):
            await events_of(provider, saying(f"sim: tokens=20 fault={fault} at=5"))
        assert text_of(await events_of(provider, saying("sim: tokens=3"))) == "".join(words(3)), "the next call works"


@pytest.mark.parametrize("fault", ["cut_utf8", "crlf", "comments", "no_usage"])
async def test_odd_but_legal_streams_are_read(fault: str) -> None:
    async with simulator() as (url, _), opened(url, "http") as provider:
        events = await events_of(provider, saying(f"sim: tokens=60 fault={fault}"))
    assert text_of(events) == "".join(words(60))
    assert next(e for e in events if isinstance(e, Usage)).estimated == (fault == "no_usage")


async def test_an_unfinished_answer_is_no_answer() -> None:
    async with simulator() as (url, _), opened(url, "http") as provider:
        with pytest.raises(StreamBroken):
            await events_of(provider, saying("sim: tokens=20 fault=no_end at=20"))


def test_a_request_carries_calls_outputs_and_kept_items() -> None:
    call = ToolCall("c1", "apply_patch", PATCH, freeform=True)
    history = [
        Message("system", "Be brief."),
        Message("user", "go"),
        Message("assistant", "So.", (call,), kept=('{"type":"reasoning","id":"r1"}',)),
        Message("tool", "ok", call_id="c1", name="apply_patch"),
    ]
    tool = Tool("apply_patch", "edit", {"type": "object"}, GRAMMAR)
    body = fields(Request("m", history, (tool,), conversation="s1"), FULL)
    assert (body["instructions"], body["prompt_cache_key"], body["store"]) == ("Be brief.", "s1", False)
    assert body["tools"][0]["format"]["syntax"] == "lark"  # type: ignore[index]
    kinds = [one["type"] if isinstance(one, dict) else "kept" for one in items(history, FULL)]
    assert kinds == ["message", "kept", "message", "custom_tool_call", "custom_tool_call_output"]
    plain = fields(Request("m", history, (tool,)), Abilities(freeform=False))
    assert plain["tools"][0]["type"] == "function"  # type: ignore[index]
