"""What both environments stand on: globs, files that are there, commands in the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from agents.engine.tools import Ran, ToolFailed
from ide.errors import NotFound, Refused
from ide.runner import client as runner
from ide.workspaces.files import Files, Unreadable

MOST_PATHS = 2000
MOST_HITS = 200
OUTPUT = 1 << 20  # bytes of a command's output that are kept


def exists(files: Files, path: str) -> bool:
    """Whether anything has that name. Raises Refused for a path that may not be used."""
    try:
        files.stat(path)
    except NotFound:
        return False
    except Unreadable:
        return True
    return True


def matches(path: str, glob: str) -> bool:
    """Whether a path fits a glob; '**/' also stands for no folder at all."""
    if not glob or glob in ("**", "**/*"):
        return True
    name = path.rsplit("/", 1)[-1]
    return (
        fnmatchcase(path, glob)
        or fnmatchcase(path, glob.replace("**/", ""))
        or ("/" not in glob and fnmatchcase(name, glob))
    )


async def run_confined(
    command: str,
    policy: runner.Policy,
    *,
    env: Mapping[str, str] | None = None,
    on_egress: Callable[[runner.Egress], None] | None = None,
) -> Ran:
    """A shell command line in the sandbox. Raises ToolFailed where nothing can be confined."""
    try:
        outcome = await runner.run(["/bin/sh", "-c", command], policy, env=env, on_egress=on_egress)
    except Refused as error:
        raise ToolFailed(f"{error.what} {error.do}".strip()) from error
    output = (outcome.stdout + outcome.stderr).decode(errors="replace")
    return Ran(outcome.code, output, outcome.seconds, outcome.timed_out, outcome.truncated)
