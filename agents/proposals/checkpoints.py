"""Every turn is a checkpoint: all documents that it or a later turn of the workspace wrote in can go back to their text
at its beginning, in one act of a person that can itself be taken back. What these turns did to files goes back too.

Unlike an undo this takes back what people wrote since in those documents; the preview says so before it is done.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agents import wire
from agents.models import FileAct, Item, Proposal, Turn
from agents.proposals import file_acts
from agents.proposals.undo import TRIES, keep_note, known, tell, told
from agents.sessions.acts import Sessions
from ide.accounts.models import User
from ide.db import in_db, new_id
from ide.documents.history.undo import at, without
from ide.documents.models import DocumentUpdate
from ide.documents.room import Room
from ide.documents.text import minimal_edits
from ide.errors import Busy, Conflict, NotFound
from ide.live.host import WorkspaceHost


@dataclass(frozen=True)
class Checkpoint:
    """`texts` at the turn's beginning, by document; `later`: the turn and all after it; `acts`: newest first."""

    turn: Turn
    texts: dict[str, str]
    later: tuple[str, ...]
    acts: tuple[FileAct, ...]


async def preview(host: WorkspaceHost, sessions: Sessions, turn_id: str) -> list[wire.Json]:
    """What `restore` would do now, as undo.preview tells it."""
    point = await _point(host, sessions, turn_id)
    acts = {act.document_id: act for act in point.acts if act.document_id}
    shown = []
    for document, then in point.texts.items():
        room = await host.open_room(document)
        if room.text() != then or document in acts:
            shown.append(told(document, room.path, room.text(), then))
    by_document = {str(file["document"]): file for file in shown}
    for act in point.acts:
        file = by_document.get(act.document_id or "")
        if file is None:
            file = told(act.document_id or "", act.to or act.path, "", "")
            shown.append(file)
        file["act"], file["to"] = file_acts.words(act, undo=True)
    return shown


async def restore(host: WorkspaceHost, sessions: Sessions, turn_id: str, user: User) -> list[str]:
    """Go back; the paths that changed. Raises Conflict where nothing would change."""
    point = await _point(host, sessions, turn_id)
    mark = new_id()
    data: wire.Json = {"text": f"{user.shown_name} went back to before this turn.", "tone": "info"}
    note = await in_db(keep_note, point.turn, user, {**data, "restore": mark, "undone": False})
    dropped = [path for turn in point.later for path in await sessions.proposals.drop_waiting(turn, user.pk)]
    paths = []
    for document, then in point.texts.items():
        room = await host.open_room(document)
        if await _become(sessions, room, then, point.later, f"undo:{mark}"):
            paths.append(room.path)
    paths += await file_acts.take_back_all(host, point.acts, whoever_wrote=True)
    if not paths and not dropped:
        await in_db(note.delete)
        raise Conflict("Everything is as it was before this turn.", "There is nothing to change.")
    await in_db(_remember, note, [act.pk for act in point.acts])
    await tell(sessions, point.turn, note)
    return list(dict.fromkeys([*paths, *dropped]))


async def unrestore(host: WorkspaceHost, sessions: Sessions, turn_id: str, user: User) -> list[str]:
    """Take the newest restore to before this turn back; what was written since stays. Raises Conflict."""
    turn = await in_db(known, host.workspace_id, turn_id)
    found = await in_db(_newest, turn)
    if found is None or found.data["undone"]:
        raise Conflict("Nobody went back to before this turn.", "There is nothing to bring back.")
    paths = await _redo_texts(host, found, f"person:{user.pk}")
    paths += await file_acts.bring_back_all(host, await in_db(_acts, found))
    found.data = {**found.data, "undone": True, "text": f"{found.data['text']} {user.shown_name} took that back."}
    await in_db(found.save)
    await tell(sessions, turn, found)
    return list(dict.fromkeys(paths))


async def _redo_texts(host: WorkspaceHost, note: Item, by: str) -> list[str]:
    origin, paths = f"undo:{note.pk}", []
    for document in await in_db(_written, host.workspace_id, origin):
        room = await host.open_room(document)
        if room.pending:
            await asyncio.wait(room.pending)
        found = await in_db(without, document, origin)
        await room.whole()
        edits = minimal_edits(room.text(), found.text)
        if edits and room.text() == found.now:
            await room.edit(edits, by)
            paths.append(room.path)
    return paths


async def _become(sessions: Sessions, room: Room, text: str, later: tuple[str, ...], origin: str) -> bool:
    with room.hold():
        for _ in range(TRIES):
            now = room.text()
            edits = await asyncio.to_thread(minimal_edits, now, text)
            await room.whole()
            if room.text() != now:
                continue  # somebody typed meanwhile
            if edits:
                await sessions.proposals.take_back(room, later, edits, origin)
            return bool(edits)
    raise Busy("The document changes all the time.")


async def _point(host: WorkspaceHost, sessions: Sessions, turn_id: str) -> Checkpoint:
    for turn in await in_db(_later, host.workspace_id, turn_id):
        await sessions.settled(turn)
    await sessions.proposals.saved()
    for room in host.rooms_open():
        if room.pending:
            await asyncio.wait(room.pending)
    return await in_db(_found, host.workspace_id, turn_id)


def _later(workspace_id: str, turn_id: str) -> list[str]:
    began = known(workspace_id, turn_id).started_at
    turns = Turn.objects.filter(session__workspace_id=workspace_id, started_at__gte=began)
    return list(turns.order_by("-started_at").values_list("pk", flat=True))


def _found(workspace_id: str, turn_id: str) -> Checkpoint:
    turn = known(workspace_id, turn_id)
    later = tuple(_later(workspace_id, turn_id))
    if Turn.objects.filter(pk__in=later, state=Turn.State.RUNNING).exists():
        raise Conflict("A turn is still running that began then or later.", "Interrupt it first.")
    acts = tuple(FileAct.objects.filter(turn_id__in=later, state=FileAct.State.DONE).order_by("-created_at"))
    wrote = Proposal.objects.filter(turn_id__in=later).order_by("created_at").values_list("document_id", flat=True)
    documents = dict.fromkeys([*wrote, *(act.document_id for act in acts if act.document_id)])
    made = {act.document_id for act in acts if act.kind == FileAct.Kind.CREATE}
    texts = {}
    for document in documents:
        text = "" if document in made else at(document, turn.started_at)
        if text is None:
            raise NotFound("The text of that time is not kept any more.", "Look into the history of each file.")
        texts[document] = text
    return Checkpoint(turn, texts, later, acts)


def _remember(note: Item, acts: list[str]) -> None:
    note.data = {**note.data, "acts": acts}
    note.save()


def _newest(turn: Turn) -> Item | None:
    found = turn.items.filter(kind=Item.Kind.NOTE, data__has_key="restore").select_related("author")
    return found.order_by("position").last()


def _acts(note: Item) -> list[FileAct]:
    found = FileAct.objects.filter(pk__in=note.data.get("acts", []), state=FileAct.State.UNDONE)
    return list(found.order_by("created_at"))


def _written(workspace_id: str, origin: str) -> list[str]:
    rows = DocumentUpdate.objects.filter(document__workspace_id=workspace_id, origin=origin)
    return list(rows.values_list("document_id", flat=True).distinct())
