"""`manage.py verify_audit`: walk the audit log's chain. Exit code 1 where something does not fit."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from ide.audit.log import verify


class Command(BaseCommand):
    help = "Check every entry of the audit log: hash, link to the one before, no gap, the sealed end."

    def handle(self, *args: object, **options: object) -> None:
        verdict = verify()
        for sentence in verdict.wrong:
            self.stderr.write(sentence)
        if not verdict.sound:
            self.stderr.write("The audit log was tampered with, or its database was restored in part.")
            sys.exit(1)
        self.stdout.write(f"The audit log is whole: {verdict.checked:,} entries.")
