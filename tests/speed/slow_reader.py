"""A reader that never reads while 200 MiB are written into a document it has open: memory, and other people's wait."""

from __future__ import annotations

import asyncio
import json
import socket
from urllib.parse import urlsplit

from pycrdt import Doc, Text
from websockets.frames import Frame, Opcode

from ide.documents import protocol
from tests.speed.idle import MIB, SETTLE_SECONDS, rss
from tests.speed.load import LOAD_CORE, Shape, run
from tests.speed.servers import Tandem, tandem
from tests.tab import Document, Tab

FIGURES = ("slow-reader-rss",)
FLOOD, PIECE = 200 * MIB, 64 << 10
PER_SECOND = 4 * MIB  # twice what one socket may send for long
OTHERS = Shape(rooms=1, readers=3, rate=50, seconds=20)


def never_reading(ours: Tandem, document: str) -> socket.socket:
    """A socket that has asked for the document and takes nothing of the answer."""
    site = urlsplit(ours.site.url)
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 10)
    one.connect((site.hostname, site.port))
    lines = [
        f"GET {ours.path} HTTP/1.1",
        *(f"Host: {site.netloc}", f"Origin: {ours.site.url}", f"Cookie: {ours.cookie}"),
        *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        *("Sec-WebSocket-Key: c2xvdyByZWFkZXIgb2YgVA==", "", ""),
    ]
    one.sendall("\r\n".join(lines).encode())
    for frame in (protocol.token(document, ""), protocol.step_1(document, b"\0")):
        one.sendall(Frame(Opcode.BINARY, frame).serialize(mask=True))
    return one


async def flood(tab: Tab, document: Document) -> None:
    """Write pieces and take them away again: the text stays short, what is sent does not."""
    doc: Doc[Text] = Doc()
    text = doc.get("text", type=Text)
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    while sent < FLOOD:
        for edit in (lambda: text.insert(0, "x" * PIECE), text.clear):
            before = doc.get_state()
            edit()
            frame = protocol.update(document.id, doc.get_update(before))
            document.unsaved += 1
            sent += len(frame)
            await tab.send(frame)
        await asyncio.sleep(max(0.0, began + sent / PER_SECOND - loop.time()))
    await tab.until(lambda: document.unsaved <= 0, "the flood saved", 120)


async def others(ours: Tandem) -> float:
    """The p99 of other people's keystrokes, in ms."""
    names = await ours.new_documents(OTHERS.rooms)
    where = {"port": ours.port, "pid": ours.pid, "path": ours.path, "cookie": ours.cookie}
    return float((await asyncio.to_thread(run, OTHERS, names, **where))["p99"])


async def flooded(ours: Tandem, tab: Tab, document: Document) -> tuple[int, int, float]:
    """Bytes held before a flood and at the most during it, and other people's p99 meanwhile."""
    await asyncio.sleep(SETTLE_SECONDS)
    start = most = rss(ours.pid)
    flooding = asyncio.create_task(flood(tab, document))
    waiting = asyncio.create_task(others(ours))
    while not flooding.done():
        await asyncio.sleep(0.25)
        most = max(most, rss(ours.pid))
    await flooding
    return start, most, await waiting


async def measure() -> None:
    async with tandem("daphne") as ours:
        tab = await ours.person.tab(ours.workspace["id"])
        document = await tab.open("README.md")
        idle = await others(ours)
        reading = await ours.person.tab(ours.workspace["id"])  # the control: the same flood, all reading
        await reading.open("README.md")
        control = await flooded(ours, tab, document)
        await reading.close()
        reader = never_reading(ours, document.id)
        slow = await flooded(ours, tab, document)
        reader.close()
        await tab.close()
    print(
        json.dumps(
            {
                "name": FIGURES[0],
                "value": (slow[1] - slow[0]) / MIB,
                "unit": "MiB",
                "ratio": slow[2] / control[2],
                "against": "ratio: other people's p99 keystroke elsewhere, while as much goes to one who reads",
                "conditions": (
                    f"{FLOOD // MIB} MiB of updates at {PER_SECOND // MIB} MiB/s to a reader that takes nothing, "
                    f"after as much to one who reads (which took {(control[1] - control[0]) / MIB:.0f} MiB); "
                    f"others: {OTHERS}, p99 {idle:.2f} ms idle, {control[2]:.2f} ms while all read, {slow[2]:.2f} ms "
                    f"with the slow one; generator on core {LOAD_CORE}; Daphne"
                ),
                "runs": [list(control), list(slow), [idle]],
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(measure())
