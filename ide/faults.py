"""Named points at which a test may kill, pause or fail this process. Without `TANDEM_FAULT` they do nothing.

`TANDEM_FAULT=store.inserted:kill:3` ends the process with SIGKILL the third time it comes by `store.inserted`; `stop`
pauses it with SIGSTOP (the test continues it); `raise` raises OSError there from the third time on. Which points there
are, and what must hold after each, is told in tests/chaos.
"""

from __future__ import annotations

import os
import signal

__all__ = ["hit"]


def _armed() -> tuple[str, str, int]:
    point, _, rest = os.environ.get("TANDEM_FAULT", "").partition(":")
    act, _, times = rest.partition(":")
    return point, act or "kill", int(times or 1)


_point, _act, _left = _armed()


def hit(point: str) -> None:
    """The process has come by `point`."""
    global _left  # noqa: PLW0603  counts down once in a process
    if point != _point:
        return
    _left -= 1
    if _act == "raise" and _left <= 0:
        raise OSError(f"a fault was asked for at {point}")
    if _left == 0:
        os.kill(os.getpid(), signal.SIGSTOP if _act == "stop" else signal.SIGKILL)
