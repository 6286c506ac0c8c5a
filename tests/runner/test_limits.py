"""Limits on a sandbox as a whole, and the users it has: what the runner says is in force is in force."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from ide.runner.cgroups import own_folders
from ide.runner.client import Policy, kill, run, run_sync, status_sync
from tests.runner.conftest import Runner

FORKS = (
    "import os, signal\nn = 0\ntry:\n    while n < 500:\n        if os.fork() == 0:\n            "
    "signal.pause()\n        n += 1\nexcept OSError as error:\n    print(n, error.errno, flush=True)\n"
)
TOGETHER = (
    "import os, signal\nr, w = os.pipe()\nsignal.signal(signal.SIGCHLD, lambda *_: os._exit(9))\n"
    "for _ in range(8):\n    if os.fork() == 0:\n        mine = bytearray(os.urandom(1 << 20) * 60)\n"
    "        os.write(w, b'x')\n        signal.pause()\n"
    "print(len(os.read(r, 1)) and sum(len(os.read(r, 1)) for _ in range(7)), flush=True)\n"
)


def test_processes_are_limited(runner: Runner, tmp_path: Path) -> None:
    outcome = run_sync(["python3", "-c", FORKS], Policy(tmp_path, processes=50), socket=runner.socket)
    made, error = outcome.stdout.split()
    assert 40 <= int(made) <= 52
    assert int(error) == 11


def test_memory_is_limited_for_all_together_where_a_group_is(runner: Runner, tmp_path: Path) -> None:
    """Each of eight processes stays below its own limit; all of them do not stay below the sandbox's."""
    policy = Policy(tmp_path, memory_bytes=200 << 20)
    outcome = run_sync(["python3", "-c", TOGETHER], policy, socket=runner.socket)
    limited = "memory" in status_sync(runner.socket).walls.split(";")[1]
    assert (outcome.stdout == b"8\n") is not limited


@pytest.mark.skipif(os.getuid() != 0, reason="only root has users to give")
async def test_each_folder_has_a_user_of_its_own_and_files_stay_the_servers(runner: Runner, tmp_path: Path) -> None:
    assert "a user id of its own" in status_sync(runner.socket).walls
    users = [await used(runner, tmp_path / name) for name in ("one", "two", "one")]
    assert users[0] == users[2] != users[1]
    assert min(users) >= 1_900_000_000


async def used(runner: Runner, root: Path) -> int:
    """The user a sandbox in `root` has on this machine; what it writes there is the server's."""
    root.mkdir(exist_ok=True)
    (root / "servers").write_text("by the server\n")
    script = "cat servers; echo more >>servers; echo x >made; mkdir -p d; echo done; sleep 60"
    begun = asyncio.Event()
    policy = Policy(root, job="users")
    task = asyncio.create_task(
        run(["sh", "-c", script], policy, on_output=lambda said: begun.set(), socket=runner.socket)
    )
    await asyncio.wait_for(begun.wait(), 10)
    pid = runner.process.pid
    child = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[-1]
    user = Path("/proc", child).stat().st_uid
    async with asyncio.timeout(10):
        while not ((root / "d").exists() and "more" in (root / "servers").read_text()):
            await asyncio.sleep(0.01)
    await kill("users", runner.socket)
    await task
    assert (root / "servers").read_text() == "by the server\nmore\n"
    assert (root / "made").stat().st_uid == (root / "d").stat().st_uid == os.getuid()
    assert (root / "made").stat().st_mode & 0o777 == 0o644
    return user


@pytest.mark.skipif(os.getuid() != 0, reason="only root has users to give")
def test_a_folder_only_its_owner_can_reach_can_be_worked_in(runner: Runner, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "w").mkdir(mode=0o700)
    (closed / "w" / "secret").write_text("x")
    (closed / "w" / "secret").chmod(0o600)
    outcome = run_sync(["cat", "secret"], Policy(closed / "w"), socket=runner.socket)
    assert outcome.stdout == b"x"
    again = run_sync(["sh", "-c", "rm secret; ls"], Policy(closed / "w"), socket=runner.socket)
    assert (again.code, again.stdout) == (0, b"")


@pytest.mark.skipif(os.getuid() != 0, reason="only root has users to give")
def test_a_folder_made_anew_under_the_same_name_is_the_one_seen(runner: Runner, tmp_path: Path) -> None:
    for text in ("first", "second"):
        root = tmp_path / "w"
        root.mkdir()
        (root / "a").write_text(text)
        assert run_sync(["cat", "a"], Policy(root), socket=runner.socket).stdout == text.encode()
        (root / "a").unlink()
        root.rmdir()


def test_many_folders_one_after_the_other_use_no_more_than_is_kept(new_runner: type[Runner], tmp_path: Path) -> None:
    started = new_runner("--uids", "1900000000:20")  # type: ignore[arg-type]
    for at in range(40):
        root = tmp_path / str(at)
        root.mkdir()
        assert run_sync(["touch", "x"], Policy(root), socket=started.socket).code == 0
    mounts = Path(f"/proc/{started.process.pid}/mountinfo").read_text().count("/run/tandem-")
    assert mounts < 250


def test_without_users_to_give_it_says_so_and_confines_as_well(new_runner: type[Runner], tmp_path: Path) -> None:
    started = new_runner("--uids", "")  # type: ignore[arg-type]
    found = status_sync(started.socket)
    assert found.works
    assert found.walls.startswith("sandboxes have the server's user id")
    assert run_sync(["touch", "x"], Policy(tmp_path), socket=started.socket).code == 0
    assert (tmp_path / "x").stat().st_uid == os.getuid()


def test_nothing_is_left_on_the_machine_when_a_runner_ends(new_runner: type[Runner], tmp_path: Path) -> None:
    started = new_runner()  # type: ignore[call-arg]
    run_sync(["true"], Policy(tmp_path), socket=started.socket)
    mark = f"tandem-{started.process.pid}-"
    started.stop()
    found = subprocess.run(["find", "/sys/fs/cgroup", "-name", f"{mark}*"], capture_output=True, check=False).stdout
    assert found == b""


V2 = (
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw\n",
    "0::/system.slice/tandem.service/main\n",
)
BOTH = (
    "40 31 0:30 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n"
    "41 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "42 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "43 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    "8:pids:/user\n4:memory:/docker/abc/x\n3:cpu,cpuacct:/\n9:name=systemd:/\n0::/\n",
)


def test_where_a_process_is_among_control_groups() -> None:
    assert own_folders(*V2) == {"": Path("/sys/fs/cgroup/system.slice/tandem.service/main")}
    found = own_folders(*BOTH)
    assert found["pids"] == Path("/sys/fs/cgroup/pids/user")
    assert found["memory"] == Path("/sys/fs/cgroup/memory/x")
    assert found["cpuacct"] == Path("/sys/fs/cgroup/cpu,cpuacct")
    assert found[""] == Path("/sys/fs/cgroup/unified")
