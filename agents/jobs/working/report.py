"""What a worker tells about its job while it works: gathered, written four times a second, followed by a hint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import DatabaseError
from django.db.models import F, Value

from agents.endpoints.measure import Speed
from agents.jobs.rows import life as jobs
from agents.jobs.working.written import Text, Written
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
    apart: bool = False  # of a worker that helps: the row is another's, only what was used is added to it
    _told: tuple[int, int, Decimal] = (0, 0, Decimal(0))  # of what was used, what is in the row
    _used: tuple[int, int, Decimal] = (0, 0, Decimal(0))
    _values: dict[str, object] = field(default_factory=dict)
    _events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    _written: Written = field(default_factory=Written)
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

    def file(self, path: str, text: Text) -> None:
        """A file of the worktree reads so now; None: it is gone. For those who watch it."""
        self._written.note(path, text)
        self._news.set()

    def told(self, speed: Speed) -> None:
        """New figures from the provider. They are added to the row: several workers may be at work for one job."""
        self._used = (speed.input_tokens, speed.tokens, speed.cost or Decimal(0))
        self._news.set()

    def _more(self) -> dict[str, object]:
        """What was used since it was last told."""
        (read, written, cost), told = self._used, self._told
        more = {"input_tokens": read - told[0], "output_tokens": written - told[1], "cost": cost - told[2]}
        return {name: F(name) + Value(amount) for name, amount in more.items() if amount}

    async def flush(self) -> None:
        values, self._values = self._values, {}
        events, self._events = [*self._events, *self._written.events()], []
        more, told_before, self._told = self._more(), self._told, self._used
        try:
            if self.apart and more:
                await in_db(Job.objects.filter(pk=self.job.pk).update, **more)
            elif not self.apart and (values or more):
                await in_db(jobs.report, self.job, **values, **more)
            if events:
                await in_db(jobs.note, self.job, events)
        except DatabaseError:
            self._told = told_before
            self._values, self._events = {**values, **self._values}, [*events, *self._events]
            raise
        if values or events or more:
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
