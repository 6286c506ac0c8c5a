"""One item of a map job, done by whoever has taken it: the worker that holds the job, or one that has nothing else.

An item stands on the job's base alone, so it needs no worktree and no order; who holds the job puts the results
together. A reply that is refused, or a model that fails, is that item's failure with its reason.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from django.db import DatabaseError

from agents.endpoints import choice as endpoints
from agents.endpoints import pool
from agents.endpoints.measure import Measured, Purpose
from agents.engine import context, verify
from agents.engine.context import Asked, CodeReply
from agents.engine.messages import Done, Event, TextDelta
from agents.jobs.maps.pieces import Refusal, lines_of, piece_of
from agents.jobs.rows import budget, items
from agents.jobs.rows import life as jobs
from agents.jobs.rows.fair import fairly
from agents.jobs.working import places
from agents.jobs.working.heart import Heart
from agents.jobs.working.report import Reporter
from agents.models import Job, RoleEndpoint, Step
from agents.providers.protocol import ProviderError
from ide.db import in_db
from ide.errors import QuotaExceeded, Refused
from ide.live.announce import hint_async
from ide.workspaces import git
from ide.workspaces.files import Unreadable, decode

log = logging.getLogger(__name__)

AGAIN = 0.6  # temperature of a second try
IN_A_ROW = 3  # provider errors in a row that end the job, or a helper's help


@dataclass
class Ground:
    """What an item needs: `root` is a repository that has the job's base."""

    job: Job
    root: Path
    provider: Measured
    reporter: Reporter

    async def text(self, path: str) -> str:
        """Raises Refusal."""
        data = await git.show(self.root, self.job.base, path)
        if data is None:
            raise Refusal("This file is not there.")
        try:
            return decode(data).text
        except Unreadable as error:
            raise Refusal(f"{error.what} {error.do}".strip()) from error


async def help_out(worker: str, seconds: float) -> bool:
    """Take items of map jobs that others hold, while no job of its own waits. Returns whether there were any. Never
    raises."""
    until, helped = time.monotonic() + seconds, False
    try:
        while time.monotonic() < until and not await in_db(lambda: fairly().exists()):
            job = await in_db(items.to_help)
            if job is None or not await _help(job, worker, until):
                break
            helped = True
    except (DatabaseError, Refused, ProviderError) as error:
        log.warning("helping ended: %s", error)
    except Exception:
        log.exception("helping failed")
    finally:
        await pool.close()
    return helped


async def _help(job: Job, worker: str, until: float) -> bool:
    """Do items of one job; returns whether more help makes sense."""
    place = places.of(job)
    await place.begin(job.base)
    reporter, broken, any_done = Reporter(job, apart=True), 0, False
    async with reporter:
        provider = await provider_of(job, reporter)
        ground = Ground(job, place.root, provider, reporter)
        while time.monotonic() < until and not await in_db(lambda: fairly().exists()):
            item = await in_db(items.take, job.pk, worker)
            if item is None:
                return any_done
            error = await do(ground, item)
            any_done = True
            broken = broken + 1 if error is not None else 0
            if broken >= IN_A_ROW:
                return False
    return any_done


async def provider_of(job: Job, reporter: Reporter) -> Measured:
    shares = await in_db(budget.shares, job)
    purpose = Purpose(job.owner_id, job.workspace_id, "job", f"job:{job.pk}", shares)
    wanted = endpoints.Wanted(RoleEndpoint.Role.JOB, job.workspace.team_id, job.owner_id)
    return Measured(await in_db(endpoints.candidates, job.endpoint_id, wanted), purpose, reporter.told)


async def do(ground: Ground, item: Step) -> ProviderError | None:
    """Do an item that was taken and save how it went. Returns the provider's error, if that was the reason. Raises
    QuotaExceeded: then the item is nobody's again."""
    work = asyncio.create_task(_done(ground, item), name=f"item {item.pk}")

    def stopped(_: jobs.Stop | None) -> None:
        work.cancel()

    async with Heart(partial(items.renew, item), partial(items.look, item), stopped):
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await in_db(items.put_back, item)
            raise
    if work.cancelled():  # its job was stopped, or the item is another's
        await in_db(items.put_back, item)
        return None
    try:
        return work.result()
    except jobs.Fenced:
        log.warning("item %s of job %s: another has it now", item.position, item.job_id)
        return None


async def _done(ground: Ground, item: Step) -> ProviderError | None:
    ground.reporter.phase(item.name)
    error: ProviderError | None = None
    tries = int(item.data.get("tries", 0)) + 1
    item.data = {**item.data, "tries": tries}
    try:
        item.data = {**item.data, "new": await _ask(ground, item.data)}
        item.state, item.error = Step.State.DONE, ""
    except ProviderError as failure:
        item.state, item.error, error = Step.State.FAILED, failure.sentence, failure
    except Refusal as failure:
        item.state, item.error = Step.State.FAILED, str(failure)
    except QuotaExceeded:  # no failure of the item: it is done when the job goes on
        await in_db(items.put_back, item)
        raise
    except Refused as failure:
        item.state, item.error = Step.State.FAILED, f"{failure.what} {failure.do}".strip()
    await in_db(items.save, item)
    ground.reporter.event("step", position=item.position, name=item.name, state=item.state, error=item.error)
    await ground.reporter.flush()
    await hint_async(ground.job.workspace_id, "job", job=ground.job.pk)
    return error


async def _ask(ground: Ground, item: Mapping[str, object]) -> str:
    """The new code of the item: a whole function, symbol or file. Raises Refusal, Refused, ProviderError."""
    endpoint = ground.job.endpoint
    assert endpoint is not None  # noqa: S101 (checked before the work began)
    path = str(item["path"])
    text = await ground.text(path)
    if "function" in item:
        return await _docstring(ground, item, piece_of(text, lines_of(path, text, item)))
    whole = "symbol" not in item
    code, indent = (text, "") if whole else context.dedented(piece_of(text, lines_of(path, text, item)))
    asked = context.rewrite(path, code, ground.job.instruction, small=endpoint.builtin, window=endpoint.window)
    new, closed = await _code(ground, warmer(asked, item), endpoint.model)
    new = new if new.endswith("\n") or not code.endswith("\n") else f"{new}\n"
    _refuse(verify.refused_rewrite(path, code, new, closed=closed))
    return new if whole else _indented(new, indent)


async def _docstring(ground: Ground, item: Mapping[str, object], old: str) -> str:
    endpoint = ground.job.endpoint
    assert endpoint is not None  # noqa: S101
    plain, indent = context.dedented(old)
    asked = context.docstring(plain)
    if asked is None:
        raise Refusal("There is no place for a docstring in this function.")
    new, closed = await _code(ground, warmer(asked, item), endpoint.model)
    _refuse(None if closed else "The reply had no end.")
    _refuse(verify.refused_docstring(plain, new) if new else "The reply holds no docstring.")
    return _indented(new, indent)


def _indented(code: str, indent: str) -> str:
    return "".join(f"{indent}{line}" if line.strip() else line for line in code.splitlines(keepends=True))


def warmer(asked: Asked, item: Mapping[str, object]) -> Asked:
    """The request as it is the first time; when it is tried again, with chance: else the same reply would come."""
    again = int(str(item.get("tries", 1))) > 1 and asked.temperature == 0
    return replace(asked, temperature=AGAIN) if again else asked


async def _code(ground: Ground, asked: Asked, model: str) -> tuple[str, bool]:
    """The code of the reply, and whether it was complete."""
    reply, code, closed = CodeReply(asked), "", True
    stream = cast(AsyncGenerator[list[Event], None], ground.provider.stream(asked.request(model)))
    async with aclosing(stream) as answer:
        async for events in answer:
            for event in events:
                if isinstance(event, TextDelta):
                    code += reply.feed(event.text)
                elif isinstance(event, Done):
                    closed = event.reason != "length"
            if reply.done:
                closed = True
                break
    return code + reply.finish(), closed or reply.done


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise Refusal(reason)
