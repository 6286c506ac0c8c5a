"""The log on the real database: group commit, order, fencing, load, snapshots."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pycrdt import Doc, Text

from ide.db import in_db
from ide.documents.log.compact import DONE, NOTHING, compact
from ide.documents.log.store import Fenced, Store
from ide.documents.models import ClientId, Document, DocumentUpdate, Quarantined, Snapshot
from ide.documents.yjs.replica import Replica


def typed(count: int) -> list[bytes]:
    """Updates that type `count` emoji, one by one."""
    doc: Doc[Text] = Doc(client_id=5)
    root, out = doc.get("text", type=Text), []
    watch = doc.observe(lambda event: out.append(event.update))
    for _ in range(count):
        root += "😀"
    doc.unobserve(watch)
    return out


async def test_an_update_is_in_the_database_when_its_future_is_done(document: Document, store: Store) -> None:
    update = typed(1)[0]
    assert await store.append(document.pk, update, "person:1") == 1
    rows = await in_db(lambda: list(DocumentUpdate.objects.values_list("seq", "data", "origin")))
    assert [(seq, bytes(data), origin) for seq, data, origin in rows] == [(1, update, "person:1")]
    assert (await in_db(Document.objects.get)).seq == 1


async def test_no_future_is_done_before_the_commit(document: Document) -> None:
    held, go = threading.Event(), threading.Event()

    def hold(size: int) -> None:
        held.set()
        assert go.wait(10)

    store = Store(before_commit=hold)
    try:
        futures = [store.append(document.pk, update, "person:1") for update in typed(3)]
        with ThreadPoolExecutor(1) as pool:
            await asyncio.get_running_loop().run_in_executor(pool, held.wait)
        assert not any(future.done() for future in futures)
        go.set()
        assert await asyncio.gather(*futures) == [1, 2, 3]
    finally:
        go.set()
        store.close()


async def test_what_arrives_together_is_committed_together(document: Document) -> None:
    sizes: list[int] = []
    store = Store(before_commit=sizes.append, group_seconds=0.05)
    await asyncio.gather(*(store.append(document.pk, update, "person:1") for update in typed(40)))
    store.close()
    assert sizes == [40]


async def test_load_gives_everything_appended_before_in_order(document: Document, store: Store) -> None:
    updates = typed(10)
    for update in updates:
        store.append(document.pk, update, "person:1")
    loaded = await store.load(document.pk)
    assert (loaded.updates, loaded.seq, loaded.tail) == (updates, 10, 10)
    assert Replica(loaded.updates).text() == "😀" * 10
    assert (await store.load(document.pk, upto=4)).updates == updates[:4]


async def test_a_second_writer_is_fenced_and_writes_nothing(document: Document, store: Store) -> None:
    first, second, third = typed(3)
    other = Store()
    try:
        await other.append(document.pk, first, "person:1")
        await store.append(document.pk, second, "person:1")
        with pytest.raises(Fenced):
            await other.append(document.pk, third, "person:1")
        assert await in_db(DocumentUpdate.objects.count) == 2
    finally:
        other.close()


async def test_trouble_with_one_document_does_not_touch_another(document: Document, store: Store) -> None:
    good = store.append(document.pk, typed(1)[0], "person:1")
    bad = store.append("gone", typed(1)[0], "person:1")
    assert await good == 1
    with pytest.raises(LookupError):
        await bad


async def test_a_snapshot_reads_as_the_rows_did(document: Document, store: Store) -> None:
    updates = typed(200)
    for update in updates:
        store.append(document.pk, update, "person:1")
    await store.drain()
    assert await in_db(compact, document.pk) == DONE
    loaded = await store.load(document.pk)
    assert (len(loaded.updates), loaded.tail, loaded.seq) == (1, 0, 200)
    assert Replica(loaded.updates).text() == "😀" * 200
    assert await in_db(compact, document.pk) == NOTHING


async def test_a_damaged_snapshot_falls_back_to_the_one_before(document: Document, store: Store) -> None:
    for update in typed(30):
        await store.append(document.pk, update, "person:1")
        if await in_db(lambda: Document.objects.get().seq) in (10, 20):
            await in_db(compact, document.pk)
    await in_db(lambda: Snapshot.objects.filter(seq=20).update(data=b"rotten"))
    loaded = await store.load(document.pk)
    assert Replica(loaded.updates).text() == "😀" * 30


async def test_a_snapshot_keeps_an_update_whose_predecessor_is_missing(document: Document, store: Store) -> None:
    first, second, third = typed(3)
    await store.append(document.pk, first, "person:1")
    await store.append(document.pk, third, "person:1")
    await in_db(compact, document.pk)
    await store.append(document.pk, second, "person:1")
    doc: Doc[Text] = Doc()
    for update in (await store.load(document.pk)).updates:
        doc.apply_update(update)
    assert str(doc.get("text", type=Text)) == "😀😀😀"


async def test_a_client_id_is_committed_with_its_update_and_stays_its_first_owners(
    document: Document, store: Store
) -> None:
    first, second = typed(2)
    await store.append(document.pk, first, "person:1", [(5, "person:1", ""), (6, "", "person:1")])
    await store.append(document.pk, second, "person:2", [(5, "person:2", "")])
    await store.claim(document.pk, 7, "person:3")
    loaded = await store.load(document.pk)
    assert (loaded.clients, loaded.seq) == ({5: "person:1", 6: "", 7: "person:3"}, 2)
    assert (await in_db(ClientId.objects.get, client=6)).relayed_by == "person:1"


async def test_a_claim_is_lost_with_the_update_it_came_with(document: Document, store: Store) -> None:
    other = Store()
    first, second = typed(2)
    try:
        await other.load(document.pk)
        await store.append(document.pk, first, "person:1")
        with pytest.raises(Fenced):
            await other.append(document.pk, second, "person:2", [(5, "person:2", "")])
        assert (await store.load(document.pk)).clients == {}
    finally:
        other.close()


async def test_ids_of_older_epochs_are_known_apart(document: Document, store: Store) -> None:
    await store.append(document.pk, typed(1)[0], "person:1", [(5, "person:1", ""), (6, "person:1", "")])
    store.forget(document.pk)
    await in_db(Document.objects.update, epoch=2, seq=0)
    await store.claim(document.pk, 6, "person:1")
    loaded = await store.load(document.pk)
    assert (loaded.epoch, loaded.clients, loaded.old_clients) == (2, {6: "person:1"}, frozenset({5}))


async def test_the_quarantine_keeps_the_newest_hundred_of_a_document(document: Document, store: Store) -> None:
    for n in range(103):
        store.quarantine(document.pk, "person:1", f"reason {n} {'long ' * 100}", b"%d" % n, seq=n or None)
    store.quarantine("gone", "person:1", "nobody's", b"x")
    await store.drain()
    kept = await in_db(lambda: list(Quarantined.objects.order_by("id").values_list("data", "seq", "epoch")))
    assert [(bytes(data), seq, epoch) for data, seq, epoch in kept] == [(b"%d" % n, n, 1) for n in range(3, 103)]


async def test_each_row_comes_under_its_sequence_number_and_a_snapshot_under_the_one_it_reaches(
    document: Document, store: Store
) -> None:
    updates = typed(4)
    for update in updates[:2]:
        await store.append(document.pk, update, "person:1")
    await in_db(compact, document.pk)
    for update in updates[2:]:
        await store.append(document.pk, update, "person:1")
    loaded = await store.load(document.pk)
    assert [seq for seq, _ in loaded.rows] == [2, 3, 4]
    assert loaded.updates[1:] == updates[2:]
