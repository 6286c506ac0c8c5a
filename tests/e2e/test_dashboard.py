"""Limits and the dashboard in the browser: a person at the cap of the fast pool goes on with the deep one, an
administrator finds the expensive turn, stops it, and tells everyone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person
from tests.e2e.test_journey import Picture, sign_up
from tests.e2e.test_screens import NARROW, WIDE, themes
from tests.site import ROOT, Site, free_port

pytestmark = pytest.mark.e2e
MIDDLE = {"width": 800, "height": 900}
CAP = 4000
CONNECT = """
from agents.models import Endpoint
for rank, pool in enumerate(("fast", "deep"), 1):
    Endpoint.objects.create(
        name=pool.title(), dialect="chat", base_url="http://127.0.0.1:{port}/v1", model="simulated-deep", pool=pool,
        own_network=True, drives_tools=False, rank=rank, price_output=10,
    )
"""


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
    data = tmp_path_factory.mktemp("site")
    with Site(data, TANDEM_BUILTIN_MODEL="false") as running:
        connect = [sys.executable, "manage.py", "shell", "-c", CONNECT.format(port=provider)]
        env = {**os.environ, "TANDEM_DATA": str(data)}
        subprocess.run(connect, cwd=ROOT, env=env, check=True, capture_output=True)
        yield running
    assert running.left() == []


def test_at_the_cap_and_on_the_dashboard(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = new_person(), new_person()
    sign_up(ana.page, site.link, "Ana")
    ana.page.get_by_role("button", name="Start with the sample repository").click()
    ana.page.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
    expect(ana.page.get_by_role("treeitem", name="README.md")).to_be_visible()
    ana.page.get_by_role("button", name="Share").click()
    ana.page.get_by_role("button", name="Make link").click()
    link = ana.page.locator("dialog input[readonly]")
    expect(link).to_have_value(re.compile("/invite/"))
    sign_up(ben.page, link.input_value(), "Ben")
    expect(ben.page.get_by_role("treeitem", name="README.md")).to_be_visible()
    wrong = set_limit(site, ana.page, picture)
    wrong += meet_it_and_go_on(ben.page, picture)
    wrong += find_the_expensive_turn(site, ana.page, ben.page, picture)
    wrong += see_what_is_used(ana.page, ben.page, picture)
    wrong += tell_everyone(ana.page, ben.page, picture)
    wrong += look_back(ana.page, picture)
    assert not wrong, "\n".join(wrong)
    assert (ana.faults, ben.faults) == ([], [])


def both_widths(page: Page, name: str, picture: Picture) -> list[str]:
    wrong = themes(page, name, picture)
    page.set_viewport_size(MIDDLE)  # type: ignore[arg-type]
    wrong += themes(page, f"{name}-800", picture)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return wrong


def set_limit(site: Site, ana: Page, picture: Picture) -> list[str]:
    """With the keyboard alone, from the tab on."""
    ana.goto(f"{site.url}/dashboard/")
    expect(ana.get_by_text("live", exact=True)).to_be_visible()
    ana.get_by_role("link", name="Limits").focus()
    ana.keyboard.press("Enter")
    expect(ana.get_by_role("row", name=re.compile("Each person.*turns.*4 calls"))).to_be_visible()
    ana.get_by_role("button", name="Set a limit").focus()
    ana.keyboard.press("Enter")
    form = ana.get_by_role("form", name="Set a limit")
    expect(form.get_by_label("At most")).to_be_focused()
    wrong = both_widths(ana, "dashboard-limits", picture)
    ana.keyboard.press("Escape")
    expect(form).to_have_count(0)
    ana.get_by_role("button", name="Set a limit").click()
    form.get_by_label("Models").select_option("fast")
    form.get_by_label("At most").fill(str(CAP))
    ana.keyboard.press("Enter")
    expect(ana.get_by_text("The limit holds from now on.")).to_be_visible()
    expect(ana.get_by_role("row", name=re.compile("Each person.*fast.*4,000 tokens a day"))).to_be_visible()
    name_a_model(ana, form)
    return wrong


def name_a_model(ana: Page, form: Locator) -> None:
    """One model by its name, which it keeps when its limit is changed; and none again."""
    ana.get_by_role("button", name="Set a limit").click()
    form.get_by_label("For").select_option("endpoint")
    form.get_by_label("Which").select_option(label="Fast")
    form.get_by_label("At most").fill("700")
    ana.keyboard.press("Enter")
    row = ana.get_by_role("row", name=re.compile("^Fast.*700 tokens a day"))
    expect(row).to_be_visible()
    row.get_by_role("button", name="Change").click()
    form.get_by_label("At most").fill("800")
    ana.keyboard.press("Enter")
    row = ana.get_by_role("row", name=re.compile("^Fast.*800 tokens a day"))
    expect(row).to_be_visible()
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)


def choose(page: Page, model: str) -> None:
    page.locator(".talk").get_by_role("button", name=re.compile("Model to ask")).last.click()
    page.get_by_role("menuitemradio", name=re.compile(f"^{model} ")).click()


def meet_it_and_go_on(ben: Page, picture: Picture) -> list[str]:
    talk = ben.locator(".talk")
    choose(ben, "Fast")
    ben.get_by_placeholder("Ask, or say").fill("sim: tokens=50000 rate=600")
    ben.keyboard.press("Enter")
    expect(talk.get_by_text("You have used the 4,000 tokens of fast models you may use today.")).to_be_visible()
    wrong = both_widths(ben, "limit-met", picture)
    choose(ben, "Deep")
    talk.get_by_role("button", name="Go on").click()
    expect(talk.get_by_text("Go on from where you stopped.")).to_be_visible()
    expect(talk.get_by_text(re.compile(r"200\sout"))).to_be_visible()  # the whole of the simulator's usual answer
    ben.get_by_role("button", name="You, theme, sign out").click()
    ben.get_by_role("menuitem", name="Models…").click()
    ben.get_by_role("dialog").get_by_role("button", name="Meters", exact=True).click()
    # What one read of the socket brought beyond the cap has been generated, and counts: a tenth of a second, or two.
    full = ben.get_by_role("row", name=re.compile(r"You Fast models (3,9\d\d|4,[01]\d\d) of 4,000 tokens a day"))
    expect(full).to_be_visible()
    wrong += both_widths(ben, "limit-meters", picture)
    ben.keyboard.press("Escape")
    return wrong


def find_the_expensive_turn(site: Site, ana: Page, ben: Page, picture: Picture) -> list[str]:
    ben.get_by_placeholder("Ask, or say").fill("sim: tokens=200000 rate=300")
    ben.keyboard.press("Enter")
    ana.goto(f"{site.url}/dashboard/")
    running = ana.locator("[data-panel='turns.running']")
    stop = running.get_by_role("button", name=re.compile("Interrupt: Ben"))
    expect(stop).to_be_visible()
    expect(running.get_by_role("cell", name=re.compile(r"^0\.0\d+"))).to_be_visible()  # it costs something by now
    wrong = both_widths(ana, "dashboard-now", picture)
    stop.click()
    dialog = ana.get_by_role("dialog", name="Interrupt")
    wrong += themes(ana, "dashboard-act", picture)
    dialog.get_by_role("button", name="Interrupt", exact=True).click()
    expect(ana.get_by_text("Ben's turn is interrupted.")).to_be_visible()
    expect(ben.locator(".talk").get_by_text("Interrupted by Ana.")).to_be_visible()
    expect(running.get_by_text("No turn runs.")).to_be_visible()
    return wrong


def see_what_is_used(ana: Page, ben: Page, picture: Picture) -> list[str]:
    """The cap that was met, by whom; and, live, what a call that runs has used and reserved."""
    ana.get_by_role("link", name="Limits").click()
    met = ana.get_by_role("row", name=re.compile(r"fast.*4,000 tokens a day (3,9|4,[01])\d\d of 4,000 · Ben"))
    expect(met).to_be_visible()
    ben.get_by_placeholder("Ask, or say").fill("sim: tokens=200000 rate=300")
    ben.keyboard.press("Enter")
    calls = ana.get_by_role("row", name=re.compile(r"turns 4 calls at once default 1 of 4 · Ben, deep"))
    expect(calls).to_be_visible()
    tokens = ana.get_by_role("row", name=re.compile(r"^Each person.*200,000,000 tokens a day default"))
    expect(tokens).to_contain_text(re.compile(r"[\d,]+ of 200,000,000 \+ [\d,]+ reserved · Ben, deep"))
    wrong = both_widths(ana, "dashboard-limits-used", picture)
    ana.set_viewport_size(NARROW)  # type: ignore[arg-type]
    wrong += themes(ana, "dashboard-limits-used-400", picture)
    ana.set_viewport_size(WIDE)  # type: ignore[arg-type]
    ben.locator(".talk").get_by_role("button", name=re.compile("^(Stop|Interrupt)")).first.click()
    expect(calls).to_have_count(0)
    ana.get_by_role("link", name="Now").click()
    return wrong


def tell_everyone(ana: Page, ben: Page, picture: Picture) -> list[str]:
    ana.get_by_role("button", name="Message everyone").click()
    dialog = ana.get_by_role("dialog", name="Message everyone")
    dialog.get_by_label("Message").fill("We restart at noon; save nothing, it is saved.")
    dialog.get_by_role("button", name="Message everyone").click()
    banner = ben.get_by_role("status", name="Message from the administrators")
    expect(banner).to_contain_text("We restart at noon")
    wrong = both_widths(ben, "announcement", picture)
    ana.get_by_role("button", name="Take the message back").click()
    ana.get_by_role("dialog").get_by_role("button", name="Take the message back").click()
    expect(banner).to_have_count(0)
    return wrong


def look_back(ana: Page, picture: Picture) -> list[str]:
    ana.get_by_role("link", name="History").click()
    expect(ana.get_by_role("row", name=re.compile("^Total"))).to_be_visible()
    wrong = both_widths(ana, "dashboard-history", picture)
    ana.get_by_role("button", name="People", exact=True).click()
    expect(ana.get_by_role("columnheader", name="Ben")).to_be_visible()
    ana.get_by_role("button", name="Models", exact=True).click()
    expect(ana.get_by_role("columnheader", name="Deep · simulated-deep")).to_be_visible()
    wrong += themes(ana, "dashboard-history-models", picture)
    ana.get_by_role("link", name="Health").click()
    expect(ana.get_by_role("row", name=re.compile("^model"))).to_be_visible()
    wrong += both_widths(ana, "dashboard-health", picture)
    ana.get_by_role("link", name="Audit").click()
    expect(ana.get_by_role("cell", name="dashboard.announce", exact=True)).to_be_visible()
    wrong += both_widths(ana, "dashboard-audit", picture)
    return wrong
