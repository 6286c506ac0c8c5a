"""Esc stops a turn: before its first token, as it streams, wherever the focus is; what is open takes it first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person
from tests.e2e.test_documents import give_role
from tests.e2e.test_journey import line, select_function, type_after
from tests.e2e.test_steering import begin, box, say
from tests.site import Site

pytestmark = pytest.mark.e2e
SCRIPT = {
    "rate": 200,
    "steps": [
        {"when": "go on", "text": "It begins, and then it waits.", "pause_after": 25, "repeat": True},
        {"when": "remarks", "text": "```python\n# a remark\n# another\n```", "pause_after": 24, "repeat": True},
        {"when": "think first", "text": "Never said.", "delay": 600, "repeat": True},
    ],
}


def test_esc_stops_and_what_is_open_takes_it_first(tmp_path: Path, new_person: Callable[[], Person]) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    with Site(tmp_path / "data", TANDEM_SCRIPTED_MODEL=str(script), TANDEM_BUILTIN_MODEL="false") as site:
        ana, ben = new_person(), new_person()
        begin(site, ana.page, ben.page)
        before_the_first_token(ana.page)
        before_it_has_begun(ana.page)
        popups_take_it_first(ana.page)
        in_the_editor(ana.page)
        in_an_inline_edit(ana.page)
        anybodys_from_the_panel(ana.page, ben.page)
        a_viewer_is_told_why(ana.page, ben.page)
        assert [fault for one in (ana, ben) for fault in one.faults] == []


def runs(page: Page) -> Locator:
    return page.locator(".talk").get_by_role("button", name=re.compile("^Stop"))


def stopped(page: Page, times: int, who: str = "Ana") -> None:
    expect(page.locator(".talk").get_by_text(f"Interrupted by {who}.")).to_have_count(times)
    expect(runs(page)).to_have_count(0)


def before_the_first_token(page: Page) -> None:
    say(page, "think first")
    expect(page.locator(".talk").get_by_text("waiting for the first token")).to_be_visible()
    box(page).fill("kept")
    expect(box(page)).to_be_focused()
    page.keyboard.press("Escape")
    stopped(page, 1)
    expect(box(page)).to_have_value("kept")
    expect(page.locator(".talk").get_by_text("Never said.")).to_have_count(0)


def before_it_has_begun(page: Page) -> None:
    """The two keys in one breath: the turn is stopped as soon as there is one."""
    box(page).fill("think first")
    box(page).evaluate(
        """box => { for (const key of ['Enter', 'Escape'])
             box.dispatchEvent(new KeyboardEvent('keydown', { key, code: key, bubbles: true, cancelable: true })) }"""
    )
    stopped(page, 2)


def streams(page: Page, times: int) -> None:
    """One more turn, of which something is there to read."""
    say(page, "go on")
    expect(page.locator(".talk .prose").get_by_text("It begins")).to_have_count(times)
    expect(runs(page)).to_be_visible()


def popups_take_it_first(page: Page) -> None:
    streams(page, 1)
    box(page).press_sequentially("see @")
    mentions = page.get_by_role("listbox")
    expect(mentions).to_be_visible()
    page.keyboard.press("Escape")
    expect(mentions).to_have_count(0)
    page.get_by_role("button", name="More ways to act on the running turn").click()
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    page.keyboard.press("F1")
    palette = page.get_by_role("dialog", name=re.compile("palette|Commands", re.IGNORECASE))
    expect(palette).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_have_count(0)
    page.get_by_role("button", name="Share").click()
    share = page.get_by_role("dialog", name="Share")
    expect(share).to_be_visible()
    page.keyboard.press("Escape")
    expect(share).to_have_count(0)
    page.locator(".talk").get_by_role("button", name="Sessions", exact=True).click()
    listed = page.get_by_role("dialog", name="Sessions")
    expect(listed).to_be_visible()
    page.keyboard.press("Escape")
    expect(listed).to_have_count(0)
    log = page.locator(".talk").get_by_role("log")
    log.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    expect(log).to_be_focused()
    expect(runs(page)).to_be_enabled()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    stopped(page, 3)
    box(page).fill("")


def in_the_editor(page: Page) -> None:
    streams(page, 2)
    type_after(page, "REDUCED_TAX = 7", "\nREDU")
    page.keyboard.press("Control+Space")
    completion = page.locator(".cm-tooltip-autocomplete")
    expect(completion).to_be_visible()
    page.keyboard.press("Escape")
    expect(completion).to_have_count(0)
    page.keyboard.press("Control+f")
    expect(page.locator(".cm-search")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".cm-search")).to_have_count(0)
    expect(runs(page)).to_be_enabled()
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.press("Escape")
    stopped(page, 4)


# Control K, and whether the field has the focus before anything else can happen.
ASK = """text => {
  const key = { key: 'k', code: 'KeyK', keyCode: 75, ctrlKey: true, bubbles: true, cancelable: true }
  text.dispatchEvent(new KeyboardEvent('keydown', key))
  return document.activeElement.matches('.inline-edit textarea')
}"""


def in_an_inline_edit(page: Page) -> None:
    select_function(page, "def money", 2)
    assert page.locator(".cm-content").evaluate(ASK), "the next key would replace what is selected"
    page.keyboard.type("remarks")
    field = page.get_by_role("textbox", name="Say what should change")
    expect(field).to_have_value("remarks")
    field.press("Enter")
    expect(line(page, "# a remark")).to_be_visible()
    page.keyboard.press("Escape")
    stopped(page, 5)
    expect(field).to_have_count(0)
    page.get_by_role("button", name="Reject all").click()
    expect(page.locator(".cm-line", has_text="# a remark")).to_have_count(0)


def anybodys_from_the_panel(ana: Page, ben: Page) -> None:
    """Elsewhere Esc has other uses: there only one's own turn is meant."""
    streams(ana, 3)
    ben.locator(".talk").get_by_role("button", name="Sessions", exact=True).click()
    ben.locator(".library-open").filter(has_text="think first").click()
    expect(runs(ben)).to_be_enabled()
    line(ben, "REDUCED_TAX").click()
    key = runs(ben).locator("kbd")
    expect(key).to_be_hidden()
    ben.keyboard.press("Escape")
    box(ben).focus()
    expect(key).to_be_visible()
    expect(runs(ben)).to_be_enabled()
    ben.keyboard.press("Escape")
    for page in (ana, ben):
        stopped(page, 1, "Ben")


def a_viewer_is_told_why(ana: Page, ben: Page) -> None:
    give_role(ana, "viewer")
    streams(ana, 4)
    expect(runs(ben)).to_be_disabled()
    ben.locator(".talk").get_by_role("log").focus()
    ben.keyboard.press("Escape")
    expect(ben.get_by_text("As a viewer you cannot stop a turn.")).to_be_visible()
    expect(runs(ana)).to_be_enabled()
    ana.keyboard.press("Escape")
    stopped(ana, 6)
