"""The log on the real database: group commit, order, fencing, load, snapshots."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pycrdt import Doc, Text

from ide.db import in_db
from ide.documents.author import ModelClient
from ide.documents.models import Document, DocumentUpdate, Snapshot
from ide.documents.replica import Replica
from ide.documents.store import Fenced, Store, compact
from ide.documents.text import Edit


def typed(count: int) -> list[bytes]:
    """Updates that type `count` emoji, one by one."""
    replica, client, out = Replica(), ModelClient(5), []
    for n in range(count):
        update = client.write(replica, [Edit(n, n, "😀")])
        replica.apply([update])
        out.append(update)
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
    assert await in_db(compact, document.pk)
    loaded = await store.load(document.pk)
    assert (len(loaded.updates), loaded.tail, loaded.seq) == (1, 0, 200)
    assert Replica(loaded.updates).text() == "😀" * 200
    assert not await in_db(compact, document.pk)


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
