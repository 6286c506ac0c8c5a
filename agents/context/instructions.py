"""AGENTS.md files of a workspace: those from its root down to the files in question, the nearest last.

They are read, shown and given to models as text; nothing in them is ever carried out here. Only from the workspace:
links are not followed. An open one is read as it is typed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from agents.engine.context_parts import AgentsFile, chain, in_all
from ide.db import in_db
from ide.errors import Refused
from ide.live.host import WorkspaceHost

NAME = "AGENTS.md"
MOST = 16  # files at once


async def files_for(host: WorkspaceHost, paths: Iterable[str]) -> list[AgentsFile]:
    """In the order they are told: the root's first; of several, what does not fit of those farther up is cut."""
    folders = {folder for path in ["", *paths] for folder in chain(path)}
    names = [f"{folder}{NAME}" for folder in sorted(folders, key=lambda one: (one.count("/"), one))]
    texts = {room.path: room.text() for room in host.rooms_open() if room.path in names}
    closed = [name for name in names if name not in texts]
    if closed:
        texts |= await in_db(_read, host, closed)
    there = [AgentsFile(name, texts[name]) for name in names if texts.get(name, "").strip()]
    return in_all(there[-MOST:])


def _read(host: WorkspaceHost, paths: Iterable[str]) -> dict[str, str]:
    """The texts of those that are there; most folders have none."""
    found = {}
    for path in paths:
        with suppress(Refused, OSError):
            found[path] = host.files.read(path).text
    return found
