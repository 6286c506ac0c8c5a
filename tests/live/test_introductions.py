"""Who has a document open hears whose a new client id is, and which text was moved."""

from __future__ import annotations

from typing import Any

from pycrdt import Text

from ide.db import in_db
from ide.documents import protocol
from ide.documents.history import timeline as history
from ide.live.host import close_all
from tests.live.conftest import TEXT, World
from tests.live.tab import Tab


def told(tab: Tab) -> list[dict[str, Any]]:
    return [event for event in tab.events if event["type"] == "document.authors"]


async def test_a_new_client_id_is_introduced_with_its_author(world: World) -> None:
    one, two = Tab(world.workspace.pk, world.owner), Tab(world.workspace.pk, world.editor)
    id = world.document.pk
    for tab in (one, two):
        await tab.opened(id)
    one.type(id, 0, "x 😀")
    client, origin = one.docs[id].client_id, f"person:{world.owner.pk}"
    event = await two.until(lambda: next((e for e in told(two) if [client, origin] in e["clients"]), None))
    assert event["document"] == id
    assert event["authors"][origin]["label"] == "owner"
    for tab in (one, two):
        await tab.leave()
    await close_all()


async def test_text_that_was_moved_is_told_while_somebody_looks(world: World) -> None:
    one, two = Tab(world.workspace.pk, world.owner), Tab(world.workspace.pk, world.editor)
    id = world.document.pk
    for tab in (one, two):
        await tab.opened(id)
    line = "a line that the owner wrote 😀\n"
    one.type(id, 0, line)
    await two.until(lambda: two.text(id) == line + TEXT)
    await in_db(history.authors, id)  # the editor looks at authors
    doc = two.docs[id]
    before = doc.get_state()
    text = doc.get("text", type=Text)
    with doc.transaction():
        del text[0 : len(line.encode())]
        text += line
    two.raw(protocol.update(id, doc.get_update(before)))
    origin = f"person:{world.owner.pk}"
    event = await one.until(lambda: next((e for e in told(one) if e["ranges"]), None))
    found = [(client, length, who) for client, _, length, who in event["ranges"]]
    assert found == [(doc.client_id, len(line) + 1, origin)]
    for tab in (one, two):
        await tab.leave()
    await close_all()
