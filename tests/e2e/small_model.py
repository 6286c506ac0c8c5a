"""The journey of test_steering.py with the model that ships with Tandem. It cannot use tools and nobody knows what it
will write: what is looked for holds whatever it is."""

from __future__ import annotations

import os
import re
import signal

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import eventually, repository_of
from tests.e2e.test_journey import MODEL_MS, line, select_function
from tests.site import Site

STORY = "Tell a very long story of a shop, its cat and the sea."
ASKED = "write a comment above every line"


def journey(site: Site, ana: Page, ben: Page) -> None:
    stop_by_the_second(ana, ben)
    accept_and_take_back(site, ana, ben)
    reload_in_the_middle(ana, ben)
    die_in_the_middle(site, ana, ben)


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message to the model")


def stop(page: Page) -> Locator:
    return page.locator(".talk").get_by_role("button", name=re.compile("^Stop"))


def answer(page: Page) -> Locator:
    return page.locator(".talk .prose").last


def tell_a_story(ana: Page, ben: Page, times: int) -> None:
    """It writes, and both read what is there of it."""
    box(ana).fill(STORY)
    box(ana).press("Enter")
    if times == 1:
        ben.locator(".talk").get_by_role("button", name="Sessions", exact=True).click()
        ben.locator(".library-open").filter(has_text=STORY).click()
    for page in (ana, ben):
        expect(page.locator(".talk .said").filter(has_text=STORY)).to_have_count(times)
        expect(answer(page)).to_have_text(re.compile(r"\w+ \w+"), timeout=MODEL_MS)


def stop_by_the_second(ana: Page, ben: Page) -> None:
    tell_a_story(ana, ben, 1)
    stop(ben).click()
    for page in (ana, ben):
        expect(page.locator(".talk").get_by_text("Interrupted by Ben.")).to_be_visible()
        expect(stop(page)).to_have_count(0)
    eventually(lambda: answer(ana).inner_text() == answer(ben).inner_text())


def reload_in_the_middle(ana: Page, ben: Page) -> None:
    tell_a_story(ana, ben, 2)
    ana.reload()
    expect(answer(ana)).to_have_text(re.compile(r"\w+ \w+"))
    box(ana).focus()
    ana.keyboard.press("Escape")
    for page in (ana, ben):
        expect(stop(page)).to_have_count(0)
    eventually(lambda: answer(ana).inner_text() == answer(ben).inner_text())


def edit(page: Page, lines: int) -> None:
    """Have it rewrite the beginning of receipt()."""
    select_function(page, "def receipt", lines)
    page.keyboard.press("Control+k")
    field = page.get_by_role("textbox", name="Say what should change")
    field.fill(ASKED)
    field.press("Enter")


def accept_and_take_back(site: Site, ana: Page, ben: Page) -> None:
    file = repository_of(site) / "shop/till.py"
    before = file.read_text()
    edit(ana, 6)
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


def die_in_the_middle(site: Site, ana: Page, ben: Page) -> None:
    tell_a_story(ana, ben, 3)
    os.kill(site.process.pid, signal.SIGKILL)
    site.stop()
    eventually(lambda: site.left() == [], 15)
    site.start()
    for page in (ana, ben):
        told = page.locator(".talk").get_by_text("Tandem was restarted while this turn ran")
        expect(told).to_be_visible(timeout=60_000)
        expect(answer(page)).to_have_text(re.compile(r"\w+"))
    eventually(lambda: answer(ana).inner_text() == answer(ben).inner_text())
