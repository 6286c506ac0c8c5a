"""Taking a whole turn back, in every document it wrote in, for everybody; and bringing it back again.

Everything people wrote since stays, also inside what the turn wrote (ide.documents.history.undo). An undo writes under
an origin of its own, so it is in the timeline, and a redo is nothing but the undo of that undo. What has become of a
turn is told by notes in its transcript.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from agents import wire
from agents.models import FileAct, Item, Proposal, Turn
from agents.proposals import file_acts
from agents.proposals.hunks import counts
from agents.sessions.acts import Sessions
from agents.sessions.transcript import save_items, settle_numbers
from ide.accounts.models import User
from ide.db import in_db, new_id
from ide.documents.history.authors import Author, person_json
from ide.documents.history.undo import may_have_written, without
from ide.documents.room import Room
from ide.documents.text import merge3, minimal_edits
from ide.errors import Busy, Conflict, NotFound
from ide.live.host import WorkspaceHost

TRIES = 5


@dataclass(frozen=True)
class Standing:
    """A turn that has ended: the documents it wrote in, and the origin whose edits an undo (or a redo) takes back."""

    turn: Turn
    documents: tuple[str, ...]
    undone: bool
    origin: str


async def preview(host: WorkspaceHost, sessions: Sessions, turn_id: str, *, undo: bool) -> list[wire.Json]:
    """What `change` would do now: for each file the text as it is and as it would be, and whether it comes, goes or
    moves."""
    standing = await _settled(host, sessions, turn_id)
    shown = []
    for document in standing.documents:
        room = await host.open_room(document)
        now, then = await _texts(room, standing)
        if now != then:
            shown.append(told(document, room.path, now, then))
    known = {str(file["document"]): file for file in shown}
    for act in await in_db(file_acts.of_turn, turn_id, undo=undo):
        file = known.get(act.document_id or "") or told(act.document_id or "", act.path, "", "")
        if file not in shown:
            shown.append(file)
        file["act"], file["to"] = file_acts.words(act, undo=undo)
    return shown


def told(document: str, path: str, now: str, then: str) -> wire.Json:
    """A TurnFile of wire.ts."""
    added, removed = counts(now, then)
    figures = {"added": added, "removed": removed, "act": "", "to": ""}
    return {"document": document, "path": path, "now": now, "then": then, **figures}


async def change(host: WorkspaceHost, sessions: Sessions, turn_id: str, user: User, *, undo: bool) -> list[str]:
    """Take a turn back, or bring it back; the paths that changed. Raises Conflict when there is nothing to do."""
    standing = await _settled(host, sessions, turn_id)
    if standing.undone == undo:
        raise Conflict("This turn has been taken back already." if undo else "This turn has not been taken back.")
    dropped = await sessions.proposals.drop_waiting(turn_id, user.pk) if undo else []
    mark = new_id()
    note = await in_db(_note, standing.turn, user, mark, undo)  # first: an origin nobody knows must not appear
    paths = []
    for document in standing.documents:
        room = await host.open_room(document)
        if await _take_back(sessions, room, standing, f"undo:{mark}"):
            paths.append(room.path)
    acts = await file_acts.take_back(host, turn_id) if undo else await file_acts.bring_back(host, turn_id)
    paths = list(dict.fromkeys([*paths, *acts, *dropped]))
    if not paths:
        await in_db(note.delete)
        raise Conflict("Nothing of this is left in the files.", "There is nothing to change.")
    await tell(sessions, standing.turn, note)
    return paths


async def _settled(host: WorkspaceHost, sessions: Sessions, turn_id: str) -> Standing:
    await sessions.settled(turn_id)
    await sessions.proposals.saved()
    return await in_db(_standing, host.workspace_id, turn_id)


async def _take_back(sessions: Sessions, room: Room, standing: Standing, new: str) -> bool:
    turn, proposals = standing.turn, sessions.proposals
    with room.hold():
        for _ in range(TRIES):
            now, then = await _texts(room, standing)
            edits = await asyncio.to_thread(minimal_edits, now, then)
            await room.whole()
            if room.text() != now:
                continue  # somebody typed meanwhile
            if edits and standing.undone and not turn.waits:
                await proposals.bring_back(room, turn, edits, new)
            elif edits:
                await proposals.take_back(room, [turn.pk], edits, new)
            return bool(edits)
    raise Busy("The document changes all the time.")


async def _texts(room: Room, standing: Standing) -> tuple[str, str]:
    """The text now, and as it would be."""
    if room.pending:
        await asyncio.wait(room.pending)
    found = await in_db(without, room.id, standing.origin, f"turn:{standing.turn.pk}")
    now = room.text()
    if now == found.now:
        return now, found.text
    merged = await asyncio.to_thread(merge3, found.now, now, found.text)  # typed while the log was read
    return now, merged.text


async def tell(sessions: Sessions, turn: Turn, note: Item) -> None:
    live = await sessions.session(turn.session_id)
    live.memory = None  # the model must read the files again
    live.generation += 1
    live.emit("item.completed", item=wire.item(note))
    if live.turn is None:
        await in_db(settle_numbers, live.row.pk, live.seq)


def known(workspace_id: str, turn_id: str) -> Turn:
    """The turn of this workspace. Raises NotFound."""
    found = Turn.objects.filter(pk=turn_id, session__workspace_id=workspace_id)
    turn = found.select_related("owner", "session").first()
    if turn is None:
        raise NotFound("There is no such turn in this workspace.")
    return turn


def _standing(workspace_id: str, turn_id: str) -> Standing:
    turn = known(workspace_id, turn_id)
    if turn.state == Turn.State.RUNNING:
        raise Conflict("This turn is still running.", "Interrupt it first.")
    made = FileAct.objects.filter(turn=turn, kind=FileAct.Kind.CREATE, document__isnull=False)
    wrote = Proposal.objects.filter(turn=turn).order_by("created_at").values_list("document_id", flat=True)
    touched = list(dict.fromkeys([*wrote, *(act.document_id or "" for act in made)]))
    last = _marks(turn).last()
    undone = bool(last and last.data["undone"])
    origin = f"undo:{last.data['undo']}" if last is not None else f"turn:{turn.pk}"
    return Standing(turn, tuple(one for one in touched if may_have_written(one, origin)), undone, origin)


def _marks(turn: Turn) -> QuerySet[Item]:
    return turn.items.filter(kind=Item.Kind.NOTE, data__has_key="undo").order_by("position")


def _note(turn: Turn, user: User, mark: str, undone: bool) -> Item:
    words = "took back what this turn wrote" if undone else "brought back what this turn wrote"
    return keep_note(
        turn, user, {"text": f"{user.shown_name} {words}.", "tone": "info", "undo": mark, "undone": undone}
    )


def keep_note(turn: Turn, user: User, data: wire.Json) -> Item:
    """A note behind everything in the turn, saved; `undo:<its id>` is an origin then. Its id: `undo` or `restore`."""
    mark = str(data.get("undo") or data["restore"])
    position = (turn.items.order_by("-position").values_list("position", flat=True).first() or 0) + 1
    made = Item(pk=mark, turn=turn, position=position, kind=Item.Kind.NOTE, data=data, created_at=timezone.now())
    made.author = user
    save_items([made])
    return made


def authors(ids: set[str]) -> dict[str, Author]:
    """Who the origins `undo:<id>` are: the people who took a turn back."""
    rows = Item.objects.filter(pk__in=ids, kind=Item.Kind.NOTE).select_related("author", "turn")
    return {
        row.pk: Author(
            f"undo:{row.pk}",
            "person",
            row.author.shown_name if row.author else "somebody",
            person_json(row.author),
            session=row.turn.session_id,
            turn=row.turn_id,
            at=row.created_at,
        )
        for row in rows
    }
