"""`manage.py tidy`: what is left to do for a closed document; started by `ide.documents.log.compactor`, not by people.

Standard input has two lines of JSON: the database's settings, then {document, fence, days}. Here all apps are loaded,
because the timeline and the authorship must be settled before rows go.
"""

from __future__ import annotations

import json
import sys

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from ide.documents.log import epoch, retention
from ide.documents.log.rows import Fenced
from ide.documents.models import Document
from ide.documents.yjs.replica import Poisoned


class Command(BaseCommand):
    help = "Used by the web server: let old rows of a closed document go, and begin a new epoch where it is worth it."
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        connections["default"].settings_dict.update(json.loads(sys.stdin.readline()))
        request = json.loads(sys.stdin.readline())
        document, fence = request["document"], request["fence"]
        try:
            retention.let_go(document, request["days"], fence)
            epoch.rebuild(document, fence)
        except (Fenced, LookupError, Poisoned, ValueError, Document.DoesNotExist) as error:
            raise CommandError(f"document {document}: {error}") from error
