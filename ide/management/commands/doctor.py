"""`manage.py doctor`: what each part needs, whether it is there, and what to do where it is not."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from ide.parts import checks

SIGNS = {"ok": "✓", "warn": "!", "fail": "✕"}


class Command(BaseCommand):
    help = "Check git, sandbox, broker, database, model and front end; print a table. Exit code 1 if something fails."
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        rows = [(check.name, *check.run()) for check in checks()]
        width = max(len(name) for name, *_ in rows)
        for name, state, finding, advice in rows:
            self.stdout.write(f"{SIGNS[state]} {name:<{width}}  {finding}")
            if advice:
                self.stdout.write(f"  {'':<{width}}  → {advice}")
        if any(state == "fail" for _, state, *_ in rows):
            sys.exit(1)
