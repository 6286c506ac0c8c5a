"""Models that are down, slow or broken: the turn ends with a sentence, what was written stays, the next one works."""

from __future__ import annotations

import asyncio

import pytest

from tests import provider_server
from tests.bad_input.conftest import DOWN, World
from tests.client import Document, Json, Refusal
from tests.provider_server import ProviderServer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BEFORE = "# above 😀\ndef one(a):\n    return a\n\n\ndef two(b):\n    return b\n"
SELECTED = "def one(a):\n    return a\n"
NEW = "def one(a: int) -> int:\n    total = a + 1\n    return total\n"
FENCED = f"```python\n{NEW}```\n"
PROSE = "The function returns its argument, so nothing is to be done here at all. That is the whole of it."

AUTH = ("refused the key", "Incorrect API key provided.", "Check the key")
LIMITED = ("limiting requests for this key", "Requests per minute: 0 left.", "choose another model")
FAULT = ("overloaded or has a fault", "The engine is on fire.", "Try again in a moment")
GARBAGE = ("an answer that cannot be used", "not a chat completion", "Check the model's name")
PAGE = ("an answer that cannot be used", "it sent text/html that is not a chat completion", "Check the model's name")
ABSENT = ("cannot be reached", "Nobody answers at 127.0.0.1:", "Check that its server runs")
# Model → the parts of the sentence when it fails before it has said anything.
AT_ONCE = {
    provider_server.KEY: AUTH,
    provider_server.LIMIT: LIMITED,
    provider_server.FAULT: FAULT,
    provider_server.GARBAGE: GARBAGE,
    provider_server.PAGE: PAGE,
    DOWN: ABSENT,
}
# Model → the sentence when it fails in the middle.
MIDWAY = {
    provider_server.CUT: ("stopped in the middle", "What arrived is kept; ask again to go on."),
    provider_server.ERROR: ("overloaded or has a fault", "The model is overloaded.", "Try again in a moment"),
}
WORKS = [provider_server.OK, provider_server.SLOW, provider_server.ONCE]


async def talk(world: World, endpoint: int, text: str = "What does it do?") -> tuple[str, str]:
    """A turn begun in a new session: (session, turn)."""
    session = (await world.tab.call("session.create"))["session"]["id"]
    started = await world.tab.call("turn.start", session=session, text=text, mentions=[], endpoint=endpoint)
    return session, started["turn"]


async def ended(world: World, turn: str) -> Json:
    """How the turn ended, as the other person was told."""
    event = await world.other.event("turn.ended", lambda e: e["turn"]["id"] == turn)
    row: Json = event["turn"]
    return row


async def said(world: World, session: str, kind: str) -> list[str]:
    """The texts of that kind in the session, as who opens it now reads them."""
    opened = (await world.other.call("session.open", session=session))["snapshot"]
    return [item["data"]["text"] for item in opened["items"] if item["kind"] == kind]


async def code(world: World) -> Document:
    path = f"{world.name()}.py"
    (world.root / path).write_text(BEFORE)
    return await world.tab.open(path)


async def rewrite(world: World, document: Document, endpoint: int) -> str:
    """An inline turn over the function `one`."""
    start = document.text.index(SELECTED)
    anchors = {"from": document.anchor(start, 0), "to": document.anchor(start + len(SELECTED), -1)}
    ask = {"document": document.id, "instruction": "add one", "endpoint": endpoint, **anchors}
    turn: str = (await world.tab.call("turn.inline", **ask))["turn"]
    return turn


async def proposals(world: World, document: Document) -> list[Json]:
    opened = await world.other.call("workspace.open")
    return [one for one in opened["proposals"] if one["document"] == document.id]


def failed_with(turn: Json, parts: tuple[str, ...]) -> None:
    assert turn["state"] == "failed"
    for part in parts:
        assert part in turn["error"]
    assert "k3y" not in turn["error"]


async def works_again(world: World, provider: ProviderServer, models: dict[str, int], session: str) -> None:
    """The next turn of the same session, on a good model, goes well."""
    provider.reply = PROSE
    ok = models[provider_server.OK]
    started = await world.tab.call("turn.start", session=session, text="Again.", mentions=[], endpoint=ok)
    assert (await ended(world, started["turn"]))["state"] == "completed"
    assert (await said(world, session, "model"))[-1] == PROSE


# --- talking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", WORKS)
async def test_a_model_that_is_only_slow_or_busy_for_a_moment_answers(
    model: str, world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = PROSE
    session, turn = await talk(world, models[model], text=f"Question {world.name()}")
    row = await ended(world, turn)
    assert (row["state"], row["error"]) == ("completed", "")
    assert await said(world, session, "model") == [PROSE]


@pytest.mark.parametrize("model", list(AT_ONCE))
async def test_a_model_that_does_not_answer_ends_the_turn_with_a_sentence(
    model: str, world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    session, turn = await talk(world, models[model])
    row = await ended(world, turn)
    failed_with(row, AT_ONCE[model])
    assert await said(world, session, "note") == [row["error"]]
    assert await said(world, session, "person") == ["What does it do?"], "the question is kept"
    await works_again(world, provider, models, session)


@pytest.mark.parametrize("model", list(MIDWAY))
async def test_what_a_model_said_before_it_broke_is_kept(
    model: str, world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = PROSE
    session, turn = await talk(world, models[model])
    row = await ended(world, turn)
    failed_with(row, MIDWAY[model])
    assert await said(world, session, "model") == [PROSE[: len(PROSE) // 2]]
    assert await said(world, session, "note") == [row["error"]]
    await works_again(world, provider, models, session)


async def test_an_answer_without_a_word_is_noted(
    world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    session, turn = await talk(world, models[provider_server.NOTHING])
    assert (await ended(world, turn))["state"] == "completed"
    assert await said(world, session, "note") == [
        "The model answered with nothing. Ask again, or choose another model."
    ]
    document = await code(world)
    row = await ended(world, await rewrite(world, document, models[provider_server.NOTHING]))
    assert row["state"] == "failed"
    assert "Try again, or say it in other words." in row["error"]
    assert document.text == BEFORE


@pytest.mark.parametrize("model", [provider_server.HANG, provider_server.SILENT])
async def test_a_model_that_hangs_can_be_interrupted_and_its_connection_is_closed(
    model: str, world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = PROSE
    provider.left.clear()
    asked = len(provider.asked)
    session, turn = await talk(world, models[model])
    if model == provider_server.HANG:
        half = PROSE[: len(PROSE) // 2]
        await world.other.until(lambda: heard(world, turn) == half, "half an answer", 5)
    else:
        await world.tab.until(lambda: len(provider.asked) > asked, "the model is asked", 5)
    assert await world.other.call("turn.interrupt", turn=turn) == {"state": "interrupted"}
    assert (await ended(world, turn))["state"] == "interrupted"
    await asyncio.wait_for(provider.left.wait(), 5)
    assert await said(world, session, "model") == ([half] if model == provider_server.HANG else [])
    await works_again(world, provider, models, session)


def heard(world: World, turn: str) -> str:
    """What the model has said in that turn so far, by the events the other person got."""
    events = world.other.events
    items = [e["item"] for e in events if e["type"] == "item.started" and e["item"]["turn"] == turn]
    prose = {item["id"]: item["data"]["text"] for item in items if item["kind"] == "model"}
    deltas = [e["text"] for e in events if e["type"] == "item.delta" and e["item"] in prose]
    return "".join([*prose.values(), *deltas])


# --- writing into a document ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", WORKS)
async def test_an_inline_turn_of_a_working_model_leaves_its_proposal(
    model: str, world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = FENCED
    document = await code(world)
    row = await ended(world, await rewrite(world, document, models[model]))
    assert (row["state"], row["error"]) == ("completed", "")
    await document.shows(NEW)
    assert document.text == BEFORE.replace(SELECTED, NEW)
    assert len(await proposals(world, document)) == 1


@pytest.mark.parametrize("model", list(AT_ONCE))
async def test_an_inline_turn_that_fails_at_once_leaves_the_text_alone(
    model: str, world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    document = await code(world)
    failed_with(await ended(world, await rewrite(world, document, models[model])), AT_ONCE[model])
    assert document.text == BEFORE
    assert await proposals(world, document) == []
    provider.reply = FENCED
    assert (await ended(world, await rewrite(world, document, models[provider_server.OK])))["state"] == "completed"
    await document.shows(NEW)


@pytest.mark.parametrize("model", list(MIDWAY))
async def test_an_inline_turn_cut_in_the_middle_leaves_what_it_wrote_as_a_proposal(
    model: str, world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = FENCED
    document = await code(world)
    written = FENCED[len("```python\n") : len(FENCED) // 2]
    failed_with(await ended(world, await rewrite(world, document, models[model])), MIDWAY[model])
    assert written.splitlines()[0] in document.text
    assert "def two(b):\n    return b\n" in document.text, "what was not selected is as it was"
    (open_one,) = await proposals(world, document)
    assert open_one["writing"] is False
    assert open_one["hunks"], "what was written can be taken back"
    before = len(world.tab.events)
    await world.other.call("proposal.reject", proposal=open_one["id"], hunks="all")
    await world.tab.event("proposal", lambda e: e["proposal"]["state"] == "closed", before)
    await world.tab.until(lambda: document.text == BEFORE, "the text from before", 5)
    assert (await ended(world, await rewrite(world, document, models[provider_server.OK])))["state"] == "completed"
    await document.shows(NEW)


async def test_an_inline_turn_that_hangs_can_be_interrupted_and_what_it_wrote_stays(
    world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = FENCED
    provider.left.clear()
    document = await code(world)
    turn = await rewrite(world, document, models[provider_server.HANG])
    await document.shows("def one(a: int) -> int:\n")
    await document.edit(0, 0, "# typed while it hangs\n")
    assert await world.other.call("turn.interrupt", turn=turn) == {"state": "interrupted"}
    assert (await ended(world, turn))["state"] == "interrupted"
    await asyncio.wait_for(provider.left.wait(), 5)
    assert document.text.startswith("# typed while it hangs\n# above 😀\ndef one(a: int) -> int:\n")
    assert document.text.endswith("def two(b):\n    return b\n")
    assert len(await proposals(world, document)) == 1


async def test_a_model_that_is_not_connected_is_refused_before_anything_begins(world: World) -> None:
    session = (await world.tab.call("session.create"))["session"]["id"]
    with pytest.raises(Refusal, match="not connected") as caught:
        await world.tab.call("turn.start", session=session, text="Hello", mentions=[], endpoint=987654)
    assert "Choose another model" in caught.value.words
    assert (await world.other.call("session.open", session=session))["snapshot"]["turns"] == []


# --- files a model cannot have ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "why"), [("odd.bin", "binary"), ("missing.py", "not there"), ("../x", "inside")])
async def test_a_file_that_is_no_text_is_left_out_of_the_question_and_noted(
    path: str, why: str, world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = PROSE
    (world.root / "odd.bin").write_bytes(b"\0\1")
    session = (await world.tab.call("session.create"))["session"]["id"]
    mention = {"kind": "file", "path": path}
    ask = {"session": session, "text": "And this?", "mentions": [mention], "endpoint": models[provider_server.OK]}
    turn = (await world.tab.call("turn.start", **ask))["turn"]
    assert (await ended(world, turn))["state"] == "completed"
    (note,) = await said(world, session, "note")
    assert path in note
    assert why in note
    assert await said(world, session, "model") == [PROSE]


async def test_a_read_only_file_is_not_rewritten(
    world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = FENCED
    path = f"{world.name()}.py"
    (world.root / path).write_text(BEFORE)
    (world.root / path).chmod(0o444)
    document = await world.tab.open(path)
    try:
        turn = await rewrite(world, document, models[provider_server.OK])
    except Refusal as refusal:
        words = refusal.words
    else:
        row = await ended(world, turn)
        assert row["state"] == "failed"
        words = row["error"]
    assert "read-only" in words
    assert document.text == BEFORE
    assert (world.root / path).read_text() == BEFORE


async def test_a_job_does_the_files_it_can_read_and_says_what_is_with_the_others(
    world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = FENCED
    good, odd = f"{world.name()}.py", f"{world.name()}.py"
    (world.root / good).write_text(SELECTED)
    (world.root / odd).write_bytes("caf\u00e9".encode("latin-1"))
    order = {"kind": "map", "instruction": "Type it.", "paths": [odd, good], "endpoint": models[provider_server.OK]}
    job = await world.ada.post(f"/workspaces/{world.home}/jobs", order)
    await world.tab.event("job", lambda e: e["job"]["id"] == job["id"] and e["job"]["state"] == "review", seconds=30)
    detail = await world.ada.get(f"/jobs/{job['id']}")
    errors = {step["name"]: step["error"] for step in detail["steps"]}
    assert errors[good] == ""
    assert "not valid UTF-8" in errors[odd]
    assert (detail["done"], detail["failed"], detail["files"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("model", "parts"), [(provider_server.KEY, AUTH), (provider_server.CUT, MIDWAY[provider_server.CUT])]
)
async def test_a_job_of_a_broken_model_fails_with_the_sentence_and_can_be_retried(
    model: str, parts: tuple[str, ...], world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = FENCED
    path = f"{world.name()}.py"
    (world.root / path).write_text(SELECTED)
    order = {"kind": "map", "instruction": "Type it.", "paths": [path], "endpoint": models[model]}
    job = await world.ada.post(f"/workspaces/{world.home}/jobs", order)
    await world.tab.event("job", lambda e: e["job"]["id"] == job["id"] and e["job"]["state"] == "failed", seconds=30)
    detail = await world.ada.get(f"/jobs/{job['id']}")
    for part in parts:
        assert part in detail["error"]
    assert (world.root / path).read_text() == SELECTED
    assert (await world.ada.post(f"/jobs/{job['id']}/retry"))["state"] in ("queued", "planning", "running", "failed")


async def test_a_document_that_cannot_be_written_keeps_only_its_own_jobs_back(
    world: World, provider: ProviderServer, models: dict[str, int]
) -> None:
    provider.reply = FENCED
    stuck, good = await code(world), f"{world.name()}.py"
    (world.root / good).write_text(SELECTED)
    before = len(world.tab.events)
    (world.root / stuck.path).chmod(0o444)
    await stuck.append("# typed\n")
    await world.tab.event("document.notice", lambda e: "could not be written" in e["text"], before)
    order = {"kind": "map", "instruction": "Type it.", "paths": [good], "endpoint": models[provider_server.OK]}
    job = await world.ben.post(f"/workspaces/{world.home}/jobs", order)
    await world.tab.event("job", lambda e: e["job"]["id"] == job["id"] and e["job"]["state"] == "review", seconds=30)
    seen = await world.ben.get(f"/jobs/{job['id']}/review")
    assert (await world.ben.post(f"/jobs/{job['id']}/merge", {"head": seen["head"]}))["state"] == "merged"
    assert (world.root / good).read_text() == NEW
    with pytest.raises(Refusal) as caught:
        await world.ben.post(f"/workspaces/{world.home}/jobs", {**order, "paths": [good, stuck.path]})
    assert f"“{stuck.path}” is not on disk" in caught.value.words
    assert "read-only" in caught.value.words
    (world.root / stuck.path).chmod(0o644)
