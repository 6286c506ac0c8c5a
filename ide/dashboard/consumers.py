"""The dashboard's socket: figures every second for administrators, and nothing to anyone else."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from ide.accounts.models import User
from ide.accounts.permissions import Action, may
from ide.dashboard.feed import Feed, feed
from ide.db import in_db

SIGN_IN, NOT_ALLOWED = 4401, 4403
CHECK_EVERY = 5  # samples between two looks at the person's rights


class DashboardConsumer(AsyncJsonWebsocketConsumer):
    """Sends {kind: "history", samples} once, then {kind: "sample", at, figures, panels, limits}; only panels that
    changed, and limits when their use has.

    Closes with 4401 or 4403 after accepting, so that the browser is told the code and does not try again.
    """

    # No channel layer: nothing is received from other processes, and the dashboard must work while Redis is down.
    channel_layer_alias = "none"
    feed: Feed = feed
    _pushing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        person = self.scope.get("user")
        if person is None or not person.is_authenticated:
            await self.close(SIGN_IN)
        elif not await in_db(_administers, person.pk):
            await self.close(NOT_ALLOWED)
        else:
            self._pushing = asyncio.create_task(self._push(person.pk))

    async def disconnect(self, code: int) -> None:
        if self._pushing is not None:
            self._pushing.cancel()
            with suppress(asyncio.CancelledError):
                await self._pushing

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: object) -> None:
        """Nothing can be asked here."""

    async def _push(self, user_id: int) -> None:
        await self.send_json({"kind": "history", "samples": self.feed.history})
        sent: dict[str, Any] = {}
        limits: Any = None
        number = 0
        async with aclosing(self.feed.samples()) as samples:
            async for sample in samples:
                number += 1
                if number % CHECK_EVERY == 0 and not await in_db(_administers, user_id):
                    await self.close(NOT_ALLOWED)
                    return
                changed = {key: rows for key, rows in sample["panels"].items() if sent.get(key, ()) != rows}
                sent.update(changed)
                told = {**sample, "kind": "sample", "panels": changed}
                if told.get("limits") == limits:
                    told.pop("limits", None)
                else:
                    limits = told["limits"]
                await self.send_json(told)


def _administers(user_id: int) -> bool:
    person = User.objects.filter(pk=user_id).first()
    return person is not None and may(person, Action.OBSERVE)
