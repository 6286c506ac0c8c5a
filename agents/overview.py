"""What administrators see of models at work and do about it: running turns, jobs and their queue, endpoints, hunks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Min
from django.utils import timezone

from agents import live, wire
from agents.jobs import errands
from agents.jobs.rows import life as jobs
from agents.models import Endpoint, Job, Proposal, Turn
from agents.sessions.turns import Stop
from ide.accounts.models import User
from ide.dashboard import panels
from ide.dashboard.panels import Act, Panel, Row
from ide.db import in_db
from ide.errors import Conflict, NotFound, Refused
from ide.live.announce import hint_async, on_hint
from ide.live.host import WorkspaceHost, live_host
from ide.usage import meter
from ide.workspaces.models import Workspace

SHOWN = 20


def register() -> None:
    panels.register(
        Panel(
            "turns.running",
            "Running turns, the most expensive first",
            ("who", "workspace", "session", "model", "tokens", "US$", "seconds"),
            _running,
            "No turn runs.",
            acts=("turn.interrupt",),
        ),
        Panel(
            "jobs.open",
            "Jobs that run or wait",
            ("who", "workspace", "job", "state", "tokens", "US$", "waits for, s"),
            _open_jobs,
            "No job runs or waits.",
            acts=("job.cancel",),
        ),
        Panel(
            "queue",
            "Queue of jobs, by person",
            ("who", "queued", "waiting since, s"),
            _queue,
            "Nothing waits for a worker.",
        ),
        Panel(
            "models",
            "Models",
            ("name", "model", "pool", "state", "trouble", "turns"),
            _models,
            "No model is connected.",
            acts=("endpoint.disable", "endpoint.enable"),
        ),
        Act(
            "turn.interrupt", "Interrupt", "Interrupt this turn? What it has written stays, as a proposal.", _interrupt
        ),
        Act("job.cancel", "Cancel", "Cancel this job? What it has done so far is not merged.", _cancel),
        Act("endpoint.disable", "Switch off", "Switch this model off for everybody? Calls under way end.", _disable),
        Act("endpoint.enable", "Switch on", "Switch this model on again?", _enable),
    )
    panels.register_hunks(_hunks)
    on_hint("interrupt", interrupt_here)


# --- turns ------------------------------------------------------------------------------------------------------------


def _running() -> list[Row]:
    rows = Turn.objects.filter(state=Turn.State.RUNNING)
    turns = rows.select_related("owner", "endpoint", "session__workspace").order_by("-started_at")[:200]
    spent = meter.by_subject([f"turn:{row.pk}" for row in turns])
    found = [(*spent.get(f"turn:{row.pk}", (0, Decimal(0))), row) for row in turns]
    found.sort(key=lambda one: (one[1], one[0]), reverse=True)
    now = timezone.now()
    return [
        (
            row.owner.shown_name if row.owner else None,
            row.session.workspace.name,
            row.session.title,
            row.endpoint.name if row.endpoint else None,
            tokens,
            round(float(cost), 4),
            round((now - row.started_at).total_seconds()),
            row.pk,
        )
        for tokens, cost, row in found[:SHOWN]
    ]


async def _interrupt(who: User, thing: str, text: str) -> str:
    row = await in_db(Turn.objects.select_related("session", "owner").filter(pk=thing).first)
    if row is None or row.state != Turn.State.RUNNING:
        raise Conflict("This turn has ended already.", "Nothing was done.")
    by = wire.person(who)
    host = live_host(row.session.workspace_id)
    if host is None:
        await hint_async(row.session.workspace_id, "interrupt", turn=thing, by=by)
        return "The server that runs it is told to stop it."
    live.of(host).sessions.interrupt(thing, Stop(by=by))
    return f"{row.owner.shown_name if row.owner else 'Somebody'}'s turn is interrupted."


async def interrupt_here(host: WorkspaceHost, ids: dict[str, object]) -> None:
    """A hint came: an administrator, on another server, stops a turn of this workspace."""
    by = ids.get("by")
    try:
        live.of(host).sessions.interrupt(str(ids.get("turn")), Stop(by=by if isinstance(by, dict) else None))
    except Refused:
        return  # it has ended meanwhile


# --- jobs -------------------------------------------------------------------------------------------------------------


def _open_jobs() -> list[Row]:
    states = [*Job.ACTIVE, Job.State.WAITING]
    rows = Job.objects.filter(state__in=states).select_related("owner", "workspace").order_by("-cost", "created_at")
    now = timezone.now()
    return [
        (
            row.owner.shown_name if row.owner else None,
            row.workspace.name,
            row.instruction.splitlines()[0][:60],
            row.state,
            row.input_tokens + row.output_tokens,
            round(float(row.cost), 4),
            round((now - row.created_at).total_seconds()) if row.state == Job.State.QUEUED else None,
            row.pk,
        )
        for row in rows[:SHOWN]
    ]


def _queue() -> list[Row]:
    waiting = Job.objects.filter(state=Job.State.QUEUED).order_by()
    groups = waiting.values("owner").annotate(count=Count("pk"), since=Min("created_at")).order_by("since")[:SHOWN]
    people = User.objects.in_bulk([one["owner"] for one in groups if one["owner"] is not None])
    now = timezone.now()
    return [
        (
            people[one["owner"]].shown_name if one["owner"] in people else None,
            one["count"],
            round((now - one["since"]).total_seconds()),
        )
        for one in groups
    ]


async def _cancel(who: User, thing: str, text: str) -> str:
    job = await in_db(jobs.get, thing)
    await errands.cancel(job)
    return "The job is cancelled; its worker stops within a second."


# --- models -----------------------------------------------------------------------------------------------------------


def _models() -> list[Row]:
    rows = Endpoint.objects.annotate(used=Count("turns")).order_by("rank", "pk")
    return [
        (
            row.name,
            row.model,
            row.pool,
            "off" if not row.enabled else "resting" if row.resting else "on",
            row.problem or None,
            row.used,
            str(row.pk),
        )
        for row in rows
    ]


async def _disable(who: User, thing: str, text: str) -> str:
    return f"{await _switch(thing, on=False)} is switched off."


async def _enable(who: User, thing: str, text: str) -> str:
    return f"{await _switch(thing, on=True)} is switched on."


async def _switch(thing: str, *, on: bool) -> str:
    row = await in_db(Endpoint.objects.filter(pk=thing).first) if thing.isdigit() else None
    if row is None:
        raise NotFound("There is no such model.", "Reload the page.")
    await in_db(Endpoint.objects.filter(pk=row.pk).update, enabled=on)
    for workspace_id in await in_db(_open_workspaces):
        await hint_async(workspace_id, "models")
        host = live_host(workspace_id)
        if host is not None:
            await live.models_changed(host, {})
    return row.name


def _open_workspaces() -> list[str]:
    return list(Workspace.objects.filter(host_until__gt=timezone.now()).values_list("pk", flat=True))


# --- hunks ------------------------------------------------------------------------------------------------------------


def _hunks(times: Sequence[datetime]) -> list[tuple[int, int]]:
    """Of proposals made from each moment to the next."""
    found = [[0, 0] for _ in times]
    rows = Proposal.objects.filter(created_at__gte=times[0]).order_by()
    for at, accepted, rejected in rows.values_list("created_at", "accepted", "rejected"):
        place = found[bisect_right(times, at) - 1]
        place[0], place[1] = place[0] + accepted, place[1] + rejected
    return [(one[0], one[1]) for one in found]
