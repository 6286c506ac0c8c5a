"""A model writes on when a document is rebuilt under it; what it writes in a frame is one edit."""

from __future__ import annotations

from ide.db import in_db
from ide.documents import protocol
from ide.documents.models import DocumentUpdate
from tests.agents.conftest import CODE, Follower, Site
from tests.agents.test_turns import inline, text_of

POISON = bytes.fromhex("0102cddb70000401047465787401610400cddb7000016200")  # text inside of a letter


async def test_a_turn_goes_on_after_somebody_broke_the_replica_it_writes_into(site: Site, ada: Follower) -> None:
    body = "".join(f"    a += {n}  # 😀\n" for n in range(150))
    new = f"def one(a):\n{body}    return a\n"
    await in_db(site.script, {"text": f"```python\n{new}```\n"}, tools=False, rate=600)
    await ada.opened(site.document.pk)
    bob = Follower(site.workspace.pk, site.bob)
    await bob.opened(site.document.pk)
    turn = await inline(site, ada)
    await ada.until(lambda: "a += 5 " in ada.text(site.document.pk))
    bob.raw(protocol.update(site.document.pk, POISON))
    assert (await bob.until(lambda: bob.closed))[0] == 4008
    assert "a += 149 " not in ada.text(site.document.pk), "the model is still writing"
    assert (await ada.ended(turn))["state"] == "completed"
    assert await text_of(site) == CODE.replace("def one(a):\n    return a\n", new)
    assert ada.text(site.document.pk) == await text_of(site)


async def test_many_lines_that_arrive_together_are_one_edit(site: Site, ada: Follower) -> None:
    body = "".join(f"    a += {n}\n" for n in range(60))
    new = f"def one(a):\n{body}    return a\n"
    await in_db(site.script, {"text": f"```python\n{new}```\n"}, tools=False)
    turn = await inline(site, ada)
    assert (await ada.ended(turn))["state"] == "completed"
    assert await text_of(site) == CODE.replace("def one(a):\n    return a\n", new)
    host = await site.host()
    await host.store.drain()
    written = await in_db(DocumentUpdate.objects.filter(origin=f"turn:{turn}").count)
    assert 0 < written <= 20
