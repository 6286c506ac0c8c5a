"""What maintainers set for a workspace's worktrees: the set-up command, variables, the hosts they may reach.

Values of variables may be secrets: they are stored encrypted, given to sandboxes only, and never shown again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from agents import wire
from agents.models import WorktreeRules
from ide.accounts.permissions import Action, allow
from ide.accounts.secrets import decrypt, encrypt
from ide.api import person
from ide.audit.log import Where, record
from ide.errors import Invalid, NotFound
from ide.workspaces.models import Workspace

router = Router(tags=["jobs"])

USE = "worktree"
MOST_VARIABLES, LONGEST_VALUE = 50, 8192
MOST_HOSTS = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*(:[1-9][0-9]{{0,4}})?")


@dataclass(frozen=True)
class Worktrees:
    """`egress`: `host`, `host:port` (else ports 80 and 443) or `*.host`."""

    setup_command: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    egress: tuple[str, ...] = ()

    @property
    def internal(self) -> tuple[str, ...]:
        """Which hosts may be inside the server's own network: those an administrator listed."""
        return tuple(settings.INTERNAL_HOSTS)


class WorktreesIn(Schema):
    setup_command: str = Field(max_length=8000)
    env: dict[str, str | None]  # None keeps the value the name has
    egress: list[str] = Field(max_length=MOST_HOSTS)


def of(workspace_id: str) -> Worktrees:
    """Synchronous ORM; nothing where nobody has set anything."""
    row = WorktreeRules.objects.filter(pk=workspace_id).first()
    return Worktrees() if row is None else Worktrees(row.setup_command, _opened(row.setup_env), tuple(row.egress))


def _opened(stored: str) -> dict[str, str]:
    try:
        told = json.loads(decrypt(stored, USE)) if stored else {}
    except InvalidToken:  # the installation has another secret by now: the values are lost, the names with them
        return {}
    return {str(name): str(value) for name, value in told.items()}


def hosts(given: list[str]) -> list[str]:
    """Entries as they are compared, each once. Raises Invalid."""
    found = list(dict.fromkeys(entry.strip().lower().rstrip(".") for entry in given if entry.strip()))
    wrong = next((entry for entry in found if not _HOST.fullmatch(entry)), None)
    if wrong is not None:
        raise Invalid(
            f"“{wrong[:100]}” is not a host name.",
            "Give names such as packages.example, *.example.com or example.org:8443.",
        )
    return found


def variables(given: Mapping[str, str | None], old: Mapping[str, str]) -> dict[str, str]:
    """The new variables; one without a value keeps the one it had. Raises Invalid."""
    if len(given) > MOST_VARIABLES:
        raise Invalid(f"More than {MOST_VARIABLES} variables are not kept.")
    found = {}
    for name, value in given.items():
        if not _NAME.fullmatch(name):
            raise Invalid(f"“{name[:100]}” cannot be the name of a variable.", "Use letters, digits and underscores.")
        kept = old.get(name) if value is None else value
        if kept is None or len(kept) > LONGEST_VALUE or "\0" in kept:
            raise Invalid(f"The variable {name} has no value that can be used.", "Give it one.")
        found[name] = kept
    return found


def _shown(rules: Worktrees) -> wire.Json:
    return {"setup_command": rules.setup_command, "env": sorted(rules.env), "egress": list(rules.egress)}


def _workspace(request: HttpRequest, workspace_id: str, action: Action) -> None:
    row = Workspace.objects.filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(person(request), action, row)


@router.get("/workspaces/{workspace_id}/rules/worktrees")
def told(request: HttpRequest, workspace_id: str) -> wire.Json:
    """`env` has the names only."""
    _workspace(request, workspace_id, Action.SEE)
    return _shown(of(workspace_id))


@router.put("/workspaces/{workspace_id}/rules/worktrees")
def settled(request: HttpRequest, workspace_id: str, body: WorktreesIn) -> wire.Json:
    """They hold for worktrees made from now on. A variable that is not named is gone; one that is null stays."""
    _workspace(request, workspace_id, Action.MODELS)
    with transaction.atomic():
        row = WorktreeRules.objects.select_for_update().filter(pk=workspace_id).first()
        env = variables(body.env, _opened(row.setup_env) if row else {})
        row = row or WorktreeRules(workspace_id=workspace_id)
        row.setup_command, row.egress = body.setup_command.replace("\0", "").strip(), hosts(body.egress)
        row.setup_env = encrypt(json.dumps(env), USE) if env else ""
        row.save()
        who, where = person(request), Where(thing=f"workspace {workspace_id}")
        said = {"setup_command": row.setup_command, "egress": row.egress, "variables": sorted(env)}
        record("worktrees.change", who, where, **said)
    return _shown(of(workspace_id))
