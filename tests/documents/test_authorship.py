"""Who wrote what, on the real log: typing, moving, undoing, formatting, compaction, and knowing what is unknown."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pycrdt import Doc, Text, UndoManager, get_update, merge_updates

from ide.accounts.models import User
from ide.db import in_db
from ide.documents.history import authorship
from ide.documents.history.authors import describe
from ide.documents.history.authorship import Ledger
from ide.documents.models import Attribution, ClientId, Document, DocumentUpdate, Snapshot
from ide.documents.room.author import ModelClient
from ide.documents.room.clients import Clients
from ide.documents.text import Edit, minimal_edits
from ide.documents.yjs.replica import Replica

ADA, BOB, TURN = "person:1", "person:2", "turn:abc"
CODE = "def total(prices):\n    return sum(prices)\n"


class Log:
    """The log of one document, as the store writes it: each row with its time, each client id with its owner."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.replica = Replica()
        self.at: datetime = timezone.now() - timedelta(hours=1)
        self.seq = 0
        self._clients: dict[str, ModelClient] = {}
        self._owners = Clients()

    def write(self, origin: str, *edits: Edit) -> int:
        client = self._clients.setdefault(origin, ModelClient())
        in_order = sorted(edits, key=lambda edit: edit.start)
        update = client.write(self.replica, in_order, self._owners, origin).update
        self.replica.apply([update])
        ClientId.objects.get_or_create(
            document=self.document, epoch=1, client=client.client_id, defaults={"origin": origin}
        )
        return self.add(update, origin)

    def add(self, update: bytes, origin: str) -> int:
        self.seq += 1
        self.at += timedelta(seconds=1)
        DocumentUpdate.objects.create(
            document=self.document, epoch=1, seq=self.seq, data=update, origin=origin, created_at=self.at
        )
        Document.objects.filter(pk=self.document.pk).update(seq=self.seq)
        return self.seq

    def become(self, origin: str, text: str) -> int:
        return self.write(origin, *minimal_edits(self.replica.text(), text))

    def put(self, origin: str, before: str, text: str) -> int:
        at = self.replica.text().index(before) if before else len(self.replica.text())
        return self.write(origin, Edit(at, at, text))

    def cut(self, origin: str, text: str) -> int:
        at = self.replica.text().index(text)
        return self.write(origin, Edit(at, at + len(text), ""))

    def compact(self) -> None:
        data = merge_updates(*(bytes(row.data) for row in DocumentUpdate.objects.order_by("seq")))
        sha = hashlib.sha256(data).hexdigest()
        Snapshot.objects.create(document=self.document, epoch=1, seq=self.seq, data=data, sha=sha)

    def told(self) -> list[tuple[str, str]]:
        """(text, origin) of the runs."""
        return shown(self.replica.text(), authorship.runs(self.document.pk))


def shown(text: str, runs: list[tuple[int, str]]) -> list[tuple[str, str]]:
    data, at, out = text.encode("utf-16-le"), 0, []
    for length, origin in runs:
        out.append((data[2 * at : 2 * (at + length)].decode("utf-16-le"), origin))
        at += length
    assert 2 * at == len(data)
    return out


@pytest.fixture
def log(document: Document) -> Log:
    return Log(document)


def test_every_character_belongs_to_who_typed_it(log: Log) -> None:
    log.put(ADA, "", "one 😀 two")
    log.put(BOB, "two", "👩‍👧 und ")
    log.put(TURN, "", " three")
    log.cut(BOB, "e 😀")
    assert log.told() == [("on ", ADA), ("👩‍👧 und ", BOB), ("two", ADA), (" three", TURN)]


def test_a_client_id_without_a_row_belongs_to_who_sent_it_first(log: Log) -> None:
    log.put(ADA, "", "from before client ids were kept")
    ClientId.objects.all().delete()
    assert log.told() == [("from before client ids were kept", ADA)]


def test_characters_somebody_relayed_belong_to_nobody_known(log: Log) -> None:
    log.put(ADA, "", "relayed")
    ClientId.objects.update(origin="", relayed_by=ADA)
    assert log.told() == [("relayed", "")]


@pytest.mark.parametrize("moved", ["    return sum(prices)\n", CODE, "sum(prices) over everything there is"])
def test_text_cut_and_pasted_in_the_file_keeps_its_authors(log: Log, moved: str) -> None:
    log.put(TURN, "", f"head 😀\n{moved}\ntail\n")
    log.put(ADA, "tail", "x")
    log.cut(ADA, moved)
    log.put(ADA, "head", moved)
    assert log.told()[0] == (f"{moved}head 😀\n\n", TURN)
    assert log.told()[1] == ("x", ADA)
    assert Attribution.objects.get().origin == TURN


def test_a_moved_stretch_of_several_authors_keeps_each(log: Log) -> None:
    log.put(ADA, "", "first\ndef add(a, b):\n    return a + b\nlast\n")
    log.put(TURN, "b):", "b: int, ")
    text = "def add(a, b: int, b):\n    return a + b\n"
    log.cut(BOB, text)
    log.put(BOB, "", text)
    ends = [("first\nlast\ndef add(a, ", ADA), ("b: int, ", TURN), ("b):\n    return a + b\n", ADA)]
    assert log.told() == ends


def test_text_inserted_before_the_original_is_deleted_keeps_its_author(log: Log) -> None:
    line = "    total += price * count\n"
    log.put(TURN, "", f"a\n{line}b\n")
    log.put(ADA, "a\n", line)
    log.write(ADA, Edit(2 + len(line), 2 + 2 * len(line), ""))
    assert log.told() == [(f"{line}a\nb\n", TURN)]


def test_what_proves_nothing_belongs_to_who_typed_it(log: Log) -> None:
    log.put(TURN, "", "a total b\nanother line of the model\n")
    log.cut(ADA, "total")
    log.put(ADA, "", "total")  # a word, not a line
    log.cut(ADA, "another line of the model\n")
    log.put(BOB, "", "another line of the model\n")  # somebody else, elsewhere
    assert log.told()[-1] == ("another line of the model\n", BOB)
    assert ("total", ADA) in log.told()


def test_long_after_the_cut_it_is_no_move(log: Log) -> None:
    log.put(TURN, "", "keep\n" + CODE)
    log.cut(ADA, CODE)
    log.at += timedelta(hours=1)
    log.put(ADA, "keep", CODE)
    assert log.told() == [(CODE, ADA), ("keep\n", TURN)]


def test_what_comes_back_where_it_was_deleted_keeps_its_author_whoever_brings_it(log: Log) -> None:
    log.put(ADA, "", "head\n" + CODE + "tail\n")
    log.cut(TURN, CODE)
    log.put(BOB, "tail", CODE)  # rejects what the model did
    assert log.told() == [("head\n" + CODE + "tail\n", ADA)]


def test_undoing_a_deletion_keeps_the_author(log: Log) -> None:
    log.put(TURN, "", "head\n" + CODE + "tail\n")
    doc: Doc[Text] = Doc(client_id=77)
    root = doc.get("text", type=Text)
    doc.apply_update(log.replica.since())
    made: list[bytes] = []
    watch = doc.observe(lambda event: made.append(event.update))
    undo = UndoManager(scopes=[root], capture_timeout_millis=0)
    ClientId.objects.create(document=log.document, epoch=1, client=77, origin=ADA)
    del root[5 : 5 + len(CODE)]
    assert undo.undo()
    for update in made:
        log.replica.apply([update])
        log.add(update, ADA)
    doc.unobserve(watch)
    assert log.told() == [("head\n" + CODE + "tail\n", TURN)]


def test_a_formatter_takes_over_blanks_not_words(log: Log) -> None:
    log.put(TURN, "", "def f(a,b):\n  if a: return b\n  return {'x':1,'y':2}\n")
    log.become("disk", "def f(a, b):\n    if a:\n        return b\n    return {'x': 1, 'y': 2}\n")
    assert all(not text.strip() for text, origin in log.told() if origin == "disk")
    assert authorship.lines(log.document.pk) == [
        {TURN: len("".join(line.split()))} for line in log.replica.text().splitlines()
    ]


def test_lines_a_formatter_sorts_keep_their_authors(log: Log) -> None:
    log.put(ADA, "", "import zlib\nimport os\n")
    log.put(TURN, "import os", "import json\n")
    log.become("disk", "import json\nimport os\nimport zlib\n")
    lines = authorship.lines(log.document.pk)
    assert [next(iter(line)) for line in lines] == [TURN, ADA, ADA]


def test_lines_say_by_whom_they_are(log: Log) -> None:
    log.put(ADA, "", "a = 1\n\nb = 😀\n")
    log.put(TURN, "1", "20 + ")
    assert authorship.lines(log.document.pk) == [{ADA: 3, TURN: 3}, {ADA: 0}, {ADA: 4}]
    log.put(BOB, "", "end")
    assert authorship.lines(log.document.pk)[-1] == {BOB: 3}


def test_authorship_survives_compaction_and_a_restart(log: Log) -> None:
    log.put(TURN, "", "head\n" + CODE)
    log.cut(ADA, CODE)
    log.put(ADA, "head", CODE)
    log.put(BOB, "", "last\n")
    told = log.told()
    log.compact()
    DocumentUpdate.objects.all().delete()
    fresh = Ledger(log.document.pk, 1)  # as a new process builds it
    fresh.follow()
    assert shown(log.replica.text(), fresh.runs()) == told == [(CODE + "head\n", TURN), ("last\n", BOB)]


def test_a_second_question_reads_only_what_is_new_and_answers_as_the_first(log: Log) -> None:
    log.put(ADA, "", "one\n")
    assert log.told() == [("one\n", ADA)]
    log.put(BOB, "", "two\n")
    assert log.told() == [("one\n", ADA), ("two\n", BOB)]
    fresh = Ledger(log.document.pk, 1)
    fresh.follow()
    assert shown(log.replica.text(), fresh.runs()) == log.told()


def test_a_new_epoch_starts_from_its_own_log_and_ranges(log: Log) -> None:
    log.put(ADA, "", "one\n")
    assert log.told() == [("one\n", ADA)]
    seeded = ModelClient(9).write(Replica(), [Edit(0, 0, "one\ntwo\n")], Clients(), "seed").update
    DocumentUpdate.objects.create(
        document=log.document, epoch=2, seq=2, data=seeded, origin="seed", created_at=timezone.now()
    )
    Snapshot.objects.create(document=log.document, epoch=2, seq=2, data=seeded, sha=hashlib.sha256(seeded).hexdigest())
    ClientId.objects.create(document=log.document, epoch=2, client=9, origin="seed")
    Attribution.objects.create(document=log.document, epoch=2, client=9, clock=0, length=4, origin=ADA)
    Document.objects.filter(pk=log.document.pk).update(epoch=2, seq=2)
    assert shown("one\ntwo\n", authorship.runs(log.document.pk)) == [("one\n", ADA), ("two\n", "seed")]


def test_a_text_that_reads_differently_from_the_replica_is_of_unknown_authors(log: Log) -> None:
    """Two updates with the same client and clock but different text: no two readers need agree on it."""
    log.put(ADA, "", "some text\n")
    ledger = Ledger(log.document.pk, 1)
    ledger.follow()
    forged: Doc[Any] = Doc(client_id=int(ClientId.objects.get().client))
    forged.get("text", type=Text).insert(0, "other text\n")
    ledger.sequence = type(ledger.sequence)([forged.get_update()])
    assert ledger.runs() == [(len("some text\n"), "")]
    assert ledger.lines() == [{"": 8}]


async def test_two_threads_may_ask_at_once(log: Log) -> None:
    def write() -> None:
        for n in range(50):
            log.put((ADA, BOB)[n % 2], "", f"line {n}\n")

    await in_db(write)
    answers = await asyncio.gather(*(in_db(log.told) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0]) == 50


def test_what_one_person_brings_under_anothers_client_id_is_told_as_relayed(document: Document) -> None:
    log = Log(document)
    log.write("person:1", Edit(0, 0, "mine 😀\n"))
    (client,) = ClientId.objects.filter(origin="person:1").values_list("client", flat=True)
    twin: Doc[Text] = Doc(client_id=client)
    root = twin.get("text", type=Text)
    twin.apply_update(log.replica.since())
    state = twin.get_state()
    root.insert(0, "I resign\n")
    forged = get_update(twin.get_update(), state)
    log.replica.apply([forged])
    log.add(forged, "person:2")
    log.put("person:1", "mine", "really ")
    relayed = "relayed:2:person:1"
    assert log.told() == [("I resign\n", relayed), ("really mine 😀\n", "person:1")]
    assert relayed in {row.origin for row in Attribution.objects.all()}
    steps = authorship.steps(document.pk, 1)[1]
    assert [(step.origin, step.added) for step in steps] == [("person:2", 9), ("person:1", 7)]
    people = [User.objects.create_user(username=name) for name in ("ada", "bob")]
    told = describe([f"relayed:{people[1].pk}:person:{people[0].pk}", f"relayed:{people[1].pk}:"])
    assert {author.label for author in told.values()} == {"ada, relayed by bob", "unknown, relayed by bob"}
    assert {author.kind for author in told.values()} == {"unknown"}
