"""Prose and code blocks told apart while a reply streams: for models that cannot drive tools."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$")
_MAYBE = re.compile(r"^ {0,3}(`{1,2}|~{1,2}|(`{3,}|~{3,}).*)?$")


@dataclass(frozen=True)
class ProseText:
    text: str


@dataclass(frozen=True)
class CodeStart:
    """Code block `block` (from 0) begins; `info` is the word after the fence."""

    block: int
    info: str


@dataclass(frozen=True)
class CodeText:
    text: str


@dataclass(frozen=True)
class CodeEnd:
    block: int


Piece = ProseText | CodeStart | CodeText | CodeEnd


class Fenced:
    """feed() takes a reply's text as it comes and returns its pieces; lines that may be a fence wait to be whole.

    `inside`: the reply continues an opening fence we wrote ourselves. `expect_code`: when the reply turns out to have
    no fence at all, all of it is code (nothing is passed on until that is known). Blank lines at the start and end of
    a code block are dropped; a code block's text ends with one line end.
    """

    def __init__(self, *, inside: bool = False, expect_code: bool = False) -> None:
        self._line = ""
        self._passed = False  # the start of the current line has been passed on
        self._fence = "```" if inside else ""
        self._block = 0
        self._held: list[Piece] | None = [] if expect_code and not inside else None
        self._blank = ""  # line ends that only count when more code follows
        self._any = False  # the block has had text
        self._opening = inside

    def feed(self, text: str) -> list[Piece]:
        pieces: list[Piece] = []
        if self._opening:
            self._opening = False
            pieces.append(CodeStart(0, ""))
        *lines, rest = text.split("\n")
        for line in lines:
            self._line += line
            self._end_line(pieces)
        self._line += rest
        self._pass_on(pieces)
        return self._hold(pieces)

    def finish(self) -> list[Piece]:
        """The last pieces; an open block is closed."""
        pieces: list[Piece] = []
        if self._line or self._passed:
            self._end_line(pieces, last=True)
        if self._fence:
            self._close(pieces)
        pieces = self._hold(pieces)
        if self._held is None:
            return pieces
        held, self._held = self._held, None
        code = "".join(piece.text for piece in held if isinstance(piece, ProseText)).strip("\n")
        return [CodeStart(0, ""), CodeText(code.rstrip() + "\n"), CodeEnd(0)] if code.strip() else []

    def _hold(self, pieces: list[Piece]) -> list[Piece]:
        if self._held is None:
            return pieces
        self._held += pieces
        if not any(isinstance(piece, CodeStart) for piece in pieces):
            return []
        held, self._held = self._held, None
        return held

    def _pass_on(self, pieces: list[Piece]) -> None:
        """What is there of an unfinished line, unless it may become a fence."""
        if not self._line or (not self._passed and _MAYBE.match(self._line)):
            return
        text, self._line, self._passed = self._line, "", True
        self._tell(text, pieces)

    def _end_line(self, pieces: list[Piece], *, last: bool = False) -> None:
        line, self._line = self._line, ""
        passed, self._passed = self._passed, False
        fence = None if passed else _FENCE.match(line)
        if fence and not self._fence:
            self._fence = fence.group(1)
            self._any, self._blank = False, ""
            pieces.append(CodeStart(self._block, fence.group(2)))
        elif fence and self._closes(fence):
            self._close(pieces)
        else:
            self._tell(line + ("" if last else "\n"), pieces)

    def _closes(self, fence: re.Match[str]) -> bool:
        mark = fence.group(1)
        return mark[0] == self._fence[0] and len(mark) >= len(self._fence) and not fence.group(2)

    def _close(self, pieces: list[Piece]) -> None:
        if self._any:
            pieces.append(CodeText("\n"))
        pieces.append(CodeEnd(self._block))
        self._fence, self._block, self._any, self._blank = "", self._block + 1, False, ""

    def _tell(self, text: str, pieces: list[Piece]) -> None:
        if not self._fence:
            if text:
                pieces.append(ProseText(text))
            return
        if not text.strip("\n"):
            self._blank += text if self._any else ""
            return
        body = text.rstrip("\n")
        pieces.append(CodeText(self._blank + body))
        self._blank = text[len(body) :]
        self._any = True
