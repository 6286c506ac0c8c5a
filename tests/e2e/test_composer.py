"""Writing to a model: what is mentioned by a few letters, pictures that are shown to it, and who cannot see them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person
from tests.e2e.test_journey import Picture, line, open_file, select_function, sign_up, type_after
from tests.e2e.test_screens import NARROW, WIDE, themes
from tests.site import ROOT, Site, free_port

pytestmark = pytest.mark.e2e
# Drawn in the page: a picture of that size, given to the composer as if it were pasted.
PASTE = """async ([box, width, height, kind]) => {
  const canvas = new OffscreenCanvas(width, height)
  const pen = canvas.getContext('2d')
  pen.fillStyle = 'white'
  pen.fillRect(0, 0, width, height)
  pen.fillStyle = 'teal'
  pen.fillRect(width / 4, height / 4, width / 2, height / 2)
  const bytes = kind === 'image/png' ? await canvas.convertToBlob() : new Blob(['%PDF-1.7'])
  const data = new DataTransfer()
  data.items.add(new File([bytes], kind === 'image/png' ? 'shot.png' : 'report.pdf', { type: kind }))
  const event = kind === 'image/png'
    ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
  box.dispatchEvent(event)
}"""
CONNECT = """async ([workspace, models]) => {
  const token = /(?:tandem_csrf|__Host-csrf)=([^;]+)/.exec(document.cookie)?.[1]
    ?? document.querySelector('meta[name=csrf]')?.content
  const post = async (path, body) => {
    const headers = { 'X-CSRFToken': token, 'Content-Type': 'application/json' }
    const answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  for (const model of models) {
    const made = await post(`/api/workspaces/${workspace}/endpoints`, model)
    await post(`/api/endpoints/${made.id}/probe`)
  }
}"""


@pytest.fixture(scope="module")
def provider() -> Iterator[int]:
    """The port of a running simulator."""
    port = free_port()
    argv = [sys.executable, "manage.py", "simulate-model", "--port", str(port), "--script", "tests/e2e/composer.json"]
    process = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE)
    assert process.stdout
    assert b"/v1" in process.stdout.readline()
    yield port
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, provider: int) -> Iterator[Site]:
    hosts = f"127.0.0.1:{provider}"
    data = tmp_path_factory.mktemp("site")
    with Site(data, TANDEM_BUILTIN_MODEL="false", TANDEM_INTERNAL_HOSTS=hosts) as running:
        yield running
    assert running.left() == []


def test_mentions_and_pictures(site: Site, provider: int, new_person: Callable[[], Person], picture: Picture) -> None:
    ana = new_person()
    page = ana.page
    wrong: list[str] = []
    begin(site, page, provider)
    mention(page, wrong, picture)
    follow_chips(page)
    drag(page)
    paste(page, wrong, picture)
    send(page, wrong, picture)
    refuse(page, wrong, picture)
    assert ana.faults == []
    assert not wrong, "\n".join(wrong)


def begin(site: Site, page: Page, provider: int) -> None:
    sign_up(page, site.link, "Ana")
    page.get_by_role("button", name="Start with the sample repository").click()
    page.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    expect(page.get_by_role("treeitem", name="README.md")).to_be_visible()
    address = {"dialect": "chat", "base_url": f"http://127.0.0.1:{provider}/v1", "scope": "team"}
    deep = {"name": "Deep", "model": "simulated-deep", **address, "price_input": 0.6, "price_output": 2.4}
    fast = {"name": "Fast", "model": "simulated-fast", **address}
    page.evaluate(CONNECT, [page.url.rpartition("/")[2], [deep, fast]])
    page.reload()
    open_file(page, "shop/till.py")
    open_file(page, "shop/basket.py")
    expect(composer(page)).to_be_enabled()


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message to the model")


def chips(page: Page) -> Locator:
    return page.locator(".composer").get_by_role("list", name="Mentioned").get_by_role("listitem")


def pictures(page: Page) -> Locator:
    return page.locator(".composer").get_by_role("list", name="Pictures").get_by_role("button", name="large")


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Mention").get_by_role("option")


def mention(page: Page, wrong: list[str], picture: Picture) -> None:
    """By keyboard alone, from the @ to the chip; by its button too."""
    type_after(page, "BULK = 10", "  # pieces")
    select_function(page, "def add", 3)
    page.get_by_role("button", name="Mention files").click()
    expect(options(page).first).to_contain_text("shop/basket.py, lines")
    expect(options(page).filter(has_text="Changes")).to_contain_text("1 file not committed")
    wrong += themes(page, "mention-menu", picture)
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_count(1)
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.type("and @til")
    expect(options(page).first).to_contain_text("till.py")
    wrong += themes(page, "mention-found", picture)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.type("in @shop/")
    options(page).filter(has_text=re.compile(r"^\s*shop/")).click()
    page.keyboard.type("see @Basket")
    expect(page.get_by_role("group", name="Symbols").get_by_role("option").first).to_contain_text("line 7")
    wrong += themes(page, "mention-symbols", picture)
    page.get_by_role("group", name="Symbols").get_by_role("option").first.click()
    page.keyboard.type("but not @zebra")
    expect(page.get_by_text("Nothing here is called “zebra”.")).to_be_visible()
    wrong += themes(page, "mention-none", picture)
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    said = r"^@basket\.py:\d+-\d+ and @till\.py in @shop/ see @Basket but not @zebra$"
    expect(composer(page)).to_have_value(re.compile(said))
    expect(chips(page)).to_have_count(4)
    wrong += themes(page, "mention-chips", picture)
    page.reload()
    expect(chips(page)).to_have_count(4)
    expect(line(page, "def add")).to_be_visible()  # the files are open again, and this one is shown


def follow_chips(page: Page) -> None:
    page.locator(".composer").get_by_role("button", name="shop/till.py", exact=True).click()
    expect(line(page, "def money")).to_be_visible()
    page.locator(".composer").get_by_role("button", name="shop/basket.py, lines 11 to 13", exact=True).click()
    expect(line(page, "def add")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\(\d+ selected\)"))).to_be_visible()
    page.get_by_role("button", name="Remove shop/basket.py, lines 11 to 13").click()
    expect(composer(page)).to_have_value(re.compile("^and @till"))
    expect(chips(page)).to_have_count(3)
    page.locator(".composer").get_by_role("button", name="Basket · shop/basket.py", exact=True).click()
    expect(page.get_by_text("Ln 7, Col 1")).to_be_visible()


def drag(page: Page) -> None:
    page.get_by_role("treeitem", name="README.md").drag_to(page.locator(".composer"))
    expect(chips(page).last).to_contain_text("README.md")
    page.get_by_role("button", name="Remove README.md").click()


def give(page: Page, width: int = 300, height: int = 200, kind: str = "image/png") -> None:
    page.evaluate(PASTE, [composer(page).element_handle(), width, height, kind])


def paste(page: Page, wrong: list[str], picture: Picture) -> None:
    """A large one is made smaller before it is sent; one is taken away again."""
    give(page, 4096, 1024)
    expect(pictures(page)).to_have_count(1)
    expect(pictures(page).first).to_have_accessible_name("Show picture 1 large (2,048 × 512 px)")
    give(page)
    expect(pictures(page)).to_have_count(2)
    wrong += themes(page, "pictures", picture)
    page.get_by_role("button", name="Remove Picture 2").click()
    expect(pictures(page)).to_have_count(1)
    give(page, kind="application/pdf")
    expect(page.get_by_role("alert")).to_contain_text("report.pdf is not a picture that models read")
    wrong += themes(page, "pictures-trouble", picture)


def send(page: Page, wrong: list[str], picture: Picture) -> None:
    composer(page).fill("What is wrong in this picture?")
    page.keyboard.press("Enter")
    said = page.get_by_role("log").locator("article").first
    expect(said.get_by_role("list", name="Pictures").get_by_role("button")).to_have_count(1)
    expect(said.get_by_role("list", name="Mentioned")).to_contain_text("shop/till.py")
    expect(page.get_by_role("log").get_by_text("The teal box is not in the middle")).to_be_visible()
    expect(pictures(page)).to_have_count(0)
    expect(chips(page)).to_have_count(0)
    said.get_by_role("button", name="Show picture 1 large").click()
    large = page.get_by_role("dialog", name="Picture 1")
    expect(large.get_by_role("img")).to_have_js_property("naturalWidth", 2048)
    wrong += themes(page, "picture-large", picture)
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    wrong += themes(page, "pictures-said", picture)


def refuse(page: Page, wrong: list[str], picture: Picture) -> None:
    """A model of text only: what is added is refused, what was added before is not sent."""
    give(page)
    expect(pictures(page)).to_have_count(1)
    page.get_by_role("button", name="Model to ask: Deep").click()
    expect(page.get_by_role("menuitemradio", name="Fast")).to_contain_text("text only")
    expect(page.get_by_role("menuitemradio", name="Deep")).to_contain_text(
        "pictures · 128k tokens · $0.60 in, $2.40 out"
    )
    wrong += themes(page, "model-picker", picture)
    page.get_by_role("menuitemradio", name="Fast").click()
    composer(page).fill("And now?")
    expect(page.get_by_text("Fast reads text only. Choose a model that sees pictures, or remove them.")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    give(page)
    expect(page.get_by_text("Fast reads text only, so the picture was not added.")).to_be_visible()
    wrong += themes(page, "pictures-refused", picture)
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.get_by_role("navigation").get_by_role("button", name="Session").click()
    composer(page).press("End")
    page.keyboard.type(" @")
    expect(options(page).first).to_be_visible()
    wrong += themes(page, "mention-narrow", picture)
    page.keyboard.press("Escape")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.get_by_role("button", name="Use Deep").click()
    expect(pictures(page)).to_have_count(2)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_role("list", name="Pictures")).to_have_count(2)
