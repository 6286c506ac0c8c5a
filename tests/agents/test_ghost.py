"""Suggestions at the cursor: what a model is shown, what of its answer fits, and the ops. Shown with the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.assist import ghost
from agents.models import Endpoint, RoleEndpoint, SessionRules
from agents.providers.fill import Way
from agents.simulator.plan import Script, Step
from ide.db import in_db
from ide.usage.models import LedgerEntry
from tests.agents.conftest import CODE, Follower, Site
from tests.agents.simulated import simulator

SCRIPT = Script(
    [
        Step(when="def total(values):", text="\n    return sum(values)"),
        Step(when="import js", text="on\nimport os\n"),
    ]
)
LONG = "".join(f"name_{n} = {n}\n" for n in range(2_000))


def place(text: str, path: str = "a.py") -> ghost.Place:
    """`|` is the cursor."""
    return ghost.Place(path, text.replace("|", ""), text.index("|"))


def suggested(text: str, *pieces: str, ended: bool = True) -> str:
    answer = ghost.Answer(place(text))
    for piece in pieces:
        if not answer.feed(piece, 0.0):
            return answer.fitting(ended=False)
    return answer.fitting(ended=ended)


# --- pure ---------------------------------------------------------------------------------------------------------


def test_what_is_sent_is_bounded_and_begins_at_a_line() -> None:
    gap = ghost.gap(place(LONG + "x = |\n" + LONG), [("b.py", LONG)], inside=False)
    assert len(gap.before) <= ghost.BEFORE
    assert gap.before.startswith("name_")
    assert gap.before.endswith("x = ")
    assert len(gap.after) == ghost.AFTER
    assert sum(len(text) for _, text in gap.others) <= ghost.ELSEWHERE


def test_other_documents_of_the_language_are_shown_where_they_share_names() -> None:
    others = [("b.py", "def helper(first_value):\n    pass\n"), ("c.py", "nothing = 1\n"), ("d.js", "helper()\n")]
    gap = ghost.gap(place("helper(|"), others, inside=False)
    assert [path for path, _ in gap.others] == ["b.py"]
    inside = ghost.gap(place("helper(|"), others, inside=True)
    assert inside.before == "# From b.py:\n# def helper(first_value):\n#     pass\nhelper("
    assert inside.others == ()


@pytest.mark.parametrize("path", [".env", "deploy/.env.prod", "server.pem", ".ssh/id_ed25519"])
def test_files_that_usually_hold_secrets_are_known(path: str) -> None:
    assert ghost.sensitive(path)
    assert not ghost.sensitive(path.replace(".", "-").replace("id_", "id-") + ".py")


def test_in_the_middle_of_a_line_only_that_line_is_suggested() -> None:
    assert suggested("f(|)", "a, b)\nmore") == "a, b"
    assert ghost.gap(place("f(|)"), [], inside=True).stop == ("\n",)


def test_a_bracket_that_is_there_is_not_suggested_again_but_one_that_is_needed_is() -> None:
    assert suggested("print(|)", "len(a))") == "len(a)"
    assert suggested("print(|)", "len(a)") == "len(a)"


def test_several_lines_end_at_an_empty_one_and_before_what_follows() -> None:
    assert suggested("def f(a):|\n", "\n    b = a\n    return b\n\n\ndef g():") == "\n    b = a\n    return b"
    assert suggested("if a:|\n    c()\n", "\n    b()\n    c()\n    d()") == "\n    b()"


def test_a_line_that_was_not_finished_is_left_out() -> None:
    answer = ghost.Answer(place("def f():|\n"))
    assert answer.feed("\n    one()\n    tw", 0.1)
    assert not answer.feed("", ghost.ENOUGH + 0.1)
    assert answer.fitting(ended=False) == "\n    one()"


def test_nothing_and_the_line_before_again_are_no_suggestion() -> None:
    assert suggested("x = 1|", "  \n") == ""
    assert suggested("value = 1\n|", "value = 1\n") == ""


# --- over the socket ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["suffix", "infill"])
async def filling(site: Site, request: pytest.FixtureRequest) -> AsyncIterator[Way]:
    async with simulator(SCRIPT) as (url, _):
        await in_db(serving, url, request.param)
        yield request.param


def serving(url: str, way: str, *, role: bool = True) -> Endpoint:
    row = Endpoint.objects.create(
        name="Filler", base_url=url, model="simulated-fast", own_network=True, abilities={"fim": way}
    )
    if role:
        RoleEndpoint.objects.create(role="ghost", endpoint=row)
    return row


async def typed(site: Site, tab: Follower, index: int, text: str) -> None:
    """Type, and wait until the host has it."""
    room = await (await site.host()).open_room(site.document.pk)
    await tab.opened(site.document.pk)
    tab.type(site.document.pk, index, text)
    await tab.until(lambda: text in room.text())


async def at(site: Site, tab: Follower, index: int, request: int = 1) -> dict[str, Any]:
    room = await (await site.host()).open_room(site.document.pk)
    anchor = room.anchor_wire(index, -1)
    found: dict[str, Any] = await tab.ask("ghost.suggest", document=site.document.pk, at=anchor, request=request)
    return found


async def test_the_text_at_the_cursor_is_suggested_and_the_document_stays(
    site: Site, ada: Follower, filling: Way
) -> None:
    await typed(site, ada, len(CODE), "\n\ndef total(values):")
    answer = await at(site, ada, len(CODE) + 20)
    assert answer["text"] == "\n    return sum(values)"
    assert ada.text(site.document.pk) == CODE + "\n\ndef total(values):"
    entry = await in_db(LedgerEntry.objects.get)
    assert (entry.kind, entry.state, entry.user_id) == ("ghost", "settled", site.ada.pk)
    assert entry.input_tokens > 0
    assert entry.output_tokens > 0


async def test_a_newer_request_ends_the_older_one_and_its_stream(site: Site, ada: Follower) -> None:
    async with simulator(SCRIPT) as (url, _):
        await in_db(serving, url, "infill")
        await typed(site, ada, 0, "sim: tokens=400 rate=40\n")
        older = asyncio.ensure_future(at(site, ada, 40, 1))
        while not await in_db(LedgerEntry.objects.filter(state="reserved").exists):
            await asyncio.sleep(0.01)
        newer = asyncio.ensure_future(at(site, ada, 40, 2))
        assert (await older)["stale"]
        assert (await ada.ask("ghost.drop", request=2)) == {}
        assert (await newer)["stale"]
        assert (await at(site, ada, 40, 1))["stale"], "one that comes late is not asked at all"
    states = await in_db(lambda: list(LedgerEntry.objects.values_list("state", "output_tokens")))
    assert all(state in ("settled", "released") and tokens < 100 for state, tokens in states), states


async def test_without_a_model_that_fills_the_reason_is_said(site: Site, ada: Follower) -> None:
    about = await ada.ask("ghost.about")
    assert about["endpoint"] is None
    assert "No model is chosen" in about["why"]
    await in_db(serving, "http://127.0.0.1:9/v1", "")
    assert "Filler was not found to fill in the middle" in (await ada.ask("ghost.about"))["why"]


async def test_a_local_server_suggests_without_a_role_and_another_does_not(site: Site, ada: Follower) -> None:
    row = await in_db(lambda: serving("http://127.0.0.1:9/v1", "suffix", role=False))
    assert (await ada.ask("ghost.about"))["endpoint"] == "Filler"
    await in_db(Endpoint.objects.filter(pk=row.pk).update, own_network=False)
    assert (await ada.ask("ghost.about"))["endpoint"] is None


async def test_the_workspace_can_switch_them_off(site: Site, ada: Follower, filling: Way) -> None:
    await in_db(SessionRules.objects.create, workspace=site.workspace, ghost=False)
    assert "switched off" in (await ada.ask("ghost.about"))["why"]


async def test_how_long_answers_take_is_told_after_a_few(site: Site, ada: Follower, filling: Way) -> None:
    assert (await ada.ask("ghost.about"))["ms"] is None
    answers = [await at(site, ada, len(CODE), n) for n in range(1, 7)]
    assert answers[0]["ms"] is None
    assert 0 < answers[-1]["ms"] < 2_000
    assert (await ada.ask("ghost.about"))["ms"] == answers[-1]["ms"]
