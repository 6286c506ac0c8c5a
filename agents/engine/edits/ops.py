"""The op stream every edit format is turned into.

Order for one patch: (Open (Anchor | Keep | Delete | Insert | EndOfFile)* Close | CreateFile Insert* Close |
DeleteFile | Open MoveFile … Close)*. An Anchor starts a new chunk; a chunk's old lines are its Keeps and Deletes.
"""

from __future__ import annotations

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


Op = Open | Anchor | Keep | Delete | Insert | EndOfFile | Close | CreateFile | DeleteFile | MoveFile


class EditError(Exception):
    """An edit that cannot be read or placed; the text is for the model, to do better with."""
