"""What is defined where in a workspace: an index of its files' tags, brought up to date when it is asked for.

Open documents are read as they are typed, everything else from the disk; ignored files are left out. Tags are kept by
the hash of what they were made of, so a file costs something only when it changed. The work is done in a thread, one
look at a time, file by file with a pause for others between, and only for so long; what is not reached is reached by
the next look.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from agents.engine import tags as engine
from agents.engine.tags import Problem, Tags
from ide.errors import Refused, Unavailable
from ide.live.host import WorkspaceHost
from ide.workspaces.files import Files, Mark
from ide.workspaces.search import Listing, listed

__all__ = ["Index", "Problem", "Symbol", "index", "problems", "symbols"]

T = TypeVar("T")

KEPT = 20_000  # tags of files, of all workspaces together
MOST_FILES = 20_000  # of one workspace that are looked into
SECONDS = 4.0  # of one look
LISTING = 5.0  # of one list of files
FRESH = 2.0  # seconds a list of files holds
FOUND = 50  # symbols in one answer
PAUSE = 0.0005  # seconds between two files that are parsed: the loop goes first

problems = engine.problems

# One thread: grammars' parsers are not for several, and the host's loop should not compete with more than one.
_pool = ThreadPoolExecutor(1, thread_name_prefix="symbols")
_tags: OrderedDict[tuple[str, bytes], Tags] = OrderedDict()


@dataclass(frozen=True)
class Symbol:
    """`line` and `end` count from 1."""

    name: str
    kind: str
    path: str
    line: int
    end: int


@dataclass
class Index:
    """Of one workspace. `tags` are by path, of the files looked into so far; `complete` says whether these are all;
    `fresh` is how many seconds a list of its files holds, `seconds` how long one look may take, `listing` one list."""

    fresh: float = FRESH
    seconds: float = SECONDS
    listing: float = LISTING
    tags: dict[str, Tags] = field(default_factory=dict)
    complete: bool = False
    _marks: dict[str, Mark] = field(default_factory=dict)
    _paths: list[str] = field(default_factory=list)
    _listed: bool = False
    _listed_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self, host: WorkspaceHost) -> Mapping[str, Tags]:
        """Bring it up to date and return a copy. Cancelling it stops the work."""
        async with self._lock:
            if time.monotonic() - self._listed_at >= self.fresh:
                await self._list(host.root)
            typed = {room.path: room.text() for room in host.rooms_open() if engine.language_of(room.path)}
            await in_thread(lambda stop: self._bring(host.files, typed, stop))
            return dict(self.tags)

    async def _list(self, root: Path) -> None:
        """What was known of the files holds until a whole list says otherwise."""
        try:
            found = await listed(root, self.listing)
        except Unavailable:
            found = Listing([], whole=False)
        paths = [path for path in found.paths if engine.language_of(path)]
        if not found.whole:
            paths = list(dict.fromkeys([*self._paths, *paths]))
        self._paths = paths[:MOST_FILES]
        self._listed = found.whole
        self._listed_at = time.monotonic()

    def _bring(self, files: Files, typed: Mapping[str, str], stop: threading.Event) -> None:
        until = time.monotonic() + self.seconds
        wanted = set(self._paths) | typed.keys()
        for path in self.tags.keys() - wanted:
            del self.tags[path]
            self._marks.pop(path, None)
        for path, text in typed.items():
            self.tags[path] = _tags_of(path, text.encode("utf-8", "replace"))
            self._marks.pop(path, None)
        self.complete = False
        for path in self._paths:
            if stop.is_set() or time.monotonic() >= until:
                return
            if path not in typed:
                self._read(files, path)
        self.complete = self._listed

    def _read(self, files: Files, path: str) -> None:
        try:
            mark = files.stat(path).mark
            if mark and self._marks.get(path) == mark:
                return
            data, stat = files.read_bytes(path, engine.LONGEST)
        except (Refused, OSError):  # it is gone, or is nothing to be parsed
            self.tags.pop(path, None)
            self._marks.pop(path, None)
            return
        self.tags[path] = _tags_of(path, data)
        self._marks[path] = stat.mark
        time.sleep(PAUSE)


def _tags_of(path: str, data: bytes) -> Tags:
    language = engine.language_of(path)
    key = (language, hashlib.blake2b(data, digest_size=16).digest())
    found = _tags.pop(key, None) or engine.tags(language, data)
    _tags[key] = found
    if len(_tags) > KEPT:
        _tags.popitem(last=False)
    return found


async def in_thread(work: Callable[[threading.Event], T]) -> T:
    """Do it in the one thread of this module; when the caller is cancelled, its event is set. Raises what it raises."""
    stop = threading.Event()
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, work, stop)
    except asyncio.CancelledError:
        stop.set()
        raise


def index(host: WorkspaceHost) -> Index:
    found = host.extensions.setdefault(Index, Index())
    assert isinstance(found, Index)  # noqa: S101 (the key says so)
    return found


async def symbols(host: WorkspaceHost, query: str, path: str = "") -> Sequence[Symbol]:
    """Definitions whose name has the query's letters, the closest names first; with `path`, of that file only."""
    found = await index(host).look(host)
    wanted = query.strip().lower()
    fits = [
        Symbol(one.name, one.kind, where, one.line, one.end)
        for where, of_file in found.items()
        if not path or where == path
        for one in of_file.definitions
        if wanted in one.name.lower() and (not one.within or one.kind != "constant")
    ]
    return sorted(fits, key=lambda one: (_far(one.name, wanted), one.path, one.line))[:FOUND]


def _far(name: str, query: str) -> tuple[int, int]:
    low = name.lower()
    return (0 if low == query else 1 if low.startswith(query) else 2, len(name))
