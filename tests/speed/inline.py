"""Tokens a second of an inline edit as another tab sees it, against the same model asked directly."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp

from tests.client import Person
from tests.site import Site, free_port
from tests.tab import Document, Tab

FIGURES = ("inline-edit-tokens-per-s",)
ROUNDS = 4
INSTRUCTION = "write a comment above each line"
CHARACTERS = 4  # a token, where only text is seen


async def through_tandem(ana: Tab, document: Document, reader: Document) -> float:
    """Tokens a second from the first token to the last change that the other tab sees."""
    text = document.text
    start = text.index("def remove")
    end = text.index("    def lines")
    since = len(ana.events)
    began = time.perf_counter()
    places = {"from": document.anchor(start, 0), "to": document.anchor(end)}
    turn = await ana.call("turn.inline", document=document.id, instruction=INSTRUCTION, **places)
    seen: list[float] = []

    async def watch() -> None:
        length = len(reader.text)
        while True:
            await reader.tab.until(lambda before=length: len(reader.text) != before, "text", 60)  # type: ignore[misc]
            length = len(reader.text)
            seen.append(time.perf_counter())

    watching = asyncio.create_task(watch())
    ended = await ana.event("turn.ended", lambda e: e["turn"]["id"] == turn["turn"], since, 90)
    watching.cancel()
    state = ended["turn"]
    for event in [e for e in ana.events[since:] if e["type"] == "proposal"][-1:]:
        if event["proposal"]["state"] == "open":
            await ana.call("proposal.reject", proposal=event["proposal"]["id"], hunks="all")
    seconds = seen[-1] - began - state["ttft_ms"] / 1000
    return float(state["output_tokens"] / seconds)


async def directly(port: int, text: str) -> float:
    body = {
        "model": "x",
        "stream": True,
        "max_tokens": 120,
        "messages": [{"role": "user", "content": f"{INSTRUCTION}:\n```python\n{text}\n```"}],
    }
    times: list[float] = []
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body) as answer,
    ):
        async for line in answer.content:
            if b'"content"' in line:
                times.append(time.perf_counter())
    return (len(times) - 1) / (times[-1] - times[0])


async def measure(site: Site, port: int) -> None:
    ana = await Person.new(site.link, "ana")
    workspace = await ana.workspace("bench")
    tabs = [await ana.tab(workspace["id"]) for _ in range(2)]
    document, reader = [await tab.open("shop/basket.py") for tab in tabs]
    selection = document.text[document.text.index("def remove") : document.text.index("    def lines")]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(await through_tandem(tabs[0], document, reader))
        theirs.append(await directly(port, selection))
    for tab in tabs:
        await tab.close()
    await ana.close()
    value = statistics.median(ours)
    print(
        json.dumps(
            {
                "name": FIGURES[0],
                "value": value,
                "unit": "tok/s",
                "ratio": value / statistics.median(theirs),
                "against": "the same model over HTTP, streamed to this process",
                "conditions": (
                    "clock: the provider's first token to the last change seen in a second tab; "
                    f"{ROUNDS} alternating rounds, built-in model, "
                    "Daphne; tokens as the model's server counts them"
                ),
                "runs": [ours, theirs],
            }
        )
    )


def main() -> None:
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        Site(Path(folder), TANDEM_BUILTIN_MODEL_PORT=str(port)) as site,
    ):
        asyncio.run(measure(site, port))


if __name__ == "__main__":
    main()
