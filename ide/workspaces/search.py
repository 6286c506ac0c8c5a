"""Search in the files of a workspace by ripgrep: confined where there is a sandbox, else directly (it only reads)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path

from ide.errors import Invalid, Unavailable
from ide.runner import client
from ide.runner.client import Outcome, Policy

LIMIT = 500
SECONDS = 5.0
QUERY_CHARACTERS = 1000
TEXT_CHARACTERS = 400
_OUTPUT_BYTES = 8 << 20
_LISTED = (0, 1, 2)  # ripgrep's codes of a list that came to its end: files, none, some folders cannot be read
_OPTIONS = (
    *("--json", "--no-config", "--no-follow", "--hidden", "--no-messages", "--no-require-git", "--no-ignore-global"),
    *("--max-filesize=5M", "--threads=2", "--sort=path", "--glob=!.git", "--glob=!.tandem-write-*"),
)


@dataclass(frozen=True)
class Hit:
    """`line` counts from 1, `column` from 1 in UTF-16 units (the browser's), `text` is the line without its end."""

    path: str
    line: int
    column: int
    text: str


@dataclass(frozen=True)
class Listing:
    """`whole`: these are all there are, as far as they can be read."""

    paths: list[str]
    whole: bool


@dataclass(frozen=True)
class Found:
    hits: list[Hit]
    truncated: bool
    seconds: float


async def search(
    root: Path,
    query: str,
    *,
    regex: bool = False,
    case: bool = False,
    glob: str = "",
    limit: int = LIMIT,
) -> Found:
    """Hits in files that are not ignored, by path. Raises Invalid for a query ripgrep cannot read.

    After 5 s or at the limit what was found so far is returned, marked truncated.
    """
    if not query or len(query) > QUERY_CHARACTERS or "\0" in query + glob:
        raise Invalid("There is nothing to search for.", f"Type 1 to {QUERY_CHARACTERS} characters.")
    options = [*_OPTIONS, "--case-sensitive" if case else "--ignore-case", f"--max-count={limit + 1}"]
    options += ([] if regex else ["--fixed-strings"]) + ([f"--glob={glob}"] if glob else [])
    began = time.monotonic()
    ended = await _run(root, [_program(), *options, f"--regexp={query}", "--", "."])
    if ended.code not in (0, 1, None) and not ended.stdout:
        words = ended.stderr.decode(errors="replace").strip()
        raise Invalid(
            f"The search cannot be read: {_last_line(words)}", "Correct it, or switch regular expressions off."
        )
    hits = _hits(ended.stdout, limit + 1)
    truncated = len(hits) > limit or ended.timed_out or ended.truncated
    return Found(hits[:limit], truncated, time.monotonic() - began)


async def listed(root: Path, seconds: float = SECONDS) -> Listing:
    """The files of a workspace that are not ignored, by path; those found in that time."""
    options = [option for option in _OPTIONS if option != "--json"]
    argv = [_program(), "--files", "--null", *options, "--", "."]
    ended = await _run(root, argv, seconds)
    if ended.code and ended.stderr and not ended.stdout:  # it could not be started there
        ended = await _direct(root, argv, seconds)
    paths = ended.stdout.split(b"\0")[:-1]  # what comes last may be cut by a limit
    cut = ended.timed_out or ended.truncated or ended.code not in _LISTED
    return Listing([path.decode().removeprefix("./") for path in paths if _is_utf8(path)], not cut)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _program() -> str:
    """The wheel's program beside the interpreter, else the one on PATH."""
    beside = Path(sys.prefix, "bin", "rg")
    found = str(beside) if beside.exists() else shutil.which("rg")
    if found is None:
        raise Unavailable("ripgrep is not installed on the server.", "Install the Python package ripgrep.")
    return found


async def _run(root: Path, argv: list[str], seconds: float = SECONDS) -> Outcome:
    if seconds <= 0:
        return Outcome(None, b"", b"", truncated=True, timed_out=True, seconds=0.0)
    try:
        policy = Policy(root, read_only=True, seconds=seconds, output_bytes=_OUTPUT_BYTES)
        return await client.run(argv, policy)
    except Unavailable:
        return await _direct(root, argv, seconds)


async def _direct(root: Path, argv: list[str], seconds: float) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=root, env={"LC_ALL": "C.UTF-8"}, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    out = bytearray()
    assert process.stdout is not None  # noqa: S101 (both are pipes)
    assert process.stderr is not None  # noqa: S101
    try:
        async with asyncio.timeout(seconds):
            while len(out) < _OUTPUT_BYTES and (data := await process.stdout.read(1 << 16)):
                out += data
            if len(out) < _OUTPUT_BYTES:
                error = await process.stderr.read(1 << 16)
                return Outcome(await process.wait(), bytes(out), error, False, False, 0.0)
    except TimeoutError:
        return Outcome(None, bytes(out), b"", True, True, 0.0)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Outcome(None, bytes(out), b"", True, False, 0.0)


def _hits(output: bytes, most: int) -> list[Hit]:
    hits: list[Hit] = []
    for line in output.splitlines():
        if len(hits) >= most:
            break
        try:
            message = json.loads(line)
        except ValueError:  # cut by a limit
            continue
        if isinstance(message, dict) and message.get("type") == "match":
            hits.append(_hit(message["data"]))
    return hits


def _hit(data: dict[str, dict[str, str] | int | list[dict[str, int]]]) -> Hit:
    path = _bytes(data["path"]).removeprefix(b"./").decode("utf-8", "replace")
    line = _bytes(data["lines"])
    first = data["submatches"][0]["start"] if isinstance(data["submatches"], list) and data["submatches"] else 0
    before = line[:first].decode("utf-8", "replace")
    text = line.decode("utf-8", "replace").split("\n", 1)[0].rstrip("\r")
    number = data["line_number"]
    return Hit(
        path, number if isinstance(number, int) else 1, len(before.encode("utf-16-le")) // 2 + 1, _cut(text, before)
    )


def _cut(text: str, before: str) -> str:
    """A long line as the part around its hit."""
    start = max(0, len(before) - TEXT_CHARACTERS // 4) if len(text) > TEXT_CHARACTERS else 0
    return text[start : start + TEXT_CHARACTERS]


def _bytes(value: object) -> bytes:
    """ripgrep gives text, or base64 where it is not UTF-8."""
    if not isinstance(value, dict):
        return b""
    return value["text"].encode() if "text" in value else base64.b64decode(value["bytes"])


def _last_line(words: str) -> str:
    return next((line for line in reversed(words.splitlines()) if line.strip()), "it cannot be used")[:300]
