"""Taking back what one origin wrote, exactly: everything others wrote, before, behind and inside it, stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ide.documents.history import undo
from ide.documents.models import Document, DocumentUpdate
from ide.documents.text import Edit
from ide.errors import Conflict
from tests.documents.test_authorship import ADA, BOB, TURN, Log


@pytest.fixture
def log(document: Document) -> Log:
    return Log(document)


def without(log: Log, origin: str) -> str:
    found = undo.without(log.document.pk, origin)
    assert found.now == log.replica.text()
    assert found.seq == log.seq
    return found.text


def test_what_it_wrote_goes_and_what_it_deleted_comes_back(log: Log) -> None:
    log.put("seed", "", "def f():\n    return 1\n")
    log.become(TURN, "def f():\n    return 2  # 🎈\n")
    assert without(log, TURN) == "def f():\n    return 1\n"


def test_later_edits_stay_also_inside_what_it_wrote(log: Log) -> None:
    log.put("seed", "", "one\n")
    log.put(TURN, "", "two three\n")
    log.put(ADA, "three", "and a half ")
    log.put(BOB, "one", "zero\n")
    assert without(log, TURN) == "zero\none\nand a half "
    assert without(log, ADA) == "zero\none\ntwo three\n"


def test_what_somebody_else_deleted_stays_deleted(log: Log) -> None:
    log.put("seed", "", "keep drop")
    log.cut(ADA, " drop")
    log.put(TURN, "", " more")
    log.cut(ADA, "more")
    assert without(log, TURN) == "keep"


def test_an_undo_can_be_taken_back(log: Log) -> None:
    log.put("seed", "", "a b c")
    log.become(TURN, "a X c")
    log.become("undo:1", without(log, TURN))
    log.put(ADA, "", "!")
    assert log.replica.text() == "a b c!"
    assert without(log, "undo:1") == "a X c!"


def test_it_is_told_from_a_snapshot_as_long_as_its_rows_are_there(log: Log) -> None:
    log.put("seed", "", "ground ")
    log.compact()
    log.put(TURN, "", "more")
    DocumentUpdate.objects.filter(seq=1).delete()
    assert without(log, TURN) == "ground "
    DocumentUpdate.objects.all().delete()
    with pytest.raises(Conflict):
        undo.without(log.document.pk, TURN)


def test_what_was_written_since_is_told_by_who_wrote_it(log: Log) -> None:
    log.put("seed", "", "one\n")
    seq = log.put(TURN, "", "two\n")
    log.put(ADA, "one", "zero\n")
    log.put(ADA, "zero", "first\n")
    log.put(TURN, "", "three\n")
    found = undo.since(log.document.pk, 1, seq)
    assert found is not None
    assert found.text == "one\ntwo\n"
    assert [origin for origin, _ in found.runs] == [ADA, TURN]
    assert found.runs[-1][1] == log.replica.text()
    DocumentUpdate.objects.filter(seq__lte=2).delete()
    assert undo.since(log.document.pk, 1, seq) is None


def test_the_text_at_a_time_is_the_seed_for_what_was_read_later(log: Log) -> None:
    log.put("seed", "", "one\n")
    log.put(TURN, "", "two\n")
    rows = DocumentUpdate.objects.order_by("seq")
    assert undo.at(log.document.pk, rows[0].created_at) == "one\n"
    assert undo.at(log.document.pk, rows[0].created_at - timedelta(hours=1)) == "one\n"
    assert undo.at(log.document.pk, rows[1].created_at) == "one\ntwo\n"


LETTERS = {ADA: "a", BOB: "🙂", TURN: "t"}
ACT = st.tuples(st.sampled_from(list(LETTERS)), st.booleans(), st.floats(0, 1), st.integers(1, 4))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACT, min_size=1, max_size=25))
@pytest.mark.django_db
def test_the_others_text_stands_as_they_left_it(document: Document, acts: list[Any]) -> None:
    """Against a list of characters that knows who wrote and who deleted each."""
    DocumentUpdate.objects.filter(document=document).delete()
    log, model = Log(document), []
    for origin, insert, where, count in acts:
        visible = [n for n, (_, _, deleted) in enumerate(model) if deleted is None]
        at = round(where * len(visible))
        if insert:
            place = visible[at - 1] + 1 if at else 0
            log.write(origin, Edit(at, at, LETTERS[origin] * count))
            model[place:place] = [(LETTERS[origin], origin, None)] * count
        elif visible[at : at + count]:
            gone = visible[at : at + count]
            log.write(origin, Edit(at, at + len(gone), ""))
            for n in gone:
                model[n] = (*model[n][:2], origin)
    for origin in LETTERS:
        if not DocumentUpdate.objects.filter(document=document, origin=origin).exists():
            continue
        kept = [char for char, by, deleted in model if by != origin and deleted in (None, origin)]
        assert sorted(without(log, origin)) == sorted(kept)
