"""An old version comes back as an edit of the person who asks, for everybody who has the document open."""

from __future__ import annotations

from ide.db import in_db
from ide.documents.history import authorship
from ide.documents.history import timeline as history
from ide.live.host import close_all, host_of
from tests.live.conftest import TEXT, World
from tests.live.tab import Tab


async def test_a_restored_version_is_a_forward_edit_that_everybody_gets(world: World) -> None:
    one, two = Tab(world.workspace.pk, world.owner), Tab(world.workspace.pk, world.editor)
    id = world.document.pk
    for tab in (one, two):
        await tab.opened(id)
    one.type(id, 0, "# by the owner 😀\n")
    await two.until(lambda: two.text(id).startswith("# by"))
    host = await host_of(world.workspace.pk)
    room = await host.open_room(id)
    await host.flush()
    seed, typed = 1, room.seq
    answer = await two.call("document.restore", {"document": id, "epoch": 1, "seq": seed})
    assert answer["result"] == {"changed": True}
    await one.until(lambda: one.text(id) == TEXT)
    again = await two.call("document.restore", {"document": id, "epoch": 1, "seq": seed})
    assert again["result"] == {"changed": False}
    back = await two.call("document.restore", {"document": id, "epoch": 1, "seq": typed})
    assert back["result"] == {"changed": True}
    await one.until(lambda: one.text(id) == "# by the owner 😀\n" + TEXT)
    await host.flush()
    rows, _ = await in_db(history.timeline, id, None, 10)
    newest = rows[0]["author"]
    assert (newest["origin"], newest["label"]) == (f"person:{world.editor.pk}", "editor")  # type: ignore[index]
    owner = f"person:{world.owner.pk}"
    assert await in_db(authorship.runs, id) == [(len("# by the owner 😀\n") + 1, owner), (len(TEXT) + 1, "seed")]
    assert world.file.read_text() == "# by the owner 😀\n" + TEXT
    for tab in (one, two):
        await tab.leave()
    await close_all()


async def test_what_is_not_kept_or_not_said_is_refused(world: World) -> None:
    tab = Tab(world.workspace.pk, world.editor)
    id = world.document.pk
    await tab.opened(id)
    wanted = {"document": id, "epoch": 1, "seq": 99}
    assert (await tab.call("document.restore", wanted))["error"]["data"]["code"] == "not_found"
    assert (await tab.call("document.restore", {"document": id}))["error"]["data"]["code"] == "invalid"
    other = {"document": id, "epoch": 1, "seq": 1, "version": 4}
    assert (await tab.call("document.restore", other))["error"]["data"]["code"] == "not_found"
    await tab.leave()
    await close_all()
