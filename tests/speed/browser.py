"""A person types while a model streams into the same file, in Chromium: from key to frame, long tasks, memory.

The floor is plain CodeMirror in the same browser, which gets the same tokens at the same pace; passes alternate.

    python -m tests.speed.browser [FIGURE …]
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import CDPSession, Page, async_playwright
from yarl import URL

from agents.simulator.plan import pieces
from tests.site import ROOT
from tests.speed.servers import node
from tests.speed.turns_stage import Stage, code, ended, patch, provider, stage
from tests.tab import Tab

FIGURES = ("browser-keystroke-p95", "browser-long-tasks", "browser-memory")
RATE, TOKENS, LINES, PASSES = 4000, 24_000, 5000, 3
DELTAS = 100_000  # of the memory figure: tokens of one turn
KEY_EVERY = 0.1  # seconds
BUNDLE = ROOT / ".artefacts" / "browser-floor"
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--enable-precise-memory-info",
]

# From the key's own time to the task behind the frame it is painted in; and tasks of more than 50 ms.
METER = """() => {
  globalThis.keys = []
  globalThis.longTasks = []
  const channel = new MessageChannel()
  const waiting = []
  channel.port1.onmessage = () => keys.push(performance.now() - waiting.shift())
  addEventListener('keydown', (event) => {
    requestAnimationFrame(() => { waiting.push(event.timeStamp); channel.port2.postMessage(0) })
  }, true)
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ entryTypes: ['longtask'] })
}"""


@dataclass
class Measured:
    """Of all passes of one side: milliseconds of keys, long tasks, seconds of streaming."""

    keys: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.keys, n=20)[-1]

    @property
    def tasks_per_second(self) -> float:
        return len(self.tasks) / self.seconds

    async def take(self, page: Page, streaming: asyncio.Task[Any]) -> None:
        """Type into the page while that goes on."""
        await page.evaluate("() => { keys.length = longTasks.length = 0 }")
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not streaming.done():
            await page.keyboard.press("x")
            await asyncio.wait({streaming}, timeout=KEY_EVERY)
        await streaming
        self.seconds += loop.time() - began
        self.keys += await page.evaluate("keys")
        self.tasks += await page.evaluate("longTasks")


def bundle() -> str:
    static = ROOT / "static"
    entry = static / "node_modules" / ".browser-floor.mjs"  # packages are looked for beside the file that names them
    shutil.copy(Path(__file__).with_name("browser.mjs"), entry)
    script = (
        "import { build } from 'vite'\n"
        f"await build({{ configFile: false, logLevel: 'warn', build: {{ outDir: {json.dumps(str(BUNDLE))}, "
        f"emptyOutDir: true, lib: {{ entry: {json.dumps(str(entry))}, formats: ['iife'], name: 'bench', "
        "fileName: () => 'bench.js' } } })\n"
    )
    try:
        subprocess.run([node(), "--input-type=module", "-e", script], cwd=static, check=True)
    finally:
        entry.unlink()
    return (BUNDLE / "bench.js").read_text()


def added(patched: str) -> list[str]:
    """The tokens of the lines that a patch adds, in order."""
    lines = [line[1:] for line in patched.split("\n") if line.startswith("+") and not line.startswith("+++")]
    return pieces("\n".join(lines) + "\n")


async def product_page(browser: Any, play: Stage) -> Page:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    kept = play.ours.person.http.cookie_jar.filter_cookies(URL(play.ours.site.url))
    await context.add_cookies([{"name": n, "value": m.value, "url": play.ours.site.url} for n, m in kept.items()])
    page: Page = await context.new_page()
    await page.goto(f"{play.ours.site.url}/w/{play.ours.workspace['id']}")
    await page.evaluate(METER)
    return page


async def open_file(page: Page, path: str) -> None:
    """Open it and put the cursor at its end."""
    row = page.locator(f'[role=treeitem][data-path="{path}"]')
    await row.click()
    await page.get_by_label(f"Text of {path}").click()
    await page.keyboard.press("Control+End")
    await asyncio.sleep(1)  # the parser has its time: it is not what is measured


async def floor_page(browser: Any, play: Stage, script: str) -> Page:
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    page: Page = await context.new_page()
    await page.goto(f"{play.ours.site.url}/accounts/login/")
    await page.add_script_tag(content=script)
    await page.evaluate(METER)
    return page


async def turn(play: Stage, tab: Tab, about: str) -> None:
    await ended(tab, await play.start(tab, about), 300)


async def typing(browser: Any, play: Stage, tab: Tab, made: dict[str, str]) -> tuple[Measured, Measured]:
    ours, floor = Measured(), Measured()
    page, bare = await product_page(browser, play), await floor_page(browser, play, bundle())
    for name, patched in made.items():
        await open_file(page, f"{name}.py")
        await page.bring_to_front()
        await ours.take(page, asyncio.create_task(turn(play, tab, name)))
        await bare.bring_to_front()
        text = code(LINES)
        await bare.evaluate("openFloor", text)
        await asyncio.sleep(1)
        await bare.locator(".cm-content").click(position={"x": 200, "y": 200})
        await bare.keyboard.press("Control+End")
        stream = bare.evaluate("([tokens, at, rate]) => streamFloor(tokens, at, rate)", [added(patched), 40, RATE])
        await floor.take(bare, asyncio.create_task(stream))
    return ours, floor


async def heap(tools: CDPSession) -> float:
    """MiB that live after a collection."""
    await tools.send("HeapProfiler.collectGarbage")
    used = await tools.send("Runtime.getHeapUsage")
    return float(used["usedSize"]) / 2**20


async def memory(browser: Any, play: Stage, tab: Tab, name: str) -> list[float]:
    """The heap before, in the middle of and after a turn of many tokens in an open file."""
    page = await product_page(browser, play)
    await open_file(page, f"{name}.py")
    tools = await page.context.new_cdp_session(page)
    await tools.send("HeapProfiler.enable")
    found = [await heap(tools)]
    streaming = asyncio.create_task(turn(play, tab, name))
    await asyncio.sleep(DELTAS / RATE / 2)
    found.append(await heap(tools))
    await streaming
    await asyncio.sleep(2)
    return [*found, await heap(tools)]


async def main(wanted: list[str]) -> None:
    text = code(LINES)
    steps = {f"pass{n}": patch(f"pass{n}.py", text, TOKENS, 6) for n in range(PASSES)}
    large = ("large", patch("large.py", text, DELTAS, 10))
    with provider([*steps.items(), large], "--rate", str(RATE)) as url:
        async with stage(url) as play, async_playwright() as engine:
            for name in [*steps, large[0]]:
                (play.folder() / f"{name}.py").write_text(text)
            tab = await play.ours.person.tab(play.ours.workspace["id"])
            path = os.environ.get("CHROMIUM") or shutil.which("chromium")
            browser = await engine.chromium.launch(executable_path=path, args=FLAGS)
            try:
                await report(browser, play, tab, steps, wanted)
            finally:
                await browser.close()
                await tab.close()


async def report(browser: Any, play: Stage, tab: Tab, made: dict[str, str], wanted: list[str]) -> None:
    about = f"{RATE:,} tokens/s into an open Python file of {LINES:,} lines, uvicorn"
    load = f"load average {os.getloadavg()[0]:.1f}"
    if {"browser-keystroke-p95", "browser-long-tasks"} & set(wanted):
        ours, floor = await typing(browser, play, tab, made)
        keys = {"value": ours.p95, "unit": "ms", "ratio": ours.p95 / floor.p95, "against": "plain CodeMirror, p95"}
        middle = statistics.median(ours.keys)
        said = f"{about}; {len(ours.keys)} keys, p50 {middle:.1f} ms; floor {floor.p95:.1f} ms; {load}"
        print(json.dumps({"name": "browser-keystroke-p95", **keys, "conditions": said, "runs": PASSES}), flush=True)
        more = ours.tasks_per_second - floor.tasks_per_second
        counts = f"{len(ours.tasks)} in {ours.seconds:.0f} s, floor {len(floor.tasks)} in {floor.seconds:.0f} s"
        said = f"{about}; {counts}; {load}"
        tasks = {"value": more, "unit": "/s", "against": "plain CodeMirror"}
        print(json.dumps({"name": "browser-long-tasks", **tasks, "conditions": said, "runs": PASSES}), flush=True)
    if "browser-memory" in wanted:
        found = await memory(browser, play, tab, "large")
        said = f"{about}; heap after a collection {' → '.join(f'{one:.1f}' for one in found)} MiB; {load}"
        kept = {
            "value": found[-1] - found[0],
            "unit": "MiB",
            "against": "100,000 deltas, the text and its Yjs items included",
        }
        print(json.dumps({"name": "browser-memory", **kept, "conditions": said, "runs": 1}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(FIGURES)))
