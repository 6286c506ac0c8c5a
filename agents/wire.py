"""Rows as the JSON of static/src/wire.ts, with exactly its names. Rows must be loaded with what they point at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.models import Compaction, Endpoint, Item, Job, JobEvent, QueueEntry, RoleEndpoint, Session, Step, Turn
from ide.accounts.models import User

Json = dict[str, object]

ADVICE_BUILTIN = (
    "This is the small model that ships with Tandem: it rewrites a selection and talks, but it is often wrong and "
    "cannot drive tools. Connect a better one under “Models…”, in the menu of your picture. Ollama, LM Studio, "
    "llama-server and vLLM on the server's machine are found by themselves."
)
ADVICE_NONE = (
    "No model is connected. Connect one under “Models…”, in the menu of your picture. Ollama, LM Studio, llama-server "
    "and vLLM on the server's machine are found by themselves. Editing works without."
)


def time(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def person(user: User | None) -> Json | None:
    return None if user is None else {"id": user.pk, "name": user.shown_name, "colour": user.colour}


def endpoint(row: Endpoint) -> Json:
    return {
        "id": row.pk,
        "name": row.name,
        "model": row.model,
        "builtin": row.builtin,
        "scripted": row.dialect == Endpoint.Dialect.SCRIPTED,
        "drives_tools": row.drives_tools,
        "window": row.window,
        "price": _price(row),
        "images": False if row.builtin else row.abilities.get("images"),
        "resting_until": time(row.resting_until) if row.resting else None,
        "problem": row.problem,
    }


def _price(row: Endpoint) -> Json | None:
    """US dollars for a million tokens; None where nobody has said what it costs."""
    price: Json = {"input": float(row.price_input), "output": float(row.price_output)}
    return price if any(price.values()) else None


def endpoint_settings(row: Endpoint, *, may_change: bool) -> Json:
    """An endpoint as its settings screen has it. Never the key; not even a part of it."""
    scope = "person" if row.person_id is not None else "team" if row.team_id is not None else "site"
    return {
        **endpoint(row),
        "dialect": row.dialect,
        "base_url": row.base_url if may_change else "",
        "scope": scope,
        "has_key": bool(row.key_encrypted),
        "enabled": row.enabled,
        "abilities": row.abilities,
        "probed_at": time(row.probed_at),
        "extra": row.extra if may_change else {},
        "pool": row.pool,
        **{name: getattr(row, name) for name in ("limit_concurrent", "limit_requests", "limit_tokens")},
        "price": {name: float(getattr(row, f"price_{name}")) for name in ("input", "cached", "output")},
        "may_change": may_change,
    }


def role(row: RoleEndpoint) -> Json:
    scope = "team" if row.team_id is not None else "site"
    return {"role": row.role, "scope": scope, "endpoint": row.endpoint_id, "fall_over": row.fall_over}


def models(rows: Sequence[Endpoint]) -> Json:
    """`rows` in order of preference: the first is the default."""
    advice = ADVICE_NONE if not rows else ADVICE_BUILTIN if rows[0].builtin else ""
    return {"endpoints": [endpoint(r) for r in rows], "default": rows[0].pk if rows else None, "advice": advice}


def session(row: Session, running: Turn | None) -> Json:
    """`row` is one of agents.sessions.library.rows."""
    return {
        "id": row.pk,
        "title": row.title,
        "active_at": time(row.active_at),
        "running": running is not None,
        "by": person(running.owner) if running else None,
        "owner": person(row.created_by),
        "created_at": time(row.created_at),
        "archived": row.archived,
        "forked_from": _fork(row.forked_from),
        "turns": row.turn_count,
        "inline": row.title.startswith(Session.INLINE),
    }


def _fork(turn: Turn | None) -> Json | None:
    return None if turn is None else {"session": turn.session_id, "title": turn.session.title}


def turn(row: Turn) -> Json:
    speed = row.output_tokens / row.seconds if row.seconds else None
    return {
        "id": row.pk,
        "session": row.session_id,
        "kind": row.kind,
        "state": row.state,
        "owner": person(row.owner),
        "endpoint": row.endpoint.name if row.endpoint else "",
        "builtin": bool(row.endpoint and row.endpoint.builtin),
        "error": row.error,
        "waits": row.waits,
        "ttft_ms": row.ttft_ms,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "tokens_per_s": speed,
        "cost": float(row.cost) if row.cost is not None else None,
        "times": row.times,
        "started_at": time(row.started_at),
        "ended_at": time(row.ended_at),
    }


def item(row: Item) -> Json:
    return {
        "id": row.pk,
        "turn": row.turn_id,
        "position": row.position,
        "created_at": time(row.created_at),
        "author": person(row.author),
        "kind": row.kind,
        "data": dict(row.data),
    }


def compaction(row: Compaction) -> Json:
    """`until`: the newest turn it stands for; nobody in `by`: the window was full."""
    return {
        "id": row.pk,
        "session": row.session_id,
        "until": row.until_id,
        "summary": row.summary,
        "tokens_before": row.tokens_before,
        "tokens_after": row.tokens_after,
        "at": time(row.created_at),
        "by": person(row.by),
        "undone": row.undone_at is not None,
    }


def queue_entry(row: QueueEntry) -> Json:
    """`changed`: who edited or moved it last, and which of both."""
    return {
        "id": row.pk,
        "session": row.session_id,
        "text": row.data.get("text", ""),
        "mentions": row.data.get("mentions", []),
        "pictures": row.data.get("pictures", []),
        "by": person(row.author),
        "changed": row.data.get("changed"),
        "endpoint": row.endpoint_id,
        "held": row.held,
        "created_at": time(row.created_at),
    }


def job(row: Job, failed: int, place: int | None = None) -> Json:
    """`failed`: how many of its steps failed; `place`: how many jobs are begun before it, while it is queued."""
    result: Mapping[str, int] = row.result or {}
    return {
        "id": row.pk,
        "parent": row.parent_id,
        "session": row.session_id,
        "kind": row.kind,
        "state": row.state,
        "instruction": row.instruction,
        "paths": list(row.paths),
        "owner": person(row.owner),
        "endpoint": row.endpoint.name if row.endpoint else "",
        "builtin": bool(row.endpoint and row.endpoint.builtin),
        "phase": row.phase,
        "question": row.question,
        "taken_by": taken_by(row),
        "pausing": row.pause_asked,
        "budget": dict(row.budget),
        "plan": _plan(row),
        "setup": dict(row.setup) or None,
        "attempt": row.attempt,
        "queue_place": place if row.state == Job.State.QUEUED else None,
        "worked_seconds": row.worked_seconds,
        "cost": float(row.cost),
        "done": row.done,
        "total": row.total,
        "failed": failed,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "error": row.error,
        "created_at": time(row.created_at),
        "started_at": time(row.started_at),
        "ended_at": time(row.ended_at),
        "added": result.get("added", 0),
        "removed": result.get("removed", 0),
        "files": result.get("files", 0),
    }


def taken_by(row: Job) -> Json | None:
    """Who has its work in their editor."""
    takeover = getattr(row, "takeover", None)  # a row that may not be there
    return person(takeover.by) if takeover is not None else None


def step(row: Step) -> Json:
    seconds = (row.ended_at - row.started_at).total_seconds() if row.ended_at and row.started_at else None
    return {"position": row.position, "name": row.name, "state": row.state, "error": row.error, "seconds": seconds}


def job_event(row: JobEvent) -> Json:
    return {"id": row.pk, "kind": row.kind, "data": row.data, "created_at": time(row.created_at)}


@dataclass(frozen=True)
class Inside:
    """What only a job's own screen shows; `events` oldest first."""

    steps: Sequence[Step]
    events: Iterable[JobEvent]
    children: Sequence[Job]


def job_detail(row: Job, inside: Inside, place: int | None = None) -> Json:
    failed = sum(1 for s in inside.steps if s.state == Step.State.FAILED)
    return {
        **job(row, failed, place),
        "steps": [step(s) for s in inside.steps],
        "events": [job_event(e) for e in inside.events],
        "children": [job_child(child) for child in inside.children],
    }


def job_child(row: Job) -> Json:
    told = ("instruction", "state", "phase", "done", "total", "error")
    return {"id": row.pk, "cost": float(row.cost), **{name: getattr(row, name) for name in told}}


def _plan(row: Job) -> Json | None:
    """The Plan of wire.ts; None where it has made none."""
    plan: Mapping[str, object] = row.plan or {}
    if not plan.get("steps"):
        return None
    return {"steps": plan["steps"], "state": plan.get("state", ""), "by": plan.get("by", "")}
