"""Policy + argv → a confined process: a bubblewrap profile, a seccomp filter and limits. Not who asks, not why.

The profile: nothing of the server's environment, /usr read-only, single files of /etc, the workspace at /workspace,
small tmpfs for the rest, no network unless asked, no capabilities, uid 1000 inside and the server's user outside.
There is no way to run without it: where it does not work, `probe` says why and nothing is started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from ide.runner.wire import Run, Status

ADVICE = "Install the Debian package bubblewrap, then try again; editing works without it."
TMP_BYTES, SHM_BYTES, FILE_BYTES = 256 << 20, 64 << 20, 1 << 30
OPEN_FILES = 1024
PROBE_SECONDS = 10.0
HOSTNAME = "sandbox"
# /etc/ssl as a whole would show private keys to a server run as root.
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types"),
    *("ssl/certs", "ssl/openssl.cnf", "pki/tls/certs", "pki/ca-trust/extracted"),
)
_ETC_NETWORK = ("resolv.conf", "nsswitch.conf", "gai.conf", "services", "protocols")
_PASSWD = b"root:x:0:0:root:/:/usr/sbin/nologin\nperson:x:1000:1000:person:/home:/bin/sh\n"
_GROUP = b"root:x:0:\nperson:x:1000:\n"
_HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost\n"
# What the probe's shell prints where every wall stands; a wall that is missing changes a line.
_PROBE = (
    "cat /proc/sys/kernel/hostname; tr '\\0' '\\n' </proc/1/environ | wc -c; "
    "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'; "
    "grep -c : /proc/net/dev; [ -w /etc ] || echo closed; [ ! -d /workspace ] || echo there"
)
_EXPECTED = [HOSTNAME, "0", "CapEff:0000000000000000", "NoNewPrivs:1", "Seccomp:2", "1", "closed", "there"]


def toolchains() -> list[Path]:
    """Folders outside /usr that hold the interpreter the server runs on: bound read-only at their own paths.

    Without them `python3` would be missing inside, or another one than the person's tests are meant for. They hold
    programs only; the server's data lies elsewhere.
    """
    found = []
    for prefix in (sys.prefix, sys.base_prefix):
        path = Path(prefix).resolve()
        if path.is_dir() and not path.is_relative_to("/usr") and path not in found:
            found.append(path)
    return found


def _toolchain_parts() -> Iterator[bytes]:
    """Only what an interpreter needs: a virtual environment made of a whole home folder shows no more of it."""
    for folder in toolchains():
        for name in ("bin", "lib", "lib64", "include", "pyvenv.cfg"):
            if (folder / name).exists():
                yield os.fsencode(folder / name)


def _filter_program() -> bytes:
    """The seccomp filter. Raises OSError or RuntimeError: where libseccomp is missing its module cannot be loaded, and
    the runner must live to say so."""
    program: bytes = import_module("ide.runner.seccomp").program()
    return program


class Box:
    """A bubblewrap program and the filter it is given. `bwrap` None: looked for on PATH."""

    def __init__(self, bwrap: Path | None = None) -> None:
        self._named = bwrap
        self._filter = b""

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
        try:
            self._filter = self._filter or _filter_program()
            process = await self.spawn(Run([b"/bin/sh", b"-c", _PROBE.encode()], os.fsencode(folder)))
        except (OSError, RuntimeError) as error:
            return Status(False, f"The sandbox cannot be started: {error}", ADVICE)
        return await _judge(process)

    async def spawn(self, run: Run) -> Process:
        """Start it with pipes for stdin, stdout and stderr. Call from the main thread only: the sandbox is killed when
        the *thread* that spawned it ends, not the process. Killing the returned process ends the whole tree."""
        program = self.program()
        if program is None:
            raise FileNotFoundError("bwrap is not installed")
        self._filter = self._filter or _filter_program()
        with _Descriptors() as fds:
            arguments = b"\0".join([*profile(run, fds), b"--seccomp", fds.holding(self._filter), b""])
            return await asyncio.create_subprocess_exec(
                os.fsencode(program),
                b"--args",
                fds.holding(arguments),
                b"--",
                *_limited(run),
                env={},  # bwrap's own environment can be read inside, at /proc/1/environ
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                pass_fds=fds.numbers,
                start_new_session=True,
                preexec_fn=lambda: _set_limits(run),
            )


async def _judge(process: Process) -> Status:
    try:
        out, error = await asyncio.wait_for(process.communicate(), PROBE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return Status(False, f"The sandbox did not answer in {PROBE_SECONDS:g} s.", ADVICE)
    if process.returncode != 0:
        words = error.decode(errors="replace").strip().splitlines()
        said = words[-1][:300] if words else f"it ended with code {process.returncode}"
        return Status(False, f"The sandbox does not work here: {said}", ADVICE)
    seen = out.decode(errors="replace").split("\n")[:-1]
    if seen != _EXPECTED:
        wrong = next(
            (f"{got!r} instead of {want!r}" for got, want in zip(seen, _EXPECTED, strict=False) if got != want), ""
        )
        return Status(False, f"The sandbox does not confine what runs in it: {wrong or 'it did not answer'}.", ADVICE)
    return Status(True, "The sandbox works.", "")


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


def profile(run: Run, fds: _Descriptors) -> list[bytes]:
    """bubblewrap's arguments, in order: later mounts lie over earlier ones."""
    shares = ["user", "pid", "ipc", "uts", "cgroup-try", *([] if run.network else ["net"])]
    words: list[bytes | str] = [f"--unshare-{name}" for name in shares]
    words += ["--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", HOSTNAME, "--cap-drop", "ALL"]
    words += ["--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr", *_merged_folders()]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm"]  # noqa: S108
    words += ["--size", str(TMP_BYTES), "--tmpfs", "/tmp", "--size", str(TMP_BYTES), "--tmpfs", "/home"]  # noqa: S108
    words += ["--dir", "/var", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108
    words += [*_etc(run.network, fds)]
    for folder in [*_toolchain_parts(), *run.extra_ro]:
        words += ["--ro-bind", folder, folder]
    words += ["--ro-bind" if run.read_only else "--bind", run.root, "/workspace"]
    words += ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", os.path.normpath(b"/workspace/" + run.cwd)]
    for name, value in environment(run).items():
        words += ["--setenv", name, value]
    return [word if isinstance(word, bytes) else os.fsencode(word) for word in words]


def environment(run: Run) -> dict[str, str]:
    """Everything a confined process finds in its environment."""
    places = [str(folder / "bin") for folder in toolchains()] + ["/usr/local/bin", "/usr/bin", "/bin"]
    fixed = {"PATH": ":".join(places), "HOME": "/home", "LANG": "C.UTF-8", "TMPDIR": "/tmp", "TERM": "dumb"}  # noqa: S108
    return {**fixed, **run.env}


def _merged_folders() -> Iterator[str]:
    """/bin, /lib and their like: links into /usr where the machine has them so, else bound."""
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


def _etc(network: bool, fds: _Descriptors) -> Iterator[str | bytes]:
    yield from ("--dir", "/etc")
    for name, text in (("passwd", _PASSWD), ("group", _GROUP), ("hosts", _HOSTS)):
        if name != "hosts" or not network:
            yield from ("--perms", "0444", "--ro-bind-data", fds.holding(text), f"/etc/{name}")
    for name in (*_ETC, *((*_ETC_NETWORK, "hosts") if network else ())):
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _limited(run: Run) -> list[bytes]:
    """The number of processes is limited inside, where the count is the sandbox's own (user namespaces count apart).

    The kernel exempts root's processes, whatever their namespace: a server run as root has no such limit.
    """
    if os.getuid() == 0 or not Path("/usr/bin/prlimit").exists():
        return run.argv
    return [b"/usr/bin/prlimit", b"--nproc=%d" % run.processes, b"--", *run.argv]


def _set_limits(run: Run) -> None:
    # RLIMIT_DATA and not RLIMIT_AS: runtimes that only reserve address space (Node, Go, the JVM) would not start.
    for which, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_DATA, run.memory_bytes),
    ):
        hard = resource.getrlimit(which)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(which, (value, value))
