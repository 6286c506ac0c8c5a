"""Sandboxes made before they are needed are as any other: same view, used once, gone with what they stood for."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from ide.runner.client import Policy, run_sync
from tests.runner.conftest import Runner

LOOK = (
    "import json, os, sys\n"
    "status = open('/proc/self/status').read().split('\\n')\n"
    "print(json.dumps({'argv': [os.fsencode(a).hex() for a in sys.argv[1:]], 'env': dict(sorted(os.environ.items())),\n"
    "  'cwd': os.getcwd(), 'fds': sorted(os.listdir('/proc/self/fd')), 'stdin': sys.stdin.read(),\n"
    "  'tmp': os.listdir('/tmp'), 'signals': [l for l in status if l.startswith('Sig')],\n"
    "  'limits': open('/proc/self/limits').read(), 'pids': len([p for p in os.listdir('/proc') if p.isdigit()])}))\n"
    "open('/tmp/left', 'w').close()\n"
)
STOOD = "tr '\\0' ' ' </proc/1/cmdline"


def stood(runner: Runner, policy: Policy) -> bool:
    """Whether the sandbox of a command stood before it."""
    return b"/dev/fd/9" in run_sync(["sh", "-c", STOOD], policy, socket=runner.socket).stdout


def warm(runner: Runner, policy: Policy) -> None:
    """Let one wait for the next command."""
    for _ in range(3):
        if stood(runner, policy):
            return
    raise AssertionError("none was made")


def test_a_command_sees_the_same_in_one_that_stood_before(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "sub dir").mkdir()
    policy = Policy(tmp_path, cwd="sub dir")
    odd = [os.fsdecode(b"\xff\xfe"), "a b", "'\"$(touch /workspace/evil)`\\", "line\nbreak", "", "-n", "*"]
    env = {"WORD": 'it\'s "quoted"\n$HOME', "EMPTY": "", "TERM": "vt100"}
    seen = []
    for _ in range(4):
        argv = ["python3", "-c", LOOK, *odd]
        outcome = run_sync(argv, policy, env=env, stdin=b"typed\n", socket=runner.socket)
        assert outcome.code == 0, outcome.stderr
        seen.append(json.loads(outcome.stdout))
    assert seen[0]["argv"] == [os.fsencode(word).hex() for word in odd]
    assert {name: seen[0]["env"][name] for name in env} == env
    assert (seen[0]["cwd"], seen[0]["stdin"]) == ("/workspace/sub dir", "typed\n")
    assert "left" not in seen[0]["tmp"]  # where the interpreter lies below /tmp, its folder is there
    assert seen[1] == seen[2] == seen[3] == seen[0]
    assert not (tmp_path / "sub dir" / "evil").exists()
    assert stood(runner, policy)


def test_it_ends_as_its_command_does(runner: Runner, tmp_path: Path) -> None:
    warm(runner, Policy(tmp_path))
    assert run_sync(["sh", "-c", "exit 7"], Policy(tmp_path), socket=runner.socket).code == 7
    assert run_sync(["sh", "-c", "kill -9 $$"], Policy(tmp_path), socket=runner.socket).code == 137
    missing = run_sync(["no-such-program"], Policy(tmp_path), socket=runner.socket)
    assert (missing.code, b"no-such-program" in missing.stderr) == (127, True)


def test_another_policy_has_another_sandbox(runner: Runner, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    warm(runner, Policy(tmp_path))
    tries = ["sh", "-c", f"touch x 2>/dev/null && echo wrote; test -d {other} && echo sees"]
    assert run_sync(tries, Policy(tmp_path, read_only=True), socket=runner.socket).stdout == b""
    assert run_sync(tries, Policy(tmp_path, extra_ro=(other,)), socket=runner.socket).stdout == b"wrote\nsees\n"
    assert not stood(runner, Policy(tmp_path, memory_bytes=1 << 30))
    assert not stood(runner, Policy(tmp_path, processes=10))


@pytest.mark.parametrize("what", ["root", "extra"])
def test_a_folder_made_anew_is_the_one_that_is_seen(what: str, runner: Runner, tmp_path: Path) -> None:
    root, extra = tmp_path / "root", tmp_path / "extra"
    root.mkdir()
    extra.mkdir()
    policy = Policy(root, extra_ro=(extra,))
    warm(runner, policy)
    anew = {"root": root, "extra": extra}[what]
    shutil.rmtree(anew)
    anew.mkdir()
    (anew / "new").touch()
    said = run_sync(["ls", "/workspace" if what == "root" else str(extra)], policy, socket=runner.socket)
    assert said.stdout == b"new\n"


def test_words_that_are_too_many_for_it_are_given_to_a_new_one(runner: Runner, tmp_path: Path) -> None:
    warm(runner, Policy(tmp_path))
    long = "x" * 100_000
    assert run_sync(["printf", "%s", long], Policy(tmp_path), socket=runner.socket).stdout == long.encode()


def test_none_is_left_when_the_runner_ends(new_runner: type[Runner], tmp_path: Path) -> None:
    started = new_runner()  # type: ignore[call-arg]
    for at in range(12):
        root = tmp_path / str(at)
        root.mkdir()
        warm(started, Policy(root))
    mark = f"tandem-sandbox-{mark_of(started, tmp_path)}".encode()
    assert 0 < marked(mark) <= 8 * 2
    started.stop()
    assert marked(mark) == 0


def mark_of(started: Runner, root: Path) -> str:
    said = run_sync(["head", "-c", "27", "/proc/1/cmdline"], Policy(root), socket=started.socket).stdout
    return said.decode().removeprefix("tandem-sandbox-")


def marked(mark: bytes) -> int:
    """Processes of this machine with that mark."""
    found = 0
    for entry in Path("/proc").iterdir():
        try:
            found += entry.name.isdigit() and (entry / "cmdline").read_bytes().split(b"\0")[0] == mark
        except OSError:
            continue
    return found
