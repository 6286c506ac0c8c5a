"""What waits to be said: sent in order when a turn has ended, held with the reason, changed by anybody who may."""

from __future__ import annotations

from typing import Any

from agents.models import QueueEntry, Turn
from ide.accounts.models import Membership
from ide.db import in_db
from tests.agents.conftest import Follower, Site


async def begun(site: Site, ada: Follower, *steps: dict[str, Any], rate: float = 30) -> tuple[str, str]:
    """A session and the turn that runs in it."""
    await in_db(site.script, {"when": "begin", "text": "One moment, please."}, *steps, tools=False, rate=rate)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="begin", mentions=[]))["turn"]
    await ada.event("item.delta")
    return session, turn


async def waiting(site: Site, ada: Follower, *steps: dict[str, Any]) -> tuple[str, str]:
    """A session with a turn that says half a word and waits for ever."""
    step = {"when": "begin", "text": "I wait here", "pause_after": 6}
    await in_db(site.script, step, *steps, tools=False)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="begin", mentions=[]))["turn"]
    await ada.event("item.delta")
    return session, turn


def queue(tab: Follower) -> list[dict[str, Any]]:
    return tab.of_type("queue.changed")[-1]["queue"]


def said(tab: Follower) -> list[str]:
    return [item["data"]["text"] for item in tab.items("person")]


async def add(tab: Follower, session: str, *texts: str) -> list[str]:
    return [(await tab.ask("queue.add", session=session, text=text))["entry"] for text in texts]


async def completed(tab: Follower, number: int) -> None:
    await tab.until(lambda: len([e for e in tab.of_type("turn.ended") if e["turn"]["state"] == "completed"]) >= number)


async def test_what_waits_is_sent_in_order_when_a_turn_has_ended_well(site: Site, ada: Follower) -> None:
    bob = Follower(site.workspace.pk, site.bob)
    steps = ({"when": "second", "text": "Two."}, {"when": "third", "text": "Three."})
    session, _ = await begun(site, ada, *steps)
    await add(ada, session, "second")
    await add(bob, session, "third")
    assert [(e["text"], e["by"]["name"]) for e in queue(ada)] == [("second", "ada"), ("third", "bob")]
    await completed(ada, 3)
    assert said(ada) == ["begin", "second", "third"]
    assert [i["data"]["text"] for i in ada.items("model")] == ["One moment, please.", "Two.", "Three."]
    assert [e["turn"]["owner"]["name"] for e in ada.of_type("turn.ended")] == ["ada", "ada", "bob"]
    assert queue(ada) == []
    await bob.leave()


async def test_with_nothing_running_it_is_sent_at_once(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "Yes."}, tools=False)
    session = await ada.session()
    await add(ada, session, "now")
    await completed(ada, 1)
    assert queue(ada) == []


async def test_entries_are_edited_moved_and_removed_by_anybody_and_say_who_did(site: Site, ada: Follower) -> None:
    bob = Follower(site.workspace.pk, site.bob)
    session, turn = await waiting(site, ada)
    one, two, three = await add(ada, session, "one", "two", "three")
    await bob.ask("queue.move", entry=three, before=one)
    await bob.ask("queue.edit", entry=two, text="two, but better")
    await ada.ask("queue.remove", entry=one)
    assert [e["text"] for e in queue(ada)] == ["three", "two, but better"]
    assert [(e["changed"]["by"]["name"], e["changed"]["how"]) for e in queue(ada)] == [
        ("bob", "moved"),
        ("bob", "edited"),
    ]
    assert (await ada.refused("queue.edit", entry=one, text="x"))["code"] == "not_found"
    assert (await ada.refused("queue.add", session=session, text=" "))["code"] == "invalid"
    shot = (await ada.ask("session.open", session=session))["snapshot"]
    assert shot["queue"] == queue(ada)
    await ada.ask("turn.interrupt", turn=turn)
    await bob.leave()


async def test_after_an_interrupt_it_stands_still_until_somebody_lets_it_go_on(site: Site, ada: Follower) -> None:
    session, turn = await waiting(site, ada, {"when": "next", "text": "Next."}, {"when": "last", "text": "Last."})
    await add(ada, session, "next", "last")
    await ada.ask("turn.interrupt", turn=turn)
    assert [e["held"] for e in queue(ada)] == ["The turn before was interrupted.", ""]
    await ada.ask("queue.resume", session=session)
    await completed(ada, 2)
    assert said(ada) == ["begin", "next", "last"]


async def test_after_a_failure_it_stands_still(site: Site, ada: Follower) -> None:
    step = {"when": "begin", "text": "Half of it", "error": "broken", "after": 4}
    await in_db(site.script, step, tools=False, rate=20)
    session = await ada.session()
    turn = (await ada.ask("turn.start", session=session, text="begin", mentions=[]))["turn"]
    await add(ada, session, "next")
    assert (await ada.ended(turn))["state"] == "failed"
    held = await ada.event("queue.changed", lambda e: e["queue"] and e["queue"][0]["held"])
    assert held["queue"][0]["held"] == "The turn before failed."


async def test_the_head_that_held_it_is_removed_and_it_still_stands(site: Site, ada: Follower) -> None:
    session, turn = await waiting(site, ada)
    one, _ = await add(ada, session, "one", "two")
    await ada.ask("turn.interrupt", turn=turn)
    await ada.ask("queue.remove", entry=one)
    assert [(e["text"], e["held"]) for e in queue(ada)] == [("two", "The queue was stopped.")]


async def test_an_author_who_may_not_any_more_holds_it_and_the_reason_is_shown(site: Site, ada: Follower) -> None:
    bob = Follower(site.workspace.pk, site.bob)
    session, _ = await begun(site, ada, {"when": "mine", "text": "No."}, rate=15)
    await add(bob, session, "mine")
    await add(ada, session, "after")
    await in_db(Membership.objects.filter(user=site.bob).update, role="viewer")
    held = await ada.event("queue.changed", lambda e: e["queue"] and e["queue"][0]["held"])
    assert [(e["text"], e["held"][:3]) for e in held["queue"]] == [("mine", "bob"), ("after", "")]
    await bob.leave()


async def test_it_survives_the_host_and_says_so(site: Site, ada: Follower) -> None:
    session, turn = await waiting(site, ada)
    await add(ada, session, "one", "two")
    await (await site.host()).close()
    tab = Follower(site.workspace.pk, site.bob)
    shot = (await tab.ask("session.open", session=session))["snapshot"]
    assert [e["text"] for e in shot["queue"]] == ["one", "two"]
    assert shot["queue"][0]["held"]
    assert [(t["id"], t["state"]) for t in shot["turns"]] == [(turn, "failed")]
    assert "restarted" in shot["turns"][0]["error"]
    await tab.leave()


async def test_a_host_that_died_leaves_it_standing(site: Site, ada: Follower) -> None:
    session = await ada.session()
    row = await in_db(Turn.objects.create, session_id=session, owner=site.ada)
    await in_db(QueueEntry.objects.create, session_id=session, position=0, author=site.ada, data={"text": "later"})
    await (await site.host()).close()
    tab = Follower(site.workspace.pk, site.bob)
    shot = (await tab.ask("session.open", session=session))["snapshot"]
    assert [(t["id"], t["state"]) for t in shot["turns"]] == [(row.pk, "failed")]
    assert [e["held"] for e in shot["queue"]] == ["Tandem was restarted."]
    await tab.leave()


async def test_an_entry_is_sent_now_as_a_steer_in_its_authors_name(site: Site, ada: Follower) -> None:
    bob = Follower(site.workspace.pk, site.bob)
    session, turn = await begun(site, ada, {"when": "shorter", "text": "Short."}, rate=15)
    (entry,) = await add(bob, session, "shorter please")
    await ada.ask("queue.send", entry=entry, turn=turn, **{"as": "steer"})
    await ada.ended(turn)
    steer = ada.items("person")[-1]
    assert (steer["author"]["name"], steer["data"]["steer"], steer["data"]["taken"]) == ("bob", True, True)
    assert queue(ada) == []
    await bob.leave()


async def test_an_entry_is_sent_now_as_a_redirect_and_the_rest_goes_on_after_it(site: Site, ada: Follower) -> None:
    session, turn = await waiting(site, ada, {"when": "other", "text": "Other."}, {"when": "rest", "text": "Rest."})
    _, other = await add(ada, session, "rest", "other way")
    await ada.ask("queue.send", entry=other, turn=turn, **{"as": "redirect"})
    await completed(ada, 2)
    assert said(ada) == ["begin", "other way", "rest"]
    redirected = next(i for i in ada.items("person") if i["data"]["text"] == "other way")
    assert redirected["data"]["redirects"] == turn
    note = ada.items("note")[0]["data"]
    assert (note["text"], note["redirected_by"]["name"]) == ("Redirected by ada.", "ada")


async def test_a_turn_that_ended_meanwhile_is_not_steered_by_an_entry(site: Site, ada: Follower) -> None:
    session, turn = await waiting(site, ada)
    (entry,) = await add(ada, session, "for that turn")
    await ada.ask("turn.interrupt", turn=turn)
    for how in ("steer", "redirect"):
        refusal = await ada.refused("queue.send", entry=entry, turn=turn, **{"as": how})
        assert refusal["code"] == "conflict"
    assert [e["text"] for e in queue(ada)] == ["for that turn"]
    await ada.ask("queue.send", entry=entry, **{"as": "start"})
    assert queue(ada) == []
