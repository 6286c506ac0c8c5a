"""A file changed on disk where it is edited in the browser: a person sees both and chooses; undo takes it back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_journey import Picture, open_file, sign_up, type_after
from tests.e2e.test_screens import NARROW, WIDE, themes
from tests.site import Site

pytestmark = pytest.mark.e2e


def clash(site: Site, page: Page, ours: str, theirs: str) -> None:
    """`BULK = 10` becomes `BULK = 10<ours>` here, and `BULK = 10<theirs>` on disk before ours is there."""
    file = repository_of(site) / "shop" / "basket.py"
    text = re.sub(r"BULK = 10\d*\n", "BULK = 10\n", file.read_text())
    type_after(page, "BULK = 10", ours)
    file.write_text(text.replace("BULK = 10\n", f"BULK = 10{theirs}\n"))
    expect(page.get_by_role("region", name="A conflict with the file on disk")).to_be_visible()


def test_a_conflict_with_the_disk_is_decided_in_the_editor(
    site: Site, new_person: Callable[[], Person], picture: Picture
) -> None:
    page = new_person().page
    sign_up(page, site.link, "Ana")
    page.get_by_role("button", name="Start with the sample repository").click()
    page.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    open_file(page, "shop/basket.py")
    file = repository_of(site) / "shop" / "basket.py"
    clash(site, page, "1", "2")
    conflict = page.get_by_role("region", name="A conflict with the file on disk")
    expect(conflict).to_contain_text("BULK = 102")
    expect(page.locator(".cm-clash-ours")).to_have_text("BULK = 101")
    wrong = themes(page, "conflict", picture)
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    wrong += themes(page, "narrow-conflict", picture)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    conflict.get_by_role("button", name="Take theirs").click()
    expect(conflict).to_have_count(0)
    expect(page.locator(".cm-line", has_text="BULK = 10").first).to_have_text("BULK = 102")
    eventually(lambda: "BULK = 102\n" in file.read_text())
    page.keyboard.press("Control+z")
    expect(page.locator(".cm-line", has_text="BULK = 10").first).to_have_text("BULK = 101")
    eventually(lambda: "BULK = 101\n" in file.read_text())
    assert not wrong, "\n".join(wrong)


def test_a_file_deleted_on_disk_is_made_again_by_a_person(
    site: Site, new_person: Callable[[], Person], picture: Picture
) -> None:
    page = new_person().page
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill("a passphrase of one's own")
    page.locator("form button").last.click()
    page.get_by_role("link", name="sample").first.click()
    open_file(page, "shop/till.py")
    file = repository_of(site) / "shop" / "till.py"
    text = file.read_text()
    expect(page.locator(".cm-content")).to_contain_text(text.splitlines()[0])
    file.unlink()
    make = page.get_by_role("button", name="Make the file again")
    expect(make).to_be_visible()
    wrong = themes(page, "detached", picture)
    make.click()
    eventually(lambda: file.exists() and file.read_text() == text)
    expect(make).to_have_count(0)
    assert not wrong, "\n".join(wrong)
