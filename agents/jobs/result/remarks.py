"""Remarks of a reader on a job's result: file, lines and comment, as the agent hears them before its next step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from agents.jobs.result.review import Change
from ide.documents.text import lines
from ide.errors import Conflict, Invalid

MOST = 50
LONGEST = 4_000  # characters of one remark
QUOTED = 20  # lines


class Remark(msgspec.Struct, frozen=True):
    """`lines` [from, to), from 0, of the result or of what the job began with (`side`); none: the whole file."""

    path: str
    text: str
    side: Literal["base", "proposed"] = "proposed"
    lines: tuple[int, int] | None = None


class Remarks(msgspec.Struct, frozen=True):
    head: str
    comments: tuple[Remark, ...]


def told(said: Remarks, changes: Sequence[Change]) -> str:
    """All of them as one message. Raises Invalid, Conflict for a file that is not in the result."""
    if not 0 < len(said.comments) <= MOST:
        raise Invalid("There is no comment.", f"Write one to {MOST}.")
    known = {change.path: change for change in changes}
    parts = []
    for one in said.comments:
        if not one.text.strip() or len(one.text) > LONGEST:
            raise Invalid("A comment is empty or too long.", f"Use at most {LONGEST:,} characters.")
        if one.path not in known:
            raise Conflict(f"{one.path} is not in the result any more.", "Look at it again.")
        parts.append(_one(one, known[one.path]))
    head = "I have looked at your result. Change this:" if len(parts) == 1 else "I have looked at your result. Change:"
    return "\n\n".join([head, *parts])


def _one(remark: Remark, change: Change) -> str:
    if remark.lines is None:
        return f"{remark.path}: {remark.text.strip()}"
    text = lines((change.proposed if remark.side == "proposed" else change.base) or "")
    start, end = remark.lines
    if not 0 <= start <= end <= len(text):
        raise Invalid(f"{remark.path} has no lines {start + 1} to {end} there.", "Look at it again.")
    which = f"line {start + 1}" if end - start <= 1 else f"lines {start + 1} to {end}"
    old = " of what was there before" if remark.side == "base" else ""
    quote = "".join(f"> {line.removesuffix(chr(10))}\n" for line in text[start : min(end, start + QUOTED)])
    return f"{remark.path}, {which}{old}:\n{quote}{remark.text.strip()}"
