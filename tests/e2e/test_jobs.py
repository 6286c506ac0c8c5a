"""A delegated job from its plan to its merge, in two browsers, with sub-agents, a question, comments; its news."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_documents import two_people
from tests.e2e.test_journey import Picture, line, open_file, start_job, type_after
from tests.e2e.test_screens import themes
from tests.site import ROOT, Site

pytestmark = pytest.mark.e2e
PUSH = 30  # seconds: the browser starts a process for a service worker
MINUTE = 60_000
TASK = "Show each price in euro"
REGISTERED = (
    "navigator.serviceWorker.register('/push-worker.js', {scope: '/'}).then(() => navigator.serviceWorker.ready)"
)
SHOWN = (
    "navigator.serviceWorker.ready.then(one => one.getNotifications())"
    ".then(all => all.map(one => [one.title, one.body, one.data.url]))"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), TANDEM_SCRIPTED_MODEL=str(ROOT / "tests/e2e/jobs.json")) as running:
        yield running
    assert running.left() == []


def test_a_job_from_its_plan_to_its_merge(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = two_people(site, new_person, picture)
    for page in (ana, ben):
        open_file(page, "shop/till.py")
    delegated(ana)
    wrong = planned(ana, ben, picture)
    wrong += worked(ana, picture)
    wrong += answered(ben, picture)
    type_after(ben, "REDUCED_TAX = 7", "  # typed while the job ran")
    wrong += commented(ana, picture)
    wrong += merged(ana, ben, picture)
    for page in (ana, ben):
        expect(line(page, "as in most of Europe")).to_be_visible()
        expect(line(page, "REDUCED_TAX = 7")).to_contain_text("typed while the job ran")
    root = repository_of(site)
    eventually(lambda: "as in most of Europe" in (root / "shop/till.py").read_text())
    assert "typed while" in (root / "shop/till.py").read_text()
    eventually(lambda: "in euro" in (root / "README.md").read_text() and (root / "CHANGES.md").exists())
    wrong += told(ana, picture)
    wrong += cancelled(ana, picture)
    assert not wrong, "\n".join(wrong)


def delegated(ana: Page) -> None:
    order(ana, TASK)


def order(ana: Page, task: str, *, plan: bool = True) -> None:
    side = start_job(ana)
    side.get_by_label("What should be done?").fill(task)
    side.get_by_role("combobox").select_option(value=side.locator("option", has_text="cripted").get_attribute("value"))
    side.get_by_text("Free task").click()
    side.get_by_label("Plan first").set_checked(plan)
    side.get_by_role("button", name="Start job").click()


def card(page: Page, text: str = TASK) -> Locator:
    return page.locator(".card", has_text=text)


def planned(ana: Page, ben: Page, picture: Picture) -> list[str]:
    """The plan waits; the other person sees it on the board and adds a step."""
    ben.get_by_role("navigation", name="Side bars").get_by_role("button", name="Jobs").click()
    ben.get_by_role("button", name="Open the board").click()
    waiting = ben.get_by_role("region", name=re.compile("^Waiting for you"))
    expect(card(waiting.page).locator("visible=true")).to_be_visible(timeout=MINUTE)
    expect(waiting.get_by_role("button", name=re.compile(TASK))).to_be_visible(timeout=MINUTE)
    marked(ana)
    wrong = themes(ben, "board", picture)
    waiting.get_by_role("button", name=re.compile(TASK)).press("Enter")
    plan = ben.get_by_role("region", name="Plan")
    expect(plan.get_by_text("Write the sign in money()")).to_be_visible()
    wrong += themes(ben, "job-plan", picture)
    plan.get_by_role("button", name="Change it").click()
    plan.get_by_role("button", name="Add a step").click()
    plan.get_by_label("Step 3", exact=True).fill("Say it in the README")
    plan.get_by_role("button", name="Save and go on").click()
    expect(plan.get_by_text("approved by Ben")).to_be_visible()
    return wrong


def marked(ana: Page) -> None:
    ana.get_by_role("button", name="Notifications, 1 unread").click()
    panel = ana.get_by_role("dialog", name="Notifications")
    expect(panel.get_by_role("button", name=re.compile("A job waits for you"))).to_contain_text("unread")
    panel.get_by_role("button", name="Mark all as read").click()
    expect(ana.get_by_role("button", name="Notifications", exact=True)).to_be_visible()
    ana.keyboard.press("Escape")


def worked(ana: Page, picture: Picture) -> list[str]:
    """Tests fail, are mended and pass; two sub-agents do parts of it; one watches a file as it is written."""
    ana.get_by_role("button", name="Open the board").click()
    card(ana).get_by_role("button", name=re.compile(TASK)).click()
    screen = ana.locator(".job-screen")
    tree = screen.get_by_role("region", name="Sub-agents")
    expect(tree.get_by_role("listitem")).to_have_count(2, timeout=MINUTE)
    expect(screen.get_by_text("It asks, and waits for an answer")).to_be_visible(timeout=2 * MINUTE)
    log = screen.get_by_role("log")
    expect(log).to_contain_text("One expects the old receipt")
    expect(log.locator("[data-kind=tool][data-bad]")).to_have_count(1)
    expect(log).to_contain_text("AssertionError")
    for name in ("Say in the README", "Write a list of changes"):
        expect(tree.get_by_role("listitem").filter(has_text=name)).to_contain_text("Merged")
    expect(screen.get_by_role("region", name="Plan").locator("li[data-done=true]")).to_have_count(2)
    screen.get_by_role("button", name="Watch shop/till.py").click()
    expect(screen.locator(".job-follow .cm-line", has_text="€")).to_be_visible()
    wrong = themes(ana, "job-detail", picture)
    ana.set_viewport_size({"width": 800, "height": 900})
    wrong += themes(ana, "job-detail-800", picture)
    ana.set_viewport_size({"width": 1440, "height": 900})
    return wrong


def answered(ben: Page, picture: Picture) -> list[str]:
    """The other person answers what it asks, and goes back to the files."""
    expect(ben.get_by_text("It asks, and waits for an answer").first).to_be_visible()
    wrong = themes(ben, "job-asks", picture)
    answer = ben.locator(".job-screen").get_by_label("Your answer")
    answer.fill("Put it behind it, please")
    answer.press("Enter")
    ben.locator('.tabs button[title="shop/till.py"]').click()
    return wrong


def commented(ana: Page, picture: Picture) -> list[str]:
    """The result is not quite right: a comment on a line makes another step."""
    review = ana.locator(".job-screen").get_by_role("button", name="Review", exact=True)
    expect(review).to_be_visible(timeout=MINUTE)
    review.click()
    main = ana.locator(".main")
    main.get_by_role("button", name=re.compile(r"till\.py shop")).click()
    expect(main.get_by_text("€").first).to_be_visible()
    main.get_by_role("button", name="Comment on a line").click()
    main.get_by_label("Line", exact=True).fill("8")
    main.get_by_label("What should be different?").fill("Say why in words")
    main.get_by_role("button", name="Add comment").click()
    expect(main.get_by_role("region", name="1 comment")).to_contain_text("shop/till.py:8")
    wrong = themes(ana, "review-comments", picture)
    main.get_by_role("button", name="Send 1 comment to the job").click()
    expect(main.get_by_text("as in most of Europe")).to_be_visible(timeout=MINUTE)
    return wrong


def merged(ana: Page, ben: Page, picture: Picture) -> list[str]:
    """A file that editors read is merged only when somebody says so; the other one types in the same file."""
    main = ana.locator(".main")
    merge = main.get_by_role("button", name=re.compile(r"^Merge \d"))
    expect(merge).to_be_disabled()
    main.get_by_role("button", name=re.compile("settings.json")).click()
    expect(main.get_by_text("It tells editors, agents or tools what to start.")).to_be_visible()
    wrong = themes(ana, "review-flag", picture)
    main.get_by_label("I have looked at .vscode/settings.json: merge it.").check()
    main.get_by_role("button", name=re.compile(r"till\.py shop")).click()
    main.get_by_role("group", name="Compared with").get_by_role("button", name="Your text now").click()
    expect(main.get_by_text("typed while the job ran")).to_be_visible()
    wrong += themes(ana, "review-now", picture)
    type_after(ben, "TAX = 19", "  # and while it was merged")
    merge.click()
    expect(ana.get_by_text("Merged 5 files")).to_be_visible()
    ana.get_by_role("button", name="Back to the files").last.click()
    row = ana.locator(".bottom li.job", has_text=TASK)
    expect(row.get_by_role("button", name=re.compile("^Show what came of"))).to_be_visible()
    expect(row.get_by_role("button", name=re.compile("^Review"))).to_have_count(0)
    for page in (ana, ben):
        expect(line(page, "TAX = 19")).to_contain_text("and while it was merged")
    return wrong


def told(ana: Page, picture: Picture) -> list[str]:
    """The bell has what happened, read where it was seen; a push is asked for by a click, and shown with no page."""
    ana.get_by_role("button", name="Notifications", exact=True).click()
    panel = ana.get_by_role("dialog", name="Notifications")
    expect(panel.get_by_role("button", name=re.compile("A job is ready for review")).first).to_be_visible()
    expect(panel.get_by_role("button", name=re.compile("A job waits for you")).first).to_be_visible()
    wrong = themes(ana, "notifications", picture)
    expect(panel.get_by_text("unread")).to_have_count(0)
    panel.get_by_role("button", name="What you are told").click()
    expect(panel.get_by_role("button", name="Tell me in this browser")).to_be_visible()
    wrong += themes(ana, "notifications-settings", picture)
    ana.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    notices_leave_the_icons_free(ana)
    pushed(ana)
    return wrong


def notices_leave_the_icons_free(page: Page) -> None:
    """Where the side bars' icons lie at the foot, what comes up in the corner stands above them."""
    page.set_viewport_size({"width": 800, "height": 900})
    page.get_by_role("navigation", name="Panes").get_by_role("button", name="Files").click()
    icons = page.get_by_role("navigation", name="Side bars")
    expect(icons).to_be_visible()
    foot = page.locator(".toasts").evaluate("e => e.getBoundingClientRect().bottom")
    assert foot <= icons.evaluate("e => e.getBoundingClientRect().top")
    page.get_by_role("navigation", name="Panes").get_by_role("button", name="Code").click()
    page.set_viewport_size({"width": 1440, "height": 900})


def pushed(ana: Page) -> None:
    origin = re.sub(r"(https?://[^/]+).*", r"\1", ana.url)
    ana.context.grant_permissions(["notifications"], origin=origin)
    devtools = ana.context.new_cdp_session(ana)
    seen: list[dict[str, str]] = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda event: seen.extend(event["registrations"]))
    devtools.send("ServiceWorker.enable")
    ana.evaluate(f"{REGISTERED}.then(() => true)")
    ana.wait_for_function("navigator.serviceWorker.controller !== null")
    mine = f"{origin}/"
    eventually(lambda: ana.evaluate("true") and mine in [one["scopeURL"] for one in seen], PUSH)  # told between calls
    registration = next(one["registrationId"] for one in seen if one["scopeURL"] == mine)
    said = {"title": "A job is ready for review", "body": TASK, "url": "/w/abc"}
    wanted = {"origin": origin, "registrationId": registration, "data": json.dumps(said)}
    devtools.send("ServiceWorker.deliverPushMessage", wanted)
    eventually(lambda: len(ana.evaluate(SHOWN)) == 1, PUSH)
    assert ana.evaluate(SHOWN) == [[said["title"], TASK, "/w/abc"]]
    hostile = {**wanted, "data": json.dumps({**said, "url": "https://example.org/steal"})}
    devtools.send("ServiceWorker.deliverPushMessage", hostile)
    eventually(lambda: len(ana.evaluate(SHOWN)) == 2, PUSH)
    assert [url for _, _, url in ana.evaluate(SHOWN) if url != "/w/abc"] == ["/"], "a push leads to this site only"


def cancelled(ana: Page, picture: Picture) -> list[str]:
    """A job that is stopped in the middle of an answer says what is left of it."""
    order(ana, "Count slowly", plan=False)
    ana.get_by_role("button", name="Open the board").click()
    running = ana.get_by_role("region", name=re.compile("^Running"))
    running.get_by_role("button", name=re.compile("Count slowly")).click(timeout=MINUTE)
    screen = ana.locator(".job-screen")
    expect(screen.get_by_role("log")).to_contain_text("One, two")
    screen.get_by_role("button", name=re.compile("^Stop the job")).click()
    expect(screen.locator(".job-about").get_by_text("Cancelled")).to_be_visible()
    row = ana.locator(".bottom li.job", has_text="Count slowly")
    expect(row.get_by_role("button", name="Show the job “Count slowly”")).to_be_visible()
    expect(screen.get_by_text(re.compile("^Stopped: 0 processes, 0 sockets, ledger settled"))).to_be_visible()
    return themes(ana, "job-cancelled", picture)
