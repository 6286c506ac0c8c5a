"""From typing to a commit that names everybody: people, a turn and a job, over the real socket and HTTP."""

from __future__ import annotations

import json
from typing import Any

from django.test import AsyncClient

from agents.jobs import work
from agents.jobs.rows import life as jobs
from agents.models import Item, Job
from agents.sessions import credits
from ide.accounts.models import User
from ide.db import in_db
from ide.documents.history.authors import describe
from ide.documents.history.credit import named
from tests.agents.conftest import CODE, Follower, Site, git
from tests.agents.test_jobs import merged, requested
from tests.agents.test_turns import inline


async def asked(user: User, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    client = AsyncClient()
    await in_db(client.force_login, user)
    data = json.dumps(body).encode() if body is not None else b""
    answer = await client.generic(method, path, data, content_type="application/json")
    return answer.status_code, answer.json()


def at(site: Site, rest: str) -> str:
    return f"/api/workspaces/{site.workspace.pk}/{rest}"


async def test_a_commit_names_people_and_models_and_notes_their_lines(site: Site, ada: Follower) -> None:
    bob = Follower(site.workspace.pk, site.bob)
    await ada.opened(site.document.pk)
    await bob.opened(site.document.pk)
    script = {"text": "```python\ndef one(a):\n    b = a + 1\n    return b\n```\n"}
    endpoint = await in_db(site.script, script, tools=False)
    turn = await ada.ended(await inline(site, ada, "add one to it 😀", endpoint=endpoint.pk))
    assert turn["state"] == "completed", turn
    ada.type(site.document.pk, 0, "# by ada 😀\n")
    await bob.until(lambda: "ada" in bob.text(site.document.pk))
    bob.type(site.document.pk, 0, "# by bob\n")
    await ada.until(lambda: "bob" in ada.text(site.document.pk))
    _, changes = await asked(site.ada, "GET", at(site, "changes"))
    assert changes == {"branch": "main", "files": [{"path": "a.py", "status": "M"}]}
    status, made = await asked(site.ada, "POST", at(site, "commits"), {"message": "Work", "paths": ["a.py"]})
    assert status == 201, made
    assert git(site.folder, "show", "HEAD:a.py") + "\n" == ada.text(site.document.pk)
    assert git(site.folder, "log", "-1", "--format=%H %an") == f"{made['oid']} ada"
    trailers = git(site.folder, "log", "-1", "--format=%(trailers:key=Co-authored-by,valueonly)").split("\n")
    assert trailers == ["script <script@models.tandem.invalid>", "bob <bob@users.tandem.invalid>"]
    note = json.loads(git(site.folder, "notes", "--ref=authorship", "show", made["oid"]))
    ids = {"bob": f"person:{site.bob.pk}", "ada": f"person:{site.ada.pk}", "turn": f"turn:{turn['id']}"}
    assert note == {
        "version": 1,
        "authors": {
            ids["bob"]: {"kind": "person", "name": "bob"},
            ids["ada"]: {"kind": "person", "name": "ada"},
            ids["turn"]: {"kind": "turn", "name": "script", "asked_by": "ada"},
        },
        "files": {"a.py": [[1, 1, ids["bob"]], [2, 2, ids["ada"]], [7, 8, ids["turn"]]]},
    }
    status, refusal = await asked(site.ada, "POST", at(site, "commits"), {"message": "Again"})
    assert (status, refusal["code"]) == (409, "conflict")
    await bob.leave()


async def test_lines_a_job_brought_are_its_models(site: Site, ada: Follower) -> None:
    patch = ["*** Begin Patch", "*** Add File: new/b.py", "+B = 2", "+C = '😀'", "*** Update File: a.py"]
    patch += ["@@ def two(b):", "-    return b", "+    return b * 2", "*** End Patch"]
    await in_db(
        site.script,
        {"calls": [{"name": "apply_patch", "arguments": {"patch": patch}}]},
        {"text": "Done."},
    )
    job_id = await requested(site, jobs.Order("agent", "Double it 😀"))
    await work.execute(job_id)
    await merged(site, job_id)
    status, made = await asked(site.bob, "POST", at(site, "commits"), {"message": "Job"})
    assert status == 201, made
    assert made["message"] == "Job\n\nCo-authored-by: script <script@models.tandem.invalid>\n"
    note = json.loads(git(site.folder, "notes", "--ref=authorship", "show", made["oid"]))
    origin = f"job:{job_id}"
    assert note["authors"] == {origin: {"kind": "job", "name": "script", "asked_by": "ada"}}
    assert note["files"] == {"a.py": [[9, 9, origin]], "new/b.py": [[1, 2, origin]]}


async def test_the_authors_of_a_document_tell_model_prompt_and_turn(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "```python\ndef one(a):\n    return a + 1\n```\n"}, tools=False)
    turn = await ada.ended(await inline(site, ada, "add one " + "x" * 300))
    await (await site.host()).store.drain()
    _, told = await asked(site.bob, "GET", at(site, f"documents/{site.document.pk}/authors"))
    author = told["authors"][f"turn:{turn['id']}"]
    assert (author["kind"], author["model"], author["turn"]) == ("turn", "script", turn["id"])
    assert author["prompt"].startswith("add one xxx")
    assert len(author["prompt"]) == 200
    assert author["person"]["name"] == "ada"
    assert {origin for _, origin in told["clients"]} >= {"seed", f"turn:{turn['id']}"}


async def test_a_rejected_proposal_gives_the_lines_back_to_their_author(site: Site, ada: Follower) -> None:
    await in_db(site.script, {"text": "```python\ndef one(a):\n    return 'something else'\n```\n"}, tools=False)
    await ada.ended(await inline(site, ada))
    proposal = (await ada.event("proposal", lambda e: not e["proposal"]["writing"]))["proposal"]
    await ada.ask("proposal.reject", proposal=proposal["id"], hunks="all")
    await (await site.host()).store.drain()
    _, rows = await asked(site.bob, "GET", at(site, f"documents/{site.document.pk}/history"))
    assert [row["author"]["kind"] for row in rows["versions"]] == ["person", "turn", "seed"]
    seed = rows["versions"][-1]
    _, old = await asked(site.bob, "GET", at(site, f"documents/{site.document.pk}/history/1/{seed['last_seq']}"))
    assert old["text"] == CODE


async def test_a_turn_or_job_that_is_gone_is_still_told_by_its_kind(site: Site) -> None:
    row = await in_db(Job.objects.create, workspace=site.workspace, kind="agent", instruction="do it", owner=site.ada)
    found = await in_db(describe, [f"job:{row.pk}", "job:gone", "turn:gone"])
    assert {origin: author.label for origin, author in found.items()} == {
        f"job:{row.pk}": "a model",
        "job:gone": "a job that is gone",
        "turn:gone": "a turn that is gone",
    }
    assert found[f"job:{row.pk}"].prompt == "do it"
    assert credits.model_of(None) == "a model"


async def test_who_rejects_or_takes_back_is_a_person_to_a_commit(site: Site, ada: Follower) -> None:
    bob = Follower(site.workspace.pk, site.bob)
    await bob.opened(site.document.pk)
    await in_db(site.script, {"text": "```python\ndef one(a):\n    return 1\n```\n"}, tools=False)
    turn = await ada.ended(await inline(site, ada, "one"))
    await bob.ask("turn.undo", turn=turn["id"])
    mark = await in_db(lambda: Item.objects.get(kind="note", data__has_key="undo").pk)
    for origin in (f"undo:{mark}", f"rejected:{site.bob.pk}:turn:{turn['id']}", f"person:{site.bob.pk}"):
        assert await in_db(named, site.ada, [origin]) == ["Co-authored-by: bob <bob@users.tandem.invalid>"]
        assert await in_db(named, site.bob, [origin]) == []
