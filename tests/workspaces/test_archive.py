"""Uploaded archives: plain ones unpack, every trick is refused before it lies anywhere."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ide.workspaces.archive import ArchiveTooLarge, BadArchive, Limits, top_of, unpack

Entries = dict[str, bytes]


def zipped(path: Path, entries: Entries, modes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (modes or {}).get(name, 0o100644) << 16
            file.writestr(info, data)
    return path


def tarred(path: Path, entries: Entries, modes: dict[str, int] | None = None) -> Path:
    kinds = {stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFIFO: tarfile.FIFOTYPE, stat.S_IFCHR: tarfile.CHRTYPE}
    with tarfile.open(path, "w:gz") as file:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            mode = (modes or {}).get(name, 0o100644)
            info.mode = stat.S_IMODE(mode)
            info.type = kinds.get(stat.S_IFMT(mode), tarfile.REGTYPE)
            info.linkname = data.decode() if info.type == tarfile.SYMTYPE else ""
            info.size = len(data) if info.type == tarfile.REGTYPE else 0
            file.addfile(info, io.BytesIO(data))
    return path


Packer = Callable[..., Path]
packers = pytest.mark.parametrize("packed", [zipped, tarred])


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def found(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@packers
def test_a_plain_archive_unpacks_without_its_outer_folder_and_git(packed: Packer, target: Path, tmp_path: Path) -> None:
    entries = {"p/a.txt": b"a", "p/src/ü 😀.py": b"b", "p/.git/config": b"x", "p/run.sh": b"#!", "./p/empty": b""}
    unpack(packed(tmp_path / "x", entries, {"p/run.sh": 0o100755}), target)
    top = top_of(target)
    assert found(top) == {"a.txt": b"a", "empty": b"", "run.sh": b"#!", "src/ü 😀.py": b"b"}
    assert (top / "run.sh").stat().st_mode & 0o777 == 0o755


@packers
@pytest.mark.parametrize(
    "names",
    [
        ["../x"],
        ["a/../../x"],
        ["/etc/x"],
        ["a\\b"],
        ["a", "A"],
        ["ｄ/x", "D/y"],
        ["a", "a/b"],
        ["a/b", "a"],
        [".GIT/config"],
        ["a/git~1/x"],
        ["x" * 256],
        ["/".join("d" * 21)],
    ],
)
def test_names_that_leave_collide_or_mislead_are_refused(
    packed: Packer, names: list[str], target: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadArchive) as caught:
        unpack(packed(tmp_path / "x", dict.fromkeys(names, b"x")), target)
    assert caught.value.do
    assert not (tmp_path / "etc").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["target", "x"]


@packers
@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o020644])
def test_links_pipes_and_devices_are_refused(packed: Packer, mode: int, target: Path, tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        unpack(packed(tmp_path / "x", {"a": b"/etc/passwd"}, {"a": mode}), target)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_refused(target: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as file:
        file.writestr("a", "1")
        file.writestr("a", "2")
    with pytest.raises(BadArchive):
        unpack(tmp_path / "x", target)


@packers
def test_a_bomb_is_stopped_while_it_unpacks(packed: Packer, target: Path, tmp_path: Path) -> None:
    bomb = packed(tmp_path / "x", {"zeros": bytes(60 << 20)})
    assert bomb.stat().st_size < 100_000
    with pytest.raises(ArchiveTooLarge):
        unpack(bomb, target)
    assert sum(map(len, found(target).values())) <= 10 << 20


def test_a_size_that_lies_does_not_help(target: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x", {"zeros": bytes(3 << 20)})
    data = path.read_bytes()
    path.write_bytes(data.replace((3 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(BadArchive):
        unpack(path, target)


@packers
def test_limits_hold_exactly(packed: Packer, target: Path, tmp_path: Path) -> None:
    five = packed(tmp_path / "x", {str(number): b"12" for number in range(5)})
    unpack(five, target, Limits(entries=5, unpacked=10))
    for limits in (Limits(entries=4), Limits(unpacked=9)):
        other = tmp_path / f"other{limits.entries}"
        other.mkdir()
        with pytest.raises(ArchiveTooLarge):
            unpack(five, other, limits)


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04broken", b"\x1f\x8bbroken"])
def test_what_is_no_archive_is_refused(data: bytes, target: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(BadArchive):
        unpack(tmp_path / "x", target)
