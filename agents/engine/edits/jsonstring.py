"""The text of one string field out of JSON that is still arriving."""

from __future__ import annotations

import re

_PLAIN = re.compile(r'[^"\\]+')
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}
_BLANK = re.compile(r"[ \t\r\n]+")


class JsonString:
    """feed() takes pieces of a JSON object's text and returns what they add to its field (the first of `names` seen).

    Half an escape, and the first half of a surrogate pair, wait for the rest. `started` and `ended` tell where the
    field stands. Never raises: text that is not JSON simply yields nothing.
    """

    def __init__(self, *names: str) -> None:
        self._names = frozenset(names)
        self._rest = ""
        self._depth = 0
        self._string: list[str] | None = None  # the key or other string being read
        self._key = ""
        self._value = False  # after the colon
        self._high = ""  # first half of a surrogate pair
        self.started = False
        self.ended = False

    def feed(self, piece: str) -> str:
        text, self._rest = self._rest + piece, ""
        out: list[str] = []
        at = 0
        while at < len(text) and not self.ended:
            step = self._in_string(text, at, out) if self._string is not None else self._outside(text, at)
            if step == 0:
                self._rest = text[at:]
                break
            at += step
        return "".join(out)

    @property
    def _wanted(self) -> bool:
        return self._value and self._depth == 1 and self._key in self._names

    def _outside(self, text: str, at: int) -> int:
        blank = _BLANK.match(text, at)
        if blank:
            return blank.end() - at
        char = text[at]
        if char == '"':
            self._string = []
            self.started = self.started or self._wanted
        elif char in "{[":
            self._depth += 1
            self._value = self._value and self._depth > 1
        elif char in "}]":
            self._depth -= 1
        elif char == ":" and self._depth == 1:
            self._value = True
        elif char == "," and self._depth == 1:
            self._value = False
        return 1

    def _in_string(self, text: str, at: int, out: list[str]) -> int:
        """Characters consumed, 0 to wait for more."""
        plain = _PLAIN.match(text, at)
        if plain:
            self._put(plain.group(), out)
            return plain.end() - at
        if text[at] == '"':
            self._close(out)
            return 1
        escape = text[at : at + 2]
        if len(escape) < 2:
            return 0
        if escape[1] != "u":
            self._put(_SHORT.get(escape[1], escape[1]), out)
            return 2
        digits = text[at + 2 : at + 6]
        if len(digits) < 4:
            return 0
        self._unit(digits, out)
        return 6

    def _unit(self, digits: str, out: list[str]) -> None:
        try:
            code = int(digits, 16)
        except ValueError:
            code = 0xFFFD
        if 0xD800 <= code < 0xDC00:
            self._flush_high(out)
            self._high = chr(code)
        elif 0xDC00 <= code < 0xE000:
            high, self._high = self._high, ""
            pair = 0x10000 + ((ord(high) - 0xD800) << 10) + (code - 0xDC00) if high else 0xFFFD
            self._put(chr(pair), out)
        else:
            self._put(chr(code), out)

    def _flush_high(self, out: list[str]) -> None:
        if self._high:
            self._high = ""
            self._put("\ufffd", out)  # half a pair alone is no character

    def _put(self, text: str, out: list[str]) -> None:
        self._flush_high(out)
        if self._wanted:
            out.append(text)
        elif self._string is not None:
            self._string.append(text)

    def _close(self, out: list[str]) -> None:
        self._flush_high(out)
        if self._wanted:
            self.ended = True
        elif not self._value and self._depth == 1:
            self._key = "".join(self._string or ())
        self._string = None
