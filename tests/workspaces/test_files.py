"""Files of a workspace: what is listed, read, written, refused, and that no path leads outside."""

from __future__ import annotations

import codecs
import ctypes
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ide.errors import Conflict, Invalid, NotFound, Refused, TooLarge
from ide.workspaces.beneath import is_git_name
from ide.workspaces.files import ENTRIES, Files, Unreadable, decode, encode


@pytest.fixture(params=[None, False], ids=["openat2", "walk"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    root = tmp_path / "root"
    root.mkdir()
    return Files(root, openat2=request.param)


def test_a_written_file_reads_back_and_keeps_its_mode(files: Files) -> None:
    files.write("src/deep/a.py", b"one\n")
    (files.root / "src/deep/a.py").chmod(0o755)
    files.write("src/deep/a.py", "zwei ü 😀\n".encode())
    found = files.read("src/deep/a.py")
    assert (found.text, found.mode, found.access) == ("zwei ü 😀\n", 0o755, "edit")
    assert os.listdir(files.root / "src/deep") == ["a.py"]


@pytest.mark.parametrize("name", ["a b", "😀.txt", "line\nbreak", "bidi\u202eexe.txt", "-rf", "…", "a\x1bb", "x" * 255])
def test_every_name_is_allowed(files: Files, name: str) -> None:
    files.make_file(name, b"x")
    assert [entry.path for entry in files.tree()[0]] == [name]
    assert files.read(name).text == "x"


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a/./b", "x\0y", "x" * 256]
)
def test_a_path_that_is_none_or_leaves_is_refused(files: Files, path: str) -> None:
    for act in (files.read, files.make_file, files.delete, files.make_folder):
        with pytest.raises(Invalid):
            act(path)


@pytest.mark.parametrize(
    "name", [".git", ".GIT", ".Git", ".gi\u200ct", ".ｇｉｔ", ".git.", ".git ", "git~1", ".git::$INDEX_ALLOCATION"]
)
def test_git_in_any_disguise_is_refused(files: Files, name: str) -> None:
    assert is_git_name(name)
    for path in (name, f"a/{name}/config"):
        with pytest.raises(Unreadable):
            files.write(path, b"x")
        with pytest.raises(Unreadable):
            files.make_folder(path)
    files.make_file("ok")
    with pytest.raises(Unreadable):
        files.move("ok", name)


def test_names_that_only_look_like_git_are_fine() -> None:
    assert not any(is_git_name(name) for name in (".gitignore", ".github", "git", ".gitattributes", "legit"))


def test_links_are_listed_but_not_followed(files: Files, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text("canary")
    (files.root / "link").symlink_to(outside)
    (files.root / "folder").symlink_to(tmp_path)
    (files.root / "inner").symlink_to("real")
    (files.root / "real").write_text("x")
    kinds = {entry.path: entry.kind for entry in files.tree()[0]}
    assert kinds == {"folder": "link", "inner": "link", "link": "link", "real": "file"}
    for path in ("link", "folder/secret", "inner"):
        with pytest.raises(Unreadable) as caught:
            files.read(path)
        assert caught.value.reason == "link"
        with pytest.raises(Unreadable):
            files.write(path, b"x")
    files.delete("folder")
    assert outside.read_text() == "canary"


def test_what_is_not_a_regular_file_is_refused_without_waiting(files: Files) -> None:
    os.mkfifo(files.root / "pipe")
    (files.root / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(Unreadable):
            files.read(name)
        with pytest.raises(Unreadable):
            files.write(name, b"")


def test_sizes_are_limited(files: Files) -> None:
    (files.root / "big").write_bytes(b"x" * (5 << 20))
    assert len(files.read("big").text) == 5 << 20
    (files.root / "big").write_bytes(b"x" * ((5 << 20) + 1))
    with pytest.raises(Unreadable) as caught:
        files.read("big")
    assert caught.value.reason == "too_large"
    assert files.tree()[0][0].problem == "larger than 5 MiB"
    with pytest.raises(TooLarge):
        files.write("other", b"x" * ((5 << 20) + 1))


def test_read_only_and_hard_linked_files_open_for_reading(files: Files) -> None:
    files.make_file("a", b"x")
    (files.root / "a").chmod(0o444)
    assert (files.read("a").access, files.read("a").reason) == ("read", "The file is marked read-only on disk.")
    with pytest.raises(Invalid):
        files.write("a", b"y")
    files.make_file("b", b"x")
    os.link(files.root / "b", files.root / "c")
    assert files.read("b").access == "read"
    with pytest.raises(Invalid):
        files.write("c", b"y")
    assert (files.root / "b").read_bytes() == b"x"


def test_making_and_moving_never_replaces(files: Files) -> None:
    files.make_file("a", b"a")
    files.make_folder("f")
    for act in (lambda: files.make_file("a"), lambda: files.make_folder("a"), lambda: files.move("a", "f")):
        with pytest.raises(Conflict):
            act()
    files.move("a", "f/new/b")
    assert files.read("f/new/b").text == "a"
    with pytest.raises(Invalid):
        files.move("f", "f/inside")
    with pytest.raises(NotFound):
        files.move("a", "b")
    files.delete("f")
    with pytest.raises(NotFound):
        files.delete("f")
    assert files.tree() == ([], False)


def test_the_tree_stops_at_its_limit_nearest_to_the_top(files: Files) -> None:
    (files.root / "deep").mkdir()
    for number in range(ENTRIES):
        (files.root / "deep" / str(number)).touch()
    (files.root / "z").touch()
    entries, truncated = files.tree()
    assert truncated
    assert len(entries) == ENTRIES
    assert entries[-1].path == "z"


def test_a_name_that_is_not_utf8_is_shown_with_its_problem(files: Files) -> None:
    with open(os.path.join(os.fsencode(files.root), b"\xff"), "wb"):
        pass
    assert [(entry.path, entry.problem) for entry in files.tree()[0]] == [("\ufffd", "its name is not UTF-8")]


@pytest.mark.parametrize(
    ("data", "text", "form"),
    [
        (b"", "", ("utf-8", False, "\n")),
        (b"a\r\nb\r\n", "a\nb\n", ("utf-8", False, "\r\n")),
        (b"a\r\nb\n", "a\r\nb\n", ("utf-8", False, "\n")),
        (b"a\rb\r\n", "a\rb\r\n", ("utf-8", False, "\n")),
        (codecs.BOM_UTF8 + b"x", "x", ("utf-8", True, "\n")),
        ("\ufeffx\r\n".encode("utf-16-le"), "x\n", ("utf-16-le", True, "\r\n")),
        ("\ufeff😀".encode("utf-16-be"), "😀", ("utf-16-be", True, "\n")),
    ],
)
def test_encodings_and_line_ends_survive(data: bytes, text: str, form: tuple[str, bool, str]) -> None:
    decoded = decode(data)
    assert (decoded.text, (decoded.encoding, decoded.bom, decoded.newline)) == (text, form)
    assert encode(decoded.text, decoded) == data


@pytest.mark.parametrize(
    ("data", "reason"), [(b"\0", "binary"), (b"caf\xe9", "encoding"), (b"\xff\xfe\0\0a\0\0\0", "binary")]
)
def test_what_is_no_text_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(data)
    assert caught.value.reason == reason
    assert caught.value.do


@given(st.one_of(st.binary(max_size=60), st.text(alphabet="a\r\n\ufeff😀", max_size=20).map(str.encode)))
def test_decoding_never_loses_a_byte(data: bytes) -> None:
    try:
        decoded = decode(data)
    except Unreadable:
        return
    assert encode(decoded.text, decoded) == data


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


PARTS = st.sampled_from(["a", "b", "..", ".", "", ".git", "link", "loop", "\0", "…", "x" * 256]) | st.text(max_size=6)


@given(path=st.lists(PARTS, max_size=5).map("/".join), other=st.lists(PARTS, max_size=3).map("/".join))
def test_no_path_ever_reads_or_changes_what_lies_outside(shared: Path, path: str, other: str) -> None:
    root = shared / "root"
    root.mkdir(exist_ok=True)
    canary = shared / "canary"
    canary.write_text("canary")
    for name, target in (("link", ".."), ("loop", "loop")):
        if not (root / name).is_symlink():
            (root / name).symlink_to(target)
    files = Files(root)
    for act in (
        lambda: files.make_file(path, b"x"),
        lambda: files.write(path, b"y"),
        lambda: files.move(path, other),
        lambda: files.delete(other),
    ):
        try:
            act()
        except Refused:
            pass
    try:
        assert files.read(path).text != "canary"
    except Refused:
        pass
    assert canary.read_text() == "canary"
    assert sorted(os.listdir(shared)) == ["canary", "root"]
    assert not (root / ".git").exists()


def test_a_folder_swapped_for_a_link_never_leads_outside(files: Files, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("canary")
    inside = files.root / "d"
    inside.mkdir()
    (inside / "f").write_text("inside")
    (files.root / "link").symlink_to(outside)
    stop = threading.Event()
    libc = ctypes.CDLL(None)
    exchanged = (-100, os.fsencode(inside), -100, os.fsencode(files.root / "link"), 2)  # AT_FDCWD …, RENAME_EXCHANGE

    def swap() -> None:
        while not stop.is_set():
            libc.renameat2(*exchanged)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen, rounds, until = set(), 0, time.monotonic() + 1.0
    while time.monotonic() < until and rounds < 3000:
        rounds += 1
        try:
            seen.add(files.read("d/f").text)
            files.write("d/f", b"inside")
        except Refused:
            pass
    stop.set()
    swapper.join()
    assert seen == {"inside"}
    assert os.listdir(outside) == ["f"]
    assert (outside / "f").read_text() == "canary"
