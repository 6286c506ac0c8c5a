"""Policy + argv → a confined process: a bubblewrap profile, a seccomp filter and limits. Not who asks, not why.

The profile: nothing of the server's environment, /usr read-only, single files of /etc, the workspace at /workspace,
small tmpfs for the rest, no network (at most a proxy for allowed hosts), no capabilities, uid 1000 inside. Outside it
is the server's user or, where the runner is root, one of its own for each folder. There is no way to run without the
profile: where it does not work, `probe` says why and nothing is started.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import resource
import shutil
import stat
import struct
import subprocess
import termios
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ide.runner import profile
from ide.runner.cgroups import Cgroups, Group
from ide.runner.confined import Confined
from ide.runner.owners import Owners
from ide.runner.wire import Run, Status

log = logging.getLogger(__name__)

ADVICE = "Install the Debian package bubblewrap, then try again; editing works without it."
FILE_BYTES = 1 << 30
OPEN_FILES = 1024
_CANNOT_MAP = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM)  # file systems and kernels without it
WORDS = 9  # the last descriptor that every shell can name
OWN_PROCESSES = 3  # bubblewrap's two, and the forwarder: they are not the command's
PROBE_SECONDS = 10.0
# What the probe's shell prints where every wall stands; a wall that is missing changes a line.
_PROBE = (
    "cat /proc/sys/kernel/hostname; tr '\\0' '\\n' </proc/1/environ | wc -c; "
    "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'; "
    "grep -c : /proc/net/dev; [ -w /etc ] || echo closed; [ ! -d /workspace ] || echo there"
)
_EXPECTED = [profile.HOSTNAME, "0", "CapEff:0000000000000000", "NoNewPrivs:1", "Seccomp:2", "1", "closed", "there"]


def _reserve(number: int) -> None:
    """Keep a descriptor's number free of anything else: children get another one in its place."""
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    if nothing != number:
        os.dup2(nothing, number, inheritable=False)
        os.close(nothing)


def _filter_program() -> bytes:
    """The seccomp filter. Raises OSError or RuntimeError: where libseccomp is missing its module cannot be loaded, and
    the runner must live to say so."""
    program: bytes = import_module("ide.runner.seccomp").program()
    return program


class Box:
    """A bubblewrap program and what it is given. `bwrap` None: looked for on PATH. `mark` is the first word of its
    command line, by which a later runner finds what an earlier one left."""

    def __init__(self, bwrap: Path | None, mark: str, cgroups: Cgroups, owners: Owners | None) -> None:
        self._named = bwrap
        self._mark = mark
        self._filter = b""
        _reserve(WORDS)
        self.cgroups = cgroups
        self.owners = owners

    def close(self) -> None:
        self.cgroups.close()
        if self.owners is not None:
            self.owners.close()

    def program(self) -> Path | None:
        if self._named is not None:
            return self._named if self._named.exists() else None
        found = shutil.which("bwrap") or shutil.which("bwrap", path="/usr/bin:/usr/local/bin:/bin")
        return Path(found) if found else None

    async def probe(self, folder: Path) -> Status:
        """Run the profile on an empty `folder` and look at every wall from inside."""
        program = self.program()
        if program is None:
            return Status(False, "The program bwrap is not installed.", ADVICE)
        if program.stat().st_mode & stat.S_ISUID:
            return Status(False, f"{program.name} has the setuid bit, which this profile does not allow.", ADVICE)
        found = await self._tried(folder)
        if not found.works and self.owners is not None:  # a machine where only root may make namespaces
            owners, self.owners = self.owners, None
            found = await self._tried(folder)
            self.owners = None if found.works else owners
        return found

    async def _tried(self, folder: Path) -> Status:
        try:
            self._filter = self._filter or _filter_program()
            confined = self.spawn(Run([b"/bin/sh", b"-c", _PROBE.encode()], os.fsencode(folder)))
        except (OSError, RuntimeError) as error:
            return Status(False, f"The sandbox cannot be started: {error}", ADVICE)
        try:
            return await self._judged(confined)
        finally:
            await confined.end()

    async def _judged(self, confined: Confined) -> Status:
        try:
            out, error = await confined.communicate(PROBE_SECONDS)
        except TimeoutError:
            return Status(False, f"The sandbox did not answer in {PROBE_SECONDS:g} s.", ADVICE)
        if confined.code != 0:
            words = error.decode(errors="replace").strip().splitlines()
            said = words[-1][:300] if words else f"it ended with code {confined.code}"
            return Status(False, f"The sandbox does not work here: {said}", ADVICE)
        seen = out.decode(errors="replace").split("\n")[:-1]
        if seen != _EXPECTED:
            pairs = zip(seen, _EXPECTED, strict=False)
            wrong = next((f"{got!r} instead of {want!r}" for got, want in pairs if got != want), "it did not answer")
            return Status(False, f"The sandbox does not confine what runs in it: {wrong}.", ADVICE)
        return Status(True, "The sandbox works.", "", self._walls(confined))

    def _walls(self, confined: Confined) -> str:
        if confined.uid is not None:
            users = "a user id of its own for each folder"
        else:
            users = "sandboxes have the server's user id" + (", which is root's" if os.getuid() == 0 else "")
        return f"{users}; {self.cgroups.words}"

    def spawn(self, run: Run, egress: bytes = b"", words: int = -1) -> Confined:
        """Start it, with pipes or a terminal. Call from the main thread only: the sandbox is killed when the *thread*
        that spawned it ends, not the process. `egress` is the proxy's socket; what is read from the descriptor `words`
        can be read from descriptor 9 inside. Raises OSError."""
        program = self.program()
        if program is None:
            raise FileNotFoundError("bwrap is not installed")
        self._filter = self._filter or _filter_program()
        with contextlib.ExitStack() as undo:
            uid, source = self._owned(run, undo)
            group = self._grouped(run, undo)
            if words >= 0 and uid is not None:
                os.fchown(words, uid, -1)  # its shell opens it anew, by name
            with _Descriptors() as fds:
                profiled = profile.arguments(run, fds.holding, source, egress)
                listed = fds.holding(b"\0".join([*profiled, b"--seccomp", fds.holding(self._filter), b""]))
                argv = [self._mark.encode(), b"--args", listed, b"--", *_limited(run, uid), *profile.command(run)]
                confined = _started(program, argv, _Start(run, fds.numbers, uid, group, words))
            confined.at_end = undo.pop_all().close
        if group is not None:
            group.shut()
        return confined

    def _owned(self, run: Run, undo: contextlib.ExitStack) -> tuple[int | None, profile.Source]:
        owners = self.owners
        if owners is None:
            return None, lambda path: path
        uid = owners.enter(run.root)
        undo.callback(owners.leave, run.root)
        try:
            for path in (run.root, *run.extra_ro, *profile.toolchain_parts()):
                owners.seen(run.root, path)
        except OSError as error:
            if error.errno not in _CANNOT_MAP:
                raise
            log.warning("%s: its sandboxes have the server's user id: %s", os.fsdecode(run.root), error)
            return None, lambda path: path
        return uid, lambda path: owners.seen(run.root, path)

    def _grouped(self, run: Run, undo: contextlib.ExitStack) -> Group | None:
        if not self.cgroups.parents:
            return None
        group = self.cgroups.new(run.processes + OWN_PROCESSES, run.memory_bytes)
        undo.callback(self.cgroups.end, group)
        return group


@dataclass(frozen=True)
class _Start:
    """What a child does with itself between fork and exec."""

    run: Run
    numbers: list[int]
    uid: int | None
    group: Group | None
    words: int

    def __call__(self) -> None:
        if self.group is not None:
            self.group.enter()
        if self.run.pty:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if self.words >= 0:
            os.dup2(self.words, WORDS)
        _set_limits(self.run, self.uid is not None)


def _started(program: Path, argv: list[bytes], start: _Start) -> Confined:
    passed = [*start.numbers, WORDS] if start.words >= 0 else start.numbers
    child, ours = _terminal(start) if start.run.pty else (subprocess.PIPE, -1)
    own = {} if start.uid is None else {"user": start.uid, "group": start.uid, "extra_groups": []}
    try:
        process = subprocess.Popen(
            argv,
            executable=os.fsencode(program),
            env={},  # bwrap's own environment can be read inside, at /proc/1/environ
            stdin=child,
            stdout=child,
            stderr=child,
            bufsize=0,
            pass_fds=passed,
            start_new_session=True,
            umask=0o022,
            preexec_fn=start,  # noqa: PLW1509 (only system calls; other threads resolve names and hold no lock of ours)
            **own,  # type: ignore[call-overload]  # mypy sees no keyword of Popen in a dictionary
        )
    except (OSError, subprocess.SubprocessError) as error:
        if ours >= 0:
            os.close(ours)
        raise OSError(str(error)) from error
    finally:
        if start.run.pty:
            os.close(child)
    return Confined(process, ours, start.uid)


def _terminal(start: _Start) -> tuple[int, int]:
    """(the child's end, ours) of a new terminal."""
    ours, child = os.openpty()
    set_size(ours, start.run.rows, start.run.columns)
    if start.uid is not None:
        os.fchown(child, start.uid, -1)
    return child, ours


def set_size(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows & 0xFFFF, columns & 0xFFFF, 0, 0))


class _Descriptors:
    """Bytes as inheritable file descriptors, closed at the end."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __enter__(self) -> _Descriptors:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self.numbers:
            os.close(fd)

    def holding(self, data: bytes) -> bytes:
        """The number of a new descriptor that reads as `data`."""
        fd = os.memfd_create("data")
        self.numbers.append(fd)
        with open(fd, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(fd, 0, os.SEEK_SET)
        return str(fd).encode()


def _limited(run: Run, uid: int | None) -> list[bytes]:
    """The number of processes is limited inside, where the count is the sandbox's own (user namespaces count apart);
    for a user of its own that is done outside.

    The kernel exempts root's processes, whatever their namespace: a server run as root without own users has no such
    limit but the control group's.
    """
    if uid is not None or os.getuid() == 0 or not Path("/usr/bin/prlimit").exists():
        return []
    return [b"/usr/bin/prlimit", b"--nproc=%d" % (run.processes + OWN_PROCESSES), b"--"]


def _set_limits(run: Run, is_own_user: bool) -> None:
    # RLIMIT_DATA and not RLIMIT_AS: runtimes that only reserve address space (Node, Go, the JVM) would not start.
    for which, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_DATA, run.memory_bytes),
        *([(resource.RLIMIT_NPROC, run.processes + OWN_PROCESSES)] if is_own_user else []),
    ):
        hard = resource.getrlimit(which)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(which, (value, value))
