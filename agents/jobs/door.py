"""HTTP for workers without the site's data folder: git's read protocol for one job, and its objects coming back.

Who asks holds a token of a claim (`places`): it is good for that job, while that fence holds the lease. Nothing here
runs a hook, and no other ref of the workspace can be seen or moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from agents.jobs.working import places
from agents.models import Job
from ide import faults
from ide.db import in_db
from ide.errors import Invalid, NotFound, Refused
from ide.workspaces import exchange, trees

PIECE = 1 << 18
HELD = ("planning", "running")
_KINDS = "application/x-git-upload-pack-{}"


def _held(given: str, job_id: str) -> Job:
    """The job, if the bearer of this token has it now. Raises NotFound."""
    claim = places.claim_of(given.removeprefix("Bearer "))
    if claim is not None and claim[0] == job_id:
        held = Job.objects.filter(pk=job_id, state__in=HELD, lease_fence=claim[1], lease_until__gt=timezone.now())
        job = held.select_related("workspace").first()
        if job is not None:
            return job
    raise NotFound("There is no such job, or it is another worker's.", "A worker claims it anew.")


async def _job(request: HttpRequest, job_id: str) -> Job:
    return await in_db(_held, request.headers.get("Authorization", ""), job_id)


def _refused(error: Refused) -> HttpResponse:
    return JsonResponse(error.as_json(), status=error.status)


@require_GET
async def refs(request: HttpRequest, job_id: str) -> HttpResponseBase:
    """`info/refs` of git's smart HTTP."""
    try:
        job = await _job(request, job_id)
        if request.GET.get("service") != "git-upload-pack":
            raise Invalid("Here is nothing but git-upload-pack.")
        with places.scratch() as folder:
            answer = await exchange.advertised(job.workspace.folder, await in_db(places.refs_of, job), folder)
            data = await asyncio.to_thread(answer.read_bytes)
    except Refused as error:
        return _refused(error)
    return HttpResponse(data, content_type=_KINDS.format("advertisement"), headers={"Cache-Control": "no-store"})


@csrf_exempt
@require_POST
async def upload_pack(request: HttpRequest, job_id: str) -> HttpResponseBase:
    """`git-upload-pack` of git's smart HTTP: the pack, from its file."""
    asked = await asyncio.to_thread(request.read, exchange.LONGEST_REQUEST + 1)
    try:
        pack = _packed(await _job(request, job_id), asked)
        first = await anext(pack)  # what is refused is refused before the answer begins
    except Refused as error:
        return _refused(error)
    return StreamingHttpResponse(_after(first, pack), content_type=_KINDS.format("result"))


async def _packed(job: Job, asked: bytes) -> AsyncIterator[bytes]:
    with places.scratch() as folder:
        answer = await exchange.packed(job.workspace.folder, await in_db(places.refs_of, job), folder, asked)
        with answer.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece
        yield b""


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


@csrf_exempt
@require_POST
async def objects(request: HttpRequest, job_id: str) -> HttpResponseBase:
    """A bundle with one commit, for one of the job's own refs; sent twice, it is taken once. An empty one names a
    commit of the job that is here."""
    oid, ref = request.GET.get("oid", ""), request.GET.get("ref", "")
    try:
        job = await _job(request, job_id)
        if not exchange.is_oid(oid) or not await in_db(places.may_keep, job, ref):
            raise Invalid("This is no result of this job.")
        with places.scratch() as folder:
            bundle = folder / "bundle"
            await asyncio.to_thread(_written, request, bundle)
            root, named = job.workspace.folder, bundle.stat().st_size == 0
            if not named:
                await exchange.checked(root, bundle, oid)
            elif not await _is_known(job, oid):
                raise Invalid("This commit is not here.")
            faults.hit("job.objects")
            await _job(request, job_id)  # it may be another's by now
            await (trees.put(root, ref, oid) if named else exchange.taken(root, oid, ref))
    except Refused as error:
        return _refused(error)
    return JsonResponse({"oid": oid})


async def _is_known(job: Job, oid: str) -> bool:
    root = job.workspace.folder
    for ref in await in_db(places.refs_of, job):
        if await trees.is_ancestor(root, oid, await trees.at(root, ref)):
            return True
    return False


def _written(request: HttpRequest, file: Path) -> None:
    """The body, which the server holds in a file of its own, piece by piece."""
    with file.open("wb") as out:
        while piece := request.read(PIECE):
            out.write(piece)
