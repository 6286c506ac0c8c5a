"""A model that drives no tools edits with blocks in its text: they stream into documents, the rest is told as prose."""

from __future__ import annotations

from ide.db import in_db
from tests.agents.conftest import CODE, Follower, Site

BLOCK = (
    "a.py\n<<<<<<< SEARCH\ndef one(a):\n    return a\n=======\ndef one(a):\n    b = a\n    return b\n>>>>>>> REPLACE\n"
)


async def test_blocks_stream_into_the_document_and_prose_stays_prose(site: Site, ada: Follower) -> None:
    reply = f"I name it first.\n\n{BLOCK}\nDone.\n"
    await in_db(site.script, {"text": reply, "pause_after": reply.index("    return b\n>>")}, tools=False)
    await ada.opened(site.document.pk)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Name it.", mentions=[]))["turn"]
    await ada.until(lambda: "    b = a\n" in ada.text(site.document.pk))
    assert "return a\n" in ada.text(site.document.pk), "the block still streams"
    await ada.ask("turn.interrupt", turn=turn)
    assert (await ada.ended(turn))["state"] == "interrupted"


async def test_a_block_that_does_not_fit_is_told_and_written_again(site: Site, ada: Follower) -> None:
    wrong = BLOCK.replace("return a\n=", "return x\n=")
    await in_db(site.script, {"text": f"So:\n{wrong}"}, {"text": f"Again:\n{BLOCK}That is it.\n"}, tools=False)
    await ada.opened(site.document.pk)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Name it.", mentions=[]))["turn"]
    assert (await ada.ended(turn))["state"] == "completed"
    assert ada.text(site.document.pk) == CODE.replace("    return a\n", "    b = a\n    return b\n", 1)
    told = "".join(item["data"]["text"] for item in ada.items("model"))
    assert told == "So:\nAgain:\nThat is it.\n"
    assert [item["data"]["ok"] for item in ada.items("tool")] == [False, True]
    assert "not in the file" in ada.items("tool")[0]["data"]["output"]
    assert "5\t    b = a" in ada.items("tool")[1]["data"]["output"]


async def test_a_small_model_talks_in_code_blocks_only(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": f"So:\n{BLOCK}"}, tools=False, builtin=True)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Name it.", mentions=[]))["turn"]
    await ada.ended(turn)
    assert "SEARCH" in ada.items("model")[0]["data"]["text"]
