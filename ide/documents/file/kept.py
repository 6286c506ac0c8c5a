"""Kept: a text that is needed at once or not for a long time, small meanwhile."""

from __future__ import annotations

import zlib

ALWAYS = 4096  # characters that are not worth packing


class Kept:
    """A text, or none. One emoji makes each character of a Python string take four bytes; packed it is its UTF-8,
    compressed at the level that costs least."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._packed = b""

    def put(self, text: str | None) -> None:
        self._text, self._packed = text, b""

    def text(self) -> str | None:
        return zlib.decompress(self._packed).decode() if self._packed else self._text

    def says(self, text: str) -> bool:
        return self.text() == text

    def pack(self) -> None:
        if self._text is not None and len(self._text) > ALWAYS:
            self._packed, self._text = zlib.compress(self._text.encode(), 1), None
