"""Odd files of a workspace: what can be edited keeps every byte but those edited; what cannot says why."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bad_input.conftest import World
from tests.client import Document, Refusal

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

EXACTLY = 5 << 20


@dataclass(frozen=True)
class Kept:
    """A file before and after somebody types `+ 😀` at its end and a line break."""

    before: bytes
    after: bytes


KEPT = {
    "CRLF": Kept(b"one\r\ntwo\r\n", b"one\r\ntwo\r\n+ \xf0\x9f\x98\x80\r\n"),
    "BOM": Kept(codecs.BOM_UTF8 + b"one\n", codecs.BOM_UTF8 + b"one\n+ \xf0\x9f\x98\x80\n"),
    "BOM and CRLF": Kept(codecs.BOM_UTF8 + b"one\r\n", codecs.BOM_UTF8 + b"one\r\n+ \xf0\x9f\x98\x80\r\n"),
    "BOM alone": Kept(codecs.BOM_UTF8, codecs.BOM_UTF8 + b"+ \xf0\x9f\x98\x80\n"),
    "CR alone": Kept(b"one\rtwo\r", b"one\rtwo\r+ \xf0\x9f\x98\x80\n"),
    "CRLF but for the last": Kept(b"one\r\ntwo", b"one\r\ntwo+ \xf0\x9f\x98\x80\r\n"),
    "UTF-16": Kept("\ufefföne 😀\n".encode("utf-16-le"), "\ufefföne 😀\n+ 😀\n".encode("utf-16-le")),
    "UTF-16 BE": Kept("\ufeffone\r\n".encode("utf-16-be"), "\ufeffone\r\n+ 😀\r\n".encode("utf-16-be")),
    "empty": Kept(b"", "+ 😀\n".encode()),
    "no end of line": Kept(b"one", "one+ 😀\n".encode()),
    "mixed ends": Kept(b"one\r\ntwo\nthree\r", "one\r\ntwo\nthree\r+ 😀\n".encode()),
    "bidi marks": Kept("a \u202eb\u202c c\n".encode(), "a \u202eb\u202c c\n+ 😀\n".encode()),
}


@pytest.mark.parametrize("kind", list(KEPT))
async def test_an_edit_changes_nothing_else_in_the_file(kind: str, world: World) -> None:
    path = f"kept {kind}.txt"
    (world.root / path).write_bytes(KEPT[kind].before)
    mine, others = await world.tab.open(path), await world.other.open(path)
    before = len(world.tab.events)
    await mine.append("+ 😀\n")
    await others.shows("+ 😀\n")
    await mine.on_disk(before)
    assert (world.root / path).read_bytes() == KEPT[kind].after
    assert others.text == mine.text


async def test_mode_bits_stay_after_an_edit(world: World) -> None:
    script = world.root / "run it.sh"
    script.write_bytes(b"#!/bin/sh\n")
    script.chmod(0o751)
    document = await world.tab.open("run it.sh")
    before = len(world.tab.events)
    await document.append("echo\n")
    await document.on_disk(before)
    assert script.read_bytes() == b"#!/bin/sh\necho\n"
    assert script.stat().st_mode & 0o777 == 0o751


REFUSED = {
    "binary.dat": (b"\x7fELF\0\0\1", "binary", "Download it instead"),
    "latin-1.txt": ("caf\u00e9\n".encode("latin-1"), "not valid UTF-8 (byte 4)", "Convert it to UTF-8"),
    "half a character.txt": ("😀".encode()[:3], "not valid UTF-8", "Convert it to UTF-8"),
    "large.txt": (b"x" * (EXACTLY + 1), "larger than 5 MiB", "Download it instead"),
    "odd utf-16.txt": (codecs.BOM_UTF16_LE + b"a", "not valid UTF-16", "Convert it to UTF-8"),
}


@pytest.mark.parametrize("name", list(REFUSED))
async def test_a_file_that_is_no_text_is_refused_with_the_reason_and_can_be_downloaded(name: str, world: World) -> None:
    data, why, what_to_do = REFUSED[name]
    (world.root / name).write_bytes(data)
    with pytest.raises(Refusal) as caught:
        await world.ben.get(f"/workspaces/{world.home}/documents", path=name)
    assert caught.value.status == 422
    assert why in caught.value.problem["message"]
    assert what_to_do in caught.value.problem["do"]
    assert await world.ben.raw(world.home, name) == data
    assert (world.root / name).read_bytes() == data


async def test_the_tree_says_what_cannot_be_opened(world: World) -> None:
    (world.root / "picture.png").write_bytes(b"\x89PNG")
    (world.root / "huge.log").write_bytes(b"x" * (EXACTLY + 1))
    (world.root / "door").symlink_to("/etc")
    os.mkfifo(world.root / "pipe")
    (world.root / os.fsdecode(b"latin-\xe9")).write_bytes(b"")
    entries = (await world.ben.get(f"/workspaces/{world.home}/tree"))["entries"]
    problems = {entry["path"]: entry["problem"] for entry in entries}
    assert problems["picture.png"] == "binary"
    assert problems["huge.log"] == "larger than 5 MiB"
    assert problems["door"] == "a link; links are not followed"
    assert problems["pipe"] == "not a regular file"
    assert problems["latin-\ufffd"] == "its name is not UTF-8"


@pytest.mark.parametrize("path", ["door/passwd", "pipe", "../secret-key", "/etc/passwd", ".git/config", "a\0b", ""])
async def test_a_path_that_is_no_plain_file_of_the_workspace_is_refused(path: str, world: World) -> None:
    if not (world.root / "door").is_symlink():
        (world.root / "door").symlink_to("/etc")
    for call in ("documents", "raw"):
        with pytest.raises(Refusal) as caught:
            await world.ben.get(f"/workspaces/{world.home}/{call}", path=path)
        assert caught.value.status in (404, 422)
        assert caught.value.problem["message"]


async def test_a_file_of_exactly_five_mebibytes_is_opened_and_edited(world: World) -> None:
    """An edit that takes it over the limit is told, and nothing typed is lost: less text, and it is written."""
    path = "five.txt"
    data = b"0123456789abcde\n" * (EXACTLY // 16)
    (world.root / path).write_bytes(data)
    document = await world.tab.open(path)
    before = len(world.tab.events)
    await document.append("more than fits\n")
    await document.saved()
    told = await world.tab.event("document.notice", lambda e: e["document"] == document.id, before)
    assert told["tone"] == "bad"
    assert "more than 5 MiB" in told["text"]
    assert (world.root / path).read_bytes() == data
    before = len(world.tab.events)
    await document.edit(0, 1024, "")
    await document.on_disk(before)
    assert (world.root / path).read_bytes() == data[1024:] + b"more than fits\n"


async def test_a_read_only_file_says_so_and_stays_as_it_is(world: World) -> None:
    path = "locked.txt"
    file = world.root / path
    file.write_bytes(b"locked\n")
    file.chmod(0o444)
    ref = await world.ben.get(f"/workspaces/{world.home}/documents", path=path)
    assert (ref["access"], ref["reason"]) == ("read", "The file is marked read-only on disk.")
    document = await world.other.open(path)
    assert document.scope == "readonly"
    assert document.text == "locked\n"
    await document.append("no")
    await world.other.until(lambda: document.refused, "the edit is refused")
    assert file.read_bytes() == b"locked\n"
    assert (await fresh(world, path)).text == "locked\n", "what was refused reaches nobody"


async def test_a_character_that_would_make_the_file_binary_is_told_and_the_rest_is_not_lost(world: World) -> None:
    path = "nul.txt"
    (world.root / path).write_bytes(b"text\n")
    document, others = await world.tab.open(path), await world.other.open(path)
    before = len(world.other.events)
    await document.append("a\0b\n")
    await document.saved()
    told = await world.other.event("document.notice", lambda e: e["document"] == document.id, before)
    assert "NUL" in told["text"]
    assert (world.root / path).read_bytes() == b"text\n"
    assert (await fresh(world, path)).text == "text\na\0b\n", "it can still be opened"
    before = len(world.other.events)
    await others.edit(6, 7, "")
    await others.on_disk(before)
    assert (world.root / path).read_bytes() == b"text\nab\n"


async def fresh(world: World, path: str) -> Document:
    """The document as somebody sees it who opens it now."""
    tab = await world.ada.tab(world.home)
    document = await tab.open(path)
    await tab.close()
    return document


NAMES = [
    "two words.txt",
    " leading and trailing ",
    "emoji 👩‍👩‍👧 family.py",
    "new\nline.txt",
    "tab\there.txt",
    "bidi \u202egpj.exe\u202c.txt",
    "ünïcödé/日本語.md",
    "quote ' \" ` $(id) ; & | < > ? * [a] {b} !.txt",
    "percent%2e%2e%2f#hash?query.txt",
    "-rf.txt",
    "back\\slash.txt",
    "x" * 251 + ".txt",
]


@pytest.mark.parametrize("path", NAMES)
async def test_a_file_of_any_name_is_made_edited_renamed_and_deleted(path: str, world: World) -> None:
    files = f"/workspaces/{world.home}/files"
    await world.ada.post(files, {"path": path, "kind": "file"})
    tree = {entry["path"] for entry in (await world.ben.get(f"/workspaces/{world.home}/tree"))["entries"]}
    assert path in tree
    document, others = await world.tab.open(path), await world.other.open(path)
    before = len(world.tab.events)
    await others.append("text 😀\n")
    await document.shows("text 😀\n")
    await document.on_disk(before)
    assert (world.root / path).read_text() == "text 😀\n"
    changes = (await world.ben.get(f"/workspaces/{world.home}/git"))["changes"]
    top = path.split("/", maxsplit=1)[0]
    assert [c for c in changes if c["path"].split("/")[0] == top], changes
    assert await world.ben.raw(world.home, path) == "text 😀\n".encode()
    await world.ada.patch(files, {"path": path, "to": f"renamed/{Path(path).name}"})
    await world.ada.delete(files, path=f"renamed/{Path(path).name}")
    assert not (world.root / path).exists()
    assert document.text == "text 😀\n", "who has it open keeps the text"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../out.txt", "does not stay inside"),
        ("/abs.txt", "does not stay inside"),
        ("a/../../out.txt", "does not stay inside"),
        (".git/hooks/post-commit", ".git"),
        (".Git/config", ".git"),
        ("nul\0.txt", "does not stay inside"),
        ("x" * 256, "too long"),
        ("", "Give a name"),
    ],
)
async def test_a_name_that_cannot_be_is_refused_with_the_reason(path: str, words: str, world: World) -> None:
    files = f"/workspaces/{world.home}/files"
    for act, body in (
        (world.ada.post, {"path": path, "kind": "file"}),
        (world.ada.post, {"path": path, "kind": "folder"}),
        (world.ada.patch, {"path": "neighbours.txt", "to": path}),
    ):
        with pytest.raises(Refusal) as caught:
            await act(files, body)
        assert caught.value.status == 422
        assert words in caught.value.words
    assert (world.root / "neighbours.txt").exists()


async def test_half_a_character_becomes_a_replacement_character_wherever_it_comes_in(world: World) -> None:
    """JSON can carry half of a surrogate pair, which no database and no file takes."""
    made = await world.ada.workspace("half \ud83d", "empty")
    assert (made["name"], made["state"]) == ("half \ufffd", "ready")
    await world.ada.post(f"/workspaces/{made['id']}/files", {"path": "\ude00.txt", "kind": "file"})
    assert (world.folder(made["id"]) / "\ufffd.txt").exists()
    session = (await world.tab.call("session.create", title="half \ud83d"))["session"]
    assert session["title"] == "half \ufffd"


async def test_a_body_that_is_no_json_is_refused_in_words(world: World) -> None:
    with pytest.raises(Refusal) as caught:
        await world.ada.send("POST", "/workspaces", data=b"{not json", headers={"Content-Type": "application/json"})
    assert caught.value.status == 400
    assert caught.value.problem["message"]
    assert caught.value.problem["do"]
