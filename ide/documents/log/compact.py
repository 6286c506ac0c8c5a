"""Compaction: the rows of a document's log merged into a snapshot that counts only once a rebuild has proved it.

Runs in a process of its own (`python -m ide.documents.log.compact`, started by `compactor`), which loads neither the
apps nor the models. It writes the snapshot without a checksum, reads it back, rebuilds the text from what it read, and
only then sets the checksum; whatever ends it between two steps leaves the older snapshot and all rows in force. Rows
are never deleted here (see `retention`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import select
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ide import faults
from ide.documents.log import rows
from ide.documents.yjs.decoding import decode
from ide.documents.yjs.replica import Poisoned, Replica, decode_state, merge_all

log = logging.getLogger("ide.documents.log.compact")

ITEMS = 20_000  # a document of more is worth a new epoch
SMALLEST_ITEM = 4  # bytes
IDLE_SECONDS = 60.0
DONE, NOTHING, DIFFERS, LOST = "done", "nothing", "differs", "lost"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a document says at `seq`; replicas with equal facts are equal. `text`, `clocks`: SHA-256 of the text and of
    the state vector."""

    seq: int
    text: str
    clocks: str

    @classmethod
    def of(cls, seq: int, text: str, state: bytes) -> Facts:
        clocks = json.dumps(sorted(decode_state(state).items()))
        return cls(seq, hashlib.sha256(text.encode()).hexdigest(), hashlib.sha256(clocks.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class _Read:
    """The history in one update, and what it says; None if that is in doubt."""

    epoch: int
    seq: int
    merged: bytes
    facts: Facts | None


def rebuilt(seq: int, updates: Sequence[bytes]) -> Facts:
    """What a fresh replica that takes these updates one after the other says. Raises Poisoned."""
    replica = Replica(updates[:1])
    replica.apply(updates[1:])
    return Facts.of(seq, replica.text(), replica.state())


def compact(document: str, fence: int | None = None, live: Facts | None = None) -> str:
    """Merge the log, up to `live` if it is given, into a snapshot that says the same as the rows and as the live
    replica. `fence`: the workspace's host epoch under which alone it may be kept.

    Gives done, nothing (no row behind the newest snapshot), differs (no snapshot was taken: somebody must look) or
    lost (another host or another epoch has the document). Raises LookupError, DatabaseError.
    """
    found = _read(document, live)
    if found is None:
        return NOTHING
    if found.facts is None:
        log.error("document %s: its merged history reads differently; no snapshot is taken", document)
        return DIFFERS
    if live is not None and found.facts != live:
        log.error("document %s: its log reads differently from the live text at %d", document, live.seq)
        return DIFFERS
    with transaction.atomic():
        if not rows.still(document, found.epoch, fence):
            return LOST
        written = rows.write_snapshot(document, found.epoch, found.seq, found.merged)
    faults.hit("compact.written")
    return _mark(document, written, found, fence)


def _read(document: str, live: Facts | None) -> _Read | None:
    """The history; rows that no replica takes are left out, as they are at load."""
    end = rows.position(document)  # rows up to here change no more, so no lock is held while they are read
    seq = end.seq if live is None else live.seq
    found, behind = rows.history(document, end, seq)
    if not behind:
        return None
    updates = [data for _, data in found]
    try:
        facts = rebuilt(seq, updates)
    except Poisoned:
        updates = _good(updates)
        facts = rebuilt(seq, updates)
    merged = merge_all(updates)
    return _Read(end.epoch, seq, merged, facts if _proved(seq, updates, merged, facts) else None)


def _good(updates: list[bytes]) -> list[bytes]:
    good: list[bytes] = []
    for update in updates:
        try:
            rebuilt(0, [*good, update])
        except Poisoned:
            continue
        good.append(update)
    return good


def _proved(seq: int, updates: list[bytes], merged: bytes, facts: Facts) -> bool:
    return merge_all([merged, *updates]) == merged and rebuilt(seq, [merged]) == facts


def _mark(document: str, written: int, found: _Read, fence: int | None) -> str:
    """Let the snapshot count, if what the database gives back for it says what the rows say."""
    data = rows.read_snapshot(written)
    same = data is not None and rebuilt(found.seq, [data]) == found.facts
    with transaction.atomic():
        if not rows.still(document, found.epoch, fence):
            return LOST  # the orphan goes with the next compaction
        if data is None or not same:
            log.error("document %s: its merged history reads differently; no snapshot is taken", document)
            return DIFFERS
        rows.mark_snapshot(written, hashlib.sha256(data).hexdigest())
    faults.hit("compact.marked")
    with transaction.atomic():
        if rows.still(document, found.epoch, fence):
            rows.thin_snapshots(document, found.epoch)
    return DONE


def due(document: str, days: float) -> bool:
    """Whether rows are old enough to go, or the document is worth a new epoch. Raises LookupError."""
    end = rows.position(document)
    if rows.outdated(document, end.epoch, timezone.now() - timedelta(days=days)):
        return True
    found = rows.snapshot(document, end.epoch, end.seq)
    return found is not None and len(found[1]) > ITEMS * SMALLEST_ITEM and items_of(found[1]) > ITEMS


def items_of(update: bytes) -> int:
    """Raises Malformed."""
    return sum(len(found) for found in decode(update).structs.values())


# --- the process -----------------------------------------------------------------------------------------------------


def serve() -> None:
    """Answer one request a line on stdin, the first being the database's settings; end at its end, or idle."""
    os.nice(10)  # keystrokes come first
    lines = open(0, "rb", buffering=0)  # noqa: SIM115  nothing read ahead, or `select` would not see it
    settings.configure(DATABASES={"default": json.loads(lines.readline())}, USE_TZ=True)
    apps.populate([])
    try:
        while select.select([lines], [], [], IDLE_SECONDS)[0] and (line := lines.readline()):
            sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
            sys.stdout.flush()
    finally:
        connection.close()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        if "days" in request:
            return {"due": due(request["document"], request["days"])}
        live = Facts(*request["live"]) if request["live"] else None
        return {"outcome": compact(request["document"], request["fence"], live)}
    except Exception as error:  # told to who asked
        connection.close()
        return {"problem": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    serve()
