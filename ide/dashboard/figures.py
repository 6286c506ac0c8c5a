"""Figures and panels of `ide` itself: people, documents, calls to models, the machine; all of them at one moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Q, Sum
from django.utils import timezone

from ide.dashboard import pulse
from ide.dashboard.ground import Look
from ide.dashboard.models import Drained
from ide.dashboard.panels import Figure, Panel, Row, Value, figures, panels, register
from ide.errors import Refused
from ide.usage import use
from ide.usage.models import LedgerEntry
from ide.workspaces.models import Workspace

LATEST = 20  # rows of a table
ASKING = "asking…"  # what stands where nobody has answered yet
_ground: Look | None = None


def set_ground(look: Look | None) -> None:
    """Keep the newest look at the ground for the next snapshot; None: from now on the last one is out of date."""
    global _ground  # noqa: PLW0603 (one ground, one process)
    _ground = look


def snapshot() -> dict[str, Any]:
    """Every figure and panel, and what is used of limits, now: {at, figures: {key: value}, panels: {key: rows},
    limits}. Synchronous ORM.

    What cannot be read now is None (a dash on the page); the rest is unharmed.
    """
    return {
        "at": timezone.now().isoformat(timespec="milliseconds"),
        "figures": {figure.key: _value(figure) for figure in figures()},
        "panels": {panel.key: _rows(panel) for panel in panels()},
        "limits": _limits(),
    }


def _limits() -> dict[str, Any] | None:
    try:
        return use.now()
    except DatabaseError:
        return None


def _value(figure: Figure) -> Value:
    try:
        return figure.value()
    except (DatabaseError, OSError, Refused):
        return None


def _rows(panel: Panel) -> list[list[Value]] | None:
    try:
        return [list(row) for row in panel.rows()]
    except (DatabaseError, OSError, Refused):
        return None


# --- models: from the ledger, which every process writes ----------------------------------------------------------
def _settled_since(span: timedelta) -> Any:
    return LedgerEntry.objects.used().filter(created_at__gte=timezone.now() - span)


def tokens_per_second() -> float:
    """Tokens models wrote, mean of the last minute. A call's tokens are spread evenly over the time it streamed."""
    now = timezone.now()
    calls = _settled_since(timedelta(minutes=15)).exclude(seconds=None).order_by("-created_at")[:500]
    written = sum(_share(now, *call) for call in calls.values_list("created_at", "seconds", "output_tokens"))
    return round(written / 60, 1)


def _share(now: datetime, began: datetime, seconds: float, tokens: int) -> float:
    """How many of a call's tokens were written in the minute before `now`."""
    length = max(seconds, 0.001)
    start = (now - began).total_seconds()  # seconds ago
    end = start - length
    inside = min(start, 60.0) - max(end, 0.0)
    return tokens * max(0.0, min(1.0, inside / length))


def tokens_today() -> int:
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    today = LedgerEntry.objects.filter(created_at__gte=midnight).totals()
    return today.input_tokens + today.output_tokens


def first_token(percent: int) -> float | None:
    """Percentile of the time to the first token in the last hour, milliseconds."""
    calls = _settled_since(timedelta(hours=1)).exclude(ttft_ms=None).order_by("-created_at")
    return _percentile(list(calls.values_list("ttft_ms", flat=True)[:1000]), percent)


def calls_running() -> int:
    """Calls to models under way, by their reservations; one whose time has passed was left behind by a crash."""
    reserved = LedgerEntry.objects.filter(state=LedgerEntry.State.RESERVED)
    return reserved.count() - LedgerEntry.objects.lapsed().count()


def endpoint_rows() -> list[Row]:
    groups = (
        _settled_since(timedelta(days=1))
        .values("endpoint", "model")
        .annotate(
            calls=Count("id"),
            read=Sum("input_tokens"),
            written=Sum("output_tokens"),
            timed=Sum("output_tokens", filter=Q(seconds__gt=0)),
            seconds=Sum("seconds"),
        )
        .order_by("-calls")[:LATEST]
    )
    rows: list[Row] = []
    errors, waits = _errors(), _waits()
    for g in groups:
        speed = round(g["timed"] / g["seconds"], 1) if g["timed"] and g["seconds"] else None
        wait = waits.get((g["endpoint"], g["model"]), [])
        told = (g["endpoint"], g["model"], g["calls"], g["read"], g["written"])
        rows.append((*told, _percentile(wait, 50), _percentile(wait, 95), speed, errors.pop(g["endpoint"], "none")))
    silent: list[Row] = [(name, None, 0, 0, 0, None, None, None, trouble) for name, trouble in sorted(errors.items())]
    return rows + silent


def _waits() -> dict[tuple[str, str], list[float]]:
    """Times to the first token of the newest calls of a day, by endpoint and model."""
    calls = _settled_since(timedelta(days=1)).exclude(ttft_ms=None).order_by("-created_at")[:2000]
    found: dict[tuple[str, str], list[float]] = {}
    for endpoint, model, wait in calls.values_list("endpoint", "model", "ttft_ms"):
        found.setdefault((endpoint, model), []).append(wait)
    return found


def _percentile(waits: Sequence[float], percent: int) -> float | None:
    if len(waits) < 2:
        return round(waits[0]) if waits else None
    return round(quantiles(waits, n=100, method="inclusive")[percent - 1])


def _errors() -> dict[str, str]:
    """Providers' errors of a day, in words, by endpoint: of all processes, as the ledger has them."""
    failed = LedgerEntry.objects.filter(created_at__gte=timezone.now() - timedelta(days=1)).exclude(error="")
    rows = failed.order_by().values_list("endpoint", "error").annotate(count=Count("pk")).order_by("-count")
    found: dict[str, list[str]] = {}
    for endpoint, error, count in rows:
        found.setdefault(endpoint, []).append(f"{count} × {error.removeprefix('model_').replace('_', ' ')}")
    return {endpoint: ", ".join(told) for endpoint, told in found.items()}


def call_rows() -> list[Row]:
    newest = LedgerEntry.objects.select_related("user", "workspace").order_by("-created_at")[:LATEST]
    return [
        (
            clock(entry.created_at),
            entry.user.shown_name if entry.user else None,
            entry.workspace.name if entry.workspace else None,
            entry.kind,
            f"{entry.endpoint} · {entry.model}",
            entry.input_tokens,
            entry.output_tokens,
            round(entry.ttft_ms) if entry.ttft_ms is not None else None,
            {"reserved": "running"}.get(entry.state, entry.state),
        )
        for entry in newest
    ]


def clock(moment: datetime | None) -> str | None:
    """A moment as tables show it, UTC."""
    return moment.strftime("%H:%M:%S") if moment else None


# --- workspaces, parts, the machine -------------------------------------------------------------------------------
def people_now() -> int:
    """People with a tab open on a workspace, whichever process hosts it."""
    return len({user for one in pulse.pulses() for user in one.people})


def live_workspaces() -> int:
    return Workspace.objects.filter(host_until__gt=timezone.now()).count()


def workspace_rows() -> list[Row]:
    live = Workspace.objects.filter(host_until__gt=timezone.now()).select_related("team").order_by("-active_at")
    inside = {workspace: counts for one in pulse.pulses() for workspace, counts in one.workspaces.items()}
    return [
        (
            *(w.name, w.team.name, *inside.get(w.pk, (None, None))),
            *(pulse.machine(w.host), w.host_epoch, clock(w.host_until), w.pk),
        )
        for w in live[:LATEST]
    ]


def host_rows() -> list[Row]:
    """Processes that have workspaces open, and those that were emptied."""
    drained = set(Drained.objects.values_list("host", flat=True))
    rows: list[Row] = []
    for one in pulse.pulses():
        state = "drained" if one.host in drained else "open"
        rooms = (len(one.workspaces), len(one.people), one.sockets, one.rooms)
        rows.append((pulse.machine(one.host), one.pid, state, *rooms, one.host))
    silent = drained - {one.host for one in pulse.pulses()}
    return rows + [(pulse.machine(name), None, "drained", 0, 0, 0, 0, name) for name in sorted(silent)]


def part_rows() -> Sequence[Row]:
    return [(ASKING, None, None)] if _ground is None else _ground.parts


def worker_rows() -> Sequence[Row]:
    if _ground is None:
        return [(ASKING, None, None)]
    if _ground.workers is None:
        return [("broker", None, "cannot be asked: jobs wait until it answers")]
    return [(name, processes, f"{busy} at work" if busy else "idle") for name, processes, busy in _ground.workers]


def worker_count() -> Value:
    if _ground is None:
        return ASKING
    return None if _ground.workers is None else len(_ground.workers)


def disk_free() -> float:
    return round(shutil.disk_usage(settings.DATA_DIR).free / 1e9, 1)


def database_size() -> float:
    """Megabytes of the database, its write-ahead log included."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        return round(_bytes(name + end for end in ("", "-wal")) / 1e6, 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size: int = cursor.fetchone()[0]
        return round(size / 1e6, 1)


def _bytes(files: Iterable[str]) -> int:
    return sum(os.path.getsize(file) for file in files if os.path.exists(file))


def register_own() -> None:
    register(
        Figure("people", "People", people_now, "here now", "People", chart=True),
        Figure("sockets", "Sockets", lambda: sum(p.sockets for p in pulse.pulses()), "open", "People", chart=True),
        Figure("rooms", "Documents live", lambda: sum(p.rooms for p in pulse.pulses()), "rooms", "People", chart=True),
        Figure("commit.p50", "Typed to saved, p50", lambda: pulse.commit_percentile(50), "ms, last ½ minute", "People"),
        Figure("commit.p95", "Typed to saved, p95", lambda: pulse.commit_percentile(95), "ms, at most", "People"),
        Figure("workspaces", "Workspaces live", live_workspaces, "", "People"),
        Figure("calls", "Calls running", calls_running, "", "Models", chart=True),
        Figure("speed", "Written by models", tokens_per_second, "tokens/s, last minute", "Models", chart=True),
        Figure("today", "Tokens today", tokens_today, "read and written", "Models"),
        Figure("first.p50", "First token, p50", lambda: first_token(50), "ms, last hour", "Models"),
        Figure("first.p95", "First token, p95", lambda: first_token(95), "ms, last hour", "Models"),
        Figure("workers", "Workers", worker_count, "answering", "Jobs"),
        Figure("disk", "Disk free", disk_free, "GB", "Machine"),
        Figure("database", "Database", database_size, "MB", "Machine"),
        Panel(
            "endpoints",
            "Model endpoints, last 24 hours",
            (
                *("endpoint", "model", "calls", "tokens read", "written"),
                *("first token p50, ms", "p95, ms", "tokens/s", "errors"),
            ),
            endpoint_rows,
            "No model was called today.",
        ),
        Panel(
            "model-calls",
            "Newest calls to models",
            ("at", "who", "workspace", "for", "model", "read", "written", "first token, ms", "state"),
            call_rows,
            "No model was called yet.",
        ),
        Panel(
            "workspaces",
            "Live workspaces",
            ("workspace", "team", "people", "documents", "host", "epoch", "lease until"),
            workspace_rows,
            "Nobody has a workspace open.",
            acts=("workspace.close",),
        ),
        Panel(
            "hosts",
            "Servers",
            ("machine", "process", "state", "workspaces", "people", "sockets", "documents"),
            host_rows,
            "No server has a workspace open.",
            acts=("host.drain", "host.undrain"),
        ),
        Panel("workers", "Workers", ("worker", "processes", "state"), worker_rows, "No worker answers: jobs wait."),
        Panel("parts", "Parts", ("part", "state", "finding"), part_rows, "Not looked at yet."),
    )
