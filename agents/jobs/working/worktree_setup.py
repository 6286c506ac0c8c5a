"""A new worktree made ready: its port, its variables, and the workspace's set-up command, run confined."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from agents.environments.worktree import Ready
from agents.jobs.working import worktree_rules
from agents.jobs.working.report import Reporter
from agents.jobs.working.worktree_rules import Worktrees
from agents.models import Job
from ide.db import in_db
from ide.errors import Refused
from ide.runner import client as runner
from ide.runner.client import Egress

SECONDS = 900.0
OUTPUT = 256 << 10
MOST_TOLD = 200  # hosts of a job
SHOWN = 4000  # characters of the end of what it printed


async def make_ready(job: Job, tree: Path, extra: tuple[Path, ...], reporter: Reporter) -> Ready:
    """Run the workspace's set-up command in `tree`. What it did is in `Job.setup` and in the feed.

    Raises Refused where it failed: a job whose tests cannot run would only use up its budget.
    """
    rules = await in_db(worktree_rules.of, job.workspace_id)
    port = await asyncio.to_thread(free_port, int(job.setup.get("port") or 0))
    ready = Ready(job.pk, {**rules.env, "PORT": str(port)}, rules.egress, rules.internal, feed(reporter))
    job.setup = {"port": port}
    if rules.setup_command:
        await _run(job, tree, extra, reporter, (rules, ready))
    else:
        reporter.values(setup=job.setup)
    return ready


async def _run(
    job: Job, tree: Path, extra: tuple[Path, ...], reporter: Reporter, given: tuple[Worktrees, Ready]
) -> None:
    rules, ready = given
    found = await runner.status()
    if not found.works:
        job.setup |= {"command": rules.setup_command, "code": None, "output": found.sentence}
        reporter.values(setup=job.setup)
        reporter.event("log", text=f"Its set-up was not run: {found.sentence} {found.advice}".strip())
        return
    reporter.phase("setting its worktree up")
    policy = ready.policy(tree, extra, seconds=SECONDS, output_bytes=OUTPUT)
    ended = await runner.run(["/bin/sh", "-c", rules.setup_command], policy, env=ready.env, on_egress=ready.on_egress)
    output = hidden((ended.stdout + ended.stderr).decode(errors="replace"), rules.env)[-SHOWN:]
    seconds = round(ended.seconds, 2)
    job.setup |= {"command": rules.setup_command, "code": ended.code, "seconds": seconds, "output": output}
    reporter.values(setup=job.setup)
    shown = {"name": "setup", "input": rules.setup_command, "ok": ended.code == 0}
    reporter.event("tool", **shown, output=output, seconds=seconds)
    if ended.code != 0:
        await reporter.flush()
        how = f"took more than {SECONDS / 60:g} minutes" if ended.timed_out else f"ended with code {ended.code}"
        raise Refused(
            f"The set-up command of its worktree {how}.",
            "Look at its output in the log. Maintainers can mend it where the workspace is shared; then retry it.",
        )


def feed(reporter: Reporter) -> Callable[[Egress], None]:
    """Tells each decision of the proxy; the same one once, however often it is made."""
    seen: set[tuple[str, int, bool]] = set()

    def tell(decision: Egress) -> None:
        key = (decision.host, decision.port, decision.allowed)
        if key not in seen and len(seen) <= MOST_TOLD:
            seen.add(key)
            if len(seen) > MOST_TOLD:
                reporter.event("log", text="It asks for many more hosts; they are not listed here.")
                return
            place = f"{decision.host}:{decision.port}"
            reporter.event("log", text=f"It reached {place}." if decision.allowed else f"Not let out: {decision.why}.")

    return tell


def hidden(text: str, env: Mapping[str, str]) -> str:
    """What was printed, without the values of variables: they may be secrets, and the feed is for everybody."""
    for name, value in sorted(env.items(), key=lambda one: -len(one[1])):
        if len(value) >= 6:
            text = text.replace(value, f"<{name}>")
    return text


def free_port(wanted: int = 0) -> int:
    """A port nothing on this machine listens on; `wanted` if it is still free."""
    for port in (wanted, 0):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(one.getsockname()[1])
    return 0
