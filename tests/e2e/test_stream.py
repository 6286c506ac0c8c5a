"""Text that streams into a long open file: one change of the editor a frame, and room to type."""

from __future__ import annotations

import asyncio
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.client import Person as Client
from tests.e2e.conftest import Person, repository_of
from tests.e2e.test_journey import line, open_file, sign_up
from tests.site import Site

pytestmark = pytest.mark.e2e

TOKENS_A_FRAME, FRAMES, FRAME_SECONDS = 64, 190, 0.016  # 4,000 tokens/s for three seconds
# Counts what the editor's text goes through, and how long frames and keys take.
METER = """() => {
  const seen = (window.meter = { frames: [], changes: 0, keys: [], on: true })
  let last = performance.now()
  const frame = (now) => { seen.frames.push(now - last); last = now; if (seen.on) requestAnimationFrame(frame) }
  requestAnimationFrame(frame)
  const text = { childList: true, subtree: true, characterData: true }
  new MutationObserver(() => seen.changes++).observe(document.querySelector('.cm-content'), text)
  addEventListener('keydown', ({ timeStamp }) => {
    requestAnimationFrame(() => setTimeout(() => seen.keys.push(performance.now() - timeStamp)))
  }, true)
}"""


async def stream(link: str, workspace: str) -> None:
    async with await Client.new(link, "ben") as ben:
        tab = await ben.tab(workspace)
        document = await tab.open("big.py")
        at = document.text.index("# here")
        began = time.monotonic()
        for number in range(FRAMES):
            words = f"value_{number} = [" + "item, " * (TOKENS_A_FRAME // 2) + "]\n"
            await document.edit(at, at, words)
            at += len(words)
            await asyncio.sleep(max(0.0, began + number * FRAME_SECONDS - time.monotonic()))
        await document.saved()
        await tab.close()


def figures(values: list[float]) -> str:
    values = sorted(values)
    return f"p50 {values[len(values) // 2]:.0f} ms, p99 {values[int(len(values) * 0.99)]:.0f} ms, n {len(values)}"


def test_a_stream_by_another_changes_the_editor_once_a_frame_and_one_can_type(
    tmp_path: Path, new_person: Callable[[], Person]
) -> None:
    with Site(tmp_path, TANDEM_BUILTIN_MODEL="false") as site:
        ana = new_person().page
        sign_up(ana, site.link, "Ana")
        ana.get_by_role("button", name="Start with the sample repository").click()
        ana.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
        lines = [f"def part_{n}(value):\n    return value + {n}" for n in range(2500)]
        lines[6:6] = ["# typed: ", "# here"]
        folder = repository_of(site)
        (folder / "big.py").write_text("\n".join(lines) + "\n")
        subprocess.run(["git", "-C", folder, "add", "big.py"], check=True)
        expect(ana.locator('[role=treeitem][data-path="big.py"]')).to_be_visible()
        open_file(ana, "big.py")
        ana.get_by_role("button", name="Share").click()
        ana.get_by_role("button", name="Make link").click()
        shown = ana.locator("dialog input[readonly]")
        expect(shown).to_have_value(re.compile("/invite/"))
        link = shown.input_value()
        ana.get_by_role("button", name="Close", exact=True).click()
        line(ana, "# typed:").click()
        ana.keyboard.press("End")
        ana.evaluate(METER)
        streaming = threading.Thread(target=lambda: asyncio.run(stream(link, ana.url.rsplit("/", 1)[1])))
        streaming.start()
        expect(line(ana, "value_0 =")).to_be_visible(timeout=20_000)
        ana.keyboard.type("typed while text streams in 🦄", delay=60)
        expect(line(ana, "# typed: typed while text streams in 🦄")).to_be_visible()
        streaming.join(60)
        expect(ana.locator(".status .saved")).to_have_text("All saved", timeout=15_000)
        meter: dict[str, Any] = ana.evaluate("() => { meter.on = false; return meter }")
        print(f"frames {figures(meter['frames'])}; keys {figures(meter['keys'])}; changes {meter['changes']}")
        keys = len(meter["keys"])
        assert meter["changes"] <= len(meter["frames"]) + 3 * keys, "more than one change of the text a frame"
        text = (folder / "big.py").read_text()
        assert [f"value_{n} =" in text for n in range(FRAMES)] == [True] * FRAMES
        assert text.count("# typed: typed while text streams in 🦄\n") == 1
