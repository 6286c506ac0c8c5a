"""What fills the model's window: the meter and what it opens to, pins, and a summary of earlier turns, undone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person, repository_of
from tests.e2e.test_composer import begin, composer, provider, site  # noqa: F401 (fixtures)
from tests.e2e.test_journey import Picture, select_function
from tests.e2e.test_screens import NARROW, WIDE, themes
from tests.site import Site

pytestmark = pytest.mark.e2e
RULE = "Prices are whole cents.\n"


def panel(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Context")


def part(page: Page, name: str) -> Locator:
    return panel(page).get_by_role("row").filter(has_text=name)


def say(page: Page, text: str) -> None:
    composer(page).fill(text)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_text(text)).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def open_meter(page: Page) -> None:
    page.get_by_role("button", name="of the window. What is in it").click()
    expect(panel(page)).to_be_visible()


def test_the_window_is_shown_pinned_summarised_and_brought_back(
    site: Site,  # noqa: F811
    provider: int,  # noqa: F811
    new_person: Callable[[], Person],
    picture: Picture,
) -> None:
    ana = new_person()
    page = ana.page
    wrong: list[str] = []
    begin(site, page, provider)
    (repository_of(site) / "AGENTS.md").write_text(RULE)
    for number in range(3):
        say(page, f"Question {number}: how are thousands written?")
    look(page, wrong, picture)
    pin(page, wrong, picture)
    summarise(page, wrong, picture)
    bring_back(page, wrong, picture)
    assert ana.faults == []
    assert not wrong, "\n".join(wrong)


def look(page: Page, wrong: list[str], picture: Picture) -> None:
    composer(page).fill("What about cents?")
    open_meter(page)
    for name in (
        "Tandem’s instructions",
        "Repository map",
        "Earlier turns",
        "Message",
        "Kept for the answer",
    ):
        expect(part(page, name)).to_be_visible()
    expect(part(page, "Repository map")).to_contain_text("4 of 6 files")  # two are empty
    rule = panel(page).locator("summary").filter(has_text="AGENTS.md")
    rule.click()
    expect(panel(page).get_by_text(RULE.strip())).to_be_visible()
    wrong += themes(page, "context", picture)
    page.set_viewport_size({"width": 800, "height": 900})
    expect(panel(page)).to_be_visible()
    wrong += themes(page, "context-800", picture)
    page.set_viewport_size(WIDE)
    rule.click()


def pin(page: Page, wrong: list[str], picture: Picture) -> None:
    expect(panel(page).get_by_text("Nothing is pinned.")).to_be_visible()
    panel(page).get_by_role("button", name="Pin shop/basket.py").click()
    expect(panel(page).get_by_role("button", name="Unpin shop/basket.py")).to_be_visible()
    expect(part(page, "Pinned: shop/basket.py")).to_be_visible()
    wrong += themes(page, "context-pinned", picture)
    page.keyboard.press("Escape")
    expect(panel(page)).to_have_count(0)
    select_function(page, "def add", 3)
    open_meter(page)
    selected = panel(page).get_by_role("button", name="Pin shop/basket.py, lines")
    selected.click()
    expect(panel(page).get_by_role("button", name="Unpin shop/basket.py, lines")).to_be_visible()
    panel(page).get_by_role("button", name="Unpin shop/basket.py, lines").click()
    expect(selected).to_be_visible()


def summarise(page: Page, wrong: list[str], picture: Picture) -> None:
    panel(page).get_by_role("button", name="Summarise earlier turns").click()
    expect(part(page, "Summary of earlier turns")).to_be_visible()
    expect(part(page, "Pinned: shop/basket.py")).to_be_visible()
    page.keyboard.press("Escape")
    card = page.locator(".compaction")
    expect(card).to_contain_text("Ana had the turns above summarised for the model")
    card.locator("summary").click()
    expect(card.get_by_role("region", name="Before")).to_contain_text("Question 0")
    expect(card.get_by_role("region", name="After")).to_contain_text("The till sets them apart.")
    card.scroll_into_view_if_needed()
    wrong += themes(page, "compaction", picture)
    page.set_viewport_size(NARROW)
    page.get_by_role("button", name="Session", exact=True).click()
    card.scroll_into_view_if_needed()
    wrong += themes(page, "compaction-narrow", picture)
    open_meter(page)
    wrong += themes(page, "context-narrow", picture)
    page.keyboard.press("Escape")
    page.set_viewport_size(WIDE)


def bring_back(page: Page, wrong: list[str], picture: Picture) -> None:
    page.reload()
    card = page.locator(".compaction")
    card.get_by_role("button", name="Undo").click()
    expect(card).to_contain_text("This summary was undone")
    wrong += themes(page, "compaction-undone", picture)
    open_meter(page)
    expect(part(page, "Earlier turns")).to_be_visible()
    expect(part(page, "Summary of earlier turns")).to_have_count(0)
    page.keyboard.press("Escape")
