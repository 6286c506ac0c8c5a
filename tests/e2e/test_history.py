"""How a text came to be, as people see it: comments, history, who wrote each line, and a commit that names them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_journey import Picture, choose_scripted, invite, line, open_file, sign_up, type_after
from tests.e2e.test_screens import themes
from tests.site import Site

pytestmark = pytest.mark.e2e
NARROW = {"width": 390, "height": 844}


def side(page: Page, name: str) -> Locator:
    """Open a side bar."""
    button = page.get_by_role("navigation", name="Side bars").get_by_role("button", name=name)
    if button.get_attribute("aria-pressed") != "true":
        button.click()
    return page.locator(".side")


def command(page: Page, title: str) -> None:
    page.keyboard.press("F1")
    page.keyboard.type(title)
    page.get_by_role("option", name=title).first.wait_for()
    page.keyboard.press("Enter")


def begun(site: Site, ana: Person, ben: Person, picture: Picture) -> None:
    sign_up(ana.page, site.link, "Ana")
    ana.page.get_by_role("button", name="Start with the sample repository").click()
    ana.page.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    expect(ana.page.get_by_role("treeitem", name="README.md")).to_be_visible()
    invite(ana.page, ben.page, picture)
    for page in (ana.page, ben.page):
        open_file(page, "shop/basket.py")


def test_how_a_text_came_to_be(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = new_person(), new_person()
    begun(site, ana, ben, picture)
    wrong = comment_and_answer(ana.page, ben.page, picture)
    wrong += look_back(ana.page, ben.page, picture)
    wrong += see_who_wrote(ana.page, ben.page, picture)
    wrong += commit(site, ana.page, picture)
    wrong += narrow(ana.page, picture)
    assert not wrong, "\n".join(wrong)
    assert ana.faults == []
    assert ben.faults == []


def comment_and_answer(ana: Page, ben: Page, picture: Picture) -> list[str]:
    line(ana, "BULK = 10").click()
    ana.keyboard.press("Home")
    ana.keyboard.press("Shift+End")
    expect(ana.get_by_role("button", name="Comment on the selection")).to_be_visible()
    ana.keyboard.press("Control+Alt+m")
    box = ana.get_by_role("textbox", name="Say something")
    box.press_sequentially("Why ten, @B")
    expect(ana.get_by_role("option", name="Ben")).to_be_visible()
    box.press("Enter")  # takes the name
    box.press_sequentially("? See https://example.org/tens.")
    box.press("Control+Enter")
    expect(ben.get_by_text("Ana mentioned you in shop/basket.py.")).to_be_visible()
    expect(ben.locator(".cm-comment", has_text="BULK = 10")).to_be_visible()
    expect(ben.locator(".rail em.you")).to_have_text("1")
    ben.get_by_role("button", name="Show", exact=True).click()
    thread = ben.locator(".side .thread", has_text="Why ten")
    expect(thread.get_by_role("link")).to_have_attribute("href", "https://example.org/tens")
    thread.get_by_role("button", name="Reply").click()
    thread.get_by_role("textbox", name="Reply").fill("A crate holds ten.")
    thread.get_by_role("textbox", name="Reply").press("Control+Enter")
    expect(ana.locator(".side .thread")).to_contain_text("A crate holds ten.")
    expect(ben.locator(".rail em.you")).to_have_count(0)
    wrong = themes(ana, "comments", picture)
    type_after(ben, "BULK_DISCOUNT = 5", ", always")
    line(ben, "BULK = 10").click()
    for key in ("Home", "Enter", "ArrowUp"):
        ben.keyboard.press(key)
    ben.keyboard.type("# Ten and more are cheaper.")
    expect(ana.locator(".cm-comment")).to_have_text("BULK = 10")  # the comment stays with its text
    mine = ana.locator(".side .thread")
    mine.get_by_role("button", name="Ask the model").click()
    composer = ana.get_by_placeholder("Ask, or say")
    expect(composer).to_have_value(re.compile("A crate holds ten"))
    composer.fill("")
    ana.locator(".composer .chip").click()
    line(ben, "BULK = 10").click()
    ben.keyboard.press("Home")
    ben.keyboard.press("Shift+End")
    ben.keyboard.press("Delete")
    ana.locator(".cm-content").click()
    expect(mine).to_contain_text("The text is gone")
    wrong += themes(ana, "comments-gone", picture)
    ben.keyboard.type("BULK = 10")
    expect(line(ana, "BULK = 10")).to_be_visible()
    mine.get_by_role("button", name="Resolve").click()
    expect(ana.get_by_text("No open comments")).to_be_visible()
    ana.locator(".segments").get_by_role("button", name="Resolved").click()
    expect(ana.locator(".side .thread")).to_contain_text("Resolved by Ana")
    expect(ben.locator(".cm-comment")).to_have_count(0)
    return wrong


def look_back(ana: Page, ben: Page, picture: Picture) -> list[str]:
    rows = side(ana, "History").locator(".history-row")
    expect(rows.filter(has_text="Ben").first).to_be_visible()
    expect(rows.filter(has_text="There before")).to_have_count(1)
    wrong = themes(ana, "history", picture)
    rows.filter(has_text="There before").click()
    expect(ana.get_by_role("heading", name=re.compile("^There before"))).to_be_focused()
    expect(ana.locator(".compare .cm-mergeView")).to_be_visible()
    expect(ana.locator(".compare .cm-changedLine").first).to_be_visible()
    wrong += themes(ana, "version", picture)
    ana.get_by_role("button", name="Restore this version").click()
    expect(ana.get_by_text("The version is back, as a new edit.")).to_be_visible()
    for page in (ana, ben):
        expect(page.locator(".cm-line", has_text="Ten and more are cheaper")).to_have_count(0)
    ana.get_by_role("button", name="Undo").click()
    for page in (ana, ben):
        expect(line(page, "Ten and more are cheaper")).to_be_visible()
    return wrong


def see_who_wrote(ana: Page, ben: Page, picture: Picture) -> list[str]:
    for page in (ana, ben):
        open_file_here(page, "shop/till.py")
    choose_scripted(ana)
    ana.get_by_placeholder("Ask, or say").fill("Set thousands apart in money()")
    ana.keyboard.press("Enter")
    expect(line(ana, "Thousands are set apart")).to_be_visible()
    ana.get_by_role("button", name="Accept all").click()
    type_after(ben, "REDUCED_TAX = 7", "  # food and books")
    expect(line(ana, "REDUCED_TAX")).to_contain_text("food and books")
    line(ana, "REDUCED_TAX").click()
    command(ana, "Show or hide who wrote each line")
    gutter = ana.locator(".cm-blame")
    expect(gutter.get_by_text("Ben")).to_be_visible()
    expect(gutter.get_by_text("There before").first).to_be_visible()
    expect(gutter.get_by_text("Nobody knows")).to_have_count(0)
    model = gutter.locator(".blame-line.model b").first
    expect(model).to_be_visible()
    ana.keyboard.press("End")
    ana.keyboard.press("Enter")
    ana.keyboard.type("# mine, at once, and longer than theirs")
    expect(gutter.get_by_text("Ana")).to_be_visible()  # by this browser's own client id: nobody is asked
    model.click()
    card = ana.get_by_role("group", name="Who wrote this line")
    expect(card).to_contain_text("Set thousands apart in money()")
    wrong = themes(ana, "blame", picture)
    card.get_by_role("button", name="Why is this here").click()
    expect(ana.locator(".talk article:focus")).to_contain_text("Set thousands apart")
    line(ana, "REDUCED_TAX").click()
    ana.keyboard.press("Control+Alt+a")
    expect(card).to_contain_text("Ben")
    ana.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(ana.locator(".cm-content")).to_be_focused()
    return wrong


def open_file_here(page: Page, path: str) -> None:
    side(page, "Files")
    open_file(page, path)


def commit(site: Site, ana: Page, picture: Picture) -> list[str]:
    repository = repository_of(site)
    panel = side(ana, "Source control")
    expect(panel.get_by_text("2 of 2 files")).to_be_visible()
    panel.get_by_role("checkbox", name="Commit shop/basket.py").uncheck()
    expect(panel.locator(".git-credit")).to_contain_text("Ben")
    wrong = themes(ana, "source-control", picture)
    panel.get_by_role("button", name="till.py").click()
    expect(ana.get_by_role("heading", name="Changes in till.py")).to_be_visible()
    wrong += themes(ana, "change", picture)
    ana.keyboard.press("Escape")
    panel.get_by_role("textbox", name="Message").fill("Set thousands apart")
    panel.get_by_role("textbox", name="Message").press("Control+Enter")
    expect(panel.locator(".git-done")).to_contain_text("Committed as")
    expect(panel.locator(".git-done")).to_contain_text("Ben")
    expect(panel.get_by_text("1 of 1 file", exact=True)).to_be_visible()
    wrong += themes(ana, "committed", picture)

    def log() -> str:
        argv = ["git", "log", "-1", "--name-only", "--format=%an%n%B"]
        return subprocess.run(argv, cwd=repository, capture_output=True, text=True, check=True).stdout

    eventually(lambda: "Set thousands apart" in log())
    said = log()
    assert said.startswith("Ana\n")
    assert "Co-authored-by: Ben" in said
    assert "shop/till.py" in said
    assert "shop/basket.py" not in said
    return wrong


def narrow(ana: Page, picture: Picture) -> list[str]:
    ana.set_viewport_size(NARROW)  # type: ignore[arg-type]
    wrong = themes(ana, "narrow-blame", picture)
    panes = ana.get_by_role("navigation", name="Panes")
    for name in ("Source control", "Comments", "History"):
        panes.get_by_role("button", name="Files").click()
        ana.get_by_role("navigation", name="Side bars").get_by_role("button", name=name).click()
        wrong += themes(ana, f"narrow-{name.lower().replace(' ', '-')}", picture)
    ana.locator(".history-row").last.click()
    expect(ana.locator(".compare .cm-editor")).to_have_count(1)  # unified
    wrong += themes(ana, "narrow-version", picture)
    return wrong
