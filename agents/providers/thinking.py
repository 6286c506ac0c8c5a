"""Raw reasoning at the beginning of an answer (`<think>…</think>`), told apart from what is said. No network.

Only there: further on the same letters are what the model writes, perhaps into a file.
"""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"

Piece = tuple[bool, str]  # whether it is a thought, text


class Thoughts:
    """feed() gives pieces as they can be told apart. Nothing is held back longer than a mark may still be coming; line
    ends right behind a mark are dropped."""

    def __init__(self) -> None:
        self._held = ""
        self._place = "before"  # the thoughts, in them, or behind
        self._marked = False  # a mark was the last thing before what comes

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        if self._place == "before":
            begun = self._held.lstrip()
            if len(begun) < len(OPEN) and OPEN.startswith(begun):
                return []
            if begun.startswith(OPEN):
                self._pass("in", begun[len(OPEN) :])
            else:
                self._place = "behind"
        return self._thought() if self._place == "in" else self.end()

    def _pass(self, place: str, rest: str) -> None:
        self._place, self._held, self._marked = place, rest, True

    def _thought(self) -> list[Piece]:
        thought, mark, said = self._held.partition(CLOSE)
        if mark:
            pieces = self._piece(thought)
            self._pass("behind", said)
            return [*pieces, *self.end()]
        kept = next((n for n in range(len(CLOSE) - 1, 0, -1) if self._held.endswith(CLOSE[:n])), 0)
        at = len(self._held) - kept
        thought, self._held = self._held[:at], self._held[at:]
        return self._piece(thought)

    def end(self) -> list[Piece]:
        """What is still held."""
        text, self._held = self._held, ""
        return self._piece(text)

    def _piece(self, text: str) -> list[Piece]:
        text = text.lstrip("\n") if self._marked else text
        self._marked = self._marked and not text
        return [(self._place == "in", text)] if text else []
