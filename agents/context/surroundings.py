"""What a turn is told of the workspace without anybody saying it: the map, open files, recent edits, the state of git.

A turn does not wait long for any of it: what was looked up a moment ago (while somebody typed the message) is good
enough, and what takes too long comes with the next turn.
"""

from __future__ import annotations

import asyncio
import difflib
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Min, Q
from django.utils import timezone

from agents.context import symbols
from agents.engine import repomap
from agents.engine.context_code import block, count
from agents.engine.context_parts import GIT, MAP, OPEN_FILES, RECENT_EDITS, Part
from agents.engine.repomap import About
from agents.engine.tags import SHORTEST, Tags
from ide.db import in_db
from ide.documents.history import timeline as history
from ide.documents.models import Document, DocumentUpdate
from ide.documents.room import Room
from ide.errors import Refused
from ide.live.host import WorkspaceHost
from ide.workspaces import git

WAIT = 0.12  # seconds a turn waits for one of these
FRESH = 3.0  # seconds what was looked up is not looked up again
MAP_TOKENS = 4096
EDITS_TOKENS = 1500
SMALLEST_MAP = 200  # tokens; a map of less says nothing
RECENT = timedelta(minutes=30)  # edits before a session's first turn that are told
DOCUMENTS = 5  # whose edits are told
OPEN = 20  # documents that are named
CHANGED = 30  # files git says are changed
_WORDS = re.compile(r"[^\W\d]\w+")


Key = tuple[object, ...]  # which look it is, and what it is about
Look = Callable[[], Awaitable[Part | None]]


@dataclass(frozen=True)
class Question:
    """What a turn is about: the message, the files that are mentioned or pinned, and how big a window there is.
    `since`: when the model heard of the workspace last. `shown`: paths whose text is in the window anyway. `hurry`:
    what the last look gave is taken, whatever its age."""

    text: str
    paths: tuple[str, ...]
    window: int
    per_token: float
    since: datetime | None = None
    shown: frozenset[str] = frozenset()
    hurry: bool = False


@dataclass
class Around:
    """Of one workspace: what was looked up last, and what is being looked up."""

    wait: float = WAIT
    _known: dict[Key, tuple[float, Part | None]] = field(default_factory=dict)
    _newest: dict[object, Part | None] = field(default_factory=dict)
    _running: dict[Key, asyncio.Task[Part | None]] = field(default_factory=dict)

    async def parts(self, host: WorkspaceHost, asked: Question) -> list[Part]:
        """The parts there are, in their order."""
        looks: dict[Key, Look] = {
            (MAP, asked.paths, _words(asked.text), asked.window): lambda: _map(host, asked),
            (RECENT_EDITS, asked.since): lambda: _recent_edits(host, asked),
            (GIT,): lambda: _git(host),
        }
        found = await asyncio.gather(*(self._soon(host, key, look, asked.hurry) for key, look in looks.items()))
        whole, edits, state = found
        return [part for part in (whole, _open_files(host), edits, state) if part is not None]

    async def _soon(self, host: WorkspaceHost, key: Key, look: Look, hurry: bool) -> Part | None:
        """What the look gives if that is soon, else what the last one of its kind gave; in a hurry at once."""
        if hurry and key[0] in self._newest:
            return self._newest[key[0]]
        at, known = self._known.get(key, (float("-inf"), None))
        if time.monotonic() - at < FRESH:
            return known
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = host.owned(self._look(key, look), f"surroundings: {key[0]}")
        await asyncio.wait({task}, timeout=self.wait)
        if task.done() and not task.cancelled() and task.exception() is None:
            return task.result()
        return self._newest.get(key[0])

    async def _look(self, key: Key, look: Look) -> Part | None:
        try:
            found = await look()
        except (Refused, OSError):  # no repository any more: there is nothing to tell
            found = None
        finally:
            self._running.pop(key, None)
        for old in [one for one in self._known if one[0] == key[0]]:
            del self._known[old]
        self._known[key] = (time.monotonic(), found)
        self._newest[key[0]] = found
        return found


def around(host: WorkspaceHost) -> Around:
    found = host.extensions.setdefault(Around, Around())
    assert isinstance(found, Around)  # noqa: S101 (the key says so)
    return found


# --- the map ----------------------------------------------------------------------------------------------------------


def map_tokens(window: int) -> int:
    """The room a map has in a window: a thirty-second of it; none in a window that is too small for one."""
    room = min(MAP_TOKENS, window // 32)
    return room if room >= SMALLEST_MAP else 0


async def _map(host: WorkspaceHost, asked: Question) -> Part | None:
    budget = map_tokens(asked.window)
    if not budget:
        return None
    index = symbols.index(host)
    tags = await index.look(host)
    open_now = dict.fromkeys((room.path for room in host.rooms_open()), 1.0)
    about = About(open_now | dict.fromkeys(asked.paths, 4.0), _words(asked.text))
    text = await symbols.in_thread(lambda stop: _drawn(tags, about, asked, budget, lambda: not stop.is_set()))
    if not text:
        return None
    files = sum(not line.startswith(" ") for line in text.split("\n"))
    of = f"{files:,} of {len(tags):,} files{'' if index.complete else ' so far'}"
    return Part(MAP, "Repository map", f"Map of the repository (path, then line and definition; {of}):\n{text}", "", of)


def _drawn(tags: Mapping[str, Tags], about: About, asked: Question, budget: int, go_on: repomap.Go) -> str:
    order = [at for at in repomap.ranked(tags, about, go_on) if at[0] not in asked.shown]
    return repomap.drawn(order, budget, lambda text: count(text, asked.per_token))


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORDS.findall(text[:20_000]) if len(word) >= SHORTEST)


# --- people at work ---------------------------------------------------------------------------------------------------


def _open_files(host: WorkspaceHost) -> Part | None:
    """Which documents people here look at, and where they are in them."""
    lines = []
    for room in sorted(host.rooms_open(), key=lambda one: one.path):
        here = {str(state["person"]["name"]): _line(room, state) for state in room.roster.states() if "person" in state}
        if here:
            lines.append(f"- {room.path} ({', '.join(f'{who}{at}' for who, at in sorted(here.items()))})")
    if not lines:
        return None
    more = [f"… and {len(lines) - OPEN} more"] if len(lines) > OPEN else []
    told = "\n".join(["Open in somebody's editor now:", *lines[:OPEN], *more])
    return Part(OPEN_FILES, "Open files", told, "", f"{len(lines)}")


def _line(room: Room, state: Mapping[str, Any]) -> str:
    cursor = state.get("cursor")
    head = room.index_of(str(cursor.get("head"))) if isinstance(cursor, dict) and cursor.get("head") else None
    return "" if head is None else f" in line {room.text().count(chr(10), 0, head) + 1}"


async def _recent_edits(host: WorkspaceHost, asked: Question) -> Part | None:
    """What people typed since the model heard of the workspace last, as one diff a file, the newest files first."""
    now = {room.id: room for room in host.rooms_open()}
    typed = await in_db(_before, list(now), asked.since or timezone.now() - RECENT)
    diffs = [_diff(room.path, then, room.text()) for name, then in typed if (room := now.get(name)) is not None]
    left, kept = min(EDITS_TOKENS, asked.window // 48), list[str]()
    for diff in filter(None, diffs):
        left -= count(diff, asked.per_token)
        if left < 0:
            kept.append(f"… ({len(diffs) - len(kept)} more files were edited)")
            break
        kept.append(diff)
    if not kept:
        return None
    told = f"What people changed lately, newest file first:\n{block('a.diff', chr(10).join(kept))}"
    return Part(RECENT_EDITS, "Recent edits", told, "", f"{len(diffs)}")


def _before(documents: list[str], since: datetime) -> list[tuple[str, str]]:
    """Which of these people edited since then, the newest first, with their text before. Synchronous ORM."""
    rows = DocumentUpdate.objects.filter(document_id__in=documents, created_at__gt=since)
    rows = rows.filter(Q(origin__startswith="person:") | Q(origin__startswith="rejected:"))
    found = rows.values("document_id", "epoch").annotate(first=Min("seq"), newest=Max("created_at"))
    out = []
    for row in found.order_by("-newest")[:DOCUMENTS]:
        try:
            out.append(
                (str(row["document_id"]), history.text_at(row["document_id"], row["epoch"], row["first"] - 1).text)
            )
        except (Refused, Document.DoesNotExist):
            continue
    return out


def _diff(path: str, old: str, new: str) -> str:
    lines: Iterable[str] = difflib.unified_diff(old.split("\n"), new.split("\n"), path, path, lineterm="", n=1)
    return "\n".join(list(lines)[1:])


# --- git --------------------------------------------------------------------------------------------------------------


async def _git(host: WorkspaceHost) -> Part | None:
    branch, changed = await asyncio.gather(git.branch(host.root), git.status(host.root))
    shown = [f"{letter} {path}" for path, letter in changed[:CHANGED]]
    more = [f"… and {len(changed) - CHANGED} more"] if len(changed) > CHANGED else []
    state = ["Not committed:", *shown, *more] if changed else ["Everything is committed."]
    told = "\n".join([f"Git: on branch {branch or '(none)'}. {state[0]}", *state[1:]])
    return Part(GIT, "Git", told, "", branch)
