"""Named points at which a test may kill, pause or fail this process. Without `TANDEM_FAULT` they do nothing.

`TANDEM_FAULT=store.inserted:kill:3` ends the process with SIGKILL the third time it comes by `store.inserted`; `stop`
pauses it with SIGSTOP (the test continues it); `raise` raises OSError there from the third time on, `raise:3-5` only
the third to fifth time. Each strike is told on stderr first (`fault <pid> <point>`). Which points there are, and what
must hold after each, is told in tests/chaos.
"""

from __future__ import annotations

import os
import signal

__all__ = ["hit"]


def _armed() -> tuple[str, str, int, int]:
    point, _, rest = os.environ.get("TANDEM_FAULT", "").partition(":")
    act, _, times = rest.partition(":")
    first, _, last = times.partition("-")
    return point, act or "kill", int(first or 1), int(last or 1 << 60)


_point, _act, _first, _last = _armed()
_times = 0


def hit(point: str) -> None:
    """The process has come by `point`."""
    global _times  # noqa: PLW0603  counts in a process
    if point != _point:
        return
    _times += 1
    if not _first <= _times <= (_last if _act == "raise" else _first):
        return
    os.write(2, f"fault {os.getpid()} {point}\n".encode())
    if _act == "raise":
        raise OSError(f"a fault was asked for at {point}")
    os.kill(os.getpid(), signal.SIGSTOP if _act == "stop" else signal.SIGKILL)
