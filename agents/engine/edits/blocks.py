"""SEARCH/REPLACE blocks in a model's text, as prose and ops while they stream. For models that cannot drive tools.

    path/of/file.py
    <<<<<<< SEARCH
    lines as they are
    =======
    lines as they become
    >>>>>>> REPLACE

The path line and a fence around the block may be there or not; without a path the block is of the file before. Nothing
between SEARCH and REPLACE makes a new file. What is not part of a block is prose, and passed on at once; what may
yet begin one (a fence, a marker, a line that is a path), when that is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.engine.edits.fenced import ProseText
from agents.engine.edits.ops import Close, CreateFile, EditError, Find, Insert, Op, Open
from agents.engine.edits.rewrite import Rewrite

_SEARCH = re.compile(r"^<{5,9} ?SEARCH\s*$")
_MIDDLE = re.compile(r"^={5,9}\s*$")
_REPLACE = re.compile(r"^>{5,9} ?REPLACE\s*$")
_FENCE = re.compile(r"^ {0,3}(?:`{3,}|~{3,})[^`]*$")
_PATH = re.compile(r"^[#*`\s]{0,6}((?:[\w.@+~()\[\]-]+/)*[\w.@+~()\[\]-]*[.\w])[*`:\s]{0,6}$")
# The start of a line that may yet be a fence, a marker or a path: it waits to be whole. Paths have no blank inside.
_MAYBE = re.compile(r"^(?:[<=>]{0,9} ?[A-Z]{0,7}\s*|\s{0,3}(?:`+|~+)[^`]*|[#*`\s]{0,6}[\w./@+~()\[\]-]*[*`:\s]{0,6})$")
# What a path alone in its line looks like. Another word does not wait; right above a block it is a path all the same.
_NAMED = re.compile(r"[/.]\w|\w*file$|[A-Z]{4,}$")
LONGEST_HELD = 200  # characters of a line that waits


@dataclass(frozen=True)
class BadBlock:
    """A block that cannot be used, with what to do about it, for the model."""

    why: str


Piece = ProseText | BadBlock | Op


class Blocks:
    """feed() takes a reply's text as it comes and returns its prose and its ops; finish() the rest. Never raises."""

    def __init__(self) -> None:
        self._line = ""
        self._passed = False  # the start of this line has been passed on
        self._state = "prose"  # prose, search, replace, after
        self._held: list[str] = []  # lines that belong to a block if one follows: its path, its fence
        self._code = False  # within a fence of prose
        self._above = ""  # the one word of the line before, which was passed on
        self._path = self._open = ""
        self._fenced = False  # the block's fence is to be swallowed behind it
        self._old: list[str] = []
        self._rewrite: Rewrite | None = None  # None: the file is new
        self._bad = False
        self._growing = False  # the start of this new line has been passed on

    @property
    def between(self) -> bool:
        """Whether what has come so far is whole: nothing of a block, nor of what may become one, is under way."""
        return self._state in ("prose", "after") and not self._held and (self._passed or not self._line)

    def feed(self, text: str) -> list[Piece]:
        pieces: list[Piece] = []
        *lines, rest = text.split("\n")
        for line in lines:
            self._line += line
            self._end_line(pieces, "\n")
        self._line += rest
        self._begun_line(pieces)
        return pieces

    def finish(self) -> list[Piece]:
        """A block that is not closed is told to be bad; the lines it has given stay."""
        pieces: list[Piece] = []
        if self._line or self._passed:
            self._end_line(pieces, "")
        self._release(pieces)
        if self._state in ("search", "replace") and not self._bad:
            pieces.append(BadBlock(f"The block for {self._path!r} has no end: '>>>>>>> REPLACE' is missing."))
        self._leave(pieces)
        return pieces

    # --- lines ----------------------------------------------------------------------------------------------------

    def _begun_line(self, pieces: list[Piece]) -> None:
        """Pass on what is there of a line, unless it may become something else than text."""
        line = self._line
        if not line or self._state == "search":
            return
        if self._state == "replace":
            if self._growing or not re.match(r"^>{1,9} ?R?E?P?L?A?C?E?\s*$", line):
                self._write(line, pieces)
                self._line, self._growing = "", True
        elif self._passed or len(line) > LONGEST_HELD or not _MAYBE.match(line):
            self._release(pieces)
            self._prose(line, pieces)
            self._line, self._passed = "", True

    def _end_line(self, pieces: list[Piece], end: str) -> None:
        line, self._line = self._line, ""
        passed, self._passed = self._passed, False
        if self._state == "search":
            self._search(line.removesuffix("\r"), pieces)
        elif self._state == "replace":
            self._replace(line.removesuffix("\r"), pieces)
        elif passed:
            self._above = ""
            self._prose(line + end, pieces)
        elif _SEARCH.match(line):
            self._begin(pieces)
        elif self._state == "after" and self._fenced and _FENCE.match(line):
            self._fenced, self._state = False, "prose"
        elif self._waits(line):
            self._hold(line + end, pieces)
        else:
            self._release(pieces)
            self._pass(line, end, pieces)

    def _waits(self, line: str) -> bool:
        """Whether a whole line may belong to a block that follows."""
        if _FENCE.match(line):
            return not self._code  # what closes a fence belongs to none that follows
        named = _PATH.match(line)
        return bool((named and _NAMED.search(named[1])) or (self._held and not line.strip()))

    def _pass(self, line: str, end: str, pieces: list[Piece]) -> None:
        if _FENCE.match(line):
            self._code = not self._code
        elif line.strip():
            named = _PATH.match(line)
            self._above = named[1] if named else ""
        self._prose(line + end, pieces)

    def _hold(self, line: str, pieces: list[Piece]) -> None:
        """At most a path, a fence and a blank line wait for a block."""
        self._held.append(line)
        while len(self._held) > 3:
            self._let(self._held.pop(0), pieces)

    def _release(self, pieces: list[Piece]) -> None:
        held, self._held = self._held, []
        for line in held:
            self._let(line, pieces)

    def _let(self, line: str, pieces: list[Piece]) -> None:
        """A line that waited is prose."""
        whole = line.removesuffix("\n")
        self._pass(whole, line[len(whole) :], pieces)

    def _prose(self, text: str, pieces: list[Piece]) -> None:
        if not text:
            return
        if self._state == "after" and text.strip():
            self._state = "prose"
        if pieces and isinstance(pieces[-1], ProseText):
            pieces[-1] = ProseText(pieces[-1].text + text)
        else:
            pieces.append(ProseText(text))

    # --- blocks ---------------------------------------------------------------------------------------------------

    def _begin(self, pieces: list[Piece]) -> None:
        """The held lines are the block's path and fence; those above are prose."""
        held, self._held = self._held, []
        fence = next((n for n in range(len(held)) if _FENCE.match(held[n].strip("\n"))), None)
        named = [n for n in range(len(held)) if n != fence and held[n].strip()]
        first = min([n for n in (fence, named[-1] if named else None) if n is not None], default=len(held))
        for line in held[:first]:
            self._prose(line, pieces)
        self._path, self._above = (self._above or self._path), ""
        if named:
            found = _PATH.match(held[named[-1]].strip("\r\n"))
            self._path = found[1] if found else self._path
        self._fenced = fence is not None or (self._fenced and self._state == "after")
        self._state, self._old, self._bad = "search", [], not self._path
        if self._bad:
            pieces.append(BadBlock("A block names no file: put the file's path in the line above '<<<<<<< SEARCH'."))

    def _search(self, line: str, pieces: list[Piece]) -> None:
        if not _MIDDLE.match(line):
            self._old.append(line)
            return
        self._state = "replace"
        if self._bad:
            return
        if not any(old.strip() for old in self._old):
            self._leave(pieces)
            pieces.append(CreateFile(self._path))
            self._rewrite, self._open = None, self._path
            return
        if self._open != self._path:
            self._leave(pieces)
            pieces.append(Open(self._path))
            self._open = self._path
        pieces.append(Find(tuple(self._old)))
        self._rewrite = Rewrite(self._old)

    def _replace(self, line: str, pieces: list[Piece]) -> None:
        growing, self._growing = self._growing, False
        if growing or not _REPLACE.match(line):
            self._write(line + "\n", pieces)
            return
        self._state = "after"
        if self._rewrite is not None and not self._bad:
            pieces += self._rewrite.finish()
        elif not self._bad:
            self._leave(pieces)

    def _write(self, text: str, pieces: list[Piece]) -> None:
        if self._bad:
            return
        pieces += self._rewrite.feed(text) if self._rewrite is not None else [Insert(text)]

    def _leave(self, pieces: list[Piece]) -> None:
        if self._open:
            pieces.append(Close())
        self._open = ""


def parse(text: str) -> list[Op]:
    """All ops of a whole reply. Raises EditError for the first bad block."""
    blocks = Blocks()
    pieces = blocks.feed(text) + blocks.finish()
    for piece in pieces:
        if isinstance(piece, BadBlock):
            raise EditError(piece.why)
    return [piece for piece in pieces if not isinstance(piece, ProseText | BadBlock)]
