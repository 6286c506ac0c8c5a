"""Hints between processes: "job 7 of workspace w changed". Never data, never on the hot path, lost without harm.

They travel over the channel layer (Redis pub/sub). `hint` may be called from any process and thread, after the commit;
with Redis down it does nothing, and who listens finds the change at the next look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

if TYPE_CHECKING:
    from ide.live.host import WorkspaceHost

log = logging.getLogger(__name__)

GROUP = "hints"
RETRY_SECONDS = 2.0
ANSWER_SECONDS = 2.0

OnHint = Callable[["WorkspaceHost", dict[str, Any]], Awaitable[None]]
Find = Callable[[str], "WorkspaceHost | None"]
_callbacks: dict[str, list[OnHint]] = {}
_under_way: set[asyncio.Task[None]] = set()


def broker_problem(seconds: float = ANSWER_SECONDS) -> str | None:
    """None when Redis answers within `seconds`, else the sentence it failed with. Blocks."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=seconds, socket_connect_timeout=seconds)
    try:
        client.ping()
    except redis.RedisError as error:
        return str(error)
    finally:
        client.close()
    return None


def on_hint(kind: str, fn: OnHint) -> None:
    """Call `await fn(host, ids)` on the host's loop when a hint of this kind comes for a live workspace."""
    _callbacks.setdefault(kind, []).append(fn)


def hint(workspace_id: str, kind: str, **ids: Any) -> None:
    """Tell the host of a workspace, in whatever process it lives. For any process and thread; never raises."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        async_to_sync(hint_async)(workspace_id, kind, **ids)
        return
    task = loop.create_task(hint_async(workspace_id, kind, **ids))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


async def hint_async(workspace_id: str, kind: str, **ids: Any) -> None:
    """The same, awaited: it is under way when this returns."""
    layer = get_channel_layer()
    if layer is None:
        return
    message = {"type": "hint", "workspace": workspace_id, "kind": kind, "ids": ids}
    try:
        await asyncio.wait_for(layer.group_send(GROUP, message), 2)
    except Exception as error:  # Redis is down: a hint may be lost
        log.warning("hint %s was lost: %s", kind, error)


def deliver(find: Find, message: dict[str, Any]) -> None:
    """Hand a hint to its callbacks if its workspace is live here."""
    host = find(str(message.get("workspace")))
    if host is None:
        return
    for fn in _callbacks.get(str(message.get("kind")), []):
        host.owned(_called(fn, host, dict(message.get("ids") or {})), f"hint {message.get('kind')}")


async def _called(fn: OnHint, host: WorkspaceHost, ids: dict[str, Any]) -> None:
    await fn(host, ids)


async def listen(find: Find) -> None:
    """Receive hints until cancelled; survives Redis being away. `find` gives the live host of a workspace id."""
    away = False
    while True:
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            channel = await layer.new_channel()
            await layer.group_add(GROUP, channel)
            away = False
            while True:
                deliver(find, await layer.receive(channel))
        except Exception as error:  # Redis is away; hosts look for themselves meanwhile
            log.log(logging.DEBUG if away else logging.WARNING, "no hints from other processes: %s", error)
            away = True
            await asyncio.sleep(RETRY_SECONDS)
