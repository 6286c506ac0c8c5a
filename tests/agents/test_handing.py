"""A turn hands a task over by tool and goes on talking; the session hears how the job ends, and what it asks."""

from __future__ import annotations

from agents.jobs import work
from agents.jobs.rows import life as jobs
from agents.models import Job
from ide.accounts.models import Membership
from ide.db import in_db
from tests.agents.conftest import Follower, Site

HANDS = {
    "text": "I hand it over. ",
    "calls": [{"name": "delegate", "arguments": {"instruction": "Document all of it"}}],
}


async def test_a_turn_hands_over_and_goes_on(site: Site, ada: Follower) -> None:
    ask = {"calls": [{"name": "ask_person", "arguments": {"question": "Which style?"}}], "when": "Document all"}
    asked = {"text": "I wait.", "when": "you have your question", "repeat": True}
    await in_db(site.script, ask, asked, HANDS, {"text": "It is under way; meanwhile ask me anything."})
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="Document it in the background"))["turn"]
    assert (await ada.ended(turn))["state"] == "completed"
    (tool,) = ada.items("tool")
    job_id = tool["data"]["result"]["job"]
    assert ada.items("model")[-1]["data"]["text"].startswith("It is under way")
    job = await in_db(jobs.get, job_id)
    assert (job.state, job.instruction, job.session_id, job.owner_id) == (
        *("queued", "Document all of it"),
        *(session, site.ada.pk),
    )
    await work.execute(job_id)
    assert (await in_db(jobs.get, job_id)).state == "waiting"
    note = await ada.event("item.completed", lambda e: e["item"]["kind"] == "note" and e["item"]["id"] == job_id)
    assert "asks: Which style?" in note["item"]["data"]["text"]


async def test_who_may_not_delegate_is_told_so_by_the_tool(site: Site, ada: Follower) -> None:
    await in_db(site.script, HANDS, {"text": "It was refused."})
    session = await ada.session()
    await in_db(lambda: Membership.objects.filter(user=site.ada).update(role="commenter"))
    turn = (await ada.ask("turn.start", session=session, text="Do it in the background"))["turn"]
    await ada.ended(turn)
    (tool,) = ada.items("tool")
    assert tool["data"]["ok"] is False
    assert await in_db(Job.objects.count) == 0


async def test_what_cannot_be_taken_back_is_asked_about_at_each_use(site: Site, ada: Follower) -> None:
    """Rights may go while a turn works: before the host has looked, a tool that makes a file is refused already."""
    makes = {"patch": "*** Begin Patch\n*** Add File: new.py\n+x = 1\n*** End Patch"}
    first = {"text": "I make a file.", "calls": [{"name": "apply_patch", "arguments": makes}]}
    await in_db(site.script, first, {"text": "It was refused."})
    session = await ada.session()
    await in_db(lambda: Membership.objects.filter(user=site.ada).update(role="commenter"))
    turn = (await ada.ask("turn.start", session=session, text="Make new.py"))["turn"]
    await ada.ended(turn)
    (tool,) = ada.items("tool")
    assert tool["data"]["ok"] is False
    assert "may not do this here any more (edit)" in str(tool["data"])
    assert not (site.folder / "new.py").exists()
