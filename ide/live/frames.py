"""WebSocket frames of RFC 6455 as bytes, for the one kind that matters: whole binary messages. Pure.

Both servers parse and build every frame in general-purpose Python, 8 to 25 µs each; a keystroke's frame needs 1 µs.
What is no plain binary message goes to the server's own parser, untouched, so there is one implementation of the rest.

A server that offers the ASGI extension `EXTENSION` in a socket's scope gives `write`: a function that sends binary
messages at once, in order with what `send` sends, never waits and does nothing once the socket is closing.
"""

from __future__ import annotations

from collections.abc import Iterable

try:
    from websockets.speedups import apply_mask
except ImportError:  # no binary of it for this machine
    from websockets.utils import apply_mask

EXTENSION = "tandem.frames"
BINARY = 0x82  # FIN and the opcode
_CONTINUED_LAST = 0x80
_SMALL_HEADS = [bytes((BINARY, size)) for size in range(126)]


def encoded(messages: Iterable[bytes]) -> bytes:
    """Binary messages as a server sends them, one frame each."""
    parts = []
    for message in messages:
        size = len(message)
        if size < 126:
            parts.append(_SMALL_HEADS[size])
        elif size < 1 << 16:
            parts.append(bytes((BINARY, 126)) + size.to_bytes(2, "big"))
        else:
            parts.append(bytes((BINARY, 127)) + size.to_bytes(8, "big"))
        parts.append(message)
    return b"".join(parts)


class Splitter:
    """Cuts what a client sends into frames. `limit`: bytes of a message; a larger one is left to the server."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = bytearray()
        self._need = 0
        self._fragments = False
        self._plain = True  # until something is seen that only the server's own parser may judge

    def split(self, data: bytes) -> list[tuple[bytes, bool]]:
        """Complete frames in order: a whole binary message (its payload, True), or anything else as it came
        (bytes, False)."""
        if not self._plain:
            return [(data, False)]
        view: bytes | bytearray = data
        if self._held:
            self._held += data
            if len(self._held) < self._need:
                return []
            view, self._held = self._held, bytearray()
        found: list[tuple[bytes, bool]] = []
        at, size = 0, len(view)
        self._need = 0
        while size - at >= 6:
            length = view[at + 1]
            end = (
                at + length - 122
            )  # of a frame with a mask and less than 126 bytes: 0x80 is the mask's bit, 6 the head
            if view[at] == BINARY and 0x80 <= length < 0xFE and end <= size and not self._fragments:
                found.append((apply_mask(view[at + 6 : end], view[at + 2 : at + 6]), True))
                at = end
                continue
            head, length = _head(view, at, size)
            if not head:
                break
            if length > self._limit or view[at + 1] < 0x80:
                self._plain = False
                found.append((bytes(view[at:]), False))
                return found
            end = at + head + length
            if end > size:
                self._need = end - at
                break
            found.append(self._frame(view, at, head, end))
            at = end
        if at < size:
            self._held = bytearray(view[at:]) if at else bytearray(view)
        return found

    def _frame(self, view: bytes | bytearray, at: int, head: int, end: int) -> tuple[bytes, bool]:
        first = view[at]
        if first == BINARY and not self._fragments:
            start = at + head
            return apply_mask(view[start:end], view[start - 4 : start]), True
        if first < 0x80:
            self._fragments = True
        elif first == _CONTINUED_LAST:
            self._fragments = False
        return bytes(view[at:end]), False


def _head(view: bytes | bytearray, at: int, size: int) -> tuple[int, int]:
    """(length of the head with its mask, length of the payload); (0, 0) if the head is not all there."""
    length = view[at + 1] & 0x7F
    if length < 126:
        return 6, length
    wide = 2 if length == 126 else 8
    if size - at < 6 + wide:
        return 0, 0
    return 6 + wide, int.from_bytes(view[at + 2 : at + 2 + wide], "big")
