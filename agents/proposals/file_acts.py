"""Files that turns make, delete and move: noted as it happens, taken back with the turn, brought back with it.

A deleted text lives on as a document without a file; what is no text is kept in the note.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.models import FileAct
from ide.db import in_db
from ide.documents.models import DocumentUpdate
from ide.documents.room import Room
from ide.errors import Refused
from ide.live.host import WorkspaceHost
from ide.workspaces.files import Unreadable

Kind, State = FileAct.Kind, FileAct.State
WORDS = {  # by kind: what taking it back does, what bringing it back does
    Kind.CREATE: ("removed", "made"),
    Kind.DELETE: ("made", "removed"),
    Kind.MOVE: ("moved", "moved"),
}


# --- as it happens ----------------------------------------------------------------------------------------------------


async def created(host: WorkspaceHost, turn_id: str, room: Room) -> None:
    await _note(host, turn_id, Kind.CREATE, room.path, document_id=room.id)


async def delete(host: WorkspaceHost, turn_id: str, path: str) -> None:
    """Delete a file as a turn asks for, so that it can come back. Raises Refused."""
    document, data = await put_away(host, path)
    await _note(host, turn_id, Kind.DELETE, path, document_id=document, data=data)


async def put_away(host: WorkspaceHost, path: str) -> tuple[str | None, bytes]:
    """Delete a file; the document that has its text from now on, else its bytes. Raises Refused."""
    document, data = None, b""
    try:
        document = (await host.open_path(path)).id
    except Unreadable:
        data, _ = await in_db(host.files.read_bytes, path)
    await _remove(host, path)
    return document, data


async def move(host: WorkspaceHost, turn_id: str, path: str, to: str) -> None:
    """Raises Refused."""
    await rename(host, path, to)
    await _note(host, turn_id, Kind.MOVE, path, to=to)


async def _note(host: WorkspaceHost, turn_id: str, kind: str, path: str, **more: object) -> None:
    made = FileAct(workspace_id=host.workspace_id, turn_id=turn_id, kind=kind, path=path, **more)
    await in_db(made.save)


# --- taken back, brought back -----------------------------------------------------------------------------------------


def of_turn(turn_id: str, *, undo: bool) -> list[FileAct]:
    """What can be taken back (brought back), in the order in which that is done."""
    found = FileAct.objects.filter(turn_id=turn_id, state=State.DONE if undo else State.UNDONE)
    return list(found.order_by("-created_at" if undo else "created_at"))


def words(act: FileAct, *, undo: bool) -> tuple[str, str]:
    """What becomes of the file: removed, made or moved, and where to."""
    word = WORDS[Kind(act.kind)][0 if undo else 1]
    return word, (act.path if undo else act.to) if word == "moved" else ""


async def take_back(host: WorkspaceHost, turn_id: str) -> list[str]:
    """Undo what a turn did to files; call it when its texts are taken back. The paths that changed; a file somebody
    else has written in, or whose name is taken, stays as it is."""
    return await take_back_all(host, await in_db(of_turn, turn_id, undo=True))


async def take_back_all(host: WorkspaceHost, acts: Sequence[FileAct], *, whoever_wrote: bool = False) -> list[str]:
    changed = []
    for act in acts:
        if await _undo(host, act, whoever_wrote):
            changed.append(act.to or act.path)
            act.state = State.UNDONE
            await in_db(act.save)
    return changed


async def bring_back(host: WorkspaceHost, turn_id: str) -> list[str]:
    return await bring_back_all(host, await in_db(of_turn, turn_id, undo=False))


async def bring_back_all(host: WorkspaceHost, acts: Sequence[FileAct]) -> list[str]:
    changed = []
    for act in acts:
        if await _redo(host, act):
            changed.append(act.to or act.path)
            act.state = State.DONE
            await in_db(act.save)
    return changed


async def _undo(host: WorkspaceHost, act: FileAct, whoever_wrote: bool) -> bool:
    try:
        if act.kind == Kind.CREATE:
            return await _unmake(host, act, whoever_wrote)
        if act.kind == Kind.DELETE:
            return await _make(host, act)
        return await rename(host, act.to, act.path)
    except (Refused, OSError):
        return False


async def _redo(host: WorkspaceHost, act: FileAct) -> bool:
    try:
        if act.kind == Kind.CREATE:
            return await _make(host, act)
        if act.kind == Kind.DELETE:
            return await _remove(host, act.path)
        return await rename(host, act.path, act.to)
    except (Refused, OSError):
        return False


async def _unmake(host: WorkspaceHost, act: FileAct, whoever_wrote: bool) -> bool:
    """Remove a file again in which nothing is left and nobody else has written."""
    room = await host.open_room(str(act.document_id))
    shared = not whoever_wrote and await in_db(_others_wrote, room.id, act.turn_id)
    if shared or room.text():
        return False
    return await _remove(host, room.path)


async def _remove(host: WorkspaceHost, path: str) -> bool:
    await in_db(host.files.delete, path)
    await host.follow(path, None)
    return True


async def _make(host: WorkspaceHost, act: FileAct) -> bool:
    """The file comes again, with what its document says now."""
    if act.document_id is None:
        await in_db(host.files.make_file, act.path, bytes(act.data))
        return True
    room = await host.open_room(act.document_id)
    document = host.document(room.id)
    return document is not None and await document.disk.attach(room)


async def rename(host: WorkspaceHost, path: str, to: str) -> bool:
    await host.flush([path])
    await in_db(host.files.move, path, to)
    await host.follow(path, to)
    return True


def _others_wrote(document_id: str, turn_id: str) -> bool:
    rows = DocumentUpdate.objects.filter(document_id=document_id)
    return rows.exclude(origin__startswith="undo:").exclude(origin__in=[f"turn:{turn_id}", "seed", "disk"]).exists()
