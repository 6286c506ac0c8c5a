"""HTTP: who I am, people, invites. A workspace is only an id here: one registered function names its team."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Schema, Status

from ide.accounts import members, tokens
from ide.accounts.invites import make_invite
from ide.accounts.models import AccessToken, Membership, User
from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.errors import NotFound

TeamResolver = Callable[[str], str | None]

router = Router(tags=["people"])
_resolvers: list[TeamResolver] = []


def register_team_resolver(resolver: TeamResolver) -> None:
    """Say which team a workspace (by id) belongs to; None where there is no such workspace. One is in force."""
    _resolvers[:] = [resolver]


def team_of(workspace_id: str) -> members.TeamThing:
    """The team of a workspace. An unknown workspace looks like one that is not shared with you."""
    for resolver in _resolvers:
        team_id = resolver(workspace_id)
        if team_id is not None:
            return members.TeamThing(team_id)
    raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")


class MeOut(Schema):
    id: int
    name: str
    colour: int
    username: str
    staff: bool
    site: str
    version: str


class MemberOut(Schema):
    id: int
    name: str
    colour: int
    role: str
    you: bool


class RoleIn(Schema):
    role: str


class InviteOut(Schema):
    link: str
    role: str
    expires_at: datetime


class TeamOut(Schema):
    id: str
    name: str


class TokenIn(Schema):
    name: str
    scope: str
    days: int
    team: str | None = None


class TokenOut(Schema):
    id: str
    name: str
    scope: str
    team: TeamOut | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    live: bool


class TokensOut(Schema):
    tokens: list[TokenOut]
    teams: list[TeamOut]  # a token may be limited to one of them


class NewTokenOut(TokenOut):
    secret: str


def as_member(row: Membership, viewer: User) -> dict[str, object]:
    user = row.user
    return {
        "id": user.pk,
        "name": user.shown_name,
        "colour": user.colour,
        "role": row.role,
        "you": user.pk == viewer.pk,
    }


def installed_version() -> str:
    try:
        return version("tandem")
    except PackageNotFoundError:  # started from a checkout, not installed
        return "development"


@router.get("/me", response=MeOut)
def me(request: HttpRequest) -> dict[str, object]:
    user = person(request)
    return {
        "id": user.pk,
        "name": user.shown_name,
        "colour": user.colour,
        "username": user.username,
        "staff": user.is_staff,
        "site": settings.SITE_NAME,
        "version": installed_version(),
    }


@router.get("/workspaces/{workspace_id}/people", response=list[MemberOut])
def people(request: HttpRequest, workspace_id: str) -> list[dict[str, object]]:
    team = team_of(workspace_id)
    allow(person(request), Action.SEE, team)
    return [as_member(row, person(request)) for row in members.members(team.team_id)]


@router.patch("/workspaces/{workspace_id}/people/{user_id}", response=MemberOut)
def change_role(request: HttpRequest, workspace_id: str, user_id: int, body: RoleIn) -> dict[str, object]:
    actor = person(request)
    row = members.set_role(actor, team_of(workspace_id).team_id, user_id, body.role)
    return as_member(row, actor)


@router.delete("/workspaces/{workspace_id}/people/{user_id}", response={204: None})
def remove_person(request: HttpRequest, workspace_id: str, user_id: int) -> Status[None]:
    members.remove(person(request), team_of(workspace_id).team_id, user_id)
    return Status(204, None)


@router.post("/workspaces/{workspace_id}/invites", response={201: InviteOut})
def invite(request: HttpRequest, workspace_id: str, body: RoleIn) -> Status[dict[str, object]]:
    """The link is shown this once: only its hash is kept."""
    actor, team = person(request), team_of(workspace_id)
    path, row = make_invite(actor, team.team_id, body.role, goes_to=f"/w/{workspace_id}")
    link = settings.PUBLIC_URL.rstrip("/") + path if settings.PUBLIC_URL else request.build_absolute_uri(path)
    return Status(201, {"link": link, "role": row.role, "expires_at": row.expires_at})


# --- access tokens: for the person in the browser only, never with a token ------------------------------------------


@router.get("/me/tokens", response=TokensOut)
def my_tokens(request: HttpRequest) -> dict[str, object]:
    user = person(request)
    teams = [{"id": team.pk, "name": team.name} for team in tokens.teams_of(user)]
    return {"tokens": [as_token(row) for row in tokens.mine(user)], "teams": teams}


@router.post("/me/tokens", response={201: NewTokenOut})
def make_token(request: HttpRequest, body: TokenIn) -> Status[dict[str, object]]:
    """The secret is told this once: only its hash is kept."""
    secret, row = tokens.make(person(request), body.name, body.scope, body.days, body.team or None)
    return Status(201, {**as_token(row), "secret": secret})


@router.delete("/me/tokens/{token_id}", response={204: None})
def revoke_token(request: HttpRequest, token_id: str) -> Status[None]:
    tokens.revoke(person(request), token_id)
    return Status(204, None)


def as_token(row: AccessToken) -> dict[str, object]:
    team = {"id": row.team.pk, "name": row.team.name} if row.team is not None else None
    facts = {name: getattr(row, name) for name in ("name", "scope", "created_at", "expires_at", "used_at")}
    return {"id": row.pk, "team": team, "live": row.is_live(), **facts}
