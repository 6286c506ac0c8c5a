"""How models work in a workspace, for all its sessions: whether edits wait, when a window is compacted, ghost text.

The routes of it, and `of` for whoever follows the rules.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from agents import wire
from agents.models import SessionRules
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.audit.log import Where, record
from ide.errors import NotFound
from ide.workspaces.models import Workspace

router = Router(tags=["sessions"])


@dataclass(frozen=True)
class Rules:
    """`wait`: edits of a turn are proposed, and are in the text once somebody accepts them. `compact_at`: percent of
    the window. `ghost`: suggestions at the cursor."""

    wait: bool = False
    compact_at: int = 70
    ghost: bool = True


class RulesIn(Schema):
    wait: bool
    compact_at: int = Field(ge=20, le=95)
    ghost: bool


def of(workspace_id: str) -> Rules:
    """Synchronous ORM; the defaults where nobody has set any."""
    row = SessionRules.objects.filter(pk=workspace_id).first()
    return Rules() if row is None else Rules(row.wait, row.compact_at, row.ghost)


def _allowed(request: HttpRequest, workspace_id: str, action: Action) -> None:
    row = Workspace.objects.filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(person(request), action, row)


@router.get("/workspaces/{workspace_id}/rules")
def told(request: HttpRequest, workspace_id: str) -> wire.Json:
    _allowed(request, workspace_id, Action.SEE)
    return asdict(of(workspace_id))


@router.put("/workspaces/{workspace_id}/rules")
def settled(request: HttpRequest, workspace_id: str, body: RulesIn) -> wire.Json:
    """They hold for turns that begin from now on."""
    _allowed(request, workspace_id, Action.MODELS)
    SessionRules.objects.update_or_create(pk=workspace_id, defaults=body.dict())
    record("rules.change", person(request), Where(thing=f"workspace {workspace_id}"), **body.dict())
    return asdict(of(workspace_id))
