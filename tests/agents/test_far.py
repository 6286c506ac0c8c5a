"""A worker without the site's folder: a real server, git over HTTP with the token of a claim, bundles back."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.utils import timezone
from pytest_django import Settings

from agents.jobs import errands, work
from agents.jobs.result.merging import Wish
from agents.jobs.rows import leases
from agents.jobs.rows import life as jobs
from agents.jobs.working import places
from agents.models import Job
from ide.db import in_db
from tests.agents.conftest import CODE, Follower, Site, git
from tests.agents.test_suggestions import ONE, TWO, patch
from tests.site import free_port


@pytest.fixture
async def served(site: Site, ada: Follower, settings: Settings) -> AsyncIterator[str]:
    """The address of a server of this site; whoever works on a job here believes to be on another machine."""
    config = uvicorn.Config(get_asgi_application(), port=free_port(), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    settings.GIT_URL = f"http://127.0.0.1:{config.port}/git"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    yield settings.GIT_URL
    server.should_exit = True
    await task


async def claimed(site: Site) -> Job:
    order = jobs.Order("agent", "Change both")
    job_id = str((await errands.request(site.workspace.pk, site.ada, order))["id"])
    job = await in_db(leases.claim, job_id, "elsewhere")
    assert job is not None
    return job


async def fetched(url: str, token: str, *refs: str) -> tuple[int, str]:
    """The code and the words of a plain `git ls-remote`, or of a fetch of these refs or objects."""
    header = ("-c", f"http.extraHeader=Authorization: Bearer {token}")
    folder = Path(settings.DATA_DIR) / "plain"
    await asyncio.to_thread(subprocess.run, ["git", "init", "-q", str(folder)], check=True)
    act = ("fetch", "-q", url, *refs) if refs else ("ls-remote", url)
    done = await asyncio.to_thread(
        subprocess.run, ["git", *header, *act], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


async def test_a_job_is_done_on_another_machine_and_merged(site: Site, ada: Follower, served: str) -> None:
    await in_db(site.script, patch(("one(a)", ONE)), patch(("two(b)", TWO)), {"text": "Done."})
    order = jobs.Order("agent", "Change both")
    job_id = str((await errands.request(site.workspace.pk, site.ada, order))["id"])
    await work.execute(job_id)
    job = await in_db(jobs.get, job_id)
    assert (job.state, job.error) == ("review", "")
    mirror = Path(settings.DATA_DIR) / "mirrors" / site.workspace.pk
    assert git(mirror, "rev-parse", f"refs/tandem/jobs/{job_id}") == job.head
    assert git(site.folder, "rev-parse", f"refs/tandem/jobs/{job_id}") == job.head
    assert not git(site.folder, "for-each-ref", "refs/tandem/incoming")
    assert list((Path(settings.DATA_DIR) / "exchange").iterdir()) == []
    await errands.merge(job, site.ada, Wish(job.head))
    wanted = CODE.replace("return a", "return a + 1").replace("return b", "return b * 2")
    assert (site.folder / "a.py").read_text() == wanted


async def test_a_token_opens_its_own_job_while_the_lease_lasts_and_nothing_else(
    site: Site, ada: Follower, served: str
) -> None:
    await in_db(site.script, {"text": "x"})
    git(site.folder, "update-ref", "refs/heads/secret", git(site.folder, "commit-tree", "HEAD^{tree}", "-m", "secret"))
    job, other = await claimed(site), await claimed(site)
    url, token = f"{served}/jobs/{job.pk}/git", places.token(job)
    code, told = await fetched(url, token)
    assert (code, told.split()) == (0, [job.base, f"refs/tandem/bases/{job.pk}"]), "only what the job stands on"
    assert (await fetched(url, token, f"refs/tandem/bases/{job.pk}"))[0] == 0
    secret = git(site.folder, "rev-parse", "refs/heads/secret")
    for asked in ("refs/heads/secret", "refs/heads/main", secret, f"refs/tandem/bases/{other.pk}"):
        assert (await fetched(url, token, asked))[0] != 0, asked
    for bad in (places.token(other), token + "x", ""):
        assert "not found" in (await fetched(url, bad))[1]
    past = timezone.now() - timedelta(seconds=1)
    await in_db(lambda: Job.objects.filter(pk=job.pk).update(lease_until=past))
    assert "not found" in (await fetched(url, token))[1]
    later = timezone.now() + timedelta(seconds=60)
    await in_db(lambda: Job.objects.filter(pk=job.pk).update(lease_until=later, lease_fence=job.lease_fence + 1))
    assert "not found" in (await fetched(url, token))[1], "another worker has it"


async def sent(served: str, job: Job, data: bytes, oid: str, ref: str) -> int:
    headers = {"Authorization": f"Bearer {places.token(job)}"}
    url = f"{served}/jobs/{job.pk}/objects"
    session = aiohttp.ClientSession()
    asked = {"oid": oid, "ref": ref}
    async with session, session.post(url, params=asked, data=data, headers=headers) as answer:
        return answer.status


async def test_a_bundle_moves_its_jobs_own_refs_only_and_is_checked(
    site: Site, ada: Follower, served: str, tmp_path: Path
) -> None:
    await in_db(site.script, {"text": "x"})
    job = await claimed(site)
    ref = f"refs/tandem/jobs/{job.pk}"
    clone = tmp_path / "clone"
    await asyncio.to_thread(subprocess.run, ["git", "clone", "-q", str(site.folder), str(clone)], check=True)
    git(clone, "fetch", "-q", "origin", f"refs/tandem/bases/{job.pk}")
    oid = git(clone, "commit-tree", f"{job.base}^{{tree}}", "-p", job.base, "-m", "result")
    git(clone, "update-ref", ref, oid)
    git(clone, "bundle", "create", "-q", "good", ref, f"^{job.base}")
    good = (clone / "good").read_bytes()
    assert await sent(served, job, good, oid, "refs/heads/main") == 422
    assert await sent(served, job, good, oid, f"refs/tandem/jobs/{'z' * 16}") == 422
    assert await sent(served, job, good[:-20], oid, ref) == 409
    assert await sent(served, job, b"no bundle", oid, ref) == 422
    assert await sent(served, job, good, "1" * 40, ref) == 422
    assert not git(site.folder, "for-each-ref", "refs/tandem/jobs")
    assert await sent(served, job, good, oid, ref) == 200
    assert await sent(served, job, good, oid, ref) == 200, "sent twice, taken once"
    assert git(site.folder, "rev-parse", ref) == oid
    ground = f"refs/tandem/bases/{'k' * 16}"  # of a sub-agent whose row is still to come
    assert await sent(served, job, b"", job.base, ground) == 200
    assert git(site.folder, "rev-parse", ground) == job.base
    stranger = git(site.folder, "commit-tree", "HEAD^{tree}", "-m", "stranger")
    assert await sent(served, job, b"", stranger, ground) == 422
    other = await claimed(site)
    assert await sent(served, job, b"", job.base, f"refs/tandem/bases/{other.pk}") == 422
    hook = site.folder / ".git" / "hooks" / "reference-transaction"
    assert not hook.exists()
