"""What idle things hold: tabs that only listen, and documents that are open while nobody types."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp

from ide.documents import protocol
from tests.speed.servers import Tandem, tandem

FIGURES = ("idle-tabs-rss", "idle-document-rss")
TABS = 1000
DOCUMENTS, CHARACTERS = 40, 200_000
SETTLE_SECONDS = 3.0
MIB = 1 << 20


def rss(pid: int) -> int:
    """Bytes a process holds in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def _listen(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for message in socket:
        if message.data == protocol.PING_FRAME:
            await socket.send_bytes(protocol.PONG_FRAME)


async def idle_tabs(ours: Tandem) -> dict[str, object]:
    document = await ours.document("README.md")
    frames = [protocol.token("workspace", ""), protocol.token(document, ""), protocol.step_1(document, b"\0")]
    listeners = []
    await asyncio.sleep(SETTLE_SECONDS)
    before = rss(ours.pid)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=ours.person.http.cookie_jar
    ) as http:
        for _ in range(TABS):
            socket = await http.ws_connect(f"{ours.site.url}{ours.path}", origin=ours.site.url)
            listeners.append(asyncio.create_task(_listen(socket)))
            for frame in frames:
                await socket.send_bytes(frame)
        await asyncio.sleep(SETTLE_SECONDS)
        grown = rss(ours.pid) - before
        alive = sum(not one.done() for one in listeners)
        for one in listeners:
            one.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    return {
        "name": FIGURES[0],
        "value": grown / MIB * 1000 / TABS,
        "unit": "MiB",
        "against": "1,000 tabs",
        "conditions": (
            f"{alive} of {TABS} tabs connected and listening, one document each; growth; Daphne; "
            f"{before / MIB:.0f} MiB before"
        ),
        "runs": [[before, before + grown]],
    }


async def idle_documents(ours: Tandem) -> dict[str, object]:
    folder = ours.site.data / "workspaces" / ours.workspace["id"]
    line = "Naïve café, 東京, 🦄 and plain words to make up a line of text.\n"
    text = line * (CHARACTERS // len(line))
    for number in range(DOCUMENTS):
        (folder / f"idle-{number}.txt").write_text(text)
    tab = await ours.person.tab(ours.workspace["id"])
    await tab.open("idle-0.txt")  # what the first one brings along is not a document's
    await asyncio.sleep(SETTLE_SECONDS)
    before = rss(ours.pid)
    for number in range(1, DOCUMENTS):
        await tab.open(f"idle-{number}.txt")
    await asyncio.sleep(SETTLE_SECONDS)
    grown = rss(ours.pid) - before
    await tab.close()
    size = len(text.encode())
    return {
        "name": FIGURES[1],
        "value": grown / (DOCUMENTS - 1) / MIB,
        "unit": "MiB",
        "ratio": grown / (DOCUMENTS - 1) / size,
        "against": "the bytes of its text",
        "conditions": f"{DOCUMENTS - 1} documents of {size:,} bytes, one tab; Daphne",
        "runs": [[before, before + grown]],
    }


async def measure(names: list[str]) -> None:
    for name, work in zip(FIGURES, (idle_tabs, idle_documents), strict=True):
        if name in names:
            async with tandem("daphne") as ours:
                print(json.dumps(await work(ours)), flush=True)


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1:] or list(FIGURES)))
