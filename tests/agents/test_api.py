"""The routes of jobs: rights are asked, wishes are checked, what is done is told."""

from __future__ import annotations

import pytest
from django.test import Client

from agents.api import router
from agents.models import Job
from ide.accounts.models import Membership, User
from tests.agents.conftest import Site

ROUTES = [
    ("get", "/api/jobs/{job}"),
    ("get", "/api/jobs/{job}/review"),
    ("post", "/api/jobs/{job}/cancel"),
    ("post", "/api/jobs/{job}/retry"),
    ("post", "/api/jobs/{job}/discard"),
    ("post", "/api/jobs/{job}/pause"),
    ("post", "/api/jobs/{job}/resume"),
    ("post", "/api/jobs/{job}/steer"),
    ("post", "/api/jobs/{job}/merge"),
    ("post", "/api/jobs/{job}/remarks"),
    ("get", "/api/workspaces/{workspace}/jobs"),
    ("post", "/api/workspaces/{workspace}/jobs"),
    ("get", "/api/workspaces/{workspace}/models"),
]
WISH = {"kind": "map", "instruction": "Add docstrings", "paths": ["a.py"], "text": "Tabs, please"}
WISH |= {"head": "1" * 40, "comments": []}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def asked(client: Client, site: Site, job: Job, method: str, route: str) -> int:
    path = route.format(job=job.pk, workspace=site.workspace.pk)
    if method == "get":
        return client.get(path).status_code
    return client.post(path, WISH, content_type="application/json").status_code


@pytest.fixture
def job(site: Site) -> Job:
    return Job.objects.create(workspace=site.workspace, kind="map", instruction="x", owner=site.ada, state="review")


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_a_stranger_learns_nothing(site: Site, job: Job, method: str, route: str) -> None:
    stranger = client_of(User.objects.create_user(username="eve"))
    assert asked(stranger, site, job, method, route) == 404
    assert asked(Client(), site, job, method, route) == 401


@pytest.mark.parametrize(("method", "route"), [r for r in ROUTES if r[0] == "post"])
def test_a_viewer_changes_nothing(site: Site, job: Job, method: str, route: str) -> None:
    viewer = User.objects.create_user(username="vic")
    Membership.objects.create(team=site.workspace.team, user=viewer, role="viewer")
    assert asked(client_of(viewer), site, job, method, route) == 403
    assert Job.objects.count() == 1
    assert Job.objects.get().state == "review"


def test_a_viewer_may_look(site: Site, job: Job) -> None:
    viewer = User.objects.create_user(username="vic")
    Membership.objects.create(team=site.workspace.team, user=viewer, role="viewer")
    answer = client_of(viewer).get(f"/api/jobs/{job.pk}").json()
    assert (answer["id"], answer["state"], answer["steps"], answer["events"]) == (job.pk, "review", [], [])


def test_a_wish_that_cannot_be_read_is_refused_in_words(site: Site) -> None:
    path = f"/api/workspaces/{site.workspace.pk}/jobs"
    answer = client_of(site.ada).post(path, {"kind": "dance", "instruction": "x"}, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"


def test_every_route_has_a_test_of_its_rights() -> None:

    made = {
        (method.lower(), "/api" + path.replace("{workspace_id}", "{workspace}").replace("{job_id}", "{job}"))
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }
    assert made == set(ROUTES)
