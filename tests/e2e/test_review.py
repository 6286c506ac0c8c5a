"""Reviewing what a model writes, in browsers: hunk by hunk while it streams, before it is in files, a whole turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_journey import (
    Picture,
    begin_with_the_sample,
    choose_scripted,
    invite,
    line,
    open_file,
    select_function,
    type_after,
)
from tests.e2e.test_screens import HALF, WIDE, themes, widths
from tests.site import ROOT, Site

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    script = str(ROOT / "tests/e2e/review.json")
    with Site(tmp_path_factory.mktemp("site"), TANDEM_SCRIPTED_MODEL=script, TANDEM_BUILTIN_MODEL="false") as running:
        yield running
    assert running.left() == []


def test_a_review(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = new_person(), new_person()
    begin_with_the_sample(site, ana.page, picture)
    invite(ana.page, ben.page, picture)
    for page in (ana.page, ben.page):
        open_file(page, "shop/basket.py")
    file = repository_of(site) / "shop/basket.py"
    decide_while_it_writes(ana.page, ben.page, picture)
    wait_for_acceptance(ana.page, picture)
    propose(ana.page, ben.page, file, picture)
    accept_one(ana.page, ben.page, file, picture)
    take_the_turn_back(ana.page, ben.page, file, picture)
    go_back(ana.page, ben.page, file, picture)
    assert ana.faults == []
    assert ben.faults == []


def hunk_bar(page: Page) -> Locator:
    return page.get_by_role("toolbar", name="Change of the model")


def decide_while_it_writes(ana: Page, ben: Page, picture: Picture) -> None:
    select_function(ana, "BULK = 10", 12)
    ana.keyboard.press("Control+k")
    box = ana.get_by_role("textbox", name="Say what should change")
    box.fill("two remarks")
    box.press("Enter")
    for page in (ana, ben):
        expect(line(page, "The second remark")).to_be_visible()
    expect(ben.get_by_text("is writing · 2 places so far")).to_be_visible()
    line(ben, "The second remark").click()
    expect(hunk_bar(ben).get_by_role("button", name="Accept")).to_be_disabled()
    line(ben, "BULK = 12").click()
    expect(hunk_bar(ben).get_by_role("button", name="Accept")).to_be_enabled()
    picture(ben, "8-while-it-writes")
    ben.keyboard.press("Control+Backspace")
    for page in (ana, ben):
        expect(line(page, "BULK = 10")).to_be_visible()
        expect(line(page, "The second remark")).to_be_visible()
    expect(ben.get_by_text("is writing · 1 place so far")).to_be_visible()
    ben.get_by_text("Model for Ana is writing").first.wait_for()
    ana.locator(".proposal-row").get_by_role("button", name="Stop").click()
    for page in (ana, ben):
        expect(page.get_by_text("changed 1 place")).to_be_visible()
    line(ben, "The first remark").click()
    ben.keyboard.press("Control+Backspace")
    for page in (ana, ben):
        expect(page.locator(".cm-line", has_text="The first remark")).to_have_count(0)


def wait_for_acceptance(ana: Page, picture: Picture) -> None:
    ana.get_by_role("button", name="Share").click()
    rules = ana.get_by_role("region", name="How models work here")
    expect(rules.get_by_role("radio", name="Apply, then review")).to_be_checked()
    rules.get_by_role("radio", name="Wait for acceptance").check()
    rules.scroll_into_view_if_needed()
    assert widths(ana, "rules", picture) == []
    ana.get_by_role("button", name="Close", exact=True).click()
    ana.get_by_role("button", name="Share").click()
    expect(rules.get_by_role("radio", name="Wait for acceptance")).to_be_checked()
    ana.get_by_role("button", name="Close", exact=True).click()


def propose(ana: Page, ben: Page, file: Path, picture: Picture) -> None:
    eventually(lambda: "remark" not in file.read_text())
    before = file.read_text()
    choose_scripted(ana)
    ana.get_by_placeholder("Ask, or say").fill("Sell by the dozen, carefully")
    ana.keyboard.press("Enter")
    for page in (ana, ben):
        expect(page.locator(".cm-added ins", has_text="BULK_NAME")).to_be_visible()
        expect(page.get_by_text("not in the file yet").first).to_be_visible()
        expect(line(page, "BULK = 10")).to_have_class(re.compile("cm-gone"))
    talk = ana.locator(".talk")
    expect(talk.get_by_text("Nothing is changed before you accept it.")).to_be_visible()
    expect(talk.get_by_text("3 files proposed")).to_be_visible()
    expect(talk.get_by_text("new file")).to_be_visible()
    assert widths(ana, "waits", picture) == []
    assert file.read_text() == before
    assert not (file.parent / "dozen.py").exists()
    assert (file.parent.parent / "tests/test_shop.py").exists()
    type_after(ben, "class Basket:", "  # ben's")
    expect(line(ana, "class Basket:")).to_contain_text("# ben's")


def accept_one(ana: Page, ben: Page, file: Path, picture: Picture) -> None:
    line(ana, "BULK = 10").click()
    ana.keyboard.press("Control+Enter")
    for page in (ana, ben):
        expect(line(page, 'BULK_NAME = "dozen"')).to_be_visible()
        expect(page.locator(".cm-added")).to_have_count(0)
    ana.locator(".talk").get_by_role("button", name="Accept for shop/dozen.py").click()
    eventually((file.parent / "dozen.py").exists)
    expect(ana.locator(".talk").get_by_text("1 file proposed")).to_be_visible()
    ana.locator(".talk").get_by_role("button", name="Accept the turn").click()
    eventually(lambda: not (file.parent.parent / "tests/test_shop.py").exists())
    expect(ana.locator(".talk").get_by_text("proposed")).to_have_count(0)
    picture(ana, "8-accepted")


def take_the_turn_back(ana: Page, ben: Page, file: Path, picture: Picture) -> None:
    ana.locator(".talk").get_by_role("button", name="Undo this turn").last.click()
    dialog = ana.get_by_role("dialog", name="Undo this turn")
    expect(dialog.get_by_text("the file is removed")).to_be_visible()
    expect(dialog.get_by_text("the file comes back")).to_be_visible()
    at_800(ana, dialog, "undo-800", picture)
    assert themes(ana, "undo-turn", picture) == []
    dialog.get_by_role("button", name="Undo in 3 files").click()
    for page in (ana, ben):
        expect(line(page, "BULK = 10")).to_be_visible()
        expect(line(page, "class Basket:")).to_contain_text("# ben's")
    eventually(lambda: not (file.parent / "dozen.py").exists())
    eventually((file.parent.parent / "tests/test_shop.py").exists)
    ana.locator(".talk").get_by_role("button", name="Bring it back").click()
    ana.get_by_role("dialog").get_by_role("button", name=re.compile("Bring it back in")).click()
    for page in (ana, ben):
        expect(line(page, "BULK = 12")).to_be_visible()
    eventually((file.parent / "dozen.py").exists)


def at_800(page: Page, dialog: Locator, name: str, picture: Picture) -> None:
    """It stays open as the window becomes narrow."""
    page.set_viewport_size(HALF)  # type: ignore[arg-type]
    expect(dialog).to_be_visible()
    assert themes(page, name, picture) == []
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    expect(dialog).to_be_visible()


def go_back(ana: Page, ben: Page, file: Path, picture: Picture) -> None:
    ana.locator(".talk").get_by_role("button", name="Go back to before it").last.click()
    dialog = ana.get_by_role("dialog", name="Go back to before it")
    expect(dialog.get_by_text("shop/basket.py")).to_be_visible()
    at_800(ana, dialog, "checkpoint-800", picture)
    assert themes(ana, "checkpoint", picture) == []
    dialog.get_by_role("button", name="shop/basket.py").click()
    expect(ana.get_by_text("Before this turn").first).to_be_visible()
    assert widths(ana, "checkpoint-file", picture) == []
    ana.locator(".compare").get_by_role("button", name="Close").click()
    ana.locator(".talk").get_by_role("button", name="Go back to before it").last.click()
    dialog.get_by_role("button", name=re.compile("Go back in")).click()
    for page in (ana, ben):
        expect(line(page, "BULK = 10")).to_be_visible()
        expect(line(page, "class Basket:")).not_to_contain_text("# ben's")
    expect(ana.locator(".talk").get_by_text("went back to before this turn")).to_be_visible()
    ana.locator(".talk").get_by_role("button", name="Take going back back").click()
    for page in (ana, ben):
        expect(line(page, "class Basket:")).to_contain_text("# ben's")
    eventually(lambda: "BULK = 12" in file.read_text())
