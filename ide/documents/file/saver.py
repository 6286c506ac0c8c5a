"""Saver: one thread that does all file work asked for in one turn of a loop in one go.

A switch of threads costs more than the save of a small file, and a folder is synced once for all files saved in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ide.workspaces.replace import Folders

T = TypeVar("T")
Job = Callable[[Folders], Any]
_Asked = tuple[Job, asyncio.Future[Any]]

MOST = 64  # jobs of one go, so that the first does not wait long for the last


class Saver:
    def __init__(self) -> None:
        self._asked: dict[asyncio.AbstractEventLoop, list[_Asked]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="saver")

    def run(self, job: Callable[[Folders], T]) -> asyncio.Future[T]:
        """Done when the job is, and every folder it gave to `Folders` is synced; fails with what either raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        asked = self._asked.setdefault(loop, [])
        asked.append((job, future))
        if len(asked) == 1:
            loop.call_soon(self._send, loop)
        return future

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        asked = self._asked.pop(loop)
        for start in range(0, len(asked), MOST):
            self._thread.submit(_work, loop, asked[start : start + MOST])


def _work(loop: asyncio.AbstractEventLoop, asked: list[_Asked]) -> None:
    results: list[tuple[Any, BaseException | None]] = []
    trouble: BaseException | None = None
    with Folders() as folders:
        for job, _ in asked:
            try:
                results.append((job(folders), None))
            except Exception as error:  # handed to who asked
                results.append((None, error))
        try:
            folders.sync()
        except OSError as error:
            trouble = error
    told = [(future, result, error or trouble) for (_, future), (result, error) in zip(asked, results, strict=True)]
    try:
        loop.call_soon_threadsafe(_tell, told)
    except RuntimeError:  # the loop has closed; its files are as they should be
        return


def _tell(told: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, result, error in told:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


saver = Saver()
