"""The log is appended to, never changed; what is changed behind its back is found."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from ide.accounts.models import User
from ide.audit import chain, log
from ide.audit.log import Question, Where, record, verify
from ide.audit.models import AuditEntry, AuditHead

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough phrase"


@pytest.fixture
def ana() -> User:
    return User.objects.create_user("ana", password=PASSWORD)


@pytest.fixture
def written(ana: User) -> list[AuditEntry]:
    made = [record("role.change", ana, Where(team="t1", thing=f"person {n}"), role="editor", n=n) for n in range(8)]
    made.append(record("limit.change", None, Where(team="t2"), was=1.5, now="größer"))
    return made


def _behind_the_back(change: Callable[[], object]) -> None:
    """What somebody does who owns the database: without the guard."""
    with connection.cursor() as cursor:
        on = " ON audit_auditentry" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER audit_unchanged{on}")
    change()


def test_a_log_is_a_chain_without_a_gap(written: list[AuditEntry]) -> None:
    assert [e.seq for e in written] == list(range(1, 10))
    assert [e.previous for e in written[1:]] == [e.hash for e in written[:-1]]
    assert verify().sound
    assert verify().checked == 9


def test_what_is_rolled_back_was_never_written(ana: User) -> None:
    def fails_after() -> None:
        with transaction.atomic():
            record("invite.make", ana)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fails_after()
    assert record("invite.make", ana).seq == 1
    assert verify().sound


def test_the_database_refuses_to_change_an_entry(written: list[AuditEntry]) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(seq=3).update(actor="ben")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "anb"),
        ("act", "role.chang3"),
        ("detail", {"role": "editor", "n": 5}),
        ("team", "t3"),
        ("place", "1.1.1.1"),
        ("hash", "f" * 64),
    ],
)
def test_one_byte_that_is_changed_is_found(written: list[AuditEntry], column: str, value: object) -> None:
    _behind_the_back(lambda: AuditEntry.objects.filter(seq=5).update(**{column: value}))
    verdict = verify()
    assert not verdict.sound
    assert "Entry 5 (" in verdict.wrong[0]
    with pytest.raises(SystemExit):
        call_command("verify_audit", stderr=io.StringIO())


def test_an_entry_that_is_taken_out_is_found(written: list[AuditEntry]) -> None:
    _behind_the_back(lambda: AuditEntry.objects.filter(seq=4).delete())
    assert "missing" in verify().wrong[0]


def test_a_cut_end_is_found(written: list[AuditEntry]) -> None:
    _behind_the_back(lambda: AuditEntry.objects.filter(seq__gt=7).delete())
    assert verify().wrong == ("The log ends at entry 7; it was written up to 9.",)


def test_a_chain_that_is_made_anew_does_not_bear_the_seal(written: list[AuditEntry]) -> None:
    """Somebody who can write the database, but has not the server's key, changes the last entry."""

    def forge() -> None:
        last = written[-1]
        last.actor = "nobody"
        last.hash = chain.digest(log.as_plain(last))
        last.save()
        AuditHead.objects.update(hash=last.hash)

    _behind_the_back(forge)
    assert verify().wrong == ("The end of the chain is not sealed with this server's key.",)


def test_an_export_can_be_verified_without_us(
    written: list[AuditEntry], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    call_command("export_audit")
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    previous = "0" * 64
    for row in lines:
        names = ("seq", "at", "act", "actor_id", "actor", "behalf", "team", "thing", "place", "detail", "previous")
        hashed = json.dumps([row[n] for n in names], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert row["previous"] == previous
        assert row["hash"] == hashlib.sha256(hashed.encode()).hexdigest()
        previous = row["hash"]
    assert len(lines) == 9


def test_search_finds_by_words_act_and_team(written: list[AuditEntry]) -> None:
    assert [e.seq for e in log.search(Question(words="limit größer"))] == [9]
    assert log.search(Question(act="role")).count() == 8
    assert log.search(Question(team="t2")).count() == 1
    assert log.search(Question(actor="ana", words="person 3")).count() == 1


def test_signing_in_and_failing_to_are_entries(ana: User, client: Client) -> None:
    client.post(reverse("account_login"), {"login": "ana", "password": "wrong, and long"})
    client.post(reverse("account_login"), {"login": "ana", "password": PASSWORD})
    client.post(reverse("account_logout"))
    acts = list(AuditEntry.objects.order_by("seq").values_list("act", "actor", "place"))
    assert acts == [("login.failed", "", "127.0.0.1"), ("login", "ana", "127.0.0.1"), ("logout", "ana", "127.0.0.1")]
    assert PASSWORD not in str(list(log.export()))
    assert verify().sound
