"""The timeline on the real log: entries, texts, what outlives the log, conflicts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ide.accounts.models import User
from ide.documents.history import timeline as history
from ide.documents.history.authors import describe
from ide.documents.models import Attribution, Document, DocumentUpdate, Snapshot, Version
from ide.documents.text import Edit
from ide.errors import NotFound
from tests.documents.test_authorship import ADA, BOB, CODE, TURN, Log


@pytest.fixture
def log(document: Document) -> Log:
    return Log(document)


def entries(log: Log) -> list[tuple[str, int, int, int, int]]:
    """(origin, first row, last row, added, removed), oldest first."""
    history.trace(log.document.pk)
    rows = Version.objects.order_by("epoch", "first_seq", "pk")
    return [(row.origin, row.first_seq, row.last_seq, row.added, row.removed) for row in rows]


def test_an_entry_ends_with_a_pause(log: Log) -> None:
    log.put(ADA, "", "one ")
    log.put(ADA, "", "two ")
    log.at += timedelta(seconds=61)
    log.put(ADA, "", "three")
    assert entries(log) == [(ADA, 1, 2, 8, 0), (ADA, 3, 3, 5, 0)]


def test_an_entry_ends_where_somebody_else_writes(log: Log) -> None:
    log.put(ADA, "", "one 😀")
    log.put(TURN, "", " two")
    log.at += timedelta(seconds=10)
    log.cut(ADA, "😀 t")
    assert entries(log) == [(ADA, 1, 1, 5, 0), (TURN, 2, 2, 4, 0), (ADA, 3, 3, 0, 3)]


def test_people_who_type_at_the_same_time_have_one_entry_each(log: Log) -> None:
    for _ in range(10):
        log.put(ADA, "", "a")
        log.put(BOB, "", "b")
    assert entries(log) == [(ADA, 1, 19, 10, 0), (BOB, 2, 20, 10, 0)]


def test_somebody_who_types_for_hours_gets_entries_to_choose_from(log: Log) -> None:
    for _ in range(40):
        log.put(ADA, "", "a")
        log.at += timedelta(seconds=45)
    assert [last - first + 1 for _, first, last, _, _ in entries(log)] == [20, 20]


def test_the_timeline_grows_by_what_is_new_only(log: Log) -> None:
    log.put(ADA, "", "one")
    assert entries(log) == [(ADA, 1, 1, 3, 0)]
    first = Version.objects.get().pk
    log.put(ADA, "", " more")
    log.put(BOB, "", "!")
    assert entries(log) == [(ADA, 1, 2, 8, 0), (BOB, 3, 3, 1, 0)]
    assert Version.objects.get(origin=ADA).pk == first
    assert entries(log) == entries(log)


def test_the_text_of_every_row_can_be_read(log: Log) -> None:
    texts = {0: ""}
    for n in range(6):
        seq = log.put((ADA, BOB)[n % 2], "", f"line {n} 😀\n")
        texts[seq] = log.replica.text()
    assert {seq: history.text_at(log.document.pk, 1, seq).text for seq in texts} == texts
    with pytest.raises(NotFound):
        history.text_at(log.document.pk, 1, 7)
    with pytest.raises(NotFound):
        history.text_at(log.document.pk, 2, 1)


def test_timeline_texts_and_authorship_outlive_the_rows_of_the_log(log: Log) -> None:
    log.put(TURN, "", "head\n" + CODE)
    log.at += timedelta(seconds=100)
    log.cut(ADA, CODE)
    log.put(ADA, "head", CODE)
    log.at += timedelta(seconds=100)
    log.put(BOB, "", "last 😀")
    before = entries(log)
    texts = {last: history.text_at(log.document.pk, 1, last).text for _, _, last, _, _ in before}
    log.compact()
    history.settle(log.document.pk, log.seq)
    DocumentUpdate.objects.all().delete()
    log.document.refresh_from_db()
    assert entries(log) == before
    assert {last: history.text_at(log.document.pk, 1, last).text for last in texts} == texts
    assert Attribution.objects.get().origin == TURN
    Snapshot.objects.all().delete()
    assert history.text_at(log.document.pk, 1, 1).text == "head\n" + CODE


def test_an_entry_that_grows_after_it_was_settled_tells_its_new_text(log: Log) -> None:
    log.put(ADA, "", "one")
    history.settle(log.document.pk, 1)
    log.put(ADA, "", " two")
    assert entries(log) == [(ADA, 1, 2, 7, 0)]
    assert history.text_at(log.document.pk, 1, 2).text == "one two"


def test_both_sides_of_a_conflict_are_entries_with_their_text(log: Log) -> None:
    user = User.objects.create(username="ada", display_name="Ada")
    log.put(f"person:{user.pk}", "", "ours 😀")
    for _ in range(2):
        history.keep_conflict(log.document.pk, 1, "ours 😀", "theirs")
    rows, more = history.timeline(log.document.pk, None, 1)
    assert not more
    assert sorted(str(row["note"]) for row in rows) == sorted(
        ["", *Version.objects.exclude(note="").values_list("note", flat=True)]
    )
    texts = {
        row["author"]["kind"]: history.text_at(log.document.pk, 1, 1, row["id"] if row["note"] else None).text  # type: ignore[index,arg-type]
        for row in rows
    }
    assert texts == {"person": "ours 😀", "unknown": "ours 😀", "disk": "theirs"}


def test_the_timeline_comes_in_pages(log: Log) -> None:
    for n in range(7):
        log.put((ADA, TURN)[n % 2], "", str(n))
        log.at += timedelta(seconds=70)
    got, before, more = [], None, True
    while more:
        rows, more = history.timeline(log.document.pk, before, 3)
        assert len(rows) <= 3
        got += [row["last_seq"] for row in rows]
        before = int(str(got[-1]))
    assert got == [7, 6, 5, 4, 3, 2, 1]


def test_rows_that_change_nothing_are_no_entry_a_person_sees(log: Log) -> None:
    log.put(ADA, "", "one")
    repeated = bytes(DocumentUpdate.objects.get().data)
    log.at += timedelta(seconds=100)
    log.add(repeated, BOB)
    assert [row["added"] for row in history.timeline(log.document.pk, None, 10)[0]] == [3]


def test_an_origin_is_told_by_name_or_by_its_kind(db: None) -> None:
    user = User.objects.create(username="ada", display_name="Ada", colour=3)
    told = describe([f"person:{user.pk}", "person:999", "disk", "seed", "", "nonsense:1"])
    assert {origin: (author.kind, author.label) for origin, author in told.items()} == {
        f"person:{user.pk}": ("person", "Ada"),
        "person:999": ("person", "a person that is gone"),
        "disk": ("disk", "changed outside Tandem"),
        "seed": ("seed", "in the file before it was opened here"),
        "": ("unknown", "unknown"),
        "nonsense:1": ("unknown", "unknown"),
    }
    assert told[f"person:{user.pk}"].person == {"id": user.pk, "name": "Ada", "colour": 3}


def test_replaced_text_counts_as_added_and_removed(log: Log) -> None:
    log.put(ADA, "", "one two three")
    log.write(BOB, Edit(4, 7, "2 😀"))
    assert entries(log)[1] == (BOB, 2, 2, 3, 3)
