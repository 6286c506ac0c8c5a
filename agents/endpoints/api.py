"""HTTP routes of endpoints and of the roles they serve. A key goes in and never comes out."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any, Literal

from asgiref.sync import async_to_sync
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from agents import wire
from agents.endpoints import abilities, addresses, catalogue, probe
from agents.endpoints.choice import ADDED, Wanted, prices, usable
from agents.endpoints.keys import encrypt
from agents.endpoints.meters import meters
from agents.models import Endpoint, RoleEndpoint
from agents.providers.protocol import ProviderError
from ide.accounts.models import User
from ide.accounts.permissions import Action, allow, may
from ide.api import person
from ide.audit.log import Where, record
from ide.db import in_db
from ide.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from ide.live.announce import hint
from ide.usage import meter
from ide.workspaces.models import Workspace

router = Router(tags=["models"])
Scope = Literal["site", "team", "person"]
TRIAL_TOKENS, PROBE_TOKENS = 600, 4000


class EndpointIn(Schema):
    """`key` None or absent: none, or the one that is kept."""

    name: str = Field(min_length=1, max_length=80)
    dialect: Literal["responses", "chat", "anthropic"]
    base_url: str = Field(min_length=1, max_length=500)
    model: str = Field(min_length=1, max_length=200)
    key: str | None = Field(None, max_length=4000)
    window: int = Field(128_000, ge=1000, le=20_000_000)
    drives_tools: bool = True
    enabled: bool = True
    extra: dict[str, Any] = {}
    pool: Literal["fast", "deep"] | None = None
    limit_concurrent: int = Field(0, ge=0, le=10_000)
    limit_requests: int = Field(0, ge=0, le=1_000_000)
    limit_tokens: int = Field(0, ge=0, le=1_000_000_000)
    price_input: Decimal = Field(Decimal(0), ge=0, le=100_000)
    price_cached: Decimal = Field(Decimal(0), ge=0, le=100_000)
    price_output: Decimal = Field(Decimal(0), ge=0, le=100_000)


class NewEndpoint(EndpointIn):
    scope: Scope


class RoleEntry(Schema):
    endpoint: int
    fall_over: bool = False


class RoleIn(Schema):
    role: Literal["turn", "inline", "ghost", "job", "review", "think"]
    scope: Literal["site", "team"]
    endpoints: list[RoleEntry] = Field(max_length=10)


# --- who may ----------------------------------------------------------------------------------------------------------


def _workspace(who: User, workspace_id: str) -> Workspace:
    row = Workspace.objects.select_related("team").filter(pk=workspace_id).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    allow(who, Action.SEE, row)
    return row


def _may_change(who: User, row: Endpoint) -> bool:
    if row.person_id is not None:
        return row.person_id == who.pk
    if row.team_id is not None:
        return may(who, Action.MODELS, _Team(row.team_id))
    return may(who, Action.ADMINISTER)


class _Team:
    def __init__(self, team_id: str) -> None:
        self.team_id = team_id


def _changeable(request: HttpRequest, endpoint_id: int) -> tuple[User, Endpoint]:
    """Raises NotFound for one that may not even be seen, NotAllowed for one that may."""
    who = person(request)
    row = Endpoint.objects.filter(pk=endpoint_id).exclude(dialect=Endpoint.Dialect.SCRIPTED).first()
    if row is None or (row.person_id is not None and row.person_id != who.pk):
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    if row.team_id is not None:
        allow(who, Action.MODELS, _Team(row.team_id))
    elif row.person_id is None:
        allow(who, Action.ADMINISTER)
    return who, row


# --- routes -----------------------------------------------------------------------------------------------------------


@router.get("/workspaces/{workspace_id}/endpoints")
def listed(request: HttpRequest, workspace_id: str) -> wire.Json:
    """The models that can be used here, the roles they serve, and for whom and of which providers one may be added."""
    who = person(request)
    workspace = _workspace(who, workspace_id)
    rows = usable(Wanted("turn", workspace.team_id, who.pk), disabled=True)
    return {
        "endpoints": [wire.endpoint_settings(row, may_change=_may_change(who, row)) for row in rows],
        "roles": [wire.role(row) for row in _roles_here(workspace)],
        "scopes": _scopes(who, workspace),
        "providers": catalogue.providers(),
    }


def _roles_here(workspace: Workspace) -> list[RoleEndpoint]:
    rows = RoleEndpoint.objects.select_related("endpoint").filter(endpoint__person=None)
    return [row for row in rows if row.team_id in (None, workspace.team_id)]


def _scopes(who: User, workspace: Workspace) -> list[Scope]:
    scopes: list[Scope] = ["person"]
    if may(who, Action.MODELS, workspace):
        scopes.append("team")
    if may(who, Action.ADMINISTER):
        scopes.append("site")
    return scopes


@router.post("/workspaces/{workspace_id}/endpoints", response={201: dict[str, object]})
def made(request: HttpRequest, workspace_id: str, body: NewEndpoint) -> Status[wire.Json]:
    who = person(request)
    workspace = _workspace(who, workspace_id)
    if body.scope == "site":
        allow(who, Action.ADMINISTER)
    elif body.scope == "team":
        allow(who, Action.MODELS, workspace)
    team, owner = workspace.team if body.scope == "team" else None, who if body.scope == "person" else None
    row = Endpoint(team=team, person=owner, rank=ADDED)  # before what ships: whoever adds one wants to use it
    return Status(201, _saved(who, row, body))


@router.patch("/endpoints/{endpoint_id}")
def changed(request: HttpRequest, endpoint_id: int, body: EndpointIn) -> wire.Json:
    who, row = _changeable(request, endpoint_id)
    if row.builtin:
        raise Conflict("The model that ships with Tandem cannot be changed.", "Connect another one beside it.")
    return _saved(who, row, body)


def _saved(who: User, row: Endpoint, body: EndpointIn) -> wire.Json:
    """Raises Refused for an address that may not be reached from here, Conflict for a name that is taken."""
    new = row.pk is None
    moved = new or row.base_url != body.base_url or row.dialect != body.dialect
    if moved:
        _check_address(body.base_url)
        if row.key_encrypted and body.key is None:
            raise Invalid(
                "A new address needs the key again.", "Enter the key; it is never sent anywhere unasked.", field="key"
            )
        row.own_network, row.abilities, row.probed_at = False, {}, None
    for name, value in body.dict(exclude={"key", "scope"}).items():
        if name != "pool" or value is not None:
            setattr(row, name, value)
    if body.key is not None:
        row.key_encrypted = encrypt(body.key.strip())
    row.failures, row.resting_until, row.problem = 0, None, ""
    try:
        with transaction.atomic():
            row.save()
            told = {"address": row.base_url, "enabled": row.enabled}
            record("endpoint.make" if new else "endpoint.change", who, _of(row), **told)
            if body.key is not None:
                record("endpoint.key", who, _of(row), removed=not body.key.strip())
    except IntegrityError as error:
        raise Conflict(
            f"There is a model called “{row.name}” already.", "Choose another name.", field="name"
        ) from error
    _tell(row)
    return wire.endpoint_settings(row, may_change=True)


def _of(row: Endpoint) -> Where:
    return Where(row.team_id or "", f"endpoint {row.pk} {row.name}")


def _check_address(base_url: str) -> None:
    """Raises Refused that names its field."""
    try:
        async_to_sync(addresses.check)(base_url)
    except Refused as error:
        error.detail["field"] = "base_url"
        raise


@router.delete("/endpoints/{endpoint_id}", response={204: None})
def deleted(request: HttpRequest, endpoint_id: int) -> Status[None]:
    who, row = _changeable(request, endpoint_id)
    if row.builtin:
        raise Conflict(
            "The model that ships with Tandem cannot be removed.", "Start Tandem with TANDEM_BUILTIN_MODEL=false."
        )
    record("endpoint.remove", who, _of(row))
    row.delete()
    _tell(row)
    return Status(204, None)


@router.post("/endpoints/{endpoint_id}/test")
def tested(request: HttpRequest, endpoint_id: int) -> wire.Json:
    """One short answer: how soon it begins and how fast it comes. Costs a few hundred tokens."""
    who, row = _changeable(request, endpoint_id)
    return async_to_sync(_trial)(who, row)


def _reserve(who: User, row: Endpoint, tokens: int) -> int:
    why = {"endpoint": row.name, "model": row.model, "kind": "test", "subject": f"endpoint:{row.pk}"}
    return meter.reserve(who.pk, None, tokens=tokens, **why)


async def _trial(who: User, row: Endpoint) -> wire.Json:
    entry = await in_db(_reserve, who, row, TRIAL_TOKENS)
    try:
        done = await probe.trial(row)
    except ProviderError as error:
        await in_db(meter.release, entry)
        raise Unavailable(f"{error.what} {error.why}".strip(), error.do) from error
    await in_db(meter.settle, entry, prices(row).spent(done.read, done.tokens), done.ttft_ms)
    return {
        "ttft_ms": done.ttft_ms,
        "tokens_per_s": done.tokens_per_s,
        "tokens": done.tokens,
        "text": done.text,
        "limits": done.limits,
    }


@router.post("/endpoints/{endpoint_id}/probe")
def probed(request: HttpRequest, endpoint_id: int) -> wire.Json:
    """Find out what the model can do. Costs a few hundred tokens."""
    who, row = _changeable(request, endpoint_id)
    entry = _reserve(who, row, PROBE_TOKENS)
    used = probe.Used()
    try:
        abilities.keep(row, async_to_sync(probe.probe)(row, used))
    except ProviderError as error:
        raise Unavailable(f"{error.what} {error.why}".strip(), error.do) from error
    finally:
        meter.settle(entry, prices(row).spent(used.read, used.written))
    row.save(update_fields=["abilities", "probed_at", "drives_tools"])
    _tell(row)
    return wire.endpoint_settings(row, may_change=True)


@router.put("/workspaces/{workspace_id}/model-roles")
def assigned(request: HttpRequest, workspace_id: str, body: RoleIn) -> list[wire.Json]:
    """Which endpoints serve a role, in order; none: the team has what the site has, the site its default."""
    who = person(request)
    workspace = _workspace(who, workspace_id)
    team = workspace.team if body.scope == "team" else None
    allow(who, Action.ADMINISTER) if team is None else allow(who, Action.MODELS, workspace)
    known = {row.pk for row in usable(Wanted(body.role, team.pk if team else None), disabled=True)}
    if {entry.endpoint for entry in body.endpoints} - known:
        raise NotFound("One of these models does not exist here.", "Reload the list.")
    with transaction.atomic():
        RoleEndpoint.objects.filter(role=body.role, team=team).delete()
        for rank, entry in enumerate(body.endpoints):
            fields = {"endpoint_id": entry.endpoint, "rank": rank, "fall_over": entry.fall_over}
            RoleEndpoint.objects.create(role=body.role, team=team, **fields)
        chosen = [entry.endpoint for entry in body.endpoints]
        record("endpoint.roles", who, Where(team.pk if team else "", f"role {body.role}"), endpoints=chosen)
    _hint(Workspace.objects.filter(team=team) if team is not None else Workspace.objects.all())
    return [wire.role(row) for row in _roles_here(workspace)]


@router.get("/workspaces/{workspace_id}/meters")
def metered(request: HttpRequest, workspace_id: str) -> wire.Json:
    """What models have used here, pool by pool, and what runs now."""
    who = person(request)
    return meters(_workspace(who, workspace_id), who.pk)


# --- telling ----------------------------------------------------------------------------------------------------------


def _tell(row: Endpoint) -> None:
    """Whoever can choose this model reads the list again, in whatever process their workspace is live."""
    if row.team_id is not None:
        _hint(Workspace.objects.filter(team=row.team_id))
    elif row.person_id is not None:
        _hint(Workspace.objects.filter(team__memberships__user=row.person_id))
    else:
        _hint(Workspace.objects.all())


def _hint(workspaces: QuerySet[Workspace]) -> None:
    for workspace_id in workspaces.values_list("pk", flat=True):
        transaction.on_commit(partial(hint, workspace_id, "models"))
