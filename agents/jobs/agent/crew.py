"""Sub-agents: parts of a job, delegated by it. The same loop, a worktree of their own, a part of the budget.

They are jobs like others: any worker takes them, and their parent waits in the database, not in a worker, until all
have ended. Then what each made is merged into its worktree, and it reads what they said. One that failed takes nothing
from the others. Made twice they are found again: a child is known by the step and the place it was delegated at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from django.db import transaction

from agents.environments.worktree import write_text
from agents.jobs.rows import budget, outbox
from agents.jobs.rows import life as jobs
from agents.jobs.working.bench import Bench
from agents.models import Job, JobEvent
from ide.db import in_db, new_id
from ide.documents.text import merge3
from ide.workspaces import git
from ide.workspaces.files import Files, Unreadable, decode

MOST_CHILDREN, DEEPEST = 4, 2
SAID = 4000  # characters of what a child said last


class Task(msgspec.Struct):
    instruction: str
    paths: list[str] = []


def may_delegate(job: Job) -> bool:
    return job.depth < DEEPEST


@dataclass(frozen=True)
class Origin:
    """Where in its parent's work a sub-agent begins: at a step, from a commit that is in the workspace."""

    step: int
    commit: str


async def delegate(bench: Bench, origin: Origin, tasks: Sequence[Task]) -> list[str]:
    """Make the sub-agents of a step, once; returns their ids. Their ground is there before their rows are."""
    ids = {_key(origin.step, at, task): new_id() for at, task in enumerate(tasks)}
    there = await in_db(lambda: dict(bench.job.children.filter(key__in=ids).values_list("key", "pk")))
    for key, job_id in ids.items():
        if key not in there:
            await bench.place.keep(bench.tree, origin.commit, f"refs/tandem/bases/{job_id}")
    return await in_db(_made, bench.job, origin, list(zip(tasks, ids.items(), strict=True)))


def _key(step: int, at: int, task: Task) -> str:
    said = msgspec.json.encode(task)
    return f"{step}:{at}:{hashlib.sha256(said).hexdigest()[:24]}"


def _made(parent: Job, origin: Origin, wanted: list[tuple[Task, tuple[str, str]]]) -> list[str]:
    """In one transaction with their wake-ups. Raises Fenced."""
    with transaction.atomic():
        jobs.held(parent)  # who cancels it sees all of them, or comes first
        left = jobs.get(parent.pk)  # with what was used until now
        part = msgspec.to_builtins(budget.asked(budget.share(left, len(wanted))))
        out = []
        for task, (key, job_id) in wanted:
            child, made = Job.objects.get_or_create(
                parent=parent,
                key=key,
                defaults={
                    "id": job_id,
                    "workspace_id": parent.workspace_id,
                    "kind": Job.Kind.AGENT,
                    "depth": parent.depth + 1,
                    "instruction": task.instruction.strip(),
                    "paths": list(task.paths),
                    "owner_id": parent.owner_id,
                    "endpoint_id": parent.endpoint_id,
                    "base": origin.commit,
                    "budget": part,
                    "phase": "queued",
                },
            )
            if made:
                outbox.put(child.pk)
            out.append(child.pk)
        # What an attempt that died in this very step had delegated in other words is of no use to anybody.
        stale = parent.children.filter(key__startswith=f"{origin.step}:").exclude(pk__in=out)
        for job_id in stale.exclude(state__in=Job.ENDED).values_list("pk", flat=True):
            jobs.ask_cancel(job_id)
    return out


@dataclass(frozen=True)
class Joined:
    """What the parent reads."""

    said: str
    changed: bool


def all_ended(parent: Job, ids: Sequence[str]) -> bool:
    return not parent.children.filter(pk__in=ids).exclude(state__in=Job.ENDED).exists()


async def join(bench: Bench, ids: Sequence[str]) -> Joined:
    """Merge what the sub-agents made into the worktree, one after the other. What two of them changed differently stays
    as the first has it, and is told. The worktree is a clone: done again it comes out the same."""
    parts, changed = [], False
    for child in await in_db(lambda: list(bench.job.children.filter(pk__in=ids).order_by("created_at", "pk"))):
        told, said = "", await in_db(_last_said, child.pk)
        if child.state in (Job.State.REVIEW, Job.State.MERGED) and child.head:
            told = await _merged(bench, child)
            changed = True
        else:
            told = f"It {child.state}: {child.error or 'nothing was changed.'} Nothing of it was taken."
        parts.append(f"Sub-agent “{child.instruction.splitlines()[0][:100]}”: {told}\n{said}".strip())
    return Joined("Your sub-agents have ended.\n\n" + "\n\n".join(parts), changed)


async def _merged(bench: Bench, child: Job) -> str:
    """In words."""
    root, files, clashing, paths = bench.place.root, Files(bench.tree), [], []
    await bench.place.begin(child.head)
    for letter, path in await git.diff_files(root, child.base, child.head):
        base = await git.show(root, child.base, path) if letter != "A" else None
        theirs = await git.show(root, child.head, path) if letter != "D" else None
        paths.append(path)
        if not await in_db(_put, files, bench.tree / path, path, (base, theirs)):
            clashing.append(path)
    done = f"merged into your worktree: {', '.join(paths)}."
    return f"{done} Left as others changed it in the same places: {', '.join(clashing)}." if clashing else done


def _put(files: Files, file: Path, path: str, sides: tuple[bytes | None, bytes | None]) -> bool:
    """Bring one file over; whether all of it could be."""
    base, theirs = sides
    try:
        ours = files.read(path).decoded if file.exists() else None
        if theirs is None:
            if ours is not None and base is not None and ours.text == decode(base).text:
                files.delete(path)
            return True
        proposed = decode(theirs)
        if ours is None:
            write_text(files, path, proposed.text, proposed)
            return True
        merged = merge3(decode(base).text if base is not None else "", ours.text, proposed.text)
        write_text(files, path, merged.text, ours)
        return not merged.conflicts
    except Unreadable:
        if theirs is not None:
            files.write(path, theirs)
        return True


def _last_said(job_id: str) -> str:
    newest = JobEvent.objects.filter(job_id=job_id, kind="log").order_by("-id").first()
    return str(newest.data.get("text", ""))[:SAID] if newest is not None else ""


def settle(ids: Sequence[str]) -> None:
    """Their results are durable in their parent: nobody has to look at them any more."""
    for job_id in Job.objects.filter(pk__in=ids, state=Job.State.REVIEW).values_list("pk", flat=True):
        jobs.move(job_id, Job.State.MERGED, phase="merged into the work of its parent")
