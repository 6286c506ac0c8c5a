"""Fill in the middle over both ways, against the simulator."""

from __future__ import annotations

import pytest

from agents.engine.messages import Message, Request
from agents.providers.chunks import Chunks, body
from agents.providers.fill import Fill, Gap, Way
from agents.providers.protocol import Unreachable
from agents.simulator.plan import words
from tests.agents.simulated import saying, simulator


@pytest.mark.parametrize("way", ["suffix", "infill"])
async def test_the_text_between_comes_in_pieces(way: Way) -> None:
    async with simulator(rate=1000) as (url, _):
        fill = Fill(url, "key", way)
        pieces = [text async for text in fill.stream("m", Gap("sim: tokens=12 rate=400\ndef f(", "):", 32))]
        await fill.close()
    assert "".join(pieces) == "".join(words(12))
    assert len(pieces) > 1


async def test_a_suggestion_that_is_not_wanted_any_more_stops() -> None:
    async with simulator() as (url, _):
        fill = Fill(url, "key", "suffix")
        running = fill.stream("m", Gap("sim: tokens=400 rate=100", ""))
        assert await anext(running)
        await running.aclose()
        assert [text async for text in fill.stream("m", Gap("sim: tokens=1", ""))] == list(words(1))
        await fill.close()


async def test_a_server_that_reads_the_suffix_is_told_from_one_that_ignores_it() -> None:
    async with simulator() as (url, _):
        for way in ("suffix", "infill"):
            fill = Fill(url, "key", way)
            assert await fill.honoured("m")
            await fill.close()


async def test_nobody_there_is_said() -> None:
    fill = Fill("http://127.0.0.1:9/v1", "", "suffix")
    with pytest.raises(Unreachable):
        await anext(fill.stream("m", Gap("a", "b")))
    await fill.close()


def test_a_prediction_is_sent_and_times_are_told_apart() -> None:
    ask = Request("m", (Message("user", "rename it"),), prediction="old text\n")
    assert body(ask, {})["prediction"] == {"type": "content", "content": "old text\n"}
    told = {
        b'{"choices":[],"time_info":{"queue_time":0.5,"prompt_time":0.1,"completion_time":0.2}}': (0.5, 0.1, 0.2),
        b'{"choices":[],"timings":{"prompt_ms":100,"predicted_ms":250}}': (0.0, 0.1, 0.25),
        b'{"choices":[],"usage":{"prompt_tokens":1,"queue_time":0.3,"completion_time":0.4}}': (0.3, 0.0, 0.4),
    }
    for payload, (queue, prompt, decode) in told.items():
        chunks = Chunks(saying("x"))
        events: list[object] = []
        chunks.feed(payload, events)  # type: ignore[arg-type]
        chunks.feed(b"[DONE]", events)  # type: ignore[arg-type]
        timing = next(e for e in chunks.end() if type(e).__name__ == "Timing")
        assert (timing.queue, timing.prompt, timing.decode) == (queue, prompt, decode)  # type: ignore[union-attr]
