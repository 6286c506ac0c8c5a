"""The HTTP API against its own description: whatever fits it, sent by anybody, is answered without a fault of ours.

A real site on loopback; schemathesis makes the requests from /api/openapi.json: without a sign-in, as each role of one
team, and as somebody of another team.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from yarl import URL

from ide.accounts.models import Role
from tests.client import Person
from tests.site import Site

EXAMPLES = "2"  # of each operation, and as many made to be wrong
LEFT_OUT = r"/(test|probe|retry|workspaces|upload)$"  # they call models, clone, unpack: tests/bad_input has them
# What a fault of ours looks like. Statuses that the description does not list are no fault: each can be refused.
CHECKS = "not_a_server_error,content_type_conformance"


@dataclass
class Tried:
    """A site with something in it: who is tried → the header of their browser; and ids of things that exist."""

    site: Site
    cookies: dict[str, str]
    things: dict[str, str]


async def _prepared(site: Site) -> Tried:
    ana = await Person.new(site.link, "ana")
    made = [await ana.post("/workspaces", {"name": name, "source": "empty"}) for name in ("tried", "another")]
    things = await _things(ana, (await ana.settled(made[0]["id"]))["id"])
    people = {"administrator": ana, "outsider": await Person.new(await ana.invite(made[1]["id"], "owner"), "outsider")}
    for role in Role.values:
        people[role] = await Person.new(await ana.invite(made[0]["id"], role), role)
    found = {"nobody": ""}
    for name, person in people.items():
        jar = person.http.cookie_jar.filter_cookies(URL(site.url))
        found[name] = "; ".join(f"{key}={morsel.value}" for key, morsel in jar.items())
        await person.close()
    return Tried(site, found, things)


async def _things(ana: Person, workspace: str) -> dict[str, str]:
    base = f"/workspaces/{workspace}"
    await ana.post(f"{base}/files", {"path": "a.py", "kind": "file"})
    document = await ana.get(f"{base}/documents", path="a.py")
    model = {"name": "m", "dialect": "chat", "base_url": "https://1.1.1.1/v1", "model": "m", "scope": "team"}
    endpoint = await ana.post(f"{base}/endpoints", model)
    return {"workspace_id": workspace, "document_id": document["id"], "endpoint_id": endpoint["id"]}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    with Site(tmp_path_factory.mktemp("openapi"), TANDEM_BUILTIN_MODEL="false") as site:
        yield asyncio.run(_prepared(site))


@pytest.mark.parametrize("who", ["nobody", "outsider", *Role.values, "administrator"])
def test_no_request_that_fits_the_description_is_a_fault(tried: Tried, who: str, tmp_path: Path) -> None:
    cookie, url = tried.cookies[who], tried.site.url
    known = "".join(f"{name} = {json.dumps(value)}\n" for name, value in tried.things.items())
    (tmp_path / "schemathesis.toml").write_text(f"[parameters]\n{known}")
    token = dict(part.split("=", 1) for part in cookie.split("; ") if part).get("tandem_csrf", "")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/openapi.json", "--url", url),
        *("--checks", CHECKS, "--max-examples", EXAMPLES, "--phases", "examples,fuzzing", "--mode", "all"),
        *("--exclude-path-regex", LEFT_OUT, "--exclude-method", "DELETE" if who != "nobody" else "TRACE"),
        *("-H", f"Cookie: {cookie or 'none=1'}", "-H", f"X-CSRFToken: {token}", "-H", f"Referer: {url}/"),
        *("--seed", "1", "--no-color", "--generation-database", "none", "--request-timeout", "20", "--workers", "2"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
