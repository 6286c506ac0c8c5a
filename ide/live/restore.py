"""The op `document.restore`: bring an old version's text back as a forward edit of the person who asks."""

from __future__ import annotations

import asyncio

from ide.accounts.permissions import Action
from ide.db import in_db
from ide.documents.history import timeline as history
from ide.documents.room import Room
from ide.documents.text import clean, minimal_edits
from ide.errors import Busy, Invalid
from ide.live.ops import Params, Participant, WorkspaceHost, register

_TRIES = 5


async def restore(host: WorkspaceHost, participant: Participant, params: Params) -> Params:
    """{document, epoch, seq, version?} → {changed}. The document goes on; nothing behind the version is forgotten."""
    document, epoch, seq, version = (params.get(name) for name in ("document", "epoch", "seq", "version"))
    if not isinstance(document, str) or not isinstance(epoch, int) or not isinstance(seq, int):
        raise Invalid("Which version to restore is not said.")
    if not isinstance(version, int | None):
        raise Invalid("Which version to restore is not said.")
    room = await host.open_room(document)
    then = await in_db(history.text_at, document, epoch, seq, version)
    return {"changed": await _bring_back(room, clean(then.text), f"person:{participant.user_id}")}


async def _bring_back(room: Room, text: str, origin: str) -> bool:
    for _ in range(_TRIES):
        now = room.text()
        edits = await asyncio.to_thread(minimal_edits, now, text)
        if room.text() != now:
            continue  # somebody typed meanwhile
        if edits:
            await room.edit(edits, origin)
        return bool(edits)
    raise Busy("The document changes all the time.")


def register_ops() -> None:
    register("document.restore", Action.EDIT, restore)
