"""Chat completions against a server that has the quirks real ones have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from agents.engine.messages import (
    Done,
    Event,
    Message,
    ReasoningDelta,
    Request,
    TextDelta,
    Tool,
    ToolCall,
    ToolDelta,
    ToolEnd,
    ToolStart,
    Usage,
)
from agents.providers.chat import ChatProvider, models
from agents.providers.http import Patience
from agents.providers.protocol import (
    AuthFailed,
    BadResponse,
    ContextTooLong,
    Overloaded,
    ProviderError,
    RateLimited,
    Sse,
    StreamBroken,
    Unreachable,
)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
ASK = Request("m", [Message("user", "Hello 🎈")])
HASTY = Patience(connect=2, idle=2, first_wait=0.001)
END = b"data: [DONE]\n\n"


def chunk(**delta: object) -> bytes:
    return data(choices=[{"index": 0, "delta": delta}])


def data(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


FINISH = data(choices=[{"delta": {}, "finish_reason": "stop"}])


def saying(*pieces: bytes) -> Answer:
    """An answer of these pieces, each written by itself."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        return response

    return answer


def refusing(status: int, body: object, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


@asynccontextmanager
async def server(*answers: Answer) -> AsyncIterator[tuple[str, list[dict[str, object]]]]:
    """A server giving these answers in order (the last one again and again); yields its URL and the bodies it got."""
    got: list[dict[str, object]] = []

    async def post(request: web.Request) -> web.StreamResponse:
        got.append(await request.json())
        return await answers[min(len(got), len(answers)) - 1](request)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", post)
    app.router.add_get("/v1/models", answers[0])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/v1", got
    finally:
        await runner.cleanup()


async def collect(url: str, request: Request = ASK, patience: Patience = HASTY) -> list[Event]:
    provider = ChatProvider(url, "secret", patience=patience)
    try:
        return [event async for events in provider.stream(request) for event in events]
    finally:
        await provider.close()


async def asked(*pieces: bytes) -> list[Event]:
    async with server(saying(*pieces)) as (url, _):
        return await collect(url)


async def test_text_usage_and_end_arrive_in_order() -> None:
    usage = data(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": None})
    events = await asked(chunk(role="assistant", content="Hé"), chunk(content="llo"), FINISH, usage, END)
    assert events == [TextDelta("Hé"), TextDelta("llo"), Usage(7, 2), Done("stop")]


async def test_a_character_and_a_line_may_be_cut_anywhere() -> None:
    whole = b": hello\r\n\r\n" + chunk(content="🎈é").replace(b"\n", b"\r\n") + FINISH + END
    events = await asked(*(whole[at : at + 1] for at in range(len(whole))))
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("🎈é")]


async def test_both_names_of_reasoning_are_read() -> None:
    events = await asked(chunk(reasoning="a"), chunk(reasoning_content="b"), chunk(content="c"), FINISH, END)
    assert events[:3] == [ReasoningDelta("a"), ReasoningDelta("b"), TextDelta("c")]


async def test_usage_is_found_on_the_last_chunk_under_groq_or_estimated() -> None:
    on_finish = data(
        choices=[{"delta": {}, "finish_reason": "stop"}], usage={"prompt_tokens": 3, "completion_tokens": 4}
    )
    assert Usage(3, 4) in await asked(chunk(content="x"), on_finish, END)
    assert Usage(5, 6) in await asked(
        FINISH, data(choices=None, x_groq={"usage": {"prompt_tokens": 5, "completion_tokens": 6}}), END
    )
    assert Usage(2, 2, estimated=True) in await asked(chunk(content="12345678"), FINISH, END)


def piece(arguments: object = None, **fields: object) -> bytes:
    function = {k: fields.pop(k) for k in ("name",) if k in fields} | {"arguments": arguments}
    return chunk(tool_calls=[{"function": function, **fields}])


@pytest.mark.parametrize(
    "pieces",
    [
        [piece("", index=0, id="a", name="f"), piece('{"x"', index=0), piece(": 1}", index=0, name="f", id="")],
        [piece('{"x": 1}', id="a", name="f")],
        [piece("", id="a", name="f"), piece('{"x": 1}')],
        [piece({"x": 1}, index=0, id="a", name="f")],
    ],
)
async def test_a_call_is_put_together_however_it_comes(pieces: list[bytes]) -> None:
    events = await asked(*pieces, FINISH, END)
    assert events[0] == ToolStart("a", "f")
    whole = "".join(event.text for event in events if isinstance(event, ToolDelta))
    assert json.loads(whole) == {"x": 1}
    assert events[-3] == ToolEnd(ToolCall("a", "f", whole))
    assert events[-1] == Done("tools")


async def test_two_calls_are_kept_apart_without_index_or_with_the_same_one() -> None:
    for fields in ({}, {"index": 0}):
        events = await asked(
            piece('{"x":1}', id="a", name="f", **fields), piece('{"x":2}', id="b", name="f", **fields), FINISH, END
        )
        calls = [event.call for event in events if isinstance(event, ToolEnd)]
        assert calls == [ToolCall("a", "f", '{"x":1}'), ToolCall("b", "f", '{"x":2}')]


async def test_calls_without_ids_get_some() -> None:
    events = await asked(piece('{"x":1}', name="f"), piece('{"x":2}', name="g"), FINISH, END)
    calls = [event.call for event in events if isinstance(event, ToolEnd)]
    assert [call.name for call in calls] == ["f", "g"]
    assert len({call.id for call in calls}) == 2


async def test_a_missing_done_is_fine_after_a_finish_reason() -> None:
    assert (await asked(chunk(content="x"), FINISH))[-1] == Done("stop")


async def test_an_answer_that_was_not_streamed_is_read_all_the_same() -> None:
    body = {"choices": [{"message": {"content": "whole"}, "finish_reason": "length"}]}

    async def whole(_: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    async with server(whole) as (url, _):
        events = await collect(url)
    assert events[0] == TextDelta("whole")
    assert events[-1] == Done("length")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusing(401, {"error": {"message": "bad key"}}), AuthFailed),
        (refusing(400, {"error": {"message": "x", "code": "context_length_exceeded"}}), ContextTooLong),
        (refusing(400, {"error": {"message": "x", "type": "exceed_context_size_error"}}), ContextTooLong),
        (refusing(404, {"error": "model 'm' not found"}), BadResponse),
        (refusing(500, "<html>oops</html>"), Overloaded),
        (refusing(429, {"error": {"message": "slow down"}}, retry_after="3600"), RateLimited),
        (saying(data(error={"message": "overloaded", "type": "overloaded_error"})), Overloaded),
        (saying(chunk(content="half")), StreamBroken),
        (saying(b"data: {nonsense\n\n"), BadResponse),
        (saying(b"data: [1, 2]\n\n"), BadResponse),
        (refusing(302, "", location="http://127.0.0.1:1/"), BadResponse),
    ],
)
async def test_each_failure_has_its_name_and_never_tells_the_key(answer: Answer, error: type[ProviderError]) -> None:
    async with server(answer) as (url, _):
        with pytest.raises(ProviderError) as raised:
            await collect(url)
    assert type(raised.value) is error
    assert raised.value.sentence.endswith(error.do)
    assert "secret" not in raised.value.sentence


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="Nobody answers at"):
        await collect("http://127.0.0.1:1/v1", patience=Patience(retries=0))


async def test_a_silent_server_is_given_up() -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with server(silent) as (url, _):
        with pytest.raises(Unreachable, match="in time"):
            await collect(url, patience=Patience(idle=0.05, retries=0))


async def test_a_failure_before_any_output_is_tried_again() -> None:
    busy, good = refusing(503, "busy", retry_after="0"), saying(chunk(content="x"), FINISH, END)
    async with server(busy, busy, good) as (url, got):
        assert TextDelta("x") in await collect(url)
        assert len(got) == 3
    async with server(busy) as (url, got):
        with pytest.raises(Overloaded):
            await collect(url)
        assert len(got) == 3


async def test_a_failure_after_output_is_never_tried_again() -> None:
    async with server(saying(chunk(content="half"))) as (url, got):
        with pytest.raises(StreamBroken):
            await collect(url)
        assert len(got) == 1


async def test_a_parameter_that_is_refused_gets_its_other_name() -> None:
    refused = refusing(400, {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported."}})
    async with server(refused, saying(chunk(content="x"), FINISH, END)) as (url, got):
        await collect(url)
    assert "max_completion_tokens" in got[1]
    assert "max_tokens" not in got[1]


async def test_closing_the_iterator_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:  # waits when the socket is full, fails when it is closed
                await response.write(chunk(content="x"))
        except ConnectionError:
            gone.set()
            raise

    async with server(endless) as (url, _):
        provider = ChatProvider(url, patience=HASTY)
        stream = provider.stream(ASK)
        assert (await anext(stream))[0] == TextDelta("x")
        await stream.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(gone.wait(), 5)
        await provider.close()


async def test_history_and_tools_go_out_in_the_wire_form() -> None:
    call = ToolCall("1", "f", "")
    history = [Message("user", "go"), Message("assistant", "", (call,)), Message("tool", "r", call_id="1", name="f")]
    async with server(saying(FINISH, END)) as (url, got):
        await collect(url, Request("m", history, [Tool("f", "does", {"type": "object"})], stop=["x"], temperature=0.0))
    body = got[0]
    assert body["messages"] == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "r"},
    ]
    assert (body["stop"], body["temperature"], body["stream"]) == (["x"], 0.0, True)


async def test_models_are_listed() -> None:
    async with server(refusing(200, {"data": [{"id": "a"}, {"id": "b"}]})) as (url, _):
        assert await models(url) == ["a", "b"]
    async with server(refusing(200, "hello")) as (url, _):
        with pytest.raises(BadResponse):
            await models(url)


def test_the_splitter_joins_data_lines_and_keeps_an_unfinished_event_for_the_end() -> None:
    sse = Sse()
    assert sse.feed(b"event: x\ndata: a\ndata:b\n\n: ping\n\ndata: c") == [b"a\nb"]
    assert sse.end() == [b"c"]
