"""HTTP routes of limits: what holds for a person here, what a team has set for itself, what administrators have set."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from django.db import transaction
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from ide.accounts.models import Membership, Team, User
from ide.accounts.permissions import Action, allow, may
from ide.api import person
from ide.audit.log import Where, record
from ide.errors import Invalid, NotFound
from ide.usage import subjects
from ide.usage.held import Json, holding, rows_of
from ide.usage.models import Limit
from ide.workspaces.models import Workspace

router = Router(tags=["limits"])
MEASURES: dict[str, set[str]] = {  # in what spans each can be limited
    "tokens": {"minute", "day", "month"},
    "dollars": {"day", "month"},
    "requests": {"minute"},
    "calls": {""},
}
OF_TEAM = {"team", "person", "endpoint"}


class LimitIn(Schema):
    """`amount` None: no limit; `remove`: as if it had never been set. `person`: a login, None for each of them."""

    of: Literal["site", "team", "person", "endpoint", "job"]
    team: str | None = Field(None, max_length=16)
    person: str | None = Field(None, max_length=150)
    endpoint: int | None = Field(None, ge=1, le=1 << 40)
    pool: Literal["", "fast", "deep"] = ""
    kind: Literal["", "turn", "inline", "ghost", "job"] = ""
    measure: Literal["tokens", "dollars", "requests", "calls"]
    span: Literal["", "minute", "day", "month", "ever"]
    amount: Decimal | None = Field(None, ge=0, le=10**12)
    remove: bool = False

    def check(self) -> None:
        """Raises Invalid for what cannot be counted."""
        spans = {"ever"} if self.of == "job" else MEASURES[self.measure]
        if self.span not in spans or (self.of == "job" and self.measure not in ("tokens", "dollars")):
            raise Invalid("This cannot be limited in that way.", "Choose another span.", field="span")
        if self.of == "job" and (self.pool or self.kind):
            raise Invalid("A job's limit is for all that it does.", "Leave pool and kind of use open.", field="pool")
        strange = (self.person and self.of != "person") or (self.endpoint and self.of != "endpoint")
        if strange or (self.team and self.of != "team"):
            raise Invalid("This limit names somebody it is not for.", "Name nobody, or change whom it is for.")


@router.get("/limits")
def of_site(request: HttpRequest) -> list[Json]:
    """What administrators have set, and what holds where they have set nothing."""
    allow(person(request), Action.OBSERVE)
    return rows_of(None)


@router.put("/limits")
def set_for_site(request: HttpRequest, body: LimitIn) -> list[Json]:
    who = person(request)
    allow(who, Action.ADMINISTER)
    _save(who, body, None)
    return rows_of(None)


@router.get("/limits/subjects")
def subjects_of_site(request: HttpRequest) -> Json:
    """Whom administrators' limits may name."""
    allow(person(request), Action.OBSERVE)
    return subjects.named(None)


@router.get("/workspaces/{workspace_id}/limits/subjects")
def subjects_of_team(request: HttpRequest, workspace_id: str) -> Json:
    """Whom a team's own limits may name."""
    return subjects.named(_workspace(person(request), workspace_id).team_id)


@router.get("/workspaces/{workspace_id}/limits")
def of_workspace(request: HttpRequest, workspace_id: str) -> Json:
    """What holds for this person here, with what is used of it; and what the team has set for itself."""
    who = person(request)
    workspace = _workspace(who, workspace_id)
    return {
        "holding": holding(who.pk, workspace.pk),
        "own": rows_of(workspace.team_id),
        "may_change": may(who, Action.MODELS, workspace),
    }


@router.put("/workspaces/{workspace_id}/limits")
def set_for_team(request: HttpRequest, workspace_id: str, body: LimitIn) -> list[Json]:
    """Maintainers may be stricter with their team than the administrators are; these limits hold beside theirs."""
    who = person(request)
    workspace = _workspace(who, workspace_id)
    allow(who, Action.MODELS, workspace)
    if body.of not in OF_TEAM or body.team is not None:
        raise Invalid("A team sets limits for itself, its people and models.", "Ask an administrator.", field="of")
    _save(who, body, workspace.team_id)
    return rows_of(workspace.team_id)


def _workspace(who: User, workspace_id: str) -> Workspace:
    row = Workspace.objects.filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(who, Action.SEE, row)
    return row


def _save(who: User, body: LimitIn, team: str | None) -> None:
    body.check()
    named = _person(body.person, team) if body.person else None
    if body.team is not None and not Team.objects.filter(pk=body.team).exists():
        raise NotFound("There is no such team.", "Reload the list.")
    if body.endpoint is not None and body.endpoint not in subjects.models(team):
        raise NotFound("There is no such model here.", "Reload the list.")
    subject: dict[str, Any] = {"by_id": team, "of": body.of, "team_id": body.team, "person": named}
    subject |= {"endpoint": body.endpoint, "pool": body.pool, "kind": body.kind}
    subject |= {"measure": body.measure, "span": body.span}
    with transaction.atomic():
        if body.remove:
            Limit.objects.filter(**subject).delete()
        else:
            made = {"amount": body.amount, "changed_by": who}
            Limit.objects.update_or_create(**subject, defaults=made)
        said = body.dict(exclude={"amount", "team"}) | {"amount": None if body.amount is None else float(body.amount)}
        record("limit.change", who, Where(team or body.team or "", f"limit of {body.of}"), **said)


def _person(login: str, team: str | None) -> User:
    """Raises NotFound where nobody has this login, or nobody in the team."""
    found = User.objects.filter(username=login).first()
    if found is None or (team is not None and not Membership.objects.filter(team_id=team, user=found).exists()):
        raise NotFound(f"There is nobody called “{login}” here.", "Use the name they sign in with.")
    return found
