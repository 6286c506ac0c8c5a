"""What models do in the editor, in a browser: suggestions at the cursor, next edits, quick actions, commit messages.

The model is the simulator with a script (tests/e2e/in_editor.json): nothing here says how good a model is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Person, eventually
from tests.e2e.test_journey import Picture, line, open_file, sign_up, text_of, type_after
from tests.e2e.test_screens import themes
from tests.site import ROOT, Site, free_port

pytestmark = pytest.mark.e2e

CONNECT = """
from agents.models import Endpoint, RoleEndpoint
row = Endpoint.objects.create(
    name="Simulated", base_url="http://127.0.0.1:{port}/v1", model="simulated-fast", drives_tools=False,
    own_network=True, rank=1, abilities={{"fim": "infill"}},
)
for role in ("turn", "inline", "ghost", "review"):
    RoleEndpoint.objects.create(role=role, endpoint=row)
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[int]:
    """The port of a running simulator that plays the script."""
    port = free_port()
    script = str(ROOT / "tests/e2e/in_editor.json")
    argv = [sys.executable, "manage.py", "simulate-model", "--port", str(port), "--script", script, "--rate", "400"]
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
    with Site(data, TANDEM_BUILTIN_MODEL="false") as running:
        words = [sys.executable, "manage.py", "shell", "-v", "0", "-c", CONNECT.format(port=provider)]
        subprocess.run(words, cwd=ROOT, env={**os.environ, "TANDEM_DATA": str(data)}, check=True, timeout=60)
        yield running
    assert running.left() == []


def test_models_help_in_the_editor(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana = new_person()
    sign_up(ana.page, site.link, "Ana")
    ana.page.get_by_role("button", name="Start with the sample repository").click()
    ana.page.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    open_file(ana.page, "shop/basket.py")
    wrong = suggest(ana.page, picture)
    wrong += change_again(ana.page, picture)
    wrong += explain(ana.page, picture)
    wrong += document(ana.page, picture)
    wrong += fix(ana.page, picture)
    wrong += write_message(ana.page, picture)
    wrong += too_slow(ana.page, picture)
    wrong += redirect(ana.page, picture)
    assert not wrong, "\n".join(wrong)
    assert ana.faults == []


def suggest(page: Page, picture: Picture) -> list[str]:
    """A suggestion is drawn over the text and not in it; typed along, taken by word, by line and whole, dismissed."""
    shown = page.locator(".cm-ghost")
    type_after(page, "BULK = 10", "\n\n\ndef total(values):")
    expect(shown).to_contain_text("return sum(values)")
    lines = page.locator(".cm-line").count()
    wrong = themes(page, "ghost", picture)
    page.keyboard.press("Escape")
    expect(shown).to_have_count(0)
    expect(page.locator(".cm-line")).to_have_count(lines)  # nothing has moved
    page.keyboard.type("\n")
    expect(shown).to_contain_text("found = sorted(values)")
    page.keyboard.type("fou")
    expect(shown).to_have_text(re.compile("^nd = sorted"))
    page.keyboard.press("Control+ArrowRight")
    expect(line(page, "    found")).to_be_visible()
    expect(shown).to_contain_text("= sorted(values)")
    page.keyboard.press("Control+ArrowDown")
    expect(shown).to_contain_text("return sum(found)")
    page.keyboard.press("Tab")
    expect(shown).to_have_count(0)
    written = "def total(values):\n    found = sorted(values)\n    return sum(found)\n"
    eventually(lambda: written in text_of(page))
    return wrong


def change_again(page: Page, picture: Picture) -> list[str]:
    """A parameter that is renamed is marked where it stands again; Tab makes the change there, in its function only."""
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    for key in ("ArrowLeft", "ArrowLeft", "Control+Shift+ArrowLeft"):
        page.keyboard.press(key)
    page.keyboard.type("numbers")
    label = page.locator(".cm-next")
    expect(label).to_contain_text("values → numbers")
    expect(page.locator(".cm-next-place")).to_have_text("values")
    wrong = themes(page, "next-edit", picture)
    page.keyboard.press("Tab")
    expect(line(page, "found = sorted(numbers)")).to_be_visible()
    expect(label).to_have_count(0)
    return wrong


def explain(page: Page, picture: Picture) -> list[str]:
    """From the menu by keyboard: a turn of the session about the function around the cursor."""
    line(page, "find(code)").click()
    page.keyboard.press("Control+.")
    menu = page.get_by_role("menu", name="Actions on this code")
    expect(menu.get_by_role("menuitem", name="Explain")).to_be_focused()
    expect(menu.get_by_role("menuitem", name="Fix this problem")).to_be_disabled()
    wrong = themes(page, "quick", picture)
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.press("Control+.")
    expect(menu.get_by_role("menuitem", name="Explain")).to_be_focused()
    page.keyboard.press("Enter")
    session = page.get_by_role("region", name="Session")
    expect(session).to_contain_text("It puts pieces of one article into the basket")
    expect(session).to_contain_text(re.compile(r"Explain lines \d+ to \d+ of shop/basket.py"))
    return wrong


def document(page: Page, picture: Picture) -> list[str]:
    """From the menu at the pointer: an inline edit that begins at once and leaves a proposal."""
    line(page, "find(code)").click(button="right", position={"x": 60, "y": 8})
    menu = page.get_by_role("menu", name="Actions on this code")
    expect(menu.get_by_role("menuitem", name="Paste")).to_be_visible()
    wrong = themes(page, "quick-pointer", picture)
    menu.get_by_role("menuitem", name="Document").click()
    expect(line(page, "Put pieces of one article")).to_be_visible()
    page.get_by_role("button", name="Accept all").click()
    expect(page.get_by_role("button", name="Accept all")).to_have_count(0)
    return wrong


def fix(page: Page, picture: Picture) -> list[str]:
    """A line the grammar cannot read is offered to be fixed, and the function around it is rewritten."""
    line(page, "BULK_DISCOUNT").click()
    page.keyboard.press("End")
    page.keyboard.type("\n\n\ndef broken(values):\nreturn values + * 1")
    offer = page.get_by_role("button", name="Fix", exact=True)
    expect(offer).to_be_visible()
    wrong = themes(page, "quick-fix", picture)
    offer.click()
    expect(line(page, "return values[0]")).to_be_visible()
    page.get_by_role("button", name="Accept all").click()
    expect(offer).to_have_count(0)
    return wrong


def write_message(page: Page, picture: Picture) -> list[str]:
    """Streamed into the field, which has the focus then and can be edited."""
    page.get_by_role("button", name=re.compile("^Source control")).click()
    field = page.get_by_role("textbox", name="Message", exact=True)
    page.get_by_role("button", name="Write the message").click()
    expect(field).to_have_value(re.compile("^Count baskets in another way\n\n.*so it is kept\\.$", re.DOTALL))
    expect(field).to_be_focused()
    expect(field).to_be_editable()
    return themes(page, "commit-message", picture)


def too_slow(page: Page, picture: Picture) -> list[str]:
    """Where half of the answers take longer than 600 ms suggestions go off, say so, and can be had all the same."""
    page.get_by_role("button", name="Files", exact=True).click()
    open_file(page, "README.md")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nsim: ttft=0.8 tokens=1\n")
    shown, status = page.locator(".cm-ghost"), page.get_by_role("button", name="Suggestions off: slow")
    for letter in "abcdefghijklmnopqrstuvwxyz":
        page.keyboard.type(f"{letter} ")
        expect(shown.or_(status).first).to_be_visible()
        if status.count():
            break
    expect(status).to_be_visible()
    wrong = themes(page, "ghost-slow", picture)
    status.click()
    expect(status).to_have_count(0)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("more ")
    expect(shown).to_be_visible()
    return wrong


def redirect(page: Page, picture: Picture) -> list[str]:
    """While an inline edit writes, the composer redirects it: it cannot be steered, and nothing says so."""
    open_file(page, "shop/basket.py")
    line(page, "find(code)").click()
    page.keyboard.press("Control+k")
    box = page.get_by_role("textbox", name="Say what should change")
    box.fill("Count.\nsim: tokens=400 rate=20")
    box.press("Enter")
    button = page.get_by_role("button", name="Redirect", exact=True)
    expect(button).to_be_visible()
    expect(page.get_by_role("button", name="Steer", exact=True)).to_have_count(0)
    wrong = themes(page, "inline-redirect", picture)
    page.get_by_role("textbox", name="Message to the model").fill("Add a docstring")
    button.click()
    expect(page.get_by_role("region", name="Session")).to_contain_text("Add a docstring")
    expect(button).to_have_count(0)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    return wrong
