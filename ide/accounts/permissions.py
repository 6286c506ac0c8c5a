"""Who may do what: one table of role × action, one question, `allow(person, action, thing)`.

Everything that acts for a person asks here: HTTP routes, socket ops, message types of the shared documents, jobs.
A thing is anything with a `team_id` (a workspace, or what hangs on one), or None for acts on the site itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from ide.accounts.models import AccessToken, Membership, Role, User
from ide.errors import NotAllowed, NotFound


class Action(StrEnum):
    SEE = "see"  # open a workspace, read documents, follow sessions and jobs
    COMMENT = "comment"
    EDIT = "edit"  # change documents and files, decide on proposals
    TURN = "turn"  # start, steer and interrupt a model
    JOB = "job"  # delegate, cancel, retry
    MERGE = "merge"  # merge a job's proposal
    EXECUTE = "execute"  # terminals, tests, commands
    SHARE = "share"  # invite, change roles
    TRUST = "trust"  # let the workspace's own code run
    MODELS = "models"  # connect models for the team, choose which one serves what
    DELETE = "delete"  # delete the workspace
    CREATE_WORKSPACE = "create_workspace"  # site
    LOCAL_PATH = "local_path"  # site: clone from the server's own disk
    OBSERVE = "observe"  # site: look at the dashboard and the tables of the admin
    ADMINISTER = "administer"  # site: act there, limits, models, people


_VIEWER = {Action.SEE}
_COMMENTER = _VIEWER | {Action.COMMENT}
_EDITOR = _COMMENTER | {Action.EDIT, Action.TURN, Action.JOB, Action.MERGE, Action.EXECUTE}
_MAINTAINER = _EDITOR | {Action.SHARE, Action.TRUST, Action.MODELS}
_OWNER = _MAINTAINER | {Action.DELETE}

TABLE: dict[str, frozenset[Action]] = {
    Role.VIEWER: frozenset(_VIEWER),
    Role.COMMENTER: frozenset(_COMMENTER),
    Role.EDITOR: frozenset(_EDITOR),
    Role.MAINTAINER: frozenset(_MAINTAINER),
    Role.OWNER: frozenset(_OWNER),
}
SITE_FOR_ALL = frozenset({Action.CREATE_WORKSPACE})
SITE_FOR_STAFF = SITE_FOR_ALL | {Action.OBSERVE}
SITE_FOR_ADMINISTRATORS = SITE_FOR_STAFF | {Action.LOCAL_PATH, Action.ADMINISTER}


# What an access token lets through of what its person may; nothing on the site itself.
SCOPES: dict[str, frozenset[Action]] = {
    AccessToken.Scope.READ: frozenset({Action.SEE}),
    AccessToken.Scope.WRITE: frozenset({Action.SEE, Action.COMMENT, Action.EDIT}),
}


# What an agent may at most: the rest is for people to decide. And never more than whom it works for.
AGENT = frozenset({Action.SEE, Action.EDIT, Action.EXECUTE, Action.TURN, Action.JOB})


class OfTeam(Protocol):
    @property
    def team_id(self) -> str: ...


def role_may(role: str | None, action: Action) -> bool:
    """The table alone, for callers that hold a role in memory (live sockets)."""
    return role is not None and action in TABLE.get(role, frozenset())


def token_may(token: AccessToken | None, action: Action, team_id: str) -> bool:
    """Whether a person who acts through this token (None: a browser) may do that in a team, if their role permits."""
    if token is None:
        return True
    return action in SCOPES.get(token.scope, frozenset()) and token.team_id in (None, team_id)


def role_in(person: User, thing: OfTeam) -> str | None:
    """The person's role where the thing belongs, or None. Synchronous ORM."""
    if not person.is_active:
        return None
    return Membership.objects.filter(team_id=thing.team_id, user=person).values_list("role", flat=True).first()


def may(person: User, action: Action, thing: OfTeam | None = None) -> bool:
    if not person.is_authenticated or not person.is_active:
        return False
    if thing is None:
        return person.token is None and action in _site_acts(person)
    return token_may(person.token, action, thing.team_id) and role_may(role_in(person, thing), action)


def agent_may(delegator: User, action: Action, thing: OfTeam) -> bool:
    """Whether an agent may do that for this person now. Asked at each use: rights change while it works."""
    return action in AGENT and may(delegator, action, thing)


def _site_acts(person: User) -> frozenset[Action]:
    if not person.is_staff:
        return SITE_FOR_ALL
    return SITE_FOR_ADMINISTRATORS if person.is_superuser else SITE_FOR_STAFF


def allow(person: User, action: Action, thing: OfTeam | None = None) -> None:
    """Return if the person may; else raise. Synchronous ORM.

    Raises NotFound where the person may not even see the thing (so that existence does not leak), else NotAllowed.
    """
    if may(person, action, thing):
        return
    if thing is not None and not may(person, Action.SEE, thing):
        raise NotFound("There is nothing here, or it is not shared with you.", "Ask its owner for an invite.")
    if thing is not None and not token_may(person.token, action, thing.team_id):
        raise NotAllowed(f"This access token does not permit this ({action.value}).", "Use one of a wider scope.")
    refuse(action)


def refuse(action: Action) -> None:
    """Raise the NotAllowed that says which right is missing."""
    if action in SITE_FOR_ADMINISTRATORS:
        raise NotAllowed(f"Only an administrator may do this ({action.value}).", "Ask an administrator.")
    raise NotAllowed(f"Your role does not permit this ({action.value}).", "Ask an owner of the workspace.")
