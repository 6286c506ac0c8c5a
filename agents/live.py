"""What agents keep on a live workspace: sessions, open proposals, the feed of jobs. Made and closed with the host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import DatabaseError

from agents.endpoints import choice as endpoints
from agents.endpoints import pool
from agents.jobs.feed import JobFeed
from agents.jobs.result import merging
from agents.jobs.result.file_suggestions import FileSuggestions
from agents.jobs.result.suggestions import Suggestions
from agents.jobs.working.watching import Watching
from agents.models import RoleEndpoint
from agents.proposals.live import Proposals
from agents.providers.protocol import ProviderError
from agents.providers.responses import ResponsesProvider
from agents.providers.responses_socket import Socket
from agents.sessions import turns
from agents.sessions.acts import Sessions
from ide.db import in_db
from ide.errors import Refused
from ide.live.host import WorkspaceHost, live_hosts
from ide.usage import meter

log = logging.getLogger(__name__)

T = TypeVar("T")

CONNECTED = 60.0  # seconds between two looks at the model's socket
AGAIN = 1.0  # seconds before a socket that has ended is opened again
RIGHTS = 5.0  # seconds between two looks at the rights behind running turns


@dataclass
class AgentsLive:
    sessions: Sessions
    proposals: Proposals
    suggestions: Suggestions
    feed: JobFeed
    merging: asyncio.Lock  # one decision on a job's result at a time in a workspace
    host: WorkspaceHost
    _with_models: set[asyncio.Task[Any]] = field(default_factory=set)

    def beside(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run something that holds connections to models: it ends before they are closed."""
        task = self.host.owned(work, name)
        self._with_models.add(task)
        task.add_done_callback(self._with_models.discard)
        return task

    async def let_go(self) -> None:
        tasks = list(self._with_models)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def of(host: WorkspaceHost) -> AgentsLive:
    found = host.extensions[AgentsLive]
    assert isinstance(found, AgentsLive)  # noqa: S101 (the key says so)
    return found


async def opened(host: WorkspaceHost) -> None:
    """The host is open: take up what was left when it was last live."""
    await in_db(turns.mark_restarted, host.workspace_id)
    proposals = Proposals(host)
    sessions = Sessions(host, proposals)
    suggestions = Suggestions(host, proposals, FileSuggestions(host))
    feed = JobFeed(host, sessions.told_of_job, suggestions.follow, Watching(host))
    live = AgentsLive(sessions, proposals, suggestions, feed, asyncio.Lock(), host)
    host.extensions[AgentsLive] = live
    host.keep_awake(live.sessions.busy)
    host.keep_awake(live.feed.active)
    host.keep_awake(live.merging.locked)
    await proposals.load()
    host.owned(live.feed.run(), "job feed")
    host.owned(_take_up(live), "what jobs left")
    live.beside(_keep_connected(host), "model socket")
    host.owned(_mind_rights(live.sessions), "rights of turns")


async def _take_up(live: AgentsLive) -> None:
    """Merges that were cut off come to their end, results that wait are laid out."""
    async with live.merging:
        await merging.take_up(live.host, live.proposals)
    await live.suggestions.take_up()


async def _keep_connected(host: WorkspaceHost) -> None:
    """The socket of the model that will answer here is open while the workspace is, so that no turn waits for it.

    Local servers are looked for; what calls left behind when their process died lapses."""
    while True:
        sockets: list[Socket] = []
        try:
            await in_db(meter.sweep)
            await endpoints.local_servers.look()
            sockets = await _connect_ahead(host)
        except (ProviderError, Refused, DatabaseError) as error:  # the first turn tries again, and says what is wrong
            log.info("workspace %s: no connection to its model yet: %s", host.workspace_id, error)
        try:
            async with asyncio.timeout(CONNECTED):
                for socket in sockets:
                    await socket.ended()
                await asyncio.sleep(AGAIN if sockets else CONNECTED)
        except TimeoutError:
            continue


async def _connect_ahead(host: WorkspaceHost) -> list[Socket]:
    """The sockets that are open then."""
    endpoint = await in_db(endpoints.choose, None, endpoints.Wanted(RoleEndpoint.Role.TURN, host.team_id))
    provider = pool.provider(endpoint)
    if not isinstance(provider, ResponsesProvider):
        return []
    await provider.connect()
    return provider.sockets()


async def _mind_rights(sessions: Sessions) -> None:
    """A turn acts for its owner, only while the owner may; hints make it sooner."""
    while True:
        await asyncio.sleep(RIGHTS)
        try:
            await sessions.recheck()
        except DatabaseError as error:
            log.warning("the rights behind running turns were not looked at: %s", error)


async def people_changed(host: WorkspaceHost, ids: dict[str, object]) -> None:
    """A hint came: somebody's role changed."""
    await of(host).sessions.recheck()


async def models_changed(host: WorkspaceHost, ids: dict[str, object]) -> None:
    """A hint came: endpoints or roles changed. Everybody asks what they may use: it is not the same for all."""
    host.publish({"type": "models"})


async def closing(host: WorkspaceHost) -> None:
    if AgentsLive not in host.extensions:  # it never came to be open
        return
    live = of(host)
    await live.let_go()
    await live.sessions.close()
    await live.proposals.close()
    if all(other.closed for other in live_hosts()):
        await pool.close()


async def job_changed(host: WorkspaceHost, ids: dict[str, object]) -> None:
    """A hint came: a job of this workspace changed."""
    of(host).feed.look(str(ids.get("job", "")) or None)
