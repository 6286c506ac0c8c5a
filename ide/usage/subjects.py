"""Whom a limit may name: teams, people, models. Models are named by who has them (agents), as apps register."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ide.accounts.models import Team, User

Json = dict[str, Any]
Models = Callable[[str | None], dict[int, str]]  # names by number: of a team's own and the site's, or (None) of all

MOST = 500  # names of a kind
_models: list[Models] = []


def name_models(fn: Models) -> None:
    """For apps as they register. Synchronous ORM."""
    _models.append(fn)


def models(team: str | None) -> dict[int, str]:
    return {number: name for fn in _models for number, name in fn(team).items()}


def named(team: str | None) -> Json:
    """The `LimitSubjects` of wire-limits.ts: for administrators (None) of the whole site, else of the team."""
    people = User.objects.filter(is_active=True).order_by("username")
    if team is not None:
        people = people.filter(memberships__team_id=team).distinct()
    teams = Team.objects.order_by("name")[:MOST] if team is None else []
    return {
        "teams": [{"id": row.pk, "name": row.name} for row in teams],
        "people": [{"login": row.username, "name": row.shown_name} for row in people[:MOST]],
        "models": [{"id": number, "name": name} for number, name in models(team).items()],
    }
