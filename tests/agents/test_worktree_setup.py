"""Worktrees made ready: what maintainers set, the set-up command with its hosts, and what jobs and people see of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings as site_settings
from django.test import Client
from pytest_django import Settings

from agents.jobs import errands, work
from agents.jobs.rows import life as jobs
from agents.jobs.working import worktree_rules
from agents.jobs.working.worktree_setup import free_port, hidden
from agents.models import Job, WorktreeRules
from ide.accounts.models import Membership
from ide.audit.models import AuditEntry
from ide.db import in_db
from ide.errors import Invalid
from tests.agents.conftest import Follower, Site, git
from tests.runner.conftest import Runner

SECRET = "s3cret-of-the-workspace"


@pytest.fixture
def runner(site: Site) -> Iterator[Runner]:
    """A runner where the server looks for it."""
    started = Runner(site_settings.RUNTIME_DIR)
    yield started
    started.stop()


class _Registry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a package")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def registry(settings: Settings) -> Iterator[str]:
    """host:port of a server an administrator listed as internal."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    place = f"127.0.0.1:{server.server_port}"
    settings.INTERNAL_HOSTS = [place]
    yield place
    server.shutdown()
    server.server_close()
    thread.join()


def fetching(url: str) -> str:
    return f"no_proxy= python3 -c \"import urllib.request as u; print(u.urlopen('{url}').read().decode())\""


def put(site: Site, **values: object) -> None:
    body = {"setup_command": "", "env": {}, "egress": [], **values}
    web = Client()
    web.force_login(site.ada)
    Membership.objects.filter(user=site.ada).update(role="maintainer")
    path = f"/api/workspaces/{site.workspace.pk}/rules/worktrees"
    answer = web.put(path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content


async def worked(site: Site, instruction: str = "Do it") -> Job:
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", instruction)))["id"])
    await work.execute(job_id)
    return await in_db(jobs.get, job_id)


async def feed(job: Job) -> list[dict[str, object]]:
    return (await in_db(jobs.detail, job.pk))["events"]  # type: ignore[return-value]


async def test_the_set_up_runs_before_the_first_step_with_its_hosts_its_variables_and_a_port(
    site: Site, ada: Follower, runner: Runner, registry: str
) -> None:
    setup = (
        f"{fetching(f'http://{registry}/x')} >package; {fetching('http://elsewhere.invalid/')}; echo $TOKEN on $PORT; :"
    )
    await in_db(put, site, setup_command=setup, env={"TOKEN": SECRET}, egress=[registry])
    command = (
        f'cat package; test -n "$PORT" && echo port $PORT; test $TOKEN = {SECRET} && echo known; rm package; touch done'
    )
    await in_db(site.script, {"calls": [{"name": "run_command", "arguments": {"command": command}}]}, {"text": "Done."})
    job = await worked(site)
    assert job.state == "review", job.error
    port = job.setup["port"]
    assert (job.setup["command"], job.setup["code"]) == (setup, 0)
    assert f"<TOKEN> on {port}" in job.setup["output"]
    assert SECRET not in json.dumps(job.setup)
    events = await feed(job)
    told = [str(e["data"]["text"]) for e in events if e["kind"] == "log"]  # type: ignore[index]
    assert f"It reached {registry}." in told
    assert any(text.startswith("Not let out: elsewhere.invalid:80 is not among the hosts") for text in told)
    tools = [e["data"] for e in events if e["kind"] == "tool"]
    assert [tool["name"] for tool in tools] == ["setup", "run_command"]  # type: ignore[index]
    assert f"a package\nport {port}\nknown" in tools[1]["output"]  # type: ignore[index]
    assert git(site.folder, "show", "--name-only", "--format=", job.head) == "done"


async def test_a_set_up_that_fails_ends_the_job_with_its_output(site: Site, ada: Follower, runner: Runner) -> None:
    await in_db(put, site, setup_command="echo no such package >&2; exit 3")
    await in_db(site.script, {"text": "never asked"})
    job = await worked(site)
    assert job.state == "failed"
    assert "ended with code 3" in job.error
    assert job.setup["output"].strip() == "no such package"
    assert job.output_tokens == 0


async def test_without_a_sandbox_a_job_works_without_its_set_up_and_says_so(
    site: Site, ada: Follower, settings: Settings
) -> None:
    settings.RUNNER_SOCKET = site.folder / "none.sock"
    await in_db(put, site, setup_command="touch harm")
    patch = "*** Begin Patch\n*** Add File: b.py\n+B = 1\n*** End Patch"
    await in_db(site.script, {"calls": [{"name": "apply_patch", "arguments": {"patch": patch}}]}, {"text": "Done."})
    job = await worked(site)
    assert job.state == "review", job.error
    assert any("Its set-up was not run" in str(e["data"].get("text")) for e in await feed(job))  # type: ignore[attr-defined]
    assert git(site.folder, "show", "--name-only", "--format=", job.head) == "b.py"


def test_values_are_never_shown_again_and_changes_are_in_the_audit_log(site: Site) -> None:
    put(
        site, setup_command="make", env={"TOKEN": SECRET, "MODE": "test"}, egress=["Example.org", "*.Example.com:8443 "]
    )
    web = Client()
    web.force_login(site.bob)
    path = f"/api/workspaces/{site.workspace.pk}/rules/worktrees"
    shown = web.get(path).json()
    assert shown == {"setup_command": "make", "env": ["MODE", "TOKEN"], "egress": ["example.org", "*.example.com:8443"]}
    assert SECRET not in WorktreeRules.objects.get().setup_env
    entry = AuditEntry.objects.get(act="worktrees.change")
    assert (entry.actor, entry.detail["egress"]) == ("ada", ["example.org", "*.example.com:8443"])
    assert SECRET not in json.dumps(entry.detail)
    put(site, env={"TOKEN": None, "NEW": "x"})
    assert dict(worktree_rules.of(site.workspace.pk).env) == {"TOKEN": SECRET, "NEW": "x"}
    refused = web.put(path, json.dumps({"setup_command": "", "env": {}, "egress": []}), content_type="application/json")
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "entry",
    ["*", "http://a", "a/b", "a b", "-a", "*.*.a", "a:0", "a:x", "a:", "user@a", "a..b", "a\n", "[::1]", "ä.example"],
)
def test_what_is_no_host_name_is_refused(entry: str) -> None:
    with pytest.raises(Invalid):
        worktree_rules.hosts([f"{entry}x" if entry.endswith("\n") else entry])


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A=B", "A B", "Ä", "A\0"])
def test_what_is_no_name_of_a_variable_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        worktree_rules.variables({name: "x"}, {})


def test_a_variable_without_a_value_must_have_had_one() -> None:
    assert worktree_rules.variables({"A": None}, {"A": "1"}) == {"A": "1"}
    with pytest.raises(Invalid):
        worktree_rules.variables({"A": None}, {})
    with pytest.raises(Invalid):
        worktree_rules.variables({"A": "x" * 9000}, {})


def test_values_are_hidden_in_what_was_printed() -> None:
    env = {"LONG": "abcdefgh-and-more", "SHORT": "abcdefgh", "TINY": "abc"}
    assert hidden("abcdefgh-and-more, abcdefgh, abc", env) == "<LONG>, <SHORT>, abc"


def test_a_port_that_is_taken_is_not_given_again() -> None:
    first = free_port()
    assert free_port(first) == first
    server = ThreadingHTTPServer(("127.0.0.1", first), _Registry)
    assert free_port(first) not in (0, first)
    server.server_close()


async def test_a_worker_that_lost_a_job_leaves_the_worktree_of_the_one_that_has_it(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "x"})
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "x")))["id"])
    job = await in_db(jobs.get, job_id)
    job.lease_fence = 2
    folder = work.worktree(job).parent
    trees = {fence: folder / f"{job_id}-{fence}" for fence in (1, 2, 3)}
    for tree in trees.values():
        tree.mkdir(parents=True)
        (tree / "a").touch()
    work._clear(job)
    assert [fence for fence, tree in trees.items() if tree.exists()] == [3]
