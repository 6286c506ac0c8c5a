"""A control group for each sandbox, where this process may make some: how many processes, how much memory in all.

Version 2: a group is used if it was delegated (it is ours to divide); version 1: if the folder of the runner's own
group can be written. Nowhere else are groups made, so that a limit set on Tandem as a whole holds for its sandboxes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

CONTROLLERS = ("pids", "memory")
PREFIX = "tandem-"
CLOSE_SECONDS = 1.0


@dataclass(frozen=True)
class Mount:
    """A mounted hierarchy: `controllers` is empty for version 2."""

    at: Path
    root: str
    controllers: frozenset[str]


def mounts(mountinfo: str) -> list[Mount]:
    """The hierarchies in a /proc/self/mountinfo."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if kind[0] == "cgroup2":
            found.append(Mount(Path(fields[4]), fields[3], frozenset()))
        elif kind[0] == "cgroup":
            found.append(Mount(Path(fields[4]), fields[3], frozenset(kind[2].split(","))))
    return found


def own_folders(mountinfo: str, cgroup: str) -> dict[str, Path]:
    """Where the process with this /proc/self/cgroup is: the folder for each version 1 controller, '' for version 2."""
    found: dict[str, Path] = {}
    for line in cgroup.splitlines():
        _, names, path = line.split(":", 2)
        for mount in mounts(mountinfo):
            controllers = frozenset(names.split(",")) if names else frozenset[str]()
            if mount.controllers.isdisjoint(controllers) if controllers else mount.controllers:
                continue
            inner = os.path.relpath(path, mount.root)
            if not inner.startswith(".."):
                found |= dict.fromkeys(sorted(controllers) or [""], Path(os.path.normpath(mount.at / inner)))
    return found


@dataclass
class Group:
    """One sandbox's group: folders, and descriptors through which a child puts itself into them."""

    folders: list[Path]
    doors: list[int]

    def enter(self) -> None:
        """Put this process in. In a child between fork and exec; whoever opened the doors was allowed to."""
        for door in self.doors:
            os.write(door, b"0")

    def shut(self) -> None:
        """The child is in: the doors are not needed any more."""
        while self.doors:
            os.close(self.doors.pop())


@dataclass
class Cgroups:
    """`version` is 0 where none can be made. `named`: a version 2 group to divide, if not the runner's own."""

    named: Path | None = None
    version: int = 0
    parents: dict[str, Path] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _left: list[Path] = field(default_factory=list)

    def find(self) -> None:
        """Look for what was delegated, end what a runner that is gone left there."""
        own = own_folders(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
        two = [path for path in (self.named, own.get("")) if path is not None]
        if own.get("") and _is_delegated(own[""].parent):
            two.append(own[""].parent)
        for folder in two:
            controllers = _divided(folder)
            if controllers:
                self.version, self.parents = 2, dict.fromkeys(controllers, folder)
                break
        else:
            ours = {name: own[name] for name in CONTROLLERS if name in own and _can_make(own[name])}
            self.version, self.parents = (1, ours) if ours else (0, {})
        for folder in set(self.parents.values()):
            _sweep(folder)

    @property
    def words(self) -> str:
        if not self.parents:
            return "no control group is delegated: each process has its limits, a sandbox as a whole has none"
        return f"{' and '.join(self.parents)} of a sandbox limited by cgroup v{self.version}"

    def new(self, processes: int, memory_bytes: int) -> Group:
        """A group with these limits. Raises OSError."""
        self._clear()
        name = f"{PREFIX}{os.getpid()}-{next(self._numbers)}"
        group = Group([parent / name for parent in dict.fromkeys(self.parents.values())], [])
        try:
            for folder in group.folders:
                folder.mkdir()
            self._limit(name, processes, memory_bytes)
            group.doors = [os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in group.folders]
        except OSError:
            self.end(group)
            raise
        return group

    def _limit(self, name: str, processes: int, memory_bytes: int) -> None:
        if "pids" in self.parents:
            (self.parents["pids"] / name / "pids.max").write_text(str(processes))
        if "memory" not in self.parents:
            return
        folder, most = self.parents["memory"] / name, str(memory_bytes)
        if self.version == 1:
            (folder / "memory.limit_in_bytes").write_text(most)
            _try(folder / "memory.memsw.limit_in_bytes", most)
        else:
            (folder / "memory.max").write_text(most)
            _try(folder / "memory.swap.max", "0")
            _try(folder / "memory.oom.group", "1")

    def end(self, group: Group) -> None:
        """Remove a group whose processes are gone; one that is not empty yet is tried again later."""
        group.shut()
        self._left += group.folders
        self._clear()

    def _clear(self) -> None:
        self._left = [folder for folder in self._left if not _removed(folder)]

    def close(self) -> None:
        """Remove the last ones; the kernel lets go of a group some time after its processes."""
        until = time.monotonic() + CLOSE_SECONDS
        self._clear()
        while self._left and time.monotonic() < until:
            time.sleep(0.01)
            self._clear()


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _try(file: Path, text: str) -> None:
    """Where the kernel has no such limit (no accounting of swap), the others hold."""
    with contextlib.suppress(OSError):
        file.write_text(text)


def _is_delegated(folder: Path) -> bool:
    """Whether systemd marked it as given to its service, which then lives in a group below (DelegateSubgroup=)."""
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _divided(folder: Path) -> list[str]:
    """The controllers that groups below a version 2 group have; an empty list where it is not ours to divide."""
    try:
        there = [name for name in CONTROLLERS if name in (folder / "cgroup.controllers").read_text().split()]
        if not there or not _can_make(folder):
            return []
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in there))
    except OSError:
        return []
    return there


def _can_make(folder: Path) -> bool:
    trial = folder / f"{PREFIX}{os.getpid()}-trial"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError:
        return False
    return True


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and (int(pid) == os.getpid() or Path("/proc", pid).exists()):
            continue
        with contextlib.suppress(OSError, ValueError):
            for one in (folder / "cgroup.procs").read_text().split():
                if one != "0":  # it is in another namespace of processes; to kill 0 is to kill our own group
                    os.kill(int(one), signal.SIGKILL)
            folder.rmdir()
