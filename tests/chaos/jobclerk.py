"""What the matrix of jobs asks of the site's database, as functions whose arguments and results are JSON.

`serve` answers in a process of its own, one JSON line for each on stdin, so that Django starts once and not for each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections import Counter
from typing import Any

from celery import current_app
from django.core.management import call_command
from django.db import connections
from django.db.models import Q
from django.test import Client

from agents.jobs.rows import life as jobs
from agents.jobs.rows import outbox
from agents.models import Endpoint, Job, Step, Turn
from ide.accounts.models import Membership, Team, User
from ide.db import new_id
from ide.documents.models import DocumentUpdate
from ide.usage import hours, meter
from ide.usage.models import Account, LedgerEntry, Limit
from ide.workspaces.models import Workspace

Json = dict[str, Any]


def serve() -> None:
    """Until stdin ends. What a function prints goes to stderr; what it raises is its answer's `error`."""
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        for line in sys.stdin:
            name, args = json.loads(line)
            try:
                told = {"result": globals()[name](*args)}
            except Exception:
                told = {"error": traceback.format_exc()}
            connections.close_all()
            print(json.dumps(told), file=out, flush=True)


def migrate() -> bool:
    call_command("migrate", verbosity=0, interactive=False)
    return True


def ground(count: int, url: str, files: dict[str, str]) -> list[Json]:
    """So many workspaces with these files, committed, of one person who is signed in, and one model."""
    team = Team.objects.create(name="t")
    user = User.objects.create_user(username="ada")
    Membership.objects.create(team=team, user=user, role="owner")
    Endpoint.objects.create(name="m", dialect="chat", base_url=url, model="m", drives_tools=True)
    cookies = _signed_in(user)
    return [_workspace(team, number, files) | {"cookies": cookies} for number in range(count)]


def _signed_in(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {name: morsel.value for name, morsel in client.cookies.items()}


def _workspace(team: Team, number: int, files: dict[str, str]) -> Json:
    row = Workspace.objects.create(name=f"w{number}", team=team, source="empty", state="ready")
    row.folder.mkdir(parents=True)
    for name, text in files.items():
        (row.folder / name).write_text(text)
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "first")):
        identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        subprocess.run(["git", *identity, *words], cwd=row.folder, check=True, capture_output=True)
    return {"workspace": row.pk, "folder": str(row.folder)}


def newest(workspace: str) -> str:
    return str(
        Job.objects.filter(workspace_id=workspace, parent=None).order_by("-created_at").values_list("pk", flat=True)[0]
    )


def send(job_id: str, times: int) -> bool:
    """The same message that often."""
    for _ in range(times):
        current_app.send_task(outbox.TASK, (job_id,))
    return True


def facts(job_id: str) -> Json:
    """Where a job stands, what its steps were, and each claim there was, in order."""
    row = Job.objects.get(pk=job_id)
    claims = [e.data["attempt"] for e in row.events.filter(kind="state") if e.data.get("state") == "planning"]

    steps = list(row.steps.order_by("position").values_list("name", "state"))
    told = {
        name: getattr(row, name) for name in ("state", "error", "head", "base", "lease_owner", "lease_fence", "done")
    }
    merge = getattr(row, "merge", None)
    return {
        **told,
        "steps": [list(step) for step in steps],
        "claims": claims,
        "merge": merge.state if merge is not None else "",
        "children": list(row.children.values_list("state", flat=True)),
        "events": row.events.count(),
    }


def merged(job_id: str) -> Json:
    """How often it is written that a job was merged, and how many of its edits are in the log of each document."""
    row = Job.objects.get(pk=job_id)
    told = [event.data.get("state") for event in row.events.filter(kind="state")]
    updates = DocumentUpdate.objects.filter(document__workspace_id=row.workspace_id, origin=f"job:{job_id}")
    return {"told": told.count("merged"), "edits": Counter(updates.values_list("document__path", flat=True))}


def limit(at_once: int, a_minute: int) -> bool:
    """Of every endpoint: calls at once, and requests a minute."""
    Endpoint.objects.update(limit_concurrent=at_once, limit_requests=a_minute)
    return True


def at_items(job_id: str) -> list[str]:
    """Which workers have an item of the job in hand, by machine and process."""
    held = Step.objects.filter(job_id=job_id, state=Step.State.STARTED)
    return [owner.partition("#")[0] for owner in held.values_list("lease_owner", flat=True)]


# --- for measurements -------------------------------------------------------------------------------------------------


def spans(job_id: str) -> Json:
    """Seconds from a job's first step's begin to its last one's end, how many there were, and when it was claimed."""
    row = Job.objects.get(pk=job_id)
    steps = list(row.steps.order_by("position"))
    first, last = steps[0].started_at, steps[-1].ended_at
    assert first is not None and last is not None and row.claimed_at is not None  # noqa: PT018
    return {"seconds": (last - first).total_seconds(), "steps": len(steps), "claimed_at": row.claimed_at.timestamp()}


def crowd(shares: dict[str, int]) -> dict[str, int]:
    """So many queued jobs of each person in the first workspace; their ids by name."""
    workspace = Workspace.objects.select_related("team").get()
    base = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=workspace.folder, capture_output=True, text=True, check=True
    )
    ids = {}
    for name, count in shares.items():
        user, _ = User.objects.get_or_create(username=name)
        Membership.objects.get_or_create(team=workspace.team, user=user, defaults={"role": "editor"})
        ids[name] = user.pk
        for number in range(count):
            order = jobs.Order("agent", f"{name} {number}")
            jobs.create(workspace.pk, user, Endpoint.objects.get(), order, jobs.Ground(new_id(), base.stdout.strip()))
    return ids


def cancelled(job_ids: list[str]) -> bool:
    """Whether these and all they have delegated are cancelled, and every call of theirs is settled."""
    rows = Job.objects.filter(Q(pk__in=job_ids) | Q(parent__in=job_ids))
    return all(row.state == Job.State.CANCELLED and not meter.still_held(f"job:{row.pk}") for row in rows)


def waiting() -> int:
    return Job.objects.filter(state=Job.State.QUEUED).count()


def begun(people: dict[str, int]) -> list[str]:
    """Whose jobs were begun, in order."""
    names = {number: name for name, number in people.items()}
    rows = Job.objects.filter(owner_id__in=names, claimed_at__isnull=False).order_by("claimed_at", "pk")
    return [names[owner] for owner in rows.values_list("owner_id", flat=True) if owner is not None]


# --- what was used ----------------------------------------------------------------------------------------------------


def capped(name: str, tokens: int) -> Json:
    """Another person of the team, signed in, with a cap of tokens a day; nobody's calls at once are limited."""
    user = User.objects.create_user(username=name)
    Membership.objects.create(team=Team.objects.get(), user=user, role="editor")
    for kind in ("turn", "job"):
        Limit.objects.create(of="person", kind=kind, measure="calls", amount=None)
    Limit.objects.create(of="person", person=user, measure="tokens", span="day", amount=tokens)
    Endpoint.objects.update(limit_requests=100_000)
    return {"user": user.pk, "cookies": _signed_in(user)}


def observer(name: str) -> Json:
    """One of the staff, signed in, who may look at the dashboard and is in no team."""
    return {"cookies": _signed_in(User.objects.create_user(username=name, is_staff=True))}


def under_way() -> int:
    """Turns and jobs that have not come to an end, and calls that nobody has settled."""
    turns = Turn.objects.filter(state=Turn.State.RUNNING).count()
    jobs_left = Job.objects.filter(state__in=(Job.State.QUEUED, Job.State.PLANNING, Job.State.RUNNING)).count()
    return turns + jobs_left + LedgerEntry.objects.filter(state="reserved").count()


def used(user: int) -> Json:
    """The ledger call by call, and what its sums are by the dashboard's history and by the accounts of limits."""
    rows = LedgerEntry.objects.exclude(state="released").exclude(kind="test")
    calls = [[row.subject, row.input_tokens, row.output_tokens] for row in rows]
    before = hours.history("hour", "all").total().tokens
    hours.roll()
    accounts = {row.key: row.tokens for row in Account.objects.all()}
    site = sum(tokens for key, tokens in accounts.items() if key.startswith("site|") and key.endswith("|"))
    person = sum(tokens for key, tokens in accounts.items() if key.startswith(f"person:{user}|") and key.endswith("|"))
    history = {"hour": before, "month": hours.history("month", "person").total().tokens}
    return {"calls": calls, "history": history, "site": site, "person": person}
