"""HTTP for workspaces and their files, in the wire's shapes. Documents, people, models and jobs have routes elsewhere.

Every route asks `allow`; what blocks (disk, ORM) runs in threads.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from ninja import File, Form, Router, Schema, Status, UploadedFile

from ide.accounts.bearer import with_token
from ide.accounts.models import Membership, User
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.audit.log import Where, record
from ide.db import in_db
from ide.errors import Conflict, Invalid, NotFound, TooLarge
from ide.workspaces import create, git
from ide.workspaces.figures import FileChange, figures_of, on_file_change, register_figures, tell
from ide.workspaces.files import Files
from ide.workspaces.models import Workspace
from ide.workspaces.search import search as search_files

__all__ = ["on_file_change", "register_figures", "router"]

RAW_BYTES = 256 << 20
Json = dict[str, object]
router = Router(tags=["workspaces"])


class NewWorkspace(Schema):
    name: str
    source: Literal["git", "local", "sample", "empty"]
    origin: str = ""


class NewFile(Schema):
    path: str
    kind: Literal["file", "folder"]


class Move(Schema):
    path: str
    to: str


# --- workspaces -----------------------------------------------------------------------------------------------------


@router.get("/workspaces")
async def listed(request: HttpRequest) -> list[Json]:
    return await in_db(_mine, person(request))


@router.post("/workspaces", response={201: Json})
async def created(request: HttpRequest, body: NewWorkspace) -> Status[Json]:
    """Answers at once with state `creating`; the row tells how it goes on."""
    row = await in_db(create.request, person(request), body.name, body.source, body.origin)
    await in_db(_recorded, "workspace.make", person(request), row)
    create.begin(row.pk)
    return Status(201, await in_db(_card, row, person(request)))


@router.post("/workspaces/upload", response={201: Json})
async def uploaded(request: HttpRequest, name: Form[str], file: File[UploadedFile]) -> Status[Json]:
    """A workspace from an archive. One that is not usable is refused before anything is made (422)."""
    who = person(request)
    await in_db(allow, who, Action.CREATE_WORKSPACE)
    create.usable_name(name)
    files = await asyncio.to_thread(_unpacked, file)
    try:
        row = await in_db(create.request, who, name, Workspace.Source.UPLOAD)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, files, ignore_errors=True)
        raise
    await in_db(_recorded, "workspace.make", who, row)
    create.begin(row.pk, files)
    return Status(201, await in_db(_card, row, who))


@router.get("/workspaces/{workspace_id}")
async def shown(request: HttpRequest, workspace_id: str) -> Json:
    await in_db(create.fail_abandoned)
    row = await _workspace(request, workspace_id, Action.SEE, ready=False)
    return await in_db(_card, row, person(request))


@router.delete("/workspaces/{workspace_id}", response={204: None})
async def deleted(request: HttpRequest, workspace_id: str) -> Status[None]:
    row = await _workspace(request, workspace_id, Action.DELETE, ready=False)
    if row.state == Workspace.State.CREATING:
        await create.cancel(row.pk)
    await tell(FileChange(row.pk, "gone", ""))
    await in_db(_recorded, "workspace.remove", person(request), row)
    folder = await in_db(create.remove, row)
    if folder is not None:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return Status(204, None)


@router.post("/workspaces/{workspace_id}/retry")
async def retried(request: HttpRequest, workspace_id: str) -> Json:
    row = await _workspace(request, workspace_id, Action.DELETE, ready=False)
    if row.source == Workspace.Source.LOCAL:
        await in_db(allow, person(request), Action.LOCAL_PATH)
    await in_db(create.retry, row)
    create.begin(row.pk)
    await in_db(row.refresh_from_db)
    return await in_db(_card, row, person(request))


# --- files ----------------------------------------------------------------------------------------------------------


@router.get("/workspaces/{workspace_id}/tree", auth=with_token)
async def tree(request: HttpRequest, workspace_id: str) -> Json:
    row = await _workspace(request, workspace_id, Action.SEE)
    entries, truncated = await asyncio.to_thread(Files(row.folder).tree)
    return {"entries": [vars(entry) for entry in entries], "truncated": truncated}


@router.get("/workspaces/{workspace_id}/git", auth=with_token)
async def git_status(request: HttpRequest, workspace_id: str) -> Json:
    row = await _workspace(request, workspace_id, Action.SEE)
    branch, head, changes = await asyncio.gather(git.branch(row.folder), git.head(row.folder), git.status(row.folder))
    shown_changes = [{"path": _shown(path), "status": status} for path, status in changes]
    return {"branch": branch, "head": head, "changes": shown_changes}


@router.get("/workspaces/{workspace_id}/search", auth=with_token)
async def search(
    request: HttpRequest, workspace_id: str, q: str, regex: bool = False, *, case: bool = False, glob: str = ""
) -> Json:
    row = await _workspace(request, workspace_id, Action.SEE)
    found = await search_files(row.folder, q, regex=regex, case=case, glob=glob)
    hits = [vars(hit) for hit in found.hits]
    return {"hits": hits, "truncated": found.truncated, "seconds": round(found.seconds, 3)}


@router.post("/workspaces/{workspace_id}/files", response={201: Json})
async def made(request: HttpRequest, workspace_id: str, body: NewFile) -> Status[Json]:
    row = await _workspace(request, workspace_id, Action.EDIT)
    files = Files(row.folder)
    await asyncio.to_thread(files.make_file if body.kind == "file" else files.make_folder, body.path)
    await tell(FileChange(row.pk, "made", body.path))
    return Status(201, {"path": body.path, "kind": body.kind})


@router.patch("/workspaces/{workspace_id}/files")
async def moved(request: HttpRequest, workspace_id: str, body: Move) -> Json:
    row = await _workspace(request, workspace_id, Action.EDIT)
    await asyncio.to_thread(Files(row.folder).move, body.path, body.to)
    await tell(FileChange(row.pk, "moved", body.path, body.to))
    return {"path": body.to}


@router.delete("/workspaces/{workspace_id}/files", response={204: None})
async def removed(request: HttpRequest, workspace_id: str, path: str) -> Status[None]:
    row = await _workspace(request, workspace_id, Action.EDIT)
    await asyncio.to_thread(Files(row.folder).delete, path)
    await tell(FileChange(row.pk, "deleted", path))
    return Status(204, None)


@router.get("/workspaces/{workspace_id}/raw", auth=with_token)
async def raw(request: HttpRequest, workspace_id: str, path: str) -> HttpResponse:
    """The bytes of a file as a download, never shown on our own origin."""
    row = await _workspace(request, workspace_id, Action.SEE)
    data, _ = await asyncio.to_thread(Files(row.folder).read_bytes, path, RAW_BYTES)
    response = HttpResponse(data, content_type="application/octet-stream")
    name = "".join(c if c.isprintable() else "_" for c in path.rsplit("/", 1)[-1])
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.post("/workspaces/{workspace_id}/files/upload", response={201: Json})
async def put(
    request: HttpRequest, workspace_id: str, file: File[UploadedFile], folder: Form[str] = ""
) -> Status[Json]:
    """Put one file into a folder; an existing one of that name is not replaced."""
    row = await _workspace(request, workspace_id, Action.EDIT)
    _check_size(file)
    path = "/".join(filter(None, (folder.strip("/"), file.name or "")))
    await asyncio.to_thread(lambda: Files(row.folder).make_file(path, file.read()))
    await tell(FileChange(row.pk, "made", path))
    return Status(201, {"path": path, "kind": "file"})


# --- what the routes share ------------------------------------------------------------------------------------------


async def _workspace(request: HttpRequest, workspace_id: str, action: Action, *, ready: bool = True) -> Workspace:
    """The workspace, if the person may do this with it. Raises NotFound, NotAllowed, Conflict (no files yet)."""
    row = await in_db(_allowed, person(request), workspace_id, action)
    if ready and row.state != Workspace.State.READY:
        raise Conflict("This workspace has no files yet.", row.problem or "Wait until it is created.")
    return row


def _recorded(act: str, who: User, row: Workspace) -> None:
    record(act, who, Where(row.team_id, f"workspace {row.pk}"), name=row.name, source=row.source)


def _allowed(who: User, workspace_id: str, action: Action) -> Workspace:
    row = Workspace.objects.select_related("team").filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(who, action, row)
    return row


def _mine(who: User) -> list[Json]:
    create.fail_abandoned()
    roles = dict(Membership.objects.filter(user=who).values_list("team_id", "role"))
    rows = list(Workspace.objects.filter(team_id__in=roles).order_by("-active_at"))
    figures = figures_of([row.pk for row in rows])
    return [_as_json(row, roles[row.team_id], figures[row.pk]) for row in rows]


def _card(row: Workspace, who: User) -> Json:
    role = Membership.objects.values_list("role", flat=True).get(user=who, team_id=row.team_id)
    return _as_json(row, role, figures_of([row.pk])[row.pk])


def _as_json(row: Workspace, role: str, figures: Json) -> Json:
    return {
        "id": row.pk,
        "name": row.name,
        "role": role,
        "source": row.source,
        "origin": row.origin,
        "state": row.state,
        "progress": row.progress,
        "problem": row.problem,
        "active_at": row.active_at.isoformat(),
        **figures,
    }


def _shown(path: str) -> str:
    """A path as JSON can carry it: bytes that are no text become U+FFFD."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _check_size(file: UploadedFile) -> None:
    if file.size is None or file.size > settings.UPLOAD_LIMIT:
        raise TooLarge(f"Uploads are limited to {settings.UPLOAD_LIMIT >> 20} MiB.", "Leave something out.")
    if not file.name:
        raise Invalid("The upload has no file name.")


def _unpacked(file: UploadedFile) -> Path:
    _check_size(file)
    with NamedTemporaryFile(prefix="tandem-upload-") as copy:
        for chunk in file.chunks():
            copy.write(chunk)
        copy.flush()
        return create.unpacked(Path(copy.name))


def team_of(workspace_id: str) -> str | None:
    """The team of a workspace, for the routes about people. Synchronous ORM."""
    return Workspace.objects.filter(pk=workspace_id).values_list("team_id", flat=True).first()
