"""The matrix of jobs: sixteen places to die at, three kinds of job, and what has to be true afterwards.

After each row: the job is ready for review with every effect once, has had at most three attempts, its next step began
within 1.5 leases and a few seconds (30 s where the lease is 20), and it is merged once: each edit, new file, mark and
word of it once, and as one commit with its trailer where it went onto a branch.
"""

from __future__ import annotations

import random
import re
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.groups import Group
from tests.chaos.jobplant import LEASE, JobPlant, called, patch
from tests.chaos.machines import until

FILES = {"a.py": "def one(a):\n    return a\n\n\ndef two(b):\n    return b\n", "b.txt": "b\n", "c.txt": "c\n"}
RESUME = 1.5 * LEASE + 10.0  # seconds; a lease of 20 s allows 30, starting processes on a busy machine included
KINDS = ("agent", "map", "parts")
Json = dict[str, Any]


def script(kind: str, word: str, pause: float) -> dict[str, list[list[Json] | str]]:
    """What the model answers to a job of that kind; `pause`: seconds its command takes."""
    edit = patch("*** Update File: a.py", "@@ def two(b):", "-    return b", "+    return b * 2")
    runs = called("run_command", command=f"sleep {pause:.4f}; echo ran >> ran.txt")
    if kind == "map":
        return {word: ["```\nchanged\n```"]}
    work: list[list[Json] | str] = [[patch("*** Add File: new.txt", "+new")], [runs], [edit], "All is done."]
    if kind == "agent":
        return {word: work}
    parts = called("delegate_parts", tasks=[{"instruction": f"{word}-x"}, {"instruction": f"{word}-y"}])
    return {
        f"{word}-x": [[patch("*** Add File: x.txt", "+x")], "x is made."],
        f"{word}-y": [[patch("*** Add File: y.txt", "+y")], "y is made."],
        word: [*work[:2], [parts], [edit], "All is done."],
    }


@dataclass
class Case:
    """One run of a row: its own workspace, its own word, its own job."""

    plant: JobPlant
    healthy: Group  # a worker that is paused while another is to die
    place: Json
    kind: str
    seed: int
    faults: list[str] = field(default_factory=list)
    job: str = ""
    branch: str = "main"  # where it is merged; '' for the documents alone
    lost: set[str] = field(default_factory=set)  # files that a command of its was kept from writing

    def __post_init__(self) -> None:
        self.word = f"w{uuid.uuid4().hex[:8]}"
        self.random = random.Random(f"{self.kind} {self.seed}")

    def write(self, pause: float = 0.0) -> None:
        self.plant.model.scripts = script(self.kind, self.word, pause)

    def ask(self, path: str, body: Any = None, port: int = 0) -> tuple[int, Any]:
        return self.plant.http(path, body, port=port, cookies=self.place["cookies"])

    def request(self, port: int = 0) -> int:
        order = {"kind": "map" if self.kind == "map" else "agent", "instruction": f"{self.word}: do it"}
        paths: Json = {"paths": ["b.txt", "c.txt"]} if self.kind == "map" else {}
        status, told = self.ask(f"/api/workspaces/{self.place['workspace']}/jobs", order | paths, port)
        self.job = told["id"] if status == 201 else self.plant.ask("newest", self.place["workspace"])
        return status

    def shown(self) -> Json:
        status, told = self.ask(f"/api/jobs/{self.job}")
        assert status == 200, told
        return dict(told)

    def waits(self, fits: Callable[[Json], Any], what: str, seconds: float = 40) -> Json:
        def look() -> Json | None:
            row = self.shown()
            assert row["state"] != "failed", (row["error"], self.plant.logs())
            return row if fits(row) else None

        found: Json = until(look, what, seconds, self.plant.logs)
        return found

    def need(self, fact: Any, words: str) -> None:
        if not fact:
            self.faults.append(words)

    def merge(self, port: int = 0) -> int:
        head = self.plant.ask("facts", self.job)["head"]
        wish = {"head": head, "branch": self.branch, "message": "Merged"}
        return self.ask(f"/api/jobs/{self.job}/merge", wish, port)[0]

    def has_merged(self) -> bool:
        """Ask for it until it is: the host may have died, and its lease last a moment."""
        return bool(self.shown()["state"] == "merged" or (self.merge() and self.shown()["state"] == "merged"))

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        argv = ["git", *identity, *words]
        return subprocess.run(argv, cwd=self.place["folder"], capture_output=True, text=True, check=False).stdout

    # --- what has to be true --------------------------------------------------------------------------------------

    def finished(self, struck: float | None = None) -> None:
        """The healthy worker goes on and brings it to review."""
        before = self.plant.ask("facts", self.job)["lease_fence"]
        self.healthy.signal(signal.SIGCONT)
        if struck is not None:
            self.waits(lambda row: row["state"] in ("planning", "running", "review"), "it is begun again", RESUME)
            self.need(
                time.monotonic() - struck <= RESUME, f"the next step began after {time.monotonic() - struck:.1f} s"
            )
        self.waits(lambda row: row["state"] == "review", "it is ready for review", 60)
        facts = self.plant.ask("facts", self.job)
        self.need(facts["lease_fence"] >= before, "its fence went down")
        self.need(max(facts["claims"], default=1) <= 3, f"attempts: {facts['claims']}")
        self.effects(facts)

    def effects(self, facts: Json) -> None:
        head = facts["head"]
        if self.kind == "map":
            texts = [self.git("show", f"{head}:{name}") for name in ("b.txt", "c.txt")]
            self.need(texts == ["changed\n"] * 2, f"items: {texts}")
        else:
            self.need(self.git("show", f"{head}:a.py").count("b * 2") == 1, "the edit is not there once")
            self.need(self.git("show", f"{head}:new.txt") == "new\n", "the new file is not there once")
            self.need(self.git("show", f"{head}:ran.txt") == "ran\n", "the command's effect is not there once")
        if self.kind == "parts":
            self.need([self.git("show", f"{head}:{n}.txt") for n in "xy"] == ["x\n", "y\n"], "a part is missing")
            self.need(facts["children"] == ["merged"] * 2, f"children: {facts['children']}")
        self.need(all(state == "done" for _, state in facts["steps"]), f"steps: {facts['steps']}")
        self.need(
            self.git("rev-list", "--count", f"{facts['base']}..{head}").strip() == "1", "its result is one commit"
        )

    def merged_once(self) -> None:
        self.waits(lambda row: row["state"] == "merged", "it is merged", 20)
        facts, merged = (self.plant.ask(what, self.job) for what in ("facts", "merged"))
        self.need(facts["merge"] == "done", "the merge is not recorded as done")
        self.need(merged["told"] == 1, f"that it was merged is told {merged['told']} times")
        self.need(max(merged["edits"].values(), default=1) == 1, f"edits in the logs: {merged['edits']}")
        mark = self.git("rev-parse", f"refs/tandem/merged/{self.job}").strip()
        self.need(mark == facts["head"], f"its mark is {mark!r}")
        log = self.git("log", "main", "--format=%B")
        trailers = len(re.findall(rf"^Tandem-Job: {self.job}$", log, re.MULTILINE))
        self.need(trailers == bool(self.branch), f"trailers: {log}")
        for name, text in results(self.kind).items():
            file = Path(self.place["folder"], name)
            found = file.read_text() if file.exists() else None
            self.need(found == (None if name in self.lost else text), f"{name} in the workspace: {found!r}")


def results(kind: str) -> dict[str, str]:
    """The files that a job of that kind changes, as they are afterwards."""
    if kind == "map":
        return {"b.txt": "changed\n", "c.txt": "changed\n"}
    made = {"a.py": FILES["a.py"].replace("return b", "return b * 2"), "new.txt": "new\n", "ran.txt": "ran\n"}
    return made | ({"x.txt": "x\n", "y.txt": "y\n"} if kind == "parts" else {})


# --- the courses ------------------------------------------------------------------------------------------------------


def dies(point: str) -> Callable[[Case], None]:
    """A worker is killed, with all it has started, where it comes by that point."""

    def course(case: Case) -> None:
        most = {"job.kept": 2, "job.answered": 3, "job.stored": 3, "job.called": 3}.get(point, 1)
        times = case.random.randint(1, most) if case.kind != "map" else 1
        case.healthy.signal(signal.SIGSTOP)
        armed = case.plant.worker(f"{point}:kill:{times}")
        case.request()
        until(armed.struck, f"{point} has struck", 30, case.plant.logs)
        struck = time.monotonic()
        armed.stop()
        case.finished(struck)
        if case.kind == "agent" and point in ("job.stored", "job.called"):
            asked = case.plant.model.asked[case.word, times - 1]
            case.need(asked == 1, f"an answer that was stored was asked for {asked} times")
        case.need(max(case.plant.model.asked.values()) <= 3, f"asked: {case.plant.model.asked}")

    return course


def unsent(case: Case) -> None:
    """The web process dies between the commit of the job's row and the message."""
    port = case.plant.web("job.queued:kill:1")
    case.need(case.request(port) == 0, "the web process answered")
    began = time.monotonic()
    case.finished(began)


def twice_and_never(case: Case) -> None:
    """All messages are lost while no worker is there to hear them; then one comes five times."""
    case.healthy.signal(signal.SIGSTOP)
    case.request()
    subprocess.run(
        ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{case.plant.redis}; echo FLUSHALL >&3; head -1 <&3"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    case.finished(time.monotonic())
    heard = case.healthy.log.read_text().count(" succeeded in ")
    case.plant.ask("send", case.job, 5)
    log = case.healthy.log
    until(lambda: log.read_text().count(" succeeded in ") >= heard + 5, "all five were heard", 30, case.plant.logs)
    claimed, wanted = case.plant.ask("facts", case.job)["lease_fence"], 1 + (case.kind == "parts")
    case.need(claimed == wanted, f"claimed {claimed} times")  # once more after its sub-agents


def in_the_sandbox(case: Case) -> None:
    """A worker is killed while its command runs: the command's processes end with it."""
    pause = 3 + case.random.random() / 10
    case.write(pause)
    case.healthy.signal(signal.SIGSTOP)
    armed = case.plant.worker()
    case.request()
    until(lambda: running(f"sleep {pause:.4f}"), "the command runs", 30, case.plant.logs)
    struck = time.monotonic()
    armed.stop()
    until(lambda: not running(f"sleep {pause:.4f}"), "the command ended with its worker", 5, case.plant.logs)
    case.finished(struck)


def running(command: str) -> bool:
    wanted = command.replace(" ", "\0").encode()
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes().rstrip(b"\0") == wanted:
                return True
        except OSError:
            continue
    return False


def paused(case: Case) -> None:
    """A worker is stopped for longer than its lease; another does the job; then it goes on, and writes nothing."""
    case.healthy.signal(signal.SIGSTOP)
    armed = case.plant.worker("job.called:stop:1" if case.kind != "map" else "job.claimed:stop:1")
    case.request()
    until(armed.struck, "it is stopped", 30, case.plant.logs)
    armed.signal(signal.SIGSTOP)
    struck = time.monotonic()
    case.finished(struck)
    before = case.plant.ask("facts", case.job)
    armed.signal(signal.SIGCONT)
    until(lambda: " succeeded in " in armed.log.read_text(), "its task has ended", 30, case.plant.logs)
    case.need(case.plant.ask("facts", case.job) == before, "a worker that was fenced out wrote something")
    armed.stop()


def runner_restarted(case: Case) -> None:
    pause = 3 + case.random.random() / 10
    case.write(pause)
    case.request()
    until(lambda: running(f"sleep {pause:.4f}"), "the command runs", 30, case.plant.logs)
    old = next(group for group in reversed(case.plant.groups) if "runner" in group.log.name)
    (case.plant.run / "runner.sock").unlink()
    old.stop()
    case.plant.runner()
    case.need(not running(f"sleep {pause:.4f}"), "a sandbox outlived its runner")
    case.lost.add("ran.txt")  # the model was told that its command was killed, and went on
    case.waits(lambda row: row["state"] == "review", "it is ready for review", 60)


def hosted(case: Case, fault: str) -> int:
    """The port of an armed web process that holds the workspace, with a job there that is ready for review."""
    port = case.plant.web(fault)
    case.need(case.request(port) == 201, "the job was not taken")
    case.finished()
    return port


def dies_merging(point: str, first: str = "main") -> Callable[[Case], None]:
    """The host is killed at that point of a merge; the one that opens the workspace next finds what was begun, and does
    the rest. `first`: where the first seed merges to; every other seed to the other place."""

    def course(case: Case) -> None:
        others = "" if first else "main"
        case.branch = first if case.seed % 2 or point == "merge.moved" else others
        port = hosted(case, f"{point}:kill:1")
        case.need(case.merge(port) == 0, "the web process answered")
        case.need(bool(case.plant.armed.struck()), f"{point} has not struck")

    return course


def branch_moved(case: Case) -> None:
    port = hosted(case, "merge.recorded:stop:1")
    statuses: list[int] = []
    asking = _beside(lambda: statuses.append(case.merge(port)))
    until(case.plant.armed.struck, "the merge is about to move the branch", 30, case.plant.logs)
    case.git("commit", "-q", "--allow-empty", "-m", "meanwhile")
    case.plant.armed.signal(signal.SIGCONT)
    asking.join(30)
    case.need(statuses == [409], f"a branch that had moved was answered with {statuses}")
    case.need("Tandem-Job" not in case.git("log", "main", "--format=%B"), "it was merged all the same")
    case.need(case.shown()["state"] == "review", "it is not to be approved again")
    case.plant.armed.stop()


def cancelled_in_merge(case: Case) -> None:
    port = hosted(case, "merge.recorded:stop:1")
    asking = _beside(lambda: case.merge(port))
    until(case.plant.armed.struck, "the merge is under way", 30, case.plant.logs)
    status, _ = case.ask(f"/api/jobs/{case.job}/cancel", {})
    case.plant.armed.signal(signal.SIGCONT)
    asking.join(30)
    merged = "Tandem-Job" in case.git("log", "main", "--format=%B")
    case.need(merged == (case.shown()["state"] == "merged"), f"cancel answered {status}; merged: {merged}")
    case.plant.armed.stop()


def _beside(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@dataclass(frozen=True)
class Row:
    number: int
    name: str
    required: str
    course: Callable[[Case], None]
    kinds: tuple[str, ...] = KINDS


TOOLS = ("agent", "parts")  # kinds that have steps with calls
ROWS = [
    Row(1, "job row committed, message not sent", "a sweeper starts it", unsent),
    Row(2, "message delivered five times, or never", "one claim; a sweeper sends it anew", twice_and_never),
    Row(
        3,
        "step started, sandbox running, worker killed",
        "sandbox dies; done again in a fresh clone",
        in_the_sandbox,
        TOOLS,
    ),
    Row(4, "answer received, not stored", "asked again", dies("job.answered"), TOOLS),
    Row(5, "answer stored, not acted on", "acted on, not asked again", dies("job.stored"), TOOLS),
    Row(6, "calls carried out, result not stored", "carried out again in a fresh clone", dies("job.called"), TOOLS),
    Row(7, "commit made, not recorded", "taken again by its id", dies("job.kept"), TOOLS),
    Row(
        8,
        "branch moved by the merge, row not recorded",
        "found in the branch; no second merge",
        dies_merging("merge.moved"),
    ),
    Row(9, "branch moved by others before the merge", "refused; approved anew", branch_moved),
    Row(10, "worker paused past its lease, then resumed", "every write refused", paused),
    Row(11, "runner killed and started anew", "its sandboxes are gone before", runner_restarted, TOOLS),
    Row(12, "cancelled while it is merged", "merged and marked, or neither", cancelled_in_merge),
    Row(13, "result kept, not recorded", "kept again", dies("job.ending")),
    Row(14, "edits made, new files not", "the rest is done, no edit again", dies_merging("merge.edited", "")),
    Row(15, "all written, job not marked", "marked, nothing written again", dies_merging("merge.written")),
    Row(16, "job marked, row not recorded", "recorded, nothing written again", dies_merging("merge.marked", "")),
]


def run_row(plant: JobPlant, healthy: Group, place: Json, row: Row, how: tuple[str, int]) -> list[str]:
    """What was broken, in words."""
    case = Case(plant, healthy, place, *how)
    case.write()
    plant.model.asked.clear()
    try:
        row.course(case)
        until(case.has_merged, "it is merged", 30, plant.logs)
        case.merged_once()
    except AssertionError as error:
        case.faults.append(str(error)[:6000])
    finally:
        healthy.signal(signal.SIGCONT)
    return case.faults
