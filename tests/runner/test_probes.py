"""Ways out of the sandbox, tried inside it: each fails with exactly the error that the right wall gives.

A probe that finds its tool missing, or is stopped by another wall than the one meant, has another answer and fails.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ide.runner.client import Policy, run_sync, terminal
from tests.runner.conftest import Runner

PROBES = Path(__file__).with_name("probes.py")
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of calls are x86-64's")

EXPECTED = {
    "write /etc": "EROFS",
    "write /etc/passwd": "EACCES",
    "write /": "EROFS",
    "write /usr/bin": "EROFS",
    "write /dev": "EROFS",
    "write /run": "ENOENT",
    "write /var": "EROFS",
    "write a folder to read": "EROFS",
    "write an interpreter's folder": "EROFS",
    "write /proc/sys": "EACCES",
    "write core_pattern": "EACCES",
    "write sysrq": "ENOENT",
    "read a file of the host by its path": "ENOENT",
    "read through the init's root": "ENOENT",
    "read through the link that leads out": "ENOENT",
    "read /etc/shadow": "ENOENT",
    "read the machine's memory": "ENOENT",
    "read /dev/mem": "ENOENT",
    "read /dev/kmsg": "ENOENT",
    "read the kernel's settings": "ENOENT",
    "read a disk": "ENOENT",
    "hard link a system file": "EXDEV",
    "rename the workspace away": "EROFS",
    "make a device": "EPERM",
    "set the user id on a file": "EPERM",
    "set the group id on a file": "EPERM",
    "make a file with the user id set": "EPERM",
    "give a file away": "EINVAL",
    "change the root": "EPERM",
    "set a capability on a file": "EINVAL",
    "write more than a file may be": "EFBIG",
    "connect out": "ENETUNREACH",
    "connect out by IPv6": "ENETUNREACH",
    "send a datagram out": "ENETUNREACH",
    "reach the metadata address": "ENETUNREACH",
    "reach the host's loopback": "ECONNREFUSED",
    "reach an abstract socket of the host": "ECONNREFUSED",
    "reach the runner's socket": "ENOENT",
    "look a name up": "gaierror",
    "send raw packets": "EPERM",
    "ping socket": "EACCES",
    "AF_PACKET": "EPERM",
    "AF_VSOCK": "EPERM",
    "AF_ALG": "EPERM",
    "AF_BLUETOOTH": "EPERM",
    "AF_XDP": "EPERM",
    "AF_TIPC": "EPERM",
    "AF_KEY": "EPERM",
    "AF_NETLINK netfilter": "EPERM",
    "AF_NETLINK kernel events": "EPERM",
    "AF_NETLINK audit": "EPERM",
    "bind a low port": "EACCES",
    "serve on its own loopback": "done",
    "signal the runner": "ESRCH",
    "signal everything": "ESRCH",
    "read the runner's environment": "ENOENT",
    "become root": "EINVAL",
    "become another user": "EINVAL",
    "take a group": "EPERM",
    "raise its priority": "EACCES",
    "raise its limit of files": "EPERM",
    "raise its limit of memory": "EPERM",
    "raise its limit of processes": "EPERM",
    "set the host's name": "EPERM",
    "set the clock": "EPERM",
    "run as root by sudo": "ENOENT",
    "processes it sees": "True",
    "variables of the init": "",
    "capabilities": "0000000000000000",
    "no new privileges": "1",
    "seccomp": "2",
    "user": "1000 1000 1000 1000 1000 1000",
    "call clone3": "ENOSYS",
    "call openat2": "ENOSYS",
    "call of the 32-bit machine": "SIGSYS",
    "call of the x32 machine": "SIGSYS",
}
CALLS_EXPECTED = {
    "clone3": "ENOSYS",
    "openat2": "ENOSYS",
    "of the 32-bit machine": "SIGSYS",
    "of the x32 machine": "SIGSYS",
}
TERMINAL = {
    "TIOCSTI": "EPERM",
    "TIOCLINUX": "EPERM",
    "TIOCSETD": "EPERM",
    "TIOCCONS": "EPERM",
    "push through /dev/tty": "EPERM",
    "another terminal of the host": "ENOENT",
    "the console": "ENOENT",
}


@pytest.fixture
def given(runner: Runner, tmp_path: Path) -> Iterator[dict[str, object]]:
    """A workspace at tmp_path/root, and around it what the probes must not reach: a file, ports, a process."""
    root, other = tmp_path / "root", tmp_path / "other"
    root.mkdir()
    other.mkdir()
    shutil.copy(PROBES, root)
    (tmp_path / "canary").write_text("secret")
    (root / "own").write_text("x")
    (root / "out").symlink_to(tmp_path / "canary")
    abstract = f"tandem-{uuid.uuid4().hex}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        named.bind("\0" + abstract)
        named.listen()
        yield {
            "canary": str(tmp_path / "canary"),
            "readable": str(other),
            "interpreter": f"{sys.prefix}/bin",
            "disk": next(iter(sorted(os.listdir("/sys/block"))), "sda"),
            "port": server.getsockname()[1],
            "abstract": abstract,
            "runner": str(runner.socket),
            "runner pid": runner.process.pid,
        }


def test_no_way_out_works_and_each_meets_its_wall(runner: Runner, tmp_path: Path, given: dict[str, object]) -> None:
    parts = ["files", "network", "processes", "calls"]
    policy = Policy(tmp_path / "root", extra_ro=(tmp_path / "other",))
    outcome = run_sync(["python3", "probes.py", json.dumps({**given, "parts": parts})], policy, socket=runner.socket)
    assert outcome.code == 0, outcome.stderr.decode()
    found = json.loads(outcome.stdout)
    expected = {**EXPECTED, **{name: "EPERM" for name in found if name.startswith("call ")}}
    expected |= {f"call {name}": answer for name, answer in CALLS_EXPECTED.items()}
    assert found == expected
    assert len(found) >= 110
    assert (tmp_path / "canary").read_text() == "secret"


async def test_a_terminal_is_no_way_out_either(runner: Runner, tmp_path: Path, given: dict[str, object]) -> None:
    ours, theirs = os.openpty()
    given |= {"parts": ["terminal"], "pts": Path(os.ttyname(theirs)).name}
    argv = ["python3", "probes.py", json.dumps(given)]
    said = b""
    async with terminal(argv, Policy(tmp_path / "root"), size=(24, 4000), socket=runner.socket) as shown:
        while data := await shown.read():
            said += data
    os.close(ours)
    os.close(theirs)
    assert json.loads(said) == TERMINAL
