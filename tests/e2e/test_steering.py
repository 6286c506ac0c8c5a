"""Two people and one model, on a wire, whoever's server it is, or the small one that ships with Tandem: queue, Stop by
the second, steer, accept while it writes, a turn taken back, typing where it writes, a reload and a dead server."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import small_model
from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.models import Steps, aimock, connect, simulator
from tests.e2e.test_journey import Picture, line, open_file, sign_up, type_after
from tests.e2e.test_screens import themes
from tests.site import Site

pytestmark = pytest.mark.e2e
Model = Callable[[Path, Steps], AbstractContextManager[str]]

LINES = "".join(f"+    step_{n} = money({n})\n" for n in range(1, 32))
PATCH = f"""*** Begin Patch
*** Update File: shop/till.py
@@ def money(cents):
 def money(cents):
+    # The model writes here.
{LINES}*** End Patch
"""
CALL = {"name": "apply_patch", "arguments": {"patch": PATCH}}
NOTES = "".join(f"+    # Note {n} of the second place.\n" for n in range(1, 13))
PLACES = f"""*** Begin Patch
*** Update File: shop/till.py
@@ def tax_in(cents, percent):
 def tax_in(cents, percent):
+    # The first place.
@@ def receipt(basket, width=32):
 def receipt(basket, width=32):
{NOTES}*** End Patch
"""
STEPS: Steps = [
    {
        "when": "essay",
        "text": "It begins with a long sentence, and then it waits." + " and goes on" * 2000,
        "repeat": True,
    },
    {"when": "first in line", "text": "That was the first.", "repeat": True},
    {"when": "better words", "text": "Better words it is.", "repeat": True},
    {"when": "a short talk", "text": "One moment, I think about what you have said there, slowly." + " word" * 150},
    {"when": "shorter", "text": "Shorter."},
    {
        "when": "two places",
        "text": "I write in both.",
        "calls": [{"name": "apply_patch", "arguments": {"patch": PLACES}}],
    },
    {"when": "many steps", "text": "I write them.", "calls": [CALL]},
    {"when": "typed in", "text": "I go on from your text."},
    {"when": "until it dies", "text": "Again.", "calls": [CALL]},
    {"when": "typed in", "text": "I go on from your text."},  # behind the answer of the patch's tool
]


@pytest.mark.parametrize("model", [simulator, aimock, None], ids=["simulator", "aimock", "embedded"])
def test_two_people_steer_one_model(
    model: Model | None, tmp_path: Path, new_person: Callable[[], Person], picture: Picture
) -> None:
    wire = model(tmp_path, STEPS) if model else nullcontext()
    with wire as code, Site(tmp_path / "data", TANDEM_BUILTIN_MODEL="false" if model else "true") as site:
        if code:
            connect(site, code)
        ana, ben = new_person().page, new_person().page
        begin(site, ana, ben)
        if model:
            by_the_script(site, ana, ben, picture)
        else:
            small_model.journey(site, ana, ben)


def by_the_script(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    queue(ana, ben, picture)
    stop_by_the_second(ana, ben, picture)
    steer(ana, ben)
    accept_while_it_writes(ana, ben)
    take_the_turn_back(site, ana, ben)
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


def accept_while_it_writes(ana: Page, ben: Page) -> None:
    expect(ana.locator(".talk").get_by_role("button", name=re.compile("^Stop"))).to_have_count(0)
    say(ana, "two places")
    expect(line(ben, "# Note 2 of the second place")).to_be_visible()
    expect(ben.get_by_text("is writing · 2 places so far")).to_be_visible()
    line(ben, "# The first place").click()
    ben.keyboard.press("Control+Enter")
    for page in (ana, ben):
        expect(page.get_by_text("is writing · 1 place so far")).to_be_visible()
    for page in (ana, ben):
        expect(page.get_by_text("changed 1 place")).to_be_visible()
        expect(page.locator(".talk").get_by_role("button", name=re.compile("^Stop"))).to_have_count(0)
        expect(line(page, "# The first place")).to_be_visible()


def take_the_turn_back(site: Site, ana: Page, ben: Page) -> None:
    """The hunk that was accepted too; what somebody wrote meanwhile stays."""
    type_after(ben, "REDUCED_TAX = 7", "  # per cent too")
    ana.locator(".talk").get_by_role("button", name="Undo this turn").last.click()
    ana.get_by_role("dialog").get_by_role("button", name="Undo in 1 file").click()
    for page in (ana, ben):
        expect(page.locator(".cm-line", has_text=re.compile("# (Note|The first)"))).to_have_count(0)
        expect(line(page, "REDUCED_TAX = 7")).to_contain_text("# per cent too")
    file = repository_of(site) / "shop/till.py"
    eventually(lambda: "# per cent too" in file.read_text() and "# The first place" not in file.read_text())


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
        said = page.locator(".talk details.typed").last
        expect(said.locator("summary")).to_have_text(
            re.compile(r"^Typed in shop/till\.py, line \d+: # not so many of them$")
        )
        expect(said.get_by_text("where you were writing")).to_be_hidden()
    file = repository_of(site) / "shop/till.py"
    eventually(lambda: "# not so many of them" in file.read_text())
    assert "step_31 =" not in file.read_text(), "the rest of that place was not written"
    picture(ben, "steering-went-on")
    said = ben.locator(".talk details.typed").last
    said.locator("summary").click()
    expect(said.get_by_text("where you were writing")).to_be_visible()
    picture(ben, "steering-typed-open")


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
