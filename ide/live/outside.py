"""What others do to the files of a live workspace, brought to its open documents: changed, renamed, gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from django.db import DatabaseError

from ide.db import in_db
from ide.errors import Refused
from ide.live import rows
from ide.live.open_document import OpenDocument

log = logging.getLogger(__name__)


class Host(Protocol):
    workspace_id: str

    def publish(self, event: Mapping[str, Any]) -> None: ...


async def merge(host: Host, documents: Collection[OpenDocument], changed: set[str]) -> set[str]:
    """Merge what changed into the documents it touches. A path stands for all below it; no path, or "", for anything.
    The paths in which nothing but our own saves has changed.

    Whose file is as we left it has nothing to merge. One document's trouble is its own: its next save merges what was
    missed.
    """
    own = await asyncio.to_thread(lambda: {one for one in documents if one.disk.as_left()})
    saves = {one.disk.path for one in own if one.disk.written}
    for document in documents:
        if document in own:
            continue
        touched = not changed or "" in changed or _touches(changed, document.room.path)
        try:
            if (touched or document.disk.detached) and await _renamed(host, document, changed):
                continue
            if touched:
                await document.reconcile()
        except (OSError, Refused, DatabaseError) as error:
            log.warning("document %s: a change on disk was not merged: %s", document.id, error)
    return saves


def _touches(changed: set[str], path: str) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:end]) in changed for end in range(1, len(parts) + 1))


async def _renamed(host: Host, document: OpenDocument, changed: set[str]) -> bool:
    """Whether a document's file has another name now and the document has followed it there."""
    to = await document.disk.moved_to(changed)
    if to is None or not await in_db(rows.has_room_for, host.workspace_id, document.id, to):
        return False
    await in_db(rows.move, host.workspace_id, document.room.path, to)
    await document.move(to)
    host.publish({"type": "document.moved", "document": document.id, "path": to})
    return True
