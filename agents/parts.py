"""What agents add to `manage.py up`, `doctor` and the dashboard: the built-in model, the worker, figures and panels."""

from __future__ import annotations

import socket
import sys

import celery
from celery.exceptions import CeleryError
from django.conf import settings
from django.db import DatabaseError
from kombu.exceptions import KombuError

from agents import overview
from agents.endpoints import choice as endpoints
from agents.endpoints import limits
from agents.jobs.rows.outbox import ANSWER
from agents.models import Endpoint, Job, Turn
from agents.providers import local
from ide.dashboard import panels
from ide.live.announce import broker_problem
from ide.parts import Check, Part, register_check, register_part

SHOWN = 20


def _model_problem() -> str | None:
    return None if local.answers_sync(settings.BUILTIN_MODEL_PORT) else "the model is not loaded yet"


def _worker_argv() -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "-A", "ide.celery", "--quiet", "worker", "--pool", "prefork"),
        *("--concurrency", str(settings.WORKERS), "--loglevel", "warning", "--without-gossip", "--without-mingle"),
        *("--hostname", worker_name()),
    ]


def worker_name() -> str:
    """The name of the worker `up` starts: one for each data folder, so that two installations do not mix."""
    return f"{settings.RUNTIME_DIR.name}@{socket.gethostname()}"


def worker_problem() -> str | None:
    """None when that worker answers, else the sentence on what is missing."""
    problem = broker_problem(ANSWER)
    if problem is not None:
        return f"the broker does not answer ({problem})"
    try:
        answers = celery.current_app.control.ping(destination=[worker_name()], timeout=ANSWER, limit=1)
    except (CeleryError, KombuError, OSError) as error:
        return f"the broker does not answer ({error})"
    return None if answers else "it does not answer yet"


def _check_model() -> tuple[str, str, str]:
    try:
        rows = endpoints.usable()
    except DatabaseError:
        return "warn", "the database has no tables yet", "`manage.py up` makes them."
    if not rows:
        return "warn", "no model is connected", "Set OPENAI_API_KEY or another key, or start a local model server."
    first = rows[0]
    if not first.builtin:
        return "ok", f"{first.name} ({first.model}) is the default of {len(rows)}", ""
    if local.weights() is None:
        return "fail", "the built-in model's file is not installed", "Run `make run` again."
    return "ok", f"{first.name} is the default", "It is small. Set OPENAI_API_KEY or another key for a better one."


def _check_worker() -> tuple[str, str, str]:
    if not settings.WORKERS:
        return "ok", "none on this machine (TANDEM_WORKERS=0)", ""
    problem = worker_problem()
    if problem is None:
        return "ok", f"a worker with {settings.WORKERS} processes answers", ""
    return "warn", f"the worker does not run: {problem}", "`manage.py up` starts it; until then jobs wait."


def check_limits() -> tuple[str, str, str]:
    """Limits are counted in Redis: what its absence means for the models that have some."""
    try:
        rows = [row for row in Endpoint.objects.filter(enabled=True) if limits.limited(row)]
    except DatabaseError:
        return "warn", "the database has no tables yet", "`manage.py up` makes them."
    if not rows:
        return "ok", "no model has limits of its own", ""
    if broker_problem(ANSWER) is None:
        return "ok", f"the limits of {len(rows)} models are counted", ""
    closed = sum(bool(row.limit_tokens) for row in rows)
    told = f"the limits of {len(rows)} models cannot be counted: Redis does not answer"
    return (
        "warn",
        told,
        f"Start it. Until then {closed} with a limit of tokens take no calls, the others any.",
    )


def register() -> None:
    register_part(
        Part(
            "model",
            lambda: local.builtin_argv(settings.BUILTIN_MODEL_PORT),
            _model_problem,
            order=20,
            inherit_env=False,
            env={"PYTHONPATH": str(settings.ROOT)},
            wanted=lambda: bool(settings.BUILTIN_MODEL),
            ready_seconds=60,
            stop_seconds=3,
        ),
    )
    register_part(
        Part(
            "worker",
            _worker_argv,
            worker_problem,
            order=40,
            # SIGTERM then means: finish within the soft time, else give the task back and end.
            env={"REMAP_SIGTERM": "SIGQUIT", "PYTHONPATH": str(settings.ROOT)},
            wanted=lambda: settings.WORKERS > 0,
            ready_seconds=60,
            stop_seconds=8,
        ),
    )
    register_check(Check("model", _check_model))
    register_check(Check("worker", _check_worker))
    register_check(Check("limits", check_limits))
    panels.register(*_figures(), *_tables())
    overview.register()


# --- the dashboard ----------------------------------------------------------------------------------------------------


def _figures() -> list[panels.Figure]:
    running = {"state": Turn.State.RUNNING}
    return [
        panels.Figure(
            "turns.running", "Turns running", lambda: Turn.objects.filter(**running).count(), group="Models", chart=True
        ),
        panels.Figure(
            "jobs.queued", "Jobs waiting", lambda: Job.objects.filter(state=Job.State.QUEUED).count(), group="Jobs"
        ),
        panels.Figure(
            "jobs.running",
            "Jobs running",
            lambda: Job.objects.filter(state__in=Job.HELD).count(),
            group="Jobs",
            chart=True,
        ),
        panels.Figure(
            "jobs.review", "Jobs to review", lambda: Job.objects.filter(state=Job.State.REVIEW).count(), group="Jobs"
        ),
    ]


def _turns() -> list[panels.Row]:
    rows = Turn.objects.select_related("owner", "endpoint", "session__workspace").order_by("-started_at")[:SHOWN]
    return [
        (
            str(row.session.workspace),
            row.owner.shown_name if row.owner else "",
            row.kind,
            row.state,
            row.endpoint.name if row.endpoint else "",
            row.output_tokens,
            round(row.ttft_ms) if row.ttft_ms is not None else None,
            f"{row.started_at:%H:%M:%S}",
        )
        for row in rows
    ]


def _jobs() -> list[panels.Row]:
    rows = Job.objects.select_related("owner", "workspace").order_by("-created_at")[:SHOWN]
    return [
        (
            str(row.workspace),
            row.owner.shown_name if row.owner else "",
            row.kind,
            row.state,
            row.phase,
            f"{row.done}/{row.total}" if row.total else str(row.done),
            row.output_tokens,
            row.lease_owner,
        )
        for row in rows
    ]


def _tables() -> list[panels.Panel]:
    return [
        panels.Panel(
            "turns",
            "Newest turns",
            ("workspace", "who", "kind", "state", "model", "tokens", "first token, ms", "began"),
            _turns,
            empty="No turn yet.",
        ),
        panels.Panel(
            "jobs",
            "Newest jobs",
            ("workspace", "who", "kind", "state", "phase", "done", "tokens", "worker"),
            _jobs,
            empty="No job yet.",
        ),
    ]
