"""A file is replaced whole or not at all, whatever the file system says, and never over what somebody else wrote."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ide.errors import NotFound, Refused
from ide.workspaces.beneath import exchange
from ide.workspaces.files import Files, Unreadable
from ide.workspaces.replace import Changed
from tests.site import ROOT

OLD = b"old \xf0\x9f\x98\x80\n"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "a.py").write_bytes(OLD)
    return Files(tmp_path)


def names(files: Files) -> list[str]:
    return sorted(os.listdir(files.root))


def test_what_is_expected_is_replaced_and_its_mode_kept(files: Files) -> None:
    (files.root / "a.py").chmod(0o751)
    files.write("a.py", b"new", expect=sha(OLD))
    assert (files.root / "a.py").read_bytes() == b"new"
    assert (files.root / "a.py").stat().st_mode & 0o777 == 0o751
    assert names(files) == ["a.py"]


def test_what_somebody_wrote_meanwhile_is_put_back_as_it_was(files: Files) -> None:
    (files.root / "a.py").write_bytes(b"theirs")
    inode = (files.root / "a.py").stat().st_ino
    with pytest.raises(Changed):
        files.write("a.py", b"new", expect=sha(OLD))
    assert (files.root / "a.py").read_bytes() == b"theirs"
    assert (files.root / "a.py").stat().st_ino == inode
    assert names(files) == ["a.py"]


def test_a_file_that_went_away_is_not_made_again(files: Files) -> None:
    (files.root / "a.py").unlink()
    with pytest.raises(NotFound):
        files.write("a.py", b"new", expect=sha(OLD))
    assert names(files) == []


def test_a_link_in_its_place_is_neither_followed_nor_replaced(
    files: Files, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x"
    outside.write_bytes(OLD)
    (files.root / "a.py").unlink()
    (files.root / "a.py").symlink_to(outside)
    with pytest.raises(Unreadable):
        files.write("a.py", b"new", expect=sha(OLD))
    assert outside.read_bytes() == OLD
    assert (files.root / "a.py").is_symlink()


def test_two_names_change_places(files: Files) -> None:
    (files.root / "b.py").write_bytes(b"b")
    folder = os.open(files.root, os.O_RDONLY)
    try:
        assert exchange(folder, "a.py", "b.py")
        with pytest.raises(FileNotFoundError):
            exchange(folder, "a.py", "none")
    finally:
        os.close(folder)
    assert (files.root / "b.py").read_bytes() == OLD


def test_the_same_file_is_known_by_inode_and_bytes(files: Files) -> None:
    found = files.read("a.py")
    os.rename(files.root / "a.py", files.root / "b.py")
    (files.root / "c.py").write_bytes(OLD)
    assert files.same_file(found.ident, found.sha, ["none", "c.py", "b.py"]) == "b.py"
    (files.root / "b.py").write_bytes(b"other")
    assert files.same_file(found.ident, found.sha, ["c.py", "b.py"]) is None


def test_unfinished_writes_are_swept_and_nothing_else(files: Files, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / ".tandem-write-1").write_bytes(b"")
    (files.root / "link").symlink_to(outside)
    (files.root / "dir").mkdir()
    for path in (".tandem-write-1", "dir/.tandem-write-2"):
        (files.root / path).write_bytes(b"half")
    assert files.sweep() == 2
    assert names(files) == ["a.py", "dir", "link"]
    assert (outside / ".tandem-write-1").exists()


WRITE = """
import sys
from pathlib import Path
from ide.errors import Refused
from ide.workspaces.files import Files
files = Files(Path(sys.argv[1]))
try:
    files.write("a.py", b"x" * int(sys.argv[2]), expect=files.read("a.py").sha)
except Refused as error:
    print(error.what)
print(sorted(p.name for p in Path(sys.argv[1]).iterdir()), (Path(sys.argv[1]) / "a.py").stat().st_size)
"""


def confined(files: Files, size: int, *policy: str) -> list[str]:
    """What a write of so many bytes says, where the folder is on such a file system; then what is there."""
    script = [sys.executable, "-c", WRITE, str(files.root), str(size)]
    command = ["bwrap", "--bind", "/", "/", "--dev", "/dev", *policy, "--chdir", str(ROOT), *script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_read_only_file_system_is_told(files: Files) -> None:
    said, left = confined(files, 10, "--ro-bind", str(files.root), str(files.root))
    assert "may not do this" in said
    assert left == f"['a.py'] {len(OLD)}"


def test_a_folder_without_the_right_to_write_is_told(files: Files) -> None:
    files.root.chmod(0o555)
    said, left = confined(files, 10, "--unshare-user", "--uid", "4242", "--cap-drop", "ALL")
    assert "may not do this" in said
    assert left == f"['a.py'] {len(OLD)}"


def test_a_full_disk_is_told_and_the_old_file_stays_whole(files: Files) -> None:
    source = files.root.parent / "source"
    source.write_bytes(OLD)
    full = ["--size", "65536", "--tmpfs", str(files.root), "--file", "0", str(files.root / "a.py")]
    script = [sys.executable, "-c", WRITE, str(files.root), str(1 << 20)]
    command = ["bwrap", "--bind", "/", "/", "--dev", "/dev", *full, "--chdir", str(ROOT), *script]
    with source.open("rb") as given:
        done = subprocess.run(command, stdin=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said, left = done.stdout.splitlines()
    assert "disk is full" in said
    assert left == f"['a.py'] {len(OLD)}"


def test_a_refusal_is_one_people_can_read(files: Files) -> None:
    with pytest.raises(Refused) as refused:
        files.write("a.py", b"x" * (6 << 20), expect=sha(OLD))
    assert refused.value.what
    assert refused.value.do
