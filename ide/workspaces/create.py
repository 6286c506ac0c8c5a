"""Creating a workspace: the row at once, its files in a task of this process, whole or not at all.

Files are made in a staging folder and renamed into place at the end. While a task works it renews `host_until`; a row
in state `creating` whose time is up belongs to a process that is gone, and is failed with a word on retrying.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ide import fetch
from ide.accounts.models import Membership, Role, Team, User
from ide.accounts.permissions import Action, allow
from ide.db import in_db
from ide.errors import Conflict, Invalid, Refused
from ide.workspaces import archive, git
from ide.workspaces.models import Workspace

log = logging.getLogger(__name__)

SAMPLE = Path(__file__).parent / "sample"
ALIVE = timedelta(seconds=30)
RENEW_SECONDS = 10.0
STALE_SECONDS = 24 * 3600.0
PROGRESS_SECONDS = 0.5  # between two writes of progress to the row
_RESTARTED = "Creation stopped because the server was restarted. Nothing was kept. Press Retry."
_tasks: dict[str, asyncio.Task[None]] = {}


def request(person: User, name: str, source: str, origin: str = "") -> Workspace:
    """The row of a new workspace with a team of its own, `person` its owner. Synchronous ORM. Raises Refused.

    The caller starts `begin` afterwards.
    """
    allow(person, Action.CREATE_WORKSPACE)
    if source == Workspace.Source.LOCAL:
        allow(person, Action.LOCAL_PATH)
    name, origin = usable_name(name), origin.strip()
    if source == Workspace.Source.GIT:
        fetch.split(origin, ("https", "http"))
    if source == Workspace.Source.LOCAL and not origin.startswith("/"):
        raise Invalid("A path on the server starts with /.", "Give the absolute path of a git repository.")
    if len(origin) > 2000:
        raise Invalid("This address is too long.")
    with transaction.atomic():
        team = Team.objects.create(name=name)
        Membership.objects.create(team=team, user=person, role=Role.OWNER)
        return Workspace.objects.create(
            name=name,
            team=team,
            source=source,
            origin=origin if source in (Workspace.Source.GIT, Workspace.Source.LOCAL) else "",
            created_by=person,
            progress="Waiting to start",
            host_until=timezone.now() + ALIVE,
        )


def usable_name(name: str) -> str:
    plain = re.sub(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", name).strip()
    if not plain or len(plain) > 120:
        raise Invalid("The workspace needs a name of 1 to 120 characters.", "Give it one.")
    return plain


def retry(workspace: Workspace) -> None:
    """Set a failed workspace back to `creating`; the caller starts `begin`. Synchronous ORM. Raises Refused."""
    if workspace.source == Workspace.Source.UPLOAD:
        raise Conflict("The uploaded archive was not kept.", "Create a new workspace and upload it again.")
    fields = {"state": "creating", "problem": "", "progress": "Waiting to start", "host_until": timezone.now() + ALIVE}
    if not Workspace.objects.filter(pk=workspace.pk, state=Workspace.State.FAILED).update(**fields):
        raise Conflict("Only a workspace that failed can be created again.", "Look at it again.")


def fail_abandoned() -> None:
    """Fail the rows whose process is gone. Synchronous ORM; cheap, called wherever rows are listed."""
    abandoned = Workspace.objects.filter(state=Workspace.State.CREATING, host_until__lt=timezone.now())
    abandoned.update(state=Workspace.State.FAILED, problem=_RESTARTED, progress="", host_until=None)


def staging() -> Path:
    """A new empty folder beside the workspaces, on the same file system. Sweeps out what a crash left days ago."""
    place = Path(settings.DATA_DIR) / "staging"
    for old in place.iterdir() if place.exists() else ():
        if time.time() - old.lstat().st_mtime > STALE_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    folder = place / secrets.token_hex(8)
    folder.mkdir(parents=True, mode=0o700)
    return folder


def unpacked(upload: Path) -> Path:
    """A staging folder with the files of an uploaded archive. Blocks. Raises Refused, with nothing left behind."""
    folder = staging()
    try:
        archive.unpack(upload, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def begin(workspace_id: str, files: Path | None = None) -> asyncio.Task[None]:
    """Start filling a workspace; the task is owned here. `files`: a staging folder to use up, for an upload."""
    task = asyncio.get_running_loop().create_task(fill(workspace_id, files), name=f"create {workspace_id}")
    _tasks[workspace_id] = task
    task.add_done_callback(lambda done: _tasks.pop(workspace_id, None) if _tasks.get(workspace_id) is done else None)
    return task


async def cancel(workspace_id: str) -> None:
    """Stop creating a workspace; it is failed afterwards. Raises Conflict where another process is at it."""
    task = _tasks.get(workspace_id)
    if task is None:
        raise Conflict("This workspace is still being created.", "Wait until it is ready or has failed.")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def stop() -> None:
    """Cancel what is being created and wait for its end; the rows say so."""
    running = list(_tasks.values())
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def fill(workspace_id: str, files: Path | None = None) -> None:
    """Make the files of a workspace, then set it ready; or set it failed with a problem in words."""
    row = await in_db(Workspace.objects.get, pk=workspace_id)
    progress = _Progress(workspace_id)
    renewing = asyncio.get_running_loop().create_task(progress.keep())
    folder = await asyncio.to_thread(staging)
    try:
        made = await _make(row, folder, files, progress)
        await asyncio.to_thread(_move_into_place, made, row.folder)
        await in_db(_settle, workspace_id, Workspace.State.READY, "")
    except Refused as refused:
        await in_db(_settle, workspace_id, Workspace.State.FAILED, f"{refused.what} {refused.do}".strip())
    except asyncio.CancelledError:
        await in_db(_settle, workspace_id, Workspace.State.FAILED, _RESTARTED)
        raise
    except Exception:
        log.exception("creating workspace %s failed", workspace_id)
        problem = "Something unexpected went wrong while it was created. The server's log has the details. Press Retry."
        await in_db(_settle, workspace_id, Workspace.State.FAILED, problem)
    finally:
        renewing.cancel()
        for left in filter(None, (folder, files)):
            await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)


async def _make(row: Workspace, folder: Path, files: Path | None, progress: _Progress) -> Path:
    """Fill `folder` (or use the unpacked `files`) and return the folder that becomes the workspace. Raises Refused."""
    if row.source == Workspace.Source.GIT:
        progress.say("Connecting")
        hosts = tuple(settings.INTERNAL_HOSTS)
        await git.clone(row.origin, folder, internal_hosts=hosts, on_output=progress.take)
        return folder
    if row.source == Workspace.Source.LOCAL:
        await git.clone_local(Path(row.origin), folder, on_output=progress.take)
        return folder
    top = folder
    if row.source == Workspace.Source.SAMPLE:
        await asyncio.to_thread(_copy_sample, folder)
    elif row.source == Workspace.Source.UPLOAD:
        if files is None:
            raise Conflict("The uploaded archive was not kept.", "Create a new workspace and upload it again.")
        top = await asyncio.to_thread(archive.top_of, files)
    progress.say("Making the first commit")
    await git.init(top)
    await git.commit_all(top, "Start of the workspace\n")
    return top


def _copy_sample(folder: Path) -> None:
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def _move_into_place(made: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if target.exists():  # a creation that was stopped just after this step, and is retried
        shutil.rmtree(target)
    made.chmod(0o755)
    made.rename(target)


def _settle(workspace_id: str, state: str, problem: str) -> None:
    fields = {"state": state, "problem": problem, "progress": "", "host_until": None, "active_at": timezone.now()}
    Workspace.objects.filter(pk=workspace_id, state=Workspace.State.CREATING).update(**fields)


class _Progress:
    """git's progress as a line in the row, now and then; and the sign that this process still works on it."""

    def __init__(self, workspace_id: str) -> None:
        self._workspace_id = workspace_id
        self._line = ""
        self._news = asyncio.Event()

    def take(self, output: bytes) -> None:
        for line in _lines(output):
            self.say(line)

    def say(self, line: str) -> None:
        self._line = line[:200]
        self._news.set()

    async def keep(self) -> None:
        while True:
            began = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_SECONDS):
                    await self._news.wait()
            self._news.clear()
            await in_db(self._write, self._line)
            await asyncio.sleep(max(0.0, PROGRESS_SECONDS - (time.monotonic() - began)))

    def _write(self, line: str) -> None:
        row = Workspace.objects.filter(pk=self._workspace_id, state=Workspace.State.CREATING)
        row.update(progress=line, host_until=timezone.now() + ALIVE)


def _lines(output: bytes) -> Iterator[str]:
    for line in re.split(r"[\r\n]+", output.decode(errors="replace")):
        plain = "".join(c for c in line if c.isprintable()).strip()
        if plain and not plain.startswith("Cloning into"):
            yield plain.removeprefix("remote: ")


def remove(workspace: Workspace) -> Path | None:
    """Delete the row (and its team, if it has nothing else); returns the folder to remove, moved out of the way."""
    folder, team = workspace.folder, workspace.team
    with transaction.atomic():
        workspace.delete()
        if not team.workspaces.exists():
            team.delete()
    if not folder.exists():
        return None
    trash = staging() / "gone"
    folder.rename(trash)
    return trash.parent
