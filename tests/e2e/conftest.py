"""Browser journeys: the system's Chromium, a whole Tandem started by `manage.py up`, pictures kept as artefacts."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.site import ROOT, Site

ARTEFACTS = ROOT / ".artefacts"
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    return {**browser_type_launch_args, **({"executable_path": path} if path else {}), "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), TANDEM_SCRIPTED_MODEL=str(ROOT / "tests/e2e/script.json")) as running:
        yield running
    assert running.left() == []


class Person:
    """One browser context and what went wrong in it."""

    def __init__(self, browser: Browser, args: dict[str, Any]) -> None:
        self.context: BrowserContext = browser.new_context(**args)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        self.page.on("response", lambda r: self.faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)


@pytest.fixture
def new_person(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Callable[[], Person]]:
    made: list[Person] = []

    def make() -> Person:
        made.append(Person(browser, browser_context_args))
        return made[-1]

    yield make
    ARTEFACTS.mkdir(exist_ok=True)
    for number, person in enumerate(made):
        person.page.screenshot(path=ARTEFACTS / f"last-{number}.png")
        person.context.close()


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Keep a picture of a step in .artefacts/."""
    ARTEFACTS.mkdir(exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=ARTEFACTS / f"{name}.png")

    return take


def eventually(condition: Callable[[], bool], seconds: float = 5) -> None:
    """For what follows on its own, such as the file on disk; fails when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


AT_REST = """async e => {
  for (let before = NaN; before !== e.scrollTop; ) {
    before = e.scrollTop
    for (let n = 0; n < 4; n++) await new Promise(requestAnimationFrame)
  }
  return e.scrollTop
}"""


def at_rest(box: Locator) -> float:
    """How far it is scrolled, when the wheel has done its work."""
    return float(box.evaluate(AT_REST))


def below(box: Locator) -> float:
    """Pixels under what is in sight."""
    return float(box.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight"))


def repository_of(site: Site) -> Path:
    """The folder of the site's only workspace."""
    (folder,) = (site.data / "workspaces").glob("*")
    return folder
