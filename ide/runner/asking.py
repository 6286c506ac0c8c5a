"""What a client asks for and gets: a policy, an outcome, a status; as requests of the wire."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ide.errors import Invalid, Unavailable
from ide.runner.wire import Egress, Ended, Failed, Output, Reply, Run

DOWN = "The runner, which starts confined processes, does not answer."
DOWN_ADVICE = "Start everything with `manage.py up`; if it runs, look at its log, logs/runner.log in the data folder."


@dataclass(frozen=True)
class Policy:
    """What a confined process may reach. `root` appears at /workspace, each of `extra_ro` at its own path.

    `egress` lists hosts (`host`, `host:port`, `*.host`) it may reach through the proxy; a host inside the server's own
    network must be in `internal` too. A new sandbox of a `job` ends the job's earlier one.
    """

    root: Path
    read_only: bool = False
    extra_ro: tuple[Path, ...] = ()
    egress: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    job: str = ""
    pty: bool = False
    seconds: float = 60.0  # 0 for no limit, with a terminal only
    output_bytes: int = 1 << 20  # of stdout and of stderr each; of more, the first and the last half are kept
    memory_bytes: int = 2 << 30  # of data, a process; of all together, where a control group is delegated
    processes: int = 256
    cwd: str = "."


@dataclass(frozen=True)
class Outcome:
    """`code` is None when the time was up, negative (or 128 + n) after signal n. Left out output is marked in place."""

    code: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool
    timed_out: bool
    seconds: float


@dataclass(frozen=True)
class SandboxStatus:
    """`walls` says which walls beside the profile stand on this machine."""

    works: bool
    sentence: str
    advice: str
    walls: str = ""


@dataclass
class Collected:
    """Replies to a run, until its outcome."""

    on_output: Callable[[bytes], None] | None
    on_egress: Callable[[Egress], None] | None = None
    out: bytearray = field(default_factory=bytearray)
    error: bytearray = field(default_factory=bytearray)

    def take(self, reply: Reply) -> Outcome | None:
        """The outcome at the last frame. Raises what the runner refused."""
        if isinstance(reply, Output):
            (self.error if reply.error else self.out).extend(reply.data)
            if self.on_output:
                self.on_output(reply.data)
            return None
        if isinstance(reply, Egress):
            if self.on_egress:
                self.on_egress(reply)
            return None
        if isinstance(reply, Ended):
            return self._outcome(reply)
        raise refusal(reply)

    def _outcome(self, end: Ended) -> Outcome:
        for kept, tail, left_out in (
            (self.out, end.out_tail, end.out_left_out),
            (self.error, end.error_tail, end.error_left_out),
        ):
            kept.extend((b"\n[%d bytes left out]\n" % left_out if left_out else b"") + tail)
        truncated = bool(end.out_left_out or end.error_left_out)
        return Outcome(end.code, bytes(self.out), bytes(self.error), truncated, end.timed_out, end.seconds)


def refusal(reply: Reply) -> Invalid | Unavailable:
    """What a reply that is no answer means."""
    if not isinstance(reply, Failed):
        return unavailable("The runner answered something else.", "Restart Tandem: its parts may be of two versions.")
    return unavailable(reply.sentence, reply.advice) if reply.sandbox else Invalid(reply.sentence)


def unavailable(sentence: str = DOWN, advice: str = DOWN_ADVICE) -> Unavailable:
    return Unavailable(sentence, advice, code="sandbox_unavailable")


def request(argv: Sequence[str], policy: Policy, stdin: bytes, env: Mapping[str, str]) -> Run:
    return Run(
        argv=[os.fsencode(word) for word in argv],
        root=os.fsencode(policy.root),
        read_only=policy.read_only,
        extra_ro=[os.fsencode(path) for path in policy.extra_ro],
        egress=list(policy.egress),
        internal=list(policy.internal),
        job=policy.job,
        pty=policy.pty,
        cwd=os.fsencode(policy.cwd),
        seconds=policy.seconds,
        output_bytes=policy.output_bytes,
        memory_bytes=policy.memory_bytes,
        processes=policy.processes,
        env=dict(env),
        stdin=stdin,
    )
