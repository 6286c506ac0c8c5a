"""bubblewrap's arguments for a policy: what a confined process sees. Pure but for looking at this machine's folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from ide.runner.wire import Run

TMP_BYTES, SHM_BYTES = 256 << 20, 64 << 20
HOSTNAME = "sandbox"
PROXY_PORT = 3128
PROXY = f"http://127.0.0.1:{PROXY_PORT}"
FORWARD, EGRESS_SOCKET = "/run/forward.py", "/run/egress.sock"
# /etc/ssl as a whole would show private keys to a server run as root.
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types"),
    *("ssl/certs", "ssl/openssl.cnf", "pki/tls/certs", "pki/ca-trust/extracted"),
)
_PASSWD = b"root:x:0:0:root:/:/usr/sbin/nologin\nperson:x:1000:1000:person:/home:/bin/sh\n"
_GROUP = b"root:x:0:\nperson:x:1000:\n"
_HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost\n"
_INSIDE = Path(__file__).with_name("forward.py")

Holding = Callable[[bytes], bytes]  # bytes → the number of a descriptor that reads as them
Source = Callable[[bytes], bytes]  # a path → the path under which the sandbox's user reaches the same


@cache
def toolchains() -> tuple[Path, ...]:
    """Folders outside /usr that hold the interpreter the server runs on: bound read-only at their own paths.

    Without them `python3` would be missing inside, or another one than the person's tests are meant for. They hold
    programs only; the server's data lies elsewhere.
    """
    found: list[Path] = []
    for prefix in (sys.prefix, sys.base_prefix):
        path = Path(prefix).resolve()
        if path.is_dir() and not path.is_relative_to("/usr") and path not in found:
            found.append(path)
    return tuple(found)


@cache
def toolchain_parts() -> tuple[bytes, ...]:
    """Only what an interpreter needs: a virtual environment made of a whole home folder shows no more of it."""
    names = ("bin", "lib", "lib64", "include", "pyvenv.cfg")
    return tuple(os.fsencode(f / name) for f in toolchains() for name in names if (f / name).exists())


def arguments(run: Run, holding: Holding, source: Source, egress: bytes) -> list[bytes]:
    """In order: later mounts lie over earlier ones. `egress` is the path of the proxy's socket, or empty."""
    shares = ("user", "pid", "ipc", "uts", "net", "cgroup-try")
    words: list[bytes | str] = [f"--unshare-{name}" for name in shares]
    words += ["--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", HOSTNAME, "--cap-drop", "ALL"]
    words += ["--die-with-parent", *([] if run.pty else ["--new-session"])]
    words += ["--ro-bind", "/usr", "/usr", *_merged_folders()]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm"]  # noqa: S108
    words += ["--size", str(TMP_BYTES), "--tmpfs", "/tmp", "--size", str(TMP_BYTES), "--tmpfs", "/home"]  # noqa: S108
    words += ["--dir", "/var", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108
    words += [*_etc(holding)]
    if egress:
        words += ["--perms", "0444", "--ro-bind-data", holding(_INSIDE.read_bytes()), FORWARD]
        words += ["--ro-bind", egress, EGRESS_SOCKET]
    for folder in (*toolchain_parts(), *run.extra_ro):
        words += ["--ro-bind", source(folder), folder]
    words += ["--ro-bind" if run.read_only else "--bind", source(run.root), "/workspace"]
    words += ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", os.path.normpath(b"/workspace/" + run.cwd)]
    for name, value in environment(run).items():
        words += ["--setenv", name, value]
    return [word if isinstance(word, bytes) else os.fsencode(word) for word in words]


def environment(run: Run) -> dict[str, str]:
    """Everything a confined process finds in its environment."""
    places = [str(folder / "bin") for folder in toolchains()] + ["/usr/local/bin", "/usr/bin", "/bin"]
    fixed = {"PATH": ":".join(places), "HOME": "/home", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108
    fixed["TERM"] = "xterm-256color" if run.pty else "dumb"
    if run.egress:
        fixed |= {name: PROXY for way in ("http", "https", "all") for name in (f"{way}_proxy", f"{way}_proxy".upper())}
        fixed |= dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1") | {"NODE_USE_ENV_PROXY": "1"}
    return {**fixed, **run.env}


def command(run: Run) -> list[bytes]:
    """What is run inside: the command, behind the forwarder where it may reach the network."""
    if not run.egress:
        return run.argv
    forwarder = (os.path.realpath(sys.executable), "-I", "-S", FORWARD, str(PROXY_PORT), EGRESS_SOCKET, "--")
    return [*(os.fsencode(word) for word in forwarder), *run.argv]


@cache
def _merged_folders() -> tuple[str, ...]:
    """/bin, /lib and their like: links into /usr where the machine has them so, else bound."""
    words: list[str] = []
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    return tuple(words)


def _etc(holding: Holding) -> Iterator[str | bytes]:
    yield from ("--dir", "/etc")
    for name, text in (("passwd", _PASSWD), ("group", _GROUP), ("hosts", _HOSTS)):
        yield from ("--perms", "0444", "--ro-bind-data", holding(text), f"/etc/{name}")
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
