"""The journey of test_steering.py with the model that ships with Tandem. It cannot use tools and nobody knows what it
will write: what is looked for holds whatever it is."""

from __future__ import annotations

import os
import re
import signal
from difflib import SequenceMatcher

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import eventually, repository_of
from tests.e2e.test_journey import MODEL_MS, line, select_function
from tests.site import Site

STORY = "Tell a very long story of a shop, its cat and the sea."
ASKED = "write a comment above every line"
RENAME = "rename basket to cart"  # of many lines: it keeps some, and writes for half a minute
BEGIN, LINES = "TAX = 19", 28


def journey(site: Site, ana: Page, ben: Page) -> None:
    stop_by_the_second(ana, ben)
    steer(ana, ben)
    accept_and_take_back(site, ana, ben)
    accept_while_it_writes(site, ana, ben)
    type_to_redirect(site, ana, ben)
    reload_in_the_middle(ana, ben)
    die_in_the_middle(site, ana, ben)


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message to the model")


def stop(page: Page) -> Locator:
    return page.locator(".talk").get_by_role("button", name=re.compile("^Stop"))


def end(page: Page) -> None:
    """Stop one's turn, if it has not ended by itself."""
    box(page).focus()
    page.keyboard.press("Escape")


def answer(page: Page) -> Locator:
    return page.locator(".talk .prose").last


def tell_a_story(ana: Page, ben: Page, times: int) -> None:
    """It writes, and both read what is there of it."""
    before = ana.locator(".talk .prose").count()
    box(ana).fill(STORY)
    box(ana).press("Enter")
    if times == 1:
        ben.locator(".talk").get_by_role("button", name="Sessions", exact=True).click()
        ben.locator(".library-open").filter(has_text=STORY).click()
    for page in (ana, ben):
        expect(page.locator(".talk .said").filter(has_text=STORY)).to_have_count(times)
        expect(page.locator(".talk .prose")).to_have_count(before + 1, timeout=MODEL_MS)
        expect(answer(page)).to_have_text(re.compile(r"\w+ \w+"), timeout=MODEL_MS)


def stop_by_the_second(ana: Page, ben: Page) -> None:
    tell_a_story(ana, ben, 1)
    stop(ben).click()
    for page in (ana, ben):
        expect(page.locator(".talk").get_by_text("Interrupted by Ben.")).to_be_visible()
        expect(stop(page)).to_have_count(0)
    eventually(lambda: answer(ana).inner_text() == answer(ben).inner_text())


def reload_in_the_middle(ana: Page, ben: Page) -> None:
    tell_a_story(ana, ben, 3)
    ana.reload()
    expect(answer(ana)).to_have_text(re.compile(r"\w+ \w+"))
    box(ana).focus()
    ana.keyboard.press("Escape")
    for page in (ana, ben):
        expect(stop(page)).to_have_count(0)
    eventually(lambda: answer(ana).inner_text() == answer(ben).inner_text())


def steer(ana: Page, ben: Page) -> None:
    """It is in the middle of a story, breaks off, and answers what was said."""
    tell_a_story(ana, ben, 2)
    said = ana.locator(".talk .prose")
    before = said.count()
    box(ben).fill("No, tell me what a receipt is.")
    box(ben).press("Enter")
    for page in (ana, ben):
        expect(page.locator(".talk").get_by_text("steers · taken")).to_be_visible()
        expect(page.locator(".talk .prose")).to_have_count(before + 1)
        expect(answer(page)).to_have_text(re.compile(r"\w+ \w+"), timeout=MODEL_MS)
    broken_off = said.nth(before - 1).inner_text()
    end(ana)
    for page in (ana, ben):
        expect(stop(page)).to_have_count(0)
        expect(page.locator(".talk .prose").nth(before - 1)).to_have_text(broken_off, use_inner_text=True)


def edit(page: Page, first: str, lines: int, asked: str) -> None:
    """Have it rewrite these lines."""
    select_function(page, first, lines)
    page.keyboard.press("Control+k")
    field = page.get_by_role("textbox", name="Say what should change")
    field.fill(asked)
    field.press("Enter")


def accept_and_take_back(site: Site, ana: Page, ben: Page) -> None:
    file = repository_of(site) / "shop/till.py"
    before = file.read_text()
    edit(ana, "def receipt", 6, ASKED)
    for page in (ana, ben):
        expect(page.get_by_text(re.compile(r"changed \d+ places?"))).to_be_visible(timeout=MODEL_MS)
    ben.get_by_role("button", name="Accept all").click()
    for page in (ana, ben):
        expect(page.get_by_role("button", name="Accept all")).to_have_count(0)
    eventually(lambda: file.read_text() != before)
    ana.locator(".talk").get_by_role("button", name="Undo this turn").last.click()
    ana.get_by_role("dialog").get_by_role("button", name="Undo in 1 file").click()
    eventually(lambda: file.read_text() == before)
    for page in (ana, ben):
        expect(line(page, "def receipt(basket, width=32):")).to_be_visible()


def accept_while_it_writes(site: Site, ana: Page, ben: Page) -> None:
    """The first place is accepted while others are written. What is left is rejected: one change stays."""
    file = repository_of(site) / "shop/till.py"
    before = file.read_text()
    edit(ana, BEGIN, LINES, RENAME)
    for page in (ana, ben):
        expect(page.get_by_text(re.compile(r"is writing · [2-9]\d* places so far"))).to_be_visible(timeout=MODEL_MS)
    ben.locator(".cm-content").focus()
    ben.keyboard.press("Control+Home")
    ben.keyboard.press("F8")
    expect(ben.locator(".hunk-bar")).to_contain_text(re.compile(r"1 of \d"))
    ben.keyboard.press("Control+Enter")
    expect(ben.get_by_role("status").filter(has_text="Change accepted")).to_be_attached()
    for page in (ana, ben):
        expect(page.get_by_text("is writing ·")).to_be_visible()
    stop(ana).click()
    for page in (ana, ben):
        expect(page.get_by_text(re.compile(r"changed \d+ places?"))).to_be_visible()
    ana.get_by_role("button", name="Reject all").click()
    for page in (ana, ben):
        expect(page.get_by_role("button", name="Reject all")).to_have_count(0)
    eventually(lambda: changes(before, file.read_text()) == 1)


def changes(before: str, after: str) -> int:
    """In how many places two texts differ."""
    found = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False).get_opcodes()
    return sum(kind != "equal" for kind, *_ in found)


def type_to_redirect(site: Site, ana: Page, ben: Page) -> None:
    """Ben types into what it writes for Ana: it stops there, and goes on with his text."""
    edit(ana, "from shop.basket", 20, ASKED)
    written = ben.locator(".cm-line:has(.cm-model-caret)")
    first = ben.locator(".cm-line").nth(3)
    behind = ben.locator(".cm-line:nth-child(n+7):has(.cm-model-caret)")
    expect(written).to_have_count(1, timeout=MODEL_MS)
    expect(behind).to_have_count(1, timeout=MODEL_MS)
    first.click()
    ben.keyboard.press("End")
    ben.keyboard.type("  # as I want it")
    expect(ben.get_by_text("Goes on with your text")).to_be_visible()
    expect(ana.get_by_text("Goes on with Ben’s text")).to_be_visible()
    for page in (ana, ben):
        expect(line(page, "# as I want it")).to_be_visible()
        expect(page.locator(".paused-bar")).to_have_count(0)
        typed = page.locator(".talk details.typed summary").last
        expect(typed).to_have_text(re.compile(r"^Typed in shop/till\.py, line \d+: # as I want it$"))
    end(ben)
    for page in (ana, ben):
        expect(stop(page)).to_have_count(0)
    eventually(lambda: "# as I want it" in (repository_of(site) / "shop/till.py").read_text())


def die_in_the_middle(site: Site, ana: Page, ben: Page) -> None:
    tell_a_story(ana, ben, 4)
    os.kill(site.process.pid, signal.SIGKILL)
    site.stop()
    eventually(lambda: site.left() == [], 15)
    site.start()
    for page in (ana, ben):
        told = page.locator(".talk").get_by_text("Tandem was restarted while this turn ran")
        expect(told).to_be_visible(timeout=60_000)
        expect(answer(page)).to_have_text(re.compile(r"\w+"))
    eventually(lambda: answer(ana).inner_text() == answer(ben).inner_text())
