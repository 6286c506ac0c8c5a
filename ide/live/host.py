"""WorkspaceHost: one live workspace of this process: its rooms, its participants, what is published to them, its lease.

Everything runs on one loop. Apps hang their live state on `extensions` and their work on `owned`; the host knows none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from django.db import DatabaseError

from ide import metrics
from ide.db import in_db
from ide.documents.log.compactor import compactor
from ide.documents.log.store import Store
from ide.documents.log.store import store as process_store
from ide.errors import NotFound, Refused, Unavailable
from ide.live import announce, lease, rows, shutdown
from ide.live.documents import OpenDocuments
from ide.live.participant import RESTARTING, Participant, event_text
from ide.workspaces import watch
from ide.workspaces.files import Files
from ide.workspaces.models import Workspace

log = logging.getLogger(__name__)

T = TypeVar("T")
IDLE_SECONDS = 60.0
SAVED_SECONDS = 1.0
RECHECK_SECONDS = 3.0  # what ends a right acts on open sockets within 5 s
SIGN_IN, NOT_ALLOWED, GONE, ELSEWHERE = 4401, 4403, 4404, 4409

Hook = Callable[["WorkspaceHost"], Coroutine[Any, Any, None]]


class WorkspaceHost(OpenDocuments):
    """Get it from `host_of`."""

    def __init__(self, row: Workspace, held: lease.Lease, store: Store) -> None:
        super().__init__(row.pk, Files(row.folder), store, held)
        self.team_id: str = row.team_id
        self.root: Path = row.folder
        self.participants: dict[str, Participant] = {}
        self.extensions: dict[type, object] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._saved: asyncio.TimerHandle | None = None
        self._stop = asyncio.Event()
        self._busy: list[Callable[[], bool]] = []
        self._empty_since: float | None = asyncio.get_running_loop().time()

    # --- people --------------------------------------------------------------------------------------------------

    def join(self, participant: Participant) -> None:
        self.participants[participant.id] = participant
        self._empty_since = None
        metrics.sockets.inc()
        self._people_changed()

    def leave(self, participant: Participant) -> None:
        if self.participants.pop(participant.id, None) is not None:
            metrics.sockets.dec()
            self._people_changed()
        if not self.participants:
            self._empty_since = asyncio.get_running_loop().time()

    def people(self) -> list[dict[str, Any]]:
        """Who is here, each person once."""
        return list({p.user_id: p.person for p in self.participants.values()}.values())

    def _people_changed(self) -> None:
        self.publish({"type": "people", "people": self.people()})

    def publish(self, event: Mapping[str, Any]) -> None:
        """Send an event to everybody here, in order with the document frames sent before and after."""
        text = event_text(event)
        for participant in self.participants.values():
            participant.say_text(text)

    def saved(self) -> None:
        """A file was written: everybody hears of it, at most once a second."""
        if self._saved is None:
            self._saved = asyncio.get_running_loop().call_later(SAVED_SECONDS, self._say_saved)

    def _say_saved(self) -> None:
        self._saved = None
        self.publish({"type": "files.saved"})

    async def recheck_roles(self) -> None:
        """Bring the roles in memory up to date; who may not see the workspace any more, or has signed out, is
        disconnected."""
        here = list(self.participants.values())
        if not here:
            return
        roles = await in_db(rows.roles, self.team_id, {p.user_id for p in here})
        for participant in here:
            role = roles.get(participant.user_id)
            if role == participant.role:
                continue
            participant.role = role
            participant.notify({"type": "role", "role": role})
            if role is None:
                participant.close(NOT_ALLOWED, "no longer allowed")
            else:
                participant.on_role()
        gone = await in_db(rows.ended, {p.session: p.user_id for p in here if p.session is not None})
        for participant in here:
            if participant.session in gone:
                participant.close(SIGN_IN, "signed out")
        over = await in_db(rows.ended_tokens, {p.token.pk for p in here if p.token is not None})
        for participant in here:
            if participant.token is not None and participant.token.pk in over:
                participant.close(SIGN_IN, "the access token has ended")

    # --- work ----------------------------------------------------------------------------------------------------

    def owned(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run a coroutine as a task the host owns: logged if it fails, cancelled and awaited when the host closes."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and not isinstance(task.exception(), Refused):
            log.error("task %s failed", task.get_name(), exc_info=task.exception())

    def keep_awake(self, busy: Callable[[], bool]) -> None:
        """The host is not closed for want of people while `busy()`."""
        self._busy.append(busy)

    async def start(self) -> None:
        self.lease.on_lost = self._fenced
        self.owned(self._keep_lease(), "lease")
        self.owned(self._tick(), "tick")
        self.owned(self._follow_disk(), "watch")
        for hook in _on_open:
            await hook(self)

    async def _keep_lease(self) -> None:
        """Renew the lease in time."""
        while not self.lease.lost:
            await asyncio.sleep(lease.RENEW_SECONDS)
            try:
                await self.lease.renew()
            except DatabaseError as error:  # away or busy; once the lease has run out nothing is written
                log.warning("workspace %s: the lease was not renewed: %s", self.workspace_id, error)

    def _fenced(self) -> None:
        """Another process has the workspace: leave at once, writing nothing."""
        log.error("workspace %s is hosted elsewhere now", self.workspace_id)
        for participant in list(self.participants.values()):
            participant.close(ELSEWHERE, lease.ELSEWHERE_REASON)
        _close_soon(self, ELSEWHERE, lease.ELSEWHERE_REASON)

    async def _tick(self) -> None:
        """Roles, pace, documents nobody uses, and whether anybody is still here."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            for participant in list(self.participants.values()):
                participant.check_pace()
            try:
                await self.recheck_roles()
                await self.close_idle()
            except (DatabaseError, OSError, Refused) as error:  # asked again; the log takes no edit meanwhile
                log.warning("workspace %s: not everything could be looked after: %s", self.workspace_id, error)
            idle = self._empty_since is not None and loop.time() - self._empty_since > IDLE_SECONDS
            if idle and not any(busy() for busy in self._busy):
                _close_soon(self, RESTARTING, "idle")
                return

    async def _follow_disk(self) -> None:
        await asyncio.to_thread(self.files.sweep)
        try:
            async for paths in watch.changes(self.root, self._stop):
                try:
                    await self.changed_on_disk(paths)
                except (OSError, Refused, DatabaseError) as error:  # the next save merges what was missed
                    log.warning("workspace %s: a change on disk was not merged: %s", self.workspace_id, error)
        except Unavailable as error:  # a save still looks at the file first
            log.warning("workspace %s is not watched: %s", self.workspace_id, error)

    async def close(self, code: int = RESTARTING, reason: str = "closing") -> None:
        """Save, disconnect, stop. The lease is given back, so another process may take over at once."""
        if self.closed:
            return
        self.closed = True
        self._stop.set()
        for hook in _on_close:
            await self._tried(hook(self))
        for document in list(self._documents.values()) if code != ELSEWHERE else ():
            await self._tried(document.settle())
        for participant in list(self.participants.values()):
            participant.close(code, reason)
        me = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not me]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        metrics.rooms.dec(len(self._documents))
        for document in self._documents.values():
            document.let_go()
        self._documents.clear()
        if code != ELSEWHERE:
            await self._tried(in_db(lease.release, self.workspace_id, self.lease.epoch))

    async def _tried(self, work: Coroutine[Any, Any, None]) -> None:
        """One step of closing: what it cannot do keeps nothing else from being saved."""
        try:
            await work
        except Exception:
            log.exception("workspace %s: a part could not be closed", self.workspace_id)


# --- the hosts of this process -------------------------------------------------------------------------------------

_on_open: list[Hook] = []
_on_close: list[Hook] = []
_hosts: dict[str, WorkspaceHost] = {}
_starting: dict[str, asyncio.Task[WorkspaceHost]] = {}
_background: set[asyncio.Task[Any]] = set()
_listener: asyncio.Task[None] | None = None


def on_open(hook: Hook) -> None:
    """Await `hook(host)` whenever a workspace has been opened live, before its first participant joins."""
    _on_open.append(hook)


def on_close(hook: Hook) -> None:
    """Await `hook(host)` before a host saves its documents and ends its tasks."""
    _on_close.append(hook)


def live_hosts() -> list[WorkspaceHost]:
    return list(_hosts.values())


def live_host(workspace_id: str) -> WorkspaceHost | None:
    """The host if the workspace is live in this process."""
    return _hosts.get(workspace_id)


async def host_of(workspace_id: str) -> WorkspaceHost:
    """The workspace's host, opened if need be. Raises NotFound, HostedElsewhere, Unavailable (not ready yet)."""
    found = _hosts.get(workspace_id)
    task = _starting.get(workspace_id)
    if task is None:
        if found is not None and not found.closed:
            return found
        task = asyncio.get_running_loop().create_task(_start(workspace_id))
        _starting[workspace_id] = task
        task.add_done_callback(lambda _: _starting.pop(workspace_id, None))
    return await asyncio.shield(task)


async def _start(workspace_id: str) -> WorkspaceHost:
    old = _hosts.get(workspace_id)
    if old is not None:  # it is closing: its last saves come first
        await asyncio.gather(*(t for t in _background if t.get_name() == workspace_id), return_exceptions=True)
    row = await in_db(rows.workspace, workspace_id)
    if row is None:
        raise NotFound("There is no such workspace.", "Go back to the list of workspaces.")
    if row.state != Workspace.State.READY:
        raise Unavailable("The workspace is not ready yet.", "Wait until it has been created.")
    host = WorkspaceHost(row, await in_db(lease.claim, workspace_id), process_store)
    _listen()
    _hosts[workspace_id] = host
    try:
        await host.start()
    except BaseException:
        await _close(host, RESTARTING, "it could not be opened")
        raise
    return host


def _listen() -> None:
    global _listener  # noqa: PLW0603  one listener a process, on the loop of its hosts
    if _listener is None or _listener.done():
        _listener = asyncio.get_running_loop().create_task(announce.listen(live_host))
        shutdown.install(close_all)


def _close_soon(host: WorkspaceHost, code: int, reason: str) -> None:
    """Close a host from one of its own tasks."""
    task = asyncio.get_running_loop().create_task(_close(host, code, reason), name=host.workspace_id)
    _background.add(task)
    task.add_done_callback(_background.discard)


async def _close(host: WorkspaceHost, code: int, reason: str) -> None:
    await host.close(code, reason)
    if _hosts.get(host.workspace_id) is host:
        del _hosts[host.workspace_id]


async def close_host(workspace_id: str, code: int = GONE, reason: str = "gone") -> None:
    """Close a workspace's host if it is live here (before the workspace is deleted)."""
    host = _hosts.get(workspace_id)
    if host is not None:
        await _close(host, code, reason)


async def close_all() -> None:
    """Save and close everything; for the end of the process."""
    global _listener  # noqa: PLW0603
    await asyncio.gather(*(_close(host, RESTARTING, "restarting") for host in live_hosts()), return_exceptions=True)
    if _listener is not None:
        _listener.cancel()
        await asyncio.gather(_listener, return_exceptions=True)
        _listener = None
    await asyncio.to_thread(process_store.close)
    await asyncio.to_thread(compactor.close)
