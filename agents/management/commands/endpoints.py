"""`manage.py endpoints`: connect the models that settings name and the local servers that run; `up` calls it."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from agents.endpoints.choice import sync_endpoints, usable


class Command(BaseCommand):
    help = "Connect the models that settings and running local servers offer, and list all that can be used."

    def handle(self, *args: object, **options: object) -> None:
        sync_endpoints()
        if int(str(options.get("verbosity", 1))) < 1:
            return
        for row in usable():
            self.stdout.write(f"{row.name}: {row.model} at {row.base_url}")
