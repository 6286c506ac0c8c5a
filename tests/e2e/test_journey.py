"""The main job as two people do it in their browsers, on a whole Tandem with the built-in model and a real worker."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.site import Site

pytestmark = pytest.mark.e2e
Picture = Callable[[Page, str], None]
MODEL_MS = 90_000  # the built-in model on a busy machine

expect.set_options(timeout=15_000)


def sign_up(page: Page, link: str, name: str) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Username").fill(name.lower())
    page.get_by_label("Password").fill("a passphrase of one's own")
    page.locator("form button").last.click()


def open_file(page: Page, path: str) -> None:
    """From the tree, where its folder may be open or closed; it is there when the editor shows it."""
    top = page.locator(f'[role=treeitem][data-path="{path.split("/", maxsplit=1)[0]}"]')
    expect(top).to_be_visible()
    if top.get_attribute("aria-expanded") == "false":
        top.click()
    page.locator(f'[role=treeitem][data-path="{path}"]').click()
    expect(page.locator(".tab.on")).to_contain_text(path.rsplit("/", 1)[-1])
    expect(page.locator(".cm-content")).to_be_visible()


def text_of(page: Page) -> str:
    return "\n".join(page.locator(".cm-line").all_inner_texts())


def line(page: Page, text: str) -> Locator:
    return page.locator(".cm-line", has_text=text).first


def type_after(page: Page, text: str, more: str) -> None:
    line(page, text).click()
    page.keyboard.press("End")
    page.keyboard.type(more)


def select_function(page: Page, first: str, lines: int) -> None:
    line(page, first).click()
    page.keyboard.press("Home")
    page.keyboard.press("Home")
    for _ in range(lines):
        page.keyboard.press("Shift+ArrowDown")


def test_the_main_job(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = new_person(), new_person()
    begin_with_the_sample(site, ana.page, picture)
    invite(ana.page, ben.page, picture)
    write_together(site, ana.page, ben.page, picture)
    edit_inline(site, ana.page, ben.page, picture)
    talk(ana.page, ben.page, picture)
    talk_with_tools(site, ana.page, ben.page, picture)
    interrupt(ana.page, ben.page)
    interrupt_inline(ana.page, ben.page, picture)
    delegate(site, ana.page, ben.page, picture)
    delegate_with_tools(site, ana.page, picture)
    assert ben.faults == []
    look_after(site, ana.page, ben.page, picture)
    assert ana.faults == []


def begin_with_the_sample(site: Site, ana: Page, picture: Picture) -> None:
    sign_up(ana, site.link, "Ana")
    expect(ana.get_by_text("Welcome, Ana")).to_be_visible()
    picture(ana, "1-home")
    ana.get_by_role("button", name="Start with the sample repository").click()
    ana.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    expect(ana.get_by_role("treeitem", name="README.md")).to_be_visible()
    picture(ana, "1-workspace")


def invite(ana: Page, ben: Page, picture: Picture) -> None:
    ana.get_by_role("button", name="Share").click()
    ana.get_by_role("button", name="Make link").click()
    link = ana.locator("dialog input[readonly]")
    expect(link).to_have_value(re.compile("/invite/"))
    picture(ana, "2-invite")
    sign_up(ben, link.input_value(), "Ben")
    ana.get_by_role("button", name="Close", exact=True).click()
    expect(ben.get_by_role("treeitem", name="README.md")).to_be_visible()


def write_together(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    for page in (ana, ben):
        open_file(page, "shop/basket.py")
    type_after(ana, "BULK = 10", "  # pieces 🧺")
    type_after(ben, "BULK_DISCOUNT = 5", ", for ten and more")
    for page in (ana, ben):
        expect(line(page, "BULK = 10")).to_contain_text("# pieces 🧺")
        expect(line(page, "BULK_DISCOUNT")).to_contain_text("for ten and more")
    expect(ana.locator(".remote-label", has_text="Ben")).to_have_count(1)
    expect(ben.locator(".remote-label", has_text="Ana")).to_have_count(1)
    expect(ana.locator(".status .saved")).to_have_text("All saved")
    picture(ana, "2-together")
    file = repository_of(site) / "shop/basket.py"
    eventually(lambda: "# pieces 🧺" in file.read_text() and "for ten and more" in file.read_text())
    ben.reload()  # the open files come back
    expect(line(ben, "BULK = 10")).to_contain_text("# pieces 🧺")


def edit_inline(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    select_function(ana, "def remove", 8)
    ana.keyboard.press("Control+k")
    box = ana.get_by_role("textbox", name="Say what should change")
    box.fill("add a docstring")
    box.press("Enter")
    for page in (ana, ben):  # it streams to both
        expect(page.locator(".cm-line", has_text='"""').first).to_be_visible(timeout=MODEL_MS)
    accept = ana.get_by_role("button", name="Accept all")
    expect(ana.get_by_text("changed 1 place")).to_be_visible(timeout=MODEL_MS)
    picture(ana, "3-inline")
    picture(ben, "3-inline-ben")
    expect(ben.get_by_role("button", name="Reject all")).to_be_visible()
    accept.click()
    for page in (ana, ben):
        expect(page.get_by_role("button", name="Reject all")).to_have_count(0)
        expect(page.locator(".cm-line", has_text='"""').first).to_be_visible()
    select_function(ana, "def add", 6)
    ana.keyboard.press("Control+k")
    box.fill("add a docstring")
    box.press("Enter")
    expect(ana.get_by_text("changed 1 place")).to_be_visible(timeout=MODEL_MS)
    ben.get_by_role("button", name="Reject all").click()
    for page in (ana, ben):
        expect(page.get_by_role("button", name="Reject all")).to_have_count(0)
    expect(ana.locator(".cm-line", has_text='"""')).to_have_count(1)


def talk(ana: Page, ben: Page, picture: Picture) -> None:
    ana.get_by_placeholder("Ask, or say").fill("What is a basket? One sentence.")
    ana.keyboard.press("Enter")
    for page in (ana, ben):
        if page is ben:
            ben.locator(".talk").get_by_role("button", name="Sessions", exact=True).click()
            ben.locator(".library-open").filter(has_text="What is a basket").click()
        expect(page.locator(".talk").get_by_text(re.compile(r"first\stoken"))).to_be_visible(timeout=MODEL_MS)
        expect(page.locator(".talk").get_by_text("What is a basket? One sentence.").last).to_be_visible()
    picture(ana, "4-session")


def choose_scripted(page: Page) -> None:
    page.locator(".talk").get_by_role("button", name=re.compile("Model to ask")).last.click()
    page.get_by_role("menuitemradio").filter(has_text="cripted").click()


def talk_with_tools(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    for page in (ana, ben):
        open_file(page, "shop/till.py")
    choose_scripted(ana)
    ana.get_by_placeholder("Ask, or say").fill("Set thousands apart in money()")
    ana.keyboard.press("Enter")
    for page in (ana, ben):
        expect(line(page, "Thousands are set apart")).to_be_visible()
        expect(page.locator(".talk").get_by_text("now sets thousands apart")).to_be_visible()
    expect(ana.locator(".talk").get_by_text("shop/till.py").first).to_be_visible()
    expect(ben.get_by_text("changed 1 place")).to_be_visible()
    picture(ana, "4-tools")
    ana.get_by_role("button", name="Accept all").click()
    expect(ben.get_by_role("button", name="Accept all")).to_have_count(0)
    eventually(lambda: "Thousands" in (repository_of(site) / "shop/till.py").read_text())


def interrupt(ana: Page, ben: Page) -> None:
    ana.get_by_placeholder("Ask, or say").fill("Write an essay")
    ana.keyboard.press("Enter")
    expect(ben.locator(".talk").get_by_text("It begins with a long sentence")).to_be_visible()
    ben.locator(".talk").get_by_role("button", name=re.compile("^Stop")).click()
    for page in (ana, ben):
        expect(page.locator(".talk").get_by_text(re.compile("nterrupted")).first).to_be_visible()
    expect(ana.locator(".talk")).not_to_contain_text("And it goes on")


def interrupt_inline(ana: Page, ben: Page, picture: Picture) -> None:
    for page in (ana, ben):
        page.locator(".tab", has_text="basket.py").get_by_role("button").first.click()
    select_function(ana, "def remove", 3)
    ana.keyboard.press("Control+k")
    box = ana.get_by_role("textbox", name="Say what should change")
    box.fill("endless remarks")
    box.press("Enter")
    for page in (ana, ben):
        expect(line(page, "# one remark")).to_be_visible()
    expect(ben.locator(".main").get_by_text("Model for Ana").first).to_be_visible()
    picture(ben, "3-writing-ben")
    ana.keyboard.press("Escape")
    for page in (ana, ben):
        expect(page.get_by_text("changed 1 place")).to_be_visible()  # what was written stays, as a proposal
    ben.get_by_role("button", name="Reject all").click()
    for page in (ana, ben):
        expect(page.locator(".cm-line", has_text="# one remark")).to_have_count(0)
        page.locator(".tab", has_text="till.py").get_by_role("button").first.click()


def start_job(page: Page) -> Locator:
    side = page.locator(".side")
    if not side.get_by_role("button", name="Delegate").count():
        page.get_by_role("navigation", name="Side bars").get_by_role("button", name="Jobs").click()
    side.get_by_role("button", name="Delegate").click()
    return side


def delegate(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    side = start_job(ana)
    side.get_by_role("button", name="Add a docstring to every function").click()
    side.get_by_role("button", name="Start job").click()
    row = ben.locator(".bottom").get_by_text("Add a docstring to every function").first
    expect(row).to_be_visible()
    ben.locator(".cm-content").click()
    type_after(ben, "REDUCED_TAX = 7", "  # typed while the job ran")
    review = ana.locator(".bottom").get_by_role("button", name=re.compile("^Review"))
    picture(ana, "5-job-running")
    expect(review).to_be_visible(timeout=MODEL_MS)
    review.click()
    expect(ana.get_by_role("button", name=re.compile(r"^Merge \d"))).to_be_enabled()
    expect(ana.locator(".cm-changedLine, .cm-insertedLine").first).to_be_visible()
    picture(ana, "5-review")
    ana.get_by_role("button", name=re.compile(r"^Merge \d")).click()
    expect(ana.get_by_text("Merged 1 file")).to_be_visible()
    expect(ben.locator(".cm-line", has_text='"""').first).to_be_visible()
    expect(line(ben, "REDUCED_TAX = 7")).to_contain_text("typed while the job ran")
    picture(ben, "5-merged-ben")
    ana.get_by_text("Back to the files").click()
    file = repository_of(site) / "shop/till.py"
    eventually(lambda: "typed while the job ran" in file.read_text() and '"""' in file.read_text())
    text = file.read_text()
    compile(text, "till.py", "exec")


def delegate_with_tools(site: Site, ana: Page, picture: Picture) -> None:
    side = start_job(ana)
    side.get_by_label("What should be done?").fill("Return early from total() for an empty basket")
    scripted = side.locator("option", has_text="cripted").get_attribute("value")
    side.get_by_role("combobox").select_option(value=scripted)
    side.get_by_text("Free task").click()
    side.get_by_role("button", name="Start job").click()
    job = ana.locator(".bottom li.job", has_text="Return early")
    review = job.get_by_role("button", name=re.compile("^Review"))
    expect(review).to_be_visible(timeout=60_000)
    review.click()
    expect(ana.locator(".main").get_by_text("if not basket.counts:")).to_be_visible()
    picture(ana, "5-review-tools")
    ana.get_by_role("button", name=re.compile(r"^Merge \d")).click()
    expect(ana.get_by_text("Merged 1 file")).to_be_visible()
    ana.get_by_text("Back to the files").click()
    repository = repository_of(site)
    eventually(lambda: "if not basket.counts:" in (repository / "shop/basket.py").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "-q"], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def look_after(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    ana.goto(f"{site.url}/dashboard/")
    expect(ana.get_by_role("heading", name="Newest turns")).to_be_visible()
    expect(ana.locator("table", has_text="scripted").first).to_be_visible()
    expect(ana.get_by_text("merged").first).to_be_visible()
    picture(ana, "6-dashboard")
    for page in ("agents/session", "agents/turn", "agents/job", "usage/ledgerentry", "workspaces/workspace"):
        ana.goto(f"{site.url}/admin/{page}/")
        expect(ana.locator("#result_list tbody tr").first).to_be_visible()
    picture(ana, "6-admin")
    refused = ben.goto(f"{site.url}/dashboard/")
    assert refused
    assert refused.status in (403, 404)
