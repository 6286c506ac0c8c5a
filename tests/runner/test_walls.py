"""What a confined process can and cannot reach, tried from inside."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from ide.runner.client import Policy, run_sync
from tests.runner.conftest import Runner

TRY = """
import ctypes, errno, os, socket, sys
def tried(fn):
    try:
        fn()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    if libc.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), "")
"""


def inside(runner: Runner, root: Path, code: str, **policy: object) -> str:
    argv = ["python3", "-c", TRY + code]
    outcome = run_sync(argv, Policy(root, **policy), socket=runner.socket)  # type: ignore[arg-type]
    assert outcome.code == 0, outcome.stderr.decode()
    return outcome.stdout.decode().strip()


def test_the_network_is_unreachable(runner: Runner, tmp_path: Path) -> None:
    code = "print(tried(lambda: socket.create_connection(('192.0.2.1', 9), 1)))"
    assert inside(runner, tmp_path, code) == "ENETUNREACH"


def test_the_hosts_own_loopback_is_not_there(runner: Runner, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"print(tried(lambda: socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 1)))"
        assert inside(runner, tmp_path, code) == "ECONNREFUSED"


def test_only_the_workspace_can_be_written(runner: Runner, tmp_path: Path) -> None:
    places = ("/etc/x", "/x", "/usr/x", "/dev/x", "/workspace/x", "/tmp/x")
    code = f"print(*[tried(lambda p=p: open(p, 'w')) for p in {places!r}])"
    assert inside(runner, tmp_path, code) == "EROFS EROFS EROFS EROFS done done"
    assert (tmp_path / "x").stat().st_uid == os.getuid()


def test_a_read_only_policy_makes_the_workspace_read_only(runner: Runner, tmp_path: Path) -> None:
    assert inside(runner, tmp_path, "print(tried(lambda: open('/workspace/x', 'w')))", read_only=True) == "EROFS"


def test_the_environment_holds_nothing_of_the_servers(runner: Runner, tmp_path: Path) -> None:
    code = "print(open('/proc/1/environ').read() == '', sorted(os.environ))"
    assert inside(runner, tmp_path, code).startswith("True ['HOME', 'LANG', 'PATH', 'PWD', 'TERM', 'TMPDIR']")


def test_the_servers_processes_and_files_are_invisible(runner: Runner, tmp_path: Path) -> None:
    here = str(Path(__file__).resolve())
    code = (
        f"pids = [int(p) for p in os.listdir('/proc') if p.isdigit()]; print(max(pids) < 20, os.path.exists({here!r}))"
    )
    assert inside(runner, tmp_path, code) == "True False"
    assert inside(runner, tmp_path, f"print(tried(lambda: os.kill({runner.process.pid}, 0)))") == "ESRCH"


def test_forbidden_system_calls_are_refused_with_eperm(runner: Runner, tmp_path: Path) -> None:
    code = (
        "print(tried(lambda: call(101, 0, 0, 0, 0)), "  # ptrace(TRACEME)
        "tried(lambda: call(425, 8, 0)), "  # io_uring_setup
        "tried(lambda: call(250, 0, 0)), "  # keyctl
        "tried(lambda: call(321, 0, 0, 0)), "  # bpf
        "tried(lambda: call(165, 0, 0, 0, 0, 0)), "  # mount
        "tried(lambda: call(272, 0x10000000)), "  # unshare(NEWUSER)
        "tried(lambda: call(435, 0, 0)), "  # clone3
        "tried(lambda: socket.socket(40, 1)), "  # AF_VSOCK
        "tried(lambda: socket.socket(17, 3)))"  # AF_PACKET
    )
    if os.uname().machine == "x86_64":
        assert inside(runner, tmp_path, code) == "EPERM EPERM EPERM EPERM EPERM EPERM ENOSYS EPERM EPERM"


def test_bytes_cannot_be_pushed_into_a_terminals_input(runner: Runner, tmp_path: Path) -> None:
    code = (
        "import fcntl; print(tried(lambda: fcntl.ioctl(0, 0x5412, b'x')), tried(lambda: fcntl.ioctl(0, 0x5401, b'')))"
    )
    assert inside(runner, tmp_path, code) == "EPERM ENOTTY"


def test_there_are_no_capabilities_and_new_ones_cannot_be_gained(runner: Runner, tmp_path: Path) -> None:
    code = (
        "s = open('/proc/self/status').read().split(); print(*[s[s.index(n) + 1] for n in ('CapEff:', 'NoNewPrivs:')])"
    )
    assert inside(runner, tmp_path, code) == "0000000000000000 1"


def test_the_temporary_folder_is_small(runner: Runner, tmp_path: Path) -> None:
    code = "s = os.statvfs('/tmp'); print(s.f_blocks * s.f_frsize >> 20)"
    assert inside(runner, tmp_path, code) == "256"


def test_no_descriptor_of_the_runner_is_open(runner: Runner, tmp_path: Path) -> None:
    assert inside(runner, tmp_path, "print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:4])") == "[0, 1, 2, 3]"
    # 3 is the folder being listed


def test_memory_beyond_the_policy_is_refused(runner: Runner, tmp_path: Path) -> None:
    code = "\ntry:\n    bytearray(400 << 20)\n    print('got it')\nexcept MemoryError:\n    print('refused')"
    assert inside(runner, tmp_path, code, memory_bytes=200 << 20) == "refused"


def test_a_folder_bound_to_read_appears_at_its_own_path_and_cannot_be_written(runner: Runner, tmp_path: Path) -> None:
    other, root = tmp_path / "other", tmp_path / "root"
    other.mkdir()
    root.mkdir()
    (other / "a").write_text("hello")
    code = f"print(open('{other}/a').read(), tried(lambda: open('{other}/b', 'w')))"
    assert inside(runner, root, code, extra_ro=(other,)) == "hello EROFS"


def test_the_servers_interpreter_is_there_even_outside_usr(runner: Runner, tmp_path: Path) -> None:
    assert inside(runner, tmp_path, "print(sys.version_info[:2])") == str(tuple(sys.version_info[:2]))


def test_private_keys_of_the_machine_are_not_shown(runner: Runner, tmp_path: Path) -> None:
    code = "print(os.listdir('/etc/ssl'), os.path.exists('/etc/shadow'), open('/etc/passwd').read().count(':x:'))"
    shown = inside(runner, tmp_path, code)
    assert "private" not in shown
    assert shown.endswith("False 2")


def test_a_shell_command_of_many_steps_and_git_work(runner: Runner, tmp_path: Path) -> None:
    script = "git init -q . && echo x >a && git add a && git status --porcelain && ls /home && df -h /tmp >/dev/null"
    outcome = run_sync(["bash", "-c", script], Policy(tmp_path), socket=runner.socket)
    assert (outcome.code, outcome.stdout) == (0, b"A  a\n")
