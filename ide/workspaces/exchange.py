"""Objects between machines: what a server of a workspace gives over git's own protocol, what a worker brings back.

The server answers for named refs only, over the protocol's first version: the newer one gives out any object whose id
somebody knows. A worker keeps a mirror for each workspace, which no sandbox can write; results come as bundles, and
every object of one is checked before it is kept. git's answers pass through files, never through memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ide.errors import Invalid, TooLarge, Unavailable
from ide.runner import client
from ide.runner.client import Policy
from ide.workspaces.hardened import CONFIG, ENVIRONMENT, Git, GitFailed, has_plain_config, output_of
from ide.workspaces.worktrees import BUNDLE_BYTES, import_bundle

SECONDS = 300.0
LONGEST_REQUEST = 1 << 20  # what a client wants and has
_HEAD = b"001e# service=git-upload-pack\n0000"
_ASKED, _ANSWER = "asked", "answer"


async def advertised(root: Path, refs: Sequence[str], folder: Path) -> Path:
    """The beginning of a fetch: which of these refs there are. The answer's file, in the empty `folder`."""
    await _serve(root, refs, folder, ("--advertise-refs",))
    answer = folder / _ANSWER
    await asyncio.to_thread(lambda: answer.write_bytes(_HEAD + answer.read_bytes()))
    return answer


async def packed(root: Path, refs: Sequence[str], folder: Path, request: bytes) -> Path:
    """What a client asks for of these refs, as the file of a pack in the empty `folder`. Raises Invalid, GitFailed."""
    if len(request) > LONGEST_REQUEST:
        raise Invalid("This is no request of a fetch.")
    await asyncio.to_thread((folder / _ASKED).write_bytes, request)
    await _serve(root, refs, folder)
    return folder / _ANSWER


async def _serve(root: Path, refs: Sequence[str], folder: Path, options: tuple[str, ...] = ()) -> None:
    hidden = ("HEAD", "refs", *(f"!{ref}" for ref in refs))  # the last one that fits a ref decides
    settings = (*CONFIG, "uploadpack.allowAnySHA1InWant=false", *(f"transfer.hideRefs={one}" for one in hidden))
    words = [word for setting in settings for word in ("-c", setting)]
    git = ["git", *words, "upload-pack", "--stateless-rpc", "--strict", *options, str(root / ".git")]
    await _filed(git, root, folder)


async def _filed(git: Sequence[str], root: Path, folder: Path) -> None:
    """Run git on the repository of `root`, its input and output in files of `folder`. Raises GitFailed."""
    await asyncio.to_thread((folder / _ASKED).touch)
    policy = Policy(folder, extra_ro=(root / ".git",), seconds=SECONDS)
    piped = ["/bin/sh", "-c", f'exec "$@" <{_ASKED} >{_ANSWER}', "sh", *git]
    try:
        ended = await client.run(piped, policy, env=ENVIRONMENT)
        code, said = ended.code, ended.stderr
    except Unavailable:
        if not await asyncio.to_thread(has_plain_config, root):
            raise
        code, said = await _direct(git, folder)
    if code != 0:
        raise GitFailed("pack", said.decode(errors="replace"), code)


async def _direct(git: Sequence[str], folder: Path) -> tuple[int | None, bytes]:
    program = shutil.which("git")
    if program is None:
        raise Unavailable("git is not installed on the server.", "Install the Debian package git.")
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", **ENVIRONMENT}
    with (folder / _ASKED).open("rb") as asked, (folder / _ANSWER).open("wb") as answer:
        process = await asyncio.create_subprocess_exec(
            program, *git[1:], env=env, cwd=folder, stdin=asked, stdout=answer, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, said = await asyncio.wait_for(process.communicate(), SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    return process.returncode, said


async def checked(root: Path, bundle: Path, oid: str) -> None:
    """Bring a bundle's objects into the workspace, each one checked; no ref of its own names them yet.

    Raises GitFailed where it lacks something or an object is not as it should be, Invalid where it is no bundle, or
    one of another commit.
    """
    said = await asyncio.to_thread(_at_most, bundle)
    await import_bundle(root, said, oid)
    await output_of(Git(root, ("update-ref", "--no-deref", _incoming(oid), oid)))


def _at_most(bundle: Path) -> bytes:
    if bundle.stat().st_size > BUNDLE_BYTES:
        raise TooLarge(f"What was made is larger than {BUNDLE_BYTES >> 20} MiB.", "Leave large files out of it.")
    return bundle.read_bytes()


async def taken(root: Path, oid: str, ref: str) -> None:
    """Keep what was checked under `ref`; a second time changes nothing."""
    await output_of(Git(root, ("update-ref", "--no-deref", ref, oid)))
    await output_of(Git(root, ("update-ref", "--no-deref", "-d", _incoming(oid))))


def is_oid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) is not None


def _incoming(oid: str) -> str:
    return f"refs/tandem/incoming/{oid}"


# --- a worker's side --------------------------------------------------------------------------------------------------


async def mirrored(mirror: Path, url: str, token: str, refs: Sequence[str]) -> None:
    """Bring these refs of a workspace into its mirror, made at the first time. Raises GitFailed."""
    if not await asyncio.to_thread((mirror / ".git").is_dir):
        await asyncio.to_thread(mirror.mkdir, parents=True, exist_ok=True, mode=0o755)
        await output_of(Git(mirror, ("init", "--quiet", "{place}"), bare_start=True))
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--", url)
    parts = urlsplit(url)
    scheme, place = parts.scheme, f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    # In the environment: other processes of the machine may read a command line.
    header = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader"}
    env = {**header, "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {token}"}
    config = (f"protocol.{scheme}.allow=always", "protocol.version=0")
    specs = tuple(f"+{ref}:{ref}" for ref in refs)
    git = Git(mirror, (*words, *specs), config=config, env=env, egress=(place,), internal=True, seconds=SECONDS)
    await output_of(git)


async def bundled(mirror: Path, ref: str, known: Sequence[str], folder: Path) -> Path:
    """A ref of the mirror, without what is reachable from the commits the other side has, as a file in `folder`."""
    without = tuple(f"^{oid}" for oid in known)
    words = [word for setting in CONFIG for word in ("-c", setting)]
    git = ["git", *words, f"--git-dir={mirror / '.git'}", "bundle", "create", "--quiet", "-", ref, *without]
    await _filed(git, mirror, folder)
    return folder / _ANSWER
