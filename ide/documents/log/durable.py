"""Whether the database keeps what it has committed when the power fails: "saved" is a promise only then."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import DatabaseError, connection

from ide.parts import Check

Finding = tuple[str, str, str]  # as of `Check.run`


def check() -> Finding:
    try:
        return judged(connection.vendor, _facts())
    except DatabaseError as error:
        return "fail", str(error), "Check DATABASE_URL, or unset it to use SQLite in the data folder."


def judged(vendor: str, facts: Mapping[str, str]) -> Finding:
    if vendor == "sqlite":
        if (facts["journal_mode"], facts["synchronous"]) == ("wal", "2"):
            return "ok", "WAL, synchronous=FULL", ""
        found = f"journal_mode={facts['journal_mode']}, synchronous={facts['synchronous']}"
        return "fail", found, "Keep the database on a local disk; SQLite's WAL does not work on network folders."
    if facts["fsync"] != "on":
        return "fail", "PostgreSQL runs with fsync=off", "Set fsync = on in postgresql.conf; saved text could be lost."
    if facts["synchronous_commit"] == "off":
        advice = "Set synchronous_commit = on, or live with losing the last moments of saved text when the power fails."
        return "warn", "PostgreSQL runs with synchronous_commit=off", advice
    return "ok", f"fsync=on, synchronous_commit={facts['synchronous_commit']}", ""


def _facts() -> dict[str, str]:
    sqlite = connection.vendor == "sqlite"
    names = ("journal_mode", "synchronous") if sqlite else ("fsync", "synchronous_commit")
    found = {}
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"{'PRAGMA' if sqlite else 'SHOW'} {name}")
            found[name] = str(cursor.fetchone()[0])
    return found


DURABLE = Check("saved is safe", check)
