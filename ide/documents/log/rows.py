"""The SQL of the log, one statement a function, on this thread's connection. The same words for SQLite and PostgreSQL.

Knows no queue, no CRDT and no models: the process that compacts has none of them loaded.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection
from django.utils import timezone

log = logging.getLogger(__name__)

QUARANTINE_ROWS = 100  # kept of one document
QUARANTINE_BYTES = 8 << 20  # of one row
Claim = tuple[int, str, str]  # client id, its origin, who brought its characters


class Fenced(Exception):
    """Another process has written to this document, or its epoch has changed: this one must let go of it."""


@dataclass(frozen=True, slots=True)
class Position:
    """The end of a document's log."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Move:
    """A document's log grows from `old` to `seq`."""

    document: str
    old: Position
    seq: int


@dataclass(frozen=True, slots=True)
class Row:
    document: str
    epoch: int
    seq: int
    data: bytes
    origin: str


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What of a document is in its file, and how the file is written."""

    document: str
    seq: int
    sha: str
    detached: bool
    encoding: str
    bom: bool
    newline: str


def now() -> Any:
    return connection.ops.adapt_datetimefield_value(timezone.now())


def position(document: str) -> Position:
    """Raises LookupError if there is no such document."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT epoch, seq FROM documents_document WHERE id = %s", [document])
        row = cursor.fetchone()
    if row is None:
        raise LookupError(f"document {document} is gone")
    return Position(row[0], row[1])


def write(moves: Sequence[Move], rows: Sequence[Row], claims: Sequence[tuple[str, int, Claim]]) -> None:
    """Let logs grow, in a transaction: compare and set their ends, in one order whoever does it; insert the rows; note
    whose client ids (document, epoch, claim) are, where they are nobody's yet. PostgreSQL is asked all of it at once.

    Raises Fenced if one of the documents has moved already.
    """
    try:
        with _at_once(), connection.cursor() as moved:
            _advance(moved, moves)
            _append(rows, claims)
    except IntegrityError as error:  # a row of that number is there
        raise Fenced(f"written elsewhere: {', '.join(m.document for m in moves)}") from error
    if moved.rowcount != len(moves):
        raise Fenced(f"written elsewhere: {', '.join(m.document for m in moves)}")


@contextmanager
def _at_once() -> Iterator[None]:
    """Statements go to PostgreSQL without waiting for each other's answers."""
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def _advance(cursor: Any, moves: Sequence[Move]) -> None:
    values = [(m.document, m.old.epoch, m.old.seq, m.seq) for m in sorted(moves, key=lambda m: m.document)]
    places = ", ".join(["(%s, %s, %s, %s)"] * len(values))
    cursor.execute(  # both databases name the columns of VALUES so; SQLite counts no rows behind a WITH
        f"UPDATE documents_document SET seq = moved.column4 FROM (VALUES {places}) AS moved"  # noqa: S608
        " WHERE id = moved.column1 AND epoch = moved.column2 AND seq = moved.column3",
        [value for row in values for value in row],
    )


def _append(rows: Sequence[Row], claims: Sequence[tuple[str, int, Claim]]) -> None:
    at = now()
    if rows:
        values = [(row.document, row.epoch, row.seq, row.data, row.origin, at) for row in rows]
        _insert("documentupdate (document_id, epoch, seq, data, origin, created_at)", values)
    if claims:
        found = [(document, epoch, *claim, at) for document, epoch, claim in claims]
        _insert(
            "clientid (document_id, epoch, client, origin, relayed_by, created_at)", found, " ON CONFLICT DO NOTHING"
        )


def record(files: Sequence[OnDisk]) -> None:
    """Note what is in files, in a transaction; of a document that is gone nothing."""
    newest = sorted({one.document: one for one in files}.values(), key=lambda one: one.document)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE documents_document SET disk_seq = %s, disk_sha = %s, detached = %s, encoding = %s, bom = %s,"
            " newline = %s WHERE id = %s",
            [(f.seq, f.sha, f.detached, f.encoding, f.bom, f.newline, f.document) for f in newest],
        )


def _insert(into: str, values: Sequence[Sequence[Any]], end: str = "") -> None:
    places = ", ".join([f"({', '.join(['%s'] * len(values[0]))})"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO documents_{into} VALUES {places}{end}",  # noqa: S608
            [value for row in values for value in row],
        )


def clients(document: str, epoch: int) -> tuple[dict[int, str], frozenset[int]]:
    """Client id → origin in this epoch, and the ids of other epochs that are not of this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT epoch = %s, client, origin FROM documents_clientid WHERE document_id = %s", [epoch, document]
        )
        rows = cursor.fetchall()
    mine = {client: origin for here, client, origin in rows if here}
    return mine, frozenset(client for _, client, _ in rows) - mine.keys()


def tail(document: str, epoch: int, after: int, upto: int) -> list[tuple[int, bytes]]:
    """The raw rows behind `after`, in order. Raises LookupError if one is missing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, data FROM documents_documentupdate"
            " WHERE document_id = %s AND epoch = %s AND seq > %s AND seq <= %s ORDER BY seq",
            [document, epoch, after, upto],
        )
        rows = [(seq, bytes(data)) for seq, data in cursor.fetchall()]
    if [seq for seq, _ in rows] != list(range(after + 1, upto + 1)):
        raise LookupError(f"document {document} has no complete history up to {upto}")
    return rows


def snapshot(document: str, epoch: int, upto: int) -> tuple[int, bytes] | None:
    """The newest snapshot whose checksum holds: (seq, data). One without a checksum was never finished."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, data, sha FROM documents_snapshot"
            " WHERE document_id = %s AND epoch = %s AND seq <= %s AND sha <> '' ORDER BY seq DESC, id DESC",
            [document, epoch, upto],
        )
        for seq, data, sha in cursor:
            if hashlib.sha256(data).hexdigest() == sha:
                return seq, bytes(data)
            log.error("document %s: the snapshot at %d is damaged; an older one is used", document, seq)
    return None


def history(document: str, end: Position, upto: int) -> tuple[list[tuple[int, bytes]], int]:
    """(seq, update) in order up to `upto`, a snapshot first, and how many rows there are behind it. LookupError."""
    base = snapshot(document, end.epoch, upto)
    behind = tail(document, end.epoch, base[0] if base else 0, upto)
    return ([base, *behind] if base else behind), len(behind)


def quarantine(document: str, seq: int | None, origin: str, reason: str, data: bytes) -> None:
    """Keep a message, cut to 8 MiB; the oldest of the document make room. Nothing if the document is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO documents_quarantined (document_id, epoch, seq, origin, reason, data, created_at)"
            " SELECT id, epoch, %s, %s, %s, %s, %s FROM documents_document WHERE id = %s",
            [seq, origin[:80], reason[:300], data[:QUARANTINE_BYTES], now(), document],
        )
        cursor.execute(
            "DELETE FROM documents_quarantined WHERE document_id = %s AND id NOT IN"
            " (SELECT id FROM documents_quarantined WHERE document_id = %s ORDER BY id DESC LIMIT %s)",
            [document, document, QUARANTINE_ROWS],
        )


# --- compaction ------------------------------------------------------------------------------------------------------


def still(document: str, epoch: int, fence: int | None) -> bool:
    """Whether the document has this epoch and its workspace this host epoch (None: whichever); in a transaction, and
    until its end nobody can change that."""
    question = (
        "SELECT d.epoch, w.host_epoch FROM documents_document d"
        " JOIN workspaces_workspace w ON w.id = d.workspace_id WHERE d.id = %s"
    )
    if connection.features.has_select_for_update:  # SQLite has one writer at a time anyway
        question += " FOR SHARE"
    with connection.cursor() as cursor:
        cursor.execute(question, [document])
        row = cursor.fetchone()
    return row is not None and row[0] == epoch and fence in (None, row[1])


def write_snapshot(document: str, epoch: int, seq: int, data: bytes) -> int:
    """Write a snapshot that does not count yet; its id. Those that were never finished are removed."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM documents_snapshot WHERE document_id = %s AND sha = ''", [document])
        cursor.execute(
            "INSERT INTO documents_snapshot (document_id, epoch, seq, data, sha, created_at)"
            " VALUES (%s, %s, %s, %s, '', %s) RETURNING id",
            [document, epoch, seq, data, now()],
        )
        return int(cursor.fetchone()[0])


def read_snapshot(id: int) -> bytes | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM documents_snapshot WHERE id = %s", [id])
        row = cursor.fetchone()
    return bytes(row[0]) if row else None


def mark_snapshot(id: int, sha: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE documents_snapshot SET sha = %s WHERE id = %s", [sha, id])


def thin_snapshots(document: str, epoch: int) -> None:
    """Keep the newest two, which may be needed to load, and the last of each day, which may be one day's history's
    beginning once older rows are gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, created_at FROM documents_snapshot"
            " WHERE document_id = %s AND epoch = %s AND sha <> '' ORDER BY seq DESC, id DESC",
            [document, epoch],
        )
        found = cursor.fetchall()
        days = {str(at)[:10]: id for id, at in reversed(found[2:])}
        spare = [id for id, _ in found[2:] if id not in days.values()]
        cursor.executemany("DELETE FROM documents_snapshot WHERE id = %s", [(id,) for id in spare])


def outdated(document: str, epoch: int, before: datetime) -> bool:
    """Whether there are rows that `retention` would let go."""
    at = connection.ops.adapt_datetimefield_value(before)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM documents_documentupdate u WHERE u.document_id = %s AND u.epoch < %s"
            " AND u.created_at < %s) OR EXISTS (SELECT 1 FROM documents_documentupdate u JOIN documents_snapshot s"
            " ON s.document_id = u.document_id AND s.epoch = u.epoch AND u.seq <= s.seq WHERE u.document_id = %s"
            " AND u.epoch = %s AND s.sha <> '' AND s.created_at < %s AND s.seq < (SELECT MAX(seq)"
            " FROM documents_snapshot n WHERE n.document_id = %s AND n.epoch = %s AND n.sha <> ''))",
            [document, epoch, at, document, epoch, at, document, epoch],
        )
        return bool(cursor.fetchone()[0])
