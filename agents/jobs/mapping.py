"""A map job: one instruction over many functions or files, each a durable step with its own check.

Docstring jobs on Python go function by function; all else file by file. A reply that is refused, or a model that
fails, is that item's failure with its reason; the others go on. Only when the model cannot be reached at all the job
ends. What was done in an earlier attempt is taken from its step, not asked for again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import cast

from django.utils import timezone

from agents.engine import context, verify
from agents.engine.context import Asked, CodeReply
from agents.engine.messages import Done, Event, TextDelta
from agents.environments.worktree import read_text, write_text
from agents.jobs import life as jobs
from agents.jobs.bench import Bench
from agents.models import Step
from agents.providers.protocol import ProviderError
from ide.db import in_db
from ide.errors import Invalid, QuotaExceeded, Refused
from ide.workspaces.files import Files

AGAIN = 0.6  # temperature of a second try
IN_A_ROW = 3  # provider errors in a row that end the job
DOCSTRINGS = re.compile(r"\bdoc-?strings?\b", re.IGNORECASE)


class Refusal(Exception):
    """A reply that may not be taken over; the text is the reason, for people."""


async def work(bench: Bench) -> str:
    """Do every item that is not done; returns a sentence on how it went. Raises ProviderError, Fenced."""
    files = Files(bench.tree)
    steps = await in_db(jobs.plan, bench.job, await in_db(_items, files, bench.job.paths, bench.job.instruction))
    if not steps:
        raise Invalid("There is nothing to do in these files.", "Choose other files, or say it in other words.")
    broken = 0
    for step in steps:
        if step.state == Step.State.DONE:
            await in_db(_put, files, step.data, str(step.data["new"]))
            continue
        error = await _one(bench, files, step)
        broken = broken + 1 if error is not None else 0
        if error is not None and (broken >= IN_A_ROW or len(steps) == 1):
            raise error
    failed = sum(step.state == Step.State.FAILED for step in steps)
    return f"{len(steps) - failed} of {len(steps)} done." if failed < len(steps) else f"None of {len(steps)} came out."


def _items(files: Files, paths: list[str], instruction: str) -> list[tuple[str, Mapping[str, object]]]:
    """(name, data) of each item, in order. A file that cannot be read is an item too: it fails with the reason."""
    found: list[tuple[str, Mapping[str, object]]] = []
    for path in paths:
        if not DOCSTRINGS.search(instruction) or context.language(path) != "python":
            found.append((path, {"path": path}))
            continue
        try:
            text = read_text(files, path).text
        except Refused:
            found.append((path, {"path": path}))
            continue
        # From below: what is written into one function does not move those that are still to come.
        for function in reversed(verify.undocumented(text)):
            found.append((f"{path} · {function.name}", {"path": path, "function": function.name}))
    return found


async def _one(bench: Bench, files: Files, step: Step) -> ProviderError | None:
    """Do one item and save how it went. Returns the provider's error, if that was the reason."""
    bench.reporter.phase(step.name)
    step.state, step.started_at = Step.State.STARTED, timezone.now()
    error: ProviderError | None = None
    try:
        tries = int(step.data.get("tries", 0))
        step.data = {**step.data, "tries": tries + 1}
        new = await _ask(bench, files, step.data)
        await in_db(_put, files, step.data, new)
        step.data = {**step.data, "new": new}
        step.state, step.error = Step.State.DONE, ""
    except ProviderError as failure:
        step.state, step.error, error = Step.State.FAILED, failure.sentence, failure
    except Refusal as failure:
        step.state, step.error = Step.State.FAILED, str(failure)
    except QuotaExceeded:  # no failure of the item: it is done when the job goes on
        step.state = Step.State.PLANNED
        await in_db(jobs.save_step, bench.job, step)
        raise
    except Refused as failure:
        step.state, step.error = Step.State.FAILED, f"{failure.what} {failure.do}".strip()
    step.ended_at = timezone.now()
    await in_db(jobs.save_step, bench.job, step)
    bench.reporter.event("step", position=step.position, name=step.name, state=step.state, error=step.error)
    return error


async def _ask(bench: Bench, files: Files, item: Mapping[str, object]) -> str:
    """The new code of the item: a whole function, or a whole file. Raises Refusal, Refused, ProviderError."""
    endpoint = bench.job.endpoint
    assert endpoint is not None  # noqa: S101 (checked before the worktree was made)
    path = str(item["path"])
    text = (await in_db(read_text, files, path)).text
    name = item.get("function")
    if name is None:
        asked = context.rewrite(path, text, bench.job.instruction, small=endpoint.builtin, window=endpoint.window)
        new, closed = await _code(bench, warmer(asked, item), endpoint.model)
        new = new if new.endswith("\n") or not text.endswith("\n") else f"{new}\n"
        _refuse(verify.refused_rewrite(path, text, new, closed=closed))
        return new
    old = verify.text_of(text, _function(text, str(name)))
    plain, indent = context.dedented(old)
    asked_for = context.docstring(plain)
    if asked_for is None:
        raise Refusal("There is no place for a docstring in this function.")
    new, closed = await _code(bench, warmer(asked_for, item), endpoint.model)
    _refuse(None if closed else "The reply had no end.")
    _refuse(verify.refused_docstring(plain, new) if new else "The reply holds no docstring.")
    return "".join(f"{indent}{line}" if line.strip() else line for line in new.splitlines(keepends=True))


def warmer(asked: Asked, item: Mapping[str, object]) -> Asked:
    """The request as it is the first time; when it is tried again, with chance: else the same reply would come."""
    again = int(str(item.get("tries", 1))) > 1 and asked.temperature == 0
    return replace(asked, temperature=AGAIN) if again else asked


async def _code(bench: Bench, asked: Asked, model: str) -> tuple[str, bool]:
    """The code of the reply, and whether it was complete."""
    reply, code, closed = CodeReply(asked), "", True
    stream = cast(AsyncGenerator[list[Event], None], bench.provider.stream(asked.request(model)))
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


def _function(text: str, name: str) -> verify.Function:
    found = next((f for f in verify.functions(text) if f.name == name), None)
    if found is None:
        raise Refusal("The function is not there any more.")
    return found


def _put(files: Files, item: Mapping[str, object], new: str) -> None:
    """Write an item's new code into its file."""
    path = str(item["path"])
    decoded = read_text(files, path)
    name = item.get("function")
    if name is not None:
        rows = decoded.text.split("\n")
        function = _function(decoded.text, str(name))
        rows[function.first - 1 : function.last] = new.removesuffix("\n").split("\n")
        new = "\n".join(rows)
    write_text(files, path, new, decoded)
