"""Where a job's repository is, for the worker that has it: the workspace's folder, or a mirror of it on this machine.

A worker that shares no data folder with the site (`TANDEM_GIT_URL`) fetches what a job stands on over git and sends
what it makes back as a bundle, each time with a token of this claim: signed, short-lived, of no use once the lease is
another's (`door` checks).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aiohttp
from django.conf import settings
from django.core import signing

from agents.models import Job
from ide.errors import Refused, Unavailable
from ide.workspaces import exchange, git

TOKEN_SECONDS = 900
TRIES, AGAIN = 5, 1.0
_SALT = "tandem.job.git"
ALL = ("refs/tandem/*",)  # the site shows no more of them than the job may have


class Place(Protocol):
    """`root` is the repository that worktrees borrow from."""

    @property
    def root(self) -> Path: ...

    async def begin(self, start: str) -> None:
        """Return when `root` has the job's base and that commit."""
        ...

    async def keep(self, tree: Path, oid: str, ref: str) -> None:
        """Bring a worktree's commit into the workspace's repository, under `ref`. Raises Refused."""
        ...


def of(job: Job) -> Place:
    return Far(job) if settings.GIT_URL else Near(job)


@dataclass
class Near:
    """On the machine, or the shared folder, of the site."""

    job: Job

    @property
    def root(self) -> Path:
        return self.job.workspace.folder

    async def begin(self, start: str) -> None:
        """Everything is there."""

    async def keep(self, tree: Path, oid: str, ref: str) -> None:
        await git.fetch_objects(self.root, tree, oid, ref)


@dataclass
class Far:
    job: Job
    _known: list[str] = field(default_factory=list)  # commits the site has

    @property
    def root(self) -> Path:
        return Path(settings.DATA_DIR) / "mirrors" / self.job.workspace_id

    async def begin(self, start: str) -> None:
        for left in reversed(range(TRIES)):
            try:
                await exchange.mirrored(self.root, f"{_url(self.job)}/git", token(self.job), ALL)
                break
            except git.GitFailed as error:
                if not left:
                    raise Unavailable(
                        f"The site's repository cannot be reached from this worker: {error.what}",
                        "Check TANDEM_GIT_URL on the worker's machine.",
                    ) from error
                await asyncio.sleep(AGAIN)
        self._known = [self.job.base, start]

    async def keep(self, tree: Path, oid: str, ref: str) -> None:
        await git.fetch_objects(self.root, tree, oid, ref)
        with scratch() as folder:
            bundle = folder / "nothing"
            if oid in self._known:  # the site has it: only the ref is to be made
                bundle.touch()
            else:
                bundle = await exchange.bundled(self.root, ref, self._known, folder)
            for left in reversed(range(TRIES)):
                if await self._sent(bundle, oid, ref, last=not left):
                    break
                await asyncio.sleep(AGAIN)
        self._known = [self.job.base, oid]

    async def _sent(self, bundle: Path, oid: str, ref: str, *, last: bool) -> bool:
        """Whether the site has it. Raises Refused for what it does not want, and what fails at last."""
        headers = {"Authorization": f"Bearer {token(self.job)}", "Content-Type": "application/octet-stream"}
        address = f"{_url(self.job)}/objects?oid={oid}&ref={ref}"
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=exchange.SECONDS)) as session:
                with bundle.open("rb") as data:
                    async with session.post(address, data=data, headers=headers) as answer:
                        status, said = answer.status, (await answer.text())[:300]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if last:
                raise Unavailable(f"What was made could not be sent to the site: {error}", "Retry the job.") from error
            return False
        if status >= 500 and not last:
            return False
        if status >= 400:
            raise Refused(f"The site did not take what was made ({status}): {said}", "Retry the job.")
        return True


def refs_of(job: Job) -> list[str]:
    """What a worker of a job may fetch: what it began with, its newest durable step, what its sub-agents made.
    Synchronous ORM."""
    made = [f"refs/tandem/jobs/{child}" for child in job.children.values_list("pk", flat=True)]
    return [f"refs/tandem/bases/{job.pk}", f"refs/tandem/steps/{job.pk}", *made]


def may_keep(job: Job, ref: str) -> bool:
    """Whether it may bring that: its newest step, its result, the ground of a sub-agent of its own, whose row may come
    later. Synchronous ORM."""
    if ref in (f"refs/tandem/steps/{job.pk}", f"refs/tandem/jobs/{job.pk}"):
        return True
    ground = re.fullmatch(r"refs/tandem/bases/([a-z0-9]{16})", ref)
    return ground is not None and not Job.objects.filter(pk=ground[1]).exclude(parent=job).exists()


def token(job: Job) -> str:
    return signing.dumps({"job": job.pk, "fence": job.lease_fence}, salt=_SALT)


def claim_of(given: str) -> tuple[str, int] | None:
    """The job and the fence a token speaks of; None where it is none of ours, or too old."""
    with contextlib.suppress(signing.BadSignature, KeyError, TypeError, ValueError):
        told = signing.loads(given, salt=_SALT, max_age=TOKEN_SECONDS)
        return str(told["job"]), int(told["fence"])
    return None


def _url(job: Job) -> str:
    return f"{settings.GIT_URL.rstrip('/')}/jobs/{job.pk}"


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder beside the data, gone afterwards."""
    home = Path(settings.DATA_DIR) / "exchange"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=home))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
