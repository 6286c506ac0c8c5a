"""The op stream every edit format is turned into.

Order for one patch: (Open (Anchor | Keep | Delete | Insert | EndOfFile)* Close | CreateFile Insert* Close |
DeleteFile | Open MoveFile … Close)*. An Anchor starts a new chunk; a chunk's old lines are its Keeps and Deletes.
A Find starts one too, anywhere in the file, and names all its old lines at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Open:
    """The ops that follow change the file at `path`, which exists."""

    path: str


@dataclass(frozen=True)
class Anchor:
    """A new chunk, somewhere below the line `text` (anywhere below the chunk before when empty)."""

    text: str = ""


@dataclass(frozen=True)
class Find:
    """A new chunk whose old lines, without their line ends, are these: the Keeps and Deletes that follow."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Keep:
    """An old line that stays; without its line end."""

    line: str


@dataclass(frozen=True)
class Delete:
    """An old line that goes; without its line end."""

    line: str


@dataclass(frozen=True)
class Insert:
    """New text at the place reached. Line ends are in it; one line may come in several pieces."""

    text: str


@dataclass(frozen=True)
class EndOfFile:
    """The chunk's old lines are the last ones of the file."""


@dataclass(frozen=True)
class Close:
    """The file opened or created last is complete."""


@dataclass(frozen=True)
class CreateFile:
    """A new file at `path`; Inserts follow."""

    path: str


@dataclass(frozen=True)
class DeleteFile:
    path: str


@dataclass(frozen=True)
class MoveFile:
    """The open file gets the path `to`."""

    to: str


Op = Open | Anchor | Find | Keep | Delete | Insert | EndOfFile | Close | CreateFile | DeleteFile | MoveFile


class EditError(Exception):
    """An edit that cannot be read or placed; the text is for the model, to do better with."""


def ended_lines(ops: Sequence[Op]) -> tuple[list[Op], list[Op]]:
    """The ops up to the last line end of new text, and the line begun behind it; all of them where none has ended."""
    at = len(ops)
    while at and isinstance(ops[at - 1], Insert):
        at -= 1
    text = "".join(op.text for op in ops[at:] if isinstance(op, Insert))
    end = text.rfind("\n") + 1
    if not 0 < end < len(text):
        return list(ops), []
    return [*ops[:at], Insert(text[:end])], [Insert(text[end:])]
