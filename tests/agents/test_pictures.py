"""Pictures: known by their bytes, private to their workspace, sent to the model for real, few of them again."""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient

from agents.context import past, pictures
from agents.endpoints import pool
from agents.engine.messages import Image, Message
from agents.models import Endpoint, Item, Picture, Session, Turn
from agents.simulator.plan import Ask, Brain, Plan, Script, Step
from agents.simulator.server import Simulator
from ide.accounts.models import Team, User
from ide.db import in_db
from ide.errors import Busy, Invalid, NotFound, TooLarge
from ide.workspaces.models import Workspace
from tests.agents.conftest import Follower, Site


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 2, height: int = 1, colour: bytes = b"\xff\0\0") -> bytes:
    rows = b"".join(b"\0" + colour * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def head_of_jpeg(width: int, height: int) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 300) + bytes(298)
    return b"\xff\xd8" + exif + b"\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width)


def head_of_webp(kind: bytes, rest: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 100) + b"WEBP" + kind + struct.pack("<I", len(rest)) + rest


SIZED = {
    "png": (png(300, 20), "image/png"),
    "gif": (b"GIF89a" + struct.pack("<HH", 300, 20), "image/gif"),
    "jpeg": (head_of_jpeg(300, 20), "image/jpeg"),
    "lossy": (head_of_webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 20)), "image/webp"),
    "lossless": (head_of_webp(b"VP8L", b"\x2f" + struct.pack("<I", 299 | 19 << 14)), "image/webp"),
    "extended": (head_of_webp(b"VP8X", bytes(4) + (299).to_bytes(3, "little") + b"\x13\0\0"), "image/webp"),
}


@pytest.mark.parametrize("name", SIZED)
def test_kind_and_size_are_read_from_the_bytes(name: str) -> None:
    data, media_type = SIZED[name]
    assert pictures.shape(data) == pictures.Shape(media_type, 300, 20)


@pytest.mark.parametrize("name", SIZED)
def test_a_picture_cut_off_before_its_size_is_refused(name: str) -> None:
    data, _ = SIZED[name]
    with pytest.raises(Invalid):
        pictures.shape(data[:9])


def test_what_is_no_picture_or_too_large_is_refused_with_the_reason() -> None:
    for data in (b"", b"<svg onload=alert(1)>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff" * 10_000):
        with pytest.raises(Invalid):
            pictures.shape(data)
    with pytest.raises(TooLarge, match="9,000 × 1 pixels"):
        pictures.shape(png(9000, 1))
    with pytest.raises(TooLarge, match="5 MiB"):
        pictures.shape(png() + bytes(pictures.MOST_BYTES))


def shown(*names: str) -> tuple[Image, ...]:
    return tuple(Image("image/png", name.encode()) for name in names)


def test_only_the_newest_few_of_earlier_turns_are_shown_again() -> None:
    past = [Message("user", "a", images=shown("1", "2", "3")), Message("assistant", "b")]
    past += [Message("user", "c", images=shown("4", "5")), Message("user", "now", images=shown("6", "7"))]
    thin = pictures.thinned(past, seeing=True, again=3)
    assert [message.images for message in thin] == [shown("3"), (), shown("4", "5"), shown("6", "7")]
    assert [pictures.GONE in message.text for message in thin] == [True, False, False, False]
    blind = pictures.thinned(past, seeing=False)
    assert [len(message.images) for message in blind] == [0, 0, 0, 2], "what is asked now is refused, not dropped"
    assert pictures.thinned(past[1:2], seeing=True) == past[1:2]


# --- over HTTP --------------------------------------------------------------------------------------------------------


async def upload(site: Site, data: bytes, user: User | None = None) -> Any:
    client = AsyncClient()
    await client.aforce_login(user or site.ada)
    file = SimpleUploadedFile("shot.txt", data, content_type="text/html")  # neither name nor type is believed
    return await client.post(f"/api/workspaces/{site.workspace.pk}/pictures", {"file": file})


async def test_a_picture_is_kept_and_given_back_as_nothing_but_a_picture(site: Site) -> None:
    answer = await upload(site, png(30, 20))
    assert answer.status_code == 201
    made = answer.json()
    assert (made["width"], made["height"]) == (30, 20)
    client = AsyncClient()
    await client.aforce_login(site.bob)
    got = await client.get(made["url"])
    assert (got.content, got["Content-Type"]) == (png(30, 20), "image/png")
    assert got["X-Content-Type-Options"] == "nosniff"
    assert "private" in got["Cache-Control"]
    assert "default-src 'none'" in got["Content-Security-Policy"]


async def test_an_upload_that_is_none_is_told_why(site: Site) -> None:
    refused = await upload(site, b"<svg/>")
    assert (refused.status_code, refused.json()["do"]) == (422, pictures.TAKEN)
    assert (await upload(site, png() + bytes(pictures.MOST_BYTES))).status_code == 413
    assert not await in_db(Picture.objects.exists)


async def test_a_person_adds_so_many_a_day(site: Site) -> None:
    about = {"media_type": "image/png", "width": 1, "height": 1, "data": b""}
    rows = [Picture(workspace=site.workspace, author=site.ada, **about) for _ in range(pictures.A_DAY)]
    await in_db(Picture.objects.bulk_create, rows)
    with pytest.raises(Busy):
        await in_db(pictures.keep, site.workspace, site.ada.pk, png())
    assert await in_db(pictures.keep, site.workspace, site.bob.pk, png())


def foreign() -> Picture:
    there = Workspace.objects.create(name="o", team=Team.objects.create(name="o"), source="empty", state="ready")
    user = User.objects.create_user(username="eve")
    return pictures.keep(there, user.pk, png())


async def test_pictures_of_other_workspaces_are_none(site: Site) -> None:
    other = await in_db(foreign)
    with pytest.raises(NotFound):
        await in_db(pictures.said, site.workspace.pk, [other.pk])
    assert await in_db(pictures.images, site.workspace.pk, [other.pk]) == ()
    with pytest.raises(Invalid, match="8 pictures"):
        await in_db(pictures.said, site.workspace.pk, [str(n) for n in range(9)])


async def test_pictures_go_with_their_workspace(site: Site) -> None:
    await upload(site, png())
    assert await in_db(Picture.objects.count) == 1
    await in_db(site.workspace.delete)
    assert await in_db(Picture.objects.count) == 0


# --- to the model -----------------------------------------------------------------------------------------------------


def connected(url: str, dialect: str, **more: Any) -> Endpoint:
    fields = {"name": "sees", "dialect": dialect, "base_url": url, "model": "simulated-deep", "own_network": True}
    return Endpoint.objects.create(**{**fields, "drives_tools": False, **more})


async def ask(ada: Follower, session: str, text: str, *ids: str) -> dict[str, Any]:
    turn = await ada.ask("turn.start", session=session, text=text, pictures=list(ids))
    return await ada.ended(turn["turn"])


@dataclass
class Attentive(Brain):
    """Keeps what it was asked."""

    asked: list[Ask] = field(default_factory=list)

    def plan(self, ask: Ask) -> Plan:
        self.asked.append(ask)
        return super().plan(ask)


@asynccontextmanager
async def model(dialect: str, **more: Any) -> AsyncIterator[Attentive]:
    """A simulated model that is the default here."""
    brain = Attentive(script=Script([Step(text="Green.")]))
    made = Simulator(brain)
    port = await made.start()
    await in_db(connected, f"http://127.0.0.1:{port}/v1", dialect, **more)
    try:
        yield brain
    finally:
        await pool.close()
        await made.stop()


GREEN = png(3, 3, b"\0\xff\0")


@pytest.mark.parametrize("dialect", ["responses", "chat", "anthropic"])
async def test_the_bytes_arrive_and_arrive_again_in_the_next_turn(site: Site, ada: Follower, dialect: str) -> None:
    picture = (await upload(site, GREEN)).json()
    async with model(dialect) as brain:
        session = await ada.session()
        assert (await ask(ada, session, "Which colour?", picture["id"]))["state"] == "completed"
        said = {"id": picture["id"], "width": 3, "height": 3}
        assert ada.items("person")[0]["data"]["pictures"] == [said]
        assert (await ask(ada, session, "Sure?"))["state"] == "completed"
        wanted = Image("image/png", GREEN).base64
        assert [(one.said.split("\n\n")[-1], one.pictures) for one in brain.asked] == [
            ("Which colour?", (wanted,)),
            ("Sure?", (wanted,)),
        ]


async def test_a_model_of_text_only_refuses_before_anything_is_said(site: Site, ada: Follower) -> None:
    picture = (await upload(site, GREEN)).json()
    async with model("chat", abilities={"images": False}) as brain:
        session = await ada.session()
        refusal = await ada.refused("turn.start", session=session, text="Look", pictures=[picture["id"]])
        assert refusal["message"] == "sees reads text only, so it cannot be shown the pictures."
        assert refusal["do"] == "Choose a model that sees pictures, or remove them."
        assert not await in_db(Turn.objects.exists)
        assert brain.asked == []


async def test_a_model_of_text_only_goes_on_after_pictures_that_another_one_saw(site: Site, ada: Follower) -> None:
    picture = (await upload(site, GREEN)).json()
    session = await ada.session()
    async with model("chat") as brain:
        await ask(ada, session, "Look", picture["id"])
        url = (await in_db(Endpoint.objects.get)).base_url
        blind = await in_db(connected, url, "chat", name="blind", abilities={"images": False})
        turn = await ada.ask("turn.start", session=session, text="And?", endpoint=blind.pk)
        assert (await ada.ended(turn["turn"]))["state"] == "completed"
        assert [len(one.pictures) for one in brain.asked] == [1, 0]


async def test_a_redirect_takes_what_is_mentioned_and_shown_along(site: Site, ada: Follower) -> None:
    picture = (await upload(site, GREEN)).json()
    steps = [{"when": "wait", "text": "going on for ever", "pause_after": 8}, {"when": "here", "text": "Green."}]
    await in_db(site.script, *steps, tools=False)
    turn = (await ada.ask("turn.start", session=await ada.session(), text="Wait"))["turn"]
    await ada.event("item.delta")
    mentions = [{"kind": "file", "path": "a.py"}]
    after = await ada.ask("turn.redirect", turn=turn, text="Look here", mentions=mentions, pictures=[picture["id"]])
    assert (await ada.ended(after["turn"]))["state"] == "completed"
    said = ada.items("person")[-1]["data"]
    assert (said["mentions"], [one["id"] for one in said["pictures"]]) == (mentions, [picture["id"]])


async def test_history_after_a_restart_shows_the_newest_pictures_again(site: Site) -> None:
    """From the rows alone, as another process has them."""

    def rows() -> tuple[str, list[str]]:
        session = Session.objects.create(workspace=site.workspace)
        made = [pictures.keep(site.workspace, site.ada.pk, png(n + 1)) for n in range(6)]
        for n, picture in enumerate(made):
            turn = Turn.objects.create(session=session, state="completed")
            data = {"text": f"look {n}", "pictures": pictures.said(site.workspace.pk, [picture.pk])}
            Item.objects.create(turn=turn, position=0, kind="person", data=data)
        return session.pk, [picture.pk for picture in made]

    session, _ = await in_db(rows)
    (message,) = (await in_db(past.past, session)).messages
    assert [image.data for image in message.images] == [png(n + 1) for n in range(2, 6)]
    assert message.text.count(pictures.GONE) == 2


async def test_pictures_count_in_the_estimate(site: Site, ada: Follower) -> None:
    picture = (await upload(site, GREEN)).json()
    async with model("chat"):
        plain = await ada.ask("session.estimate", text="What is this?")
        seen = await ada.ask("session.estimate", text="What is this?", pictures=[picture["id"]])
        assert seen["tokens"] - plain["tokens"] >= 900
