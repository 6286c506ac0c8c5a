"""Limits as people are shown them: those that are set, and those that hold for somebody with what is used of them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ide.usage import accounts
from ide.usage.caps import DEFAULTS, Call, Cap, Row, caps_for, frees_at
from ide.usage.models import Account, Kind, Limit, Pool
from ide.usage.use import key_of

Json = dict[str, Any]


def rows_of(team: str | None) -> list[Json]:
    """Those a team has set for itself, or (None) administrators, who also see what holds where they set nothing."""
    rows = Limit.objects.filter(by=team).select_related("person", "team").order_by("of", "measure", "span", "pk")
    found = [row_wire(row) for row in rows]
    if team is None:
        known = {(one["of"], one["kind"], one["measure"], one["span"]) for one in found if not _named(one)}
        plain = [
            Limit(of=d.of, kind=d.kind, measure=d.measure, span=d.span, amount=d.amount)
            for d in DEFAULTS
            if (d.of, d.kind, d.measure, d.span) not in known
        ]
        found += [row_wire(row, default=True) for row in plain]
    return found


def _named(one: Json) -> bool:
    return bool(one["pool"] or one["team"] or one["person"] or one["endpoint"])


def row_wire(row: Limit, *, default: bool = False) -> Json:
    """A Limit of wire-models.ts."""
    named = (row.team_id, row.person_id, row.endpoint)
    place = Row(row.by_id, row.of, *named, row.pool, row.kind, row.measure, row.span, row.amount)
    return {
        "key": key_of(place),
        "of": row.of,
        "team": {"id": row.team.pk, "name": row.team.name} if row.team is not None else None,
        "person": {"login": row.person.username, "name": row.person.shown_name} if row.person is not None else None,
        "endpoint": row.endpoint,
        "pool": row.pool,
        "kind": row.kind,
        "measure": row.measure,
        "span": row.span,
        "amount": None if row.amount is None else float(row.amount),
        "default": default,
    }


def holding(user_id: int, workspace_id: str) -> list[Json]:
    """What holds for a person in a workspace, pool by pool, with what is used; no limit of one model. Reservations of
    running calls count."""
    caps: dict[tuple[str, str, str, bool], Cap] = {}
    for pool in Pool.values:
        for kind in Kind.values:
            for cap in caps_for(Call(user_id, workspace_id, "", "", kind, "", pool=pool)):
                caps.setdefault((cap.key, cap.measure, cap.span, cap.team), cap)
    rows = {row.key: row for row in Account.objects.filter(key__in=[cap.key for cap in caps.values()])}
    return [_held(cap, rows.get(cap.key)) for cap in caps.values()]


def _held(cap: Cap, row: Account | None) -> Json:
    now = timezone.now()
    frees = frees_at(cap, now)
    counted = cap.counted_in_accounts  # what is allowed in a minute is not told: it changes by the second
    used = float(accounts.used(row, cap, now)) if row is not None and counted else 0.0 if counted else None
    return {
        "of": cap.of,
        "by": "team" if cap.team else "site",
        "pool": cap.pool,
        "kind": cap.kind,
        "measure": cap.measure,
        "span": cap.span,
        "amount": float(cap.amount),
        "used": used,
        "frees_at": frees.isoformat() if frees is not None else None,
    }
