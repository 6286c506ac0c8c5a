"""The patch format models know as `apply_patch` (V4A), parsed while it streams.

Grammar and tolerance: reference/protocols.md §5.1. A `+` line is passed on as it grows, everything else line by line.
"""

from __future__ import annotations

from agents.engine.edits.ops import (
    Anchor,
    Close,
    CreateFile,
    Delete,
    DeleteFile,
    EditError,
    EndOfFile,
    Insert,
    Keep,
    MoveFile,
    Op,
    Open,
)

BEGIN, END, EOF = "*** Begin Patch", "*** End Patch", "*** End of File"
ADD, REMOVE, UPDATE = "*** Add File:", "*** Delete File:", "*** Update File:"
MOVE, ENVIRONMENT = "*** Move to:", "*** Environment ID:"
# The same as a Lark grammar, for providers whose tools take plain text.
GRAMMAR = r"""
start: "*** Begin Patch" LF file+ "*** End Patch" LF?
file: add | remove | update
add: "*** Add File: " PATH LF ("+" REST LF)+
remove: "*** Delete File: " PATH LF
update: "*** Update File: " PATH LF ("*** Move to: " PATH LF)? chunk*
chunk: ("@@" LF | "@@ " PATH LF)? line+ ("*** End of File" LF)?
line: ("+" | "-" | " ") REST LF | LF
PATH: /.+/
REST: /.*/
%import common.LF
"""
HOW = (
    "A patch looks like this: '*** Begin Patch', '*** Update File: path', '@@ a line above the change', lines starting "
    "with ' ' (kept), '-' (removed) or '+' (added), '*** End Patch'."
)


class V4aParser:
    """feed() takes any pieces of the text and returns the ops they complete. Raises EditError, then is of no use.

    Text before the begin marker (a heredoc's head, prose) and after the end marker is ignored.
    """

    def __init__(self) -> None:
        self._line = ""
        self._number = 0
        self._inside = "nothing"  # nothing, patch, add, update, done
        self._path = ""
        self._growing = False  # the start of the current + line has been passed on

    def feed(self, text: str) -> list[Op]:
        ops: list[Op] = []
        *lines, rest = text.split("\n")
        for line in lines:
            self._grow(line, ops)
            self._end_line(ops)
        self._grow(rest, ops)
        return ops

    def finish(self) -> list[Op]:
        """The last ops. Raises EditError when no patch was found or it stops before its end marker's file is whole."""
        ops: list[Op] = []
        if self._line or self._growing:
            self._end_line(ops)
        if self._inside == "nothing":
            raise EditError(f"No patch was found: '{BEGIN}' is missing. {HOW}")
        self._close(ops)
        return ops

    def _grow(self, piece: str, ops: list[Op]) -> None:
        if not piece:
            return
        if self._growing:
            self._pass_on(piece, ops)
            return
        self._line += piece
        if self._inside in ("add", "update") and self._line.startswith("+"):
            self._growing = True
            piece, self._line = self._line[1:], ""
            self._pass_on(piece, ops)

    def _pass_on(self, piece: str, ops: list[Op]) -> None:
        # a carriage return at the end may belong to the line end: it waits for what follows
        piece, self._line = self._line + piece, ""
        if piece.endswith("\r"):
            piece, self._line = piece[:-1], "\r"
        if piece:
            self._insert(piece, ops)

    def _insert(self, text: str, ops: list[Op]) -> None:
        if ops and isinstance(ops[-1], Insert):
            ops[-1] = Insert(ops[-1].text + text)
        else:
            ops.append(Insert(text))

    def _end_line(self, ops: list[Op]) -> None:
        line, self._line = self._line.removesuffix("\r"), ""
        self._number += 1
        if self._growing:
            self._growing = False
            self._insert("\n", ops)
        elif self._inside == "nothing":
            if line.strip() == BEGIN:
                self._inside = "patch"
        elif self._inside != "done":
            self._whole(line, ops)

    def _whole(self, line: str, ops: list[Op]) -> None:
        # A marker may be indented, but in an update a leading space is also what a kept line starts with.
        marker = line.rstrip() if self._inside == "update" else line.strip()
        if marker.startswith("*** "):
            self._marker(marker, ops)
        elif self._inside == "update":
            self._change(line, ops)
        elif self._inside == "add" and not line.strip():
            self._insert("\n", ops)
        elif line.strip():
            raise EditError(f"Line {self._number} of the patch is neither a marker nor a change: {line[:80]!r}. {HOW}")

    def _marker(self, marker: str, ops: list[Op]) -> None:
        if marker == END:
            self._close(ops)
            self._inside = "done"
        elif marker == EOF and self._inside == "update":
            ops.append(EndOfFile())
        elif marker.startswith(MOVE) and self._inside == "update":
            ops.append(MoveFile(self._named(marker, MOVE)))
        elif marker.startswith(ADD):
            self._start("add", CreateFile(self._named(marker, ADD)), ops)
        elif marker.startswith(UPDATE):
            self._start("update", Open(self._named(marker, UPDATE)), ops)
        elif marker.startswith(REMOVE):
            self._close(ops)
            ops.append(DeleteFile(self._named(marker, REMOVE)))
        elif not (marker == BEGIN or marker.startswith(ENVIRONMENT)):
            raise EditError(f"Line {self._number} of the patch has an unknown marker: {marker[:80]!r}. {HOW}")

    def _start(self, inside: str, op: Op, ops: list[Op]) -> None:
        self._close(ops)
        self._inside = inside
        ops.append(op)

    def _close(self, ops: list[Op]) -> None:
        if self._inside in ("add", "update"):
            ops.append(Close())
            self._inside = "patch"

    def _change(self, line: str, ops: list[Op]) -> None:
        if line.startswith("@@"):
            ops.append(Anchor(line[2:].removesuffix("@@").strip() if line.endswith(" @@") else line[3:].rstrip()))
        elif line.startswith("-"):
            ops.append(Delete(line[1:]))
        elif line.startswith(" ") or not line:
            ops.append(Keep(line[1:]))
        else:
            raise EditError(
                f"Line {self._number} of the patch, {line[:80]!r}, must start with ' ', '-', '+' or '@@'. {HOW}"
            )

    def _named(self, marker: str, kind: str) -> str:
        path = marker.removeprefix(kind).strip()
        if not path:
            raise EditError(f"Line {self._number} of the patch names no file after {kind!r}.")
        return path


def parse(text: str) -> list[Op]:
    """All ops of a whole patch. Raises EditError."""
    parser = V4aParser()
    return parser.feed(text) + parser.finish()
