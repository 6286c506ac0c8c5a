"""What a worker tells about its job while it works: gathered, written four times a second, followed by a hint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import DatabaseError

from agents.endpoints.measure import Speed
from agents.jobs import life as jobs
from agents.models import Job
from ide.db import in_db
from ide.live.announce import hint_async

log = logging.getLogger(__name__)

EVERY = 0.25  # seconds between two writes
LONGEST_TEXT = 16_000  # characters of one event


@dataclass
class Reporter:
    """Used on the worker's loop as an async context manager; `flush` writes what is left. Raises jobs.Fenced."""

    job: Job
    _values: dict[str, object] = field(default_factory=dict)
    _events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Reporter:
        self._task = asyncio.create_task(self._run(), name=f"report {self.job.pk}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)  # a cancellation of our own goes on
        with suppress(jobs.Fenced):
            await self.flush()

    def phase(self, text: str) -> None:
        self.values(phase=text[:200])

    def values(self, **values: object) -> None:
        """Fields of the job's row, to be written at the next moment."""
        self._values.update(values)
        self._news.set()

    def event(self, kind: str, **data: object) -> None:
        """An entry of the job's feed. Pieces of one text are joined."""
        text = data.get("text")
        if kind == "text" and self._events and self._events[-1][0] == "text":
            text = str(self._events.pop()[1]["text"]) + str(text)
        if isinstance(text, str):
            data["text"] = text[:LONGEST_TEXT]
        self._events.append((kind, data))
        self._news.set()

    def told(self, speed: Speed) -> None:
        """New figures from the provider, on top of what earlier attempts have used."""
        before = self.job
        used: dict[str, object] = {"input_tokens": before.input_tokens + speed.input_tokens}
        used["output_tokens"] = before.output_tokens + speed.tokens
        if speed.cost is not None:
            used["cost"] = before.cost + speed.cost
        self.values(**used)

    async def flush(self) -> None:
        values, self._values = self._values, {}
        events, self._events = self._events, []
        try:
            if values:
                await in_db(jobs.report, self.job, **values)
            if events:
                await in_db(jobs.note, self.job, events)
        except DatabaseError:
            self._values, self._events = {**values, **self._values}, [*events, *self._events]
            raise
        if values or events:
            await hint_async(self.job.workspace_id, "job", job=self.job.pk)

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.flush()
            except DatabaseError as error:  # what was to be told is kept, and told with the next news
                log.warning("job %s: its progress could not be written: %s", self.job.pk, error)
            await asyncio.sleep(EVERY)
