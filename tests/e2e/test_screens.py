"""Every screen in both themes: no accessibility violation (axe, WCAG 2.2 AA), no sideways scroll, a picture of each."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Person
from tests.e2e.test_journey import Picture, open_file, sign_up
from tests.site import ROOT, Site

pytestmark = pytest.mark.e2e
AXE = ROOT / "static/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW = {"width": 390, "height": 844}
HALF = {"width": 800, "height": 900}
WIDE = {"width": 1440, "height": 900}


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())  # not a script tag: the policy of the page forbids those
    found = page.evaluate("tags => axe.run(document, {runOnly: tags}).then(r => r.violations)", TAGS)
    return [f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found for node in v["nodes"]]


def themes(page: Page, name: str, picture: Picture) -> list[str]:
    """What is wrong with the screen that is shown, in dark and in light."""
    wrong = []
    for theme in ("dark", "light"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        picture(page, f"screen-{name}-{theme}")
        wrong += [f"{name}, {theme}: {fault}" for fault in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{name}, {theme}: scrolls sideways")
    return wrong


def widths(page: Page, name: str, picture: Picture) -> list[str]:
    """The same as `themes`, and once more as half a screen."""
    wrong = themes(page, name, picture)
    page.set_viewport_size(HALF)  # type: ignore[arg-type]
    wrong += themes(page, f"{name}-800", picture)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return wrong


def tokens_screens(page: Page, name: str, picture: Picture) -> list[str]:
    """The dialog of access tokens: as it opens, with a secret just made, asking before one is revoked, an error."""
    page.get_by_role("button", name="You, theme, sign out").click()
    page.get_by_role("menuitem", name="Access tokens").click()
    dialog = page.get_by_role("dialog", name="Access tokens")
    expect(dialog.get_by_role("button", name="Make token")).to_be_visible()
    wrong = themes(page, name, picture)
    dialog.get_by_label("Name").fill("nightly report")
    dialog.get_by_label("Scope").select_option("write")
    dialog.get_by_role("button", name="Make token").click()
    expect(dialog.get_by_label("Token “nightly report”")).to_have_value(re.compile("^tdm_.{32}$"))
    wrong += themes(page, f"{name}-made", picture)
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).not_to_contain_text("tdm_")
    dialog.get_by_role("button", name="Revoke nightly report").click()
    wrong += themes(page, f"{name}-revoke", picture)
    dialog.get_by_role("button", name="Revoke", exact=True).click()
    expect(dialog.get_by_text("No access tokens yet")).to_be_visible()
    page.route("**/api/me/tokens", lambda route: route.abort())
    dialog.get_by_label("Name").fill("x")
    dialog.get_by_role("button", name="Make token").click()
    expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
    wrong += themes(page, f"{name}-failed", picture)
    page.unroute("**/api/me/tokens")
    page.keyboard.press("Escape")
    return wrong


def models_screens(page: Page, name: str, picture: Picture) -> list[str]:
    """The models that are connected and their roles; test_models.py has the form and the rest."""
    page.get_by_role("button", name="You, theme, sign out").click()
    page.get_by_role("menuitem", name="Models…").click()
    dialog = page.get_by_role("dialog", name="Models")
    expect(dialog.get_by_role("listitem").first).to_be_visible()
    wrong = themes(page, name, picture)
    dialog.get_by_role("button", name="Roles", exact=True).click()
    wrong += themes(page, f"{name}-roles", picture)
    dialog.get_by_role("button", name="Meters", exact=True).click()
    expect(dialog.get_by_role("region", name="Meters").get_by_role("rowheader").first).to_be_visible()
    wrong += widths(page, f"{name}-meters", picture)
    page.route("**/meters", lambda route: route.abort())
    dialog.get_by_role("button", name="Roles", exact=True).click()
    dialog.get_by_role("button", name="Meters", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
    wrong += themes(page, f"{name}-meters-failed", picture)
    page.unroute("**/meters")
    page.keyboard.press("Escape")
    return wrong


def test_every_screen_in_both_themes(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    page = new_person().page
    page.goto(site.link)
    wrong = themes(page, "welcome", picture)
    sign_up(page, site.link, "Ana")
    expect(page.get_by_text("Welcome, Ana")).to_be_visible()
    wrong += themes(page, "first-home", picture)
    page.get_by_role("button", name="Start with the sample repository").click()
    page.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    expect(page.get_by_role("treeitem", name="README.md")).to_be_visible()
    wrong += themes(page, "workspace-empty", picture)
    open_file(page, "shop/basket.py")
    wrong += themes(page, "workspace", picture)
    for side in ("Search", "Source control", "Comments", "History", "People", "Jobs"):
        page.get_by_role("navigation", name="Side bars").get_by_role("button", name=side).click()
        expect(page.locator(".side .skeleton")).to_have_count(0)
        wrong += themes(page, f"side-{side.lower().replace(' ', '-')}", picture)
    page.locator(".side").get_by_role("button", name="Delegate").click()
    expect(page.get_by_label("What should be done?")).to_be_visible()
    wrong += widths(page, "delegate", picture)
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("region", name="How models work here").get_by_role("radio").first).to_be_visible()
    wrong += widths(page, "share", picture)
    page.keyboard.press("Escape")
    wrong += tokens_screens(page, "tokens", picture)
    wrong += models_screens(page, "all-models", picture)
    page.keyboard.press("F1")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_be_visible()
    wrong += themes(page, "palette", picture)
    page.keyboard.press("Escape")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    wrong += themes(page, "narrow", picture)
    wrong += tokens_screens(page, "narrow-tokens", picture)
    page.goto(site.url)
    wrong += themes(page, "narrow-home", picture)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    wrong += themes(page, "home", picture)
    page.goto(f"{site.url}/dashboard/")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    wrong += themes(page, "dashboard", picture)
    page.goto(f"{site.url}/nothing-here")
    wrong += themes(page, "not-found", picture)
    page.context.clear_cookies()
    page.goto(site.url)
    wrong += themes(page, "sign-in", picture)
    assert not wrong, "\n".join(wrong)
