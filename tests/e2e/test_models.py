"""Connecting a model in the browser: add it, test it, give it a role, talk to it, switch it off, remove it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person
from tests.e2e.test_journey import Picture, sign_up
from tests.e2e.test_screens import NARROW, themes
from tests.site import ROOT, Site, free_port

pytestmark = pytest.mark.e2e
KEY = "sk-canary-typed-in-the-browser"


@pytest.fixture(scope="module")
def provider() -> Iterator[int]:
    """The port of a running simulator."""
    port = free_port()
    argv = [sys.executable, "manage.py", "simulate-model", "--port", str(port), "--rate", "400", "--ttft", "0.05"]
    process = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE)
    assert process.stdout
    assert b"/v1" in process.stdout.readline()
    yield port
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, provider: int) -> Iterator[Site]:
    data: Path = tmp_path_factory.mktemp("site")
    script = str(ROOT / "tests/e2e/script.json")
    with Site(
        data,
        TANDEM_SCRIPTED_MODEL=script,
        TANDEM_BUILTIN_MODEL="false",
        TANDEM_INTERNAL_HOSTS=f"127.0.0.1:{provider}",
    ) as running:
        yield running
    assert running.left() == []


def test_a_model_from_its_form_to_its_end(
    site: Site, provider: int, new_person: Callable[[], Person], picture: Picture
) -> None:
    ana = new_person().page
    sign_up(ana, site.link, "Ana")
    ana.get_by_role("button", name="Start with the sample repository").click()
    ana.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    expect(ana.get_by_role("treeitem", name="README.md")).to_be_visible()
    wrong: list[str] = []
    dialog = open_models(ana)
    wrong += themes(ana, "models", picture)
    add(ana, dialog, provider, wrong, picture)
    try_it(ana, dialog, wrong, picture)
    give_roles(ana, dialog, wrong, picture)
    ana.keyboard.press("Escape")
    talk(ana, picture)
    wrong += narrow(ana, picture)
    end(ana)
    assert not wrong, "\n".join(wrong)


def open_models(page: Page) -> Locator:
    page.get_by_role("button", name="You, theme, sign out").click()
    page.get_by_role("menuitem", name="Models…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Models")).to_be_visible()
    expect(dialog.get_by_role("button", name="Add a model")).to_be_visible()
    return dialog


def add(page: Page, dialog: Locator, provider: int, wrong: list[str], picture: Picture) -> None:
    """A provider first, then what it needs, and the rest under Advanced, which opens where something in it is wrong.
    What is wrong is said beside its field, and nothing that was typed is lost, not even by closing."""
    dialog.get_by_role("button", name="Add a model").click()
    expect(dialog.get_by_role("textbox")).to_have_count(0)  # one question
    wrong += themes(page, "models-form-empty", picture)
    dialog.get_by_role("button", name="Add model").click()
    expect(dialog.get_by_label("Provider")).to_be_focused()
    expect(dialog.get_by_label("Provider")).to_have_accessible_description(re.compile("^Choose who runs it."))
    dialog.get_by_label("Provider").select_option(label="OpenAI")
    expect(dialog.get_by_label("Provider")).to_have_accessible_description(
        "Speaks Responses at https://api.openai.com/v1."
    )
    expect(dialog.get_by_label("Address")).to_be_hidden()
    expect(dialog.get_by_label("Counts as")).to_be_hidden()
    expect(dialog.get_by_label("Model", exact=True)).not_to_have_value("")
    dialog.get_by_role("button", name="Add model").click()
    expect(dialog.get_by_text("This provider answers nobody without a key.")).to_be_visible()
    expect(dialog.get_by_label("Key")).to_be_focused()
    wrong += themes(page, "models-form-fault", picture)
    dialog.get_by_label("Name").fill("Fast")
    dialog.get_by_label("Key").fill(KEY)
    dialog.get_by_label("Model", exact=True).fill("")
    dialog.get_by_role("button", name="Add model").click()
    expect(dialog.get_by_text("This is needed.")).to_be_visible()
    expect(dialog.get_by_label("Model", exact=True)).to_be_focused()
    dialog.get_by_label("Model", exact=True).fill("simulated")
    advanced = dialog.locator("summary", has_text="Advanced")
    advanced.press("Enter")
    dialog.get_by_label("Counts as").select_option("fast")
    dialog.get_by_label("Address").fill("http://127.0.0.1:9/v1")
    for use in ("Turns in a session", "Inline edits"):
        dialog.get_by_label(use).check()
    advanced.press("Enter")
    expect(dialog.get_by_label("Address")).to_be_hidden()
    dialog.get_by_role("button", name="Add model").click()
    expect(dialog.get_by_label("Address")).to_be_focused()
    expect(dialog.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    wrong += themes(page, "models-form", picture)
    page.keyboard.press("Escape")
    open_models(page).get_by_role("button", name="Add a model").click()
    expect(dialog.get_by_label("Name")).to_have_value("Fast")
    expect(dialog.get_by_label("Model", exact=True)).to_have_value("simulated")
    advanced.press("Enter")
    dialog.get_by_label("Address").fill(f"http://127.0.0.1:{provider}/v1")
    dialog.get_by_role("button", name="Add model").click()
    row = dialog.get_by_role("listitem", name="Fast")
    expect(row).to_contain_text("Never tested")
    expect(row).to_contain_text("has a key")
    dialog.get_by_role("button", name="Edit Fast").click()
    expect(dialog.get_by_text("A key is kept")).to_be_visible()
    assert KEY not in page.content()
    wrong += themes(page, "models-edit", picture)
    dialog.get_by_role("button", name="Discard").click()


def try_it(page: Page, dialog: Locator, wrong: list[str], picture: Picture) -> None:
    row = dialog.get_by_role("listitem", name="Fast")
    dialog.get_by_role("button", name="Test Fast").click()
    expect(row.get_by_text(re.compile(r"^\d+ ms$"))).to_be_visible()
    expect(row.get_by_text(re.compile(r"^[\d,]+ tokens/s$"))).to_be_visible()
    expect(row).to_contain_text("Works")
    dialog.get_by_role("button", name="Find out what Fast can do").click()
    expect(row).to_contain_text("socket · lanes · steering", timeout=30_000)
    wrong += themes(page, "models-tested", picture)


def give_roles(page: Page, dialog: Locator, wrong: list[str], picture: Picture) -> None:
    """The form has made it first for turns and inline edits; another comes behind, and moves up by keyboard."""
    dialog.get_by_role("button", name="Roles", exact=True).click()
    turns = dialog.get_by_role("region", name="Turns in a session")
    expect(turns.get_by_role("listitem")).to_have_count(1)
    choice = turns.get_by_label("Add a model for: Turns in a session")
    scripted = choice.locator("option", has_text="cripted").inner_text()
    choice.select_option(label=scripted)
    expect(turns.get_by_role("listitem")).to_have_count(2)
    turns.get_by_role("button", name=f"Move {scripted} up").press("Enter")
    expect(turns.get_by_role("listitem").first).to_contain_text(scripted)
    expect(turns.get_by_role("button", name=f"Move {scripted} up")).to_be_focused()
    turns.get_by_role("button", name=f"Move {scripted} down").press("Enter")
    expect(turns.get_by_role("listitem").first).to_contain_text("Fast")
    turns.get_by_label("When Fast fails, go on to the next").check()
    expect(turns.get_by_label("When Fast fails, go on to the next")).to_be_checked()
    wrong += themes(page, "models-roles", picture)


def talk(page: Page, picture: Picture) -> None:
    picker = page.locator(".talk").get_by_role("button", name="Model to ask: Fast").last
    expect(picker).to_be_visible()  # the role decides what is offered first
    page.get_by_placeholder("Ask, or say").fill("Say something.")
    page.keyboard.press("Enter")
    expect(page.locator(".talk").get_by_text("the first pass keeps every name").first).to_be_visible()
    expect(page.locator(".talk").get_by_text(re.compile("· Fast")).first).to_be_visible()
    expect(page.locator(".talk").get_by_text(re.compile(r"first\stoken.*tok/s")).first).to_be_visible()
    picture(page, "models-talk")


def narrow(page: Page, picture: Picture) -> list[str]:
    wide = page.viewport_size
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    dialog = open_models(page)
    wrong = themes(page, "narrow-models", picture)
    dialog.get_by_role("button", name="Roles", exact=True).click()
    wrong += themes(page, "narrow-models-roles", picture)
    dialog.get_by_role("button", name="Add a model").click()
    dialog.get_by_label("Provider").select_option(label="Groq")
    dialog.locator("summary", has_text="Advanced").press("Enter")
    wrong += themes(page, "narrow-models-form", picture)
    dialog.get_by_role("button", name="Discard").click()
    page.keyboard.press("Escape")
    page.route("**/endpoints", lambda route: route.abort())
    page.get_by_role("button", name="You, theme, sign out").click()
    page.get_by_role("menuitem", name="Models…").click()
    expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
    wrong += themes(page, "narrow-models-failed", picture)
    page.unroute("**/endpoints")
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_role("listitem", name="Fast")).to_be_visible()
    page.keyboard.press("Escape")
    assert wide
    page.set_viewport_size(wide)
    return wrong


def end(page: Page) -> None:
    """Switched off, the next model is offered; removed, it is gone."""
    dialog = open_models(page)
    dialog.get_by_role("button", name="Switch off Fast").click()
    expect(dialog.get_by_role("button", name="Switch on Fast")).to_be_visible()
    page.keyboard.press("Escape")
    picker = page.locator(".talk").get_by_role("button", name=re.compile("Model to ask: Scripted", re.IGNORECASE)).last
    expect(picker).to_be_visible()
    dialog = open_models(page)
    dialog.get_by_role("button", name="Remove Fast").click()
    ask = dialog.get_by_role("alertdialog", name="Remove Fast?")
    ask.get_by_role("button", name="Cancel").click()
    expect(dialog.get_by_role("listitem", name="Fast")).to_be_visible()
    dialog.get_by_role("button", name="Remove Fast").click()
    ask.get_by_role("button", name="Remove", exact=True).click()
    expect(dialog.get_by_role("listitem", name="Fast")).to_have_count(0)
