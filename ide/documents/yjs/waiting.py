"""Waiting: what arrived before the edits it builds on, kept out of the replica until those come.

pycrdt 0.14.13 goes wrong behind a gap: it puts some of what waits into the text and forgets other parts for good. So it
is never given one; the parts of an update that fit are applied at once, as Yjs does, and the others here keep waiting.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from ide.documents.yjs.structs import Deletion, Part, deleting, written

Clocks = dict[int, int]  # client id → number of its characters that are integrated


def fits(found: list[Part], deletions: list[Deletion], clocks: Clocks) -> bool:
    """Whether everything here builds on what is known, in this order; then it counts as known."""
    ahead: Clocks = {}
    for part in found:
        if part.clock > ahead.get(part.client, clocks.get(part.client, 0)):
            return False
        for client, clock in part.needs:
            if clock >= ahead.get(client, clocks.get(client, 0)):
                return False
        if part.end > ahead.get(part.client, clocks.get(part.client, 0)):
            ahead[part.client] = part.end
    for client, _, end in deletions:
        if end > ahead.get(client, clocks.get(client, 0)):
            return False
    clocks.update(ahead)
    return True


class Waiting:
    def __init__(self) -> None:
        self._parts: dict[int, list[Part]] = {}  # by client, clocks rising
        self._deletions: dict[int, list[Deletion]] = {}  # by client, clocks rising
        self._wake: dict[int, set[int]] = {}  # client → clients whose first part waits for it

    def __bool__(self) -> bool:
        return bool(self._parts or self._deletions)

    def take(self, found: Iterable[Part], deletions: Iterable[Deletion], clocks: Clocks) -> list[bytes]:
        """Updates of all that can be integrated now, to be applied in this order; it counts as known."""
        look = set()
        for part in found:
            self._add(part)
            look.add(part.client)
        for one in deletions:
            queue = self._deletions.setdefault(one[0], [])
            at = bisect_left(queue, one)
            if queue[at : at + 1] != [one]:
                queue.insert(at, one)
            look.add(one[0])
        return self._ready(look, clocks)

    def _add(self, part: Part) -> None:
        queue = self._parts.setdefault(part.client, [])
        at = bisect_left(queue, part.clock, key=lambda one: one.clock)
        if at == len(queue) or queue[at].clock != part.clock or queue[at].end < part.end:
            queue.insert(at, part)

    def updates(self) -> list[bytes]:
        """Everything that waits."""
        told = [written([part]) for found in self._parts.values() for part in found]
        deletions = [one for found in self._deletions.values() for one in found]
        return [*told, deleting(deletions)] if deletions else told

    def _ready(self, look: set[int], clocks: Clocks) -> list[bytes]:
        out: list[bytes] = []
        touched = set(look)
        while look:
            client = look.pop()
            ready = self._integrable(client, clocks)
            if ready:
                out += ready
                look |= self._wake.pop(client, set())
                touched.add(client)
        gone = [one for client in touched for one in self._deletable(client, clocks.get(client, 0))]
        return [*out, deleting(gone)] if gone else out

    def _integrable(self, client: int, clocks: Clocks) -> list[bytes]:
        """The first parts of a client as far as they can be integrated."""
        queue, out, at = self._parts.get(client, []), [], 0
        while at < len(queue):
            part, known = queue[at], clocks.get(client, 0)
            if part.end > known:
                lacking = self._lacking(part, clocks)
                if lacking is not None:
                    self._wake.setdefault(lacking, set()).add(client)
                    break
                out.append(written([part]))
                clocks[client] = part.end
            at += 1
        del queue[:at]
        if not queue:
            self._parts.pop(client, None)
        return out

    def _lacking(self, part: Part, clocks: Clocks) -> int | None:
        """A client of whom more must be known first."""
        if part.clock > clocks.get(part.client, 0):
            return part.client
        return next((client for client, clock in part.needs if clock >= clocks.get(client, 0)), None)

    def _deletable(self, client: int, known: int) -> list[Deletion]:
        queue, out, at = self._deletions.get(client, []), [], 0
        while at < len(queue) and queue[at][1] < known:
            _, start, end = queue[at]
            out.append((client, start, min(end, known)))
            at += 1
        rest = [(client, known, end) for _, _, end in queue[:at] if end > known]
        del queue[:at]
        for one in rest:
            insort(queue, one)
        if not queue:
            self._deletions.pop(client, None)
        return [one for one in out if one[1] < one[2]]
