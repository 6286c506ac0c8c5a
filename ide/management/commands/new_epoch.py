"""`manage.py new_epoch`: after a backup of the database was restored, before the server is started again.

Browsers may hold edits that the restored log does not know. In a new epoch they are not merged in silently: each is
shown what it has and the log lacks, as a patch.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone

from ide.documents.log import epoch
from ide.documents.log.rows import Fenced
from ide.documents.models import Document
from ide.documents.yjs.replica import Poisoned
from ide.workspaces.models import Workspace


class Command(BaseCommand):
    help = "Begin a new epoch of every document of a workspace, or of all, after a database backup was restored."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--workspace", metavar="ID", default="", help="the id of one workspace")
        which.add_argument("--all", action="store_true", help="every workspace")

    def handle(self, *args: object, **options: Any) -> None:
        workspaces = Workspace.objects.all()
        if not options["all"]:
            workspaces = workspaces.filter(pk=options["workspace"])
            if not workspaces:
                raise CommandError(f"There is no workspace {options['workspace']}.")
        self._until_none_is_live(workspaces)
        failed, done = 0, 0
        for document in Document.objects.filter(workspace__in=workspaces).order_by("pk"):
            try:
                done += epoch.renew(document.pk)
            except (Fenced, LookupError, Poisoned, ValueError) as error:  # the others can still be renewed
                failed += 1
                self.stderr.write(f"{document.pk} {document.path}: {error}")
        self.stdout.write(f"{done} documents have a new epoch.")
        if failed:
            raise CommandError(f"{failed} documents could not be given one.")

    def _until_none_is_live(self, workspaces: QuerySet[Workspace]) -> None:
        """The claim of a server that is gone, as one from a restored backup, runs out within seconds; that of one that
        runs is renewed. Raises CommandError for that one."""
        held: dict[str, datetime | None] = {}
        while live := list(workspaces.exclude(host="").filter(host_until__gt=timezone.now())):
            if not held:
                self.stderr.write("Waiting for the end of a server that is gone.")
            for one in live:
                if held.setdefault(one.pk, one.host_until) != one.host_until:
                    raise CommandError(f"The workspace “{one.name}” is live. Stop the server first.")
            time.sleep(0.2)
