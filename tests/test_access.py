"""Who gets what at every door: each route of the API, each op and message type of the main socket, each page.

The lists are walked from the code, so a route, an op, a message type or a page without a row in a table here fails.
"""

from __future__ import annotations

import json
import typing
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client
from django.urls import URLPattern, URLResolver, get_resolver
from pycrdt import Doc, Text
from pytest_django import Settings

from agents.models import Compaction, Endpoint, Item, Job, Picture, Proposal, QueueEntry, Session, Turn
from ide.accounts import tokens
from ide.accounts.models import Membership, Team, User
from ide.api import api
from ide.db import in_db
from ide.documents import protocol
from ide.documents.models import ClientId, Comment, CommentThread, Document, DocumentUpdate
from ide.live import ops
from ide.live.host import close_all, host_of
from ide.notices.models import Browser, PushKey
from ide.workspaces.models import Workspace
from tests.agents.conftest import git
from tests.live.tab import Tab

TEXT = "def zebra():\n    return 1\n"
SECRET = "zebra"  # in names, texts and paths of the workspace: whoever may not see it must never read this word
UNKNOWN = {
    **{"workspace_id": "a" * 16, "job_id": "b" * 16, "user_id": 10**9, "token_id": "c" * 16},
    "picture_id": "9" * 16,
    "session_id": "8" * 16,
    "browser_id": "7" * 16,
    **{"endpoint_id": 10**6, "document_id": "d" * 16, "thread_id": "e" * 16, "comment_id": "f" * 16},
}


@dataclass(frozen=True)
class Route:
    """What is sent, and the status for a person of another team and for a viewer. Without sign-in it is always 401."""

    outsider: int
    viewer: int
    body: Any = None
    form: Any = None
    query: str = ""


MODEL = {"name": "x", "dialect": "chat", "base_url": "https://1.1.1.1/v1", "model": "m"}
LIMIT = {"of": "person", "measure": "tokens", "span": "day", "amount": 1}
SEEN, EDITED = Route(404, 200), Route(404, 403)
ROUTES: dict[str, Route] = {
    "GET /api/me": Route(200, 200),
    "GET /api/me/tokens": Route(200, 200),
    "POST /api/me/tokens": Route(422, 422, {"name": "", "scope": "read", "days": 1}),  # everybody may; it has no name
    "DELETE /api/me/tokens/{token_id}": Route(404, 404),  # another person's
    "GET /api/me/notices": Route(200, 200),
    "POST /api/me/notices/read": Route(200, 200, {}),
    "GET /api/me/notices/settings": Route(200, 200),
    "PUT /api/me/notices/settings": Route(422, 422, {"kinds": {"x": {}}}),  # everybody may; there is no such kind
    "POST /api/me/notices/browsers": Route(422, 422, {"endpoint": "https://1.1.1.1/", "p256dh": "", "auth": ""}),
    "DELETE /api/me/notices/browsers/{browser_id}": Route(404, 404),  # another person's
    "GET /api/workspaces": Route(200, 200),
    "POST /api/workspaces": Route(403, 403, {"name": "x", "source": "local", "origin": "/etc"}),
    "POST /api/workspaces/upload": Route(422, 422, form={"name": "x"}),  # everybody may; this is no archive
    "GET /api/workspaces/{workspace_id}": SEEN,
    "DELETE /api/workspaces/{workspace_id}": EDITED,
    "POST /api/workspaces/{workspace_id}/retry": EDITED,
    "GET /api/workspaces/{workspace_id}/tree": SEEN,
    "GET /api/workspaces/{workspace_id}/git": SEEN,
    "GET /api/workspaces/{workspace_id}/search": Route(404, 200, query="?q=zebra"),
    "POST /api/workspaces/{workspace_id}/files": Route(404, 403, {"path": "new.py", "kind": "file"}),
    "PATCH /api/workspaces/{workspace_id}/files": Route(404, 403, {"path": "zebra.py", "to": "b.py"}),
    "DELETE /api/workspaces/{workspace_id}/files": Route(404, 403, query="?path=zebra.py"),
    "GET /api/workspaces/{workspace_id}/raw": Route(404, 200, query="?path=zebra.py"),
    "POST /api/workspaces/{workspace_id}/files/upload": Route(404, 403, form={"folder": ""}),
    "GET /api/workspaces/{workspace_id}/documents": Route(404, 200, query="?path=zebra.py"),
    "GET /api/workspaces/{workspace_id}/threads": SEEN,
    "GET /api/workspaces/{workspace_id}/documents/{document_id}/threads": SEEN,
    "POST /api/workspaces/{workspace_id}/documents/{document_id}/threads": Route(
        404, 403, {"start": "", "end": "", "quote": "", "text": "x"}
    ),
    "POST /api/workspaces/{workspace_id}/threads/{thread_id}/comments": Route(404, 403, {"text": "x"}),
    "PATCH /api/workspaces/{workspace_id}/comments/{comment_id}": Route(404, 403, {"text": "x"}),
    "DELETE /api/workspaces/{workspace_id}/comments/{comment_id}": EDITED,
    "POST /api/workspaces/{workspace_id}/threads/{thread_id}/resolve": EDITED,
    "POST /api/workspaces/{workspace_id}/threads/{thread_id}/reopen": EDITED,
    "GET /api/workspaces/{workspace_id}/documents/{document_id}/history": SEEN,
    "GET /api/workspaces/{workspace_id}/documents/{document_id}/history/{epoch}/{seq}": SEEN,
    "GET /api/workspaces/{workspace_id}/documents/{document_id}/authors": SEEN,
    "GET /api/workspaces/{workspace_id}/changes": SEEN,
    "GET /api/workspaces/{workspace_id}/changes/file": Route(404, 200, query=f"?path={SECRET}.py"),
    "POST /api/workspaces/{workspace_id}/changes/credits": Route(404, 403, {"paths": [f"{SECRET}.py"]}),
    "POST /api/workspaces/{workspace_id}/commits": Route(404, 403, {"message": "x"}),
    "GET /api/workspaces/{workspace_id}/people": SEEN,
    "PATCH /api/workspaces/{workspace_id}/people/{user_id}": Route(404, 403, {"role": "viewer"}),
    "DELETE /api/workspaces/{workspace_id}/people/{user_id}": EDITED,
    "POST /api/workspaces/{workspace_id}/invites": Route(404, 403, {"role": "viewer"}),
    "GET /api/workspaces/{workspace_id}/models": SEEN,
    "GET /api/workspaces/{workspace_id}/meters": SEEN,
    "GET /api/workspaces/{workspace_id}/limits": SEEN,
    "PUT /api/workspaces/{workspace_id}/limits": Route(404, 403, LIMIT),
    "GET /api/limits": Route(403, 403),
    "PUT /api/limits": Route(403, 403, LIMIT),
    "GET /api/limits/subjects": Route(403, 403),
    "GET /api/workspaces/{workspace_id}/limits/subjects": SEEN,
    "GET /api/dashboard": Route(403, 403),
    "GET /api/dashboard/history": Route(403, 403),
    "GET /api/dashboard/health": Route(403, 403),
    "GET /api/dashboard/audit": Route(403, 403),
    "GET /api/dashboard/audit/verify": Route(403, 403),
    "GET /api/dashboard/audit/export": Route(403, 403),
    "POST /api/dashboard/acts": Route(403, 403, {"act": "announce", "text": "x"}),
    "GET /api/announcement": Route(200, 200),
    "GET /api/workspaces/{workspace_id}/rules": SEEN,
    "PUT /api/workspaces/{workspace_id}/rules": Route(404, 403, {"wait": True, "compact_at": 70, "ghost": True}),
    "GET /api/workspaces/{workspace_id}/rules/worktrees": SEEN,
    "PUT /api/workspaces/{workspace_id}/rules/worktrees": Route(
        404, 403, {"setup_command": "", "env": {}, "egress": []}
    ),
    "POST /api/workspaces/{workspace_id}/pictures": Route(404, 403, form={}),
    "GET /api/workspaces/{workspace_id}/pictures/{picture_id}": SEEN,
    "GET /api/workspaces/{workspace_id}/sessions": SEEN,
    "GET /api/workspaces/{workspace_id}/sessions/{session_id}/export": Route(404, 200, query="?format=json"),
    "GET /api/workspaces/{workspace_id}/jobs": SEEN,
    "POST /api/workspaces/{workspace_id}/jobs": Route(404, 403, {"kind": "agent", "instruction": "x"}),
    "GET /api/workspaces/{workspace_id}/endpoints": SEEN,
    "POST /api/workspaces/{workspace_id}/endpoints": Route(404, 403, {**MODEL, "scope": "team"}),
    "PUT /api/workspaces/{workspace_id}/model-roles": Route(
        404, 403, {"role": "job", "scope": "team", "endpoints": []}
    ),
    "PATCH /api/endpoints/{endpoint_id}": Route(404, 403, MODEL),  # the team's
    "DELETE /api/endpoints/{endpoint_id}": EDITED,
    "POST /api/endpoints/{endpoint_id}/test": EDITED,
    "POST /api/endpoints/{endpoint_id}/probe": EDITED,
    "GET /api/jobs/{job_id}": SEEN,
    "GET /api/jobs/{job_id}/review": Route(404, 409),  # it has no result yet
    "POST /api/jobs/{job_id}/cancel": EDITED,
    "POST /api/jobs/{job_id}/retry": EDITED,
    "POST /api/jobs/{job_id}/discard": EDITED,
    "POST /api/jobs/{job_id}/pause": EDITED,
    "POST /api/jobs/{job_id}/resume": EDITED,
    "POST /api/jobs/{job_id}/steer": Route(404, 403, {"text": "use zebra"}),
    "POST /api/jobs/{job_id}/merge": Route(404, 403, {"head": "", "files": ["zebra.py"]}),
    "POST /api/jobs/{job_id}/remarks": Route(404, 403, {"head": "", "comments": [{"path": "zebra.py", "text": "x"}]}),
}

# The routes that an access token opens beside the main socket; all others know browsers only.
WITH_TOKEN = {
    "GET /api/workspaces/{workspace_id}/documents",
    *(f"GET /api/workspaces/{{workspace_id}}/{what}" for what in ("tree", "git", "search", "raw")),
    *(name for name in ROUTES if "/documents/" in name or "/threads" in name or "/comments" in name),
}

# Parameters; what a viewer is told; what an editor of another workspace is told who names things of this one.
OPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "workspace.open": ({}, "ok", "ok"),
    "ping": ({}, "ok", "ok"),
    "document.restore": ({"document": "{document}", "epoch": 1, "seq": 0}, "not_allowed", "not_found"),
    "document.settle": ({"document": "{document}", "conflict": "x"}, "not_allowed", "not_found"),
    "document.attach": ({"document": "{document}"}, "not_allowed", "not_found"),
    "document.unmerge": ({"document": "{document}"}, "not_allowed", "not_found"),
    "session.create": ({"title": "x"}, "not_allowed", "ok"),
    "session.open": ({"session": "{session}"}, "ok", "not_found"),
    "session.estimate": ({"session": "{session}", "text": "x"}, "not_allowed", "not_found"),
    "session.rename": ({"session": "{session}", "title": "x"}, "not_allowed", "not_found"),
    "session.archive": ({"session": "{session}", "archived": True}, "not_allowed", "not_found"),
    "session.fork": ({"session": "{session}", "turn": "{turn}"}, "not_allowed", "not_found"),
    "session.older": ({"session": "{session}", "before": "{item}"}, "ok", "not_found"),
    "mention.offers": ({}, "not_allowed", "ok"),
    "symbols.find": ({"query": "zebra"}, "not_allowed", "ok"),
    "context.show": ({"session": "{session}", "text": "x"}, "not_allowed", "not_found"),
    "context.pin": ({"session": "{session}", "mention": {"kind": "diff"}}, "not_allowed", "not_found"),
    "context.unpin": ({"session": "{session}", "mention": {"kind": "diff"}}, "not_allowed", "not_found"),
    "context.compact": ({"session": "{session}"}, "not_allowed", "not_found"),
    "context.uncompact": ({"session": "{session}", "compaction": "x"}, "not_allowed", "not_found"),
    "context.compaction": ({"session": "{session}", "compaction": "{compaction}"}, "ok", "not_found"),
    "turn.start": ({"session": "{session}", "text": "x"}, "not_allowed", "not_found"),
    "turn.inline": (
        {"document": "{document}", "from": "", "to": "", "instruction": "x", "session": "{session}"},
        "not_allowed",
        "not_found",
    ),
    "turn.steer": ({"turn": "{turn}", "text": "x"}, "not_allowed", "conflict"),  # no turn of that name runs here
    "turn.interrupt": ({"turn": "{turn}"}, "not_allowed", "conflict"),
    "turn.redirect": ({"turn": "{turn}", "text": "x"}, "not_allowed", "conflict"),
    "turn.undo": ({"turn": "{turn}"}, "not_allowed", "not_found"),
    "turn.redo": ({"turn": "{turn}"}, "not_allowed", "not_found"),
    "turn.preview": ({"turn": "{turn}"}, "not_allowed", "not_found"),
    "checkpoint.preview": ({"turn": "{turn}"}, "not_allowed", "not_found"),
    "checkpoint.restore": ({"turn": "{turn}"}, "not_allowed", "not_found"),
    "checkpoint.unrestore": ({"turn": "{turn}"}, "not_allowed", "not_found"),
    "turn.accept": ({"turn": "{turn}"}, "not_allowed", "not_found"),
    "turn.reject": ({"turn": "{turn}"}, "not_allowed", "not_found"),
    "queue.add": ({"session": "{session}", "text": "x"}, "not_allowed", "not_found"),
    "queue.edit": ({"entry": "{entry}", "text": "x"}, "not_allowed", "not_found"),
    "queue.move": ({"entry": "{entry}"}, "not_allowed", "not_found"),
    "queue.remove": ({"entry": "{entry}"}, "not_allowed", "not_found"),
    "queue.send": ({"entry": "{entry}", "as": "start"}, "not_allowed", "not_found"),
    "queue.resume": ({"session": "{session}"}, "not_allowed", "not_found"),
    "pause.go": ({"turn": "{turn}", "document": "{document}"}, "not_allowed", "conflict"),
    "pause.leave": ({"turn": "{turn}", "document": "{document}"}, "not_allowed", "conflict"),
    "ghost.suggest": ({"document": "{document}", "at": "", "request": 1}, "not_allowed", "not_found"),
    "ghost.drop": ({"request": 1}, "not_allowed", "ok"),
    "ghost.about": ({}, "not_allowed", "ok"),
    "quick.start": ({"kind": "explain", "document": "{document}", "from": "", "to": ""}, "not_allowed", "not_found"),
    "commit.write": ({"request": 1}, "not_allowed", "unavailable"),  # no model there
    "commit.stop": ({"request": 1}, "not_allowed", "ok"),
    "block.apply": ({"session": "{session}", "item": "{item}", "block": 0, "path": "n.py"}, "not_allowed", "not_found"),
    "job.plan.approve": ({"job": "{job_id}"}, "not_allowed", "not_found"),
    "job.plan.edit": ({"job": "{job_id}", "steps": ["x"]}, "not_allowed", "not_found"),
    "job.watch": ({"job": "{job_id}", "path": "zebra.py"}, "invalid", "not_found"),  # it stands on no commit
    "job.unwatch": ({"job": "{job_id}", "path": "zebra.py"}, "ok", "ok"),
    "job.takeover": ({"job": "{job_id}"}, "not_allowed", "not_found"),
    "job.giveback": ({"job": "{job_id}"}, "not_allowed", "not_found"),
    "job.files": ({"job": "{job_id}"}, "ok", "not_found"),
    "proposal.accept": ({"proposal": "{proposal}", "hunks": "all"}, "not_allowed", "not_found"),
    "proposal.reject": ({"proposal": "{proposal}", "hunks": "all"}, "not_allowed", "not_found"),
}

PAGES = {  # path with its arguments filled in → status without sign-in
    "favicon.ico": 301,
    "healthz": 200,
    "push-worker.js": (200, 503),  # as the front end is built or not
    "git/jobs/<str:job_id>/git/info/refs": 404,
    "git/jobs/<str:job_id>/git/git-upload-pack": 405,
    "git/jobs/<str:job_id>/objects": 405,
    "readyz": (200, 503),  # as the front end is built or not
    "metrics": 403,
    "admin/": 302,
    "dashboard/": 302,
    "accounts/login/": 200,
    "accounts/logout/": 302,
    "accounts/inactive/": 200,
    "accounts/password/change/": 302,
    "accounts/reauthenticate/": 302,
    **dict.fromkeys(
        (
            *("accounts/password/set/", "accounts/2fa/", "accounts/2fa/authenticate/", "accounts/2fa/reauthenticate/"),
            *("accounts/2fa/totp/activate/", "accounts/2fa/totp/deactivate/", "accounts/2fa/recovery-codes/"),
            *("accounts/2fa/recovery-codes/generate/", "accounts/2fa/recovery-codes/download/"),
            *("accounts/2fa/webauthn/", "accounts/2fa/webauthn/add/", "accounts/2fa/webauthn/reauthenticate/"),
            *("accounts/2fa/webauthn/keys/<int:pk>/remove/", "accounts/2fa/webauthn/keys/<int:pk>/edit/"),
            *("accounts/2fa/webauthn/login/", "accounts/sessions/", "accounts/3rdparty/", "accounts/3rdparty/signup/"),
        ),
        302,
    ),
    "accounts/3rdparty/login/cancelled/": 200,
    "accounts/3rdparty/login/error/": 401,
    "welcome/<str:token>": 404,
    "invite/<str:token>": 404,
    "": 302,
    r"^w/(?P<workspace>[a-z0-9]+)(?:/.*)?$": 302,
    "api/openapi.json": 200,  # the shape of the API is no secret
    "api/<path>": 404,
}


@dataclass
class Two:
    """Two teams that know nothing of each other. `ids` are things of the first one's workspace."""

    workspace: Workspace
    others: Workspace
    owner: User
    viewer: User
    outsider: User
    ids: dict[str, Any]


def _person(name: str, team: Team, role: str) -> User:
    user = User.objects.create_user(username=name)
    Membership.objects.create(team=team, user=user, role=role)
    return user


def _workspace(team: Team, name: str) -> Workspace:
    made = Workspace.objects.create(name=name, team=team, source="empty", state="ready")
    made.folder.mkdir(parents=True)
    git(made.folder, "init", "-q", "-b", "main")
    return made


@pytest.fixture
def two(transactional_db: None, settings: Settings) -> Two:
    settings.RUNNER_SOCKET = settings.RUNTIME_DIR / "none.sock"
    ours, theirs = Team.objects.create(name=f"{SECRET} team"), Team.objects.create(name="theirs")
    workspace, others = _workspace(ours, f"{SECRET} shop"), _workspace(theirs, "others")
    (workspace.folder / f"{SECRET}.py").write_text(TEXT)
    owner, viewer = _person("owner", ours, "owner"), _person("viewer", ours, "viewer")
    document = Document.objects.create(workspace=workspace, path=f"{SECRET}.py")
    job = Job.objects.create(workspace=workspace, kind="agent", instruction=SECRET, owner=owner, state="review")
    session = Session.objects.create(workspace=workspace, created_by=owner, title=SECRET)
    turn = Turn.objects.create(session=session, owner=owner, state="completed")
    item = Item.objects.create(turn=turn, position=0, kind="model", data={"text": f"```\n{SECRET}\n```"})
    proposal = Proposal.objects.create(workspace=workspace, turn=turn, document=document, base="")
    entry = QueueEntry.objects.create(session=session, position=0, author=owner, data={"text": SECRET}, held=SECRET)
    rows = {"document": document, "session": session, "turn": turn, "item": item, "proposal": proposal}
    rows |= {"entry": entry}
    told = {"tokens_before": 2, "tokens_after": 1}
    rows |= {"compaction": Compaction.objects.create(session=session, until=turn, summary=SECRET, **told)}
    ids = {name: row.pk for name, row in rows.items()}
    thread = CommentThread.objects.create(document=document, start="", end="", quote=SECRET, created_by=owner)
    comment = Comment.objects.create(thread=thread, author=owner, text=SECRET)
    about = {"media_type": "image/png", "width": 1, "height": 1, "data": SECRET.encode()}
    ids["picture_id"] = Picture.objects.create(workspace=workspace, **about).pk
    ids |= {"document_id": document.pk, "thread_id": thread.pk, "comment_id": comment.pk}
    token = tokens.make(owner, SECRET, "write", 1)[1]
    endpoint = Endpoint.objects.create(name=f"{SECRET} model", team=ours, base_url="https://1.1.1.1/v1", model=SECRET)
    ids |= {
        "endpoint_id": endpoint.pk,
        "workspace_id": workspace.pk,
        "job_id": job.pk,
        "user_id": owner.pk,
        "token_id": token.pk,
    }
    ids |= {"epoch": 1, "seq": 0, "session_id": session.pk}
    ids["browser_id"] = Browser.objects.create(person=owner, endpoint="https://1.1.1.1/").pk
    return Two(workspace, others, owner, viewer, _person("outsider", theirs, "owner"), ids)


@pytest.fixture
async def closed(two: Two) -> AsyncIterator[None]:
    yield
    await close_all()


def signed_in(user: User | None, **more: Any) -> AsyncClient:
    client = AsyncClient(**more)
    if user is not None:
        client.force_login(user)
    return client


async def asked(client: AsyncClient, name: str, ids: dict[str, Any], bearer: str = "") -> Any:
    route = ROUTES[name]
    method, path = name.split(" ")
    address = path.format(**ids) + route.query
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    if route.form is not None:
        return await client.post(
            address, {**route.form, "file": SimpleUploadedFile("x.zip", b"no archive")}, headers=headers
        )
    return await client.generic(method, address, _json(route.body), content_type="application/json", headers=headers)


def _json(body: Any) -> bytes:
    return json.dumps(body).encode() if body is not None else b""


def state(two: Two) -> list[str]:
    """All rows of ours, and the files; but for what looking may change: documents are made, seeded from their files,
    hosts take leases, the site makes its key for pushes."""
    rows = []
    for model in apps.get_models():
        if not model.__module__.startswith(("ide.", "agents.")) or model in (Document, PushKey):
            continue
        kept = [f.name for f in model._meta.fields if not f.name.startswith("host") and f.name not in PASSING]
        found = model._default_manager.order_by("pk")
        found = found.exclude(origin="seed") if model in (ClientId, DocumentUpdate) else found
        rows.append(serializers.serialize("json", found, fields=kept))
    files = sorted(p for p in two.workspace.folder.rglob("*") if ".git" not in p.parts)
    return [*rows, *(f"{p.name}: {p.read_bytes()!r}" for p in files)]


PASSING = ("active_at", "last_login")


def test_every_route_has_a_row() -> None:
    paths = api.get_openapi_schema()["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == set(ROUTES)


async def test_without_sign_in_no_route_answers(two: Two) -> None:
    before, client = await in_db(state, two), signed_in(None)
    got = {name: (await asked(client, name, two.ids)).status_code for name in ROUTES}
    assert got == dict.fromkeys(ROUTES, 401)
    assert await in_db(state, two) == before


async def test_a_person_of_another_team_learns_and_changes_nothing(two: Two) -> None:
    client = await in_db(signed_in, two.outsider)
    before, got = await in_db(state, two), {}
    for name in ROUTES:
        answer = await asked(client, name, two.ids)
        got[name] = answer.status_code
        assert SECRET.encode() not in answer.content, name
        if "{" in name:  # what is there looks exactly like what is not
            unknown = await asked(client, name, {**two.ids, **UNKNOWN})
            assert (unknown.status_code, unknown.content) == (answer.status_code, answer.content), name
    assert got == {name: route.outsider for name, route in ROUTES.items()}
    assert await in_db(state, two) == before


@pytest.mark.usefixtures("closed")
async def test_a_viewer_sees_and_changes_nothing(two: Two) -> None:
    client = await in_db(signed_in, two.viewer)
    before = await in_db(state, two)
    got = {name: (await asked(client, name, two.ids)).status_code for name in ROUTES}
    assert got == {name: route.viewer for name, route in ROUTES.items()}
    assert await in_db(state, two) == before


async def test_no_route_changes_anything_for_another_site(two: Two) -> None:
    """Signed in as the owner, but without the token that only our own pages have."""
    client = await in_db(lambda: signed_in(two.owner, enforce_csrf_checks=True))
    before = await in_db(state, two)
    changing = [name for name in ROUTES if not name.startswith("GET ")]
    got = {name: (await asked(client, name, two.ids)).status_code for name in changing}
    assert got == dict.fromkeys(changing, 403)
    assert await in_db(state, two) == before


async def used_token(user: User, scope: str) -> str:
    secret, _ = await in_db(tokens.make, user, "test", scope, 1)
    await in_db(tokens.person_of, secret)  # its use is noted now, and not again within a minute
    return secret


async def test_a_token_opens_these_routes_only_and_no_more_than_its_person_may(two: Two) -> None:
    secrets = {
        "owner": await used_token(two.owner, "write"),
        "reader": await used_token(two.owner, "read"),
        "viewer": await used_token(two.viewer, "write"),
        "outsider": await used_token(two.outsider, "write"),
    }
    before = await in_db(state, two)
    for who, secret in secrets.items():
        # What an owner may change with a token is changed for good: asked about elsewhere.
        names = [name for name in ROUTES if who != "owner" or name not in WITH_TOKEN or name.startswith("GET ")]
        got = {name: (await asked(AsyncClient(), name, two.ids, secret)).status_code for name in names}
        for name in names:
            wanted = ROUTES[name].outsider if who == "outsider" else ROUTES[name].viewer
            assert got[name] == (wanted if name in WITH_TOKEN else 401), (who, name)
    assert await in_db(state, two) == before


async def test_a_bearer_that_is_none_is_refused_whatever_cookie_is_beside_it(two: Two) -> None:
    client = await in_db(signed_in, two.owner)
    got = {name: (await asked(client, name, two.ids, "tdm_nothing")).status_code for name in WITH_TOKEN}
    assert got == dict.fromkeys(WITH_TOKEN, 401)


# --- the main socket --------------------------------------------------------------------------------------------------


def test_every_op_has_a_row() -> None:
    assert {name for name in ops.names() if not name.startswith("test.")} == set(OPS)


def filled(params: dict[str, Any], ids: dict[str, Any]) -> dict[str, Any]:
    return {key: value.format(**ids) if isinstance(value, str) else value for key, value in params.items()}


def outcome(answer: dict[str, Any]) -> str:
    return str(answer["error"]["data"]["code"]) if "error" in answer else "ok"


@pytest.mark.usefixtures("closed")
async def test_a_viewer_asks_every_op(two: Two) -> None:
    tab = Tab(two.workspace.pk, two.viewer)
    assert outcome(await tab.call("ping")) == "ok"
    before = await in_db(state, two)
    got = {name: outcome(await tab.call(name, filled(params, two.ids))) for name, (params, _, _) in OPS.items()}
    assert got == {name: viewer for name, (_, viewer, _) in OPS.items()}
    assert await in_db(state, two) == before
    await tab.leave()


@pytest.mark.usefixtures("closed")
async def test_an_op_never_reaches_into_another_workspace(two: Two) -> None:
    tab = Tab(two.others.pk, two.outsider)
    got, made = {}, 0
    for name, (params, _, _) in OPS.items():
        answer = await tab.call(name, filled(params, two.ids))
        assert SECRET not in str(answer), name
        got[name] = outcome(answer)
        made += name == "session.create"
        unknown = dict.fromkeys(two.ids, "c" * 16)
        if got[name] != "ok":  # what is there looks exactly like what is not
            assert (await tab.call(name, filled(params, unknown)))["error"] == answer["error"], name
    assert got == {name: foreign for name, (_, _, foreign) in OPS.items()}
    assert await in_db(Session.objects.filter(workspace=two.others).count) == made
    assert await in_db(Turn.objects.count) == 1
    tab.raw(protocol.token(two.ids["document"], ""))
    denied = await tab.until(lambda: [frame for frame in tab.of(protocol.Access) if not frame.scope])
    assert SECRET not in denied[0].reason
    await tab.leave()


async def test_the_socket_of_another_team_looks_like_none(two: Two) -> None:
    tabs = [Tab(workspace, two.outsider) for workspace in (two.workspace.pk, UNKNOWN["workspace_id"])]
    ends = [await tab.until(lambda tab=tab: tab.closed) for tab in tabs]
    assert ends[0] == ends[1]
    assert ends[0][0] == 4404


def _typed(text: str) -> bytes:
    doc: Doc[Text] = Doc()
    doc.get("text", type=Text).insert(0, text)
    return doc.get_update()


def messages(name: str) -> dict[type, list[bytes]]:
    """Everything a client may send about a document, each with something a viewer must not bring in."""
    update = _typed("not mine to write")
    return {
        protocol.SyncStep1: [protocol.step_1(name, b"\0")],
        protocol.SyncUpdate: [protocol.update(name, update), protocol.step_2(name, update)],
        protocol.Token: [protocol.token(name, "editor")],
        protocol.Access: [protocol.authenticated(name, True)],
        protocol.Awareness: [protocol.awareness(name, b"\0")],
        protocol.QueryAwareness: [protocol.query_awareness(name)],
        protocol.Stateless: [protocol.stateless(name, '{"jsonrpc":"2.0","id":1,"method":"turn.start"}')],
        protocol.SyncStatus: [protocol.sync_status(name, True)],
        protocol.Close: [protocol.close(name, "")],
        protocol.Ping: [protocol.PING_FRAME],
        protocol.Pong: [protocol.PONG_FRAME],
    }


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("place", ["document", "workspace"])
async def test_no_message_of_a_viewer_changes_a_document(two: Two, place: str) -> None:
    name = two.ids["document"] if place == "document" else "workspace"
    sent = messages(name)
    assert set(sent) == {*typing.get_args(protocol.NamedMessage), protocol.Ping, protocol.Pong}
    host = await host_of(two.workspace.pk)
    room = await host.open_room(two.ids["document"])
    tab = Tab(two.workspace.pk, two.viewer)
    await tab.opened(two.ids["document"])
    tab.docs["workspace"] = Doc()
    before = await in_db(state, two)
    for frames in sent.values():
        for frame in frames:
            tab.raw(frame)
    await tab.until(lambda: tab.closed or tab.of(protocol.Pong))
    assert room.text() == TEXT
    assert await in_db(state, two) == before
    if tab.closed is None:
        await tab.leave()


# --- pages ------------------------------------------------------------------------------------------------------------


def pages(patterns: list[Any], prefix: str = "") -> list[str]:
    """Every pattern by its whole path; the admin's by its entrance, since one view guards it all."""
    found = []
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver) and path not in ("admin/", "api/"):
            found += pages(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) or path == "admin/":
            found.append(path)
    return found


def test_every_page_has_a_row_and_shows_nothing_without_sign_in(db: None) -> None:
    found = pages(get_resolver().url_patterns)
    assert {*found} == {path for path in PAGES if not path.startswith("api/")}
    client = Client(REMOTE_ADDR="203.0.113.9")
    for path, wanted in PAGES.items():
        address = "w/abc/x" if path.startswith("^w/") else path.replace("<str:token>", "t0ken").replace("<path>", "no")
        address = address.replace("<int:pk>", "1")
        status = client.get(f"/{address}").status_code
        assert status in (wanted if isinstance(wanted, tuple) else (wanted,)), path
