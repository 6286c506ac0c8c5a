"""Compactor: compaction's end in the web process. One child process at a time, started when there is work.

The child (`compact`) ends by itself when it was idle for a minute or this process is gone. Starting it takes half a
second on a slow core, its memory is 47 MiB; with all apps loaded it would be 2.6 s and 122 MiB.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from ide.documents.log.compact import Facts

log = logging.getLogger(__name__)

T = TypeVar("T")
ANSWER_SECONDS = 120.0
ARGV = (sys.executable, "-m", "ide.documents.log.compact")


class CompactionFailed(Exception):
    """The child ended, or told of an error. The log is as good as before."""


class Compactor:
    """Safe to call from any loop; requests are answered one after the other."""

    def __init__(self, argv: Sequence[str] = ARGV) -> None:
        self._argv = list(argv)
        self._child: subprocess.Popen[str] | None = None
        self._tidying: subprocess.Popen[str] | None = None
        self._compacted: set[str] = set()
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    async def compact(self, document: str, fence: int | None = None, live: Facts | None = None) -> str:
        """See `compact.compact`. Raises CompactionFailed."""
        facts = [live.seq, live.text, live.clocks] if live else None
        answer = await self._in_turn(self._asked, {"document": document, "fence": fence, "live": facts})
        self._compacted.add(document)
        return str(answer["outcome"])

    async def tidy(self, document: str, fence: int | None = None) -> None:
        """Once a document is closed: let old rows go, begin a new epoch where it is worth it (`manage.py tidy`, a
        process of its own). Nothing where nothing was compacted. Raises CompactionFailed."""
        if document in self._compacted:
            self._compacted.discard(document)
            await self._in_turn(self._tidied, {"document": document, "fence": fence, "days": settings.KEEP_LOG_DAYS})

    async def _in_turn(self, work: Callable[[dict[str, Any]], T], request: dict[str, Any]) -> T:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="compact")
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, request)

    def close(self) -> None:
        """End the child after what it is doing. Blocks for at most 10 s."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        if not self._lock.acquire(timeout=5):
            for child in (self._child, self._tidying):
                if child is not None:
                    child.kill()  # whoever waits for it is told, and lets go
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
            if "problem" in answer:
                raise CompactionFailed(answer["problem"])
            return answer

    def _tidied(self, request: dict[str, Any]) -> None:
        if not self._asked(request)["due"]:
            return
        argv, env = [sys.executable, "manage.py", "tidy"], {**os.environ, "TANDEM_DATA": str(settings.DATA_DIR)}
        with (
            self._lock,
            subprocess.Popen(argv, cwd=settings.ROOT, env=env, stdin=subprocess.PIPE, text=True) as child,
        ):
            self._tidying = child
            try:
                child.communicate(f"{_database()}\n{json.dumps(request)}\n", timeout=ANSWER_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
            self._tidying = None
        if child.returncode != 0:
            raise CompactionFailed(f"the process that tidies ended ({child.returncode})")

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
        self._child.stdin.write(_database() + "\n")  # type: ignore[union-attr]
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


def _database() -> str:
    """Its settings, for a child's standard input: a password must stand in no command line."""
    return json.dumps(connection.settings_dict, default=str)


compactor = Compactor()
