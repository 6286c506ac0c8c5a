"""Opening a document of a million characters in a browser, against the same bytes from a static file."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from playwright.async_api import Page, async_playwright
from pycrdt import Doc, Text
from yarl import URL

from ide.documents import protocol
from tests.site import ROOT, free_port
from tests.speed.servers import Tandem, node, tandem
from tests.tab import Document, Tab

FIGURES = ("open-1m",)
UPDATES, EACH, RUN = 100_000, 10, 25  # updates, characters of each, updates before the cursor goes elsewhere
AHEAD = 2000  # updates on their way to the log
PASSES = 7
BUNDLE = ROOT / ".artefacts" / "open-large"


def bundle() -> str:
    """The page's script, made by the front end's own bundler."""
    static = ROOT / "static"
    entry = static / "node_modules" / ".open-large.mjs"  # packages are looked for beside the file that names them
    shutil.copy(Path(__file__).with_name("open_large.mjs"), entry)
    code = (
        "import { build } from 'vite'\n"
        f"await build({{ configFile: false, logLevel: 'warn', build: {{ outDir: {json.dumps(str(BUNDLE))}, "
        f"emptyOutDir: true, lib: {{ entry: {json.dumps(str(entry))}, formats: ['iife'], name: 'bench', "
        "fileName: () => 'bench.js' } } })\n"
    )
    try:
        subprocess.run([node(), "--input-type=module", "-e", code], cwd=static, check=True)
    finally:
        entry.unlink()
    return (BUNDLE / "bench.js").read_text()


def typed() -> Iterator[bytes]:
    """The updates of one person who types a million characters, here and there, with a fixed seed."""
    doc: Doc[Text] = Doc()
    text = doc.get("text", type=Text)
    dice = random.Random(3)
    at = length = 0
    state = doc.get_state()
    for number in range(UPDATES):
        if number % RUN == 0:
            at = dice.randint(0, length)
        with doc.transaction():
            text.insert(at, "".join(dice.choices("etaoin shrdlu\n", k=EACH)))
        at, length = at + EACH, length + EACH
        yield doc.get_update(state)
        state = doc.get_state()


async def write(tab: Tab, document: Document) -> None:
    for update in typed():
        document.unsaved += 1
        await tab.send(protocol.update(document.id, update))
        if document.unsaved > AHEAD:
            await tab.until(lambda: document.unsaved < AHEAD // 2, "room for more", 120)
    await tab.until(lambda: document.unsaved <= 0, "everything saved", 120)


async def serve(data: bytes) -> tuple[web.AppRunner, str]:
    app = web.Application()
    head = {"Access-Control-Allow-Origin": "*"}
    app.router.add_get("/document", lambda _: asyncio.sleep(0, web.Response(body=data, headers=head)))
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, f"http://127.0.0.1:{port}/document"


async def passes(page: Page, ours: Tandem, documents: tuple[str, str], static: str) -> list[list[float]]:
    """Milliseconds of the large document, of the static file, and of a short document."""
    live = f"ws://127.0.0.1:{ours.port}{ours.path}"
    large, short = (f"openLive('{live}', '{document}')" for document in documents)
    runs: list[list[float]] = [[], [], []]
    for _ in range(PASSES):
        for run, code in zip(runs, (large, f"openStatic('{static}')", short), strict=True):
            took, length = await page.evaluate(code)
            if length < UPDATES * EACH and code != short:
                raise AssertionError(f"only {length} characters came")
            run.append(took)
    return runs


async def measure() -> None:
    script = bundle()
    async with tandem("daphne") as ours, async_playwright() as engine:
        folder = ours.site.data / "workspaces" / ours.workspace["id"]
        (folder / "large.txt").write_text("")
        tab = await ours.person.tab(ours.workspace["id"])
        document = await tab.open("large.txt")
        await write(tab, document)
        whole: Doc[Text] = Doc()
        async with ours.person.http.get(f"{ours.site.url}/healthz"):
            pass
        reader = await ours.person.tab(ours.workspace["id"])
        copy = await reader.open("large.txt")
        whole.apply_update(copy.doc.get_update())
        data = whole.get_update()
        short = await reader.open("README.md")
        runner, static = await serve(data)
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = await engine.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = await browser.new_context(bypass_csp=True)
        kept = ours.person.http.cookie_jar.filter_cookies(URL(ours.site.url))
        await context.add_cookies([{"name": n, "value": m.value, "url": ours.site.url} for n, m in kept.items()])
        page = await context.new_page()
        await page.goto(f"{ours.site.url}/accounts/login/")
        await page.add_script_tag(content=script)
        runs = await passes(page, ours, (document.id, short.id), static)
        await browser.close()
        await runner.cleanup()
        await reader.close()
        await tab.close()
    ratios = [one / other for one, other in zip(*runs[:2], strict=True)]
    print(
        json.dumps(
            {
                "name": FIGURES[0],
                "value": statistics.median(runs[0]),
                "unit": "ms",
                "ratio": statistics.median(runs[0]) / statistics.median(runs[1]),
                "spread": [min(ratios), max(ratios)],
                "against": "the same bytes from a static file and Y.applyUpdate",
                "conditions": (
                    f"{UPDATES * EACH:,} characters of {UPDATES:,} updates ({RUN} at a place), {len(data):,} bytes; "
                    f"Chromium, stock provider, from `new WebSocket` to its `synced`; {PASSES} alternating passes, the "
                    f"document open on the server; a short document takes {statistics.median(runs[2]):.0f} ms; Daphne; "
                    f"load average {os.getloadavg()[0]:.1f}"
                ),
                "runs": runs,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(measure())
