"""The Anthropic dialect against the simulator with its faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from agents.engine.messages import (
    Done,
    Kept,
    Message,
    ReasoningDelta,
    Request,
    TextDelta,
    Tool,
    ToolCall,
    ToolDelta,
    ToolEnd,
    Usage,
)
from agents.providers.anthropic import AnthropicProvider
from agents.providers.anthropic_wire import Answer, body
from agents.providers.http import Patience
from agents.providers.protocol import BadResponse, Overloaded, ProviderError, RateLimited, StreamBroken
from agents.simulator.plan import Call, Script, Step, words
from tests.agents.simulated import events_of, saying, simulator, text_of

HASTY = Patience(connect=2, idle=0.5, retries=1, first_wait=0.001)
READ = Tool("read_file", "read", {"type": "object", "properties": {"path": {"type": "string"}}})


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AnthropicProvider]:
    provider = AnthropicProvider(url, "key", patience=HASTY)
    try:
        yield provider
    finally:
        await provider.close()


async def test_text_thinking_and_usage_arrive_whole() -> None:
    async with simulator() as (url, _), opened(url) as provider:
        events = await events_of(provider, saying("sim: tokens=30 reason=4"))
    assert text_of(events) == "".join(words(30))
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "".join(words(4))
    (kept,) = [msgspec.json.decode(e.item) for e in events if isinstance(e, Kept)]
    assert kept["type"] == "thinking"
    assert kept["signature"]
    assert next(e for e in events if isinstance(e, Usage)).output_tokens == 34
    assert events[-1] == Done("stop")


async def test_tool_input_streams_and_its_result_goes_back() -> None:
    script = Script([Step(text="I read.", calls=[Call("read_file", {"path": "é🎈.py"})]), Step(text="It is short.")])
    async with simulator(script) as (url, _), opened(url) as provider:
        ask = Request("m", (Message("user", "go"),), (READ,))
        events = await events_of(provider, ask)
        call = next(e.call for e in events if isinstance(e, ToolEnd))
        assert "".join(e.text for e in events if isinstance(e, ToolDelta)) == call.arguments
        assert msgspec.json.decode(call.arguments) == {"path": "é🎈.py"}
        assert events[-1] == Done("tools")
        told = (Message("assistant", "I read.", (call,)), Message("tool", "1\tx", call_id=call.id))
        after = await events_of(provider, Request("m", (*ask.messages, *told), (READ,)))
        assert text_of(after) == "It is short."


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status_429", RateLimited),
        ("status_500", Overloaded),
        ("error_200", Overloaded),
        ("hang", StreamBroken),
        ("close", StreamBroken),
        ("garbage", BadResponse),
        ("no_end", StreamBroken),
    ],
)
async def test_each_fault_is_told_as_what_it_is(fault: str, error: type[ProviderError]) -> None:
    async with simulator() as (url, _), opened(url) as provider:
        with pytest.raises(error):
            await events_of(provider, saying(f"sim: tokens=20 fault={fault} at=5"))
        assert text_of(await events_of(provider, saying("sim: tokens=3"))) == "".join(words(3)), "the next call works"


@pytest.mark.parametrize("fault", ["cut_utf8", "crlf", "comments", "no_usage"])
async def test_odd_but_legal_streams_are_read(fault: str) -> None:
    async with simulator() as (url, _), opened(url) as provider:
        events = await events_of(provider, saying(f"sim: tokens=60 fault={fault}"))
    assert text_of(events) == "".join(words(60))
    assert next(e for e in events if isinstance(e, Usage)).estimated == (fault == "no_usage")


def test_a_history_becomes_alternating_messages_with_every_call_answered() -> None:
    done, cut = ToolCall("t1", "read_file", '{"path":"a"}'), ToolCall("t2", "read_file", '{"pa')
    thought = '{"type":"thinking","thinking":"hm","signature":"s"}'
    history = (
        Message("system", "Be brief."),
        Message("user", "one"),
        Message("user", "two"),
        Message("assistant", "So.", (done, cut), kept=(thought,)),
        Message("tool", "text", call_id="t1"),
        Message("user", "go on"),
    )
    made = body(Request("m", history, (READ,)), eager=True, extra={})
    assert [m["role"] for m in made["messages"]] == ["user", "assistant", "user"]
    assert [b["type"] for b in made["messages"][1]["content"]] == ["thinking", "text", "tool_use"]
    assert [b["type"] for b in made["messages"][2]["content"]] == ["tool_result", "text"]
    assert made["tools"][0]["eager_input_streaming"] is True
    marked = [made["system"][0], made["tools"][-1], made["messages"][-1]["content"][-1]]
    assert all(one["cache_control"] == {"type": "ephemeral"} for one in marked)


def test_input_that_was_cut_off_is_still_a_call() -> None:
    answer = Answer(saying("x"))
    events: list[object] = []
    for payload in (
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "n"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a": "b'}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ):
        answer.feed(msgspec.json.encode(payload), events)  # type: ignore[arg-type]
    assert ToolEnd(ToolCall("t", "n", '{"a": "b')) in events
    assert events[-1] == Done("length")
    assert not [e for e in events if isinstance(e, TextDelta)]
