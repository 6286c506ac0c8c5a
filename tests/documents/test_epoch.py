"""A new epoch: the same text, authors, comments and file under a new client id, or nothing at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from pycrdt import Doc, Text

from ide.db import in_db
from ide.documents.history import authorship
from ide.documents.history import timeline as history
from ide.documents.log import epoch, retention
from ide.documents.log.compact import DONE, ITEMS, NOTHING, compact, due
from ide.documents.log.compactor import CompactionFailed, Compactor
from ide.documents.log.rows import Fenced
from ide.documents.log.store import Loaded, Store
from ide.documents.models import ClientId, CommentThread, Document, DocumentUpdate, Snapshot
from ide.documents.yjs.anchors import Place, Ruler
from ide.documents.yjs.replica import Replica
from ide.workspaces.models import Workspace

from .logs import ACTS, Act, text_of, updates_of

SOME = [Act(n % 3, n % 2 == 0, n * 37 % 1000, n % 3, "😀 word\n") for n in range(70)]


def log(document: Document, updates: list[bytes], on_disk: bool = True) -> None:
    """Rows of three people, each with the client id of `updates_of`."""
    for seq, update in enumerate(updates, 1):
        DocumentUpdate.objects.create(
            document=document, epoch=1, seq=seq, data=update, origin="person:1", created_at=timezone.now()
        )
    for who in range(3):
        ClientId.objects.create(document=document, epoch=1, client=2000 + who, origin=f"person:{who}")
    Document.objects.filter(pk=document.pk).update(seq=len(updates), disk_seq=len(updates) * on_disk)


def many_items(count: int) -> list[bytes]:
    """One update of that many pieces: each is put before all others."""
    doc: Doc[Text] = Doc(client_id=2000)
    root = doc.get("text", type=Text)
    with doc.transaction():
        for n in range(count):
            root.insert(0, "ab\n"[n % 3])
    return [doc.get_update()]


def load(document: Document) -> Loaded:
    return Store()._load(document.pk, None)


@given(ACTS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_and_authors_are_the_same_in_the_new_epoch(
    transactional_db: None, workspace: Workspace, acts: list[Act]
) -> None:
    row = Document.objects.create(workspace=workspace, path=str(Document.objects.count()))
    log(row, updates_of(acts))
    text, runs = text_of(load(row).updates), authorship.joined(authorship.runs(row.pk))
    assert epoch.renew(row.pk)
    after = load(row)
    assert (text_of(after.updates), after.seq, after.epoch > 1) == (text, 1, True)
    assert authorship.joined(authorship.runs(row.pk)) == runs
    assert after.old_clients == {2000, 2001, 2002}
    assert len(after.clients) == 1
    assert not after.clients.keys() & after.old_clients


def test_a_long_history_is_rebuilt_and_a_short_one_is_left(document: Document) -> None:
    log(document, many_items(ITEMS))
    assert not epoch.rebuild(document.pk)
    DocumentUpdate.objects.update(data=many_items(ITEMS + 1)[0])
    before = text_of(load(document).updates)
    assert epoch.rebuild(document.pk)
    document.refresh_from_db()
    assert (document.epoch, document.seq, document.disk_seq) == (2, 1, 1)
    assert text_of(load(document).updates) == before
    assert not epoch.rebuild(document.pk)


def test_what_is_not_on_disk_yet_keeps_its_epoch(document: Document) -> None:
    log(document, many_items(ITEMS + 1), on_disk=False)
    assert not epoch.rebuild(document.pk)


def test_comments_keep_their_place(document: Document) -> None:
    updates = updates_of(SOME)
    log(document, updates)
    ruler, text = Ruler(Replica(updates)), text_of(updates)
    start, end = len(text) // 3, len(text) // 2
    thread = CommentThread.objects.create(
        document=document, start=ruler.place(start, 0).encode(), end=ruler.place(end, -1).encode(), quote="q"
    )
    whole = CommentThread.objects.create(
        document=document, start=Place(None, -1).encode(), end=Place(None, 0).encode(), quote="all"
    )
    epoch.renew(document.pk)
    thread.refresh_from_db()
    whole.refresh_from_db()
    ruler = Ruler(Replica(load(document).updates))
    places = [ruler.index(Place.decode(wire)) for wire in (thread.start, thread.end, whole.start, whole.end)]
    assert places == [start, end, 0, len(text)]


def test_old_texts_stay_in_the_timeline(document: Document) -> None:
    updates = updates_of(SOME)
    log(document, updates)
    history.trace(document.pk)
    last = document.versions.order_by("-last_seq").first()
    assert last is not None
    epoch.renew(document.pk)
    assert history.text_at(document.pk, 1, last.last_seq).text == text_of(updates)


def test_a_document_that_is_written_meanwhile_or_hosted_elsewhere_keeps_its_epoch(document: Document) -> None:
    log(document, updates_of(SOME))
    old = epoch._old(document.pk)
    assert old is not None
    with pytest.raises(Fenced):
        epoch._begin(document, old, 7, 1)
    Document.objects.update(seq=len(SOME) - 1)
    with pytest.raises(Fenced):
        epoch._begin(document, old, None, 1)
    assert not DocumentUpdate.objects.filter(epoch__gt=1).exists()


def test_an_empty_document_stays_empty_and_is_not_seeded_again(document: Document) -> None:
    log(document, [])
    assert not epoch.renew(document.pk)
    doc: Doc[Text] = Doc(client_id=2000)
    root, made = doc.get("text", type=Text), list[bytes]()
    watch = doc.observe(lambda event: made.append(event.update))
    root += "a"
    del root[0:1]
    doc.unobserve(watch)
    ClientId.objects.all().delete()
    log(document, made)
    assert epoch.renew(document.pk)
    assert (text_of(load(document).updates), load(document).seq) == ("", 1)


def test_the_operators_command_renews_every_document(document: Document, workspace: Workspace) -> None:
    log(document, updates_of(SOME))
    Document.objects.create(workspace=workspace, path="never opened")
    call_command("new_epoch", workspace=workspace.pk)
    assert Document.objects.get(pk=document.pk).epoch == 1 + epoch.AFTER_RESTORE
    assert Document.objects.get(path="never opened").epoch == 1
    call_command("new_epoch", all=True)
    assert Document.objects.get(pk=document.pk).epoch == 1 + 2 * epoch.AFTER_RESTORE


def test_old_rows_go_and_what_they_said_stays(document: Document) -> None:
    updates = updates_of(SOME)
    log(document, updates)
    texts = {}
    for seq in (20, 40, len(updates)):
        Document.objects.update(seq=seq)
        assert compact(document.pk) == DONE
        texts[seq] = text_of(updates[:seq])
    assert retention.let_go(document.pk, 7) == 0
    long_ago = timezone.now() - timedelta(days=8)
    Snapshot.objects.filter(seq__in=(20, 40)).update(created_at=long_ago)
    DocumentUpdate.objects.filter(seq__lte=40).update(created_at=long_ago)
    with pytest.raises(Fenced):
        retention.let_go(document.pk, 7, fence=9)
    runs = authorship.joined(authorship.runs(document.pk))
    assert retention.let_go(document.pk, 7) == 40
    assert list(Snapshot.objects.order_by("seq").values_list("seq", flat=True)) == [40, len(updates)]
    assert text_of(load(document).updates) == texts[len(updates)]
    Snapshot.objects.filter(seq=len(updates)).update(data=b"rotten")
    assert text_of(load(document).updates) == texts[len(updates)]
    assert authorship.joined(authorship.runs(document.pk)) == runs
    for version in document.versions.all():
        assert history.text_at(document.pk, 1, version.last_seq).text == text_of(updates[: version.last_seq])


def test_rows_of_an_old_epoch_go_too(document: Document) -> None:
    log(document, updates_of(SOME))
    epoch.renew(document.pk)
    DocumentUpdate.objects.filter(epoch=1).update(created_at=timezone.now() - timedelta(days=8))
    assert retention.let_go(document.pk, 7) == len(updates_of(SOME))
    assert load(document).seq == 1


def test_client_ids_of_an_epoch_go_ninety_days_after_its_end(document: Document) -> None:
    log(document, updates_of(SOME))
    for _ in range(3):
        epoch.renew(document.pk)
    ids = ClientId.objects.filter(document=document)
    epochs = sorted({one.epoch for one in ids})
    assert len(epochs) == 4

    def begun(which: int, days: float) -> None:
        ids.filter(epoch=epochs[which]).update(created_at=timezone.now() - timedelta(days=days))

    begun(0, 300)
    begun(1, 200)
    begun(2, 89)
    retention.let_go(document.pk, 7)
    assert sorted({one.epoch for one in ids.all()}) == epochs[1:]  # the first ended 200 days ago, the second 89
    begun(2, 91)
    begun(3, 91)
    retention.let_go(document.pk, 7)
    assert sorted({one.epoch for one in ids.all()}) == epochs[3:]  # the present one stays, however old


async def test_a_closed_document_is_tidied_in_a_process_of_its_own(document: Document) -> None:
    await in_db(log, document, many_items(ITEMS + 1))
    compactor = Compactor()
    try:
        await compactor.tidy(document.pk, 0)  # nothing was compacted: nothing is asked
        assert await in_db(lambda: Document.objects.get().epoch) == 1
        assert await compactor.compact(document.pk, 0) == DONE
        with pytest.raises(CompactionFailed):
            await compactor.tidy(document.pk, 9)
        assert await compactor.compact(document.pk, 0) == NOTHING
        await compactor.tidy(document.pk, 0)
    finally:
        compactor.close()
    assert await in_db(lambda: Document.objects.get().epoch) == 2


def test_old_rows_make_a_document_due(document: Document) -> None:
    updates = updates_of(SOME)
    log(document, updates)
    for seq in (40, len(updates)):
        Document.objects.update(seq=seq)
        compact(document.pk)
    assert not due(document.pk, 7)
    Snapshot.objects.filter(seq=40).update(created_at=timezone.now() - timedelta(days=8))
    assert due(document.pk, 7)
    retention.let_go(document.pk, 7)
    assert not due(document.pk, 7)
