"""What breaks clients of servers that call themselves compatible: reference "protocols" §3, one fixture a line that
tests/agents/providers/test_providers_chat.py does not have already."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from agents.engine.messages import (
    Done,
    Event,
    Message,
    ReasoningDelta,
    Request,
    TextDelta,
    Timing,
    Tool,
    ToolDelta,
    ToolEnd,
    Usage,
)
from agents.providers.chat import ChatProvider
from agents.providers.protocol import BadResponse, Overloaded
from agents.providers.thinking import Thoughts
from tests.agents.providers.test_providers_chat import (
    ASK,
    END,
    FINISH,
    HASTY,
    asked,
    chunk,
    collect,
    data,
    piece,
    refusing,
    saying,
    server,
)

# --- 1: usage ---------------------------------------------------------------------------------------------------------


async def test_usage_with_every_piece_is_a_total_and_told_once() -> None:
    def counted(text: str, made: int) -> bytes:
        usage = {"prompt_tokens": 9, "completion_tokens": made, "total_tokens": 9 + made}
        return data(choices=[{"index": 0, "delta": {"content": text}}], usage=usage)

    last = data(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11})
    events = await asked(counted("a", 1), counted("b", 2), FINISH, last, END)
    assert [e for e in events if isinstance(e, Usage)] == [Usage(9, 2)]


async def test_pieces_without_choices_and_empty_deltas_are_passed_over() -> None:
    empty = [data(choices=[]), data(choices=None), data(id="x"), chunk(), data(choices=[{"index": 0, "delta": None}])]
    assert (await asked(*empty, chunk(content="x"), FINISH, END))[0] == TextDelta("x")


# --- 2: reasoning in the text -----------------------------------------------------------------------------------------


def split(*pieces: str) -> tuple[str, str]:
    thoughts = Thoughts()
    parts = [part for text in pieces for part in thoughts.feed(text)] + thoughts.end()
    return "".join(t for thought, t in parts if thought), "".join(t for thought, t in parts if not thought)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_raw_thoughts_are_told_apart_wherever_they_are_cut(size: int) -> None:
    whole = "\n<think>\nIs 1 < 2? </thin not yet>\n</think>\n\nYes, <think> is a tag. 🎈"
    cut = [whole[at : at + size] for at in range(0, len(whole), size)]
    thought, said = split(*cut)
    assert thought == "Is 1 < 2? </thin not yet>\n"
    assert said == "Yes, <think> is a tag. 🎈"


def test_an_answer_that_only_looks_like_a_thought_is_said_whole() -> None:
    assert split("<thi", "s> is no tag") == ("", "<this> is no tag")
    assert split("<think") == ("", "<think")
    assert split("  ", "x <think>y</think>") == ("", "  x <think>y</think>")
    assert split("<think>for ever") == ("for ever", "")
    assert split("<think></think>at once") == ("", "at once")


async def test_raw_thoughts_are_reasoning_in_the_stream() -> None:
    events = await asked(chunk(content="<th"), chunk(content="ink>hm</think>"), chunk(content="Yes."), FINISH, END)
    assert events[:2] == [ReasoningDelta("hm"), TextDelta("Yes.")]


async def test_an_answer_that_ends_in_half_a_mark_is_whole() -> None:
    events = await asked(chunk(content="<thi"), FINISH, END)
    assert events[0] == TextDelta("<thi")


# --- 3, 4: calls and ends ---------------------------------------------------------------------------------------------


async def test_arguments_that_come_before_the_name_are_not_lost() -> None:
    events = await asked(piece('{"x"', index=0, id="a"), piece(":1}", index=0, name="f"), FINISH, END)
    (end,) = [e.call for e in events if isinstance(e, ToolEnd)]
    assert (end.name, end.arguments) == ("f", '{"x":1}')
    assert "".join(e.text for e in events if isinstance(e, ToolDelta)) == '{"x":1}'


async def test_a_finish_of_stop_behind_calls_is_a_call_for_tools() -> None:
    assert (await asked(piece("{}", index=0, id="a", name="f"), FINISH, END))[-1] == Done("tools")


@pytest.mark.parametrize("error", [{"message": "x", "code": 502}, {"message": "overloaded"}])
async def test_an_error_in_mid_stream_keeps_what_came_and_is_told(error: dict[str, object]) -> None:
    async with server(saying(chunk(content="half"), data(error=error))) as (url, got):
        provider = ChatProvider(url, patience=HASTY)
        seen: list[Event] = []

        async def read() -> None:
            async for events in provider.stream(ASK):
                seen.extend(events)

        with pytest.raises(Overloaded):
            await read()
        await provider.close()
    assert seen == [TextDelta("half")]
    assert len(got) == 1


# --- 5: parameters ----------------------------------------------------------------------------------------------------


async def test_nothing_is_sent_that_servers_are_known_to_refuse() -> None:
    history = [Message("system", "Be brief."), Message("user", "Hi")]
    async with server(saying(FINISH, END)) as (url, got):
        await collect(url, Request("m", history, [Tool("f", "does", {"type": "object"})], conversation="c"))
    (body,) = got
    assert body.keys() == {"model", "messages", "stream", "stream_options", "max_tokens", "tools"}
    assert [m["role"] for m in body["messages"]] == ["system", "user"], "no role developer"  # type: ignore[attr-defined]
    assert all(m.keys() == {"role", "content"} for m in body["messages"]), "no names"  # type: ignore[attr-defined]
    (tool,) = body["tools"]  # type: ignore[misc]
    assert tool["function"].keys() == {"name", "description", "parameters"}, "not strict"


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        ("Unrecognized request argument supplied: 'stream_options'", "stream_options"),
        ("property `temperature` is unsupported", "temperature"),
        ('extra_forbidden: "prediction"', "prediction"),
        ("'stop' is not supported with this model.", "stop"),
        ("'service_tier' is not supported", "service_tier"),
    ],
)
async def test_a_parameter_that_is_refused_is_left_out_from_then_on(message: str, gone: str) -> None:
    request = Request("m", [Message("user", "Hi")], temperature=0.0, stop=["x"], prediction="old")
    refused, good = refusing(400, {"error": {"message": message}}), saying(chunk(content="x"), FINISH, END)
    async with server(refused, good) as (url, got):
        provider = ChatProvider(url, patience=HASTY, extra={"service_tier": "fast"})
        for _ in range(2):
            events = [event async for ready in provider.stream(request) for event in ready]
            assert TextDelta("x") in events
        await provider.close()
    assert [gone in body for body in got] == [True, False, False]
    assert set(got[0]) - set(got[1]) == {gone}


async def test_a_refusal_that_names_nothing_optional_is_told_at_once() -> None:
    async with server(refusing(400, {"error": {"message": "tools param requires --jinja flag"}})) as (url, got):
        with pytest.raises(BadResponse, match="--jinja"):
            await collect(url)
    assert len(got) == 1


async def test_a_prediction_is_sent_in_the_wire_form() -> None:
    async with server(saying(FINISH, END)) as (url, got):
        await collect(url, Request("m", [Message("user", "Hi")], prediction="old text"))
    assert got[0]["prediction"] == {"type": "content", "content": "old text"}


# --- 6, 7: times ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "timing"),
    [
        (
            data(choices=[], time_info={"queue_time": 0.1, "prompt_time": 0.2, "completion_time": 0.5, "created": 1}),
            Timing(0.1, 0.2, 0.5),
        ),
        (data(choices=[], timings={"prompt_ms": 20.0, "predicted_ms": 50.0, "cache_n": 4}), Timing(0.0, 0.02, 0.05)),
        (
            data(choices=[], x_groq={"usage": {"queue_time": 0.1, "prompt_time": 0.2, "completion_time": 0.3}}),
            Timing(0.1, 0.2, 0.3),
        ),
    ],
)
async def test_the_servers_own_times_tell_waiting_from_writing(last: bytes, timing: Timing) -> None:
    assert timing in await asked(chunk(content="x"), FINISH, last, END)


async def test_thought_and_cached_tokens_are_counted_apart() -> None:
    usage = {"prompt_tokens": 90, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 64}}
    usage |= {"completion_tokens_details": {"reasoning_tokens": 12, "accepted_prediction_tokens": 3}}
    events = await asked(FINISH, data(choices=[], usage=usage), END)
    assert Usage(90, 20, 64, reasoning_tokens=12) in events


# --- 9: a server that does not notice an early close ------------------------------------------------------------------


async def test_the_next_call_does_not_wait_for_an_answer_that_was_given_up() -> None:
    going = asyncio.Event()

    async def deaf(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(chunk(content="x"))
        await going.wait()  # generates on, whoever listens
        return response

    async with server(deaf, saying(chunk(content="next"), FINISH, END)) as (url, _):
        provider = ChatProvider(url, patience=HASTY)
        first = provider.stream(ASK)
        assert await anext(first) == [TextDelta("x")]
        await first.aclose()  # type: ignore[attr-defined]
        events = [event async for ready in provider.stream(ASK) for event in ready]
        assert events[0] == TextDelta("next")
        await provider.close()
        going.set()
