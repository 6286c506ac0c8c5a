"""One git command, hardened, in the sandbox where there is one. Used by `git.py` only.

A repository is hostile data: whoever works in a workspace may have written its `.git`. In the sandbox git sees nothing
else to harm. Options silence hooks, fsmonitor, external diff and the like, but not filters (measured), so without a
sandbox git runs only where the repository's own configuration has nothing but what git itself writes there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import stat
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ide.errors import Refused, Unavailable
from ide.runner import client
from ide.runner.client import Outcome, Policy

ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_EDITOR": "/bin/false",
    "LC_ALL": "C.UTF-8",
}
CONFIG = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "core.sshCommand=/bin/false"),
    *("core.attributesFile=/dev/null", "core.excludesFile=/dev/null", "core.pager=cat", "core.quotePath=false"),
    *("core.gitProxy=/bin/false", "core.alternateRefsCommand=/bin/false", "credential.helper=", "http.proxy="),
    *("protocol.allow=never", "diff.external=", "transfer.fsckObjects=true", "fetch.fsckObjects=true"),
    *("submodule.recurse=false", "fetch.recurseSubmodules=false", "gc.auto=0", "maintenance.auto=false"),
    *("commit.gpgSign=false", "tag.gpgSign=false", "log.showSignature=false", "safe.directory=*"),
    *("filter.lfs.clean=cat", "filter.lfs.smudge=cat", "filter.lfs.process=", "filter.lfs.required=false"),
    *("init.defaultBranch=main", "init.templateDir=", "advice.detachedHead=false", "advice.addEmbeddedRepo=false"),
    "http.followRedirects=false",
)
# Everything git itself writes into a new or cloned repository's configuration; with more, no git without a sandbox.
_PLAIN_SECTION = re.compile(r'\[(core|remote "[\w./-]+"|branch "[^"\\]+")\]')
_PLAIN_KEY = re.compile(
    r"(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|url|fetch|remote|merge)"
    r" = [^\\\"#;]*"
)


class GitFailed(Refused):
    """git ended with an error nobody expected; `words` is what it said."""

    code = "git_failed"
    status = 409

    def __init__(self, act: str, words: str, returncode: int | None) -> None:
        last = next((line for line in reversed(words.strip().splitlines()) if line.strip()), "it said nothing")
        super().__init__(f"git {act} failed: {last.strip()[:300]}", "Try again; if it stays, look at the repository.")
        self.words = words
        self.returncode = returncode


@dataclass(frozen=True)
class Git:
    """A git command to run in `root`: a work tree with its `.git`, or for `init` and `clone` an empty folder.

    Words of people stand in `arguments` after `--` or as a single word that git cannot take for an option; callers see
    to that. `{place}` as an argument stands for the work tree's path where git runs, which is also where it starts.
    """

    root: Path
    arguments: tuple[str, ...]
    config: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    extra_ro: tuple[Path, ...] = ()
    egress: tuple[str, ...] = ()  # host:port it may reach, through the proxy
    internal: bool = False  # and that may be inside the server's own network
    seconds: float = 60.0
    output_bytes: int = 32 << 20
    stdin: bytes = b""
    on_output: Callable[[bytes], None] | None = None
    bare_start: bool = False  # the folder is no repository yet


async def outcome_of(git: Git) -> Outcome:
    """Run it and return how it ended, whatever the code. Raises Refused where it may not run at all."""
    through = ("-c", f"http.proxy={client.PROXY}") if git.egress else ()
    argv = _argv(git, "/workspace", through)
    policy = Policy(
        git.root,
        extra_ro=git.extra_ro,
        egress=git.egress,
        internal=git.egress if git.internal else (),
        seconds=git.seconds,
        output_bytes=git.output_bytes,
    )
    env = {**ENVIRONMENT, **git.env}
    inside = {**env, "no_proxy": "", "NO_PROXY": ""}  # an internal host's address may be loopback here, not there
    try:
        return await client.run(argv, policy, stdin=git.stdin, env=inside, on_output=git.on_output)
    except Unavailable as missing:
        if not git.bare_start and not await asyncio.to_thread(has_plain_config, git.root):
            raise Unavailable(
                "git is not run here: this repository's configuration can start programs, and there is no sandbox.",
                missing.do,
                code="sandbox_unavailable",
            ) from missing
    return await _direct(git, env)


async def output_of(git: Git) -> bytes:
    """What it printed. Raises GitFailed if it did not end well."""
    ended = await outcome_of(git)
    if ended.timed_out:
        raise GitFailed(_act(git), f"it took more than {git.seconds:g} s", None)
    if ended.code != 0:
        raise GitFailed(_act(git), ended.stderr.decode(errors="replace"), ended.code)
    return ended.stdout


def has_plain_config(root: Path) -> bool:
    """Whether `.git` is a folder whose configuration has only what git itself writes there: nothing it could start."""
    try:
        if not stat.S_ISDIR(os.lstat(root / ".git").st_mode) or os.path.lexists(root / ".git" / "config.worktree"):
            return False
        fd = os.open(root / ".git" / "config", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, encoding="utf-8") as file:
            lines = [line.strip() for line in file.read(1 << 20).splitlines()]
    except (OSError, ValueError):
        return False
    return all(_PLAIN_SECTION.fullmatch(line) or _PLAIN_KEY.fullmatch(line) or not line for line in lines)


def _argv(git: Git, place: str, through: tuple[str, ...] = ()) -> list[str]:
    options = [word for setting in (*CONFIG, *git.config) for word in ("-c", setting)]
    where = [] if git.bare_start else [f"--git-dir={place}/.git", f"--work-tree={place}"]
    arguments = [word.replace("{place}", place) if word.startswith("{place}") else word for word in git.arguments]
    return ["git", *options, *through, *where, *arguments]


def _act(git: Git) -> str:
    return next((word for word in git.arguments if not word.startswith("-")), "")


async def _direct(git: Git, env: Mapping[str, str]) -> Outcome:
    program = shutil.which("git")
    if program is None:
        raise Unavailable("git is not installed on the server.", "Install the Debian package git.")
    began = asyncio.get_running_loop().time()
    process = await asyncio.create_subprocess_exec(
        program,
        *_argv(git, str(git.root))[1:],
        cwd=git.root,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", **env},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    out, error = bytearray(), bytearray()
    try:
        assert process.stdout is not None  # noqa: S101 (both are pipes)
        assert process.stderr is not None  # noqa: S101
        pumps = asyncio.gather(
            _feed(process.stdin, git.stdin),
            _collect(process.stdout, out, git),
            _collect(process.stderr, error, git),
        )
        try:
            await asyncio.wait_for(asyncio.gather(pumps, process.wait()), git.seconds)
            timed_out = False
        except TimeoutError:
            timed_out = True
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()
    seconds = asyncio.get_running_loop().time() - began
    truncated = max(len(out), len(error)) >= git.output_bytes
    return Outcome(None if timed_out else process.returncode, bytes(out), bytes(error), truncated, timed_out, seconds)


async def _feed(pipe: asyncio.StreamWriter | None, data: bytes) -> None:
    assert pipe is not None  # noqa: S101
    with contextlib.suppress(ConnectionError, RuntimeError):  # it has ended already; uvloop says the latter
        pipe.write(data)
        await pipe.drain()
    pipe.close()


async def _collect(pipe: asyncio.StreamReader, into: bytearray, git: Git) -> None:
    while data := await pipe.read(1 << 16):
        into += data[: git.output_bytes - len(into)]
        if git.on_output:
            git.on_output(data)
