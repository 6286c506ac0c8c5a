"""A job that people take into their own hands: watched, taken over, given back; its changes decided one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_documents import two_people
from tests.e2e.test_jobs import MINUTE, order
from tests.e2e.test_journey import Picture, line, open_file, start_job, type_after
from tests.e2e.test_screens import HALF, WIDE, violations
from tests.site import ROOT, Site

pytestmark = pytest.mark.e2e
TASK = "Round money as the till does"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    script = str(ROOT / "tests/e2e/takeover.json")
    with Site(tmp_path_factory.mktemp("site"), TANDEM_SCRIPTED_MODEL=script) as running:
        yield running
    assert running.left() == []


def test_a_job_in_peoples_hands(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = two_people(site, new_person, picture)
    wrong = made_ready(ana, picture)
    for page in (ana, ben):
        open_file(page, "shop/till.py")
    order(ana, TASK, plan=False)
    wrong += watched(ana, ben, picture)
    wrong += taken_over(ana, ben, picture)
    given_back(ana)
    wrong += typed_over(ana, ben, picture)
    wrong += chosen(ana, picture)
    decided(site, ana, ben)
    wrong += picked(ana, picture)
    assert not wrong, "\n".join(wrong)


def looked_at(page: Page, name: str, picture: Picture) -> list[str]:
    """What is wrong with the screen: wide and dark, as half a screen and light."""
    wrong = []
    for theme, size in (("light", HALF), ("dark", WIDE)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        picture(page, f"screen-{name}-{theme}")
        wrong += [f"{name}, {theme}: {fault}" for fault in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{name}, {theme}: scrolls sideways")
    return wrong


def made_ready(ana: Page, picture: Picture) -> list[str]:
    """How worktrees are set up: a wrong host is refused with its reason; a value is kept and never shown again."""
    ana.get_by_role("button", name="Share", exact=True).click()
    form = ana.get_by_role("region", name="Worktrees of jobs")
    form.get_by_label("Set-up command").fill('echo "ready for $SHOP"')
    form.get_by_role("button", name="Add a variable").click()
    form.get_by_label("Name", exact=True).fill("SHOP")
    form.get_by_label("Value", exact=True).fill("a secret till")
    form.get_by_label("Hosts its commands may reach").fill("not a host!")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_be_visible()
    form.scroll_into_view_if_needed()
    form.get_by_label("Hosts its commands may reach").fill("example.com")
    form.get_by_role("button", name="Save").click()
    expect(ana.get_by_text("Saved. It holds for worktrees made from now on.")).to_be_visible()
    expect(form.get_by_label("Value", exact=True)).to_have_value("")
    expect(form.get_by_label("Value", exact=True)).to_have_attribute("placeholder", "kept")
    wrong = looked_at(ana, "worktrees", picture)
    ana.keyboard.press("Escape")
    return wrong


def watched(ana: Page, ben: Page, picture: Picture) -> list[str]:
    """Ben sees a file of it live while it works, and that its worktree was set up; in the documents is nothing yet."""
    ben.get_by_role("navigation", name="Side bars").get_by_role("button", name="Jobs").click()
    ben.get_by_role("button", name="Open the board").click()
    ben.locator(".card", has_text=TASK).get_by_role("button", name=re.compile(TASK)).click()
    screen = ben.locator(".job-screen")
    screen.get_by_role("button", name="Watch shop/till.py").click(timeout=MINUTE)
    expect(screen.locator(".job-follow .cm-line", has_text="EUR")).to_be_visible()
    expect(screen.get_by_text("Set-up of its worktree")).to_be_visible()
    expect(screen.locator(".job-about").get_by_text("Running")).to_be_visible()
    expect(line(ana, "EUR")).to_have_count(0)
    return looked_at(ben, "job-watched", picture)


def taken_over(ana: Page, ben: Page, picture: Picture) -> list[str]:
    """Ana takes it: its work opens in her editor as changes; she takes one, leaves one and writes a line."""
    ana.get_by_role("button", name="Open the board").click()
    ana.locator(".card", has_text=TASK).get_by_role("button", name=re.compile(TASK)).click()
    ana.locator(".job-screen").get_by_role("button", name="Take over").click()
    expect(ana.locator(".proposal-row")).to_contain_text("Job for Ana proposes 2 changes", timeout=MINUTE)
    expect(ana.locator(".tab.on")).to_contain_text("till.py")
    expect(ben.locator(".job-screen").get_by_text("Ana has its work in their editor.")).to_be_visible()
    expect(ben.locator(".job-screen").get_by_role("button", name="Take over")).to_have_count(0)
    wrong = looked_at(ana, "taken-over", picture)
    line(ana, "def money").click()
    ana.keyboard.press("F8")
    ana.keyboard.press("Control+Enter")
    expect(line(ana, "EUR")).to_be_visible()
    expect(ana.locator(".proposal-row")).to_contain_text("proposes 1 change")
    ana.locator(".proposal-row").get_by_role("button", name="Reject all").click()
    expect(ana.locator(".proposal-row")).to_have_count(0)
    type_after(ana, "REDUCED_TAX = 7", "  # Ana was here")
    return wrong


def given_back(ana: Page) -> None:
    """From the row of the panel, in the files; it goes on from what she made of it."""
    row = ana.locator(".bottom li.job", has_text=TASK)
    row.get_by_role("button", name="Give it back").click()
    expect(row.get_by_role("button", name=re.compile("^Review"))).to_be_visible(timeout=MINUTE)


def row_of(page: Page) -> Locator:
    return page.locator(".proposal-row")


def typed_over(ana: Page, ben: Page, picture: Picture) -> list[str]:
    """Four changes wait in the file; Ben types over the lines of one, which needs a rebase from then on; another one
    is taken by one key."""
    ben.locator('.tabs button[title="shop/till.py"]').click()
    for page in (ana, ben):
        expect(row_of(page)).to_contain_text("Job for Ana proposes 4 changes")
    type_after(ben, "TAX = 19", " (Ben)")
    for page in (ana, ben):
        expect(row_of(page)).to_contain_text("proposes 3 changes")
        expect(row_of(page)).to_contain_text("1 change needs a rebase")
    wrong = looked_at(ben, "needs-rebase", picture)
    line(ben, "def tax_in").click()
    ben.keyboard.press("F8")
    ben.keyboard.press("Control+Enter")
    for page in (ana, ben):
        expect(line(page, "(100 + percent), 2)")).to_be_visible()
        expect(row_of(page)).to_contain_text("proposes 2 changes")
    return wrong


def chosen(ana: Page, picture: Picture) -> list[str]:
    """The review tells what became of each; by key one of the changes is left out. The lines that Ben has changed are
    decided on in the editor."""
    ana.locator(".bottom li.job", has_text=TASK).get_by_role("button", name=re.compile("^Review")).click()
    main = ana.locator(".main")
    changes = main.get_by_role("list", name="Changes in this file")
    expect(changes.locator("[data-state=stale]")).to_have_count(1)
    expect(changes.locator("[data-state=there]")).to_have_count(1)
    expect(changes.locator("[data-state=applies]")).to_have_count(2)
    wrong = looked_at(ana, "review-conflict", picture)
    main.get_by_label("Merge shop/till.py").check()
    expect(main.get_by_text("All 4 changes are taken")).to_be_visible()
    for key in "nnnr":  # the third: cents = 0.0
        ana.keyboard.press(key)
    expect(main.get_by_text("3 of 4 changes are taken")).to_be_visible()
    expect(changes.locator("[data-taken=false]")).to_have_count(1)
    expect(main.locator(".cm-line.diff-left")).to_have_text("    cents = 0.0")
    wrong += looked_at(ana, "review-hunks", picture)
    last = main.locator(".diff-bar").last
    last.get_by_role("button", name=re.compile("^Leave out")).click()
    expect(main.get_by_text("2 of 4 changes are taken")).to_be_visible()
    last.get_by_role("button", name=re.compile("^Take it")).click()
    main.get_by_role("group", name="Compared with").get_by_role("button", name="Your text now").click()
    expect(main.locator(".cm-line", has_text='"=" * width')).to_be_visible()
    expect(main.locator(".cm-line", has_text="cents = 0.0")).to_have_count(0)
    main.get_by_role("button", name=re.compile(r"^Merge \d")).click()
    expect(main.get_by_text("changed meanwhile in the same places")).to_be_visible()
    wrong += looked_at(ana, "review-refused", picture)
    main.get_by_role("button", name="Merge, and decide these places in the editor").click()
    expect(main.get_by_text("Merged 1 file")).to_be_visible()
    return wrong


def decided(site: Site, ana: Page, ben: Page) -> None:
    """Ben's line stands, the job's beside it as a change: taken by Ana. What was left out is in no text."""
    ana.locator(".main").get_by_role("button", name="Open shop/till.py").click()
    for page in (ana, ben):
        expect(line(page, '"=" * width')).to_be_visible()
        expect(row_of(page)).to_contain_text("1 change")
    expect(line(ana, "TAX = 19  # per cent, contained in the price (Ben)")).to_be_visible()
    row_of(ana).get_by_role("button", name="Accept all").click()
    for page in (ana, ben):
        expect(line(page, "TAX = 20")).to_be_visible()
        expect(row_of(page)).to_have_count(0)
    file = repository_of(site) / "shop/till.py"
    eventually(lambda: "TAX = 20" in file.read_text())
    text = file.read_text()
    assert "cents = 0.0" not in text
    assert 'rows = ["Receipt"]' not in text
    assert "(100 + percent), 2)" in text
    assert "# Ana was here" in text
    assert "EUR" in text
    assert text.count('"=" * width') == 1


def picked(ana: Page, picture: Picture) -> list[str]:
    """The files of a new job, by pattern and by symbol; without a file it is not sent."""
    side = start_job(ana)
    side.get_by_label("What should be done?").fill("A remark in each file")
    side.get_by_role("button", name="Clear", exact=True).click()
    side.get_by_role("button", name="Start job").click()
    expect(side.get_by_text("Choose at least one file")).to_be_visible()
    side.get_by_role("button", name="Pattern", exact=True).click()
    side.get_by_role("searchbox").fill("shop/*.py !shop/__init__.py")
    expect(side.get_by_text("3 files match")).to_be_visible()
    wrong = looked_at(ana, "new-job-pattern", picture)
    side.get_by_role("button", name="Symbol", exact=True).click()
    side.get_by_role("searchbox").fill("money")
    expect(side.get_by_text("1 symbol in 1 file")).to_be_visible()
    side.locator(".picker-list").get_by_label(re.compile(r"till\.py")).check()
    side.get_by_role("combobox").select_option(value=side.locator("option", has_text="cripted").get_attribute("value"))
    side.get_by_role("button", name="Start job").click()
    row = ana.locator(".bottom li.job", has_text="A remark in each file")
    expect(row.get_by_role("button", name=re.compile("^Retry"))).to_be_visible(timeout=MINUTE)
    return wrong + looked_at(ana, "job-failed", picture)
