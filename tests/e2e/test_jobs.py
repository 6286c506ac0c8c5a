"""A delegated job that asks a person, is answered by another one, gets a wish in review, and lands in the open file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_documents import two_people
from tests.e2e.test_journey import Picture, line, open_file, start_job, type_after
from tests.e2e.test_screens import themes
from tests.site import ROOT, Site

pytestmark = pytest.mark.e2e
MINUTE = 60_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), TANDEM_SCRIPTED_MODEL=str(ROOT / "tests/e2e/jobs.json")) as running:
        yield running
    assert running.left() == []


def test_a_job_that_is_talked_with(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = two_people(site, new_person, picture)
    for page in (ana, ben):
        open_file(page, "shop/till.py")
    side = start_job(ana)
    side.get_by_label("What should be done?").fill("Show each price in euro")
    side.get_by_role("combobox").select_option(value=side.locator("option", has_text="cripted").get_attribute("value"))
    side.get_by_text("Free task").click()
    side.get_by_role("button", name="Start job").click()
    wrong = answered(ben, picture)
    type_after(ben, "REDUCED_TAX = 7", "  # typed while the job ran")
    wrong += reviewed(ana, picture)
    for page in (ana, ben):
        expect(line(page, "as in most of Europe")).to_be_visible()
        expect(line(page, "REDUCED_TAX = 7")).to_contain_text("typed while the job ran")
    file = repository_of(site) / "shop/till.py"
    eventually(lambda: "as in most of Europe" in file.read_text() and "typed while" in file.read_text())
    assert not wrong, "\n".join(wrong)


def answered(ben: Page, picture: Picture) -> list[str]:
    """The other person sees the question, and answers it."""
    row = ben.locator(".bottom li.job", has_text="Show each price in euro")
    expect(row).to_contain_text("asks: Should the sign stand before", timeout=MINUTE)
    row.locator(".job-name").click()
    expect(row.get_by_text("It asks, and waits for an answer")).to_be_visible()
    wrong = themes(ben, "job-asks", picture)
    row.get_by_label("Your answer").fill("Put it behind it, please")
    row.get_by_role("button", name="Answer", exact=True).click()
    return wrong


def reviewed(ana: Page, picture: Picture) -> list[str]:
    """The result is not quite right: a wish makes another step, then it is merged."""
    row = ana.locator(".bottom li.job", has_text="Show each price in euro")
    review = row.get_by_role("button", name=re.compile("^Review"))
    expect(review).to_be_visible(timeout=MINUTE)
    review.click()
    expect(ana.locator(".main").get_by_text("€").first).to_be_visible()
    wish = ana.get_by_label("Say what should be different; it goes on from here")
    wrong = themes(ana, "job-review", picture)
    wish.fill("Say why in words")
    wish.press("Enter")
    expect(review).to_have_count(0)
    expect(review).to_be_visible(timeout=MINUTE)
    bar = ana.locator(".proposal-row", has_text="Job for Ana")
    expect(bar).to_be_visible()  # what it made, beside the text that people go on with
    wrong += themes(ana, "job-suggests", picture)
    review.click()
    expect(ana.locator(".main").get_by_text("as in most of Europe")).to_be_visible()
    ana.get_by_role("button", name=re.compile(r"^Merge \d")).click()
    expect(ana.get_by_text("Merged 1 file")).to_be_visible()
    ana.get_by_text("Back to the files").click()
    return wrong
