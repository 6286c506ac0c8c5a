"""Watched: a live text, and who is called around its changes."""

from __future__ import annotations

from collections.abc import Callable

from ide.documents.yjs.anchors import LiveText

Observer = Callable[[str], None]


class Watched(LiveText):
    def __init__(self) -> None:
        super().__init__()
        self._observers: list[Observer] = []
        self._braced: list[Callable[[], None]] = []

    def observe(self, observer: Observer) -> None:
        """Call `observer(origin)` after each change, once per origin of a loop turn, on the loop's thread."""
        self._observers.append(observer)

    def unobserve(self, observer: Observer) -> None:
        if observer in self._observers:
            self._observers.remove(observer)

    def brace(self, hold_on: Callable[[], None]) -> None:
        """Call `hold_on()` right before each change and before the replica is thrown away, with the text as it still
        is: who keeps plain positions makes anchors of them then (`stick`). It must change nothing."""
        self._braced.append(hold_on)

    def unbrace(self, hold_on: Callable[[], None]) -> None:
        if hold_on in self._braced:
            self._braced.remove(hold_on)

    def _brace(self) -> None:
        for hold_on in self._braced:
            hold_on()
