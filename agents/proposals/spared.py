"""Spared: how often reckonings of a text may be done beside what people wait for, in this process."""

from __future__ import annotations

import math
import time

SHARE = 0.02  # of the loop's time that one of them may take
ALL = 0.05  # and all of them together
RAREST = 2.0  # seconds
MEMORY = 1.0  # seconds after which a cost counts for a third


class Spared:
    """`wait` from one time to the next; `took` what it has cost, in seconds."""

    def __init__(self) -> None:
        self._costs: dict[str, float] = {}  # of what took long when it was last done
        self._load = 0.0  # seconds a second, of late
        self._at = 0.0

    def wait(self, name: str, seconds: float) -> float:
        """What is done every so many seconds is done more rarely where it takes long, or much is done at once."""
        crowd = max(1.0, self._now() / ALL)
        return min(max(seconds, self._costs.get(name, 0.0) / SHARE) * crowd, max(RAREST, seconds))

    def took(self, name: str, seconds: float, cost: float) -> None:
        self._load = self._now() + cost / MEMORY
        if cost > SHARE * seconds:
            self._costs[name] = cost
        else:
            self._costs.pop(name, None)

    def _now(self) -> float:
        at = time.monotonic()
        load, self._at = self._load * math.exp((self._at - at) / MEMORY), at
        self._load = load
        return load


spared = Spared()
