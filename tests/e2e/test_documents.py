"""Shared documents when something goes wrong: no connection, a killed server, git under an open file, a lost role."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_journey import invite, line, open_file, sign_up, text_of, type_after
from tests.site import Site

pytestmark = pytest.mark.e2e
Picture = Callable[[Page, str], None]

expect.set_options(timeout=15_000)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True).stdout


def saved(page: Page, state: str = "All saved") -> None:
    expect(page.locator(".status .saved")).to_have_text(state)


def two_people(site: Site, new_person: Callable[[], Person], picture: Picture) -> tuple[Page, Page]:
    ana, ben = new_person().page, new_person().page
    sign_up(ana, site.link, "Ana")
    ana.get_by_role("button", name="Start with the sample repository").click()
    ana.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    expect(ana.get_by_role("treeitem", name="README.md")).to_be_visible()
    invite(ana, ben, picture)
    return ana, ben


def both_show(pages: tuple[Page, Page], *texts: str) -> None:
    for page in pages:
        for text in texts:
            expect(page.locator(".cm-content")).to_contain_text(text)
            eventually(lambda page=page, text=text: text_of(page).count(text) == 1)  # once, and not twice


def test_what_was_typed_survives_everything(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = two_people(site, new_person, picture)
    for page in (ana, ben):
        open_file(page, "shop/basket.py")
        saved(page)
    follow(ana, ben, picture)
    offline_while_others_type(site, ana, ben, picture)
    reload_offline(site, ana, ben, picture)
    killed_while_typing(site, ana, ben, picture)
    git_under_an_open_editor(site, ana, ben, picture)
    demoted_while_typing(site, ana, ben, picture)


def follow(ana: Page, ben: Page, picture: Picture) -> None:
    ana.get_by_role("button", name="Follow Ben").click()
    expect(ana.get_by_text("Following Ben", exact=True)).to_be_visible()
    open_file(ben, "shop/till.py")
    expect(ana.locator(".tab.on")).to_contain_text("till.py")
    ben.locator(".cm-scroller").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    ana.wait_for_function("() => document.querySelector('.cm-scroller').scrollTop > 0")
    picture(ana, "7-follow")
    open_file(ben, "shop/basket.py")
    expect(ana.locator(".tab.on")).to_contain_text("basket.py")
    expect(ana.locator('[data-path="shop/basket.py"]').get_by_role("img", name="Ben")).to_be_visible()
    ana.keyboard.press("Escape")
    expect(ana.get_by_text("Following Ben", exact=True)).to_have_count(0)
    open_file(ben, "shop/till.py")
    open_file(ben, "shop/basket.py")
    expect(ana.locator(".tab.on")).to_contain_text("basket.py")


def offline_while_others_type(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    ana.context.set_offline(True)
    type_after(ana, "BULK = 10", "  # ana alone 🦄")
    saved(ana, "Kept in this browser")
    expect(ana.get_by_text("Offline. What you write is kept in this browser")).to_be_visible()
    picture(ana, "7-offline")
    type_after(ben, "BULK_DISCOUNT = 5", "  # ben meanwhile 🧺")
    saved(ben)
    expect(ben.locator(".cm-content")).not_to_contain_text("ana alone")
    ana.context.set_offline(False)
    both_show((ana, ben), "# ana alone 🦄", "# ben meanwhile 🧺")
    saved(ana)
    file = repository_of(site) / "shop/basket.py"
    eventually(lambda: file.read_text().count("# ana alone 🦄") == 1)


def reload_offline(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    address = ana.url
    ana.context.set_offline(True)
    type_after(ana, "BULK = 10", ", before the reload 😀")
    saved(ana, "Kept in this browser")
    with pytest.raises(Error):
        ana.reload()
    type_after(ben, "BULK_DISCOUNT = 5", ", after it")
    saved(ben)
    ana.context.set_offline(False)
    ana.goto(address)
    both_show((ana, ben), "before the reload 😀", ", after it")
    saved(ana)


def killed_while_typing(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    line(ana, "BULK = 10").click()
    ana.keyboard.press("End")
    ana.keyboard.type(", one two three")
    os.kill(site.process.pid, signal.SIGKILL)
    ana.keyboard.type(" four five six ✨")
    site.stop()
    eventually(lambda: site.left() == [], 15)
    expect(ana.locator(".status")).to_contain_text("Offline")
    ana.keyboard.type(" seven")
    site.start()
    both_show((ana, ben), ", one two three four five six ✨ seven")
    saved(ana)
    file = repository_of(site) / "shop/basket.py"
    eventually(lambda: file.read_text().count(", one two three four five six ✨ seven") == 1)


def git_under_an_open_editor(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    folder = repository_of(site)
    (folder / "lines.txt").write_bytes("first 🦄\r\nsecond\r\nthird\r\n".encode())
    git(folder, "add", "lines.txt")
    git(folder, *("-c", "user.name=Ana", "-c", "user.email=a@example.org", "commit", "-qm", "Lines", "lines.txt"))
    for page in (ana, ben):
        expect(page.locator('[role=treeitem][data-path="lines.txt"]')).to_be_visible()
        open_file(page, "lines.txt")
        expect(page.locator(".cm-content")).to_contain_text("third")
    type_after(ana, "second", " by Ana 🧺")
    both_show((ana, ben), "second by Ana 🧺")
    saved(ana)
    file = folder / "lines.txt"
    eventually(lambda: file.read_bytes() == "first 🦄\r\nsecond by Ana 🧺\r\nthird\r\n".encode())
    git(folder, "stash", "push", "-q", "lines.txt")
    for page in (ana, ben):
        expect(page.locator(".cm-content")).not_to_contain_text("by Ana")
    git(folder, "stash", "pop", "-q")
    both_show((ana, ben), "second by Ana 🧺")
    git(folder, "checkout", "-q", "lines.txt")
    for page in (ana, ben):
        expect(page.locator(".cm-content")).not_to_contain_text("by Ana")
    assert file.read_bytes() == "first 🦄\r\nsecond\r\nthird\r\n".encode()


def give_role(ana: Page, role: str) -> None:
    ana.get_by_role("button", name="Share").click()
    with ana.expect_response(lambda answer: answer.request.method == "PATCH"):
        ana.get_by_label("Role of Ben").select_option(role)
    ana.get_by_role("button", name="Close", exact=True).click()


def demoted_while_typing(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    for page in (ana, ben):
        open_file(page, "shop/till.py")
    type_after(ben, "REDUCED_TAX = 7", "  # ben was here")
    saved(ben)
    ben.context.set_offline(True)
    ben.keyboard.type(", and this was never sent 🦄")
    saved(ben, "Kept in this browser")
    give_role(ana, "viewer")
    ben.context.set_offline(False)
    expect(ben.locator(".status")).to_contain_text("Read only")
    expect(ben.locator(".cm-content")).not_to_contain_text("never sent")
    expect(ben.locator(".cm-content")).to_contain_text("# ben was here")
    ben.get_by_role("button", name="Look at it").click()
    dialog = ben.get_by_role("dialog")
    expect(dialog.locator('[data-sign="+"]')).to_contain_text("never sent 🦄")
    picture(ben, "7-aside")
    expect(dialog.get_by_role("button", name="Apply again")).to_be_disabled()
    ben.get_by_role("button", name="Close", exact=True).click()
    give_role(ana, "editor")
    expect(ben.locator(".status")).not_to_contain_text("Read only", timeout=5_000)
    ben.get_by_role("button", name="Look at it").click()
    dialog.get_by_role("button", name="Apply again").click()
    both_show((ana, ben), "and this was never sent 🦄")
    saved(ben)
