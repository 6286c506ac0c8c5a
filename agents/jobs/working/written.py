"""What a worker writes in its worktree, as events of the job's feed: a file's text once, then what changed in it.

So whoever watches sees it on whatever machine the worker is. Positions are code points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ide.workspaces import git
from ide.workspaces.files import Unreadable, decode

KIND = "file"
LARGEST = 256 << 10  # characters of a file that can be watched
MOST_FILES = 200  # that one command changed

Text = Callable[[], str] | None  # None: it is deleted
Splice = tuple[int, int, str]  # at, how much is taken out, what is put in


@dataclass
class Written:
    """Of one attempt. `note` may come as often as letters do; a text is asked for only when it is told."""

    _shown: dict[str, str] = field(default_factory=dict)
    _due: dict[str, Text] = field(default_factory=dict)

    def note(self, path: str, text: Text) -> None:
        self._due[path] = text

    def events(self) -> list[tuple[str, Mapping[str, object]]]:
        """What is to be told since the last call."""
        due, self._due = self._due, {}
        found: list[tuple[str, Mapping[str, object]]] = []
        for path, text in due.items():
            told = self._told(path, text() if text is not None else None)
            if told is not None:
                found.append((KIND, {"path": path, **told}))
        return found

    def _told(self, path: str, text: str | None) -> dict[str, object] | None:
        before = self._shown.get(path)
        if text is None:
            self._shown.pop(path, None)
            return {"gone": True}
        if len(text) > LARGEST:
            self._shown.pop(path, None)
            return {"large": len(text)}
        self._shown[path] = text
        if before is None:
            return {"text": text}
        return {"splice": splice(before, text)} if before != text else None


class Tells(Protocol):
    def file(self, path: str, text: Text) -> None: ...


async def told_of_run(reporter: Tells, tree: Path, before: str, after: str) -> None:
    """A command may have written too: tell of what differs between two commits of the worktree."""
    if before == after:
        return
    for letter, path in (await git.diff_files(tree, before, after))[:MOST_FILES]:
        data = await git.show(tree, after, path) if letter != "D" else None
        reporter.file(path, _constant(data) if letter != "D" else None)


def _constant(data: bytes | None) -> Text:
    try:
        text = decode(data or b"").text
    except Unreadable:
        text = "\0" * (LARGEST + 1)  # no text: told as one that is too large
    return lambda: text


def splice(before: str, after: str) -> Splice:
    """The one change that makes the second text of the first."""
    most = min(len(before), len(after))
    head = next((n for n in range(most) if before[n] != after[n]), most) if before[:most] != after[:most] else most
    most -= head
    tail = 0
    while tail < most and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return head, len(before) - head - tail, after[head : len(after) - tail]


def taken(text: str, told: Mapping[str, object]) -> str:
    """The text after an event of it."""
    if "text" in told:
        return str(told["text"])
    given = told.get("splice")
    if isinstance(given, list | tuple):
        at, gone, put = int(given[0]), int(given[1]), str(given[2])
        return text[:at] + put + text[at + gone :]
    return ""
