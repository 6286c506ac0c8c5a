"""Uploads: an archive that would leave its place, swell or is none is refused with the reason, and leaves nothing."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from tests.bad_input.conftest import World
from tests.client import Refusal

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

FILES = {
    "project/main.py": b"print('hi')\n",
    "project/docs/ein Büchlein 📗.md": b"# Hi\r\n",
    "project/run.sh": b"#!/bin/sh\n",
}


def zipped(files: dict[str, bytes], modes: dict[str, int] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            packed.writestr(info, data)
    return out.getvalue()


def tarred(files: dict[str, bytes], modes: dict[str, int] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), (modes or {}).get(name, 0o644)
            packed.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tar_link(name: str, to: str, kind: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, to
        packed.addfile(info)
        inside = tarfile.TarInfo(f"{name}/passwd")
        inside.size = 2
        packed.addfile(inside, io.BytesIO(b"x\n"))
    return out.getvalue()


def zip_that_lies() -> bytes:
    """A bomb whose directory says it is ten bytes long."""
    bomb = zipped({"zeros": bytes(30 << 20)})
    size = (30 << 20).to_bytes(4, "little")
    return bomb.replace(size, (10).to_bytes(4, "little"))


OUTSIDE = "does not stay inside the archive"
LINK = "is a link or a special file"
SWELLS = "unpacks to more than"
BAD: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "dots": ("a.zip", lambda: zipped({"ok.txt": b"", "../../evil.txt": b"x"}), OUTSIDE),
    "dots in a tar": ("a.tar.gz", lambda: tarred({"ok.txt": b"", "a/../../evil.txt": b"x"}), OUTSIDE),
    "absolute": ("a.zip", lambda: zipped({"/tmp/evil.txt": b"x"}), OUTSIDE),
    "absolute in a tar": ("a.tgz", lambda: tarred({"/tmp/evil.txt": b"x"}), OUTSIDE),
    "backslashes": ("a.zip", lambda: zipped({"..\\evil.txt": b"x"}), OUTSIDE),
    "link in a zip": ("a.zip", lambda: zipped({"etc": b"/etc"}, {"etc": stat.S_IFLNK | 0o777}), LINK),
    "link": ("a.tar.gz", lambda: tar_link("etc", "/etc", tarfile.SYMTYPE), LINK),
    "hard link": ("a.tar.gz", lambda: tar_link("etc", "/etc/passwd", tarfile.LNKTYPE), LINK),
    "device": ("a.tar.gz", lambda: tar_link("null", "", tarfile.CHRTYPE), LINK),
    "bomb": ("a.zip", lambda: zipped({"zeros": bytes(60 << 20)}), SWELLS),
    "bomb in a tar": ("a.tar.gz", lambda: tarred({"zeros": bytes(60 << 20)}), SWELLS),
    "bomb that lies": ("a.zip", zip_that_lies, ""),
    "many": ("a.zip", lambda: zipped({f"{n}": b"" for n in range(20_001)}), "more than 20000 entries"),
    "no archive": ("a.zip", lambda: b"just some words", "neither a .zip nor a .tar.gz"),
    "empty": ("a.zip", lambda: b"", "neither a .zip nor a .tar.gz"),
    "nothing in it": ("a.zip", lambda: zipped({}), "The archive is empty"),
    "cut off": ("a.zip", lambda: zipped(FILES)[:-40], "damaged"),
    "cut off tar": ("a.tar.gz", lambda: gzip.compress(gzip.decompress(tarred(FILES))[:700]), "damaged"),
    "like .git": ("a.zip", lambda: zipped({".GIT/hooks/post-checkout": b"#!/bin/sh\n"}), "resembles .git"),
}


@pytest.mark.parametrize("kind", list(BAD))
async def test_a_bad_archive_is_refused_with_the_reason_and_leaves_nothing(kind: str, world: World) -> None:
    file, make, words = BAD[kind]
    name = world.name()
    with pytest.raises(Refusal) as caught:
        await world.ada.upload("/workspaces/upload", file, make(), name=name)
    assert caught.value.status == 422
    assert words in caught.value.problem["message"]
    assert caught.value.problem["do"], "it says what to do"
    assert name not in await world.names()
    assert world.staged() == []
    assert not list(world.site.data.rglob("evil.txt"))


async def test_an_upload_over_the_limit_is_refused_by_its_size(world: World) -> None:
    name = world.name()
    with pytest.raises(Refusal) as caught:
        await world.ada.upload("/workspaces/upload", "a.zip", bytes((50 << 20) + 1), name=name)
    assert caught.value.status == 413
    assert "limited to 50 MiB. Leave something out." in caught.value.words
    assert name not in await world.names()


@pytest.mark.parametrize(("file", "pack"), [("project.zip", zipped), ("project.tar.gz", tarred)])
async def test_a_good_archive_becomes_a_workspace(file: str, pack: Callable[..., bytes], world: World) -> None:
    data = pack({**FILES, "project/.git/hooks/post-commit": b"#!/bin/sh\n"}, {"project/run.sh": stat.S_IFREG | 0o755})
    row = await world.ada.upload("/workspaces/upload", file, data, name=world.name())
    made = await world.ada.settled(row["id"])
    assert (made["state"], made["problem"]) == ("ready", "")
    folder = world.folder(made["id"])
    for name, content in FILES.items():
        assert (folder / name.removeprefix("project/")).read_bytes() == content
    assert (folder / "run.sh").stat().st_mode & 0o111
    assert not (folder / ".git/hooks/post-commit").exists()
    assert (await world.ada.get(f"/workspaces/{made['id']}/git"))["changes"] == []


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("..", "evil.txt"),
        ("../..", "evil.txt"),
        (".git/hooks", "pre-commit"),
        ("a/../..", "evil.txt"),
        (".GIT", "config"),
    ],
)
async def test_a_file_put_outside_the_workspace_or_into_git_is_refused(folder: str, name: str, world: World) -> None:
    with pytest.raises(Refusal) as caught:
        await world.ada.upload(f"/workspaces/{world.home}/files/upload", name, b"x", folder=folder)
    assert caught.value.status == 422
    assert caught.value.problem["message"]
    assert not list(world.site.data.rglob("evil.txt"))
    assert not (world.root / ".git/hooks/pre-commit").exists()


async def test_a_file_that_is_there_is_not_replaced(world: World) -> None:
    await world.ada.upload(f"/workspaces/{world.home}/files/upload", "once 📌.txt", b"first", folder="up")
    with pytest.raises(Refusal) as caught:
        await world.ada.upload(f"/workspaces/{world.home}/files/upload", "once 📌.txt", b"second", folder="up")
    assert caught.value.status == 409
    assert "Choose another name" in caught.value.words
    assert (world.root / "up" / "once 📌.txt").read_bytes() == b"first"
