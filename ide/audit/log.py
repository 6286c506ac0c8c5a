"""Append to the audit log, search it, export it, verify it. Synchronous ORM; live code goes through `in_db`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ide.audit import chain
from ide.audit.middleware import place
from ide.audit.models import GENESIS, AuditEntry, AuditHead

PAGE = 1000  # rows read at once when all are walked


class Person(Protocol):
    @property
    def pk(self) -> int | None: ...

    def get_username(self) -> str: ...


@dataclass(frozen=True)
class Where:
    """What an act was done to, and what did it for them. `thing`: a kind and an id ("workspace a1b2")."""

    team: str = ""
    thing: str = ""
    behalf: str = ""


NOWHERE = Where()


def record(act: str, actor: Person | None, where: Where = NOWHERE, **detail: object) -> AuditEntry:
    """Append one act. Within the caller's transaction, so that an act and its entry are kept or lost together.

    `detail` holds plain values for people to read; never a key, a token, a password or text of a document.
    """
    with transaction.atomic():
        AuditHead.objects.get_or_create(pk=1)
        head = AuditHead.objects.select_for_update().get(pk=1)
        entry = AuditEntry(
            seq=head.seq + 1,
            at=timezone.now(),
            act=act,
            actor_id=actor.pk if actor is not None else None,
            actor=actor.get_username()[:150] if actor is not None else "",
            behalf=where.behalf[:120],
            team=where.team,
            thing=where.thing[:200],
            place=place.get()[:64],
            detail=msgspec.to_builtins(detail, str_keys=True),
            previous=head.hash,
        )
        entry.hash = chain.digest(_columns(entry))
        entry.save(force_insert=True)
        head.seq, head.hash = entry.seq, entry.hash
        head.seal = chain.seal(head.seq, head.hash, settings.SECRET_KEY)
        head.save()
    return entry


def _columns(entry: AuditEntry) -> dict[str, object]:
    return {name: chain.stamp(entry.at) if name == "at" else getattr(entry, name) for name in chain.COLUMNS}


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What to look for; empty fields ask nothing. `words` are looked for in the act, names, things and details."""

    words: str = ""
    act: str = ""
    actor: str = ""
    team: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search(question: Question) -> QuerySet[AuditEntry]:
    """Newest first."""
    found = AuditEntry.objects.all()
    for word in question.words.split():
        found = found.filter(
            Q(act__icontains=word)
            | Q(actor__icontains=word)
            | Q(thing__icontains=word)
            | Q(behalf__icontains=word)
            | Q(place__icontains=word)
            | Q(detail__icontains=word)
        )
    if question.act:
        found = found.filter(Q(act=question.act) | Q(act__startswith=question.act + "."))
    if question.actor:
        found = found.filter(actor=question.actor)
    if question.team:
        found = found.filter(team=question.team)
    if question.since:
        found = found.filter(at__gte=question.since)
    if question.until:
        found = found.filter(at__lt=question.until)
    return found


def as_plain(entry: AuditEntry) -> dict[str, object]:
    """An entry as it is exported: its columns and its hash."""
    return {**_columns(entry), "hash": entry.hash}


EVERYTHING = Question()


def export(question: Question = EVERYTHING) -> Iterator[bytes]:
    """Lines of JSON, oldest first. Whole exports can be verified by anybody: see `chain.digest`."""
    for entry in search(question).order_by("seq").iterator(chunk_size=PAGE):
        yield msgspec.json.encode(as_plain(entry)) + b"\n"


@dataclass(frozen=True)
class Verdict:
    """`checked` entries were read; `wrong` says what does not fit, at most one sentence an entry."""

    checked: int
    wrong: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.wrong


def verify(most: int = 20) -> Verdict:
    """Walk the whole chain: every hash anew, every link, no gap, the end as sealed. Stops after `most` faults."""
    wrong: list[str] = []
    seq, previous = 0, GENESIS
    for entry in AuditEntry.objects.order_by("seq").iterator(chunk_size=PAGE):
        wrong += _faults(entry, seq, previous)
        if len(wrong) >= most:
            return Verdict(seq, tuple(wrong[:most]))
        seq, previous = entry.seq, entry.hash
    return Verdict(seq, tuple(wrong + _end_faults(seq, previous)))


def _faults(entry: AuditEntry, before: int, previous: str) -> Iterator[str]:
    if entry.seq != before + 1:
        yield f"Between {before} and {entry.seq} entries are missing."
    elif entry.previous != previous:
        yield f"Entry {entry.seq} does not follow the one before it."
    if chain.digest(_columns(entry)) != entry.hash:
        yield f"Entry {entry.seq} ({entry.act}) was changed after it was written."


def _end_faults(seq: int, last: str) -> list[str]:
    head = AuditHead.objects.filter(pk=1).first()
    if head is None:
        return ["The end of the chain is not recorded."] if seq else []
    if head.seq != seq or head.hash != last:
        return [f"The log ends at entry {seq}; it was written up to {head.seq}."]
    if seq and head.seal != chain.seal(seq, last, settings.SECRET_KEY):
        return ["The end of the chain is not sealed with this server's key."]
    return []
