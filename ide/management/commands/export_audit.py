"""`manage.py export_audit`: the audit log as lines of JSON."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ide.audit.log import Question, export


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise CommandError(f"“{text}” is no date. Write it like 2026-11-23.") from error


class Command(BaseCommand):
    help = "Write the audit log to standard output, oldest first: one JSON object a line, hashes included."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", metavar="DATE", help="from this day on (UTC)")
        parser.add_argument("--until", metavar="DATE", help="before this day (UTC)")
        parser.add_argument("--act", default="", help="only this act, or all below it: login, role, limit …")

    def handle(self, *args: Any, **options: Any) -> None:
        since, until = (options[name] and _day(options[name]) for name in ("since", "until"))
        for line in export(Question(act=options["act"], since=since or None, until=until or None)):
            sys.stdout.buffer.write(line)
