"""Sessions in the browser: found again, renamed, archived, forked, taken along; long ones; what tools did."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person, at_rest, below, eventually
from tests.e2e.test_journey import Picture, choose_scripted, sign_up
from tests.e2e.test_screens import themes
from tests.long_session import MESSAGES, fill
from tests.site import Site

pytestmark = pytest.mark.e2e

OTHERS = 260  # sessions, more than one page

ANSWER = """## What I found

| file | lines | tested |
|---|---:|:-:|
| `shop/basket.py` | 40 | yes |
| `shop/till.py` | 30 | no |

- [x] read the till
- [ ] write its test

See [the guide](https://example.org/guide) or <b>not this</b>, ![a picture](https://example.org/a.png).

```python
def total(basket):
    return sum(basket.values())
```
"""
RED = "printf '\\033[31mred\\033[0m <b>plain</b>\\n'; seq 1 60; exit 3"
SCRIPT = {
    "rate": 4000,
    "steps": [
        {
            "when": "look around",
            "text": "I look first.",
            "calls": [
                {"name": "read_file", "arguments": {"path": "shop/till.py", "first": 1, "last": 4}},
                {"name": "search", "arguments": {"query": "def "}},
                {"name": "list_files", "arguments": {"glob": "shop/*"}},
                {"name": "read_file", "arguments": {"path": "nowhere.py"}},
            ],
        },
        {"when": "look around", "calls": [{"name": "run_command", "arguments": {"command": RED}}]},
        {
            "when": "look around",
            "calls": [
                {
                    "name": "apply_patch",
                    "arguments": {
                        "patch": [
                            "*** Begin Patch",
                            "*** Update File: shop/till.py",
                            "@@ def money(cents):",
                            " def money(cents):",
                            '-    return f"{cents // 100}.{cents % 100:02d}"',
                            "+    # Thousands are set apart.",
                            '+    return f"{cents // 100:,}.{cents % 100:02d}"',
                            "*** End Patch",
                        ]
                    },
                }
            ],
        },
        {"when": "look around", "text": ANSWER, "usage": [1200, 140]},
        {"when": "flamingo", "text": "A flamingo stands on one leg.", "repeat": True},
        {"when": "slowly", "text": "".join(f"line {n} of it\n\n" for n in range(400)), "repeat": True},
    ],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    script = tmp_path_factory.mktemp("script") / "script.json"
    script.write_text(json.dumps(SCRIPT))
    with Site(folder, TANDEM_SCRIPTED_MODEL=str(script)) as running:
        yield running
    assert running.left() == []


def panel(page: Page) -> Locator:
    return page.locator(".talk")


def ask(page: Page, text: str) -> None:
    page.get_by_placeholder("Ask, or say").fill(text)
    page.keyboard.press("Enter")


def listed(page: Page) -> Locator:
    """The list of sessions, opened."""
    if not page.get_by_role("dialog", name="Sessions").count():
        panel(page).get_by_role("button", name="Sessions", exact=True).click()
    return page.get_by_role("dialog", name="Sessions")


def test_sessions(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana = new_person()
    page = ana.page
    sign_up(page, site.link, "Ana")
    page.get_by_role("button", name="Start with the sample repository").click()
    page.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    expect(page.get_by_role("treeitem", name="README.md")).to_be_visible()
    nothing_yet(page, picture)
    choose_scripted(page)
    what_tools_did(page, picture)
    ana.faults[:] = [fault for fault in ana.faults if "example.org" not in fault]
    rename_and_fork(page, picture)
    fill(site.data, OTHERS)
    page.reload()
    search(page, picture)
    export(page)
    archive(page, picture)
    a_long_session(page, picture)
    keyboard(page)
    pinned_at_the_newest(page, picture)
    come_late_and_come_back(page)
    assert [fault for fault in ana.faults if "ERR_FAILED" not in fault] == []  # that was us


def nothing_yet(page: Page, picture: Picture) -> None:
    found = listed(page)
    expect(found.get_by_text("No sessions yet")).to_be_visible()
    assert themes(page, "sessions-none", picture) == []
    page.keyboard.press("Escape")
    expect(found).to_have_count(0)
    expect(panel(page).get_by_role("button", name="Sessions", exact=True)).to_be_focused()


def what_tools_did(page: Page, picture: Picture) -> None:
    ask(page, "Please look around")
    log = panel(page).get_by_role("log")
    expect(log.get_by_text("What I found")).to_be_visible()
    expect(log.locator(".tool.failed")).to_have_count(2)
    expect(log.locator(".tool-reason").first).to_contain_text("nowhere.py")
    picture(page, "sessions-cards")
    read = log.locator("details.tool").nth(0)
    expect(read.locator("summary")).to_contain_text("shop/till.py:1–4")
    for card in log.locator("details.tool").all():
        card.locator("summary").click()
    expect(log.locator(".ansi-1")).to_have_text("red")
    ran = log.locator("details.tool", has_text="exit 3")
    expect(ran).to_contain_text("<b>plain</b>")
    ran.get_by_role("button", name=re.compile("Show .* more lines")).click()
    expect(ran.locator("pre", has_text="31\n32")).to_be_visible()
    expect(log.locator(".plus-line").first).to_contain_text("# Thousands are set apart.")
    assert themes(page, "sessions-cards-open", picture) == []
    read.get_by_role("button", name="Open shop/till.py at line 1").click()
    expect(page.locator(".tab.on")).to_contain_text("till.py")
    expect(log.locator("table")).to_contain_text("shop/basket.py")
    expect(log.get_by_role("checkbox")).to_have_count(2)
    expect(log.locator("img")).to_have_count(0)
    expect(log.get_by_text("<b>not this</b>")).to_be_visible()
    log.get_by_role("link", name="the guide").click()
    asked = page.get_by_role("dialog", name="Open the link?")
    expect(asked).to_contain_text("https://example.org/guide")
    assert themes(page, "sessions-link", picture) == []
    asked.get_by_role("button", name="Cancel").click()
    for _ in log.locator("details.tool[open]").all():
        log.locator("details.tool[open] summary").first.click()


def rename_and_fork(page: Page, picture: Picture) -> None:
    head = panel(page).locator(".session-head")
    head.get_by_role("button", name="Please look around").click()
    head.get_by_label("Title of the session").fill("The till and its tests")
    page.keyboard.press("Enter")
    expect(head.get_by_role("heading")).to_have_text("The till and its tests")
    ask(page, "And a flamingo")
    expect(panel(page).get_by_text("stands on one leg")).to_be_visible()
    first = panel(page).locator(".say").first
    first.hover()
    first.get_by_role("button", name="More about this turn").click()
    picture(page, "sessions-turn-menu")
    page.get_by_role("menuitem", name="Fork from here").click()
    expect(panel(page).get_by_text("Forked from")).to_be_visible()
    expect(panel(page).get_by_text("What I found")).to_be_visible()
    expect(panel(page).get_by_text("stands on one leg")).to_have_count(0)
    expect(panel(page).get_by_role("button", name=re.compile("Undo this turn"))).to_have_count(0)
    page.reload()
    expect(panel(page).get_by_text("Forked from")).to_be_visible()
    assert themes(page, "sessions-fork", picture) == []
    panel(page).locator(".session-about button").click()
    expect(panel(page).get_by_text("stands on one leg")).to_be_visible()


def search(page: Page, picture: Picture) -> None:
    found = listed(page)
    expect(found.locator(".library-row")).to_have_count(200)
    assert themes(page, "sessions-list", picture) == []
    found.get_by_role("button", name="Show more").click()
    expect(found.locator(".library-row")).to_have_count(OTHERS + 3)
    field = found.get_by_role("searchbox")
    field.fill("flamingo leg")
    expect(found.locator(".library-row")).to_have_count(1)
    expect(found.locator("mark")).to_have_text(["flamingo", "leg"])
    assert themes(page, "sessions-search", picture) == []
    page.set_viewport_size({"width": 800, "height": 700})
    page.get_by_role("button", name="Session", exact=True).click()
    picture(page, "sessions-search-800")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.route("**/sessions?*", lambda route: route.abort())
    field.fill("flamingo")
    expect(found.get_by_role("alert")).to_contain_text("The server does not answer.")
    assert themes(page, "sessions-search-failed", picture) == []
    page.unroute("**/sessions?*")
    found.get_by_role("button", name="Retry").click()
    expect(found.locator("mark").first).to_have_text("flamingo")
    field.fill("nobody said this")
    expect(found.get_by_text("Nothing was said about")).to_be_visible()
    picture(page, "sessions-search-nothing")
    field.fill("question 123")
    expect(found.locator(".library-row")).to_have_count(1)
    found.locator(".library-excerpt").first.click()
    expect(panel(page).get_by_text("Question 123", exact=True)).to_be_in_viewport()


def export(page: Page) -> None:
    for name, ending in (("Export as Markdown", "md"), ("Export as JSON", "json")):
        panel(page).get_by_role("button", name="More about this session").click()
        with page.expect_download() as coming:
            page.get_by_role("menuitem", name=name).click()
        assert coming.value.suggested_filename == f"the-long-one.{ending}"
        text = coming.value.path().read_text()
        assert f"Answer {MESSAGES // 4 - 1}, and that is all." in text


def archive(page: Page, picture: Picture) -> None:
    found = listed(page)
    row = found.locator(".library-row", has_text="The till and its tests").last
    row.get_by_role("button", name=re.compile("More about")).click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(found.locator(".library-row", has_text="The till and its tests")).to_have_count(1)
    found.get_by_role("button", name="Archived").click()
    expect(found.locator(".library-row")).to_have_count(1)
    assert themes(page, "sessions-archive", picture) == []
    found.locator(".library-open").press("F2")
    found.get_by_label("Title of the session").fill("Put away")
    page.keyboard.press("Enter")
    expect(found.locator(".library-row")).to_contain_text("Put away")
    found.locator(".library-open").click()
    panel(page).locator(".session-about").get_by_role("button", name="Bring back").click()
    expect(panel(page).get_by_text("Archived.")).to_have_count(0)


def come_late_and_come_back(page: Page) -> None:
    """In mid-turn another tab comes to it, and this one is loaded anew: both have each line, once."""
    ask(page, "Count slowly, once more")
    said = ".prose >> nth=-1"
    expect(panel(page).get_by_role("log").get_by_text("line 100 of it")).to_have_count(2)
    late = page.context.new_page()
    late.goto(page.url)
    page.reload()
    whole = "\n".join(f"line {n} of it" for n in range(400))
    for tab in (page, late):
        expect(panel(tab).locator(".turn-foot")).to_have_count(2, timeout=30_000)
        expect(panel(tab).get_by_role("button", name=re.compile("^Stop"))).to_have_count(0)
        expect(panel(tab).locator(said)).to_have_text(whole, use_inner_text=True)
    late.close()


SCROLL = """async () => {
  const log = document.querySelector('.transcript-log')
  const frames = []
  let last = performance.now()
  let still = 0
  while (document.querySelector('.transcript-older') || log.scrollTop > 0) {
    const top = log.scrollTop
    log.scrollTop = top - 400
    await new Promise(requestAnimationFrame)
    const now = performance.now()
    frames.push(now - last)
    last = now
    still = log.scrollTop === top ? still + 1 : 0
    if (still > 600) break
  }
  frames.sort((a, b) => a - b)
  const rows = document.querySelectorAll('.say').length
  return {rows, frames: frames.length, p50: frames[frames.length >> 1], p95: frames[Math.floor(frames.length * 0.95)],
          long: frames.filter((ms) => ms > 50).length, worst: frames.at(-1)}
}"""


def a_long_session(page: Page, picture: Picture) -> None:
    found = listed(page)
    found.get_by_role("searchbox").fill("long one")
    expect(found.locator(".library-row")).to_have_count(1)
    found.locator(".library-open").click()
    log = panel(page).get_by_role("log")
    expect(log.get_by_text(f"Answer {MESSAGES // 4 - 1}, and that is all.")).to_be_in_viewport()
    eventually(lambda: below(log) < 2)
    picture(page, "sessions-long")
    smooth = page.evaluate(SCROLL)
    print(f"scrolled to its beginning: {smooth}")
    assert smooth["rows"] == MESSAGES // 2
    expect(log.get_by_text("Question 0", exact=True)).to_be_in_viewport()
    picture(page, "sessions-long-top")
    panel(page).get_by_role("button", name="Newest").click()
    expect(log.get_by_text(f"Answer {MESSAGES // 4 - 1}, and that is all.")).to_be_in_viewport()


def keyboard(page: Page) -> None:
    log = panel(page).get_by_role("log")
    log.focus()
    page.keyboard.press("ArrowUp")
    expect(log.locator(".say").last).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(log.locator(".say").nth(-2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(log.locator(".say").nth(-2).get_by_role("button").first).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    expect(log.locator(".say").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(log).to_be_focused()


def pinned_at_the_newest(page: Page, picture: Picture) -> None:
    panel(page).get_by_role("button", name="New", exact=True).click()
    ask(page, "Count slowly")
    log = panel(page).get_by_role("log")
    expect(log.get_by_text("line 120 of it")).to_be_visible()
    eventually(lambda: below(log) < 40)
    log.hover()
    page.mouse.wheel(0, -600)
    newest = panel(page).get_by_role("button", name="Newest")
    expect(newest).to_be_visible()
    top = at_rest(log)
    expect(log.get_by_text("line 399 of it")).to_be_attached()
    assert abs(log.evaluate("e => e.scrollTop") - top) < 2, "the reader is not moved"
    picture(page, "sessions-away")
    newest.click()
    expect(log.get_by_text("line 399 of it")).to_be_in_viewport()
    expect(log.locator(".turn-foot")).to_contain_text("tok/s")
