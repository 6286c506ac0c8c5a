"""Compaction on the real database and in its real process: what it may never change, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import merge_updates

from ide.db import in_db
from ide.documents.log import compact as compaction
from ide.documents.log.compact import DIFFERS, DONE, LOST, NOTHING, Facts, compact, rebuilt
from ide.documents.log.compactor import CompactionFailed, Compactor
from ide.documents.log.store import Store
from ide.documents.models import Document, DocumentUpdate, Snapshot
from ide.documents.yjs.replica import Replica, merge_all
from ide.workspaces.models import Workspace

from .logs import ACTS, Act, rows_of, text_of, updates_of

SOME = [Act(n % 3, n % 2 == 0, n * 37 % 1000, n % 3, "😀 word\n") for n in range(70)]


@pytest.fixture
def compactor() -> Iterator[Compactor]:
    one = Compactor()
    yield one
    one.close()


async def fill(store: Store, document: Document, updates: list[bytes]) -> None:
    for update in updates:
        store.append(document.pk, update, "person:1")
    await store.drain()


def faulty(point: str, act: str = "kill") -> Compactor:
    """One whose process meets its fault at `point`."""
    return Compactor(["env", f"TANDEM_FAULT={point}:{act}", sys.executable, "-m", "ide.documents.log.compact"])


@given(ACTS)
@settings(max_examples=60, deadline=None)
def test_a_merge_reads_as_its_rows(acts: list[Act]) -> None:
    updates = updates_of(acts)
    assert rebuilt(1, [merge_all(updates)]) == rebuilt(1, updates)


@given(ACTS, st.sets(st.integers(0, 59)))
@settings(max_examples=60, deadline=None)
def test_a_merge_of_rows_with_gaps_lacks_none_of_them_and_heals(acts: list[Act], lost: set[int]) -> None:
    every = updates_of(acts)
    updates = [update for n, update in enumerate(every) if n not in lost] or every
    merged = merge_all(updates)
    assert merge_all([merged, *updates]) == merged
    assert text_of([merged, *every]) == text_of(every)


def test_a_history_with_a_gap_reads_as_in_yjs_and_heals() -> None:
    """The text Yjs 13.6 gives; applied one by one, pycrdt 0.14.13 gives another, and loses the x for good."""
    acts = [*[Act(0, False, 0, 0, "a")] * 9, Act(0, False, 359, 3, "😀"), Act(0, False, 4, 0, "x" * 40)]
    every = updates_of([*acts, Act(2, False, 5, 0, "y" * 40), Act(2, False, 50, 3, "z" * 40)])
    gapped = [update for n, update in enumerate(every) if n != 7]
    replica = Replica(gapped)
    others = "yy" + "z" * 40 + "y" * 35
    assert replica.text() == "aaaa" + others
    replica.apply([every[7]])
    assert replica.text() == "x" * 40 + "aaa😀aaa" + others


def test_a_merge_that_lacks_a_gapped_row_is_told_though_it_reads_the_same() -> None:
    first, _, third = updates_of([Act(0, True, 1000, 0, "a")] * 3)
    assert rebuilt(1, [first]) == rebuilt(1, [first, third])
    assert merge_all([first, third]) != first


async def test_a_process_of_its_own_compacts(document: Document, store: Store, compactor: Compactor) -> None:
    updates = updates_of(SOME)
    await fill(store, document, updates)
    live = rebuilt(len(updates), updates)
    assert await compactor.compact(document.pk, 0, live) == DONE
    assert await compactor.compact(document.pk, 0, live) == NOTHING
    loaded = await store.load(document.pk)
    assert (loaded.tail, [seq for seq, _ in loaded.rows]) == (0, [len(updates)])
    assert text_of(loaded.updates) == text_of(updates)
    assert len(await rows_of(document)) == len(updates)  # raw rows stay for the history


async def test_the_process_is_started_again_when_it_has_ended(
    document: Document, store: Store, compactor: Compactor
) -> None:
    await fill(store, document, updates_of(SOME))
    assert await compactor.compact(document.pk) == DONE
    assert compactor._child is not None
    compactor._child.kill()
    compactor._child.wait()
    assert await compactor.compact(document.pk) == NOTHING


async def test_a_document_that_is_gone_is_told_as_such(document: Document, compactor: Compactor) -> None:
    with pytest.raises(CompactionFailed, match="gone"):
        await compactor.compact("gone")


@pytest.mark.parametrize("point", ["compact.written", "compact.marked"])
async def test_a_crash_between_two_steps_leaves_a_history_that_reads_the_same(
    document: Document, store: Store, compactor: Compactor, point: str
) -> None:
    updates = updates_of(SOME)
    await fill(store, document, updates[:40])
    assert await compactor.compact(document.pk) == DONE
    await fill(store, document, updates[40:])
    broken = faulty(point)
    with pytest.raises(CompactionFailed):
        await broken.compact(document.pk)
    broken.close()
    counts = await in_db(lambda: list(Snapshot.objects.exclude(sha="").values_list("seq", flat=True)))
    assert counts == ([40] if point == "compact.written" else [40, len(updates)])
    assert text_of((await store.load(document.pk)).updates) == text_of(updates)
    assert await compactor.compact(document.pk) == (DONE if point == "compact.written" else NOTHING)
    assert text_of((await store.load(document.pk)).updates) == text_of(updates)
    assert not await in_db(Snapshot.objects.filter(sha="").exists)


async def test_a_paused_compaction_that_lost_the_lease_is_not_kept(
    document: Document, workspace: Workspace, store: Store
) -> None:
    """The fault lets it sleep between writing and marking; meanwhile another host takes the workspace."""
    await in_db(lambda: Workspace.objects.update(host_epoch=3))
    await fill(store, document, updates_of(SOME))
    config = await in_db(_database)
    child = subprocess.Popen(
        [sys.executable, "-m", "ide.documents.log.compact"],
        env={**os.environ, "TANDEM_FAULT": "compact.written:stop"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    child.stdin.write(f'{config}\n{{"document": "{document.pk}", "fence": 3, "live": null}}\n')
    child.stdin.flush()
    await in_db(os.waitpid, child.pid, os.WUNTRACED)
    await in_db(lambda: Workspace.objects.update(host_epoch=4))
    child.send_signal(signal.SIGCONT)
    answer, _ = await in_db(lambda: child.communicate(timeout=30))
    assert LOST in answer
    assert not await in_db(Snapshot.objects.exclude(sha="").exists)


def _database() -> str:
    return compaction.json.dumps(connection.settings_dict, default=str)


async def test_nobody_but_the_present_host_begins_a_compaction(document: Document, store: Store) -> None:
    await fill(store, document, updates_of(SOME))
    await in_db(lambda: Workspace.objects.update(host_epoch=4))
    assert await in_db(compact, document.pk, 3) == LOST
    assert await in_db(compact, document.pk, 4) == DONE


async def test_a_live_text_that_differs_from_the_log_keeps_a_snapshot_from_being_taken(
    document: Document, store: Store
) -> None:
    updates = updates_of(SOME)
    await fill(store, document, updates)
    assert await in_db(compact, document.pk, 0, Facts(len(updates), "0" * 64, "0" * 64)) == DIFFERS
    assert not await in_db(Snapshot.objects.exists)


async def test_rows_up_to_the_mark_are_ignored(document: Document, store: Store) -> None:
    updates = updates_of(SOME)
    await fill(store, document, updates)
    await in_db(compact, document.pk)
    await in_db(lambda: DocumentUpdate.objects.filter(seq__lte=30).update(data=b"rotten"))
    assert text_of((await store.load(document.pk)).updates) == text_of(updates)


@given(ACTS, st.lists(st.integers(1, 60), max_size=4), st.booleans())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whenever_it_is_compacted_and_whichever_snapshot_rots_the_text_stays(
    transactional_db: None, document: Document, acts: list[Act], when: list[int], rot: bool
) -> None:
    updates = updates_of(acts)
    row = Document.objects.create(workspace_id=document.workspace_id, path=f"{Document.objects.count()}")
    for seq, update in enumerate(updates, 1):
        DocumentUpdate.objects.create(
            document=row, epoch=1, seq=seq, data=update, origin="person:1", created_at=row.created_at
        )
        Document.objects.filter(pk=row.pk).update(seq=seq)
        if seq in when:
            assert compact(row.pk) == DONE
    newest = Snapshot.objects.filter(document=row).order_by("-seq").first()
    if rot and newest is not None:
        Snapshot.objects.filter(pk=newest.pk).update(data=b"rotten")
    assert text_of(Store()._load(row.pk, None).updates) == text_of(updates)


async def test_the_newest_two_snapshots_stay_and_one_of_each_day(document: Document, store: Store) -> None:
    for n, update in enumerate(updates_of([Act(0, True, 0, 0, "a")] * 6)):
        await store.append(document.pk, update, "person:1")
        assert await in_db(compact, document.pk) == DONE
        age = timedelta(days=3 if n < 3 else 1)
        newest = Snapshot.objects.filter(seq=n + 1)
        await in_db(lambda newest=newest, age=age: newest.update(created_at=newest.get().created_at - age))
    kept = await in_db(lambda: list(Snapshot.objects.order_by("seq").values_list("seq", flat=True)))
    assert kept == [3, 4, 5, 6]


def test_a_row_that_no_replica_takes_is_left_out_where_the_live_text_left_it_out(document: Document) -> None:
    good = updates_of(SOME)
    bad = bytes.fromhex("01014d02040101740361620a00"), bytes.fromhex("01004d00000101740361620a00")
    rows = [*good, bad[0], bad[1]]
    for seq, update in enumerate(rows, 1):
        DocumentUpdate.objects.create(
            document=document, epoch=1, seq=seq, data=update, origin="person:1", created_at=document.created_at
        )
    Document.objects.update(seq=len(rows))
    live = rebuilt(len(rows), [*good, bad[0]])
    assert compact(document.pk, 0, live) == DONE
    assert text_of(Store()._load(document.pk, None).updates) == text_of(good)
    assert merge_updates(*good)
