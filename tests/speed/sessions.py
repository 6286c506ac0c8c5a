"""A session of 2,000 messages in Chromium: opened from the list, and a jump from a search to one of its first turns.

Clock: in the page, from the click to the second frame after the place is in sight.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.long_session import MESSAGES, TITLE, fill
from tests.site import ROOT, Site

FIGURES = ("session-open-ms", "session-jump-ms")
RUNS = 5
TURN = 123  # of 500: behind it lie three quarters of the session
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

SHOWN = """async ([row, text]) => {
  const log = () => document.querySelector('.transcript-log')?.getBoundingClientRect()
  const seen = () => [...document.querySelectorAll('.transcript-rows .say')].some((one) => {
    if (!one.textContent.includes(text)) return false
    const [box, frame] = [one.getBoundingClientRect(), log()]
    return box.bottom > frame.top && box.top < frame.bottom
  })
  const began = performance.now()
  document.querySelector(row).click()
  while (!seen()) await new Promise(requestAnimationFrame)
  await new Promise(requestAnimationFrame)
  return performance.now() - began
}"""


def begin(page: Page, site: Site) -> None:
    page.goto(site.link)
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill("a passphrase of one's own")
    page.locator("form button").last.click()
    page.get_by_role("button", name="Start with the sample repository").click()
    page.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    page.get_by_role("treeitem", name="README.md").wait_for()
    fill(site.data, 1)


def shown(page: Page, query: str, row: str, text: str) -> float:
    """Milliseconds from the click on the row of what is searched for until the text is in sight, in a page of its own
    that shows another session."""
    page.reload()
    page.locator(".talk").get_by_role("button", name="Sessions", exact=True).click()
    found = page.get_by_role("dialog", name="Sessions")
    found.get_by_role("searchbox").fill("Small talk")
    found.locator(".library-row").filter(has_text="Small talk 0").locator(".library-open").click()
    page.locator(".talk .session-head").get_by_text("Small talk 0").wait_for()
    page.locator(".talk").get_by_role("button", name="Sessions", exact=True).click()
    found.get_by_role("searchbox").fill(query)
    page.locator(".library-row", has_text=TITLE).locator(row.rsplit(maxsplit=1)[-1]).first.wait_for()
    return float(page.evaluate(SHOWN, [row, text]))


def main() -> None:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    script = str(ROOT / "tests/e2e/script.json")
    with (
        tempfile.TemporaryDirectory() as data,
        Site(Path(data), TANDEM_SCRIPTED_MODEL=script) as site,
        sync_playwright() as engine,
    ):
        browser = engine.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        begin(page, site)
        last = f"Answer {MESSAGES // 4 - 1}, and that is all."
        opens = [shown(page, TITLE, ".library-row .library-open", last) for _ in range(RUNS)]
        about = f"question {TURN}"
        jumps = [shown(page, about, ".library-row .library-excerpt", about.capitalize()) for _ in range(RUNS)]
        browser.close()
    for name, runs in zip(FIGURES, (opens, jumps), strict=True):
        said = f"{MESSAGES:,} messages, headless Chromium; load average {os.getloadavg()[0]:.1f}"
        told = {"name": name, "value": statistics.median(runs), "unit": "ms", "conditions": said}
        print(json.dumps({**told, "runs": [round(run) for run in runs]}), flush=True)


if __name__ == "__main__":
    main()
