"""Comments over HTTP: who may what, what is kept, who is mentioned, what everybody live is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import AsyncClient

from ide.accounts.models import Membership, Team, User
from ide.db import in_db
from ide.documents import comments
from ide.documents.models import Comment, CommentThread, Document
from ide.documents.yjs.anchors import Place
from ide.live.host import close_all, host_of
from ide.workspaces.models import Workspace
from tests.live.tab import Tab

HERE = {"start": Place((7, 3), 0).encode(), "end": Place((7, 9), -1).encode(), "quote": "zebra 🦓"}
Answer = tuple[int, dict[str, Any]]


@dataclass
class World:
    workspace: Workspace
    document: Document
    people: dict[str, User]

    async def ask(self, who: str, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        client = AsyncClient()
        await in_db(client.force_login, self.people[who])
        send = getattr(client, method)
        address = f"/api/workspaces/{self.workspace.pk}/{path}"
        answer = await (send(address, body, content_type="application/json") if body is not None else send(address))
        return answer.status_code, answer.json() if answer.content else {}

    async def begin(self, who: str = "commenter", text: str = "Why?") -> dict[str, Any]:
        status, answer = await self.ask(who, "post", f"documents/{self.document.pk}/threads", {**HERE, "text": text})
        assert status == 201, answer
        thread: dict[str, Any] = answer["thread"]
        return thread


@pytest.fixture
def world(transactional_db: None) -> World:
    team = Team.objects.create(name="t")
    people = {}
    for name in ("owner", "editor", "commenter", "viewer"):
        people[name] = User.objects.create_user(username=name, display_name=f"{name.title()} Ünal")
        Membership.objects.create(team=team, user=people[name], role=name)
    workspace = Workspace.objects.create(name="w", team=team, source="empty", state="ready")
    workspace.folder.mkdir(parents=True)
    (workspace.folder / "a.py").write_text("a zebra 🦓\n")
    return World(workspace, Document.objects.create(workspace=workspace, path="a.py"), people)


async def test_a_commenter_begins_answers_and_settles_a_thread(world: World) -> None:
    thread = await world.begin()
    assert (thread["quote"], thread["start"], thread["path"]) == (HERE["quote"], HERE["start"], "a.py")
    status, _ = await world.ask("editor", "post", f"threads/{thread['id']}/comments", {"text": "Because."})
    assert status == 201
    await world.ask("commenter", "post", f"threads/{thread['id']}/resolve")
    await world.ask("editor", "post", f"threads/{thread['id']}/resolve")
    _, answer = await world.ask("viewer", "get", f"documents/{world.document.pk}/threads")
    (seen,) = answer["threads"]
    assert [(c["author"]["name"], c["text"]) for c in seen["comments"]] == [
        ("Commenter Ünal", "Why?"),
        ("Editor Ünal", "Because."),
    ]
    assert seen["resolved"]["name"] == "Commenter Ünal"  # the first to say so
    assert (await world.ask("editor", "get", "threads"))[1] == {"threads": [], "more": False}
    assert len((await world.ask("editor", "get", "threads?resolved=true"))[1]["threads"]) == 1
    _, answer = await world.ask("owner", "post", f"threads/{thread['id']}/reopen")
    assert answer["thread"]["resolved"] is None


async def test_only_its_author_changes_or_deletes_a_comment(world: World) -> None:
    thread = await world.begin()
    mine = thread["comments"][0]["id"]
    assert (await world.ask("owner", "patch", f"comments/{mine}", {"text": "no"}))[0] == 403
    assert (await world.ask("owner", "delete", f"comments/{mine}"))[0] == 403
    _, answer = await world.ask("commenter", "patch", f"comments/{mine}", {"text": "Why not?"})
    assert answer["thread"]["comments"][0]["text"] == "Why not?"
    assert answer["thread"]["comments"][0]["edited_at"]
    await world.ask("editor", "post", f"threads/{thread['id']}/comments", {"text": "Hm."})
    assert (await world.ask("commenter", "delete", f"comments/{mine}"))[0] == 204
    assert [row.text async for row in Comment.objects.all()] == ["Hm."]
    last = await Comment.objects.aget()
    assert (await world.ask("editor", "delete", f"comments/{last.pk}"))[0] == 204
    assert not await CommentThread.objects.aexists()  # nothing is left of it


async def test_a_viewer_reads_and_does_not_write(world: World) -> None:
    thread = await world.begin()
    path = f"documents/{world.document.pk}/threads"
    assert (await world.ask("viewer", "post", path, {**HERE, "text": "x"}))[0] == 403
    assert (await world.ask("viewer", "post", f"threads/{thread['id']}/resolve"))[0] == 403
    assert (await world.ask("viewer", "get", path))[0] == 200


async def test_members_are_mentioned_by_their_names_and_nobody_else(world: World) -> None:
    text = "@Editor Ünal, see @owner; mail a@viewer and @viewers and @nobody."
    thread = await world.begin("commenter", text)
    people = world.people
    assert thread["comments"][0]["mentions"] == sorted([people["editor"].pk, people["owner"].pk])
    comment = thread["comments"][0]["id"]
    _, answer = await world.ask("commenter", "patch", f"comments/{comment}", {"text": "@viewer"})
    assert answer["thread"]["comments"][0]["mentions"] == [people["viewer"].pk]


def test_the_longest_name_that_fits_is_the_one_meant() -> None:
    ann, anna = User(username="u1", display_name="Ann"), User(username="u2", display_name="Ann Lee")
    ann.pk, anna.pk = 1, 2
    assert comments.mentioned("hello @ann lee!", [ann, anna]) == {anna}
    assert comments.mentioned("hello @Ann, Lee!", [ann, anna]) == {ann}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"text": " \n\x00 "}, 422),
        ({"text": "x" * (comments.TEXT + 1)}, 413),
        ({"start": "no anchor"}, 422),
        ({"end": "A" * 400}, 422),
        ({"end": ""}, 422),
    ],
)
async def test_what_is_no_comment_is_refused_and_leaves_nothing(
    world: World, change: dict[str, str], status: int
) -> None:
    body = {**HERE, "text": "x", **change}
    got, problem = await world.ask("editor", "post", f"documents/{world.document.pk}/threads", body)
    assert got == status
    assert problem["message"]
    assert not await CommentThread.objects.aexists()


async def test_text_is_kept_as_plain_text(world: World) -> None:
    text = "<b>1 < 2</b> & \u202eevil\x1b[31m\r\n\tmore 🧺 "
    thread = await world.begin("editor", text)
    assert thread["comments"][0]["text"] == "<b>1 < 2</b> & evil[31m\n\tmore 🧺"


async def test_a_document_and_a_thread_take_so_many_and_no_more(world: World) -> None:
    thread = await world.begin()
    row = await CommentThread.objects.aget()
    made = [CommentThread(document=world.document, start="", end="", quote="") for _ in range(comments.THREADS - 1)]
    await CommentThread.objects.abulk_create(made)
    path = f"documents/{world.document.pk}/threads"
    assert (await world.ask("editor", "post", path, {**HERE, "text": "x"}))[0] == 413
    await Comment.objects.abulk_create([Comment(thread=row, text="x") for _ in range(comments.COMMENTS - 1)])
    assert (await world.ask("editor", "post", f"threads/{thread['id']}/comments", {"text": "x"}))[0] == 413
    _, answer = await world.ask("editor", "get", "threads")
    assert (len(answer["threads"]), answer["more"]) == (comments.LISTED, True)


async def test_a_thread_of_another_workspace_is_not_there(world: World) -> None:
    thread = await world.begin()
    other = await Workspace.objects.acreate(name="o", team_id=world.workspace.team_id, source="empty", state="ready")
    mine, world.workspace = world.workspace, other
    assert (await world.ask("owner", "post", f"threads/{thread['id']}/resolve"))[0] == 404
    assert (await world.ask("owner", "get", f"documents/{world.document.pk}/threads"))[0] == 404
    world.workspace = mine


@pytest.fixture
async def closed(world: World) -> AsyncIterator[None]:
    yield
    await close_all()


@pytest.mark.usefixtures("closed")
async def test_everybody_live_hears_of_every_change(world: World) -> None:
    await host_of(world.workspace.pk)
    tab = Tab(world.workspace.pk, world.people["viewer"])
    await tab.call("ping")

    def told() -> list[dict[str, Any]]:
        return [event for event in tab.events if event["type"].startswith("thread")]

    thread = await world.begin()
    await world.ask("editor", "post", f"threads/{thread['id']}/comments", {"text": "Because."})
    await tab.until(lambda: len(told()) == 2)
    assert [len(event["thread"]["comments"]) for event in told()] == [1, 2]
    assert {event["document"] for event in told()} == {world.document.pk}
    async for row in Comment.objects.select_related("author"):
        assert row.author is not None
        await world.ask(row.author.username, "delete", f"comments/{row.pk}")
    await tab.until(lambda: len(told()) == 4)
    assert told()[-1] == {"type": "thread.gone", "document": world.document.pk, "id": thread["id"]}
    await tab.leave()
