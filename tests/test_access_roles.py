"""The access matrix for every role: each route and op × commenter, editor, maintainer, owner.

`tests/test_access.py` has the rows, and who is nobody here, of another team, or a viewer. What a route needs is one
word below; a new route that a viewer may not use and that has none fails.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from ide.accounts.models import Role, User
from ide.accounts.permissions import Action, role_may
from ide.db import in_db
from tests.live.tab import Tab
from tests.test_access import OPS, ROUTES, Two, _person, asked, closed, filled, outcome, signed_in, state, two

__all__ = ["closed", "two"]  # fixtures

W = "/api/workspaces/{workspace_id}"
NEEDS: dict[Action, set[str]] = {
    Action.COMMENT: {
        f"POST {W}/documents/{{document_id}}/threads",
        f"POST {W}/threads/{{thread_id}}/comments",
        f"POST {W}/threads/{{thread_id}}/resolve",
        f"POST {W}/threads/{{thread_id}}/reopen",
    },
    Action.EDIT: {
        f"POST {W}/files",
        f"PATCH {W}/files",
        f"POST {W}/files/upload",
        f"POST {W}/changes/credits",
        f"POST {W}/commits",
        f"DELETE {W}/files",
    },
    Action.TURN: {f"POST {W}/pictures"},
    Action.JOB: {
        *(f"POST /api/jobs/{{job_id}}/{act}" for act in ("pause", "resume", "steer", "retry", "cancel")),
        *(f"POST /api/jobs/{{job_id}}/{act}" for act in ("discard", "remarks")),
        f"POST {W}/jobs",
    },
    Action.MERGE: {"POST /api/jobs/{job_id}/merge"},
    Action.SHARE: {f"POST {W}/invites", f"PATCH {W}/people/{{user_id}}", f"DELETE {W}/people/{{user_id}}"},
    Action.MODELS: {
        f"POST {W}/endpoints",
        f"PUT {W}/model-roles",
        f"PUT {W}/rules",
        f"PUT {W}/rules/worktrees",
        f"PUT {W}/limits",
        "PATCH /api/endpoints/{endpoint_id}",
        *(f"POST /api/endpoints/{{endpoint_id}}/{act}" for act in ("test", "probe")),
        "DELETE /api/endpoints/{endpoint_id}",
    },
    Action.DELETE: {f"POST {W}/retry", f"DELETE {W}"},
}
# A comment is its author's, whatever role others have.
OF_ITS_AUTHOR = {f"PATCH {W}/comments/{{comment_id}}", f"DELETE {W}/comments/{{comment_id}}"}
CALLS_A_MODEL = {f"POST /api/endpoints/{{endpoint_id}}/{act}" for act in ("test", "probe")}


def needed(name: str) -> Action:
    return next(action for action, names in NEEDS.items() if name in names)


def test_each_route_that_a_viewer_may_not_use_says_what_it_needs() -> None:
    refused = {name for name, row in ROUTES.items() if row.viewer == 403 and row.outsider == 404}
    assert refused - OF_ITS_AUTHOR == set().union(*NEEDS.values())


async def somebody(two: Two, role: str) -> User:
    return await in_db(_person, f"some-{role}", two.workspace.team, role)


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("role", [Role.COMMENTER, Role.EDITOR, Role.MAINTAINER])
async def test_who_may_less_than_a_route_needs_is_refused_and_changes_nothing(two: Two, role: str) -> None:
    client = await in_db(signed_in, await somebody(two, role))
    refused = [name for names in NEEDS.values() for name in names if not role_may(role, needed(name))]
    assert refused
    before = await in_db(state, two)
    got = {name: (await asked(client, name, two.ids)).status_code for name in [*refused, *OF_ITS_AUTHOR]}
    assert got == dict.fromkeys([*refused, *OF_ITS_AUTHOR], 403)
    assert await in_db(state, two) == before


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("role", [Role.COMMENTER, Role.EDITOR, Role.MAINTAINER, Role.OWNER])
async def test_who_may_what_a_route_needs_is_not_refused(two: Two, role: str) -> None:
    """What else may be wrong with what is asked is its own matter: 409, 422 and the like."""
    client = await in_db(signed_in, await somebody(two, role))
    granted = [name for names in NEEDS.values() for name in names if role_may(role, needed(name))]
    granted.sort(key=lambda name: (name.startswith("DELETE"), "people" in name, name == f"DELETE {W}"))
    got = {name: (await asked(client, name, two.ids)).status_code for name in granted if name not in CALLS_A_MODEL}
    theirs = {f"PATCH {W}/people/{{user_id}}", f"DELETE {W}/people/{{user_id}}"}  # the owner's own row: above others
    assert {name for name, status in got.items() if status in (401, 403)} <= theirs
    assert not [name for name, status in got.items() if status >= 500 and status != 503]


@pytest.mark.usefixtures("closed")
async def test_a_commenter_asks_every_op(two: Two) -> None:
    """Ops work on text and turns: whom comments alone are allowed may do with them what a viewer may."""
    tab = Tab(two.workspace.pk, await somebody(two, Role.COMMENTER))
    assert outcome(await tab.call("ping")) == "ok"
    before = await in_db(state, two)
    got = {name: outcome(await tab.call(name, filled(params, two.ids))) for name, (params, _, _) in OPS.items()}
    assert got == {name: viewer for name, (_, viewer, _) in OPS.items()}
    assert await in_db(state, two) == before
    await tab.leave()


def test_a_role_may_all_that_a_lower_one_may() -> None:
    roles = [str(role) for role in Role.values]
    for higher, lower in pairwise(roles):
        assert {a for a in Action if role_may(lower, a)} < {a for a in Action if role_may(higher, a)}
