"""Compactor: compaction's end in the web process. One child process at a time, started when there is work.

The child (`compact`) ends by itself when it was idle for a minute or this process is gone. Starting it takes half a
second on a slow core, its memory is 47 MiB; with all apps loaded it would be 2.6 s and 122 MiB.
"""

from __future__ import annotations

import asyncio
import json
import logging
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import connection

from ide.documents.compact import Facts

log = logging.getLogger(__name__)

ANSWER_SECONDS = 120.0
ARGV = (sys.executable, "-m", "ide.documents.compact")


class CompactionFailed(Exception):
    """The child ended, or told of an error. The log is as good as before."""


class Compactor:
    """Safe to call from any loop; requests are answered one after the other."""

    def __init__(self, argv: Sequence[str] = ARGV) -> None:
        self._argv = list(argv)
        self._child: subprocess.Popen[str] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    async def compact(self, document: str, fence: int | None = None, live: Facts | None = None) -> str:
        """See `compact.compact`. Raises CompactionFailed."""
        facts = [live.seq, live.text, live.clocks] if live else None
        request = {"document": document, "fence": fence, "live": facts}
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="compact")
        answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._asked, request)
        if "problem" in answer:
            raise CompactionFailed(answer["problem"])
        return str(answer["outcome"])

    def close(self) -> None:
        """End the child after what it is doing. Blocks for at most 10 s."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        if not self._lock.acquire(timeout=5) and self._child is not None:
            self._child.kill()  # whoever waits for it is told, and lets go
            self._lock.acquire()
        try:
            self._end()
        finally:
            self._lock.release()

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            answer = self._ask(request)
            if answer is None and self._end() == 0:  # it had just ended for want of work
                answer = self._ask(request)
            if answer is None:
                raise CompactionFailed(f"the process that compacts ended ({self._end()})")
            return answer

    def _ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """None if the child does not answer any more."""
        child = self._running()
        try:
            child.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
            child.stdin.flush()  # type: ignore[union-attr]
        except OSError:
            return None
        if not select.select([child.stdout], [], [], ANSWER_SECONDS)[0]:  # type: ignore[type-var]
            child.kill()
            return None
        line = child.stdout.readline()  # type: ignore[union-attr]
        return json.loads(line) if line else None

    def _running(self) -> subprocess.Popen[str]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        self._child = subprocess.Popen(
            self._argv, cwd=settings.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._child.stdin.write(json.dumps(connection.settings_dict, default=str) + "\n")  # type: ignore[union-attr]
        return self._child

    def _end(self) -> int | None:
        """Let the child end; its exit code."""
        child, self._child = self._child, None
        if child is None:
            return None
        try:
            child.communicate(timeout=5)
        except (subprocess.TimeoutExpired, OSError):
            child.kill()
            child.communicate()
        return child.returncode


compactor = Compactor()
