"""What must never happen to a text, in browsers on real servers: silently merged, undone by somebody else, lost."""

from __future__ import annotations

import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Person, eventually, repository_of
from tests.e2e.test_documents import give_role, saved, two_people
from tests.e2e.test_journey import (
    Picture,
    choose_scripted,
    line,
    open_file,
    select_function,
    sign_up,
    text_of,
    type_after,
)
from tests.site import ROOT, Site, free_port

pytestmark = pytest.mark.e2e


def test_two_people_and_a_model(site: Site, new_person: Callable[[], Person], picture: Picture) -> None:
    ana, ben = two_people(site, new_person, picture)
    undo_takes_back_only_ones_own(site, ana, ben, picture)
    commenter_comments(ana, ben)
    demoted_online(ana, ben, picture)
    stale_after_a_new_epoch(site, ana, ben, picture)
    sign_out_forgets(site, ana, picture)


def undo_takes_back_only_ones_own(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    for page in (ana, ben):
        open_file(page, "shop/basket.py")
    open_file(ben, "shop/till.py")
    type_after(ana, "BULK = 10", "  # ana's")
    choose_scripted(ana)
    select_function(ana, "def remove", 3)
    ana.keyboard.press("Control+k")
    box = ana.get_by_role("textbox", name="Say what should change")
    box.fill("a hundred remarks")
    box.press("Enter")
    follow_the_model(ben, picture)
    line(ana, "# ana's").scroll_into_view_if_needed()
    type_after(ana, "# ana's", " again")
    type_after(ben, "remark 119 of the model", " (ben's)")
    expect(line(ana, "# ana's again")).to_be_visible()
    for _ in range(6):  # more often than there is anything of one's own
        ana.keyboard.press("Control+z")
    expect(ana.locator(".cm-line", has_text="BULK = 10").first).to_have_text("BULK = 10")
    expect(line(ben, "remark 119 of the model (ben's)")).to_be_visible()
    ana.keyboard.press("Control+y")
    ana.keyboard.press("Control+Home")
    expect(line(ana, "BULK = 10")).to_contain_text("# ana's")
    ana.locator(".cm-content").press("Escape")
    ana.get_by_role("button", name="Accept all").click()
    saved(ana)
    file = repository_of(site) / "shop/basket.py"
    eventually(lambda: file.read_text().count("remark 119 of the model (ben's)\n") == 1)
    text = file.read_text()
    assert all(text.count(f"remark {n} of the model\n") == 1 for n in range(1, 119))


def follow_the_model(ben: Page, picture: Picture) -> None:
    ben.get_by_role("button", name="Follow the model").click()
    expect(ben.get_by_text("Following the model", exact=True)).to_be_visible()
    expect(ben.locator(".tab.on")).to_contain_text("basket.py")
    ben.wait_for_function("() => document.querySelector('.cm-scroller').scrollTop > 0")
    expect(line(ben, "remark 120 of the model")).to_be_in_viewport()
    expect(ben.locator(".cm-model-flag")).to_be_in_viewport()
    expect(ben.locator(".tab.on").get_by_role("img", name="Model")).to_be_visible()
    expect(ben.locator('[role=treeitem][data-path="shop/basket.py"]').get_by_role("img", name="Model")).to_be_visible()
    mark = ben.locator('.cm-strip i[data-who="model"]')
    expect(mark).to_have_count(1)
    share = "mark => mark.parentElement ? mark.offsetHeight / mark.parentElement.clientHeight : 0"  # it is drawn anew
    eventually(lambda: mark.evaluate(share) > 0.4)  # it covers what the model has written
    picture(ben, "8-follow-model")
    ben.keyboard.press("Escape")
    expect(ben.get_by_text("Following the model", exact=True)).to_have_count(0)


def commenter_comments(ana: Page, ben: Page) -> None:
    for page in (ana, ben):
        open_file(page, "shop/till.py")
    give_role(ana, "commenter")
    expect(ben.locator(".status")).to_contain_text("Read only", timeout=5_000)
    line(ben, "REDUCED_TAX = 7").click()
    ben.keyboard.press("Home")
    ben.keyboard.press("Shift+End")
    ben.keyboard.type("not mine to write")
    ben.keyboard.press("Control+Alt+m")
    ben.get_by_role("textbox", name="Say something").fill("Why seven?")
    ben.get_by_role("textbox", name="Say something").press("Control+Enter")
    expect(ana.locator(".cm-comment", has_text="REDUCED_TAX = 7")).to_be_visible()
    ana.locator(".cm-comment").click()
    expect(ana.locator(".side .thread")).to_contain_text("Why seven?")
    assert "not mine to write" not in text_of(ben)
    give_role(ana, "editor")
    expect(ben.locator(".status")).not_to_contain_text("Read only", timeout=5_000)
    for page in (ana, ben):
        page.get_by_role("navigation", name="Side bars").get_by_role("button", name="Files").click()


def demoted_online(ana: Page, ben: Page, picture: Picture) -> None:
    type_after(ben, "REDUCED_TAX = 7", "  # ")
    shown: list[str] = []
    status = ben.locator(".status")
    ana.get_by_role("button", name="Share").click()
    ana.get_by_label("Role of Ben").select_option("viewer")
    demoted = time.monotonic()
    while "Read only" not in status.inner_text():
        word = f"w{len(shown):03d} "
        ben.keyboard.type(word)
        if word.strip() in text_of(ben):
            shown.append(word.strip())
        assert time.monotonic() < demoted + 5, "still writable five seconds after the change of role"
    ana.get_by_role("button", name="Close", exact=True).click()
    picture(ben, "8-demoted")
    eventually(lambda: plain(ana, "REDUCED_TAX = 7") == plain(ben, "REDUCED_TAX = 7"))
    saved_words = text_of(ben)
    lost = [word for word in shown if word not in saved_words]
    if lost:  # what the server did not take is there to copy
        ben.get_by_role("button", name="Look at it").click()
        for word in lost:
            expect(ben.get_by_role("dialog").locator('[data-sign="+"]')).to_contain_text(word)
        ben.get_by_role("dialog").get_by_role("button", name="Discard").click()
    while ben.locator(".status .not-saved").count():  # the space behind a word that was saved
        ben.locator(".status .not-saved").click()
        ben.get_by_role("dialog").get_by_role("button", name="Discard").click()
        expect(ben.get_by_role("dialog")).to_have_count(0)
    give_role(ana, "editor")
    expect(status).not_to_contain_text("Read only", timeout=5_000)


def plain(page: Page, text: str) -> str:
    """A line without the names of those whose carets are in it."""
    without = "line => [...line.childNodes].filter(n => !n.classList?.contains('remote-mark')).map(n => n.textContent)"
    return "".join(line(page, text).evaluate(without))


def stale_after_a_new_epoch(site: Site, ana: Page, ben: Page, picture: Picture) -> None:
    saved(ana)
    saved(ben)
    ana.context.set_offline(True)
    type_after(ana, "REDUCED_TAX = 7", " typed into the old copy 🦄")
    saved(ana, "Kept in this browser")
    site.stop()
    command = [sys.executable, "manage.py", "new_epoch", "--all"]
    env = {**os.environ, "TANDEM_DATA": str(site.data)}
    eventually(lambda: subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False).returncode == 0, 20)
    with ben.expect_response(lambda answer: "documents?path=shop%2Ftill.py" in answer.url, timeout=60_000):
        site.start()  # everybody's copy is of an older epoch: it is asked for again
    expect(ben.locator(".status")).not_to_contain_text("Loading again")
    saved(ben)
    type_after(ben, "REDUCED_TAX = 7", " after it")
    saved(ben)
    ana.context.set_offline(False)
    expect(ana.get_by_text("Some of what you wrote in this file was not saved.")).to_be_visible()
    expect(line(ana, "REDUCED_TAX = 7")).to_contain_text("after it")
    for page in (ana, ben):
        expect(page.locator(".cm-content")).not_to_contain_text("old copy")  # merged without being asked for
    picture(ana, "8-new-epoch")
    ana.get_by_role("button", name="Look at it").click()
    dialog = ana.get_by_role("dialog")
    expect(dialog.locator('[data-sign="+"]')).to_contain_text("typed into the old copy 🦄")
    picture(ana, "8-new-epoch-patch")
    dialog.get_by_role("button", name="Apply again").click()
    for page in (ana, ben):
        expect(page.locator(".cm-content")).to_contain_text("typed into the old copy 🦄")
        expect(page.locator(".cm-content")).to_contain_text("after it")
    saved(ana)


KEPT = """async () => {
  const bases = (await indexedDB.databases()).map(({ name }) => name)
  return bases.filter(name => name.startsWith('tandem.')).length
}"""


def sign_out_forgets(site: Site, ana: Page, picture: Picture) -> None:
    assert ana.evaluate(KEPT) > 0
    ana.context.set_offline(True)
    type_after(ana, "REDUCED_TAX = 7", "  # unsaved")
    saved(ana, "Kept in this browser")
    sign_out(ana)
    dialog = ana.get_by_role("dialog", name="Not everything is saved")
    expect(dialog).to_be_visible()
    picture(ana, "8-sign-out")
    dialog.get_by_role("button", name="Stay signed in").click()
    ana.context.set_offline(False)
    saved(ana)
    sign_out(ana)
    ana.wait_for_url(lambda url: "/w/" not in url)
    eventually(lambda: ana.evaluate(KEPT) == 0)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="You, theme, sign out").click()
    page.get_by_role("menuitem", name="Sign out").click()


class Door(socketserver.ThreadingTCPServer):
    """One address that leads to a web process, and to another one when `port` is changed."""

    daemon_threads = True
    allow_reuse_address = True
    port = 0


class Through(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        door: Any = self.server
        try:
            inner = socket.create_connection(("127.0.0.1", door.port))
        except OSError:
            return
        with inner:
            back = threading.Thread(target=copy, args=(inner, self.request), daemon=True)
            back.start()
            copy(self.request, inner)
            back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            with_no_reader(end)


def with_no_reader(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


@contextmanager
def door(port: int) -> Iterator[Door]:
    with Door(("127.0.0.1", 0), Through) as server:
        server.port = port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def web(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """One more web process on the data folder of a site."""
    port = free_port()
    argv = [sys.executable, "-m", "ide.management.daphne_socket", "-b", "127.0.0.1", "-p", str(port), "-v", "0"]
    argv += ["--websocket_timeout", "-1", "ide.asgi:application"]
    env = {**os.environ, "TANDEM_DATA": str(data), "PORT": str(port)}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    process = subprocess.Popen(argv, cwd=ROOT, env=env)
    try:
        eventually(lambda: answers(port), 60)
        yield process, port
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_another_web_process_takes_over(tmp_path: Path, new_person: Callable[[], Person], picture: Picture) -> None:
    ana = new_person().page
    site = Site(tmp_path, TANDEM_BUILTIN_MODEL="false")
    with site, web(tmp_path) as (first, one), web(tmp_path) as (_, two), door(one) as entry:
        address = f"http://127.0.0.1:{entry.server_address[1]}"
        sign_up(ana, site.link.replace(site.url, address), "Ana")
        ana.get_by_role("button", name="Start with the sample repository").click()
        ana.wait_for_url(re.compile(r"/w/[a-z0-9]+$"))
        expect(ana.get_by_role("treeitem", name="README.md")).to_be_visible()
        open_file(ana, "shop/basket.py")
        type_after(ana, "BULK = 10", "  # before")
        saved(ana)
        first.kill()
        entry.port = two
        killed = time.monotonic()
        ana.keyboard.type(" and after 🦄")
        expect(ana.get_by_text("The workspace is moving to another server.")).to_be_visible(timeout=10_000)
        picture(ana, "8-moving")
        # The lease of the killed one has to end, eight seconds; then a host to begin, on a machine that may be slow.
        expect(ana.locator(".status .saved")).to_have_text("All saved", timeout=45_000)
        print(f"saved by the other process {time.monotonic() - killed:.1f} s after the kill")
        file = repository_of(site) / "shop/basket.py"
        eventually(lambda: file.read_text().count("BULK = 10  # before and after 🦄\n") == 1)
