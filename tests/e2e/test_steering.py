"""Two people and one model: queue, steer, Stop by the second, typing where it writes, a reload and a dead server in the
middle of a turn."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_journey import Picture, line, open_file, sign_up
from tests.e2e.test_screens import themes
from tests.site import Site

pytestmark = pytest.mark.e2e

LINES = "".join(f"+    step_{n} = money({n})\n" for n in range(1, 32))
PATCH = f"""*** Begin Patch
*** Update File: shop/till.py
@@ def money(cents):
 def money(cents):
+    # The model writes here.
{LINES}*** End Patch
"""
CALL = {"name": "apply_patch", "arguments": {"patch": PATCH}}
ESSAY = "It begins with a long sentence, and then it waits."
SCRIPT = {
    "rate": 20,
    "steps": [
        {
            "when": "essay",
            "text": ESSAY,
            "pause_after": 40,
            "repeat": True,
        },
        {"when": "first in line", "text": "That was the first.", "repeat": True},
        {"when": "better words", "text": "Better words it is.", "repeat": True},
        {"when": "a short talk", "text": "One moment, I think about what you have said there, slowly and for a while."},
        {"when": "shorter", "text": "Shorter."},
        {"when": "many steps", "text": "I write them.", "calls": [CALL]},
        {"when": "typed in", "text": "I go on from your text."},
        {"when": "until it dies", "text": "Again.", "calls": [CALL]},
    ],
}


def test_two_people_steer_one_model(tmp_path: Path, new_person: Callable[[], Person], picture: Picture) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    with Site(tmp_path / "data", TANDEM_SCRIPTED_MODEL=str(script), TANDEM_BUILTIN_MODEL="false") as site:
        ana, ben = new_person().page, new_person().page
        begin(site, ana, ben)
        queue(ana, ben, picture)
        stop_by_the_second(ana, ben, picture)
        steer(ana, ben)
        type_to_redirect(site, ana, ben, picture)
        reload_in_the_middle(ana, ben)
        die_in_the_middle(site, ana, ben, picture)


def begin(site: Site, ana: Page, ben: Page) -> None:
    sign_up(ana, site.link, "Ana")
    ana.get_by_role("button", name="Start with the sample repository").click()
    ana.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    ana.get_by_role("button", name="Share").click()
    ana.get_by_role("button", name="Make link").click()
    link = ana.locator("dialog input[readonly]")
    expect(link).to_have_value(re.compile("/invite/"))
    sign_up(ben, link.input_value(), "Ben")
    ana.get_by_role("button", name="Close", exact=True).click()
    for page in (ana, ben):
        open_file(page, "shop/till.py")


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message to the model")


def say(page: Page, text: str, key: str = "Enter") -> None:
    box(page).fill(text)
    box(page).press(key)


def entries(page: Page) -> Locator:
    return page.get_by_role("region", name="Queue").get_by_role("listitem")


def queue(ana: Page, ben: Page, picture: Picture) -> None:
    say(ana, "Write an essay")
    ben.locator(".talk").get_by_role("button", name="Sessions", exact=True).click()
    ben.locator(".library-open").filter(has_text="Write an essay").click()
    expect(ben.locator(".talk").get_by_text("It begins with a long sentence")).to_be_visible()
    say(ben, "words of mine", "Alt+Enter")
    expect(box(ben)).to_have_value("")
    say(ana, "first in line", "Alt+Enter")
    for page in (ana, ben):
        expect(entries(page)).to_have_count(2)
    entries(ana).nth(1).focus()
    ana.keyboard.press("Alt+ArrowUp")
    expect(entries(ben).first).to_contain_text("first in line")
    expect(entries(ben).first).to_contain_text("moved by Ana")
    expect(entries(ana).nth(1)).to_contain_text("words of mine")
    entries(ana).nth(1).focus()
    ana.keyboard.press("Enter")
    edit = ana.get_by_role("textbox", name="Message in the queue")
    expect(edit).to_be_focused()
    edit.fill("better words")
    edit.press("Enter")
    expect(entries(ben).nth(1)).to_contain_text("better words")
    expect(entries(ben).nth(1)).to_contain_text("edited by Ana")
    assert themes(ben, "queue", picture) == []


def stop_by_the_second(ana: Page, ben: Page, picture: Picture) -> None:
    ben.locator(".talk").get_by_role("button", name=re.compile("^Stop")).click()
    for page in (ana, ben):
        expect(page.locator(".talk").get_by_text("Interrupted by Ben.")).to_be_visible()
        expect(page.get_by_role("region", name="Queue")).to_contain_text("The turn before was interrupted.")
    assert themes(ana, "queue-held", picture) == []
    ana.get_by_role("button", name="Send the next").click()
    for page in (ana, ben):
        expect(page.locator(".talk").get_by_text("Better words it is.")).to_be_visible()
        expect(page.get_by_role("region", name="Queue")).to_have_count(0)


def steer(ana: Page, ben: Page) -> None:
    say(ana, "a short talk")
    expect(ben.locator(".talk").get_by_text("One moment")).to_be_visible()
    say(ben, "shorter, please")
    for page in (ana, ben):
        expect(page.locator(".talk").get_by_text("steers · taken").first).to_be_visible()
        expect(page.locator(".talk").get_by_text("Shorter.", exact=True)).to_be_visible()


def type_to_redirect(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    say(ana, "many steps")
    expect(line(ben, "step_12 =")).to_be_visible()
    line(ben, "step_2 =").click()
    ben.keyboard.press("End")
    ben.keyboard.type("  # not so many")
    expect(ben.get_by_text("Goes on with your text")).to_be_visible()
    expect(ana.get_by_text("Goes on with Ben’s text")).to_be_visible()
    picture(ana, "steering-paused-ana")
    ben.keyboard.type(" of them")  # it waits while one types
    picture(ben, "steering-paused-ben")
    for page in (ana, ben):
        expect(page.locator(".talk").get_by_text("I go on from your text.")).to_be_visible()
        expect(line(page, "# not so many of them")).to_be_visible()
        expect(page.locator(".paused-bar")).to_have_count(0)
    file = repository_of(site) / "shop/till.py"
    eventually(lambda: "# not so many of them" in file.read_text())
    assert "step_31 =" not in file.read_text(), "the rest of that place was not written"
    picture(ben, "steering-went-on")


def reload_in_the_middle(ana: Page, ben: Page) -> None:
    say(ana, "Write an essay")
    expect(ben.locator(".talk").get_by_text("It begins with a long sentence")).to_have_count(2)
    ana.reload()
    expect(ana.locator(".talk").get_by_text("It begins with a long sentence")).to_have_count(2)
    ana.locator(".talk").get_by_role("button", name=re.compile("^Stop")).click()
    expect(ben.locator(".talk").get_by_text("Interrupted by Ana.")).to_be_visible()


def die_in_the_middle(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    open_file(ana, "shop/till.py")
    say(ana, "until it dies")
    expect(ben.locator(".cm-line", has_text="step_5 =")).to_have_count(2)
    say(ben, "first in line", "Alt+Enter")
    expect(entries(ana)).to_have_count(1)
    os.kill(site.process.pid, signal.SIGKILL)
    site.stop()
    eventually(lambda: site.left() == [], 15)
    site.start()
    for page in (ana, ben):
        told = page.locator(".talk").get_by_text("Tandem was restarted while this turn ran")
        expect(told).to_be_visible(timeout=60_000)
        expect(page.get_by_role("region", name="Queue")).to_contain_text("Tandem was restarted.")
        expect(page.get_by_role("button", name="Reject all").first).to_be_visible()
    picture(ben, "steering-restarted")
